// One budget: requests and tokens per minute, calls at a time, and a pause when the provider has said so. Plain arithmetic on instants that
// are handed in.
import { type BudgetLimits, type CallClass, concurrencyOf } from './limits.ts'
import { type MeterCharge, RateMeter } from './rate-meter.ts'

/** Share of the burst that partials leave for finals, so that a final that comes behind many partials goes at once. */
const FINALS_RESERVE_SHARE = 0.5
/** A partial and a final may go at the same instant, however small the limit. */
const MIN_REQUEST_BURST = 2

/** A call under way. */
export interface BudgetHold {
  readonly callClass: CallClass
  readonly request: MeterCharge
  readonly tokens: MeterCharge
  isSettled: boolean
}

export interface BudgetUse {
  readonly requestsPerMinute: number
  readonly tokensPerMinute: number
  readonly partials: number
  readonly finals: number
  /** 0 = not paused. */
  readonly pausedForMs: number
}

export class Budget {
  readonly #requests: RateMeter
  readonly #tokens: RateMeter
  readonly #underWay = { partial: 0, final: 0 }
  #limits: BudgetLimits
  #pausedUntilMs = Number.NEGATIVE_INFINITY

  constructor(limits: BudgetLimits, nowMs: number) {
    this.#limits = limits
    this.#requests = new RateMeter({ limitPerMinute: limits.requestsPerMinute, minBurst: MIN_REQUEST_BURST }, nowMs)
    this.#tokens = new RateMeter({ limitPerMinute: limits.tokensPerMinute, minBurst: 0 }, nowMs)
  }

  get limits(): BudgetLimits {
    return this.#limits
  }

  /** Calls under way stay, also when there are more of them than may be now. */
  setLimits(limits: BudgetLimits, nowMs: number): void {
    this.#limits = limits
    this.#requests.setLimit(limits.requestsPerMinute, nowMs)
    this.#tokens.setLimit(limits.tokensPerMinute, nowMs)
  }

  /** All places for calls of that class are taken. */
  isFull(callClass: CallClass): boolean {
    return this.#underWay[callClass] >= concurrencyOf(this.#limits, callClass)
  }

  /**
   * Milliseconds until a call of `tokens` may be made, as far as rates and pauses go and if no other is made before: 0 = now, Infinity =
   * never under these limits. Places for calls are another matter: `isFull`.
   */
  waitMs(callClass: CallClass, tokens: number, nowMs: number): number {
    if (concurrencyOf(this.#limits, callClass) === 0) return Number.POSITIVE_INFINITY
    const reserve = callClass === 'final' ? 0 : FINALS_RESERVE_SHARE
    return Math.max(
      0,
      this.#pausedUntilMs - nowMs,
      this.#requests.waitMs(1, nowMs, reserve),
      this.#tokens.waitMs(tokens, nowMs, reserve),
    )
  }

  /** Counts a call, whose place and turn the caller has made sure of. */
  take(callClass: CallClass, tokens: number, nowMs: number): BudgetHold {
    this.#underWay[callClass]++
    const request = this.#requests.take(1, nowMs)
    return { callClass, request, tokens: this.#tokens.take(tokens, nowMs), isSettled: false }
  }

  /** The call is over. `tokens`: what the provider charged; undefined when nobody knows: then the estimate stands. Idempotent. */
  settle(hold: BudgetHold, tokens: number | undefined, nowMs: number): void {
    if (hold.isSettled) return
    hold.isSettled = true
    this.#underWay[hold.callClass]--
    if (tokens !== undefined) this.#tokens.settle(hold.tokens, tokens, nowMs)
  }

  /** Nothing goes before `untilMs`; a shorter pause does not shorten a longer one. */
  pause(untilMs: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, untilMs)
  }

  /**
   * What a call costs, for dividing between sessions: its share of a minute by whichever limit it uses most of. Only ratios between costs of
   * one budget mean anything.
   */
  costOf(tokens: number): number {
    const { requestsPerMinute, tokensPerMinute } = this.#limits
    const share = Math.max(1 / requestsPerMinute, tokens / tokensPerMinute)
    return share > 0 && Number.isFinite(share) ? share : tokens
  }

  use(nowMs: number): BudgetUse {
    return {
      requestsPerMinute: this.#requests.usedPerMinute(nowMs),
      tokensPerMinute: this.#tokens.usedPerMinute(nowMs),
      partials: this.#underWay.partial,
      finals: this.#underWay.final,
      pausedForMs: Math.max(0, this.#pausedUntilMs - nowMs),
    }
  }
}
