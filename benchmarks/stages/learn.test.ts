import assert from 'node:assert/strict'
import { test } from 'node:test'
import { coldWakes, type LoopWindow, SPAN, SPAN_NAMES } from '@parley/telemetry'
import { learn, type MeasuredLoop, predict } from './learn.ts'

/** A made-up machine: what everything costs on it, in microseconds. */
const TRUE = { wake: 60, polled: 7, wsOut: 4, coolMs: 2, wsInHandler: 6, wsOutHandler: 11, frame: 1.2, asleep: 9 }

/** A second of that machine under so many messages in, sends, and frames over UDP. */
function second(wsIn: number, wsOut: number, frames: number, sleeps: number, polled: number): MeasuredLoop {
  const table = (values: Record<string, number>) => Float64Array.from(SPAN_NAMES, (name) => values[name] ?? 0)
  const drains = frames > 0 ? 200 : 0
  const entered = table({ wsIn, wsOut, udpDrain: drains, timer: 9 })
  const items = table({ udpDrain: frames })
  const selfMs = table({
    wsIn: (wsIn * TRUE.wsInHandler) / 1000,
    wsOut: (wsOut * TRUE.wsOutHandler) / 1000,
    udpDrain: (frames * TRUE.frame) / 1000,
  })
  const handlerMs = selfMs.reduce((sum, ms) => sum + ms, 0)
  // How cold wakes are depends on how long the loop sleeps, and that on how busy it is: a few rounds settle it.
  let activeMs = 100
  const windowOf = (): LoopWindow => ({
    durationMs: 1_000,
    activeMs,
    gcMs: 0.02 * activeMs,
    turns: sleeps,
    polled,
    sleeps,
    spans: { selfMs, entered, items },
  })
  for (let round = 0; round < 50; round++) {
    const wakesUs = coldWakes(windowOf(), TRUE.coolMs) * TRUE.wake
    activeMs = (handlerMs + (wakesUs + polled * TRUE.polled + wsOut * TRUE.wsOut) / 1000) / 0.98
  }
  return { window: windowOf(), busyMs: activeMs, sleeps, threadCpuMs: activeMs + (sleeps * TRUE.asleep) / 1000 }
}

const LEARNT = [
  second(500, 60, 0, 600, 520),
  second(10_000, 1_200, 0, 900, 10_100),
  second(400, 1_500, 20_000, 700, 450),
  second(1_700, 4_000, 0, 950, 2_400),
  second(10_000, 800, 0, 1_400, 9_000),
  second(300, 4_800, 5_000, 500, 700),
  second(15_000, 0, 0, 800, 15_000),
]

test('what was made of known costs is taken apart into them', () => {
  const { costs, asleepUs, gcRatio } = learn(LEARNT)
  assert.equal(costs.coolMs, TRUE.coolMs)
  assert.ok(Math.abs(costs.wakeUs / TRUE.wake - 1) < 0.02, `${costs.wakeUs}`)
  assert.ok(Math.abs(costs.polledUs / TRUE.polled - 1) < 0.02, `${costs.polledUs}`)
  assert.ok(Math.abs((costs.perEventUs.wsOut ?? 0) / TRUE.wsOut - 1) < 0.05)
  assert.ok(Math.abs(asleepUs / TRUE.asleep - 1) < 0.01)
  assert.ok(Math.abs(gcRatio - 0.02) < 1e-9)
})

test('a mix that was not learnt is predicted from its counts, and from nothing it took', () => {
  const learnt = learn(LEARNT)
  for (const unseen of [second(6_000, 2_500, 0, 1_100, 6_000), second(250, 3_000, 30_000, 650, 600)]) {
    // Times of the mix itself must not matter.
    const blind = {
      ...unseen.window,
      activeMs: Number.NaN,
      gcMs: Number.NaN,
      spans: { ...unseen.window.spans, selfMs: new Float64Array(SPAN_NAMES.length) },
    }
    const { loopMs, threadCpuMs, bySpan } = predict(learnt, blind, unseen.sleeps)
    assert.ok(Math.abs(loopMs / unseen.busyMs - 1) < 0.03, `${loopMs} for ${unseen.busyMs}`)
    assert.ok(Math.abs(threadCpuMs / unseen.threadCpuMs - 1) < 0.03)
    assert.ok(Math.abs(bySpan.wsOut - ((unseen.window.spans.entered[SPAN.wsOut] ?? 0) * 15) / 1000) < 1)
  }
})
