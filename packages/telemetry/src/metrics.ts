// The registry behind /metrics. Code that works counts in plain numbers; this reads them when somebody scrapes, so that the
// hot path never pays for a metric (a labelled increment costs ten times a plain one).
import type { Histogram as Durations } from '@parley/kernel'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { collectedHistogram } from './collected-histogram.ts'
import {
  type CollectedHistogramName,
  type CollectedName,
  type LabelOf,
  METRICS,
  type MetricEntry,
} from './metric-names.ts'

/** One number, or one per label set. */
export type Reading<Name extends CollectedName> = [LabelOf<Name>] extends [never]
  ? number
  : readonly { readonly labels: Readonly<Record<LabelOf<Name>, string>>; readonly value: number }[]

export type DurationsByLabel<Name extends CollectedHistogramName> = readonly {
  readonly labels: Readonly<Record<LabelOf<Name>, string>>
  readonly durationsMs: Pick<Durations, 'count' | 'sum' | 'countUpTo'>
}[]

export interface HttpSample {
  readonly method: string
  /** The route's template, never the path asked for. */
  readonly route: string
  readonly status: number
  readonly durationMs: number
}

/** Answered requests so far, for the health report. */
export interface HttpTotals {
  readonly requests: number
  readonly byStatus: Readonly<Record<string, number>>
}

export interface Metrics {
  readonly contentType: string
  /** Registers `read` as the source of a metric; counters must answer with totals since start. Once per name. */
  collect<Name extends CollectedName>(name: Name, read: () => Reading<Name>): void
  /** The same for a histogram of seconds; durations in ms, all since start. */
  collectHistogram<Name extends CollectedHistogramName>(name: Name, read: () => DurationsByLabel<Name>): void
  /** Counts one answered request. */
  http(sample: HttpSample): void
  httpTotals(): HttpTotals
  /** The exposition in the Prometheus text format. */
  expose(): Promise<string>
}

interface LabelledValue {
  readonly labels: Record<string, string>
  readonly value: number
}

/** A registry of its own: several in one process do not meet. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const http = createHttpMetrics(registry)
  const taken = new Set<string>()
  const take = (name: string) => {
    if (taken.has(name)) throw new Error(`metric ${name} has a source already`)
    taken.add(name)
  }
  return {
    contentType: registry.contentType,
    collect(name, read) {
      take(name)
      register(registry, name, METRICS[name], read as () => number | readonly LabelledValue[])
    },
    collectHistogram(name, read) {
      take(name)
      registry.registerMetric(collectedHistogram(name, METRICS[name], read))
    },
    http: http.record,
    httpTotals: http.totals,
    expose: () => registry.metrics(),
  }
}

function register(
  registry: Registry,
  name: string,
  entry: MetricEntry,
  read: () => number | readonly LabelledValue[],
): void {
  const options = { name, help: entry.meaning, labelNames: entry.labels, registers: [registry] }
  if (entry.type === 'counter') {
    new Counter({
      ...options,
      collect() {
        this.reset()
        eachValue(read(), (value, labels) => (labels ? this.inc(labels, value) : this.inc(value)))
      },
    })
    return
  }
  new Gauge({
    ...options,
    collect() {
      this.reset()
      eachValue(read(), (value, labels) => (labels ? this.set(labels, value) : this.set(value)))
    },
  })
}

function eachValue(
  reading: number | readonly LabelledValue[],
  apply: (value: number, labels: Record<string, string> | undefined) => void,
): void {
  if (typeof reading === 'number') apply(reading, undefined)
  else for (const { labels, value } of reading) apply(value, labels)
}

function createHttpMetrics(registry: Registry) {
  const requests = METRICS.parley_http_requests_total
  const duration = METRICS.parley_http_request_duration_seconds
  const counter = new Counter({
    name: 'parley_http_requests_total',
    help: requests.meaning,
    labelNames: requests.labels,
    registers: [registry],
  })
  const histogram = new Histogram({
    name: 'parley_http_request_duration_seconds',
    help: duration.meaning,
    labelNames: duration.labels,
    buckets: [...duration.buckets],
    registers: [registry],
  })
  let total = 0
  const byStatus: Record<string, number> = {}
  return {
    record({ method, route, status, durationMs }: HttpSample): void {
      total++
      byStatus[status] = (byStatus[status] ?? 0) + 1
      counter.inc({ method, route, status: String(status) })
      histogram.observe({ route, status: String(status) }, durationMs / 1000)
    },
    totals: (): HttpTotals => ({ requests: total, byStatus: { ...byStatus } }),
  }
}
