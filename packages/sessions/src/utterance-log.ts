// Which utterances of a session are open, and their revisions: the guard of "exactly one final or abandoned" (UT1) on the
// way to clients, whatever recognition says twice or too late.

/** Open utterances a session may have; recognition has one or two. A bound, so that a mad worker cannot fill a pod. */
export const MAX_OPEN_UTTERANCES = 64

export class UtteranceLog {
  /** Lowest index nothing has been heard of. */
  #nextIndex: number
  /** The open ones, in order: there is one, rarely two. Arrays, as a map that is filled and emptied all the time keeps rebuilding itself. */
  readonly #open: number[] = []
  /** Beside each its revision last given out; 0 for an utterance implied by a higher index and not heard yet. */
  readonly #revisions: number[] = []

  constructor(firstIndex: number) {
    this.#nextIndex = firstIndex
  }

  get nextIndex(): number {
    return this.#nextIndex
  }

  get openCount(): number {
    return this.#open.length
  }

  /** Revision of a further partial; 0 when the utterance is settled already and the partial is void. */
  revise(index: number): number {
    const place = this.#placeOf(index)
    if (place < 0) return 0
    const revision = (this.#revisions[place] as number) + 1
    this.#revisions[place] = revision
    return revision
  }

  /** Revision of what was made of an utterance that has begun; 0 when it has not, or is settled. */
  reviseOpen(index: number): number {
    return index < this.#nextIndex ? this.revise(index) : 0
  }

  /** Revision of the final or abandoned that settles the utterance; 0 when it was settled before. */
  settle(index: number): number {
    const place = this.#placeOf(index)
    if (place < 0) return 0
    const revision = (this.#revisions[place] as number) + 1
    this.#open.splice(place, 1)
    this.#revisions.splice(place, 1)
    return revision
  }

  /** Open utterances, in order of index. */
  open(): number[] {
    return [...this.#open]
  }

  #placeOf(index: number): number {
    const known = this.#open.indexOf(index)
    if (known >= 0 || index < this.#nextIndex) return known
    if (index - this.#nextIndex + this.openCount >= MAX_OPEN_UTTERANCES) return -1
    // Indices rise by one: whatever lies between has begun as well.
    for (; this.#nextIndex <= index; this.#nextIndex++) {
      this.#open.push(this.#nextIndex)
      this.#revisions.push(0)
    }
    return this.#open.length - 1
  }
}
