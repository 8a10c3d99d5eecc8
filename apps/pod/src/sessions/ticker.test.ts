import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import { TICK_MS, Ticker } from './ticker.ts'

test('[TK1] one timer, started and stopped as often as one likes', () => {
  const clock = new ManualClock()
  let beats = 0
  const ticker = new Ticker(clock, () => {
    beats++
  })
  assert.equal(clock.pendingTimers, 0)
  ticker.start()
  ticker.start()
  assert.equal(clock.pendingTimers, 1)
  clock.advance(TICK_MS * 5)
  assert.equal(beats, 5)
  ticker.stop()
  ticker.stop()
  assert.equal(clock.pendingTimers, 0)
  ticker.start()
  clock.advance(TICK_MS)
  assert.equal(beats, 6)
})

test('[LV3] a beat after a stall knows how late it is', () => {
  const clock = new ManualClock()
  const lateness: number[] = []
  let beat = (): void => {}
  let nowMs = 0
  const stalling = {
    ...clock,
    nowMs: () => nowMs,
    wallMs: () => nowMs,
    after: clock.after.bind(clock),
    every: (_periodMs: number, fn: () => void) => {
      beat = fn
      return { cancel: () => {} }
    },
  }
  new Ticker(stalling, (_nowMs, latenessMs) => lateness.push(latenessMs)).start()
  for (const at of [TICK_MS, TICK_MS * 2 + 5_000, TICK_MS * 3 + 5_000]) {
    nowMs = at
    beat()
  }
  assert.deepEqual(lateness, [0, 5_000, 0])
})
