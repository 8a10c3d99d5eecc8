// Owner of timers, listeners and children: what a session, link or process arms, its scope disarms.
import type { Clock, Timer } from './clock.ts'

export type Disposer = () => void | Promise<void>

/**
 * Everything registered here dies with it, newest first. `close` is idempotent: later calls return the first call's promise.
 * A disposer that throws does not stop the others; the failures come back together as an AggregateError.
 */
export class Scope {
  readonly #clock: Clock
  readonly #disposers = new Set<Disposer>()
  #closing: Promise<void> | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get isClosed(): boolean {
    return this.#closing !== undefined
  }

  /** Number of things this scope still owns; leak tests assert on it. */
  get size(): number {
    return this.#disposers.size
  }

  /** Registers `dispose`; returns a function that disowns it without running it. On a closed scope it runs at once. */
  own(dispose: Disposer): () => void {
    if (this.isClosed) {
      void dispose()
      return () => {}
    }
    this.#disposers.add(dispose)
    return () => this.#disposers.delete(dispose)
  }

  /** One-shot timer owned by this scope; disowned after it has fired. */
  after(delayMs: number, fn: () => void): Timer {
    if (this.isClosed) return { cancel() {} }
    let disown = () => {}
    const timer = this.#clock.after(delayMs, () => {
      disown()
      fn()
    })
    disown = this.own(() => timer.cancel())
    return {
      cancel() {
        timer.cancel()
        disown()
      },
    }
  }

  /** Repeating timer owned by this scope. */
  every(periodMs: number, fn: () => void): Timer {
    if (this.isClosed) return { cancel() {} }
    const timer = this.#clock.every(periodMs, fn)
    const disown = this.own(() => timer.cancel())
    return {
      cancel() {
        timer.cancel()
        disown()
      },
    }
  }

  /** A scope that closes with this one and may be closed earlier by itself. */
  child(): Scope {
    const child = new Scope(this.#clock)
    const disown = this.own(() => child.close())
    child.own(() => void disown())
    return child
  }

  close(): Promise<void> {
    this.#closing ??= this.#run()
    return this.#closing
  }

  async #run(): Promise<void> {
    const failures: unknown[] = []
    const disposers = [...this.#disposers].reverse()
    this.#disposers.clear()
    for (const dispose of disposers) {
      try {
        // Synchronous disposers run without yielding, so a close that needs no waiting is over when close() returns.
        const pending = dispose()
        if (pending) await pending
      } catch (failure) {
        failures.push(failure)
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, `${failures.length} disposer(s) failed`)
  }
}
