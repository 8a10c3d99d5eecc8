import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Histogram } from '@parley/kernel'
import { createMetrics } from '@parley/telemetry'
import { collectRecords, NO_RECORDS_REPORT } from './records-metrics.ts'
import { recordsHealth, recordsReport } from './records-report.ts'

const WRITER = {
  queued: 2,
  written: 100,
  spilled: 7,
  dropped: { queueFull: 1, spillFull: 2, unreadable: 3, invalid: 4, notKept: 50, forgotten: 60 },
  spillRows: 5,
  spillBytes: 900,
  lostSinceMs: undefined,
}
const FACTS = { kind: 'sqlite', place: '/data/records.db', connections: { open: 1, inUse: 1, waiting: 3 } } as const

test('[REC8] health counts what is lost apart from what was left out on purpose, and says in words that the database is away', () => {
  const report = recordsReport({ ...FACTS, writer: WRITER, queries: new Map(), nowMs: 10_000 })
  assert.deepEqual(recordsHealth(report), {
    isEnabled: true,
    database: 'sqlite',
    queued: 2,
    writtenTotal: 100,
    spilledTotal: 7,
    waitingOnDisk: 5,
    waitingOnDiskBytes: 900,
    lostTotal: 10,
  })
  const lost = recordsReport({ ...FACTS, writer: { ...WRITER, lostSinceMs: 0 }, queries: new Map(), nowMs: 61_000 })
  const { warning } = recordsHealth(lost) as { warning?: string }
  assert.match(warning ?? '', /\/data\/records\.db.* lost for 61 s: records wait on disk, sessions go on/)
  assert.deepEqual(recordsHealth(undefined), { isEnabled: false })
})

test('[REC8] metrics name reasons, states and queries', async () => {
  const metrics = createMetrics()
  const durationsMs = new Histogram()
  durationsMs.record(3)
  const queries = new Map([['sessions.list', { durationsMs, failed: 2, slow: 0 }]])
  collectRecords(metrics, () => ({ ...NO_RECORDS_REPORT, ...WRITER, ...FACTS, lostForMs: 1_500, queries }))
  const text = await metrics.expose()
  for (const line of [
    'parley_records_queued 2',
    'parley_records_dropped_total{reason="queue_full"} 1',
    'parley_records_dropped_total{reason="not_kept"} 50',
    'parley_records_database_lost_seconds 1.5',
    'parley_records_connections{state="in_use"} 1',
    'parley_records_queries_failed_total{query="sessions.list"} 2',
    'parley_records_query_duration_seconds_bucket{le="0.005",query="sessions.list"} 1',
  ]) {
    assert.ok(text.includes(`\n${line}\n`), line)
  }
})
