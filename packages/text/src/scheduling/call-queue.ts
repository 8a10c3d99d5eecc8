// What waits for one budget, and what may go now: finals before partials, sessions by turns. Decides; calls nobody. Instants are handed in.
import type { Budget } from '../budgets/budget.ts'
import type { CallClass } from '../budgets/limits.ts'
import { FairQueue } from './fair-queue.ts'

export interface QueuedCall {
  readonly sessionId: string
  readonly callClass: CallClass
  /** Estimated. */
  readonly tokens: number
}

/** What may go. `waitMs`: nothing before then, if nothing changes; Infinity: not by waiting alone. */
export type NextCall<Call> =
  | { readonly is: 'go'; readonly call: Call }
  | { readonly is: 'wait'; readonly waitMs: number }

export interface CallQueueOptions {
  /** Most calls of one class that wait for one session. */
  readonly maxPerSession: number
}

const NOT_BY_WAITING = { is: 'wait', waitMs: Number.POSITIVE_INFINITY } as const

export class CallQueue<Call extends QueuedCall> {
  readonly #budget: Budget
  readonly #maxPerSession: number
  readonly #queues = { partial: new FairQueue<Call>(), final: new FairQueue<Call>() }

  constructor(budget: Budget, { maxPerSession }: CallQueueOptions) {
    this.#budget = budget
    this.#maxPerSession = maxPerSession
  }

  get size(): number {
    return this.#queues.partial.size + this.#queues.final.size
  }

  waiting(callClass: CallClass): number {
    return this.#queues[callClass].size
  }

  /** False when too much of that session waits: the caller decides what is to go. */
  push(call: Call): boolean {
    const queue = this.#queues[call.callClass]
    if (queue.sizeOf(call.sessionId) >= this.#maxPerSession) return false
    queue.push(call.sessionId, call, this.#budget.costOf(call.tokens))
    return true
  }

  /** The one of that session that has waited longest. */
  oldest(callClass: CallClass, sessionId: string): Call | undefined {
    return this.#queues[callClass].oldest(sessionId)
  }

  /** False when it does not wait. */
  remove(call: Call): boolean {
    return this.#queues[call.callClass].remove(call.sessionId, call)
  }

  /** All that wait, finals first. */
  all(): Call[] {
    return [...this.#queues.final, ...this.#queues.partial]
  }

  /**
   * What goes next; it is taken out, and counts once the caller has taken its part of the budget. A partial goes only when no final waits for
   * rate: it would take what the final waits for. `hasRoom`: somebody is there to do it.
   */
  next(nowMs: number, hasRoom: (call: Call) => boolean): NextCall<Call> {
    const final = this.#nextOf('final', nowMs, hasRoom)
    if (final.is === 'go' || final.waitMs > 0) return final
    const partial = this.#nextOf('partial', nowMs, hasRoom)
    return partial.is === 'wait' && partial.waitMs === 0 ? NOT_BY_WAITING : partial
  }

  /** Like `NextCall`; a wait of 0 says that this class holds up nobody else: nothing of it waits, or only for a place. */
  #nextOf(callClass: CallClass, nowMs: number, hasRoom: (call: Call) => boolean): NextCall<Call> {
    const queue = this.#queues[callClass]
    const call = queue.peek()
    if (!call || this.#budget.isFull(callClass)) return { is: 'wait', waitMs: 0 }
    const waitMs = this.#budget.waitMs(callClass, call.tokens, nowMs)
    if (waitMs > 0) return { is: 'wait', waitMs }
    if (!hasRoom(call)) return NOT_BY_WAITING
    queue.take()
    return { is: 'go', call }
  }

  /**
   * How long a call that comes now would wait for its turn and its rate, roughly: as if what goes before it were taken at once, and the
   * rest came at the rate of the limits. Infinity: never under these limits.
   */
  expectedWaitMs(call: QueuedCall, nowMs: number): number {
    const { callClass, sessionId, tokens } = call
    const own = this.#budget.waitMs(callClass, tokens, nowMs)
    if (own === Number.POSITIVE_INFINITY) return own
    const { requestsPerMinute, tokensPerMinute } = this.#budget.limits
    if (requestsPerMinute === Number.POSITIVE_INFINITY && tokensPerMinute === Number.POSITIVE_INFINITY) return own
    const cost = this.#budget.costOf(tokens)
    const { final, partial } = this.#queues
    const before =
      callClass === 'final'
        ? final.costBefore(sessionId, cost)
        : final.costBefore('', Number.POSITIVE_INFINITY) + partial.costBefore(sessionId, cost)
    // A cost is a share of a minute's worth.
    return before === 0 ? own : own + before * 60_000
  }
}
