// How long queries take, by name, and which were slow. Names only: values of rows never reach a log.
import { type Clock, Histogram, ok, type Result } from '@parley/kernel'
import type { Logger } from '@parley/telemetry'
import { caught, type StoreError, type StoreErrorCode } from './store-error.ts'

/** A query that takes longer is written to the log. */
export const SLOW_QUERY_MS = 1_000

export interface QueryFigures {
  readonly durationsMs: Histogram
  readonly failed: number
  readonly slow: number
}

interface Counted {
  readonly durationsMs: Histogram
  failed: number
  slow: number
}

export class QueryStats {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #byName = new Map<string, Counted>()

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock
    this.#logger = logger
  }

  /** Figures by query name since the start. */
  get figures(): ReadonlyMap<string, QueryFigures> {
    return this.#byName
  }

  /** Runs `work` under `name`; what it throws of the database comes back as a value. */
  measured<T>(name: string, work: () => Promise<T>): Promise<Result<T, StoreError>> {
    return this.measuredResult(name, async () => ok(await work()))
  }

  /** The same for work that has an outcome of its own. */
  async measuredResult<T>(name: string, work: () => Promise<Result<T, StoreError>>): Promise<Result<T, StoreError>> {
    const startedMs = this.#clock.nowMs()
    const result = await caught(work)
    this.#count(name, this.#clock.nowMs() - startedMs, result.ok ? undefined : result.error.code)
    return result
  }

  #count(name: string, durationMs: number, code: StoreErrorCode | undefined): void {
    let counted = this.#byName.get(name)
    if (!counted) {
      counted = { durationsMs: new Histogram(), failed: 0, slow: 0 }
      this.#byName.set(name, counted)
    }
    counted.durationsMs.record(durationMs)
    if (code !== undefined) counted.failed++
    if (durationMs <= SLOW_QUERY_MS) return
    counted.slow++
    this.#logger.warn({ query: name, durationMs: Math.round(durationMs), code }, 'a query was slow')
  }
}
