import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Budget } from './budget.ts'
import { NO_LIMITS, usableLimits } from './limits.ts'
import { TokenEstimator } from './token-estimator.ts'

test('[BG1, BG5] of the limits a provider states nine tenths are used; calls at a time are 5 and 2 unless told', () => {
  const limits = usableLimits({ requestsPerMinute: 500, tokensPerMinute: 99 })
  assert.deepEqual(limits, { requestsPerMinute: 450, tokensPerMinute: 89, partialConcurrency: 5, finalConcurrency: 2 })
  assert.equal(usableLimits({ requestsPerMinute: 1 }).requestsPerMinute, 1)
  assert.equal(usableLimits({ requestsPerMinute: 0 }).requestsPerMinute, 0)
  assert.equal(usableLimits({}).tokensPerMinute, Number.POSITIVE_INFINITY)
  assert.equal(usableLimits({ requestsPerMinute: 500, safetyRatio: 0.5 }).requestsPerMinute, 250)
})

test('[BG5] places of partials and finals are counted apart, and given back once', () => {
  const budget = new Budget(usableLimits({}), 0)
  const finals = [budget.take('final', 1, 0), budget.take('final', 1, 0)]
  assert.deepEqual([budget.isFull('final'), budget.isFull('partial')], [true, false])
  budget.settle(finals[0] as (typeof finals)[0], 5, 10)
  budget.settle(finals[0] as (typeof finals)[0], 500, 20)
  assert.equal(budget.isFull('final'), false)
  assert.deepEqual(budget.use(20), {
    requestsPerMinute: 2,
    tokensPerMinute: 6,
    partials: 0,
    finals: 1,
    pausedForMs: 0,
  })
})

test('[BG3] after as many partials as may go, a final still goes at once', () => {
  const budget = new Budget({ ...NO_LIMITS, requestsPerMinute: 60, tokensPerMinute: 6_000 }, 0)
  let partials = 0
  while (budget.waitMs('partial', 30, 0) === 0) {
    budget.take('partial', 30, 0)
    partials++
  }
  assert.ok(partials >= 1)
  assert.equal(budget.waitMs('final', 30, 0), 0)
})

test('[BG6] a pause holds everything back until it is over, and the longest wish counts', () => {
  const budget = new Budget(NO_LIMITS, 0)
  budget.pause(5_000)
  budget.pause(1_000)
  assert.equal(budget.waitMs('final', 1, 2_000), 3_000)
  assert.equal(budget.use(2_000).pausedForMs, 3_000)
  assert.equal(budget.waitMs('final', 1, 5_000), 0)
})

test('[BG7] without any place, or any request, nothing ever goes', () => {
  const none = { ...NO_LIMITS, finalConcurrency: 0 }
  assert.equal(new Budget(none, 0).waitMs('final', 1, 0), Number.POSITIVE_INFINITY)
  assert.equal(new Budget(none, 0).waitMs('partial', 1, 0), 0)
  assert.equal(new Budget(usableLimits({ requestsPerMinute: 0 }), 0).waitMs('final', 1, 0), Number.POSITIVE_INFINITY)
})

test('[BG4] estimates follow what is reported, and odd reports cannot make them absurd', () => {
  const estimator = new TokenEstimator('translate')
  const first = estimator.estimate(80)
  for (let n = 0; n < 40; n++) estimator.learn(80, { inputTokens: 300, outputTokens: 100 })
  assert.ok(Math.abs(estimator.estimate(80) - 400) <= 2, `${first} -> ${estimator.estimate(80)}`)
  for (let n = 0; n < 100; n++) estimator.learn(80, { inputTokens: 0, outputTokens: 0 })
  assert.ok(estimator.estimate(80) >= 10)
  for (let n = 0; n < 100; n++) estimator.learn(1, { inputTokens: 1e12, outputTokens: 0 })
  assert.ok(estimator.estimate(80) <= 10 * first + 10)
})

test('[TX2] a call costs its share of whichever limit it uses most of; without limits, its tokens', () => {
  const budget = new Budget({ ...NO_LIMITS, requestsPerMinute: 100, tokensPerMinute: 10_000 }, 0)
  assert.equal(budget.costOf(50), 0.01)
  assert.equal(budget.costOf(500), 0.05)
  assert.equal(new Budget(NO_LIMITS, 0).costOf(7), 7)
})
