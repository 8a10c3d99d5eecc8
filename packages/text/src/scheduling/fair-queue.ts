// Deficit round robin (Shreedhar and Varghese, 1996): each key gets the same share of the cost that is served, however much it asks for.
// Plain data; who is served when is the caller's affair.

interface Entry<Item> {
  readonly item: Item
  readonly cost: number
}

interface Flow<Item> {
  readonly key: string
  entries: Entry<Item>[]
  /** Cost that may be served in this turn. */
  deficit: number
  waitingCost: number
}

export class FairQueue<Item> {
  readonly #flows = new Map<string, Flow<Item>>()
  /** In the order of their turns; the first has its turn. */
  #ring: Flow<Item>[] = []
  #isTurnBegun = false
  /** What a turn is worth: nothing that waits costs more, so that every turn serves something. */
  #quantum = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Items of one key are served in the order they came. `cost` > 0. */
  push(key: string, item: Item, cost: number): void {
    let flow = this.#flows.get(key)
    if (!flow) {
      flow = { key, entries: [], deficit: 0, waitingCost: 0 }
      this.#flows.set(key, flow)
      this.#ring.push(flow)
    }
    flow.entries.push({ item, cost })
    flow.waitingCost += cost
    this.#quantum = Math.max(this.#quantum, cost)
    this.#size++
  }

  /** Whose turn it is; the same until it is taken or removed. Undefined when nothing waits. */
  peek(): Item | undefined {
    return this.#next()?.entries[0]?.item
  }

  /** Serves what `peek` says. */
  take(): Item | undefined {
    const flow = this.#next()
    const entry = flow?.entries.shift()
    if (!flow || !entry) return undefined
    flow.deficit -= entry.cost
    this.#forget(flow, entry)
    // Whoever has nothing left saves nothing up.
    if (flow.entries.length === 0) this.#endFirst()
    return entry.item
  }

  /**
   * Withdraws an item; false when it does not wait here. Its key keeps its turn, so that who replaces what it asked by something newer is not
   * sent to the end each time.
   */
  remove(key: string, item: Item): boolean {
    const flow = this.#flows.get(key)
    const at = flow?.entries.findIndex((entry) => entry.item === item) ?? -1
    if (!flow || at < 0) return false
    const [entry] = flow.entries.splice(at, 1)
    this.#forget(flow, entry as Entry<Item>)
    return true
  }

  /** How many items of that key wait. */
  sizeOf(key: string): number {
    return this.#flows.get(key)?.entries.length ?? 0
  }
  /** The one of that key that came first. */
  oldest(key: string): Item | undefined {
    return this.#flows.get(key)?.entries[0]?.item
  }

  *[Symbol.iterator](): Iterator<Item> {
    for (const { entries } of this.#ring) for (const { item } of entries) yield item
  }

  /**
   * Cost that is served before an item of that key and cost which would come now: of every other key no more than of its own, since turns are
   * worth the same.
   */
  costBefore(key: string, cost: number): number {
    const own = this.#flows.get(key)?.waitingCost ?? 0
    let before = own
    for (const flow of this.#ring) if (flow.key !== key) before += Math.min(flow.waitingCost, own + cost)
    return before
  }

  /** The flow whose first entry is next; turns pass until there is one. */
  #next(): Flow<Item> | undefined {
    if (this.#size === 0) {
      this.#reset()
      return undefined
    }
    for (;;) {
      const flow = this.#ring[0] as Flow<Item>
      const entry = flow.entries[0]
      if (!entry) {
        this.#endFirst()
        continue
      }
      if (!this.#isTurnBegun) {
        this.#isTurnBegun = true
        flow.deficit += this.#quantum
      }
      if (entry.cost <= flow.deficit + 1e-12) return flow
      this.#isTurnBegun = false
      this.#ring.push(this.#ring.shift() as Flow<Item>)
    }
  }

  #endFirst(): void {
    const flow = this.#ring.shift()
    this.#isTurnBegun = false
    if (flow) this.#flows.delete(flow.key)
  }

  #forget(flow: Flow<Item>, entry: Entry<Item>): void {
    flow.waitingCost = flow.entries.length === 0 ? 0 : flow.waitingCost - entry.cost
    this.#size--
  }

  #reset(): void {
    this.#flows.clear()
    this.#ring = []
    this.#isTurnBegun = false
    this.#quantum = 0
  }
}
