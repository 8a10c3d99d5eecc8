// Translation by Apertium: every pair of languages Debian's packages have put on this machine, and those that can be reached through a
// third. One pipeline for each direction, shared by everybody who asks.
import { type Clock, Emitter, err, ok, Scope } from '@parley/kernel'
import type { TextEngineInfo } from '@parley/protocol'
import type { TextAnswer, TextFailure, TranslateRequest, Translator, WantedText } from '../../text-engine.ts'
import { hasWords, type PieceText, piecesOfLine, plainLine } from '../plain-text.ts'
import { type TextOutcomeOf, type TextWork, TextWorks } from '../text-works.ts'
import { prepare } from './apertium-text.ts'
import { APERTIUM_MODES_FOLDER, installedModes, modesChangedAtMs } from './installed-modes.ts'
import type { Mode } from './mode-files.ts'
import type { StartRunner } from './pipeline-runner.ts'
import { PipelineSet } from './pipeline-set.ts'
import { Routes } from './routes.ts'

export const APERTIUM_PACKAGES =
  'apertium apertium-eng-spa apertium-eng-cat apertium-spa-cat apertium-fr-es apertium-es-pt apertium-spa-ita'
export const APERTIUM_INSTALL_COMMAND = `apt-get install -y --no-install-recommends ${APERTIUM_PACKAGES}`

/** Eight directions of a dozen processes each: 0.4 to 1 GB when all are in use. */
const MAX_PIPELINES = 8
/** How often it is looked whether pairs were installed or removed. */
const LOOK_PERIOD_MS = 30_000
/** Read as a word in every language there is. */
const WARM_UP_TEXT = 'no'

export interface ApertiumOptions {
  readonly clock: Clock
  readonly maxPipelines?: number
  readonly modesFolder?: string
  /** How pipelines are run; as processes unless a test says otherwise. */
  readonly startRunner?: StartRunner
  /** A pipeline broke and is started again; for logs. */
  readonly onBroken?: (mode: string, reason: string) => void
}

type Outcome = TextOutcomeOf

export class ApertiumTranslator implements Translator {
  readonly name = 'apertium'
  readonly kind = 'translate'
  readonly #folder: string
  readonly #scope: Scope
  readonly #pipelines: PipelineSet
  readonly #changes = new Emitter<{ change: undefined }>()
  readonly #works: TextWorks
  #routes = new Routes([])
  #changedAtMs = -1
  #isReady = false
  /** What keeps it from being ready; undefined also while that is not known yet. */
  #problem: string | undefined
  #looking: Promise<void> | undefined
  #breaks = 0

  constructor(options: ApertiumOptions) {
    this.#works = new TextWorks(options.clock, this.name)
    this.#folder = options.modesFolder ?? APERTIUM_MODES_FOLDER
    this.#scope = new Scope(options.clock)
    this.#pipelines = new PipelineSet({
      clock: options.clock,
      maxPipelines: options.maxPipelines ?? MAX_PIPELINES,
      startRunner: options.startRunner,
      onBroken: (mode, reason) => {
        this.#breaks++
        options.onBroken?.(mode, reason)
      },
    })
    this.#scope.every(LOOK_PERIOD_MS, () => void this.#look())
  }

  status(): TextEngineInfo {
    const { pairs } = this.#routes
    const problem = this.#problem
    return { name: this.name, kind: this.kind, ready: this.#isReady, ...(problem ? { problem } : {}), pairs }
  }

  /** Pipelines there are, and how often one broke; for tests. */
  get pipelines(): { readonly running: readonly string[]; readonly brokenTotal: number } {
    return { running: this.#pipelines.running, brokenTotal: this.#breaks }
  }

  onChange(listener: () => void): () => void {
    return this.#changes.on('change', listener)
  }

  async start(): Promise<void> {
    await this.#look()
  }

  warm({ from, to }: WantedText): void {
    const route = to === undefined ? undefined : this.#routes.find(from, to)
    for (const mode of route?.hops ?? []) this.#pipelines.warm(mode, prepare(WARM_UP_TEXT, mode.from, mode.to).stream)
  }

  translate(request: TranslateRequest, signal?: AbortSignal): Promise<Outcome> {
    const refusal = this.#works.refusal(request, signal) ?? this.#refusal()
    if (refusal) return Promise.resolve(err(refusal))
    const route = this.#routes.find(request.from, request.to)
    if (!route) return Promise.resolve(err(this.#unsupported(request)))
    const line = plainLine(request.text)
    if (!hasWords(line)) return Promise.resolve(ok(answerOf(line, route.via)))
    return this.#works.run(request, signal, (work) => this.#through(route.hops, line, work, route.via))
  }

  async close(): Promise<void> {
    void this.#scope.close()
    this.#become(false, 'apertium was closed')
    this.#works.close()
    await this.#pipelines.close()
  }

  #refusal(): TextFailure | undefined {
    if (this.#isReady) return undefined
    const message = this.#problem ?? 'apertium is being looked for'
    return { code: 'ENGINE_UNAVAILABLE', message, retryAfterMs: LOOK_PERIOD_MS }
  }

  #unsupported({ from, to }: TranslateRequest): TextFailure {
    const targets = this.#routes.targets(from).join(', ')
    const hint = targets === '' ? `nothing is installed for "${from}"` : `from "${from}" there are ${targets}`
    return {
      code: 'PAIR_UNSUPPORTED',
      message: `apertium cannot translate "${from}" to "${to}": ${hint}. Pairs come as Debian packages: apt-cache search apertium-`,
    }
  }

  /** One mode after the other: the answer of the first is the text of the second. */
  #through(hops: readonly Mode[], line: string, work: TextWork, via: readonly string[]): void {
    const [mode, ...rest] = hops
    if (!mode) {
      work.settle(ok(answerOf(line, via)))
      return
    }
    this.#pieces(mode, piecesOfLine(line, mode.from), work, (text) => this.#through(rest, text, work, via))
  }

  /** One piece of a text at a time, so that a long text does not hold up the short ones beside it. */
  #pieces(mode: Mode, pieces: readonly PieceText[], work: TextWork, onDone: (text: string) => void): void {
    let text = ''
    const next = (at: number): void => {
      const piece = pieces[at]
      if (!piece) {
        onDone(plainLine(text))
        return
      }
      if (!hasWords(piece.text)) {
        text += piece.text + piece.glue
        // Not from within: a text of thousands of such pieces must not fill the stack.
        queueMicrotask(() => work.isOver || next(at + 1))
        return
      }
      const { stream, restore } = prepare(piece.text, mode.from, mode.to)
      work.leave = this.#pipelines.ask(mode, stream, (answer) => {
        if (!answer.ok) {
          work.settle(answer)
          return
        }
        text += restore(answer.value) + piece.glue
        next(at + 1)
      })
    }
    next(0)
  }

  #look(): Promise<void> {
    const looking = this.#looking ?? this.#lookOnce()
    this.#looking = looking
    return looking
  }

  async #lookOnce(): Promise<void> {
    try {
      await this.#readModes()
    } catch (error) {
      this.#become(false, `the modes of apertium cannot be read: ${String(error)}`)
    } finally {
      this.#looking = undefined
    }
  }

  async #readModes(): Promise<void> {
    const changedAtMs = await modesChangedAtMs(this.#folder)
    if (changedAtMs === this.#changedAtMs && this.#isReady) return
    const modes = await installedModes(this.#folder)
    if (this.#scope.isClosed) return
    this.#changedAtMs = changedAtMs
    const before = JSON.stringify(this.#routes.pairs)
    this.#routes = new Routes(modes)
    const isNew = before !== JSON.stringify(this.#routes.pairs)
    const problem = modes.length > 0 ? undefined : `apertium has no languages here: ${APERTIUM_INSTALL_COMMAND}`
    if (!this.#become(modes.length > 0, problem) && isNew) this.#changes.emit('change', undefined)
  }

  /** True when it has changed, which has been told. */
  #become(isReady: boolean, problem: string | undefined): boolean {
    if (isReady === this.#isReady && problem === this.#problem) return false
    this.#isReady = isReady
    this.#problem = problem
    this.#changes.emit('change', undefined)
    return true
  }
}

const answerOf = (text: string, via: readonly string[]): TextAnswer => (via.length > 0 ? { text, via } : { text })
