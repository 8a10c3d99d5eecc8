// The one timer of a pod's sessions: lulls, liveness, grace, ticket and link expiry are all asked on its beat, so that ten thousand
// connections cost one timer. Runs only while there is something to ask.
import type { Clock, Timer } from '@parley/kernel'

/** Every deadline kept by the ticker may be late by this much. */
export const TICK_MS = 100

export class Ticker {
  readonly #clock: Clock
  /** `latenessMs`: how much later than planned this beat comes; greater than 0 after a stall of the process. */
  readonly #onTick: (nowMs: number, latenessMs: number) => void
  #timer: Timer | undefined
  #dueMs = 0

  constructor(clock: Clock, onTick: (nowMs: number, latenessMs: number) => void) {
    this.#clock = clock
    this.#onTick = onTick
  }

  get isRunning(): boolean {
    return this.#timer !== undefined
  }

  /** Idempotent. */
  start(): void {
    if (this.#timer) return
    this.#dueMs = this.#clock.nowMs() + TICK_MS
    this.#timer = this.#clock.every(TICK_MS, () => this.#beat())
  }

  /** Idempotent. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #beat(): void {
    const nowMs = this.#clock.nowMs()
    const latenessMs = Math.max(0, nowMs - this.#dueMs)
    this.#dueMs = nowMs + TICK_MS
    this.#onTick(nowMs, latenessMs)
  }
}
