// A queue that says what it does when it is full.

/** What a full queue does with the next item: makes room by dropping its oldest, or turns the newcomer away. */
export type Overflow = 'drop-oldest' | 'refuse'

export interface BoundedQueueOptions<T> {
  /** Bound on the sum of `sizeOf` over the items held; > 0. */
  readonly capacity: number
  readonly overflow: Overflow
  /** Cost of one item in the unit of `capacity`; 1 unless told (a bound in items). */
  readonly sizeOf?: (item: T) => number
}

export class BoundedQueue<T> {
  readonly #capacity: number
  readonly #overflow: Overflow
  readonly #sizeOf: (item: T) => number
  #items: T[] = []
  #head = 0
  #size = 0
  #dropped = 0

  constructor(options: BoundedQueueOptions<T>) {
    if (!(options.capacity > 0)) throw new RangeError(`capacity must be > 0, got ${options.capacity}`)
    this.#capacity = options.capacity
    this.#overflow = options.overflow
    this.#sizeOf = options.sizeOf ?? (() => 1)
  }

  get length(): number {
    return this.#items.length - this.#head
  }

  /** Sum of the sizes held, in the unit of `capacity`. */
  get size(): number {
    return this.#size
  }

  /** Items dropped or refused since construction. */
  get dropped(): number {
    return this.#dropped
  }

  /** False when the item was refused: the queue is full (`refuse`), or the item alone exceeds the capacity. */
  push(item: T): boolean {
    const itemSize = this.#sizeOf(item)
    if (itemSize > this.#capacity) {
      this.#dropped++
      return false
    }
    if (this.#overflow === 'refuse' && this.#size + itemSize > this.#capacity) {
      this.#dropped++
      return false
    }
    while (this.#size + itemSize > this.#capacity) {
      this.shift()
      this.#dropped++
    }
    this.#items.push(item)
    this.#size += itemSize
    return true
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined
    const item = this.#items[this.#head] as T
    this.#items[this.#head] = undefined as T
    this.#head++
    this.#size -= this.#sizeOf(item)
    // Compact when the dead half outweighs the living, so that shift stays amortised O(1).
    if (this.#head > 32 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  peek(): T | undefined {
    return this.#items[this.#head]
  }

  clear(): void {
    this.#items = []
    this.#head = 0
    this.#size = 0
  }

  /** Oldest first. The queue must not change while iterating. */
  *[Symbol.iterator](): Iterator<T> {
    for (let index = this.#head; index < this.#items.length; index++) yield this.#items[index] as T
  }
}
