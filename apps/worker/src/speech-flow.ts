// How much of a speech may be sent: what the pod has already is left out, what it has not asked for yet waits. Counts samples; no I/O.

export class SpeechFlow {
  readonly #samplesPerMs: number
  readonly #fromSample: number
  /** First sample that may not be sent yet. */
  #creditSample = 0
  /** Samples made so far. */
  #made = 0
  /** Made, and not sent yet: less than one chunk. */
  #rest: Int16Array = EMPTY

  constructor(sampleRateHz: number, fromSample: number, creditMs: number) {
    this.#samplesPerMs = sampleRateHz / 1000
    this.#fromSample = fromSample
    this.grant(creditMs)
  }

  /** Samples of the speech made so far, those that were not sent included. */
  get made(): number {
    return this.#made
  }

  /**
   * Whether the next chunk is wanted: nothing is left of the last one, and the credit (or what the pod has already) reaches its end. One
   * chunk is made ahead of the credit, so that the end of a speech is known when its last sample has been sent.
   */
  get wantsMore(): boolean {
    return this.#rest.length === 0 && this.#made <= Math.max(this.#creditSample, this.#fromSample)
  }

  /** Absolute; one that is not larger than an earlier one changes nothing. */
  grant(creditMs: number): void {
    this.#creditSample = Math.max(this.#creditSample, Math.floor(creditMs * this.#samplesPerMs))
  }

  /** The next chunk was made. */
  add(chunk: Int16Array): void {
    const skipped = Math.max(0, Math.min(chunk.length, this.#fromSample - this.#made))
    this.#made += chunk.length
    this.#rest = chunk.subarray(skipped)
  }

  /** What may be sent now, and its place in the speech; undefined when nothing may. */
  take(): { readonly sample: number; readonly samples: Int16Array } | undefined {
    const sample = this.#made - this.#rest.length
    const samples = this.#rest.subarray(0, Math.max(0, this.#creditSample - sample))
    if (samples.length === 0) return undefined
    this.#rest = this.#rest.subarray(samples.length)
    return { sample, samples }
  }
}

const EMPTY = new Int16Array(0)
