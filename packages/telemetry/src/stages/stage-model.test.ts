import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeAgreement } from './cpu-agreement.ts'
import type { EventCosts } from './event-costs.ts'
import { breakDown, coldWakes, type LoopWindow, MachineFactor, predictSystemMs } from './stage-model.ts'
import { SPAN, SPAN_COUNT, STAGES } from './stages.ts'

const COSTS: EventCosts = {
  wakeUs: 0,
  coolMs: 1,
  turnUs: 10,
  polledUs: 4,
  perEventUs: { wsIn: 1, wsOut: 2, linkOut: 5 },
  perItemUs: { udpDrain: 0.5 },
}

type Table = Partial<Record<keyof typeof SPAN, number>>

function table(values: Table): Float64Array {
  const result = new Float64Array(SPAN_COUNT)
  for (const [name, value] of Object.entries(values)) result[SPAN[name as keyof typeof SPAN]] = value
  return result
}

interface Given {
  readonly durationMs?: number
  readonly activeMs?: number
  readonly gcMs?: number
  readonly turns?: number
  readonly sleeps?: number
  readonly polled?: number
  readonly selfMs?: Table
  readonly entered?: Table
  readonly items?: Table
}

const windowOf = ({
  durationMs = 1_000,
  activeMs = 1_000,
  gcMs = 0,
  turns = 0,
  polled = 0,
  sleeps,
  ...spans
}: Given): LoopWindow => ({
  durationMs,
  activeMs,
  gcMs,
  turns,
  polled,
  sleeps,
  spans: { selfMs: table(spans.selfMs ?? {}), entered: table(spans.entered ?? {}), items: table(spans.items ?? {}) },
})

const near = (actual: number, expected: number) => assert.ok(Math.abs(actual - expected) < 1e-9, `${actual}`)

test('[TE5] stages sum to the active time: handlers as timed, costs times factor, collector, remainder', () => {
  const window = windowOf({
    activeMs: 100,
    gcMs: 5,
    turns: 1_000,
    polled: 2_000,
    selfMs: { wsIn: 20, wsOut: 10, json: 3 },
    entered: { wsIn: 2_000, wsOut: 500, json: 500 },
  })
  const { stages, residualMs, predictedMs, explainedRatio } = breakDown(window, 1.5, COSTS)
  near(residualMs, 62)
  near(predictedMs, 10 + 8 + 2 + 1)
  near(stages['ws-in'].handlerMs, 20)
  near(stages['ws-in'].systemMs, 20 * 1.5)
  near(stages['ws-out'].systemMs, 1.5)
  near(stages.gc.handlerMs, 5)
  near(stages.other.systemMs, 62 - 21 * 1.5)
  near(explainedRatio, (33 + 5 + 31.5) / 100)
  near(
    STAGES.reduce((sum, stage) => sum + stages[stage].handlerMs + stages[stage].systemMs, 0),
    100,
  )
})

test('[TE5] too much explained: the calculated part gives way, what was timed stands', () => {
  const window = windowOf({ activeMs: 30, turns: 1_000, selfMs: { wsIn: 20 }, entered: { wsIn: 1_000 } })
  const { stages, explainedRatio } = breakDown(window, 4, COSTS)
  near(stages['ws-in'].handlerMs, 20)
  near(stages['ws-in'].systemMs, 10)
  near(stages.other.systemMs, 0)
  assert.ok(explainedRatio > 1)
})

test('[TE6] the same events in fewer turns cost less, and a turn is shared by what woke it', () => {
  const entered = { wsIn: 900, linkIn: 100 }
  const oneByOne = predictSystemMs(windowOf({ turns: 1_000, polled: 1_000, entered }), COSTS)
  const batched = predictSystemMs(windowOf({ turns: 10, polled: 1_000, entered }), COSTS)
  near(oneByOne[SPAN.wsIn] as number, 0.9 + 0.9 * (10 + 4))
  near(oneByOne[SPAN.linkIn] as number, 0.1 * (10 + 4))
  near(batched[SPAN.wsIn] as number, 0.9 + 0.9 * (0.1 + 4))
})

test('[TE6] frames of a drain cost by the frame, the drain by the wakeup', () => {
  const drains = windowOf({ turns: 100, entered: { udpDrain: 100 }, items: { udpDrain: 4_000 } })
  near(predictSystemMs(drains, COSTS)[SPAN.udpDrain] as number, 2 + 1)
  const { stages } = breakDown(drains, 1, COSTS)
  assert.equal(stages.udp.events, 4_000)
})

test('[TE6] wakes cost by how long the loop slept before them; a busy loop sleeps seldom and lightly', () => {
  const sleepy = windowOf({ durationMs: 1_000, activeMs: 100, turns: 100, sleeps: 100 })
  near(coldWakes(sleepy, 1), 100 * (1 - Math.exp(-9)))
  const brisk = windowOf({ durationMs: 1_000, activeMs: 100, turns: 900, sleeps: 900 })
  near(coldWakes(brisk, 1), 900 * (1 - Math.exp(-1)))
  const busy = windowOf({ durationMs: 1_000, activeMs: 990, turns: 5_000, sleeps: 50 })
  assert.ok(coldWakes(busy, 1) < 10)
  assert.equal(coldWakes(windowOf({ activeMs: 0, turns: 10 }), 1e-9), 10, 'where sleeps are not told, turns are')
  assert.equal(coldWakes(windowOf({ sleeps: 0, turns: 10 }), 1), 0)
  const entered = { wsIn: 300, timer: 100 }
  const predicted = predictSystemMs(
    { ...sleepy, spans: windowOf({ entered }).spans },
    { ...COSTS, wakeUs: 40, turnUs: 0 },
  )
  near(predicted[SPAN.wsIn] as number, 0.3 + 0.75 * 0.04 * coldWakes(sleepy, 1))
  near(predicted[SPAN.timer] as number, 0.25 * 0.04 * coldWakes(sleepy, 1))
})

test('[TE6] turns that nothing counted woke are upkeep', () => {
  near(predictSystemMs(windowOf({ turns: 100 }), COSTS)[SPAN.timer] as number, 1)
})

test('[TE7] the factor follows a slower machine, not a burst of unknown work, and stays within bounds', () => {
  const factor = new MachineFactor()
  for (let second = 0; second < 60; second++) factor.observe(150, 100)
  near(factor.value, 1.5)
  for (let second = 0; second < 25; second++) factor.observe(900, 100)
  near(factor.value, 1.5)
  for (let second = 0; second < 61; second++) factor.observe(300, 100)
  near(factor.value, 3)
  for (let second = 0; second < 61; second++) factor.observe(100_000, 100)
  near(factor.value, 4)
})

test('[TE7] windows with next to no traffic say nothing about the machine', () => {
  const factor = new MachineFactor()
  for (let second = 0; second < 100; second++) factor.observe(50, 9)
  near(factor.value, 1)
})

test('[TE9] agreement and each kind of disagreement, with a number and a sentence', () => {
  const verdict = (loopActiveRatio: number, cpuRatio: number, waitingRatio?: number) =>
    judgeAgreement({ loopActiveRatio, cpuRatio, waitingRatio }).verdict
  assert.equal(verdict(0.5, 0.45, 0.02), 'agrees')
  assert.equal(verdict(0.02, 0.04, 0), 'agrees')
  assert.equal(verdict(0.8, 0.5, 0.25), 'waits_for_cpu')
  assert.equal(verdict(0.8, 0.5, 0.01), 'not_computing')
  assert.equal(verdict(0.8, 0.5), 'not_computing')
  assert.equal(verdict(0.3, 0.5, 0), 'cpu_beyond_loop')
  const { differenceRatio, meaning } = judgeAgreement({ loopActiveRatio: 0.8, cpuRatio: 0.5, waitingRatio: 0.25 })
  near(differenceRatio, 0.8 - 0.5)
  assert.match(meaning, /30 % of a core.*overcommitted/)
  assert.match(judgeAgreement({ loopActiveRatio: 0.8, cpuRatio: 0.5 }).meaning, /overcommitted, or .*system calls/)
})
