import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import { Scheduler } from './scheduler.ts'

test('[IM19] everything runs when due, in due order, then in the order it came, on one timer', () => {
  const clock = new ManualClock()
  const scheduler = new Scheduler(clock)
  const random = seededRandom(5)
  const ran: { dueMs: number; order: number; atMs: number }[] = []
  for (let order = 0; order < 2_000; order++) {
    const dueMs = Math.floor(random() * 300)
    scheduler.at(dueMs, () => ran.push({ dueMs, order, atMs: clock.nowMs() }))
    assert.equal(clock.pendingTimers, 1)
  }
  clock.advance(300)
  assert.deepEqual(
    ran,
    ran.toSorted((a, b) => a.dueMs - b.dueMs || a.order - b.order),
  )
  assert.equal(ran.length, 2_000)
  for (const { dueMs, atMs } of ran) assert.equal(atMs, dueMs)
  assert.equal(clock.pendingTimers, 0)
})

test('[IM19] what keeps adding what is due does not keep the loop', () => {
  const clock = new ManualClock()
  const scheduler = new Scheduler(clock)
  let runs = 0
  const again = () => {
    runs++
    if (runs < 100) scheduler.at(clock.nowMs() + 0.001, again)
  }
  scheduler.at(1, again)
  clock.advance(1)
  assert.equal(runs, 1)
  clock.advance(10)
  assert.equal(runs, 100)
})

test('[IM19, IM18] a closed scheduler runs nothing and holds no timer', () => {
  const clock = new ManualClock()
  const scheduler = new Scheduler(clock)
  scheduler.at(1, () => assert.fail('ran'))
  scheduler.close()
  scheduler.at(1, () => assert.fail('ran'))
  assert.deepEqual([clock.pendingTimers, scheduler.size], [0, 0])
  clock.advance(5)
})
