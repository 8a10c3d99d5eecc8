// What runs an engine that may die: a group of processes, a thread. Questions wait in order, a few are with it at a time, and each is
// answered once. Whatever happens to it, it is started again, and what it had is asked once more, one question at a time, so that a text
// that breaks it breaks no other.
import { backoffMs, type Clock, err, ok, type Result, Scope, type Timer } from '@parley/kernel'
import type { TextFailure } from '../text-engine.ts'

/** Nothing for this long, and it is stuck. */
const STALL_MS = 10_000
/** It may have to be loaded first, on a machine with no time for it. */
const FIRST_STALL_MS = 30_000
const RETRY = { firstMs: 200, maxMs: 10_000 } as const
/** Starts in a row without one answer after which texts are no longer kept waiting. */
const HOPELESS_STARTS = 3
/** How often a text may be with an engine that breaks. */
const MAX_ATTEMPTS = 2

/** What a queue needs of its engine; answers come in the order of the questions. */
export interface QueueRunner<Question> {
  write(id: number, question: Question): void
  /** Ends it; `onBroken` is not called. Resolves when it is gone. Idempotent. */
  close(): Promise<void>
}

export interface QueueListener<Answer> {
  onAnswer(id: number, answer: Answer): void
  /** Called once: it has ended or was found to be broken. Nothing is called after it. */
  onBroken(reason: string): void
}

export interface QueueOptions<Question, Answer> {
  readonly clock: Clock
  /** For messages, such as "the pipeline eng-spa of apertium". */
  readonly name: string
  /** Questions with the engine at a time. */
  readonly maxFlying: number
  readonly startRunner: (listener: QueueListener<Answer>) => QueueRunner<Question>
  /** Nothing waits and nothing is under way any more. */
  readonly onIdle?: () => void
  /** It broke, and is started again when it is needed. */
  readonly onBroken?: (reason: string) => void
}

interface Ask<Question, Answer> {
  readonly question: Question
  readonly onAnswer: (answer: Result<Answer, TextFailure>) => void
  attempts: number
  id: number
  isLeft: boolean
}

export class RestartingQueue<Question, Answer> {
  readonly #options: QueueOptions<Question, Answer>
  readonly #scope: Scope
  #runner: QueueRunner<Question> | undefined
  /** Whoever asks bounds this: a text has one question here at a time. */
  #waiting: Ask<Question, Answer>[] = []
  #flying: Ask<Question, Answer>[] = []
  #ids = 0
  #startsInVain = 0
  /** The engine that runs now has answered something. */
  #isProven = false
  #resting: Timer | undefined
  #stall: Timer | undefined
  #lastReason = ''
  readonly #leaving = new Set<Promise<void>>()

  constructor(options: QueueOptions<Question, Answer>) {
    this.#options = options
    this.#scope = new Scope(options.clock)
  }

  get isIdle(): boolean {
    return this.#waiting.length + this.#flying.length === 0
  }

  /** `onAnswer` is called once, later; never after the function returned, which leaves the answer to nobody. */
  ask(question: Question, onAnswer: (answer: Result<Answer, TextFailure>) => void): () => void {
    const ask: Ask<Question, Answer> = { question, onAnswer, attempts: 0, id: 0, isLeft: false }
    this.#waiting.push(ask)
    if (this.#startsInVain >= HOPELESS_STARTS && this.#resting) queueMicrotask(() => this.#giveUp())
    else this.#pump()
    return () => {
      if (ask.isLeft) return
      ask.isLeft = true
      const at = this.#waiting.indexOf(ask)
      if (at >= 0) this.#waiting.splice(at, 1)
      this.#tellIdle()
    }
  }

  /** Ends the engine; what was asked fails. Resolves when it is gone. Idempotent. */
  async close(): Promise<void> {
    void this.#scope.close()
    this.#stall?.cancel()
    const asks = [...this.#flying, ...this.#waiting]
    this.#flying = []
    this.#waiting = []
    this.#retire()
    for (const ask of asks)
      this.#settle(ask, err({ code: 'ENGINE_UNAVAILABLE', message: `${this.#options.name} was closed` }))
    await Promise.all(this.#leaving)
  }

  #pump(): void {
    while (this.#mayWrite()) {
      const ask = this.#waiting.shift() as Ask<Question, Answer>
      ask.id = ++this.#ids
      if (this.#flying.length === 0) this.#armStall()
      this.#flying.push(ask)
      this.#runner ??= this.#start()
      this.#runner.write(ask.id, ask.question)
    }
  }

  /** One that was with an engine that broke goes alone. */
  #mayWrite(): boolean {
    const next = this.#waiting[0]
    if (next === undefined || this.#resting !== undefined || this.#scope.isClosed) return false
    if (this.#flying.length === 0) return true
    return this.#flying.length < this.#options.maxFlying && next.attempts === 0 && this.#flying[0]?.attempts === 0
  }

  #start(): QueueRunner<Question> {
    this.#isProven = false
    let runner: QueueRunner<Question> = { write() {}, async close() {} }
    const onBroken = (reason: string) => this.#runner === runner && this.#onBroken(reason)
    try {
      runner = this.#options.startRunner({
        onAnswer: (id, answer) => this.#runner === runner && this.#onAnswer(id, answer),
        onBroken,
      })
    } catch (error) {
      // No more processes or threads to be had. Later, as every break: whoever asks has not been answered yet.
      queueMicrotask(() => onBroken(error instanceof Error ? error.message : String(error)))
    }
    return runner
  }

  #onAnswer(id: number, answer: Answer): void {
    const ask = this.#flying[0]
    if (ask?.id !== id) {
      this.#onBroken('an answer came for another text')
      return
    }
    this.#flying.shift()
    this.#isProven = true
    this.#stall?.cancel()
    if (this.#flying.length > 0) this.#armStall()
    this.#startsInVain = 0
    this.#settle(ask, ok(answer))
    this.#pump()
    this.#tellIdle()
  }

  #onBroken(reason: string): void {
    this.#lastReason = reason
    this.#stall?.cancel()
    const broken = this.#flying
    this.#flying = []
    this.#retire()
    this.#options.onBroken?.(reason)
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
    const message = `${this.#options.name} broke: ${this.#lastReason}`
    return code === 'ENGINE_FAILED' ? { code, message } : { code, message, retryAfterMs: RETRY.maxMs }
  }

  #settle(ask: Ask<Question, Answer>, answer: Result<Answer, TextFailure>): void {
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
    if (this.isIdle && !this.#scope.isClosed) this.#options.onIdle?.()
  }
}
