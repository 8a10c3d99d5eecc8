import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IDLE_FLUSH_MS, PauseWatch } from './pause-watch.ts'

test('[UT6] a stretch of audio is followed by one pause, when nothing has come for long enough', () => {
  const pauses = new PauseWatch()
  assert.equal(pauses.isPause(10_000), false, 'nothing was heard yet')
  pauses.heard(1_000)
  assert.equal(pauses.isPause(1_000 + IDLE_FLUSH_MS - 1), false)
  assert.equal(pauses.isPause(1_000 + IDLE_FLUSH_MS), true)
  assert.equal(pauses.isPause(60_000), false, 'told once')
  pauses.heard(60_000)
  pauses.heard(60_400)
  assert.equal(pauses.isPause(60_800), false, 'audio came meanwhile')
  pauses.hold(true)
  assert.equal(pauses.isPause(90_000), false, 'what is missing is on its way')
  pauses.hold(false)
  assert.equal(pauses.isPause(90_000), true)
})
