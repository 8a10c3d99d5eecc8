import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@parley/kernel'
import { type Claimed, compare, type Right } from './compare.ts'
import { mayStandFor, placesOf, type Rounding, type Written } from './written.ts'

const written = (digits: string): Written => {
  const size = digits.endsWith('M') ? 1e6 : /[kK]$/.test(digits) ? 1e3 : 1
  return { value: Number(digits.replaceAll(',', '').replace(/[kKM]$/, '')) * size, ...placesOf(digits) }
}
const exact = { rounding: 'any' as Rounding, tolerance: undefined }
const says = (digits: string, right: number, rounding: Rounding = 'any', tolerance?: number) =>
  mayStandFor(written(digits), right, { rounding, tolerance })

test('the places of a number are those of its last digit and of its last digit that is not zero', () => {
  assert.deepEqual(placesOf('380'), { place: 1, coarse: 10 })
  assert.deepEqual(placesOf('1,800,000'), { place: 1, coarse: 100_000 })
  assert.deepEqual(placesOf('0.15'), { place: 0.01, coarse: 0.01 })
  assert.deepEqual(placesOf('91k'), { place: 1000, coarse: 1000 })
  assert.deepEqual(placesOf('1.50'), { place: 0.01, coarse: 0.01 })
})

test('[CHK1] digits stand for what is rounded to them, and for nothing further off', () => {
  assert.ok(says('102', 102.27))
  assert.ok(says('186', 186.67), 'cut off')
  assert.ok(says('187', 186.2), 'rounded up')
  assert.ok(says('380', 381), 'a zero at the end may stand for another digit')
  assert.ok(says('2.9', 2.88))
  assert.ok(!says('80', 81.7))
  assert.ok(!says('3', 2.5), 'a fifth off is another number')
  assert.ok(!says('50', 60))
  assert.ok(!says('5,000', 5200), 'zeros are not a licence')
  assert.ok(!says('186', 187.4))
})

test('[CHK1] a stated rounding is taken at its word', () => {
  assert.ok(says('3', 2.5, 'up'))
  assert.ok(!says('3', 3.2, 'up'))
  assert.ok(says('3', 3.9, 'down'))
  assert.ok(!says('4', 3.9, 'down'))
  assert.ok(says('4', 3.9, 'nearest'))
  assert.ok(!says('3', 3.9, 'nearest'))
})

test('[CHK2] a tolerance widens what a number stands for', () => {
  assert.ok(says('1,486', 1530, 'any', 0.05))
  assert.ok(!says('1,486', 1580, 'any', 0.05))
  assert.ok(!says('3', 2.5, 'any', 0.1))
})

test('[CHK1] ten thousand numbers, rounded in each way, are recognised', () => {
  const random = seededRandom(11)
  for (let count = 0; count < 10_000; count += 1) {
    const right = 10 ** (random() * 8 - 2)
    const decimals = Math.max(0, Math.ceil(2 - Math.log10(right)))
    for (const [mode, round] of [
      ['nearest', Math.round],
      ['down', Math.floor],
      ['up', Math.ceil],
    ] as const) {
      const text = (round(right * 10 ** decimals) / 10 ** decimals).toFixed(decimals)
      assert.ok(says(text, right), `${text} for ${right}, ${mode}`)
    }
  }
})

const claim = (low: string, high = low, more: Partial<Claimed> = {}): Claimed => ({
  bound: 'is',
  low: written(low),
  high: written(high),
  isRange: low !== high,
  exactness: exact,
  ...more,
})
const right = (low: number, typical = low, high = typical, underdetermined = false): Right => ({
  low,
  typical,
  high,
  underdetermined,
})
const verdict = (claimed: Claimed, of: Right) => {
  const outcome = compare(claimed, of)
  return outcome.verdict === 'wrong' ? outcome.how : outcome.verdict
}

test('[CHK3] one number against a range: the typical value is right, an end is not, the inside does not follow', () => {
  assert.equal(verdict(claim('186'), right(130, 186.67, 280)), 'ok')
  assert.equal(verdict(claim('280'), right(130, 186.67, 280)), 'end')
  assert.equal(verdict(claim('150'), right(130, 186.67, 280)), 'open')
  assert.equal(verdict(claim('300'), right(130, 186.67, 280)), 'outside')
})

test('[CHK4] a range is right when it takes in all that the plan allows', () => {
  assert.equal(verdict(claim('1300', '1400'), right(1300, 1350, 1400)), 'ok')
  assert.equal(verdict(claim('3', '4'), right(3.03, 3.1, 3.15)), 'ok')
  assert.equal(verdict(claim('40', '60'), right(40, 60, 80)), 'narrower')
  assert.equal(verdict(claim('50', '80'), right(40, 50, 60)), 'overlap')
  assert.equal(verdict(claim('100', '150'), right(160, 240, 320)), 'outside')
})

test('[CHK5] bounds are right, wrong or open by the side that the plan allows', () => {
  const least = claim('100', '100', { bound: 'atLeast' })
  assert.equal(verdict(least, right(100, 120, 140)), 'ok')
  assert.equal(verdict(least, right(60, 70, 80)), 'outside')
  assert.equal(verdict(least, right(80, 120, 140)), 'open')
  const most = claim('0.10', '0.10', { bound: 'atMost' })
  assert.equal(verdict(most, right(0.02)), 'ok')
  assert.equal(verdict(most, right(0.2)), 'outside')
})

test('[CHK6] what the plan says too little for is open as long as it is possible', () => {
  assert.equal(verdict(claim('0.02'), right(0, 0.01, 0.02, true)), 'open')
  assert.equal(verdict(claim('0.03'), right(0, 0.01, 0.02, true)), 'outside')
  assert.equal(verdict(claim('0.01', '0.02'), right(0, 0.01, 0.02, true)), 'open')
})

test('[CHK3] the factor is what the claim is over what is right, at its worse end', () => {
  const wrong = compare(claim('80'), right(40))
  assert.equal(wrong.factor, 2)
  const range = compare(claim('100', '150'), right(160, 240, 320))
  assert.equal(range.factor, 150 / 320)
})
