import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RateMeter } from './rate-meter.ts'

const meter = (limitPerMinute: number, minBurst = 2) => new RateMeter({ limitPerMinute, minBurst }, 0)

interface Taken {
  readonly atMs: number
  amount: number
}

/** The most that lies in any 60 s. */
function worstMinute(taken: readonly Taken[]): number {
  let worst = 0
  for (const { atMs: fromMs } of taken) {
    const inside = taken.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + 60_000)
    worst = Math.max(
      worst,
      inside.reduce((sum, { amount }) => sum + amount, 0),
    )
  }
  return worst
}

test('[BG1] property: no minute, wherever it begins, holds more than the limit, also when less was used than was taken', () => {
  const step = fc.record({
    afterMs: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 40_000 })),
    amount: fc.integer({ min: 1, max: 40 }),
    usedShare: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
    isGreedy: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.array(step, { maxLength: 150 }), (limit, steps) => {
      const subject = meter(limit, 0)
      const taken: Taken[] = []
      let nowMs = 0
      for (const { afterMs, amount, usedShare, isGreedy } of steps) {
        const waitMs = subject.waitMs(amount, nowMs)
        nowMs += isGreedy && Number.isFinite(waitMs) ? Math.ceil(waitMs) : afterMs
        if (subject.waitMs(amount, nowMs) > 0) continue
        const charge = subject.take(amount, nowMs)
        const entry = { atMs: nowMs, amount }
        taken.push(entry)
        entry.amount = amount * usedShare
        nowMs += 50
        subject.settle(charge, entry.amount, nowMs)
      }
      assert.ok(worstMinute(taken) <= limit + 1e-6, `${worstMinute(taken)} of ${limit}`)
    }),
    { numRuns: 300 },
  )
})

/** Asks for `amount` as soon as it may, for `forMs`; what was taken. */
function greedy(subject: RateMeter, amount: number, forMs: number, reserve = 0): Taken[] {
  const taken: Taken[] = []
  for (let nowMs = 0; nowMs < forMs; ) {
    const waitMs = subject.waitMs(amount, nowMs, reserve)
    if (waitMs > 0) {
      assert.ok(Number.isFinite(waitMs), 'what fits is not refused for ever')
      nowMs += Math.ceil(waitMs)
      continue
    }
    subject.take(amount, nowMs)
    taken.push({ atMs: nowMs, amount })
  }
  return taken
}

test('[BG2] who asks for all there is gets it evenly: a twentieth at once, then no gap longer than the rate makes', () => {
  const taken = greedy(meter(600), 1, 300_000)
  assert.equal(taken.filter(({ atMs }) => atMs === 0).length, 30)
  const later = taken.filter(({ atMs }) => atMs > 0).map(({ atMs }) => atMs)
  const gaps = later.slice(1).map((atMs, at) => atMs - (later[at] as number))
  assert.ok(Math.max(...gaps) <= 106, `${Math.max(...gaps)} ms`)
  assert.ok(taken.length >= 5 * 600 * 0.95)
  assert.ok(worstMinute(taken) <= 600)
})

test('[BG2] small limits are used up too, minute after minute', () => {
  for (const limit of [1, 2, 3, 7]) {
    const taken = greedy(meter(limit), 1, 600_000)
    assert.ok(worstMinute(taken) <= limit)
    assert.ok(taken.length >= 9 * limit, `${taken.length} of ${limit} per minute in ten minutes`)
  }
})

test('[BG2] what is larger than goes at once goes when the meter is whole, and keeps the average', () => {
  const taken = greedy(meter(1_000, 0), 300, 600_000)
  assert.ok(worstMinute(taken) <= 1_000)
  assert.ok(taken.length >= 25 && taken.length <= 34, String(taken.length))
})

test('[BG3] with a reserve, part of what may go at once is left', () => {
  const subject = meter(600)
  const partials = greedy(subject, 1, 1, 0.5)
  assert.equal(partials.length, 15)
  assert.ok(subject.waitMs(1, 0, 0.5) > 0)
  assert.equal(subject.waitMs(1, 0), 0)
})

test('[BG4] less is given back at once, more counts from when it is known', () => {
  const subject = meter(1_000, 1_000)
  const charge = subject.take(900, 0)
  assert.ok(subject.waitMs(200, 0) > 0)
  subject.settle(charge, 100, 1_000)
  assert.equal(subject.usedPerMinute(1_000), 100)
  assert.equal(subject.waitMs(200, 1_000), 0)
  const second = subject.take(200, 1_000)
  subject.settle(second, 1_500, 30_000)
  assert.equal(subject.usedPerMinute(61_200), 1_300, 'the surplus is of the instant it was known')
  assert.ok(subject.waitMs(1, 61_200) > 28_000)
  // Given back after its minute is over: it does not count any more, and is not counted twice.
  const third = subject.take(100, 200_000)
  subject.settle(third, 0, 300_000)
  assert.equal(subject.usedPerMinute(300_000), 0)
})

test('[BG7] zero and more than all there is are never, and no limit is always now', () => {
  assert.equal(meter(0).waitMs(1, 0), Number.POSITIVE_INFINITY)
  assert.equal(meter(100, 0).waitMs(101, 0), Number.POSITIVE_INFINITY)
  const free = meter(Number.POSITIVE_INFINITY)
  free.settle(free.take(1e9, 0), 5, 10)
  assert.equal(free.waitMs(1e12, 10, 0.5), 0)
  free.setLimit(60, 20)
  assert.equal(free.waitMs(1, 20), 0)
  assert.equal(free.usedPerMinute(20), 5)
})

test('[BG8] a limit that shrinks counts what was used under the larger one', () => {
  const subject = meter(600)
  for (let n = 0; n < 30; n++) subject.take(1, 0)
  subject.setLimit(30, 0)
  assert.ok(subject.waitMs(1, 1_000) >= 59_000)
  subject.setLimit(600, 1_000)
  assert.equal(subject.waitMs(1, 4_000), 0)
})
