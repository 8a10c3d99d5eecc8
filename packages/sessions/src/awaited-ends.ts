// The ends of audio that an owner waits for (CAP4): each is answered once all of it is recognised and its finals are due nothing any more.

/** audio.end requests that may wait for their answer at a time. */
export const MAX_PENDING_FLUSHES = 8

export interface AwaitedEnd {
  readonly flushId: number
  readonly requestId: string | undefined
  readonly lastSeq: number
  /** What had become due when all was recognised; undefined before that. */
  dueSerial?: number
}

export class AwaitedEnds {
  #ends: AwaitedEnd[] | undefined
  #lastFlushId = 0

  /** The id for the flush, or undefined when MAX_PENDING_FLUSHES are waiting already. */
  add(lastSeq: number, requestId: string | undefined): number | undefined {
    this.#ends ??= []
    if (this.#ends.length >= MAX_PENDING_FLUSHES) return undefined
    this.#lastFlushId++
    this.#ends.push({ flushId: this.#lastFlushId, requestId, lastSeq })
    return this.#lastFlushId
  }

  /** All of it is recognised; what became due last has the number `dueSerial`. False when nobody waits for it. */
  recognised(flushId: number, dueSerial: number): boolean {
    const end = this.#ends?.find((one) => one.flushId === flushId)
    if (end) end.dueSerial = dueSerial
    return end !== undefined
  }

  /** Those that can be answered now, in order; they wait no longer. */
  take(isDone: (serial: number) => boolean): AwaitedEnd[] {
    const done = this.#ends?.filter(({ dueSerial }) => dueSerial !== undefined && isDone(dueSerial)) ?? []
    if (done.length > 0) this.#ends = this.#ends?.filter((end) => !done.includes(end))
    return done
  }
}
