import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BEHIND_MS, behindMs, IN_STEP_MS, isBetterElsewhere, restMs } from './behind.ts'

test('[BH1] what a worker may still have to catch up does not count, what it should have caught up does', () => {
  assert.equal(behindMs({ unansweredMs: 300, backlogMs: 0, sinceOpenedMs: 60_000 }), 300)
  assert.equal(behindMs({ unansweredMs: 20_000, backlogMs: 20_000, sinceOpenedMs: 0 }), 0)
  assert.equal(behindMs({ unansweredMs: 15_000, backlogMs: 20_000, sinceOpenedMs: 10_000 }), 0)
  assert.equal(behindMs({ unansweredMs: 22_000, backlogMs: 20_000, sinceOpenedMs: 10_000 }), 7_000)
  assert.equal(behindMs({ unansweredMs: 6_000, backlogMs: 20_000, sinceOpenedMs: 60_000 }), 6_000)
})

test('[BH2] a stream far behind is moved to a worker in step, unless another stream shows that its own worker is', () => {
  const far = BEHIND_MS
  assert.equal(isBetterElsewhere(far - 1, [far - 1], [[]]), false)
  assert.equal(isBetterElsewhere(far, [far], [[]]), true, 'a worker without streams is in step')
  assert.equal(isBetterElsewhere(far, [far], []), false, 'nobody has room')
  assert.equal(isBetterElsewhere(far, [far, IN_STEP_MS - 1], [[]]), false)
  assert.equal(isBetterElsewhere(far, [far, far + 1], [[IN_STEP_MS, 0], [10]]), true)
  assert.equal(isBetterElsewhere(far, [far], [[10, IN_STEP_MS]]), false)
})

test('[BH2] property: when every worker is behind, nobody is moved', () => {
  const behind = fc.integer({ min: IN_STEP_MS, max: 60_000 })
  const lags = fc.array(behind, { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(lags, fc.array(lags, { maxLength: 4 }), (own, others) => {
      for (const lagMs of own) assert.equal(isBetterElsewhere(lagMs, own, others), false)
    }),
  )
})

test('[BH3] each move makes the next wait twice as long, up to 8 minutes', () => {
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 6, 60].map(restMs),
    [0, 30_000, 60_000, 120_000, 240_000, 480_000, 480_000, 480_000],
  )
})
