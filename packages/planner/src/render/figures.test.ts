import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { figure, linearTicks, logTicks, percent, tickFigure, times } from './figures.ts'

test('[RN13] ticks are round, begin at 0 and cover what is drawn', () => {
  assert.deepEqual(linearTicks(99, 5), [0, 20, 40, 60, 80, 100])
  assert.deepEqual(linearTicks(0.3, 3), [0, 0.1, 0.2, 0.3])
  assert.deepEqual(logTicks(33, 12_500), [10, 100, 1000, 10_000, 100_000])
  fc.assert(
    fc.property(fc.double({ min: 1e-9, max: 1e15, noNaN: true }), fc.integer({ min: 2, max: 10 }), (max, most) => {
      const ticks = linearTicks(max, most)
      assert.equal(ticks[0], 0)
      assert.ok((ticks.at(-1) as number) >= max * 0.999999 && ticks.length <= most * 2.5 + 2, `${ticks}`)
    }),
  )
  fc.assert(
    fc.property(
      fc.double({ min: 1e-9, max: 1e15, noNaN: true }),
      fc.double({ min: 1, max: 1e6, noNaN: true }),
      (min, ratio) => {
        const ticks = logTicks(min, min * ratio)
        assert.ok(
          (ticks[0] as number) <= min * 1.001 && (ticks.at(-1) as number) >= min * ratio * 0.999 && ticks.length >= 2,
        )
      },
    ),
  )
})

test('[RN3] numbers without a quantity are written as the others are', () => {
  assert.deepEqual([0, 0.0107, 2.5, 40, 12_345.6, 1e20].map(figure), ['0', '0.0107', '2.5', '40', '12,346', '1.00e+20'])
  assert.deepEqual([0.43, 0.0037, 1.625, 0].map(percent), ['43 %', '0.4 %', '163 %', '0 %'])
  assert.deepEqual([5000, 15_000, 2_500_000].map(tickFigure), ['5,000', '15k', '2.5M'])
  assert.deepEqual([2.55, 268].map(times), ['2.6 times', '268 times'])
})
