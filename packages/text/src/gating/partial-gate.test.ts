import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDue, isOvertaken, PARTIAL_GATE } from './partial-gate.ts'

const asked = (text: string) => ({ text, atMs: 10_000 })
const SHORT = 'hello and'
const LONG = 'hello and welcome to this rather long test of'

test('[GT1] the beginning of an utterance is asked about at once, nothing is asked twice, silence never', () => {
  assert.equal(isDue(undefined, 'he', 0), true)
  assert.equal(isDue(undefined, ' ', 0), false)
  assert.equal(isDue(asked(SHORT), SHORT, 99_000), false)
})

test('[GT2] then by growth: a few characters while it is short, more when it is long', () => {
  const at = 10_000 + PARTIAL_GATE.minGapMs
  assert.equal(isDue(asked(SHORT), `${SHORT} wel`, at), false)
  assert.equal(isDue(asked(SHORT), `${SHORT} welc`, at), true)
  assert.equal(isDue(asked(SHORT), `${SHORT} welcome`, at - 1), false, 'never faster than the gap')
  assert.equal(isDue(asked(LONG), `${LONG} welcome aboard`, at), false)
  assert.equal(isDue(asked(LONG), `${LONG} welcome aboard my dear`, at), false)
  assert.equal(isDue(asked(LONG), `${LONG} welcome aboard my friends`, at), true)
})

test('[GT2] what was revised counts as new', () => {
  assert.equal(isDue(asked('a hello word'), 'a yellow bird', 10_200), true)
})

test('[GT2] a clause that ends is asked about, and any change after a while', () => {
  for (const end of ['of.', 'of,', 'of?"', 'of\u3002'])
    assert.equal(isDue(asked(LONG), `${LONG.slice(0, -2)}${end}`, 10_100), true)
  assert.equal(isDue(asked(LONG), `${LONG} a`, 10_000 + PARTIAL_GATE.maxGapMs - 1), false)
  assert.equal(isDue(asked(LONG), `${LONG} a`, 10_000 + PARTIAL_GATE.maxGapMs), true)
})

test('[GT3] a question is overtaken when it is late, or most of its text is gone', () => {
  assert.equal(isOvertaken(asked(LONG), `${LONG} and on`, 11_999), false)
  assert.equal(isOvertaken(asked(LONG), `${LONG} and on`, 12_000), true)
  assert.equal(isOvertaken(asked(LONG), 'yellow and welcome to this', 10_100), true)
  assert.equal(isOvertaken(asked('hello word'), 'hello world', 10_100), false)
})
