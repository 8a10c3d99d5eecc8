import assert from 'node:assert/strict'
import { test } from 'node:test'
import { durationMs, MAX_RETRY_AFTER_MS, retryAfterMs } from './retry-after.ts'

const WALL_MS = Date.parse('2026-01-01T00:00:00Z')

test('[PRV4] seconds, a date, milliseconds and the reset of a used up limit are times from now', () => {
  const cases: [Record<string, string>, number | undefined][] = [
    [{ 'retry-after': '3' }, 3_000],
    [{ 'retry-after': '0.25' }, 250],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:00:07 GMT' }, 7_000],
    [{ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 0],
    [{ 'retry-after-ms': '120', 'retry-after': '1' }, 120],
    [{ 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '1m2.5s' }, 62_500],
    [{ 'x-ratelimit-remaining-requests': '4', 'x-ratelimit-reset-requests': '9s' }, undefined],
    [{}, undefined],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '-3' }, undefined],
    [{ 'retry-after': '99999999999999' }, MAX_RETRY_AFTER_MS],
    [{ 'retry-after': 'Thu, 01 Jan 2099 00:00:00 GMT' }, MAX_RETRY_AFTER_MS],
  ]
  for (const [headers, wanted] of cases) assert.equal(retryAfterMs(headers, WALL_MS), wanted, JSON.stringify(headers))
})

test('[PRV4] durations are read whole or not at all', () => {
  assert.equal(durationMs('6m0s'), 360_000)
  assert.equal(durationMs('120ms'), 120)
  assert.equal(durationMs('1h2m3s4ms'), 3_723_004)
  for (const text of ['', '5', 's', '5s later', '-5s']) assert.equal(durationMs(text), undefined, text)
})
