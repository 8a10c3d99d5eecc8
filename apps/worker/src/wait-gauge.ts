// Waits that are going on: how many, and how long the longest of them is. Time comes from whoever asks.

export class WaitGauge {
  readonly #beganAtMs = new Map<object, number>()

  get count(): number {
    return this.#beganAtMs.size
  }

  /** A wait begins; the function returned ends it. */
  begin(nowMs: number): () => void {
    const wait = {}
    this.#beganAtMs.set(wait, nowMs)
    return () => void this.#beganAtMs.delete(wait)
  }

  /** How long the longest one has lasted at `nowMs`; 0 when there is none. */
  longestMs(nowMs: number): number {
    // Insertion order: the first is the oldest.
    const [oldest] = this.#beganAtMs.values()
    return oldest === undefined ? 0 : Math.max(0, nowMs - oldest)
  }
}
