// A histogram of the exposition that is read from durations counted elsewhere: prom-client knows only those it counts itself.
import type { Metric } from 'prom-client'
import type { MetricEntry } from './metric-names.ts'

interface Counted {
  readonly labels: Readonly<Record<string, string>>
  readonly durationsMs: { readonly count: number; readonly sum: number; countUpTo(bound: number): number }
}

/** What a registry asks of a metric: everything else is for counting. */
export function collectedHistogram(name: string, entry: MetricEntry, read: () => readonly Counted[]): Metric<string> {
  const { meaning: help, buckets = [] } = entry
  const metric = {
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    reset() {},
    async get() {
      return { name, help, type: 'histogram', values: read().flatMap((counted) => valuesOf(name, buckets, counted)) }
    },
  }
  return metric as unknown as Metric<string>
}

function valuesOf(name: string, buckets: readonly number[], { labels, durationsMs }: Counted) {
  const upTo = (le: number | '+Inf', value: number) => ({
    labels: { le, ...labels },
    value,
    metricName: `${name}_bucket`,
  })
  return [
    ...buckets.map((seconds) => upTo(seconds, durationsMs.countUpTo(seconds * 1000))),
    upTo('+Inf', durationsMs.count),
    { labels, value: durationsMs.sum / 1000, metricName: `${name}_sum` },
    { labels, value: durationsMs.count, metricName: `${name}_count` },
  ]
}
