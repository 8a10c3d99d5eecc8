import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AudioWindow } from './audio-window.ts'

const AHEAD_MS = 10_000

test('[SP1] audio at the pace it is spoken always finds room, whatever is heard of it', () => {
  const window = new AudioWindow(AHEAD_MS, 0)
  for (let nowMs = 0; nowMs < 120_000; nowMs += 20) {
    assert.ok(window.roomMs(nowMs) > AHEAD_MS - 100)
    window.hand(20, nowMs)
  }
})

test('[SP1] a file waits at the bound, and goes on as it is recognised', () => {
  const window = new AudioWindow(AHEAD_MS, 0)
  window.hand(AHEAD_MS, 0)
  assert.equal(window.roomMs(0), 0)
  window.reach(4_000, 0)
  assert.equal(window.roomMs(0), 4_000)
  assert.equal(window.handedMs, AHEAD_MS)
})

test('[SP1] without news it goes on at true pace: silence of the recogniser stops nobody', () => {
  const window = new AudioWindow(AHEAD_MS, 0)
  window.hand(AHEAD_MS + 500, 0)
  assert.equal(window.roomMs(0), -500)
  assert.equal(window.roomMs(1_500), 1_000)
})

test('[SP1] old news change nothing, and nothing is taken for recognised that was not handed on', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('hand' as const), ms: fc.nat({ max: 5_000 }) }),
    fc.record({ kind: fc.constant('reach' as const), ms: fc.nat({ max: 60_000 }) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.nat({ max: 5_000 }) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const window = new AudioWindow(AHEAD_MS, 0)
      let nowMs = 0
      for (const { kind, ms } of steps) {
        const before = window.roomMs(nowMs)
        if (kind === 'hand') {
          window.hand(ms, nowMs)
          assert.ok(Math.abs(window.roomMs(nowMs) - (before - ms)) < 1e-6)
        } else if (kind === 'reach') {
          window.reach(ms, nowMs)
          assert.ok(window.roomMs(nowMs) >= before - 1e-6)
        } else {
          nowMs += ms
          assert.ok(window.roomMs(nowMs) >= before - 1e-6)
        }
        assert.ok(window.roomMs(nowMs) <= AHEAD_MS + 1e-6)
      }
    }),
  )
})
