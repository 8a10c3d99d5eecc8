import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPlanOfSeed, nothingSeen, quantiles } from './testing/properties.ts'

const PLANS = 10_000
const FIRST_SEED = 1_000

test('[PLN20, PLN21, PLN32, PLN36] ten thousand drawn plans hold the properties', (t) => {
  const seen = nothingSeen()
  for (let seed = FIRST_SEED; seed < FIRST_SEED + PLANS; seed += 1) checkPlanOfSeed(seed, seen)
  const { median, ninth } = quantiles(seen.widthRatios)
  t.diagnostic(`${seen.ranges} ranges, ${seen.widthRatios.length} not exact: median ${median.toFixed(2)}, ninth ${ninth.toFixed(2)} times the width of samples`)
  assert.equal(seen.plans, PLANS)
  assert.ok(median < 2)
})
