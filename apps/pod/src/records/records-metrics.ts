// Where the metrics of records come from. Queries are known by their names in the code.

import { DROP_REASONS } from '@parley/store'
import type { Metrics } from '@parley/telemetry'
import type { RecordsReport } from './records-report.ts'

/** What is exposed where no records are kept. */
export const NO_RECORDS_REPORT: RecordsReport = {
  kind: 'sqlite',
  place: '',
  queued: 0,
  written: 0,
  spilled: 0,
  dropped: Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as RecordsReport['dropped'],
  spillRows: 0,
  spillBytes: 0,
  lostForMs: undefined,
  connections: { open: 0, inUse: 0, waiting: 0 },
  queries: new Map(),
}

export function collectRecords(metrics: Metrics, read: () => RecordsReport): void {
  metrics.collect('parley_records_queued', () => read().queued)
  metrics.collect('parley_records_written_total', () => read().written)
  metrics.collect('parley_records_spilled_total', () => read().spilled)
  metrics.collect('parley_records_spill_records', () => read().spillRows)
  metrics.collect('parley_records_spill_bytes', () => read().spillBytes)
  metrics.collect('parley_records_dropped_total', () =>
    Object.entries(read().dropped).map(([reason, value]) => ({ labels: { reason: snake(reason) }, value })),
  )
  metrics.collect('parley_records_database_lost_seconds', () => (read().lostForMs ?? 0) / 1000)
  metrics.collect('parley_records_connections', () => {
    const { open, inUse, waiting } = read().connections
    return Object.entries({ open, in_use: inUse, waiting }).map(([state, value]) => ({ labels: { state }, value }))
  })
  metrics.collect('parley_records_queries_failed_total', () => eachQuery(read(), ({ failed }) => failed))
  metrics.collectHistogram('parley_records_query_duration_seconds', () =>
    [...read().queries].map(([query, { durationsMs }]) => ({ labels: { query }, durationsMs })),
  )
}

const eachQuery = ({ queries }: RecordsReport, value: (figures: { readonly failed: number }) => number) =>
  [...queries].map(([query, figures]) => ({ labels: { query }, value: value(figures) }))

/** `queueFull` is `queue_full` among labels. */
const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
