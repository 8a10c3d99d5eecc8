// How long to wait before a server that ended is started again: not at all the first time, longer each time it fails anew.
import type { Clock } from '@parley/kernel'

const BACKOFF_MS = [0, 500, 1_000, 2_000, 5_000] as const
/** One that ran this long has recovered: its next end is a first failure again. */
const HEALTHY_AFTER_MS = 30_000

export class StartAgain {
  readonly #clock: Clock
  #startedAtMs = 0
  #failures = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  started(): void {
    this.#startedAtMs = this.#clock.nowMs()
  }

  /** It ended; how long to wait. */
  endedMs(): number {
    const hadRecovered = this.#clock.nowMs() - this.#startedAtMs >= HEALTHY_AFTER_MS
    this.#failures = hadRecovered ? 1 : this.#failures + 1
    return this.#waitMs()
  }

  /** It did not even start; how long to wait. */
  failedMs(): number {
    this.#failures++
    return this.#waitMs()
  }

  #waitMs(): number {
    return BACKOFF_MS[Math.min(this.#failures, BACKOFF_MS.length) - 1] ?? 0
  }
}

export const nextTryWords = (waitMs: number): string =>
  waitMs === 0 ? 'starting it again' : `next try in ${waitMs / 1000} s`
