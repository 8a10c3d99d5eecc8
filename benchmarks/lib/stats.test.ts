import assert from 'node:assert/strict'
import { test } from 'node:test'
import { median, quantile, wordErrors, words } from './stats.ts'

test('medians, quantiles and word errors', () => {
  assert.equal(median([3, 1, 2]), 2)
  assert.equal(median([4, 1, 2, 3]), 2.5)
  assert.equal(quantile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.95), 10)
  assert.equal(quantile([1, 2, 3, 4], 0.5), 2)
  const said = words("Don't stop the Music!")
  assert.deepEqual(said, ["don't", 'stop', 'the', 'music'])
  assert.equal(wordErrors(said, said), 0)
  assert.equal(wordErrors(said, words('stop that music now')), 3)
  assert.equal(wordErrors(said, []), 4)
})
