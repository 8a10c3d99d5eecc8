import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NO_STAGES, StageClock } from './stage-clock.ts'
import { SPAN, SPAN_ENTRIES } from './stages.ts'

/** A clock that a test moves. */
function rig(seed = 1) {
  let nowMs = 0
  const clock = new StageClock({ nowMs: () => nowMs, readingCostMs: 0, seed })
  return {
    clock,
    pass: (ms: number) => {
      nowMs += ms
    },
    nowMs: () => nowMs,
    selfMs: (span: number) => Number((clock.totals().selfMs[span] as number).toFixed(6)),
    entered: (span: number) => clock.totals().entered[span],
  }
}

test('[TE1] nested spans: each has its own time, siblings included, and every entry is counted', () => {
  const { clock, pass, selfMs, entered } = rig()
  clock.enter(SPAN.timer)
  pass(1)
  clock.enter(SPAN.json)
  pass(2)
  clock.leave()
  pass(4)
  clock.enter(SPAN.fanOut)
  pass(8)
  clock.enter(SPAN.wsOut)
  pass(16)
  clock.leave()
  pass(32)
  clock.leave()
  pass(64)
  clock.leave()
  pass(1_000)
  assert.deepEqual(
    [SPAN.timer, SPAN.json, SPAN.fanOut, SPAN.wsOut].map((span) => selfMs(span)),
    [1 + 4 + 64, 2, 8 + 32, 16],
  )
  assert.deepEqual(
    [SPAN.timer, SPAN.json, SPAN.wsIn].map((span) => entered(span)),
    [1, 1, 0],
  )
})

test('[TE1] items are counted beside entries', () => {
  const { clock } = rig()
  clock.enter(SPAN.udpDrain)
  clock.count(SPAN.udpDrain, 40)
  clock.leave()
  assert.deepEqual([clock.totals().entered[SPAN.udpDrain], clock.totals().items[SPAN.udpDrain]], [1, 40])
})

test('[TE2] sampled spans stand for the others, whatever order dear and cheap ones come in', () => {
  for (const [seed, period] of [
    [1, 2],
    [2, 8],
    [3, 16],
  ] as const) {
    const { clock, pass, selfMs, entered } = rig(seed)
    const rounds = 64_000
    // Every period-th message is dear: a fixed gap would time only those, or none of them.
    for (let round = 0; round < rounds; round++) {
      clock.enter(SPAN.wsIn)
      pass(round % period === 0 ? 0.05 : 0.001)
      clock.leave()
    }
    const trueMs = (rounds / period) * 0.05 + (rounds - rounds / period) * 0.001
    assert.equal(entered(SPAN.wsIn), rounds)
    assert.ok(Math.abs(selfMs(SPAN.wsIn) / trueMs - 1) < 0.06, `seed ${seed}: ${selfMs(SPAN.wsIn)} for ${trueMs} ms`)
  }
})

test('[TE2] a tree is timed whole or not at all, with the weight of its outermost span', () => {
  const { clock, pass, selfMs } = rig()
  const rounds = 40_000
  for (let round = 0; round < rounds; round++) {
    clock.enter(SPAN.wsIn)
    pass(0.002)
    clock.enter(SPAN.linkKeep)
    pass(0.001)
    clock.leave()
    clock.leave()
  }
  assert.ok(Math.abs(selfMs(SPAN.wsIn) / selfMs(SPAN.linkKeep) - 2) < 1e-6)
  assert.ok(Math.abs(selfMs(SPAN.wsIn) / (rounds * 0.002) - 1) < 0.05)
})

test('[TE3] a pause of the collector inside a span is taken from it, one outside is not', () => {
  const { clock, pass, selfMs, nowMs } = rig()
  clock.enter(SPAN.timer)
  pass(1)
  clock.enter(SPAN.json)
  const pauseFrom = nowMs()
  pass(5)
  clock.leave()
  pass(0.5)
  clock.leave()
  pass(10)
  clock.onGarbageCollected(pauseFrom + 0.5, 4)
  clock.onGarbageCollected(nowMs() - 5, 3)
  assert.deepEqual([selfMs(SPAN.json), selfMs(SPAN.timer)], [1, 1.5])
})

test('[TE3] what is taken from a sampled span is what it was counted for', () => {
  const { clock, pass, selfMs, nowMs } = rig()
  const weight = SPAN_ENTRIES[SPAN.wsIn]?.timeOneIn ?? 0
  let from = 0
  while (selfMs(SPAN.wsIn) === 0) {
    from = nowMs()
    clock.enter(SPAN.wsIn)
    pass(3)
    clock.leave()
  }
  assert.equal(selfMs(SPAN.wsIn), 3 * weight)
  clock.onGarbageCollected(from, 2)
  assert.equal(selfMs(SPAN.wsIn), weight)
})

test('[TE4] a span left open or left twice is counted and spoils nothing after the loop turned', () => {
  const { clock, pass, selfMs } = rig()
  clock.enter(SPAN.timer)
  pass(1)
  clock.settle()
  assert.equal(clock.unbalancedTotal, 1)
  clock.leave()
  assert.equal(clock.unbalancedTotal, 2)
  clock.enter(SPAN.http)
  pass(2)
  clock.leave()
  clock.settle()
  assert.deepEqual([selfMs(SPAN.http), selfMs(SPAN.timer), clock.unbalancedTotal], [2, 0, 2])
})

test('[TE4] nesting beyond what is told apart is the time of the outer span', () => {
  const { clock, pass, selfMs } = rig()
  clock.enter(SPAN.timer)
  for (let depth = 0; depth < 40; depth++) clock.enter(SPAN.json)
  pass(7)
  for (let depth = 0; depth < 40; depth++) clock.leave()
  pass(1)
  clock.leave()
  assert.deepEqual([selfMs(SPAN.json), selfMs(SPAN.timer)], [7, 1])
  clock.settle()
  assert.equal(clock.unbalancedTotal, 0)
})

test('[TE1] what reading the clock costs is not the time of what was timed', () => {
  let nowMs = 0
  const clock = new StageClock({
    nowMs: () => {
      nowMs += 0.01
      return nowMs
    },
  })
  for (let round = 0; round < 100; round++) {
    clock.enter(SPAN.timer)
    clock.leave()
  }
  assert.ok((clock.totals().selfMs[SPAN.timer] as number) < 0.02)
  NO_STAGES.enter(SPAN.timer)
  NO_STAGES.leave()
})
