// One timer for everything that waits: a heap by due time, then by order. Precise to about 1 ms, as the clock's timers are.
import type { Clock, Timer } from '@parley/kernel'

interface Entry {
  readonly dueMs: number
  readonly order: number
  readonly run: () => void
}

const isBefore = (a: Entry, b: Entry): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order)

/** What is due within this is run with what is due now: a timer would not be more exact. */
export const PRECISION_MS = 0.5

export class Scheduler {
  readonly #clock: Clock
  readonly #heap: Entry[] = []
  #order = 0
  #timer: Timer | undefined
  #armedForMs = Infinity
  #isClosed = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#heap.length
  }

  /** Calls `run` at `dueMs` of the clock; those due at the same instant in the order they were given. At once when it is past. */
  at(dueMs: number, run: () => void): void {
    if (this.#isClosed) return
    this.#push({ dueMs, order: this.#order++, run })
    this.#arm()
  }

  /** Nothing that waits will run. */
  close(): void {
    this.#isClosed = true
    this.#heap.length = 0
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(): void {
    const first = this.#heap[0]
    if (!first || first.dueMs >= this.#armedForMs) return
    this.#timer?.cancel()
    this.#armedForMs = first.dueMs
    this.#timer = this.#clock.after(first.dueMs - this.#clock.nowMs(), () => this.#runDue())
  }

  #runDue(): void {
    // What is added while this runs waits for the next timer, even when it is due: nothing can keep the loop here.
    const newFrom = this.#order
    this.#armedForMs = -Infinity
    for (;;) {
      const first = this.#heap[0]
      if (!first || first.order >= newFrom || first.dueMs > this.#clock.nowMs() + PRECISION_MS) break
      this.#pop()
      first.run()
    }
    this.#armedForMs = Infinity
    this.#arm()
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let at = heap.push(entry) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (isBefore(heap[parent] as Entry, entry)) break
      heap[at] = heap[parent] as Entry
      at = parent
    }
    heap[at] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Entry
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child++
      if (isBefore(last, heap[child] as Entry)) break
      heap[at] = heap[child] as Entry
      at = child
    }
    heap[at] = last
  }
}
