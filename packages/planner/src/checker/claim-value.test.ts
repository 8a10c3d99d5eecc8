import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_MONTH_SECONDS, type UnitContext } from '../units/unit.ts'
import { readClaimValue } from './claim-value.ts'

const context: UnitContext = {
  monthSeconds: DEFAULT_MONTH_SECONDS,
  currency: 'USD',
  foreign: new Set(['EUR']),
  nouns: new Map(),
}
const read = (value: string | number | readonly string[]) =>
  readClaimValue(value, { context, worthOf: () => 1.1, rounding: 'any', tolerance: undefined })
const claimed = (value: string | number | readonly string[]) => {
  const result = read(value)
  assert.ok(result.ok, result.ok ? '' : result.error.message)
  return result.value.claimed
}

test('[CHK1] a claim says one number with its last digit', () => {
  assert.deepEqual(claimed('102 sessions').low, { value: 102, place: 1, coarse: 1 })
  assert.deepEqual(claimed('37,500 MB').low, { value: 37_500 * 8e6, place: 8e6, coarse: 8e8 })
  assert.deepEqual(claimed('$0.15').low, { value: 0.15, place: 0.01, coarse: 0.01 })
  assert.equal(claimed('12.5%').low.value, 0.125)
  assert.equal(claimed('-514').low.value, -514)
  assert.equal(claimed(3).low.value, 3)
})

test('[CHK4] a claim says a range, in one text or as a list', () => {
  for (const value of ['50..60 sessions', ['50 sessions', '60 sessions']]) {
    const { low, high, isRange } = claimed(value)
    assert.deepEqual([low.value, high.value, isRange], [50, 60, true])
  }
})

test('[CHK2, CHK5] what stands before the number says how it is meant', () => {
  assert.equal(claimed('at most $0.10/call-hour').bound, 'atMost')
  assert.equal(claimed('at least 100 users').bound, 'atLeast')
  assert.equal(claimed('~ $3,000/month').exactness.tolerance, 0.05)
  assert.equal(claimed('at least ~100 users').exactness.tolerance, 0.05)
  assert.equal(claimed('100 users').exactness.tolerance, undefined)
})

test('money of another currency is worth its rate', () => {
  assert.ok(Math.abs(claimed('100 EUR').low.value - 110) < 1e-9)
})

test('a formula or a word is no value, and the problem says what is', () => {
  const formula = read('users * 2')
  assert.ok(!formula.ok && formula.error.message.includes('102 sessions'))
  assert.ok(!read('many').ok)
})
