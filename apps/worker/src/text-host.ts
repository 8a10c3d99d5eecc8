// Texts for pods: which engine gets one, how many are worked on at a time, who waits and who is turned away. Knows no links: whoever asks is
// answered by a call.
import type { Clock, Result, Timer } from '@parley/kernel'
import { type RoleLoad, TEXT_KINDS, type TextEngineInfo, type TextFailureCode, type TextKind } from '@parley/protocol'
import type { Polisher, TextAnswer, TextFailure, Translator } from '@parley/text'
import type { RoleRefusal } from './endpoints-port.ts'

export type TextEngineOf = Translator | Polisher

/** What a worker does with texts, and how many at a time; a kind without slots it does not do. */
export interface TextParts {
  readonly engines: readonly TextEngineOf[]
  readonly slots: Readonly<Partial<Record<TextKind, number>>>
}

export interface TextQuestion {
  readonly requestId: string
  readonly kind: TextKind
  readonly engine: string
  readonly text: string
  readonly from: string
  readonly to?: string
  readonly isFinal: boolean
  /** From now on. */
  readonly deadlineMs: number
}

export type WarmQuestion = Pick<TextQuestion, 'kind' | 'engine' | 'from' | 'to'>

export type TextReply = Result<TextAnswer & { readonly engineMs: number }, TextFailure>

/** Waiting texts of one kind for each of its slots; more are turned away as BUSY. */
const WAITING_PER_SLOT = 32
const BUSY_RETRY_MS = 250

interface Ask {
  readonly question: TextQuestion
  readonly onReply: (reply: TextReply) => void
  readonly abort: AbortController
  deadline: Timer | undefined
  readonly deadlineAtMs: number
  isOver: boolean
}

interface KindQueue {
  readonly slots: number
  used: number
  /** Finals go before partials; each in the order they came. */
  readonly finals: Set<Ask>
  readonly partials: Set<Ask>
}

export interface TextCounters {
  answeredTotal: number
  /** Time in engines, of answered texts. */
  engineMsTotal: number
  readonly failedTotal: Partial<Record<TextFailureCode, number>>
}

/** What the operator is told of one kind. */
export interface TextStatus extends RoleLoad {
  readonly waiting: number
  readonly engines: readonly TextEngineInfo[]
  readonly counters: Readonly<TextCounters>
}

export interface TextHostOptions extends TextParts {
  readonly clock: Clock
  /** Why nothing of this kind is taken now, whatever slots there are. */
  readonly refusal: (kind: TextKind) => RoleRefusal | undefined
  /** A slot was taken or given back. */
  readonly onSlotsChanged: () => void
}

export class TextHost {
  readonly #options: TextHostOptions
  readonly #queues = new Map<TextKind, KindQueue>()
  readonly #counters: Readonly<Record<TextKind, TextCounters>> = { translate: newCounters(), polish: newCounters() }
  readonly #asks = new Set<Ask>()
  #isClosed = false

  constructor(options: TextHostOptions) {
    this.#options = options
    for (const kind of TEXT_KINDS) {
      const slots = options.slots[kind] ?? 0
      if (slots > 0) this.#queues.set(kind, { slots, used: 0, finals: new Set(), partials: new Set() })
    }
  }

  has(kind: TextKind): boolean {
    return this.#queues.has(kind)
  }

  /** The engines of the kinds there are, as pods are told. */
  get engines(): readonly TextEngineInfo[] {
    return this.#engines().map((engine) => engine.status())
  }

  /** Texts under way and waiting. */
  get size(): number {
    return this.#asks.size
  }

  /** An engine that cannot work now offers no slots. Undefined: the worker does not do this. */
  load(kind: TextKind): RoleLoad | undefined {
    const queue = this.#queues.get(kind)
    if (!queue) return undefined
    const isReady = this.engines.some((engine) => engine.kind === kind && engine.ready)
    return { slots: isReady ? queue.slots : 0, slotsUsed: queue.used }
  }

  status(kind: TextKind): TextStatus | undefined {
    const load = this.load(kind)
    const queue = this.#queues.get(kind)
    if (!load || !queue) return undefined
    const engines = this.engines.filter((engine) => engine.kind === kind)
    return { ...load, waiting: queue.finals.size + queue.partials.size, engines, counters: this.#counters[kind] }
  }

  /** Starts every engine; resolves when they are ready or have said why not. */
  async start(): Promise<void> {
    await Promise.all(this.#engines().map((engine) => engine.start()))
  }

  /** Texts of that kind will be asked soon; what cannot be done here is ignored. */
  warm({ kind, engine: name, from, to }: WarmQuestion): void {
    if (this.#isClosed) return
    this.#engines()
      .find((each) => each.kind === kind && each.name === name)
      ?.warm?.({ from, to })
  }

  /** Calls back when what `engines` says has changed. */
  onChange(listener: () => void): void {
    for (const engine of this.#engines()) engine.onChange(listener)
  }

  /**
   * `onReply` is called once, later, at the latest at the deadline; never after the function returned, which ends the work. Waits for a slot
   * where none is free, and is turned away as BUSY where too many wait: a final takes the place of the partial that came last.
   */
  ask(question: TextQuestion, onReply: (reply: TextReply) => void): () => void {
    const { clock } = this.#options
    const deadlineAtMs = clock.nowMs() + question.deadlineMs
    const ask: Ask = {
      question,
      onReply,
      abort: new AbortController(),
      deadline: undefined,
      deadlineAtMs,
      isOver: false,
    }
    this.#asks.add(ask)
    const failure = this.#refusal(question) ?? this.#enqueue(ask)
    if (failure) queueMicrotask(() => this.#fail(ask, failure))
    else {
      ask.deadline = clock.after(question.deadlineMs, () => this.#fail(ask, lateFailure(question)))
      this.#dispatch(question.kind)
    }
    return () => this.#leave(ask)
  }

  /** Fails what there is, then ends every engine. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const ask of [...this.#asks]) this.#fail(ask, STOPPING)
    await Promise.all(this.#engines().map((engine) => engine.close()))
  }

  #engines(): readonly TextEngineOf[] {
    return this.#options.engines.filter((engine) => this.has(engine.kind))
  }

  #refusal({ kind, engine, to }: TextQuestion): TextFailure | undefined {
    if (this.#isClosed) return STOPPING
    if (!this.has(kind)) return { code: 'ENGINE_UNAVAILABLE', message: `this worker does not ${kind}` }
    const known = this.#engines().filter((each) => each.kind === kind)
    if (!known.some(({ name }) => name === engine)) {
      const names = known.map(({ name }) => name).join(', ')
      return {
        code: 'ENGINE_UNAVAILABLE',
        message: `this worker has no engine "${engine}" to ${kind}; it has ${names}`,
      }
    }
    if (kind === 'translate' && to === undefined) return { code: 'TEXT_INVALID', message: 'a translation needs "to"' }
    const refusal = this.#options.refusal(kind)
    return refusal && { code: 'BUSY', message: refusal.message, retryAfterMs: refusal.retryAfterMs ?? BUSY_RETRY_MS }
  }

  /** Why it may not wait either; undefined when it waits now. */
  #enqueue(ask: Ask): TextFailure | undefined {
    const { kind, isFinal } = ask.question
    const queue = this.#queues.get(kind) as KindQueue
    const isFull = queue.finals.size + queue.partials.size >= queue.slots * WAITING_PER_SLOT
    if (isFull) {
      const last = isFinal ? [...queue.partials].at(-1) : undefined
      if (!last) return busy(kind)
      queue.partials.delete(last)
      queueMicrotask(() => this.#fail(last, busy(kind)))
    }
    const waiting = isFinal ? queue.finals : queue.partials
    waiting.add(ask)
    return undefined
  }

  #dispatch(kind: TextKind): void {
    const queue = this.#queues.get(kind) as KindQueue
    while (queue.used < queue.slots && !this.#isClosed) {
      const [next] = queue.finals.size > 0 ? queue.finals : queue.partials
      if (!next) return
      queue.finals.delete(next)
      queue.partials.delete(next)
      queue.used++
      this.#options.onSlotsChanged()
      void this.#run(next, queue)
    }
  }

  async #run(ask: Ask, queue: KindQueue): Promise<void> {
    const { clock, onSlotsChanged } = this.#options
    const startMs = clock.nowMs()
    const outcome = await this.#askEngine(ask, Math.max(0, ask.deadlineAtMs - startMs))
    queue.used--
    onSlotsChanged()
    const engineMs = clock.nowMs() - startMs
    if (outcome.ok) this.#answer(ask, { ...outcome.value, engineMs })
    else this.#fail(ask, outcome.error)
    this.#dispatch(ask.question.kind)
  }

  async #askEngine(ask: Ask, deadlineMs: number): Promise<Result<TextAnswer, TextFailure>> {
    const { kind, engine: name, requestId, text, from, to = '' } = ask.question
    const engine = this.#engines().find((each) => each.kind === kind && each.name === name) as TextEngineOf
    const { signal } = ask.abort
    try {
      if (engine.kind === 'polish') return await engine.polish({ requestId, text, language: from, deadlineMs }, signal)
      return await engine.translate({ requestId, text, from, to, deadlineMs }, signal)
    } catch (error) {
      // An engine rejects never; one that does has broken under this text, and under no other.
      return { ok: false, error: { code: 'ENGINE_FAILED', message: `${name} broke: ${String(error)}` } }
    }
  }

  #answer(ask: Ask, answer: TextAnswer & { readonly engineMs: number }): void {
    if (!this.#end(ask)) return
    const counters = this.#counters[ask.question.kind]
    counters.answeredTotal++
    counters.engineMsTotal += answer.engineMs
    ask.onReply({ ok: true, value: answer })
  }

  #fail(ask: Ask, failure: TextFailure): void {
    if (!this.#end(ask)) return
    const { failedTotal } = this.#counters[ask.question.kind]
    failedTotal[failure.code] = (failedTotal[failure.code] ?? 0) + 1
    ask.onReply({ ok: false, error: failure })
  }

  /** Whoever asked does not want it any more. */
  #leave(ask: Ask): void {
    if (!this.#end(ask)) return
    const { failedTotal } = this.#counters[ask.question.kind]
    failedTotal.CANCELLED = (failedTotal.CANCELLED ?? 0) + 1
  }

  /** False when it was over already. What it held waits for nobody: its slot is free when the engine has let go. */
  #end(ask: Ask): boolean {
    if (ask.isOver) return false
    ask.isOver = true
    this.#asks.delete(ask)
    ask.deadline?.cancel()
    const queue = this.#queues.get(ask.question.kind)
    queue?.finals.delete(ask)
    queue?.partials.delete(ask)
    ask.abort.abort()
    return true
  }
}

const newCounters = (): TextCounters => ({ answeredTotal: 0, engineMsTotal: 0, failedTotal: {} })

const STOPPING: TextFailure = { code: 'ENGINE_UNAVAILABLE', message: 'the worker is stopping' }

const busy = (kind: TextKind): TextFailure => ({
  code: 'BUSY',
  message: `too many texts wait on this worker to ${kind}`,
  retryAfterMs: BUSY_RETRY_MS,
})

const lateFailure = ({ engine, deadlineMs }: TextQuestion): TextFailure => ({
  code: 'DEADLINE',
  message: `${engine} did not answer within ${deadlineMs} ms`,
})
