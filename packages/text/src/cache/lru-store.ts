// Values under keys, within a number of bytes and a time to live; the least recently used go first. Plain data on instants that are handed in.

/** What an entry costs beside its text: key, map entry, object. Measured about 200 bytes in Node 24. */
export const ENTRY_OVERHEAD_BYTES = 200

interface Entry<Value> {
  readonly value: Value
  readonly bytes: number
  readonly untilMs: number
}

export class LruStore<Value> {
  readonly #maxBytes: number
  /** Least recently used first, as a Map keeps the order of insertion. */
  readonly #entries = new Map<string, Entry<Value>>()
  #bytes = 0
  #evicted = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get size(): number {
    return this.#entries.size
  }
  get bytes(): number {
    return this.#bytes
  }
  /** Entries that went before their time, for want of room. */
  get evicted(): number {
    return this.#evicted
  }

  get(key: string, nowMs: number): Value | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    this.#entries.delete(key)
    if (entry.untilMs <= nowMs) {
      this.#bytes -= entry.bytes
      return undefined
    }
    this.#entries.set(key, entry)
    return entry.value
  }

  /** `valueBytes`: of the value alone. What is larger than a tenth of the room is not kept: it would empty the rest. */
  set(key: string, value: Value, valueBytes: number, untilMs: number): void {
    const bytes = valueBytes + ENTRY_OVERHEAD_BYTES
    this.delete(key)
    if (bytes * 10 > this.#maxBytes) return
    this.#entries.set(key, { value, bytes, untilMs })
    this.#bytes += bytes
    for (const [oldest, { bytes: freed }] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) break
      this.#entries.delete(oldest)
      this.#bytes -= freed
      this.#evicted++
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (!entry) return
    this.#entries.delete(key)
    this.#bytes -= entry.bytes
  }

  clear(): void {
    this.#entries.clear()
    this.#bytes = 0
  }
}
