import assert from 'node:assert/strict'
import { test } from 'node:test'
import { coalesceMs, LONG_SLEEP_MS, SHORT_SLEEP_MS } from './coalesce.ts'

/** Sleeps and packets of each, at a steady rate, as the thread lives through them: turns of at most 32. */
function live(packetsPerSecond: number, wakes: number, firstSleepMs = SHORT_SLEEP_MS): number[] {
  const sleeps: number[] = []
  let sleepMs = firstSleepMs
  for (let wake = 0; wake < wakes; wake++) {
    let left = Math.round((packetsPerSecond * sleepMs) / 1000)
    let taken = 0
    let next = 0
    while (next === 0) {
      const turn = Math.min(32, left)
      left -= turn
      taken += turn
      next = coalesceMs(turn === 32, taken)
    }
    sleepMs = next
    sleeps.push(sleepMs)
  }
  return sleeps
}

test('[UD17] never sleeps while more may be waiting', () => {
  for (const packets of [1, 48, 1_000]) assert.equal(coalesceMs(true, packets), 0)
})

test('[UD17] sleeps longer the more packets come, and keeps to it at a steady rate', () => {
  assert.deepEqual(new Set(live(1_000, 50)), new Set([SHORT_SLEEP_MS]))
  assert.deepEqual(new Set(live(50_000, 50)), new Set([LONG_SLEEP_MS]))
  // In between it stays as it is: no change at every wake.
  assert.deepEqual(new Set(live(16_000, 50, SHORT_SLEEP_MS)), new Set([SHORT_SLEEP_MS]))
  assert.deepEqual(new Set(live(16_000, 50, LONG_SLEEP_MS)), new Set([LONG_SLEEP_MS]))
})
