// How many packets one address may have tried on channels that are bound elsewhere or nowhere yet. Bounded, without a timer.
import { isIPv6 } from 'node:net'
import { TokenBucket } from '@parley/kernel'

const MAX_SOURCES = 4_096
const SWEEP_EVERY_MS = 1_000

/** One bucket per address (IPv6: per /64, all of which one host may use). When the table is full, newcomers share one. */
export class SourceLimits {
  readonly #packetsPerSecond: number
  readonly #maxSources: number
  readonly #buckets = new Map<string, TokenBucket>()
  readonly #newcomers: TokenBucket
  #sweptMs: number

  /** A second's worth may come at once. `nowMs` is monotonic, here and in `take`. */
  constructor(packetsPerSecond: number, nowMs: number, maxSources = MAX_SOURCES) {
    this.#packetsPerSecond = packetsPerSecond
    this.#maxSources = maxSources
    this.#newcomers = new TokenBucket(packetsPerSecond, packetsPerSecond, nowMs)
    this.#sweptMs = nowMs
  }

  get size(): number {
    return this.#buckets.size
  }

  /** False: this address has had its share of this second. */
  take(address: string, nowMs: number): boolean {
    const key = sourceKey(address)
    let bucket = this.#buckets.get(key)
    if (!bucket) {
      if (this.#buckets.size >= this.#maxSources) this.#sweep(nowMs)
      if (this.#buckets.size >= this.#maxSources) return this.#newcomers.take(1, nowMs)
      bucket = new TokenBucket(this.#packetsPerSecond, this.#packetsPerSecond, nowMs)
      this.#buckets.set(key, bucket)
    }
    return bucket.take(1, nowMs)
  }

  /** A full bucket says nothing about its address that a new one would not. */
  #sweep(nowMs: number): void {
    if (nowMs - this.#sweptMs < SWEEP_EVERY_MS) return
    this.#sweptMs = nowMs
    for (const [key, bucket] of this.#buckets) {
      if (bucket.waitMs(this.#packetsPerSecond, nowMs) === 0) this.#buckets.delete(key)
    }
  }
}

/** What limits count by: an IPv4 address as it is (also as ::ffff:a.b.c.d), of IPv6 the first four groups. */
export function sourceKey(address: string): string {
  if (!isIPv6(address) || address.includes('.')) return address
  const [before = ''] = address.split('%')
  const [left = '', right] = before.split('::')
  const groups = left === '' ? [] : left.split(':')
  if (right !== undefined) {
    const tail = right === '' ? [] : right.split(':')
    while (groups.length + tail.length < 8) groups.push('0')
    groups.push(...tail)
  }
  return groups.slice(0, 4).join(':')
}
