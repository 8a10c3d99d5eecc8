// One limit per minute. Two rules together: what was used in any 60 s never exceeds the limit, and use is spread over the minute, because
// whoever may spend a minute's worth at once makes everybody wait for the rest of it.

/** Use is remembered in steps of this length, as of the end of the step: at most 601 of them, and never forgotten too early. */
const STEP_MS = 100
const WINDOW_MS = 60_000
/** What may be used at once after a pause, as a share of the limit. It comes out of the rate, so that the minute is never exceeded. */
const BURST_SHARE = 0.05

interface Step {
  readonly endMs: number
  amount: number
}

/** Something taken; what it really was may be told later. */
export interface MeterCharge {
  readonly amount: number
  readonly step: Step
}

export interface RateMeterOptions {
  readonly limitPerMinute: number
  /** The least that can be taken at once by something that takes that much, in the unit of the limit. */
  readonly minBurst: number
}

export class RateMeter {
  readonly #minBurst: number
  #limit: number
  /** What may be taken now; below zero after something larger than the burst. */
  #level: number
  #updatedMs: number
  #steps: Step[] = []
  #used = 0

  constructor({ limitPerMinute, minBurst }: RateMeterOptions, nowMs: number) {
    this.#limit = limitPerMinute
    this.#minBurst = minBurst
    this.#level = this.#burst
    this.#updatedMs = nowMs
  }

  get limitPerMinute(): number {
    return this.#limit
  }

  /** Of the last 60 s. */
  usedPerMinute(nowMs: number): number {
    this.#forget(nowMs)
    return this.#used
  }

  /**
   * Milliseconds until `amount` may be taken, if nothing else is: 0 = now, Infinity = never. `reserveShare` of the burst is left for others;
   * what is larger than the burst may go when the burst is whole.
   */
  waitMs(amount: number, nowMs: number, reserveShare = 0): number {
    if (this.#limit === Number.POSITIVE_INFINITY) return 0
    if (amount > this.#limit || this.#limit === 0) return Number.POSITIVE_INFINITY
    return Math.max(this.#paceWaitMs(amount, nowMs, reserveShare), this.#windowWaitMs(amount, nowMs))
  }

  /** Takes `amount`, whether or not it may be: ask `waitMs` first. */
  take(amount: number, nowMs: number): MeterCharge {
    this.#refill(nowMs)
    this.#level -= amount
    return { amount, step: this.#add(amount, nowMs) }
  }

  /** What was taken turned out to be `actual`. More than was taken counts from now on, less is given back. */
  settle({ amount, step }: MeterCharge, actual: number, nowMs: number): void {
    this.#refill(nowMs)
    this.#forget(nowMs)
    const more = actual - amount
    this.#level = Math.min(this.#burst, this.#level - more)
    if (more > 0) this.#add(more, nowMs)
    else if (step.endMs + WINDOW_MS > nowMs) {
      step.amount += more
      this.#used += more
    }
  }

  /** What is used already stays used. */
  setLimit(limitPerMinute: number, nowMs: number): void {
    if (limitPerMinute === this.#limit) return
    this.#refill(nowMs)
    const wasFull = this.#level >= this.#burst
    this.#limit = limitPerMinute
    this.#level = wasFull ? this.#burst : Math.min(this.#level, this.#burst)
  }

  get #burst(): number {
    return Math.max(Math.min(this.#limit, this.#minBurst), this.#limit * BURST_SHARE)
  }

  /** Where the burst is much of a small limit, taking it out of the rate would halve it: there the window alone holds. */
  get #ratePerMs(): number {
    const burst = this.#burst
    return (burst * 4 > this.#limit ? this.#limit : this.#limit - burst) / WINDOW_MS
  }

  #refill(nowMs: number): void {
    const sinceMs = nowMs - this.#updatedMs
    this.#updatedMs = nowMs
    // Without a limit there is nothing to count: infinity times no time is not a number.
    if (this.#limit !== Number.POSITIVE_INFINITY && sinceMs > 0)
      this.#level = Math.min(this.#burst, this.#level + sinceMs * this.#ratePerMs)
    else if (this.#limit === Number.POSITIVE_INFINITY) this.#level = Number.POSITIVE_INFINITY
  }

  #paceWaitMs(amount: number, nowMs: number, reserveShare: number): number {
    this.#refill(nowMs)
    const burst = this.#burst
    const missing = Math.min(burst, amount + burst * reserveShare) - this.#level
    return missing <= 1e-9 ? 0 : missing / this.#ratePerMs
  }

  #windowWaitMs(amount: number, nowMs: number): number {
    this.#forget(nowMs)
    let over = this.#used + amount - this.#limit
    if (over <= 1e-9) return 0
    for (const step of this.#steps) {
      over -= step.amount
      if (over <= 1e-9) return Math.max(0, step.endMs + WINDOW_MS - nowMs)
    }
    return WINDOW_MS
  }

  #add(amount: number, nowMs: number): Step {
    this.#forget(nowMs)
    const endMs = (Math.floor(nowMs / STEP_MS) + 1) * STEP_MS
    let step = this.#steps.at(-1)
    if (step?.endMs !== endMs) {
      step = { endMs, amount: 0 }
      this.#steps.push(step)
    }
    step.amount += amount
    this.#used += amount
    return step
  }

  #forget(nowMs: number): void {
    let gone = 0
    for (const step of this.#steps) {
      if (step.endMs + WINDOW_MS > nowMs) break
      this.#used -= step.amount
      gone++
    }
    if (gone > 0) this.#steps = this.#steps.slice(gone)
    if (this.#steps.length === 0) this.#used = 0
  }
}
