// The newest events of a session that carry a `seq`: what a watcher that joins late is shown, what a client that resumes has
// missed, what REST reads. The last few KiB are text, ready to be sent; what is older is compressed and opened when asked for.

import { blockBytes, type HistoryBlock, type HistoryEvent, openBlock, sealBlock } from './event-history-block.ts'

export type { HistoryEvent } from './event-history-block.ts'

/** Bound of what a resume sends again (about five minutes of speech); the rest is read by REST. */
export const REPLAY_BYTES = 24_576
/** Bound of what is kept as text; beyond it the older half is compressed. */
const TAIL_BYTES = 8_192
/** What an event that is kept as text costs beyond it. */
const ENTRY_OVERHEAD_BYTES = 64
/** One such character, and all of the text takes two bytes each. */
const WIDE_CHARACTER = /[\u0100-\uffff]/

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

const sizeOf = ({ json }: HistoryEvent): number =>
  (WIDE_CHARACTER.test(json) ? json.length * 2 : json.length) + ENTRY_OVERHEAD_BYTES

/**
 * What it holds is a run without a hole that ends with the newest event, or nothing: first the blocks, then the tail. The one exception is what an
 * owner that died had told and nobody kept: `goOnAfter` goes past it.
 */
export class EventHistory {
  readonly #limits: HistoryLimits
  #blocks: HistoryBlock[] | undefined
  #tail: HistoryEvent[] | undefined
  #tailBytes = 0
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
    return this.#blocks?.[0]?.firstSeq ?? this.#tail?.[0]?.seq ?? 0
  }
  /** What it takes of the memory, compressed as it is. */
  get bytes(): number {
    return this.#bytes
  }

  /** Claims the next seq; the event is to be appended with it at once. */
  nextSeq(): number {
    this.#seq++
    return this.#seq
  }

  /** Takes in what another owner kept, into an empty history: oldest first, their seqs rising. */
  restore(events: readonly HistoryEvent[], seq: number): void {
    for (const event of events) {
      if (event.seq > this.#seq + 1) this.goOnAfter(event.seq - 1)
      this.#seq = event.seq
      this.append(event)
    }
    this.goOnAfter(seq)
  }

  /** Numbers go on behind `seq`, which somebody has seen; what lies between is not kept by anybody. */
  goOnAfter(seq: number): void {
    if (seq <= this.#seq) return
    // A block has no hole, and neither has the tail.
    if (this.#tail && this.#tail.length > 0) this.#sealFirst(this.#tail, this.#tail.length)
    this.#seq = seq
  }

  /** The newest events whose JSON takes at most `maxBytes` (UTF-8), oldest first. */
  newest(maxBytes: number): HistoryEvent[] {
    const events: HistoryEvent[] = []
    let bytes = 0
    for (const event of this.#newestFirst()) {
      bytes += Buffer.byteLength(event.json)
      if (bytes > maxBytes) break
      events.push(event)
    }
    return events.reverse()
  }

  /**
   * The oldest make room. An event that finds none leaves nothing behind it: a hole could not be told from an event.
   * Its JSON has no line breaks.
   */
  append(event: HistoryEvent): void {
    const bytes = sizeOf(event)
    this.#makeRoom(bytes)
    if (!this.#hasRoom(bytes)) return
    this.#tail ??= []
    this.#tail.push(event)
    this.#tailBytes += bytes
    this.#account(bytes)
    if (this.#tailBytes > TAIL_BYTES) this.#seal(this.#tail)
  }

  /** The last `finals` finals and whatever came between and after them, oldest first, without a hole. */
  tail(finals: number): HistoryEvent[] {
    const events: HistoryEvent[] = []
    let left = finals
    let taken = 0
    for (const event of left > 0 ? this.#newestFirst() : []) {
      events.push(event)
      if (event.kind !== 'final') continue
      taken = events.length
      left--
      if (left === 0) break
    }
    return events.slice(0, taken).reverse()
  }

  /** What a client that has seen `seq` has missed of what it wants: the newest events within REPLAY_BYTES. */
  after(seq: number, isWanted: (event: HistoryEvent) => boolean = () => true): MissedEvents {
    const events: HistoryEvent[] = []
    let bytes = 0
    let firstSeq = this.#seq + 1
    for (const event of this.#newestFirst()) {
      if (event.seq <= seq) break
      if (isWanted(event)) {
        bytes += event.json.length
        if (bytes > REPLAY_BYTES) break
        events.push(event)
      }
      firstSeq = event.seq
    }
    return { events: events.reverse(), truncatedTo: firstSeq > seq + 1 ? firstSeq : undefined }
  }

  /** At most `limit` events after `afterSeq`, oldest first. */
  page(afterSeq: number, limit: number): HistoryPage {
    const events: HistoryEvent[] = []
    for (const block of this.#blocks ?? []) {
      if (events.length >= limit) break
      if (block.lastSeq <= afterSeq) continue
      const start = Math.max(0, afterSeq + 1 - block.firstSeq)
      events.push(...openBlock(block).slice(start, start + limit - events.length))
    }
    const tail = this.#tail ?? []
    const start = Math.max(0, afterSeq + 1 - (tail[0]?.seq ?? 0))
    events.push(...tail.slice(start, start + limit - events.length))
    const last = events.at(-1)
    const newestSeq = this.#tail?.at(-1)?.seq ?? this.#blocks?.at(-1)?.lastSeq ?? 0
    return { events, more: last !== undefined && last.seq < newestSeq }
  }

  /** Forgets everything and gives its bytes back to the pod. `seq` stays. */
  clear(): void {
    this.#account(-this.#bytes)
    this.#tailBytes = 0
    this.#blocks = undefined
    this.#tail = undefined
  }

  #account(bytes: number): void {
    this.#bytes += bytes
    this.#limits.budget.usedBytes += bytes
  }

  #hasRoom(bytes: number): boolean {
    const { maxBytes, budget } = this.#limits
    return this.#bytes + bytes <= maxBytes && budget.usedBytes + bytes <= budget.maxBytes
  }

  #makeRoom(bytes: number): void {
    while (this.#bytes > 0 && !this.#hasRoom(bytes)) this.#dropOldest()
  }

  #dropOldest(): void {
    const block = this.#blocks?.shift()
    if (block) {
      this.#account(-blockBytes(block))
      return
    }
    const event = this.#tail?.shift()
    if (!event) return
    const bytes = sizeOf(event)
    this.#tailBytes -= bytes
    this.#account(-bytes)
  }

  /** Compresses the older half of the tail. Text that resists may come out larger than it was: then the oldest make room again. */
  #seal(tail: HistoryEvent[]): void {
    let count = 0
    let sealedBytes = 0
    for (const event of tail) {
      if (this.#tailBytes - sealedBytes <= TAIL_BYTES / 2) break
      sealedBytes += sizeOf(event)
      count++
    }
    this.#sealFirst(tail, count)
  }

  #sealFirst(tail: HistoryEvent[], count: number): void {
    const sealed = tail.slice(0, count)
    const sealedBytes = sealed.reduce((sum, event) => sum + sizeOf(event), 0)
    const block = sealBlock(sealed)
    // Anew rather than cut: a list that was cut keeps the places it once had.
    this.#tail = tail.slice(count)
    this.#tailBytes -= sealedBytes
    this.#blocks ??= []
    this.#blocks.push(block)
    this.#account(blockBytes(block) - sealedBytes)
    this.#makeRoom(0)
  }

  /** Opens a block only when it is come to. */
  *#newestFirst(): Generator<HistoryEvent> {
    yield* (this.#tail ?? []).toReversed()
    for (const block of (this.#blocks ?? []).toReversed()) yield* openBlock(block).reverse()
  }
}
