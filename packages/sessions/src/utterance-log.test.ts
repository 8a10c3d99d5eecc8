import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MAX_OPEN_UTTERANCES, UtteranceLog } from './utterance-log.ts'

test('[CAP1] revisions rise by one; a settled utterance takes nothing more', () => {
  const log = new UtteranceLog(0)
  assert.equal(log.revise(0), 1)
  assert.equal(log.revise(0), 2)
  assert.equal(log.settle(0), 3)
  assert.equal(log.revise(0), 0)
  assert.equal(log.settle(0), 0)
  assert.equal(log.settle(1), 1, 'a final without partials')
})

test('[CAP2] a skipped index is an open utterance', () => {
  const log = new UtteranceLog(3)
  assert.equal(log.settle(5), 1)
  assert.deepEqual(log.open(), [3, 4])
  assert.equal(log.revise(3), 1)
  assert.equal(log.nextIndex, 6)
})

test('[CAP2] a worker gone mad opens a bounded number', () => {
  const log = new UtteranceLog(0)
  assert.equal(log.revise(1_000_000), 0)
  for (let index = 0; index < 200; index++) log.revise(index)
  assert.equal(log.openCount, MAX_OPEN_UTTERANCES)
})

test('[CAP1] [UT1] whatever the order, an utterance is settled at most once', () => {
  const event = fc.record({ index: fc.nat({ max: 8 }), settles: fc.boolean() })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 100 }), (events) => {
      const log = new UtteranceLog(0)
      const settled = new Set<number>()
      const revisions = new Map<number, number>()
      for (const { index, settles } of events) {
        const revision = settles ? log.settle(index) : log.revise(index)
        if (revision === 0) {
          assert.ok(settled.has(index), `${index} was refused but never settled`)
          continue
        }
        assert.ok(!settled.has(index), `${index} was settled before`)
        assert.equal(revision, (revisions.get(index) ?? 0) + 1)
        revisions.set(index, revision)
        if (settles) settled.add(index)
      }
      for (const index of log.open()) assert.ok(!settled.has(index))
    }),
  )
})
