import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Scope, systemClock } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { countOpenHandles, createMetrics, readProcessStats, startLoopMonitor } from './index.ts'
import { latenessMs } from './loop-monitor.ts'
import { collectProcessMetrics } from './process-metrics.ts'

/** Keeps the loop from turning; the only way to make it late on purpose. */
function block(durationMs: number): void {
  const untilMs = systemClock.nowMs() + durationMs
  while (systemClock.nowMs() < untilMs);
}

test('[TM5] the sampling interval is not lateness, and no sample is no lateness', () => {
  assert.equal(latenessMs(10e6, 10, 5), 0)
  assert.equal(latenessMs(14e6, 10, 5), 4)
  assert.equal(latenessMs(9e6, 10, 5), 0)
  assert.equal(latenessMs(9e15, 10, 0), 0)
})

test('[TM5] a loop that was held up reports how long, and that it was busy', async () => {
  const clock = new ManualClock()
  const scope = new Scope(clock)
  const monitor = startLoopMonitor(scope, { windowMs: 1_000, resolutionMs: 1 })
  const before = monitor.read()
  await eventually(() => {
    block(60)
    return monitor.read().delayMaxMs >= 50 ? undefined : 'no delay of 50 ms seen'
  })
  clock.advance(1_000)
  const held = monitor.read()
  assert.ok(held.delayMaxMs >= 50, `max ${held.delayMaxMs}`)
  assert.ok(held.delayMaxMs >= held.delayP99Ms && held.delayP99Ms >= held.delayP50Ms)
  assert.ok(held.utilisationRatio > 0 && held.utilisationRatio <= 1)
  assert.ok(held.activeMs > before.activeMs)
  await scope.close()
})

test('[TM5] a window forgets the one before it', async () => {
  const clock = new ManualClock()
  const scope = new Scope(clock)
  const monitor = startLoopMonitor(scope, { windowMs: 1_000, resolutionMs: 1 })
  await eventually(() => {
    block(60)
    return monitor.read().delayMaxMs >= 50 ? undefined : 'no delay of 50 ms seen'
  })
  clock.advance(1_000)
  clock.advance(1_000)
  assert.ok(monitor.read().delayMaxMs < 50)
  await scope.close()
})

test('[TM5] closing the scope leaves no timer', async () => {
  const clock = new ManualClock()
  const scope = new Scope(clock)
  startLoopMonitor(scope)
  assert.equal(clock.pendingTimers, 1)
  await scope.close()
  assert.equal(clock.pendingTimers, 0)
})

test('[TM6] process figures are exposed in base units', async () => {
  const scope = new Scope(new ManualClock())
  const metrics = createMetrics()
  collectProcessMetrics(metrics, {
    version: '1.2.3',
    member: 'pod',
    startedAtWallMs: 1_700_000_000_500,
    loop: startLoopMonitor(scope),
    read: () => ({ ...readProcessStats(), cpuUserMs: 2_500, rssBytes: 1024 }),
  })
  const exposed = await metrics.expose()
  assert.match(exposed, /parley_process_start_time_seconds 1700000000.5/)
  assert.match(exposed, /parley_process_cpu_seconds_total\{mode="user"\} 2.5/)
  assert.match(exposed, /parley_process_resident_memory_bytes 1024/)
  assert.match(exposed, /parley_build_info\{version="1.2.3",member="pod",node="v24[^"]*"\} 1/)
  await scope.close()
})

test('[TM6] open handles are counted by kind', () => {
  const timer = systemClock.after(60_000, () => {})
  const { Timeout = 0 } = countOpenHandles()
  timer.cancel()
  assert.ok(Timeout >= 1)
  assert.ok(readProcessStats().rssBytes > readProcessStats().heapUsedBytes)
})
