// The moment at which the links of a pod send what they have gathered: one timer for all of them, because being woken costs more than
// sending. Runs only while somebody waits for it.
import { type Clock, Scope, type Timer } from '@parley/kernel'

/** How long a frame may wait for others. */
export const LINK_TICK_MS = 20

export class LinkTick {
  readonly #scope: Scope
  readonly #waiting = new Set<() => void>()
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#scope = new Scope(clock)
  }

  /** Calls `send` once, at the next tick, at most LINK_TICK_MS from now. Asking twice is asking once. */
  next(send: () => void): void {
    this.#waiting.add(send)
    this.#timer ??= this.#scope.after(LINK_TICK_MS, () => {
      this.#timer = undefined
      const due = [...this.#waiting]
      this.#waiting.clear()
      for (const each of due) each()
    })
  }

  /** `send` does not wait any more. */
  forget(send: () => void): void {
    this.#waiting.delete(send)
    if (this.#waiting.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
  }

  close(): void {
    this.#waiting.clear()
    void this.#scope.close()
  }
}
