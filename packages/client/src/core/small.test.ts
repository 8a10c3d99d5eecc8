import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import type { Caption } from '@parley/protocol'
import { captureError } from './capture-problems.ts'
import { ParleyClientError } from './errors.ts'
import { LagTracker, lastFrameStartMs } from './lag.ts'
import { Liveness } from './liveness.ts'
import { afterEvent, isNews, seenNothing } from './seen.ts'
import { SharedTicker, sharedTicker } from './ticker.ts'
import { CLIENT_VERSION } from './version.ts'

test('[CL50] the last frame of an utterance is the one that holds the audio just before its end', () => {
  assert.equal(lastFrameStartMs(1_000, 20), 980)
  assert.equal(lastFrameStartMs(1_000.5, 20), 1_000)
  assert.equal(lastFrameStartMs(1_000.0004, 20), 980)
  assert.equal(lastFrameStartMs(5, 20), 0)
  assert.equal(lastFrameStartMs(0, 20), 0)
  assert.equal(lastFrameStartMs(57, 20, 10), 50)
})

test('[CL50] lag is received minus intended: a sender that fell behind is not flattered', () => {
  const tracker = new LagTracker(20)
  assert.equal(tracker.lagMs(1_000, 5_000), undefined)
  tracker.anchor(0, 10_000)
  assert.equal(tracker.intendedAtMs(1_000), 10_980)
  assert.equal(tracker.lagMs(1_000, 11_400), 420)
  assert.equal(tracker.lagMs(1_000, 10_000), 0)
})

test('[CL51] after a pause that media time did not count, the new schedule counts for what is said after it', () => {
  const tracker = new LagTracker(20)
  tracker.anchor(0, 0)
  tracker.anchor(2_000, 60_000)
  assert.equal(tracker.intendedAtMs(2_000), 1_980)
  assert.equal(tracker.intendedAtMs(2_020), 60_000)
  for (let index = 0; index < 100; index++) tracker.anchor(3_000 + index, 70_000 + index)
  assert.equal(tracker.intendedAtMs(3_200), 70_199)
})

test('[CL40] who hears needs no answer: signs of life instead, and a ping now and then for the round trip', () => {
  const liveness = new Liveness(2_000, 4_000)
  liveness.start(0)
  const kinds: string[] = []
  for (let nowMs = 200; nowMs <= 20_000; nowMs += 200) {
    liveness.heard(nowMs)
    const { kind } = liveness.tick(nowMs)
    if (kind === 'fine') continue
    kinds.push(`${kind} ${nowMs}`)
    liveness.said(nowMs)
  }
  const signs = kinds.filter((each) => each.startsWith('sign'))
  assert.deepEqual(signs.slice(0, 3), ['sign 1600', 'sign 3200', 'sign 4800'])
  assert.deepEqual(
    kinds.filter((each) => each.startsWith('ping')),
    ['ping 10000', 'ping 20000'],
  )
})

test('[CL40] pings when it hears nothing, and any message is a sign of life', () => {
  const liveness = new Liveness(2_000, 4_000)
  liveness.start(0)
  assert.equal(liveness.tick(1_000).kind, 'fine')
  assert.deepEqual(liveness.tick(2_000), { kind: 'ping', id: 1 })
  liveness.answered(1, 2_030)
  assert.equal(liveness.roundTripMs, 30)
  liveness.heard(3_000)
  liveness.said(3_000)
  assert.equal(liveness.tick(3_999).kind, 'fine')
  assert.equal(liveness.tick(4_900).kind, 'sign')
  liveness.said(4_900)
  assert.deepEqual(liveness.tick(5_000), { kind: 'ping', id: 2 })
  assert.equal(liveness.tick(6_000).kind, 'fine')
  assert.deepEqual(liveness.tick(7_000), { kind: 'dead', silentMs: 4_000 })
})

test('[CL40] an impatient platform is not taken for alive because of the ticks themselves', () => {
  const liveness = new Liveness(200, 500)
  liveness.start(0)
  for (let nowMs = 255; nowMs < 500; nowMs += 255) assert.notEqual(liveness.tick(nowMs).kind, 'dead')
  assert.equal(liveness.tick(510).kind, 'dead')
})

test('[CL41] a process that stood still does not take its own stall for the silence of the other side', () => {
  const liveness = new Liveness(2_000, 4_000)
  liveness.start(0)
  assert.equal(liveness.tick(60_000).kind, 'ping')
  liveness.said(60_000)
  assert.equal(liveness.tick(61_500).kind, 'fine')
  assert.equal(liveness.tick(62_000).kind, 'dead')
})

test('[CL40] intervals that make no sense are held within reason', () => {
  const liveness = new Liveness(2_000, 4_000)
  liveness.configure(1, 1)
  liveness.start(0)
  assert.equal(liveness.tick(50).kind, 'fine')
  assert.equal(liveness.tick(100).kind, 'ping')
  liveness.said(100)
  assert.equal(liveness.tick(150).kind, 'fine')
})

test('[CL42] one timer serves all clients of a clock, and is gone with the last of them', () => {
  const clock = new ManualClock()
  const ticker = new SharedTicker(clock)
  let ticks = 0
  const offs = Array.from({ length: 100 }, () => ticker.subscribe(() => void ticks++))
  assert.equal(clock.pendingTimers, 1)
  clock.advance(500)
  assert.equal(ticks, 200)
  for (const off of offs) off()
  offs[0]?.()
  assert.equal(clock.pendingTimers, 0)
  assert.equal(sharedTicker(clock), sharedTicker(clock))
})

const caption = (kind: 'partial' | 'final', index: number, seq?: number): Caption =>
  ({ type: 'caption', kind, utterance: { epoch: 1, index }, seq, endMs: index * 1_000 }) as Caption

test('[CL60] nothing arrives twice, and no partial follows its final', () => {
  let seen = seenNothing()
  assert.ok(isNews(seen, caption('partial', 0)))
  seen = afterEvent(seen, caption('final', 0, 1))
  assert.ok(!isNews(seen, caption('partial', 0)))
  assert.ok(!isNews(seen, caption('final', 0, 1)))
  assert.ok(isNews(seen, caption('partial', 1)))
})

test('[CL60] what a resume will need is kept: seq, utterance, media time, and what went missing', () => {
  let seen = afterEvent(seenNothing(3), caption('final', 2, 4))
  seen = afterEvent(seen, { type: 'abandoned', utterance: { epoch: 1, index: 3 }, seq: 7, reason: 'deadline' })
  assert.deepEqual(seen, { seq: 7, utterance: { epoch: 1, index: 3 }, mediaMs: 2_000, missed: 2 })
})

test('[CL2] an error says what happened, then what to do, in one message', () => {
  const known = new ParleyClientError('TICKET_EXPIRED')
  assert.equal(known.message, 'The ticket has expired. Ask for a new one with POST /v1/sessions.')
  assert.equal(known.hop, 'client')
  const newer = new ParleyClientError('OF_TOMORROW' as 'INTERNAL', { detail: 'something new', retryable: true })
  assert.equal(newer.message, 'something new')
  assert.equal(newer.retryable, true)
})

test('[CL70] every way a browser refuses the microphone has its words', () => {
  const named = (name: string) => captureError(Object.assign(new Error(), { name })).problem
  assert.equal(named('NotAllowedError'), 'denied')
  assert.equal(named('NotFoundError'), 'no-microphone')
  assert.equal(named('NotReadableError'), 'in-use')
  assert.equal(named('SecurityError'), 'insecure-context')
  assert.equal(named('SomethingNew'), 'not-supported')
  assert.match(captureError(undefined).message, /cannot record.*Use a current/)
})

test('[CL1] the version in hello is that of the package', () => {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  assert.equal(CLIENT_VERSION, manifest.version)
})
