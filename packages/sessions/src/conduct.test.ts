import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Conduct, type ConductVerdict, MAX_INVALID_MESSAGES, MAX_PACE_STRIKES } from './conduct.ts'

const LIMITS = { controlMessagesPerSecond: 10 }

test('[CD1] a burst passes, the excess is told once a second, going on closes', () => {
  const conduct = new Conduct(LIMITS, 0)
  const verdicts: ConductVerdict[] = []
  for (let count = 0; count < 30; count++) verdicts.push(conduct.onControl(0))
  assert.ok(verdicts.every((verdict) => verdict === 'pass'))
  assert.equal(conduct.onControl(0), 'refuse_and_tell')
  assert.equal(conduct.controlWaitMs(0), 100)
  for (let count = 1; count < 50; count++) assert.equal(conduct.onControl(0), 'refuse')
  assert.equal(conduct.onControl(0), 'close')
})

test('[CD1] a client that slows down is forgiven', () => {
  const conduct = new Conduct(LIMITS, 0)
  for (let count = 0; count < 60; count++) conduct.onControl(0)
  for (let second = 11; second < 60; second++) {
    for (let count = 0; count < 10; count++) assert.equal(conduct.onControl(second * 1_000 + count * 100), 'pass')
  }
})

test('[CD2] one invalid message too many', () => {
  const conduct = new Conduct(LIMITS, 0)
  for (let count = 0; count < MAX_INVALID_MESSAGES; count++) assert.equal(conduct.onInvalid(count), true)
  assert.equal(conduct.onInvalid(9_999), false)
  assert.equal(conduct.onInvalid(10_000), true, 'a new window')
})

test('[CD3] binary faults are told once a second', () => {
  const conduct = new Conduct(LIMITS, 0)
  assert.equal(conduct.mayTellBinary(0), true)
  assert.equal(conduct.mayTellBinary(999), false)
  assert.equal(conduct.mayTellBinary(1_000), true)
})

test('[CD4] audio beyond the pace is told once a second and closed when it lasts', () => {
  const conduct = new Conduct(LIMITS, 0)
  for (let second = 0; second < MAX_PACE_STRIKES; second++) {
    assert.equal(conduct.onTooFast(second * 1_000), 'refuse_and_tell')
    assert.equal(conduct.onTooFast(second * 1_000 + 500), 'refuse')
  }
  assert.equal(conduct.onTooFast(MAX_PACE_STRIKES * 1_000), 'close')
})

test('[CD4] a pause forgives', () => {
  const conduct = new Conduct(LIMITS, 0)
  for (let strike = 0; strike < 100; strike++) assert.equal(conduct.onTooFast(strike * 5_000), 'refuse_and_tell')
})
