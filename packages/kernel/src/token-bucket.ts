// Rate limits without a timer: the bucket refills by arithmetic when it is asked.

/** Allows `ratePerSecond` on average and bursts up to `burst`. Three numbers per bucket, no allocation per call. */
export class TokenBucket {
  readonly #ratePerMs: number
  readonly #burst: number
  #tokens: number
  #updatedMs: number

  constructor(ratePerSecond: number, burst: number, nowMs: number) {
    this.#ratePerMs = ratePerSecond / 1000
    this.#burst = burst
    this.#tokens = burst
    this.#updatedMs = nowMs
  }

  /** Takes `amount` if there is enough; false (and nothing taken) otherwise. */
  take(amount: number, nowMs: number): boolean {
    const tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#updatedMs) * this.#ratePerMs)
    this.#updatedMs = nowMs
    if (tokens < amount) {
      this.#tokens = tokens
      return false
    }
    this.#tokens = tokens - amount
    return true
  }

  /** Milliseconds until `amount` will be there; 0 when it is. */
  waitMs(amount: number, nowMs: number): number {
    const tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#updatedMs) * this.#ratePerMs)
    return tokens >= amount ? 0 : (amount - tokens) / this.#ratePerMs
  }
}
