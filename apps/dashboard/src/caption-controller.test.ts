import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import { NO_WISH, type Trouble } from './caption-client.ts'
import { BRIEF_BREAK_MS, CaptionController } from './caption-controller.ts'
import { QUIET_AFTER_MS } from './model/level.ts'
import { final, ScriptedCaptionClient, welcome } from './testing/scripted-caption-client.ts'

function setUp(role: 'owner' | 'watcher' = 'owner') {
  const client = new ScriptedCaptionClient()
  const clock = new ManualClock()
  const controller = new CaptionController({ client, clock, role, wish: NO_WISH })
  const phase = () => controller.store.get().phase
  return { client, clock, controller, phase }
}

const noSlot = (retryAfterMs: number): Trouble => ({ kind: 'refused', code: 'NO_SLOT', message: 'full', retryAfterMs })

test('[PG1] start, speak, stop: the sound ends first, the state when the last caption is in', () => {
  const { client, controller, phase } = setUp()
  controller.start('microphone', 'en')
  assert.deepEqual(client.lastRun.options, { source: 'microphone', wish: NO_WISH, language: 'en' })
  client.lastRun.send({ type: 'connecting' }, welcome())
  controller.stop()
  assert.equal(client.lastRun.isStopped, true)
  assert.equal(phase().kind, 'finishing')
  client.lastRun.send(final('1.0', 'Last.'), { type: 'ended' })
  assert.equal(phase().kind, 'ended')
  assert.equal(controller.store.get().transcript.lineCount, 1)
})

test('[PG1] a second start while one runs is ignored; cancelling before live aborts at once', () => {
  const { client, controller, phase } = setUp()
  controller.start('microphone')
  controller.start('sample')
  assert.equal(client.runs.length, 1)
  controller.stop()
  assert.equal(client.lastRun.isAborted, true)
  assert.equal(phase().kind, 'ended')
  client.lastRun.send(welcome())
  assert.equal(phase().kind, 'ended')
})

test('[PG10] a refusal that passes counts down and tries again with the same source', () => {
  const { client, clock, controller, phase } = setUp()
  controller.start('sample', 'en')
  client.lastRun.send({ type: 'ended', trouble: noSlot(3_000) })
  assert.deepEqual(phase(), { kind: 'retrying', trouble: noSlot(3_000), retryAtMs: 3_000 })
  clock.advance(2_999)
  assert.equal(client.runs.length, 1)
  clock.advance(1)
  assert.equal(client.runs.length, 2)
  assert.deepEqual(client.lastRun.options, { source: 'sample', wish: NO_WISH, language: 'en' })
  client.lastRun.send(welcome())
  assert.equal(phase().kind, 'live')
})

test('[PG10] the wait can be skipped or given up, and leaves no timer behind', () => {
  const { client, clock, controller, phase } = setUp()
  controller.start('microphone')
  client.lastRun.send({ type: 'ended', trouble: noSlot(30_000) })
  controller.retryNow()
  assert.equal(client.runs.length, 2)
  assert.equal(clock.pendingTimers, 0)
  client.lastRun.send({ type: 'ended', trouble: noSlot(30_000) })
  controller.stop()
  assert.deepEqual(phase(), { kind: 'ended', trouble: undefined })
  clock.advance(60_000)
  assert.equal(client.runs.length, 2)
  assert.equal(clock.pendingTimers, 0)
})

test('[PG9] a watcher that loses the connection comes back, and stops when the owner has ended', () => {
  const { client, clock, controller, phase } = setUp('watcher')
  controller.watch('token')
  client.lastRun.send(welcome(), final('1.0', 'One.'), { type: 'ended', trouble: { kind: 'lost' } })
  assert.equal(phase().kind, 'retrying')
  clock.advance(15_000)
  assert.equal(client.runs.length, 2)
  client.lastRun.send(welcome(), { type: 'ended', trouble: { kind: 'closed', reason: 'finished' } })
  assert.deepEqual(phase(), { kind: 'ended', trouble: { kind: 'closed', reason: 'finished' } })
  clock.advance(60_000)
  assert.equal(client.runs.length, 2)
})

test('[PG16] a broken connection is ridden through: told, hurried on demand, told when it is back', () => {
  const { client, clock, controller, phase } = setUp()
  controller.start('microphone')
  client.lastRun.send({ type: 'connecting' }, welcome(), { type: 'reconnecting', keptMs: 60_000 })
  const brokeAtMs = clock.nowMs()
  clock.advance(BRIEF_BREAK_MS)
  assert.deepEqual(phase(), { kind: 'reconnecting', sinceMs: brokeAtMs, keptMs: 60_000 })
  controller.retryNow()
  assert.equal(client.lastRun.hurries, 1)
  assert.equal(client.runs.length, 1, 'the run goes on')
  client.lastRun.send({ type: 'resumed', resentMs: 2_900, lostMs: 0 }, { type: 'missed', count: 2 })
  assert.equal(phase().kind, 'live')
  assert.match(controller.store.get().notice?.text ?? '', /2 lines/)
  client.lastRun.send({ type: 'reconnecting', keptMs: 60_000 })
  controller.stop()
  assert.equal(client.lastRun.isStopped, true)
  clock.advance(BRIEF_BREAK_MS)
  assert.equal(phase().kind, 'finishing')
})

test('[PG16] a break that nobody would notice is not told: nothing jumps, nothing is read out', () => {
  const { client, clock, controller } = setUp('watcher')
  controller.watch('token')
  client.lastRun.send(welcome())
  const before = controller.store.get()
  client.lastRun.send({ type: 'reconnecting' })
  clock.advance(BRIEF_BREAK_MS - 1)
  client.lastRun.send({ type: 'reconnecting' })
  client.lastRun.send({ type: 'resumed', resentMs: 0, lostMs: 0, isMoved: true })
  clock.advance(BRIEF_BREAK_MS)
  assert.deepEqual(controller.store.get(), before)
  for (let attempt = 0; attempt < 5; attempt++) {
    client.lastRun.send({ type: 'reconnecting' })
    clock.advance(BRIEF_BREAK_MS / 4)
  }
  assert.equal(controller.store.get().phase.kind, 'reconnecting', 'each attempt began the break anew')
  client.lastRun.send({ type: 'resumed', resentMs: 0, lostMs: 0 })
  client.lastRun.send({ type: 'reconnecting' }, { type: 'resumed', resentMs: 0, lostMs: 1_000 })
  assert.match(controller.store.get().notice?.text ?? '', /missing/, 'a loss is told however short it was')
  client.lastRun.send({ type: 'reconnecting' }, { type: 'ended', trouble: { kind: 'closed', reason: 'finished' } })
  assert.equal(controller.store.get().phase.kind, 'ended')
})

test('[PG17] muting reaches the microphone, silences the warning of silence, and ends with the run', () => {
  const { client, clock, controller } = setUp()
  controller.start('microphone')
  client.lastRun.send(welcome())
  controller.mute(true)
  assert.equal(client.lastRun.isMuted, true)
  client.lastRun.send({ type: 'level', peakRatio: 0 })
  clock.advance(QUIET_AFTER_MS)
  client.lastRun.send({ type: 'level', peakRatio: 0 })
  assert.deepEqual([controller.store.get().isMuted, controller.store.get().isQuiet], [true, false])
  client.lastRun.send({ type: 'ended' })
  assert.equal(controller.store.get().isMuted, false)
  controller.start('sample')
  client.lastRun.send(welcome())
  controller.mute(true)
  assert.equal(controller.store.get().isMuted, false, 'a sample has no microphone')
})

test('[PG14] a watch link is made, shown and taken back; one that is gone already counts as taken back', async () => {
  const { client, controller } = setUp()
  controller.start('microphone')
  client.lastRun.send(welcome())
  await controller.share(60_000)
  assert.equal(controller.store.get().share.kind, 'shared')
  client.lastRun.revokeOutcome = { ok: false, error: { kind: 'refused', code: 'NOT_FOUND', message: 'gone' } }
  await controller.revoke()
  assert.deepEqual(client.lastRun.revokedLinks, ['wat_1'])
  assert.equal(controller.store.get().share.kind, 'none')
})

test('[PG14] a link that arrives after its session has ended is not shown', async () => {
  const { client, controller } = setUp()
  controller.start('microphone')
  client.lastRun.send(welcome())
  const sharing = controller.share(60_000)
  client.lastRun.send({ type: 'ended' })
  await sharing
  assert.equal(controller.store.get().share.kind, 'none')
})

test('[PG5] a microphone without sound is told, the sample is never', () => {
  const { client, clock, controller } = setUp()
  const silence = () => {
    client.lastRun.send(welcome(), { type: 'level', peakRatio: 0 })
    clock.advance(QUIET_AFTER_MS)
    client.lastRun.send({ type: 'level', peakRatio: 0 })
    return controller.store.get().isQuiet
  }
  controller.start('microphone')
  assert.equal(silence(), true)
  client.lastRun.send({ type: 'level', peakRatio: 0.3 })
  assert.equal(controller.store.get().isQuiet, false)
  client.lastRun.send({ type: 'ended' })
  controller.start('sample')
  assert.equal(silence(), false)
})

test('[PG1] leaving the page ends the run at once, and it can be started again', () => {
  const { client, clock, controller, phase } = setUp()
  controller.start('microphone')
  client.lastRun.send(welcome())
  controller.leave()
  assert.equal(client.lastRun.isAborted, true)
  assert.deepEqual(phase(), { kind: 'ended', trouble: { kind: 'lost' } })
  controller.start('microphone')
  assert.equal(client.runs.length, 2)
  controller.close()
  assert.equal(clock.pendingTimers, 0)
})

test('[PG18] what is wanted goes to the run there is and to every run after it', () => {
  const { client, controller } = setUp()
  const spanish = { ...NO_WISH, translateTo: ['es'], hear: 'es' }
  controller.want(spanish)
  controller.start('microphone')
  assert.deepEqual(client.lastRun.options, { source: 'microphone', wish: spanish })
  client.lastRun.send({ type: 'connecting' }, welcome())
  controller.want(NO_WISH)
  assert.deepEqual(client.lastRun.wishes, [NO_WISH])
})
