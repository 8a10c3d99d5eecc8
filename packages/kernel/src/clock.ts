// Time as a value. This is the only file that reads the system's clocks or arms its timers; everything else takes a
// Clock, so that a test decides what time it is.

/** A pending call. `cancel` is idempotent and safe after the call has run. */
export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Monotonic milliseconds with a fraction; only differences mean anything. */
  nowMs(): number
  /** Wall clock: milliseconds since the Unix epoch. */
  wallMs(): number
  /** Calls `fn` once after `delayMs` (clamped to >= 0). */
  after(delayMs: number, fn: () => void): Timer
  /** Calls `fn` every `periodMs` (must be > 0) until cancelled. */
  every(periodMs: number, fn: () => void): Timer
}

/** The real clocks of this process. Timers keep the process alive, as Node's and the browser's do. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, fn) {
    const handle = setTimeout(fn, Math.max(0, delayMs))
    return { cancel: () => clearTimeout(handle) }
  },
  every(periodMs, fn) {
    if (!(periodMs > 0)) throw new RangeError(`periodMs must be > 0, got ${periodMs}`)
    const handle = setInterval(fn, periodMs)
    return { cancel: () => clearInterval(handle) }
  },
}

/** Resolves after `delayMs` on `clock`. For shells only; a wait that may be abandoned belongs in a Scope. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve)
  })
}
