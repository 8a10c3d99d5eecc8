// A mergeable latency histogram: logarithmic buckets, bounded relative error, no allocation when recording.

const BUCKETS_PER_DOUBLING = 16 // worst relative error of a quantile: 2^(1/16) - 1, about 4.4 %
const MIN_VALUE = 0.001
const BUCKET_COUNT = 512 // reaches MIN_VALUE * 2^32, more than a month in milliseconds

/** Records non-negative values of one unit (say it in the name of the variable); negative ones count as 0. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKET_COUNT)
  #count = 0
  #sum = 0
  #max = 0

  get count(): number {
    return this.#count
  }
  get sum(): number {
    return this.#sum
  }
  get max(): number {
    return this.#max
  }
  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count
  }

  record(value: number): void {
    const clean = Math.max(value, 0)
    this.#count++
    this.#sum += clean
    if (clean > this.#max) this.#max = clean
    const bucket = clean <= MIN_VALUE ? 0 : Math.ceil(Math.log2(clean / MIN_VALUE) * BUCKETS_PER_DOUBLING)
    const index = Math.min(BUCKET_COUNT - 1, bucket)
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
  }

  /** Upper bound of the bucket holding quantile `q` in [0, 1], never above the greatest value seen; 0 when empty. */
  quantile(q: number): number {
    if (this.#count === 0) return 0
    const rank = Math.max(1, Math.ceil(q * this.#count))
    let seen = 0
    for (let index = 0; index < BUCKET_COUNT; index++) {
      seen += this.#counts[index] ?? 0
      if (seen >= rank) return Math.min(this.#max, MIN_VALUE * 2 ** (index / BUCKETS_PER_DOUBLING))
    }
    return this.#max
  }

  /** How many values were at most `bound`; as exact as the buckets are: those just above it may count. */
  countUpTo(bound: number): number {
    let count = 0
    for (let index = 0; index < BUCKET_COUNT; index++) {
      // A bucket counts when its middle is within the bound: half a bucket either way.
      if (MIN_VALUE * 2 ** ((index - 0.5) / BUCKETS_PER_DOUBLING) > bound) break
      count += this.#counts[index] ?? 0
    }
    return count
  }

  merge(other: Histogram): void {
    for (let index = 0; index < BUCKET_COUNT; index++) {
      this.#counts[index] = (this.#counts[index] ?? 0) + (other.#counts[index] ?? 0)
    }
    this.#count += other.#count
    this.#sum += other.#sum
    this.#max = Math.max(this.#max, other.#max)
  }

  reset(): void {
    this.#counts.fill(0)
    this.#count = 0
    this.#sum = 0
    this.#max = 0
  }
}
