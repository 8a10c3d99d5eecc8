import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Scope, systemClock } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import type { EventCosts } from './event-costs.ts'
import { StageClock } from './stage-clock.ts'
import { type LoopCounters, type LoopSource, processLoopSource, startStageMonitor } from './stage-monitor.ts'
import { SPAN, STAGES } from './stages.ts'

const COSTS: EventCosts = { wakeUs: 0, coolMs: 1, turnUs: 10, polledUs: 5, perEventUs: { wsIn: 1 }, perItemUs: {} }

/** A loop whose seconds a test makes up. */
function rig(sessions = 100) {
  const clock = new ManualClock()
  const scope = new Scope(clock)
  let spanMs = 0
  const stages = new StageClock({ nowMs: () => spanMs, readingCostMs: 0 })
  const counters = { activeMs: 0, turns: 0, polled: 0, threadCpuMs: 0, processCpuMs: 0, waitingMs: 0, sleeps: 0 }
  const state = { sessions, stopped: 0 }
  let onGc: (startMs: number, durationMs: number) => void = () => {}
  const source: LoopSource = {
    read: (): LoopCounters => ({ nowMs: clock.nowMs(), ...counters }),
    onGarbageCollected(listener) {
      onGc = listener
      return () => {
        state.stopped++
      }
    },
  }
  const monitor = startStageMonitor(scope, { stages, sessions: () => state.sessions, costs: COSTS, source })
  /** One second: `messages` of 4 us each, handled in `turns`. */
  const second = (messages: number, turns: number, activeMs: number, cpuMs = activeMs) => {
    // Drains instead of messages where every one must be timed: the estimate is then the truth.
    for (let drain = 0; drain < turns; drain++) {
      stages.enter(SPAN.udpDrain)
      stages.count(SPAN.udpDrain, messages / turns)
      spanMs += (0.004 * messages) / turns
      stages.leave()
    }
    counters.activeMs += activeMs
    counters.turns += turns
    counters.polled += turns
    counters.threadCpuMs += cpuMs
    counters.processCpuMs += cpuMs * 1.5
    clock.advance(1_000)
  }
  return { scope, clock, monitor, second, counters, state, gc: (ms: number) => onGc(-1_000, ms) }
}

test('[TE5] figures are those of the last five seconds, per second and per session', () => {
  const { monitor, second } = rig(100)
  second(50_000, 5_000, 900)
  for (let n = 0; n < 5; n++) second(10_000, 1_000, 40 + 15)
  const reading = monitor.read()
  assert.equal(reading.windowMs, 5_000)
  assert.ok(Math.abs(reading.loopActiveRatio - 0.055) < 1e-9)
  assert.ok(Math.abs(reading.stages.udp.handlerRatio - 0.04) < 1e-9)
  assert.equal(reading.stages.udp.eventsPerSecond, 10_000)
  assert.equal(reading.turnsPerSecond, 1_000)
  const sum = STAGES.reduce((total, stage) => total + reading.stages[stage].loopRatio, 0)
  assert.ok(Math.abs(sum - reading.loopActiveRatio) < 1e-9)
  assert.ok(Math.abs((reading.usPerSessionSecond ?? 0) - 550) < 1e-6)
  assert.ok(Math.abs((reading.cpuUsPerSessionSecond ?? 0) - 825) < 1e-6)
})

test('[TE8] headroom to the ceiling, and the sessions that would still fit', () => {
  const { monitor, second } = rig(1_000)
  for (let n = 0; n < 5; n++) second(50_000, 1_000, 400)
  const { headroomRatio, ceilingRatio, sessionsThatFit } = monitor.read()
  assert.equal(ceilingRatio, 0.8)
  assert.ok(Math.abs(headroomRatio - 0.5) < 1e-9)
  assert.equal(sessionsThatFit, 1_000)
})

test('[TE8] what the pod takes without sessions is not their cost', () => {
  const { monitor, second, state } = rig(0)
  for (let n = 0; n < 3; n++) second(0, 100, 20)
  assert.equal(monitor.read().usPerSessionSecond, undefined)
  assert.equal(monitor.read().sessionsThatFit, undefined)
  state.sessions = 10
  for (let n = 0; n < 6; n++) second(500, 100, 30)
  assert.ok(Math.abs((monitor.read().baselineRatio ?? 0) - 0.02) < 1e-9)
  assert.ok(Math.abs((monitor.read().usPerSessionSecond ?? 0) - 1_000) < 1e-6)
})

test('[TE8] above the ceiling headroom is negative and nothing fits', () => {
  const { monitor, second } = rig(10)
  for (let n = 0; n < 5; n++) second(1_000, 100, 1_000)
  assert.ok(monitor.read().headroomRatio < 0)
  assert.equal(monitor.read().sessionsThatFit, 0)
})

test('[TE9] agreement of the window, with what waited for a core', () => {
  const { monitor, second, counters } = rig()
  for (let n = 0; n < 5; n++) {
    counters.waitingMs += 300
    second(10_000, 1_000, 700, 400)
  }
  assert.equal(monitor.read().agreement.verdict, 'waits_for_cpu')
  assert.ok(Math.abs((monitor.read().agreement.waitingRatio ?? 0) - 0.3) < 1e-9)
})

test('[TE10] totals only rise, before the first second there is nothing, and the scope ends it all', async () => {
  const { monitor, second, gc, scope, clock, state } = rig()
  assert.equal(monitor.read().windowMs, 0)
  assert.equal(monitor.read().loopActiveRatio, 0)
  assert.equal(monitor.read().agreement.verdict, 'agrees')
  gc(4)
  second(10_000, 1_000, 100)
  const before = monitor.secondsTotal()
  assert.ok(Math.abs(before.gc - 0.004) < 1e-9)
  assert.ok(before.udp > 0.04 && monitor.eventsTotal().udp === 10_000 && monitor.turnsTotal === 1_000)
  second(0, 0, 0)
  const after = monitor.secondsTotal()
  for (const stage of STAGES) assert.ok(after[stage] >= before[stage], stage)
  await scope.close()
  assert.deepEqual([clock.pendingTimers, state.stopped], [0, 1])
})

test('[TE10] the running process: turns, descriptors, busy and CPU time rise; the collector reports', async () => {
  const source = processLoopSource()
  const pauses: number[] = []
  const stop = source.onGarbageCollected((_startMs, durationMs) => pauses.push(durationMs))
  const before = source.read()
  const kept: object[] = []
  await eventually(() => {
    for (let n = 0; n < 50_000; n++) kept.push({ n })
    if (kept.length > 2_000_000) kept.length = 0
    return pauses.length > 0 ? undefined : 'no pause was reported'
  })
  stop()
  await new Promise<void>((resolve) => void systemClock.after(1, resolve))
  const after = source.read()
  assert.ok((after.sleeps ?? 1) > (before.sleeps ?? 0) || process.platform !== 'linux')
  assert.ok(after.turns > before.turns && after.activeMs > before.activeMs)
  assert.ok(after.threadCpuMs > before.threadCpuMs && after.processCpuMs >= before.processCpuMs)
  assert.ok(pauses.every((ms) => ms >= 0))
})
