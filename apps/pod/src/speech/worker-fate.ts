// Who lost a worker while nobody knows whether it lives: they are told when it turns out to have died (FO8).
import type { Clock } from '@parley/kernel'

/** A worker that has not come back by then counts as dead. */
const MISSING_DEADLINE_MS = 10_000

export interface Bereaved {
  onWorkerDied?(): void
}

export class WorkerFate {
  readonly #clock: Clock
  /** Runs a call whose failure is nobody else's. */
  readonly #guarded: (tell: () => void) => void
  #bereaved: readonly Bereaved[] = []
  #lostAtMs = 0

  constructor(clock: Clock, guarded: (tell: () => void) => void) {
    this.#clock = clock
    this.#guarded = guarded
  }

  lost(bereaved: readonly Bereaved[]): void {
    this.#bereaved = bereaved
    this.#lostAtMs = this.#clock.nowMs()
  }

  /** Called a few times per second. */
  check(nowMs: number): void {
    if (this.#bereaved.length > 0 && nowMs - this.#lostAtMs >= MISSING_DEADLINE_MS) this.decide(false)
  }

  /** The worker is back; or another is in its place, or nobody waits for it any more. */
  decide(isAlive: boolean): void {
    const bereaved = this.#bereaved
    this.#bereaved = []
    if (isAlive) return
    for (const stream of bereaved) this.#guarded(() => stream.onWorkerDied?.())
  }
}
