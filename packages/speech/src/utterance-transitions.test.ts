import assert from 'node:assert/strict'
import { test } from 'node:test'
import { advanceUtterance, openUtterance, type UtteranceEvent } from './utterance-transitions.ts'

const EVENTS: Record<UtteranceEvent['type'], UtteranceEvent> = {
  hypothesis: { type: 'hypothesis', text: 'Hello', stable: 0, endMs: 400 },
  speechEnded: { type: 'speechEnded', endMs: 900, atMs: 50 },
  recognised: { type: 'recognised', text: 'Hello there.', settledMs: 1_200, atMs: 62 },
  abandon: { type: 'abandon', reason: 'closed', settledMs: 1_200 },
}
const open = openUtterance(4, 100)
const ended = advanceUtterance(open, EVENTS.speechEnded).state

test('[UT1] an utterance settles once: as a final with its times, and nothing can happen to it afterwards', () => {
  const { state, report } = advanceUtterance(ended, EVENTS.recognised)
  assert.deepEqual(state, { kind: 'settled', index: 4, startMs: 100, outcome: 'final' })
  assert.deepEqual(report, {
    type: 'final',
    index: 4,
    text: 'Hello there.',
    startMs: 100,
    endMs: 900,
    settledMs: 1_200,
    decideMs: 12,
  })
  for (const event of Object.values(EVENTS)) assert.throws(() => advanceUtterance(state, event), /settled/)
})

test('[UT1] it may be abandoned while open and while its words are decided, with the reason', () => {
  for (const before of [open, ended]) {
    const { state, report } = advanceUtterance(before, EVENTS.abandon)
    assert.equal(state.kind, 'settled')
    assert.deepEqual(report, { type: 'abandoned', index: 4, reason: 'closed', settledMs: 1_200 })
  }
})

test('[UT1] no words are no speech', () => {
  const { report } = advanceUtterance(ended, { type: 'recognised', text: '', settledMs: 1_200, atMs: 60 })
  assert.deepEqual(report, { type: 'abandoned', index: 4, reason: 'no_speech', settledMs: 1_200 })
})

test('[UT2] partials leave an utterance open, and only one whose speech has ended gets a final', () => {
  const { state, report } = advanceUtterance(open, EVENTS.hypothesis)
  assert.deepEqual(state, open)
  assert.equal(report?.type, 'partial')
  assert.throws(() => advanceUtterance(open, EVENTS.recognised), /open/)
  assert.throws(() => advanceUtterance(ended, EVENTS.hypothesis), /ended/)
  assert.equal(advanceUtterance(open, { ...EVENTS.hypothesis, text: '' } as UtteranceEvent).report, undefined)
})

test('[UT7] the state of the speaker travels with the final', () => {
  const adaptation = { engine: 'e', data: 'd' }
  const { report } = advanceUtterance(ended, { ...EVENTS.recognised, adaptation } as UtteranceEvent)
  assert.deepEqual(report?.type === 'final' && report.adaptation, adaptation)
})
