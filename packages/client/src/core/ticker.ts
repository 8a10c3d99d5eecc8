// One timer for many clients: liveness of thousands of sessions in one process costs one interval, not thousands.
import type { Clock, Timer } from '@parley/kernel'

export interface Ticker {
  /** Calls `fn` every tick until the returned function is called. */
  subscribe(fn: (nowMs: number) => void): () => void
}

/** Resolution of everything the client watches by the clock: liveness, draining of held audio. */
export const TICK_MS = 250

/** Runs only while somebody is subscribed, so that it never keeps a finished process alive. */
export class SharedTicker implements Ticker {
  readonly #clock: Clock
  readonly #periodMs: number
  readonly #subscribers = new Set<(nowMs: number) => void>()
  #timer: Timer | undefined

  constructor(clock: Clock, periodMs: number = TICK_MS) {
    this.#clock = clock
    this.#periodMs = periodMs
  }

  get subscribers(): number {
    return this.#subscribers.size
  }

  subscribe(fn: (nowMs: number) => void): () => void {
    // A fresh function per subscription: the same listener may subscribe twice and leave once.
    const entry = (nowMs: number) => fn(nowMs)
    this.#subscribers.add(entry)
    this.#timer ??= this.#clock.every(this.#periodMs, () => this.#tick())
    return () => {
      this.#subscribers.delete(entry)
      if (this.#subscribers.size > 0) return
      this.#timer?.cancel()
      this.#timer = undefined
    }
  }

  #tick(): void {
    const nowMs = this.#clock.nowMs()
    for (const subscriber of this.#subscribers) subscriber(nowMs)
  }
}

const tickers = new WeakMap<Clock, SharedTicker>()

/** The ticker all clients of one clock share unless they are given another. */
export function sharedTicker(clock: Clock): SharedTicker {
  let ticker = tickers.get(clock)
  if (!ticker) {
    ticker = new SharedTicker(clock)
    tickers.set(clock, ticker)
  }
  return ticker
}
