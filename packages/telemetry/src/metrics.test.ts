import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Histogram } from '@parley/kernel'
import { createMetrics, METRIC_NAMES, METRICS, type MetricEntry } from './index.ts'
import type { CollectedHistogramName, CollectedName } from './metric-names.ts'
import { checkMetrics, findPromtool } from './testing/index.ts'

function took(...durationsMs: number[]): Histogram {
  const histogram = new Histogram()
  for (const durationMs of durationsMs) histogram.record(durationMs)
  return histogram
}

/** A registry in which every metric of the catalogue has a value. */
function everyMetric() {
  const metrics = createMetrics()
  for (const name of METRIC_NAMES) {
    if (name === 'parley_http_requests_total' || name === 'parley_http_request_duration_seconds') continue
    const { labels, type } = METRICS[name] as MetricEntry
    if (type === 'histogram') {
      metrics.collectHistogram(name as CollectedHistogramName, () => [{ labels: { query: 'x' }, durationsMs: took(3) }])
      continue
    }
    const one = labels.length === 0 ? 1 : [{ labels: Object.fromEntries(labels.map((l) => [l, 'x'])), value: 1 }]
    metrics.collect(name as CollectedName, (() => one) as never)
  }
  metrics.http({ method: 'GET', route: '/livez', status: 200, durationMs: 3 })
  return metrics
}

test('[TM1] every name carries the prefix and a base unit that fits its type', () => {
  for (const name of METRIC_NAMES) {
    const entry = METRICS[name] as MetricEntry
    assert.match(name, /^parley_[a-z0-9_]+$/)
    assert.equal(entry.type === 'counter', name.endsWith('_total'), name)
    assert.doesNotMatch(name, /_(ms|millis|kb|mb|percent|minutes)(_|$)/)
    assert.match(entry.meaning, /^[A-Z0-9].*\.$/, name)
    if (entry.type === 'histogram') assert.ok(entry.buckets && entry.buckets.length > 3, name)
  }
})

test('[TM1] promtool finds nothing to complain about in the whole catalogue', async (t) => {
  const promtool = await findPromtool()
  if (!promtool.ok) return t.skip(promtool.why)
  const { exitCode, output } = await checkMetrics(promtool.path, await everyMetric().expose())
  assert.equal(output, '')
  assert.equal(exitCode, 0)
})

test('[TM1] promtool would complain about a bad name', async (t) => {
  const promtool = await findPromtool()
  if (!promtool.ok) return t.skip(promtool.why)
  const bad = '# HELP parley_wait_ms Wait.\n# TYPE parley_wait_ms counter\nparley_wait_ms 1\n'
  const { exitCode, output } = await checkMetrics(promtool.path, bad)
  assert.notEqual(exitCode, 0)
  assert.match(output, /parley_wait_ms/)
})

test('[TM2] values are read when somebody scrapes, not before, and a counter shows the total given', async () => {
  const metrics = createMetrics()
  let reads = 0
  let created = 5
  metrics.collect('parley_sessions_created_total', () => {
    reads++
    return created
  })
  assert.equal(reads, 0)
  assert.match(await metrics.expose(), /^parley_sessions_created_total 5$/m)
  created = 7
  assert.match(await metrics.expose(), /^parley_sessions_created_total 7$/m)
  assert.equal(reads, 2)
})

test('[TM2] a label set that is gone is no longer exposed', async () => {
  const metrics = createMetrics()
  let states = [
    { labels: { state: 'active' }, value: 2 },
    { labels: { state: 'opening' }, value: 1 },
  ]
  metrics.collect('parley_sessions', () => states)
  assert.match(await metrics.expose(), /parley_sessions\{state="opening"\} 1/)
  states = [{ labels: { state: 'active' }, value: 3 }]
  const exposed = await metrics.expose()
  assert.doesNotMatch(exposed, /state="opening"/)
  assert.match(exposed, /parley_sessions\{state="active"\} 3/)
})

test('[TM2] a metric has one source', () => {
  const metrics = createMetrics()
  metrics.collect('parley_watchers', () => 0)
  assert.throws(() => metrics.collect('parley_watchers', () => 1), /parley_watchers has a source already/)
})

test('[TM3] requests are counted and timed by route and status', async () => {
  const metrics = createMetrics()
  metrics.http({ method: 'POST', route: '/v1/sessions', status: 201, durationMs: 4 })
  metrics.http({ method: 'POST', route: '/v1/sessions', status: 429, durationMs: 0.2 })
  const exposed = await metrics.expose()
  assert.match(exposed, /parley_http_requests_total\{method="POST",route="\/v1\/sessions",status="201"\} 1/)
  assert.match(
    exposed,
    /parley_http_request_duration_seconds_bucket\{le="0.0025",route="\/v1\/sessions",status="201"\} 0/,
  )
  assert.match(
    exposed,
    /parley_http_request_duration_seconds_bucket\{le="0.005",route="\/v1\/sessions",status="201"\} 1/,
  )
  assert.deepEqual(metrics.httpTotals(), { requests: 2, byStatus: { 201: 1, 429: 1 } })
})

test('[TM4] no metric is labelled by session, user, tenant or address', () => {
  for (const name of METRIC_NAMES) {
    for (const label of METRICS[name].labels)
      assert.doesNotMatch(label, /session|user|tenant|address|path|url|id$/, name)
  }
})

test('[TM2] a histogram that is counted elsewhere is read in seconds, its buckets added up', async () => {
  const metrics = createMetrics()
  const durationsMs = took(0.4, 3, 3, 700, 20_000)
  metrics.collectHistogram('parley_records_query_duration_seconds', () => [{ labels: { query: 'write' }, durationsMs }])
  const text = await metrics.expose()
  assert.match(text, /^# TYPE parley_records_query_duration_seconds histogram$/m)
  const bucket = (le: string) =>
    Number(text.match(new RegExp(`_bucket\\{le="${le}",query="write"\\} (\\d+)`))?.[1] ?? Number.NaN)
  assert.deepEqual(['0.001', '0.0025', '0.005', '0.5', '1', '10', '\\+Inf'].map(bucket), [1, 1, 3, 3, 4, 4, 5])
  assert.match(text, /_sum\{query="write"\} 20\.706/m)
  assert.match(text, /_count\{query="write"\} 5$/m)
  const again = () => metrics.collectHistogram('parley_records_query_duration_seconds', () => [])
  assert.throws(again, /has a source already/)
})
