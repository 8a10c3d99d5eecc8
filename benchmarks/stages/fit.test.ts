import assert from 'node:assert/strict'
import { test } from 'node:test'
import { costOf, fitCosts } from './fit.ts'

const near = (actual: readonly number[], expected: readonly number[]) => {
  for (const [at, value] of expected.entries()) {
    assert.ok(Math.abs((actual[at] ?? Number.NaN) - value) < 1e-3 * Math.max(1, value), `${actual} for ${expected}`)
  }
}

test('costs are found again, whatever the sizes of the amounts; what never occurs costs nothing', () => {
  const truth = [80, 7, 0.5, 0]
  const amounts = [
    [1_000, 5_000, 0, 0],
    [300, 20_000, 90_000, 0],
    [900, 100, 10, 0],
    [10, 50_000, 40_000, 0],
    [500, 500, 100_000, 0],
  ]
  near(
    fitCosts(
      amounts.map((each) => ({ amounts: each, took: costOf(truth, each) })),
      4,
    ),
    truth,
  )
})

test('no cost is negative, even where that would fit better', () => {
  const observations = [
    { amounts: [1, 1], took: 1 },
    { amounts: [2, 1], took: 3 },
    { amounts: [3, 1], took: 5 },
  ]
  assert.ok(fitCosts(observations, 2).every((cost) => cost >= 0))
})

test('a small measurement weighs as much as a large one', () => {
  // One cost cannot fit both: the relative errors come out alike.
  const [cost = 0] = fitCosts(
    [
      { amounts: [1], took: 1 },
      { amounts: [1_000], took: 2_000 },
    ],
    1,
  )
  assert.ok(Math.abs(cost - 1.2) < 1e-6, String(cost))
})
