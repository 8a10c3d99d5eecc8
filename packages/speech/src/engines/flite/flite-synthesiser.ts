// English by flite, in threads of this process.
import { availableParallelism } from 'node:os'
import { type FliteModule, loadFliteModule } from '@parley/audio/flite'
import { err, ok } from '@parley/kernel'
import type { EngineVoice, PieceEngine, PieceMaker } from '../../synthesis/piece.ts'
import { PieceSynthesiser, type PieceSynthesiserOptions } from '../../synthesis/piece-synthesiser.ts'
import { FliteMaker } from './flite-maker.ts'
import { fliteText } from './flite-text.ts'

export interface FliteOptions extends PieceSynthesiserOptions {
  /** Threads; as many as there are cores, at most 4, unless told: each speaks at about 80 times the pace it is heard at. */
  readonly threads?: number
  /** Program of the threads. */
  readonly threadUrl?: URL
}

const MAX_THREADS = 4
/** The longest piece, full of digits, takes about a second of a core that is free. */
const PIECE_DEADLINE_MS = 15_000

const voice = (id: string, sampleRateHz: number): EngineVoice => ({
  name: id,
  id,
  language: 'en-US',
  engine: 'flite',
  sampleRateHz,
})

/** Those built in; awb is Scottish, but speaks with the same American dictionary. */
const VOICES: readonly EngineVoice[] = [
  voice('slt', 16_000),
  voice('rms', 16_000),
  voice('awb', 16_000),
  voice('kal16', 16_000),
  voice('kal', 8_000),
]

/** Words that English speakers pause before. */
const PAUSE_BEFORE: ReadonlySet<string> = new Set(
  'and or but because that which who when while where if then than with without for from to into at in on by about after before until as so'.split(
    ' ',
  ),
)

/** A synthesiser of English; ready about half a second after `start`. */
export function createFliteSynthesiser(options: FliteOptions): PieceSynthesiser {
  return new PieceSynthesiser(fliteEngine(options), options)
}

/** What is behind it. */
export function fliteEngine(options: Omit<FliteOptions, keyof PieceSynthesiserOptions>): PieceEngine {
  let module: FliteModule | undefined
  return {
    name: 'flite',
    makers: options.threads ?? Math.min(MAX_THREADS, availableParallelism()),
    pieceDeadlineMs: PIECE_DEADLINE_MS,
    sentences: { maxChars: 160, firstChars: 40, pauseBefore: PAUSE_BEFORE },
    sayable: fliteText,
    async load() {
      try {
        module = await loadFliteModule()
        return ok(VOICES)
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        return err({ message: `flite cannot be loaded (${reason}): ./parley up --yes` })
      }
    },
    createMaker(): PieceMaker {
      if (!module) throw new Error('flite is not loaded')
      return new FliteMaker(module, options.threadUrl)
    },
  }
}
