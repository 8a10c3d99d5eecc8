import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluatePlan } from './evaluate.ts'
import { checkPlanOfSeed, nothingSeen, quantiles } from './testing/properties.ts'
import { examplePlan } from './testing/plans.ts'

const PLANS = 150

test('[PLN20, PLN21, PLN22, PLN32, PLN36] drawn plans: ranges hold every sample, more users never cost less, reserves never help', (t) => {
  const seen = nothingSeen()
  for (let seed = 1; seed <= PLANS; seed += 1) checkPlanOfSeed(seed, seen)
  const { median, ninth } = quantiles(seen.widthRatios)
  t.diagnostic(`${seen.ranges} ranges, ${seen.widthRatios.length} not exact: median ${median.toFixed(2)}, ninth ${ninth.toFixed(2)} times the width of samples`)
  // The plans that were drawn do move what the properties speak of.
  assert.ok(seen.ranges > PLANS * 5)
  assert.ok(seen.capacityMoved > PLANS / 2)
  assert.ok(seen.instancesMoved > PLANS / 3)
  assert.ok(median < 2, `half of the enclosures are more than ${median} times as wide as need be`)
})

test('[PLN24] the same seed gives the same answer', () => {
  const plan = examplePlan()
  assert.deepEqual(evaluatePlan(plan, { seed: 3 }), evaluatePlan(examplePlan(), { seed: 3 }))
})
