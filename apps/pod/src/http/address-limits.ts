// Limits per address: a token bucket each, and counts of open connections. Both bounded, neither owns a timer.
import { type Clock, TokenBucket } from '@parley/kernel'

const MAX_ADDRESSES = 10_000

/**
 * One bucket per key; beyond `capacity` keys the one not seen for longest is forgotten (its bucket would be full again, or
 * nearly: a rate is per minute).
 */
export class AddressBuckets {
  readonly #clock: Clock
  readonly #perMinute: number
  readonly #capacity: number
  readonly #buckets = new Map<string, TokenBucket>()

  constructor(clock: Clock, perMinute: number, capacity = MAX_ADDRESSES) {
    this.#clock = clock
    this.#perMinute = perMinute
    this.#capacity = capacity
  }

  get size(): number {
    return this.#buckets.size
  }

  /** Takes one; 0, or how long to wait until there is one. */
  takeOrWaitMs(key: string): number {
    const nowMs = this.#clock.nowMs()
    const bucket = this.#bucketOf(key, nowMs)
    return bucket.take(1, nowMs) ? 0 : bucket.waitMs(1, nowMs)
  }

  /** How long until there is one; takes nothing. */
  waitMs(key: string): number {
    const bucket = this.#buckets.get(key)
    return bucket ? bucket.waitMs(1, this.#clock.nowMs()) : 0
  }

  #bucketOf(key: string, nowMs: number): TokenBucket {
    let bucket = this.#buckets.get(key)
    if (bucket) this.#buckets.delete(key)
    else bucket = new TokenBucket(this.#perMinute / 60, this.#perMinute, nowMs)
    // Re-inserting keeps the map in order of last use.
    this.#buckets.set(key, bucket)
    if (this.#buckets.size > this.#capacity) {
      const oldest = this.#buckets.keys().next()
      if (!oldest.done) this.#buckets.delete(oldest.value)
    }
    return bucket
  }
}

/** Open connections in all and per key. A key without connections costs nothing. */
export class ConnectionCounts {
  readonly #perKey = new Map<string, number>()
  #total = 0

  get total(): number {
    return this.#total
  }

  of(key: string): number {
    return this.#perKey.get(key) ?? 0
  }

  /** Counts one; returns the function that uncounts it, once. */
  add(key: string): () => void {
    this.#total++
    this.#perKey.set(key, this.of(key) + 1)
    let isOpen = true
    return () => {
      if (!isOpen) return
      isOpen = false
      this.#total--
      const left = this.of(key) - 1
      if (left > 0) this.#perKey.set(key, left)
      else this.#perKey.delete(key)
    }
  }
}
