// The flushes of one stream that have not been answered, in order. Bounded: the oldest is forgotten beyond MAX_FLUSHES (FO1).

const MAX_FLUSHES = 64

export interface PendingFlush {
  readonly flushId: number
  /** Number of the first frame after the flush. */
  readonly beforeNo: number
  /** Media time of the end of the audio before it. */
  readonly endMedia: number
  /** When the present worker was sent it; undefined before that. */
  sentAtMs: number | undefined
  /** Audio that was unanswered then, in ms: what has to be recognised first. */
  unansweredMs: number
}

export class PendingFlushes {
  #flushes: PendingFlush[] = []

  add(flushId: number, beforeNo: number, endMedia: number): void {
    if (this.#flushes.length >= MAX_FLUSHES) this.#flushes.shift()
    this.#flushes.push({ flushId, beforeNo, endMedia, sentAtMs: undefined, unansweredMs: 0 })
  }

  /** The next one to send. */
  next(): PendingFlush | undefined {
    return this.#flushes.length === 0 ? undefined : this.#flushes.find((flush) => flush.sentAtMs === undefined)
  }

  /** How many have been sent. */
  get sent(): number {
    return this.#flushes.filter((flush) => flush.sentAtMs !== undefined).length
  }

  /** The one that has been out for longest. */
  get oldestSent(): PendingFlush | undefined {
    const [first] = this.#flushes
    return first?.sentAtMs === undefined ? undefined : first
  }

  /** Another worker is to be sent all of them. */
  unsend(): void {
    for (const flush of this.#flushes) flush.sentAtMs = undefined
  }

  /** Takes out the one that was answered and those before it; empty when it is not among those that were sent. */
  takeAnswered(flushId: number): readonly PendingFlush[] {
    const index = this.#flushes.findIndex((flush) => flush.sentAtMs !== undefined && flush.flushId === flushId)
    return this.#flushes.splice(0, index + 1)
  }

  /** Takes out the leading ones whose audio ends at or before `media`. */
  takeUntil(media: number): readonly PendingFlush[] {
    const first = this.#flushes.findIndex((flush) => flush.endMedia > media)
    return this.#flushes.splice(0, first < 0 ? this.#flushes.length : first)
  }

  clear(): void {
    this.#flushes = []
  }
}
