// Which utterances of a session are open, and their revisions: the guard of "exactly one final or abandoned" (UT1) on the
// way to clients, whatever recognition says twice or too late.

/** Open utterances a session may have; recognition has one or two. A bound, so that a mad worker cannot fill a pod. */
export const MAX_OPEN_UTTERANCES = 64

export class UtteranceLog {
  /** Lowest index nothing has been heard of. */
  #nextIndex: number
  /** index -> revision last given out; 0 for an utterance implied by a higher index and not heard yet. */
  #open: Map<number, number> | undefined

  constructor(firstIndex: number) {
    this.#nextIndex = firstIndex
  }

  get nextIndex(): number {
    return this.#nextIndex
  }

  get openCount(): number {
    return this.#open?.size ?? 0
  }

  /** Revision of a further partial; 0 when the utterance is settled already and the partial is void. */
  revise(index: number): number {
    const revision = this.#revisionOf(index)
    if (revision === undefined) return 0
    this.#open?.set(index, revision + 1)
    return revision + 1
  }

  /** Revision of the final or abandoned that settles the utterance; 0 when it was settled before. */
  settle(index: number): number {
    const revision = this.#revisionOf(index)
    if (revision === undefined) return 0
    this.#open?.delete(index)
    return revision + 1
  }

  /** Open utterances, in order of index. */
  open(): number[] {
    return this.#open ? [...this.#open.keys()].sort((a, b) => a - b) : []
  }

  #revisionOf(index: number): number | undefined {
    const known = this.#open?.get(index)
    if (known !== undefined) return known
    if (index < this.#nextIndex) return undefined
    if (index - this.#nextIndex + this.openCount >= MAX_OPEN_UTTERANCES) return undefined
    this.#open ??= new Map()
    // Indices rise by one: whatever lies between has begun as well.
    for (; this.#nextIndex <= index; this.#nextIndex++) this.#open.set(this.#nextIndex, 0)
    return 0
  }
}
