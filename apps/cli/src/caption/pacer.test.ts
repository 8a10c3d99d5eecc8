import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import { sendAtPace } from './pacer.ts'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

function setUp(isLive: boolean) {
  const clock = new ManualClock()
  const sent: [number, number][] = []
  const schedule: [number, number][] = []
  const stop = new AbortController()
  const options = {
    clock,
    sampleRateHz: 16_000,
    frameMs: 20,
    isLive,
    send(samples: Int16Array) {
      sent.push([clock.nowMs(), samples.length])
      return true
    },
    onSchedule: (mediaMs: number, dueMs: number) => void schedule.push([mediaMs, dueMs]),
  }
  const advance = async (ms: number) => {
    await turn()
    await clock.advanceAsync(ms, 5)
    await turn()
  }
  return { clock, sent, schedule, stop, options, advance }
}

async function* blocks(...lengths: number[]): AsyncGenerator<Int16Array, void, undefined> {
  for (const length of lengths) yield new Int16Array(length)
}

test('[CC20] frame k is due at start + k frames, whatever the pieces of the source', async () => {
  const { sent, schedule, stop, options, advance } = setUp(false)
  const done = sendAtPace(blocks(1, 500, 1_000, 99), options, stop.signal)
  await advance(200)
  assert.equal(await done, true)
  assert.deepEqual(sent, [
    [0, 320],
    [20, 320],
    [40, 320],
    [60, 320],
    [80, 320],
  ])
  assert.deepEqual(schedule, [[0, 0]])
})

test('[CC20] a late loop catches up: the schedule is absolute and does not drift', async () => {
  const { clock, sent, stop, options, advance } = setUp(false)
  const done = sendAtPace(blocks(3_200), options, stop.signal)
  await advance(20)
  clock.advance(95)
  await advance(100)
  await done
  assert.deepEqual(
    sent.map(([atMs]) => atMs),
    [0, 20, 115, 115, 115, 115, 120, 140, 160, 180],
  )
})

test('[CC21] a live source that pauses moves the schedule on, and the pause is nobody’s lag', async () => {
  const { clock, sent, schedule, stop, options, advance } = setUp(true)
  let give = (_: Int16Array): void => {}
  async function* live(): AsyncGenerator<Int16Array, void, undefined> {
    for (let index = 0; index < 3; index++) yield await new Promise<Int16Array>((resolve) => (give = resolve))
  }
  const done = sendAtPace(live(), options, stop.signal)
  await advance(50)
  give(new Int16Array(640))
  await advance(50)
  await advance(900)
  const atMs = clock.nowMs()
  give(new Int16Array(320))
  await advance(5)
  give(new Int16Array(320))
  await advance(40)
  await done
  assert.deepEqual(
    sent.map(([sentAtMs]) => sentAtMs - atMs),
    [50 - atMs, 70 - atMs, 0, 20],
  )
  assert.deepEqual(schedule, [
    [0, 50],
    [40, atMs],
  ])
})

test('[CC22] stopping ends the sending at once, also while the source has nothing to give', async () => {
  const { sent, stop, options, advance } = setUp(true)
  let isLeft = false
  async function* silent(): AsyncGenerator<Int16Array, void, undefined> {
    try {
      yield new Int16Array(320)
      await new Promise(() => {})
    } finally {
      isLeft = true
    }
  }
  const done = sendAtPace(silent(), options, stop.signal)
  await advance(100)
  stop.abort()
  assert.equal(await done, false)
  assert.equal(sent.length, 1)
  assert.equal(isLeft, false)
})

test('[CC22] a session that takes no more ends the sending', async () => {
  const { stop, options, advance } = setUp(false)
  const done = sendAtPace(blocks(3_200), { ...options, send: () => false }, stop.signal)
  await advance(20)
  assert.equal(await done, false)
})
