// Many languages by espeak-ng: Debian's program, run as processes of its own and never linked (its licence is the GPL).
import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { err, ok, type Result } from '@parley/kernel'
import type { EngineVoice, PieceEngine, PieceEngineProblem } from '../../synthesis/piece.ts'
import { PieceSynthesiser, type PieceSynthesiserOptions } from '../../synthesis/piece-synthesiser.ts'
import { EspeakLane } from './espeak-lane.ts'
import { espeakText } from './espeak-text.ts'
import { parseEspeakVoices } from './espeak-voices.ts'

export const ESPEAK_INSTALL_COMMAND = 'apt-get install -y --no-install-recommends espeak-ng'

export interface EspeakOptions extends PieceSynthesiserOptions {
  /** Lanes, each with one process at a time; two for each core, 8 to 16, unless told. */
  readonly lanes?: number
  /** Name or path of the program. */
  readonly program?: string
}

/** Five times what the longest piece takes on a busy machine. */
const PIECE_DEADLINE_MS = 10_000
const LIST_DEADLINE_MS = 10_000
const LIST_MAX_BYTES = 1 << 20

/** A synthesiser of the languages espeak-ng has; ready 0.1 to 0.3 s after `start`. */
export function createEspeakSynthesiser(options: EspeakOptions): PieceSynthesiser {
  return new PieceSynthesiser(espeakEngine(options), options)
}

/** What is behind it. */
export function espeakEngine(options: Omit<EspeakOptions, keyof PieceSynthesiserOptions>): PieceEngine {
  const program = options.program ?? 'espeak-ng'
  return {
    name: 'espeak',
    makers: options.lanes ?? Math.min(16, Math.max(8, 2 * availableParallelism())),
    pieceDeadlineMs: PIECE_DEADLINE_MS,
    sentences: { maxChars: 160 },
    sayable: espeakText,
    load: () => listVoices(program),
    createMaker: () => new EspeakLane(program),
  }
}

function listVoices(program: string): Promise<Result<readonly EngineVoice[], PieceEngineProblem>> {
  const settings = {
    timeout: LIST_DEADLINE_MS,
    maxBuffer: LIST_MAX_BYTES,
    env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
  }
  return new Promise((resolve) => {
    execFile(program, ['--voices'], settings, (error, stdout) => {
      if (!error) return resolve(ok(parseEspeakVoices(stdout)))
      const reason = error.code === 'ENOENT' ? 'is not installed' : `does not work (${error.message.split('\n')[0]})`
      resolve(err({ message: `${program} ${reason}: ${ESPEAK_INSTALL_COMMAND}` }))
    })
  })
}
