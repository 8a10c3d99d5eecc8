import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { advanceBreaker, type Breaker, type BreakerEvent, CLOSED, standingOfBreaker } from './circuit-breaker.ts'

const after = (breaker: Breaker, nowMs: number, ...events: BreakerEvent[]) =>
  events.reduce((state, event) => advanceBreaker(state, event, nowMs), breaker)
const fails = (count: number) => Array.from({ length: count }, (): BreakerEvent => 'failed')

test('[EO3] five failures in a row leave it alone; an answer in between starts anew', () => {
  assert.equal(standingOfBreaker(after(CLOSED, 0, ...fails(4)), 0), 'closed')
  assert.equal(standingOfBreaker(after(CLOSED, 0, ...fails(4), 'answered', ...fails(4)), 0), 'closed')
  assert.equal(standingOfBreaker(after(CLOSED, 0, ...fails(5)), 4_999), 'open')
  assert.equal(standingOfBreaker(after(CLOSED, 0, ...fails(5)), 5_000), 'due')
})

test('[EO3] one call is tried; what becomes of it decides', () => {
  const trial = after(after(CLOSED, 0, ...fails(5)), 5_000, 'asked')
  assert.equal(standingOfBreaker(trial, 5_000), 'trial')
  assert.equal(after(trial, 6_000, 'answered'), CLOSED)
  assert.equal(standingOfBreaker(after(trial, 6_000, 'failed'), 15_999), 'open', 'twice as long')
  assert.equal(standingOfBreaker(after(trial, 6_000, 'failed'), 16_000), 'due')
  assert.equal(standingOfBreaker(after(trial, 6_000, 'withdrawn'), 6_000), 'due')
})

test('[EO3] it is never left alone for more than a minute, and being asked too early tries nothing', () => {
  let breaker = after(CLOSED, 0, ...fails(5))
  let nowMs = 0
  for (let n = 0; n < 12; n++) {
    assert.equal(after(breaker, nowMs, 'asked'), breaker)
    nowMs += 60_000
    assert.equal(standingOfBreaker(breaker, nowMs), 'due')
    breaker = after(breaker, nowMs, 'asked', 'failed')
  }
})

test('[EO3] a late answer of a call from before proves that it works', () => {
  assert.equal(after(CLOSED, 0, ...fails(5), 'failed', 'answered'), CLOSED)
})

test('[EO3] property: a call is only let through when closed or due, and an answer always closes', () => {
  const event = fc.constantFrom<BreakerEvent>('asked', 'answered', 'failed', 'withdrawn')
  fc.assert(
    fc.property(fc.array(fc.tuple(event, fc.integer({ min: 0, max: 9_000 })), { maxLength: 100 }), (steps) => {
      let breaker: Breaker = CLOSED
      let nowMs = 0
      for (const [event, afterMs] of steps) {
        nowMs += afterMs
        const before = standingOfBreaker(breaker, nowMs)
        breaker = advanceBreaker(breaker, event, nowMs)
        if (event === 'answered') assert.equal(breaker, CLOSED)
        if (standingOfBreaker(breaker, nowMs) === 'trial') assert.ok(before === 'due' || before === 'trial')
      }
    }),
  )
})
