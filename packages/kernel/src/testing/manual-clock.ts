import type { Clock, Timer } from '../clock.ts'

interface Entry {
  dueMs: number
  readonly order: number
  readonly periodMs: number | undefined
  readonly fn: () => void
}

/** A clock that stands still until told. Timers fire in due order, then in the order they were armed. */
export class ManualClock implements Clock {
  #nowMs = 0
  #order = 0
  readonly #wallOffsetMs: number
  readonly #entries = new Set<Entry>()

  constructor(wallStartMs = 1_700_000_000_000) {
    this.#wallOffsetMs = wallStartMs
  }

  nowMs(): number {
    return this.#nowMs
  }
  wallMs(): number {
    return this.#wallOffsetMs + this.#nowMs
  }

  /** Timers armed and not yet fired or cancelled; leak tests assert on it. */
  get pendingTimers(): number {
    return this.#entries.size
  }

  after(delayMs: number, fn: () => void): Timer {
    return this.#add({ dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, periodMs: undefined, fn })
  }

  every(periodMs: number, fn: () => void): Timer {
    if (!(periodMs > 0)) throw new RangeError(`periodMs must be > 0, got ${periodMs}`)
    return this.#add({ dueMs: this.#nowMs + periodMs, order: this.#order++, periodMs, fn })
  }

  /** Moves time on by `ms`, firing every timer that falls due on the way, including those armed meanwhile. */
  advance(ms: number): void {
    const targetMs = this.#nowMs + ms
    for (;;) {
      const next = this.#nextDue(targetMs)
      if (!next) break
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      if (next.periodMs === undefined) this.#entries.delete(next)
      else next.dueMs += next.periodMs
      next.fn()
    }
    this.#nowMs = targetMs
  }

  /** `advance` in steps, letting promises settle between them. */
  async advanceAsync(ms: number, stepMs = ms): Promise<void> {
    let leftMs = ms
    do {
      this.advance(Math.min(stepMs, leftMs))
      leftMs -= stepMs
      await new Promise<void>((resolve) => setImmediate(resolve))
    } while (leftMs > 0)
  }

  #add(entry: Entry): Timer {
    this.#entries.add(entry)
    return { cancel: () => void this.#entries.delete(entry) }
  }

  #nextDue(limitMs: number): Entry | undefined {
    let best: Entry | undefined
    for (const entry of this.#entries) {
      if (entry.dueMs > limitMs) continue
      if (!best || entry.dueMs < best.dueMs || (entry.dueMs === best.dueMs && entry.order < best.order)) best = entry
    }
    return best
  }
}
