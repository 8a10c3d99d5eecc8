// One mode kept running: texts wait in order, a few are in the programs at a time, and each is answered once. Whatever happens to the
// programs, they are started again, and what was in them is asked once more, one text at a time, so that a text that breaks them breaks
// no other.
import { backoffMs, type Clock, err, ok, type Result, randomToken, Scope, type Timer } from '@parley/kernel'
import type { TextFailure } from '../../text-engine.ts'
import type { Mode } from './mode-files.ts'
import type { PipelineRunner, StartRunner } from './pipeline-process.ts'

/** Texts in the programs at a time: enough to keep them all at work. */
const MAX_FLYING = 16
/** A piece of a thousand letters takes 50 ms; nothing for this long, and the programs are stuck. */
const STALL_MS = 10_000
/** Loading takes 0.1 s, and many times that on a machine with no time for it. */
const FIRST_STALL_MS = 30_000
const RETRY = { firstMs: 200, maxMs: 10_000 } as const
/** Starts in a row without one answer after which texts are no longer kept waiting. */
const HOPELESS_STARTS = 3
/** How often a text may be in programs that break. */
const MAX_ATTEMPTS = 2

export type PieceAnswer = Result<string, TextFailure>

interface Ask {
  readonly stream: string
  readonly onAnswer: (answer: PieceAnswer) => void
  attempts: number
  mark: string
  isLeft: boolean
}

export interface PipelineOptions {
  readonly clock: Clock
  readonly mode: Mode
  readonly startRunner: StartRunner
  /** Nothing waits and nothing is under way any more. */
  readonly onIdle: (pipeline: Pipeline) => void
  /** The programs broke and are being started again. */
  readonly onRestart: () => void
}

export class Pipeline {
  readonly mode: Mode
  readonly #options: PipelineOptions
  readonly #scope: Scope
  /** Not in what a text can hold: its brackets are escaped. */
  readonly #token = randomToken(6)
  #runner: PipelineRunner | undefined
  /** Whoever asks bounds this: a text has one piece here at a time. */
  #waiting: Ask[] = []
  #flying: Ask[] = []
  #marks = 0
  #startsInVain = 0
  /** The programs that run now have answered something. */
  #isProven = false
  #resting: Timer | undefined
  #stall: Timer | undefined
  #lastReason = ''
  readonly #leaving = new Set<Promise<void>>()

  constructor(options: PipelineOptions) {
    this.#options = options
    this.mode = options.mode
    this.#scope = new Scope(options.clock)
  }

  get isIdle(): boolean {
    return this.#waiting.length + this.#flying.length === 0
  }

  /** `onAnswer` is called once, later; never after the function returned, which leaves the answer to nobody. */
  ask(stream: string, onAnswer: (answer: PieceAnswer) => void): () => void {
    const ask: Ask = { stream, onAnswer, attempts: 0, mark: '', isLeft: false }
    this.#waiting.push(ask)
    if (this.#startsInVain >= HOPELESS_STARTS && this.#resting) queueMicrotask(() => this.#giveUp())
    else this.#pump()
    return () => {
      if (ask.isLeft) return
      ask.isLeft = true
      const at = this.#waiting.indexOf(ask)
      if (at >= 0) this.#waiting.splice(at, 1)
      if (this.isIdle && !this.#scope.isClosed) this.#options.onIdle(this)
    }
  }

  /** Ends the programs; what was asked fails. Resolves when they are gone. Idempotent. */
  async close(): Promise<void> {
    void this.#scope.close()
    this.#stall?.cancel()
    const asks = [...this.#flying, ...this.#waiting]
    this.#flying = []
    this.#waiting = []
    this.#retire()
    for (const ask of asks) this.#settle(ask, err({ code: 'ENGINE_UNAVAILABLE', message: 'apertium was closed' }))
    await Promise.all(this.#leaving)
  }

  #pump(): void {
    while (this.#mayWrite()) {
      const ask = this.#waiting.shift() as Ask
      ask.mark = `[${this.#token}.${++this.#marks}]`
      if (this.#flying.length === 0) this.#armStall()
      this.#flying.push(ask)
      this.#runner ??= this.#start()
      this.#runner.write(`${ask.stream}${ask.mark}`)
    }
  }

  /** One that has been in programs that broke goes alone. */
  #mayWrite(): boolean {
    const next = this.#waiting[0]
    if (next === undefined || this.#resting !== undefined || this.#scope.isClosed) return false
    if (this.#flying.length === 0) return true
    return this.#flying.length < MAX_FLYING && next.attempts === 0 && this.#flying[0]?.attempts === 0
  }

  #start(): PipelineRunner {
    this.#isProven = false
    const runner: PipelineRunner = this.#options.startRunner(this.mode.stages, {
      onAnswer: (text) => this.#runner === runner && this.#onAnswer(text),
      onBroken: (reason) => this.#runner === runner && this.#onBroken(reason),
    })
    return runner
  }

  #onAnswer(text: string): void {
    const ask = this.#flying[0]
    // Each text carries a mark of its own through the programs: an answer with another one is an answer to something else.
    const at = ask === undefined ? -1 : text.lastIndexOf(ask.mark)
    if (ask === undefined || at < 0) {
      this.#onBroken('an answer came for another text')
      return
    }
    this.#flying.shift()
    this.#isProven = true
    this.#stall?.cancel()
    if (this.#flying.length > 0) this.#armStall()
    this.#startsInVain = 0
    this.#settle(ask, ok(text.slice(0, at) + text.slice(at + ask.mark.length)))
    this.#pump()
    this.#tellIdle()
  }

  #onBroken(reason: string): void {
    this.#lastReason = reason
    this.#stall?.cancel()
    const broken = this.#flying
    this.#flying = []
    this.#retire()
    this.#options.onRestart()
    for (const ask of broken) ask.attempts++
    const again = broken.filter((ask) => !ask.isLeft && ask.attempts < MAX_ATTEMPTS)
    this.#waiting = [...again, ...this.#waiting]
    // The first start after an answer is at once: a text in a conversation does not wait for a pause.
    if (this.#startsInVain++ > 0) this.#rest()
    for (const ask of broken) {
      if (ask.attempts >= MAX_ATTEMPTS) this.#settle(ask, err(this.#failure('ENGINE_FAILED')))
    }
    if (this.#startsInVain >= HOPELESS_STARTS) this.#giveUp()
    this.#pump()
    this.#tellIdle()
  }

  #rest(): void {
    this.#resting = this.#scope.after(backoffMs(this.#startsInVain - 2, RETRY), () => {
      this.#resting = undefined
      this.#pump()
    })
  }

  #giveUp(): void {
    const asks = this.#waiting
    this.#waiting = []
    for (const ask of asks) this.#settle(ask, err(this.#failure('ENGINE_UNAVAILABLE')))
    this.#tellIdle()
  }

  #failure(code: 'ENGINE_FAILED' | 'ENGINE_UNAVAILABLE'): TextFailure {
    const message = `the pipeline ${this.mode.name} of apertium broke: ${this.#lastReason}`
    return code === 'ENGINE_FAILED' ? { code, message } : { code, message, retryAfterMs: RETRY.maxMs }
  }

  #settle(ask: Ask, answer: PieceAnswer): void {
    if (ask.isLeft) return
    ask.isLeft = true
    ask.onAnswer(answer)
  }

  #armStall(): void {
    const limitMs = this.#runner && this.#isProven ? STALL_MS : FIRST_STALL_MS
    this.#stall = this.#scope.after(limitMs, () => this.#onBroken(`no answer within ${limitMs} ms`))
  }

  #retire(): void {
    const runner = this.#runner
    this.#runner = undefined
    if (!runner) return
    const leaving = runner.close().finally(() => this.#leaving.delete(leaving))
    this.#leaving.add(leaving)
  }

  #tellIdle(): void {
    if (this.isIdle && !this.#scope.isClosed) this.#options.onIdle(this)
  }
}
