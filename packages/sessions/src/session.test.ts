import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import { type AudioFormat, type CloseReason, encodeAudioFrame } from '@parley/protocol'
import { REPLAYED_FINALS } from './caption-feed.ts'
import { Session } from './session.ts'
import { newSessionCounters } from './session-counters.ts'
import type { SessionHost } from './session-host.ts'
import { SessionRegistry } from './session-registry.ts'
import { FakeSlot, HEARS_CAPTIONS, RecordingChannel } from './testing/index.ts'

const PCM: AudioFormat = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 }
const MARKS = { receivedAtMs: 1, endOfSpeechMs: 2, finalAtMs: 3 }

function setUp(watchersPerSession = 10) {
  const clock = new ManualClock()
  const closed: CloseReason[] = []
  const host: SessionHost = {
    clock,
    policy: { ticketLifetimeMs: 60_000, graceMs: 30_000 },
    audioLimits: { paceRatio: 3, maxBytes: 1_000_000 },
    historyLimits: { maxBytes: 262_144, budget: { maxBytes: 10_000_000, usedBytes: 0 } },
    watchersPerSession,
    counters: newSessionCounters(),
    onClosed: (_session, reason) => closed.push(reason),
  }
  const slot = new FakeSlot()
  const identity = { id: newId('ses'), tenant: 't', user: 'u', language: 'en', metadata: {} }
  return { clock, host, slot, closed, session: new Session(identity, slot, host), owner: new RecordingChannel() }
}

function active(watchersPerSession?: number) {
  const made = setUp(watchersPerSession)
  assert.equal(made.session.join(made.owner, PCM), true)
  return made
}

const partial = (index: number, text = 'p') => ({ index, text, stable: 0, startMs: 0, endMs: 20 })
const final = (index: number, text = 'F.') => ({ index, text, startMs: 0, endMs: 20, marks: MARKS })

test('[SES1] joining opens speech with the format; a second time it is refused', () => {
  const { session, slot } = active()
  assert.deepEqual(slot.opened, { sessionId: session.id, language: 'en', format: PCM, firstIndex: 0 })
  assert.equal(session.join(new RecordingChannel(), PCM), false)
})

test('[SES2] closing gives everything back once and tells everybody, open utterances first', () => {
  const { session, slot, owner, closed, host } = active()
  const watcher = new RecordingChannel()
  session.watch(watcher)
  session.feed.partial(partial(0))
  session.end('deleted')
  session.end('client_left')
  session.ownerLost(owner, 'socket_lost')
  assert.deepEqual(closed, ['deleted'])
  assert.deepEqual(host.counters.closedTotal, { deleted: 1 })
  assert.equal(slot.closed, 1)
  assert.equal(slot.released, 0)
  assert.equal(owner.closedFor, 'deleted')
  assert.equal(watcher.closedFor, 'finished')
  for (const channel of [owner, watcher]) {
    const last = channel.messages.at(-1)
    assert.ok(last?.type === 'abandoned' && last.reason === 'closed' && last.utterance.index === 0)
  }
})

test('[SES2] a stream that fails to open closes the session and gives the slot back', () => {
  const { session, slot, closed, owner } = setUp()
  slot.open = () => {
    throw new Error('no stream')
  }
  assert.throws(() => session.join(owner, PCM), /no stream/)
  assert.deepEqual(closed, ['internal'])
  assert.equal(slot.released, 1)
})

test('[SES2] what recognition says after the end goes nowhere', () => {
  const { session, owner } = active()
  session.end('deleted')
  const before = owner.buffers.length
  session.feed.final(final(0))
  session.feed.partial(partial(1))
  session.feed.speechState('waiting')
  session.feed.abandoned(2, 'no_speech')
  assert.equal(owner.buffers.length, before)
})

test('[SES3] an unused ticket gives the slot back', () => {
  const { session, slot, clock, closed } = setUp()
  clock.advance(59_999)
  session.tick(clock.nowMs())
  assert.deepEqual(closed, [])
  clock.advance(1)
  session.tick(clock.nowMs())
  assert.deepEqual(closed, ['ticket_unused'])
  assert.equal(slot.released, 1)
})

test('[SES4] [SES5] a lost owner leaves slot, history and watchers for the grace, then all is closed', () => {
  const { session, slot, owner, clock, closed } = active()
  const watcher = new RecordingChannel()
  session.watch(watcher)
  session.feed.partial(partial(0))
  session.ownerLost(owner, 'socket_lost')
  const before = owner.buffers.length
  session.feed.final(final(0))
  assert.equal(owner.buffers.length, before, 'detached')
  assert.equal(watcher.messages.at(-1)?.type, 'caption')
  assert.equal(session.state.kind, 'suspended')
  assert.equal(slot.closed, 0)
  session.feed.partial(partial(1))
  clock.advance(30_000)
  session.tick(clock.nowMs())
  assert.deepEqual(closed, ['grace_expired'])
  assert.equal(slot.closed, 1)
  assert.equal(watcher.messages.at(-1)?.type, 'abandoned')
  assert.equal(watcher.closedFor, 'finished')
})

test('[WT4] watchers hear of the pod itself going', () => {
  const { session } = active()
  const watcher = new RecordingChannel()
  session.watch(watcher)
  session.end('shutting_down')
  assert.equal(watcher.closedFor, 'shutting_down')
})

test('[SES6] seqs have no hole, whoever listens', () => {
  const { session, owner } = active()
  session.feed.final(final(0))
  session.feed.abandoned(1, 'no_speech')
  session.endAudio(-1, undefined)
  session.feed.flushed(1)
  session.ownerLost(owner, 'socket_lost')
  session.feed.final(final(2))
  assert.deepEqual(
    owner.messages.map((message) => ('seq' in message ? message.seq : undefined)),
    [1, 2, 3],
  )
  assert.equal(session.feed.seq, 4)
})

test('[CAP3] a caption is encoded once for owner and watchers, and not at all for nobody', () => {
  const { session, owner } = active()
  const watchers = [new RecordingChannel(), new RecordingChannel()]
  for (const watcher of watchers) session.watch(watcher)
  session.feed.partial(partial(0))
  session.feed.final(final(0))
  for (const watcher of watchers) {
    assert.equal(watcher.buffers[0], owner.buffers.at(-2))
    assert.equal(watcher.buffers[1], owner.buffers.at(-1))
  }
})

test('[CAP4] audio.end is answered once, with its requestId, and only when lastSeq is right', () => {
  const { session, owner, slot } = active()
  session.audio(encodeAudioFrame(41, 0, new Uint8Array(640)), 0)
  const wrong = session.endAudio(40, 'r')
  assert.ok(!wrong.ok && wrong.error.code === 'INVALID_FIELD')
  assert.deepEqual(wrong.ok ? [] : wrong.error.details.allowed, [41])
  assert.ok(session.endAudio(41, 'r1').ok)
  assert.ok(session.endAudio(41, undefined).ok)
  assert.deepEqual(slot.flushes, [1, 2])
  session.feed.flushed(1)
  session.feed.flushed(1)
  session.feed.flushed(2)
  session.feed.flushed(99)
  const ended = owner.messages.filter((message) => message.type === 'audio.ended')
  assert.deepEqual(
    ended.map((message) => message.requestId),
    ['r1', undefined],
  )
})

test('[CAP4] [FO1] audio.end that piles up is refused', () => {
  const { session } = active()
  for (let count = 0; count < 8; count++) assert.ok(session.endAudio(-1, undefined).ok)
  const refused = session.endAudio(-1, undefined)
  assert.ok(!refused.ok && refused.error.code === 'RATE_LIMITED')
})

test('[WT1] watchers are bounded and the owner is told their count', () => {
  const { session, owner } = active(2)
  const [first, second, third] = [new RecordingChannel(), new RecordingChannel(), new RecordingChannel()]
  assert.ok(session.watch(first).ok)
  assert.ok(session.watch(second).ok)
  const refused = session.watch(third)
  assert.ok(!refused.ok && refused.error.code === 'TOO_MANY_CONNECTIONS')
  session.unwatch(first)
  session.unwatch(first)
  assert.deepEqual(
    owner.messages.map((message) => (message.type === 'watchers' ? message.count : undefined)),
    [1, 2, 1],
  )
})

test('[WT2] a late watcher is shown the last finals and everything since', () => {
  const { session } = active()
  for (let index = 0; index < REPLAYED_FINALS + 3; index++) session.feed.final(final(index, `F${index}`))
  const recent = session.feed.recent(HEARS_CAPTIONS)
  assert.equal(recent.messages.length, REPLAYED_FINALS)
  assert.equal(recent.afterSeq, 3)
  assert.match(String(recent.messages[0]), /"F3"/)
})

test('[SES5] speech that waits while it opens is told by the welcome, not before it', () => {
  const { session, slot, owner } = setUp()
  const open = slot.open.bind(slot)
  slot.open = (options, captions) => {
    captions.speechState('waiting', 'no_worker')
    return open(options, captions)
  }
  session.join(owner, PCM)
  assert.equal(session.feed.speech, 'waiting')
  assert.equal(owner.buffers.length, 0)
  session.feed.speechState('ready')
  assert.equal(owner.messages[0]?.type, 'speech')
})

test('[AD1] [AD2] the registry counts sessions and users of tenants apart', () => {
  const { host, slot } = setUp()
  const registry = new SessionRegistry()
  const make = (tenant: string, user: string): Session =>
    new Session({ id: newId('ses'), tenant, user, language: 'en', metadata: {} }, slot, host)
  const [one, two, other] = [make('a', 'b:c'), make('a', 'b:c'), make('a:b', 'c')]
  for (const session of [one, two, other]) registry.add(session)
  assert.equal(registry.size, 3)
  assert.equal(registry.countOf('a', 'b:c'), 2)
  assert.equal(registry.countOf('a:b', 'c'), 1)
  registry.remove(one)
  registry.remove(one)
  assert.equal(registry.countOf('a', 'b:c'), 1)
  assert.equal(registry.get(two.id), two)
  assert.throws(() => registry.add(two))
})
