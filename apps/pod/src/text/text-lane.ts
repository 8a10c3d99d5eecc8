// One budget with what waits for it: a provider, whatever is asked of it, or one embedded engine, which has no budget and is bounded by the
// slots of workers.
import type { Clock, Scope, Timer } from '@parley/kernel'
import type { TextKind, TextUsage } from '@parley/protocol'
import {
  Budget,
  type BudgetDemand,
  type BudgetHold,
  type BudgetLimits,
  type BudgetStore,
  CallQueue,
  LEASE_PERIOD_MS,
  LeasedBudget,
  NO_LIMITS,
  type QueuedCall,
  TokenEstimator,
  tokensOf,
} from '@parley/text'

/** Far beyond what anybody can say within a final's deadline, in all languages of a session. */
export const MAX_WAITING_PER_SESSION = 1_024
/** A provider that refuses without saying for how long is asked again after this, then twice as long and so on. */
const FIRST_PAUSE_MS = 1_000
const MAX_PAUSE_MS = 30_000
/** One that says that it may be asked at once has just refused. */
const MIN_PAUSE_MS = 100
/** Demand is told as of about the last five seconds. */
const DEMAND_MEMORY = 5

export interface TextLaneOptions<Call extends QueuedCall> {
  readonly clock: Clock
  /** What it is shown as: the provider's id, or kind and name of an embedded engine. */
  readonly id: string
  /** Of a provider: its usable limits, shared through the store. Undefined: embedded. */
  readonly shared:
    | {
        readonly limits: BudgetLimits
        readonly store: BudgetStore
        readonly holder: string
        /** Pods that share it, as last seen. */
        readonly sharers?: (() => number | undefined) | undefined
      }
    | undefined
  /** What waits may go now, or has to be placed anew. */
  readonly onSlice: (lane: TextLane<Call>) => void
}

export class TextLane<Call extends QueuedCall> {
  readonly id: string
  readonly isProvider: boolean
  readonly budget: Budget
  readonly queue: CallQueue<Call>
  /** The whole budget, not this pod's slice. */
  readonly limits: BudgetLimits
  readonly counters = { calls: 0, skipped: 0, delayed: 0, rateLimited: 0 }
  /** When the next of what waits may go. */
  wake: Timer | undefined
  readonly #clock: Clock
  readonly #leased: LeasedBudget | undefined
  readonly #estimators = { translate: new TokenEstimator('translate'), polish: new TokenEstimator('polish') }
  #pauses = 0
  #asked = { requests: 0, tokens: 0, sinceMs: 0 }
  #demand = { requestsPerMinute: 0, tokensPerMinute: 0 }

  constructor(scope: Scope, { clock, id, shared, onSlice }: TextLaneOptions<Call>) {
    this.id = id
    this.#clock = clock
    this.isProvider = shared !== undefined
    this.limits = shared?.limits ?? NO_LIMITS
    this.#asked.sinceMs = clock.nowMs()
    if (shared) {
      const [demand, onChange] = [() => this.#tellDemand(), () => onSlice(this)]
      this.#leased = new LeasedBudget(scope, { clock, key: id, ...shared, demand, onChange })
    }
    this.budget = this.#leased?.budget ?? new Budget(NO_LIMITS, clock.nowMs())
    this.queue = new CallQueue(this.budget, { maxPerSession: MAX_WAITING_PER_SESSION })
    this.#leased?.start()
  }

  get isStoreLost(): boolean {
    return this.#leased?.isStoreLost ?? false
  }

  /** While the store is lost: among how many pods the whole is divided equally. */
  get sharedAmong(): number | undefined {
    return this.#leased?.sharedAmong
  }

  estimate(kind: TextKind, textBytes: number): number {
    return this.#estimators[kind].estimate(textBytes)
  }

  /** Somebody wants something of this budget, whether or not it is had. */
  wanted(tokens: number): void {
    this.#asked.requests++
    this.#asked.tokens += tokens
  }

  settle(hold: BudgetHold, kind: TextKind, textBytes: number, usage: TextUsage | undefined): void {
    if (usage) this.#estimators[kind].learn(textBytes, usage)
    this.budget.settle(hold, usage && tokensOf(usage), this.#clock.nowMs())
  }

  answered(): void {
    this.#pauses = 0
  }

  /** The provider wants to be left alone, for so long if it has said so. */
  pause(retryAfterMs: number | undefined): void {
    this.counters.rateLimited++
    const guessMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#pauses++)
    this.budget.pause(this.#clock.nowMs() + Math.max(MIN_PAUSE_MS, retryAfterMs ?? guessMs))
  }

  #tellDemand(): BudgetDemand {
    const nowMs = this.#clock.nowMs()
    const { requests, tokens, sinceMs } = this.#asked
    this.#asked = { requests: 0, tokens: 0, sinceMs: nowMs }
    const perMinute = 60_000 / Math.max(LEASE_PERIOD_MS, nowMs - sinceMs)
    const blend = (before: number, now: number): number => before + (now * perMinute - before) / DEMAND_MEMORY
    this.#demand = {
      requestsPerMinute: blend(this.#demand.requestsPerMinute, requests),
      tokensPerMinute: blend(this.#demand.tokensPerMinute, tokens),
    }
    const { partials, finals } = this.budget.use(nowMs)
    return {
      ...this.#demand,
      partials: partials + this.queue.waiting('partial'),
      finals: finals + this.queue.waiting('final'),
    }
  }
}
