// The newest events of a session that carry a `seq`: what a watcher that joins late is shown, what a client that resumes has
// missed, what REST reads. Text, not bytes: a small buffer would pin the whole slab it was cut from.

/** Bound of what a resume sends again (about five minutes of speech); the rest is read by REST. */
export const REPLAY_BYTES = 24_576
/** What an entry costs beyond its text. */
const ENTRY_OVERHEAD_BYTES = 64
/** Dead places at the front of the list are given up when there are this many and they outweigh the living. */
const COMPACT_FROM = 32

export interface HistoryEvent {
  readonly seq: number
  readonly kind: 'final' | 'abandoned' | 'ended'
  readonly json: string
}

/** What all histories of a pod may hold together; one object per pod. */
export interface HistoryBudget {
  readonly maxBytes: number
  usedBytes: number
}

export interface HistoryLimits {
  /** Bound of one session's history. */
  readonly maxBytes: number
  readonly budget: HistoryBudget
}

export interface MissedEvents {
  readonly events: readonly HistoryEvent[]
  /** seq of the first event that is sent again, when more was missed than that; undefined when nothing is left out. */
  readonly truncatedTo: number | undefined
}

export interface HistoryPage {
  readonly events: readonly HistoryEvent[]
  readonly more: boolean
}

const sizeOf = (event: HistoryEvent): number => event.json.length + ENTRY_OVERHEAD_BYTES

/** What it holds is a run without a hole that ends with the newest event, or nothing. */
export class EventHistory {
  readonly #limits: HistoryLimits
  #events: (HistoryEvent | undefined)[] | undefined
  #head = 0
  #bytes = 0
  #seq = 0

  constructor(limits: HistoryLimits) {
    this.#limits = limits
  }

  /** seq of the newest event; 0 before the first. */
  get seq(): number {
    return this.#seq
  }
  /** seq of the oldest event kept; 0 when none is. */
  get firstSeq(): number {
    return this.#oldest()?.seq ?? 0
  }
  get bytes(): number {
    return this.#bytes
  }

  /** Claims the next seq; the event is to be appended with it at once. */
  nextSeq(): number {
    this.#seq++
    return this.#seq
  }

  /** The oldest make room. An event that finds none leaves nothing behind it: a hole could not be told from an event. */
  append(event: HistoryEvent): void {
    const { maxBytes, budget } = this.#limits
    const bytes = sizeOf(event)
    while (this.#bytes > 0 && (this.#bytes + bytes > maxBytes || budget.usedBytes + bytes > budget.maxBytes)) {
      this.#dropOldest()
    }
    if (bytes > maxBytes || budget.usedBytes + bytes > budget.maxBytes) return
    this.#events ??= []
    this.#events.push(event)
    this.#bytes += bytes
    budget.usedBytes += bytes
  }

  /** The last `finals` finals and whatever came between and after them, oldest first, without a hole. */
  tail(finals: number): HistoryEvent[] {
    const events = this.#from(0)
    let left = finals
    let start = events.length
    for (let index = events.length - 1; index >= 0 && left > 0; index--) {
      if (events[index]?.kind !== 'final') continue
      start = index
      left--
    }
    return events.slice(start)
  }

  /** What a client that has seen `seq` has missed: the newest events within REPLAY_BYTES. */
  after(seq: number): MissedEvents {
    const missed = this.#from(seq)
    let bytes = 0
    let start = missed.length
    while (start > 0) {
      bytes += missed[start - 1]?.json.length ?? 0
      if (bytes > REPLAY_BYTES) break
      start--
    }
    const events = missed.slice(start)
    const firstSeq = this.#seq - events.length + 1
    return { events, truncatedTo: firstSeq > seq + 1 ? firstSeq : undefined }
  }

  /** At most `limit` events after `afterSeq`, oldest first. */
  page(afterSeq: number, limit: number): HistoryPage {
    const events = this.#from(afterSeq, limit)
    const last = events.at(-1)
    return { events, more: last !== undefined && last.seq < this.#seq }
  }

  /** Forgets everything and gives its bytes back to the pod. `seq` stays. */
  clear(): void {
    this.#limits.budget.usedBytes -= this.#bytes
    this.#bytes = 0
    this.#head = 0
    this.#events = undefined
  }

  #oldest(): HistoryEvent | undefined {
    return this.#events?.[this.#head]
  }

  /** Events with a seq above `seq`, `limit` at most: their places follow from their numbers. */
  #from(seq: number, limit = Number.MAX_SAFE_INTEGER): HistoryEvent[] {
    const oldest = this.#oldest()
    if (!this.#events || !oldest) return []
    const start = this.#head + Math.max(0, seq + 1 - oldest.seq)
    return this.#events.slice(start, Math.min(this.#events.length, start + limit)) as HistoryEvent[]
  }

  #dropOldest(): void {
    const events = this.#events
    const oldest = this.#oldest()
    if (!events || !oldest) return
    events[this.#head] = undefined
    this.#head++
    this.#bytes -= sizeOf(oldest)
    this.#limits.budget.usedBytes -= sizeOf(oldest)
    if (this.#bytes === 0) this.clear()
    else if (this.#head >= COMPACT_FROM && this.#head * 2 > events.length) {
      this.#events = events.slice(this.#head)
      this.#head = 0
    }
  }
}
