import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeLiveness, type LivenessMarks } from './liveness.ts'

const POLICY = { pingIntervalMs: 2_000, deadAfterMs: 4_000 }
const marks = (lastHeardMs: number, lastSentMs: number, lastPingMs: number): LivenessMarks => ({
  lastHeardMs,
  lastSentMs,
  lastPingMs,
})

test('[LV1] one quiet direction makes a ping due, at most one per interval', () => {
  assert.equal(judgeLiveness(marks(0, 0, 0), 1_999, 0, POLICY), 'fine')
  assert.equal(judgeLiveness(marks(0, 1_900, 0), 2_000, 0, POLICY), 'ping', 'nothing heard')
  assert.equal(judgeLiveness(marks(1_900, 0, 0), 2_000, 0, POLICY), 'ping', 'nothing sent')
  assert.equal(judgeLiveness(marks(0, 2_000, 2_000), 3_000, 0, POLICY), 'fine', 'asked already')
  assert.equal(judgeLiveness(marks(1_900, 1_900, 0), 2_000, 0, POLICY), 'fine', 'both talk')
})

test('[LV2] total silence is death, whatever was sent', () => {
  assert.equal(judgeLiveness(marks(0, 3_999, 3_999), 3_999, 0, POLICY), 'fine')
  assert.equal(judgeLiveness(marks(0, 4_000, 4_000), 4_000, 0, POLICY), 'dead')
})

test('[LV3] a stall of this process is not held against the peer', () => {
  assert.equal(judgeLiveness(marks(0, 0, 0), 9_000, 6_000, POLICY), 'ping')
  assert.equal(judgeLiveness(marks(0, 0, 0), 10_000, 6_000, POLICY), 'dead')
})
