// Puts the packets of one channel back into the order they were sent in. Pure: time is passed in, frames go to a sink. Repeated
// packets are the replay window's business and must not come here; what to play in a gap is the decoder's.

/** Packets that may wait for a missing one. A packet further ahead than this is no reordering: it is gone on from at once. */
export const REORDER_WINDOW_PACKETS = 10
const MIN_HOLD_MS = 20
const HOLD_FRAMES = 1.5
/** Slots kept for use again by all buffers of a pool; with 5 % loss some 2 per 100 channels are in use. */
const POOLED_SLOTS = 1_024

/** Takes frames in rising `seq`. `payload` may be used until it returns. */
export type ReorderSink = (seq: number, mediaTime: number, payload: Uint8Array, receivedAtMs: number) => void

/** Where a packet went: straight to the sink, into the buffer, or nowhere as its place had been given up. */
export type ReorderOutcome = 'passed' | 'held' | 'late'

/** What happened to packets; one tally may serve many buffers. Counts since it was made. */
export interface ReorderTally {
  /** Frames that were waited for and given up. */
  missing: number
  /** Packets that came after a later one and still in time. */
  reordered: number
  /** Packets that came after their place had been given up. */
  late: number
  /** Frames that were jumped over without waiting. */
  skipped: number
}

export const newReorderTally = (): ReorderTally => ({ missing: 0, reordered: 0, late: 0, skipped: 0 })

interface Slot {
  seq: number
  mediaTime: number
  receivedAtMs: number
  /** On the clock of `push` and `expire`. */
  heldSinceMs: number
  byteLength: number
  readonly bytes: Uint8Array
}

/** Memory for held payloads, shared by the buffers of one thread. Each slot holds `maxPayloadBytes`. */
export class ReorderPool {
  readonly #maxPayloadBytes: number
  readonly #free: Slot[] = []

  constructor(maxPayloadBytes: number) {
    this.#maxPayloadBytes = maxPayloadBytes
  }

  /** Slots waiting to be used again. */
  get freeSlots(): number {
    return this.#free.length
  }

  take(): Slot {
    return (
      this.#free.pop() ?? {
        seq: 0,
        mediaTime: 0,
        receivedAtMs: 0,
        heldSinceMs: 0,
        byteLength: 0,
        bytes: new Uint8Array(this.#maxPayloadBytes),
      }
    )
  }

  give(slot: Slot): void {
    if (this.#free.length < POOLED_SLOTS) this.#free.push(slot)
  }
}

export interface ReorderOptions {
  readonly frameMs: number
  readonly pool: ReorderPool
  readonly tally: ReorderTally
  readonly sink: ReorderSink
  /** The first frame expected; 0 unless told. */
  readonly nextSeq?: number
}

/**
 * Packets in order pass straight through. One that comes early waits until those before it are there, at most holdMs and at
 * most REORDER_WINDOW_PACKETS of them; then what is missing is given up and what comes of it later is refused as late. A jump
 * of more than the window releases what waits and goes on from there: those in between went another way or are long gone.
 */
export class ReorderBuffer {
  /** A packet waits at most so long: 20 ms or 1.5 frames, whichever is more. */
  readonly holdMs: number
  readonly #pool: ReorderPool
  readonly #tally: ReorderTally
  readonly #sink: ReorderSink
  /** In rising seq, each beyond #nextSeq; none while the order is undisturbed, which is nearly always. */
  readonly #held: Slot[] = []
  #nextSeq: number
  #deadlineMs = Number.POSITIVE_INFINITY

  constructor({ frameMs, pool, tally, sink, nextSeq = 0 }: ReorderOptions) {
    this.holdMs = Math.max(MIN_HOLD_MS, HOLD_FRAMES * frameMs)
    this.#nextSeq = nextSeq
    this.#pool = pool
    this.#tally = tally
    this.#sink = sink
  }

  /** The frame expected next. */
  get nextSeq(): number {
    return this.#nextSeq
  }
  /** Packets that wait. */
  get heldPackets(): number {
    return this.#held.length
  }
  /** When `expire` has something to release, on the clock of `push`; infinite while nothing waits. */
  get deadlineMs(): number {
    return this.#deadlineMs
  }

  /** Takes packet `seq` (never twice the same). `payload` is copied if it has to wait. `receivedAtMs` goes to the sink. */
  push(seq: number, mediaTime: number, payload: Uint8Array, receivedAtMs: number, nowMs: number): ReorderOutcome {
    const ahead = seq - this.#nextSeq
    if (ahead < 0) {
      this.#tally.late++
      return 'late'
    }
    if (ahead > REORDER_WINDOW_PACKETS) {
      this.flush()
      this.#tally.skipped += seq - this.#nextSeq
      this.#nextSeq = seq
    } else if (ahead > 0) {
      this.#hold(seq, mediaTime, payload, receivedAtMs, nowMs)
      return 'held'
    }
    if (this.#held.length > 0) this.#tally.reordered++
    this.#nextSeq = seq + 1
    this.#sink(seq, mediaTime, payload, receivedAtMs)
    if (this.#held.length > 0) this.#releaseWhile(this.#nextSeq)
    return 'passed'
  }

  /** Gives up what was waited for longer than holdMs. */
  expire(nowMs: number): void {
    if (nowMs < this.#deadlineMs) return
    // Every gap before an overdue packet was noticed no later than it came.
    let lastOverdue = -1
    for (let index = 0; index < this.#held.length; index++) {
      if ((this.#held[index] as Slot).heldSinceMs + this.holdMs <= nowMs) lastOverdue = index
    }
    if (lastOverdue >= 0) this.#releaseWhile((this.#held[lastOverdue] as Slot).seq)
  }

  /** Releases everything that waits. The buffer stays usable. */
  flush(): void {
    this.#releaseWhile(Number.POSITIVE_INFINITY)
  }

  /** Forgets what waits without releasing it; its memory goes back to the pool. */
  clear(): void {
    for (const slot of this.#held) this.#pool.give(slot)
    this.#held.length = 0
    this.#deadlineMs = Number.POSITIVE_INFINITY
  }

  #hold(seq: number, mediaTime: number, payload: Uint8Array, receivedAtMs: number, nowMs: number): void {
    let index = this.#held.length
    while (index > 0 && (this.#held[index - 1] as Slot).seq > seq) index--
    if (index < this.#held.length) this.#tally.reordered++
    const slot = this.#pool.take()
    slot.seq = seq
    slot.mediaTime = mediaTime
    slot.receivedAtMs = receivedAtMs
    slot.heldSinceMs = nowMs
    slot.byteLength = payload.byteLength
    slot.bytes.set(payload)
    this.#held.splice(index, 0, slot)
    this.#deadlineMs = Math.min(this.#deadlineMs, nowMs + this.holdMs)
    if (this.#held.length > REORDER_WINDOW_PACKETS) this.#releaseWhile((this.#held[0] as Slot).seq)
  }

  /** Releases up to `lastSeq`, giving up the gaps on the way, and whatever follows without a gap. */
  #releaseWhile(lastSeq: number): void {
    let released = 0
    for (const slot of this.#held) {
      if (slot.seq > lastSeq && slot.seq !== this.#nextSeq) break
      this.#tally.missing += slot.seq - this.#nextSeq
      this.#nextSeq = slot.seq + 1
      this.#sink(slot.seq, slot.mediaTime, slot.bytes.subarray(0, slot.byteLength), slot.receivedAtMs)
      this.#pool.give(slot)
      released++
    }
    this.#held.splice(0, released)
    let earliestMs = Number.POSITIVE_INFINITY
    for (const slot of this.#held) earliestMs = Math.min(earliestMs, slot.heldSinceMs)
    this.#deadlineMs = earliestMs + this.holdMs
  }
}
