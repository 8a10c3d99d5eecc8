/** Samples in the order they came, taken in any lengths. Bounded by who fills it: it holds what one piece of text sounds like. */
export class AudioQueue {
  #parts: Int16Array[] = []
  /** First part not yet used up, and how much of it is. */
  #part = 0
  #offset = 0
  #length = 0

  /** Samples held. */
  get length(): number {
    return this.#length
  }

  /** Takes `samples` over. */
  push(samples: Int16Array): void {
    if (samples.length === 0) return
    this.#parts.push(samples)
    this.#length += samples.length
  }

  /** The oldest `count` samples, or as many as there are, in an array of their own. */
  take(count: number): Int16Array {
    const taken = new Int16Array(Math.min(count, this.#length))
    let filled = 0
    while (filled < taken.length) {
      const part = this.#parts[this.#part] as Int16Array
      const from = part.subarray(this.#offset, this.#offset + taken.length - filled)
      taken.set(from, filled)
      filled += from.length
      this.#offset += from.length
      if (this.#offset === part.length) this.#nextPart()
    }
    this.#length -= taken.length
    return taken
  }

  #nextPart(): void {
    this.#offset = 0
    this.#part++
    if (this.#part < this.#parts.length) return
    this.#parts = []
    this.#part = 0
  }
}
