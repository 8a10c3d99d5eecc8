// What `parley bench` runs: each benchmarks/NAME/NAME.bench.ts exports one of these as `benchmark`.

export interface BenchContext {
  /** Tells a person what is going on; silent with --json. */
  progress(line: string): void
  /** Fewer and shorter runs: to see that it works, not to quote. */
  readonly quick: boolean
}

export interface Benchmark {
  readonly summary: string
  /** A JSON value with units in its names. */
  run(context: BenchContext): Promise<BenchReport>
}

export interface BenchReport {
  /** Lines for a person. */
  readonly lines: readonly string[]
  readonly data: object
  /** Every number to hold was held. */
  readonly held: boolean
}
