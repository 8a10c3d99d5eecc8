// Translation by Apertium: every pair of languages Debian's packages have put on this machine, and those that can be reached through a
// third. One pipeline for each direction, shared by everybody who asks.
import { type Clock, Emitter, err, ok, type Result, Scope } from '@parley/kernel'
import type { TextEngineInfo } from '@parley/protocol'
import {
  MAX_TEXT_BYTES,
  type TextAnswer,
  type TextFailure,
  type TranslateRequest,
  type Translator,
} from '../../text-engine.ts'
import { hasWords, type PieceText, piecesOfLine, plainLine, prepare } from './apertium-text.ts'
import { APERTIUM_MODES_FOLDER, installedModes, modesChangedAtMs } from './installed-modes.ts'
import type { Mode } from './mode-files.ts'
import { PipelineProcess, type StartRunner } from './pipeline-process.ts'
import { PipelineSet } from './pipeline-set.ts'
import { Routes } from './routes.ts'

export const APERTIUM_PACKAGES =
  'apertium cg3 apertium-eng-spa apertium-eng-cat apertium-spa-cat apertium-fr-es apertium-es-pt apertium-spa-ita'
export const APERTIUM_INSTALL_COMMAND = `apt-get install -y --no-install-recommends ${APERTIUM_PACKAGES}`

/** Eight directions of a dozen processes each: 0.4 to 1 GB when all are in use. */
const MAX_PIPELINES = 8
/** Texts under way or waiting; more are turned away as BUSY. */
const MAX_TEXTS = 2_048
/** Longest text under way and waiting, all together. */
const MAX_HELD_BYTES = 64 * 1024 * 1024
const BUSY_RETRY_MS = 500
/** How often it is looked whether pairs were installed or removed. */
const LOOK_PERIOD_MS = 30_000

export interface ApertiumOptions {
  readonly clock: Clock
  readonly maxPipelines?: number
  readonly modesFolder?: string
  /** How pipelines are run; as processes unless a test says otherwise. */
  readonly startRunner?: StartRunner
}

interface Work {
  readonly settle: (outcome: Outcome) => void
  leavePiece: () => void
}

type Outcome = Result<TextAnswer, TextFailure>

export class ApertiumTranslator implements Translator {
  readonly name = 'apertium'
  readonly kind = 'translate'
  readonly #clock: Clock
  readonly #folder: string
  readonly #scope: Scope
  readonly #pipelines: PipelineSet
  readonly #changes = new Emitter<{ change: undefined }>()
  readonly #works = new Set<Work>()
  #heldBytes = 0
  #routes = new Routes([])
  #changedAtMs = -1
  #problem: string | undefined = 'apertium is being looked for'
  #looking: Promise<void> | undefined
  #restarts = 0

  constructor(options: ApertiumOptions) {
    this.#clock = options.clock
    this.#folder = options.modesFolder ?? APERTIUM_MODES_FOLDER
    this.#scope = new Scope(options.clock)
    this.#pipelines = new PipelineSet({
      clock: options.clock,
      maxPipelines: options.maxPipelines ?? MAX_PIPELINES,
      startRunner: options.startRunner ?? ((stages, listener) => new PipelineProcess(stages, listener)),
      onRestart: () => this.#restarts++,
    })
    this.#scope.every(LOOK_PERIOD_MS, () => void this.#look())
  }

  status(): TextEngineInfo {
    const { pairs } = this.#routes
    const problem = this.#problem
    return { name: this.name, kind: this.kind, ready: problem === undefined, ...(problem ? { problem } : {}), pairs }
  }

  /** Pipelines there are, and how often one broke and was started again; for logs and tests. */
  get pipelines(): { readonly running: readonly string[]; readonly restartsTotal: number } {
    return { running: this.#pipelines.running, restartsTotal: this.#restarts }
  }

  onChange(listener: () => void): () => void {
    return this.#changes.on('change', listener)
  }

  async start(): Promise<void> {
    await this.#look()
  }

  translate(request: TranslateRequest, signal?: AbortSignal): Promise<Outcome> {
    const refusal = this.#refusal(request) ?? (signal?.aborted ? CANCELLED : undefined)
    if (refusal) return Promise.resolve(err(refusal))
    const route = this.#routes.find(request.from, request.to)
    if (!route) return Promise.resolve(err(this.#unsupported(request)))
    const line = plainLine(request.text)
    if (!hasWords(line)) return Promise.resolve(ok(answerOf(line, route.via)))
    return this.#work(request, signal, (work) => this.#through(route.hops, line, work, route.via))
  }

  async close(): Promise<void> {
    void this.#scope.close()
    this.#setProblem('apertium was closed')
    for (const work of [...this.#works]) work.settle(err(CLOSED))
    await this.#pipelines.close()
  }

  #refusal({ text }: TranslateRequest): TextFailure | undefined {
    if (this.#problem !== undefined)
      return { code: 'ENGINE_UNAVAILABLE', message: this.#problem, retryAfterMs: LOOK_PERIOD_MS }
    const bytes = Buffer.byteLength(text)
    if (bytes > MAX_TEXT_BYTES) {
      return {
        code: 'TEXT_INVALID',
        message: `the text has ${bytes} bytes; at most ${MAX_TEXT_BYTES} are translated at once`,
      }
    }
    if (this.#works.size < MAX_TEXTS && this.#heldBytes + bytes <= MAX_HELD_BYTES) return undefined
    return { code: 'BUSY', message: 'too many texts wait for apertium', retryAfterMs: BUSY_RETRY_MS }
  }

  #unsupported({ from, to }: TranslateRequest): TextFailure {
    const targets = this.#routes.targets(from).join(', ')
    const hint = targets === '' ? `nothing is installed for "${from}"` : `from "${from}" there are ${targets}`
    return {
      code: 'PAIR_UNSUPPORTED',
      message: `apertium cannot translate "${from}" to "${to}": ${hint}. Pairs come as Debian packages: apt-cache search apertium-`,
    }
  }

  /** Runs `begin` as a text under way: until it settles, its deadline passes or `signal` says so; then its piece is left. */
  #work(request: TranslateRequest, signal: AbortSignal | undefined, begin: (work: Work) => void): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>()
    const bytes = Buffer.byteLength(request.text)
    const onAbort = () => work.settle(err(CANCELLED))
    const timer = this.#clock.after(request.deadlineMs, () =>
      work.settle(err({ code: 'DEADLINE', message: `apertium did not answer within ${request.deadlineMs} ms` })),
    )
    const work: Work = {
      leavePiece: () => {},
      settle: (outcome) => {
        if (!this.#works.delete(work)) return
        this.#heldBytes -= bytes
        timer.cancel()
        signal?.removeEventListener('abort', onAbort)
        work.leavePiece()
        resolve(outcome)
      },
    }
    this.#works.add(work)
    this.#heldBytes += bytes
    signal?.addEventListener('abort', onAbort, { once: true })
    begin(work)
    return promise
  }

  /** One mode after the other: the answer of the first is the text of the second. */
  #through(hops: readonly Mode[], line: string, work: Work, via: readonly string[]): void {
    const [mode, ...rest] = hops
    if (!mode) {
      work.settle(ok(answerOf(line, via)))
      return
    }
    this.#pieces(mode, piecesOfLine(line, mode.from), work, (text) => this.#through(rest, text, work, via))
  }

  /** One piece of a text at a time, so that a long text does not hold up the short ones beside it. */
  #pieces(mode: Mode, pieces: readonly PieceText[], work: Work, onDone: (text: string) => void): void {
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
        queueMicrotask(() => this.#works.has(work) && next(at + 1))
        return
      }
      const { stream, restore } = prepare(piece.text, mode.from)
      work.leavePiece = this.#pipelines.ask(mode, stream, (answer) => {
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
      this.#setProblem(`the modes of apertium cannot be read: ${String(error)}`)
    } finally {
      this.#looking = undefined
    }
  }

  async #readModes(): Promise<void> {
    const changedAtMs = await modesChangedAtMs(this.#folder)
    if (changedAtMs === this.#changedAtMs && this.#problem === undefined) return
    const modes = await installedModes(this.#folder)
    if (this.#scope.isClosed) return
    this.#changedAtMs = changedAtMs
    const before = JSON.stringify(this.#routes.pairs)
    this.#routes = new Routes(modes)
    const isNew = before !== JSON.stringify(this.#routes.pairs)
    const problem = modes.length > 0 ? undefined : `apertium has no languages here: ${APERTIUM_INSTALL_COMMAND}`
    if (!this.#setProblem(problem) && isNew) this.#changes.emit('change', undefined)
  }

  /** True when it has changed, which has been told. */
  #setProblem(problem: string | undefined): boolean {
    if (problem === this.#problem) return false
    this.#problem = problem
    this.#changes.emit('change', undefined)
    return true
  }
}

const CANCELLED: TextFailure = { code: 'CANCELLED', message: 'whoever asked does not want it any more' }
const CLOSED: TextFailure = { code: 'ENGINE_UNAVAILABLE', message: 'apertium was closed' }

const answerOf = (text: string, via: readonly string[]): TextAnswer => (via.length > 0 ? { text, via } : { text })
