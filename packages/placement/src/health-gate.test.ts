import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Candidate } from './candidate.ts'
import {
  advanceGate,
  DEFAULT_GATE_POLICY,
  type HealthEvent,
  type HealthGate,
  NEW_GATE,
  standingOf,
} from './health-gate.ts'
import { leastConnections } from './policies.ts'

const { outMs, putOffMs } = DEFAULT_GATE_POLICY

/** The gate after `events`, all of them at `nowMs`. */
const after = (gate: HealthGate, nowMs: number, ...events: HealthEvent[]): HealthGate =>
  events.reduce((now, event) => advanceGate(now, event, nowMs), gate)

const out = (): HealthGate => after(NEW_GATE, 0, 'streamFailed', 'streamFailed', 'streamFailed')

test('[HG1] three failures of one kind in a row put a worker out for 30 s; a success of that kind ends the row', () => {
  for (const [failed, passed, other] of [
    ['checkFailed', 'checkPassed', 'streamProgressed'],
    ['streamFailed', 'streamProgressed', 'checkPassed'],
  ] as const) {
    const twice = after(NEW_GATE, 5, failed, failed)
    assert.equal(standingOf(twice, 5), 'in')
    assert.equal(standingOf(after(twice, 5, passed, failed, failed), 5), 'in')
    const thrice = after(twice, 5, other, failed)
    assert.equal(standingOf(thrice, 5), 'out', 'a success of the other kind says nothing about this one')
    assert.equal(standingOf(thrice, 5 + outMs - 1), 'out')
  }
  assert.equal(standingOf(after(NEW_GATE, 0, 'checkFailed', 'streamFailed', 'checkFailed', 'streamFailed'), 0), 'in')
})

test('[HG2] then exactly one stream is tried: progress lets the worker in with nothing held against it', () => {
  const due = out()
  assert.equal(standingOf(due, outMs), 'trial')
  const tried = advanceGate(due, 'trialTaken', outMs)
  assert.equal(standingOf(tried, outMs + 60_000), 'out', 'no second one meanwhile, however long it takes')
  assert.equal(standingOf(after(tried, outMs, 'checkPassed'), outMs), 'out', 'a check is no verdict')
  const again = after(tried, outMs, 'streamProgressed')
  assert.equal(again, NEW_GATE)
})

test('[HG2] failure of the trial puts the worker out again; an end without a verdict makes room for another', () => {
  const tried = advanceGate(out(), 'trialTaken', outMs)
  for (const event of ['streamFailed', 'checkFailed'] as const) {
    const failed = advanceGate(tried, event, outMs + 7)
    assert.equal(standingOf(failed, outMs + 6 + outMs), 'out')
    assert.equal(standingOf(failed, outMs + 7 + outMs), 'trial')
  }
  assert.equal(standingOf(advanceGate(tried, 'trialEnded', outMs + 7), outMs + 7), 'trial')
})

test('[HG3] failed checks put a due trial off, and never bring it forward', () => {
  const putOff = advanceGate(out(), 'checkFailed', outMs + 100)
  assert.equal(standingOf(putOff, outMs + 100), 'out')
  assert.equal(standingOf(putOff, outMs + 100 + putOffMs), 'trial')
  assert.equal(standingOf(advanceGate(out(), 'checkFailed', 10), outMs - 1), 'out')
  assert.equal(standingOf(after(out(), outMs, 'checkPassed', 'streamFailed'), outMs), 'trial')
})

test('[HG2] property: whatever happens, between two trials without a verdict lies an end, and out lasts 30 s', () => {
  const events = fc.array(
    fc.record({
      type: fc.constantFrom<HealthEvent>(
        'checkPassed',
        'checkFailed',
        'streamFailed',
        'streamFailed',
        'streamProgressed',
        'trialTaken',
        'trialEnded',
      ),
      waitMs: fc.constantFrom(0, 1, 500, 2_000, 20_000, 31_000),
    }),
    { maxLength: 60, size: 'max' },
  )
  fc.assert(
    fc.property(events, (steps) => {
      let gate = NEW_GATE
      let nowMs = 0
      let outSinceMs: number | undefined
      for (const { type, waitMs } of steps) {
        nowMs += waitMs
        const before = gate
        const standing = standingOf(gate, nowMs)
        if (standing === 'trial' && outSinceMs !== undefined) assert.ok(nowMs - outSinceMs >= outMs)
        gate = advanceGate(gate, type, nowMs)
        if (gate.kind === 'trial' && before.kind !== 'trial') assert.equal(standing, 'trial')
        if (gate.kind === 'in' && before.kind !== 'in')
          assert.deepEqual([before.kind, type], ['trial', 'streamProgressed'])
        const failed = type === 'checkFailed' || type === 'streamFailed'
        if (gate.kind === 'out' && before.kind !== 'out' && failed) outSinceMs = nowMs
        if (gate.kind === 'in') outSinceMs = undefined
      }
    }),
    { numRuns: 300 },
  )
})

test('[HG4] a worker that is let in again gets its share at once', () => {
  let gate: HealthGate = after(out(), outMs, 'trialTaken')
  const used = { a: 4, back: 1 }
  const fleet = (): Candidate[] =>
    (['a', 'back'] as const).map((id) => ({
      id,
      slots: 8,
      used: used[id],
      reserved: 0,
      state: 'ready',
      standing: id === 'a' ? 'in' : standingOf(gate, outMs),
      ageMs: 0,
    }))
  assert.equal(leastConnections(fleet(), 0)?.id, 'a', 'while it is tried the others take what comes')
  gate = advanceGate(gate, 'streamProgressed', outMs)
  for (let turn = 0; turn < 9; turn++) used[leastConnections(fleet(), turn)?.id as 'a' | 'back']++
  assert.deepEqual(used, { a: 7, back: 7 })
})
