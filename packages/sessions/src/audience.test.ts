// Who hears what of a session: subscriptions, the microphone that follows from them, what is settled.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import { type AudioFormat, encodeAudioFrame, type SubscriptionSet } from '@parley/protocol'
import { SETTLED_EVERY_MS } from './caption-feed.ts'
import { Session } from './session.ts'
import { newSessionCounters } from './session-counters.ts'
import type { SessionHost } from './session-host.ts'
import { FakeSlot, RecordingChannel } from './testing/index.ts'

const PCM: AudioFormat = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 }
const MARKS = { receivedAtMs: 1, endOfSpeechMs: 2, finalAtMs: 3 }
const set = (version: number, ...streams: SubscriptionSet['streams']): SubscriptionSet => ({ version, streams })

function setUp(subscriptions?: SubscriptionSet) {
  const clock = new ManualClock()
  const host: SessionHost = {
    clock,
    policy: { ticketLifetimeMs: 60_000, graceMs: 30_000 },
    audioLimits: { paceRatio: 3, maxBytes: 1_000_000 },
    historyLimits: { maxBytes: 262_144, budget: { maxBytes: 10_000_000, usedBytes: 0 } },
    watchersPerSession: 10,
    counters: newSessionCounters(),
    onClosed: () => {},
  }
  const slot = new FakeSlot()
  const identity = { id: newId('ses'), tenant: 't', user: 'u', language: 'en', metadata: {} }
  const session = new Session(identity, slot, host)
  const owner = new RecordingChannel()
  session.join(owner, PCM, { subscriptions })
  const speak = (index: number): void => {
    session.feed.partial({ index, text: 'p', stable: 0, startMs: 0, endMs: 20 })
    session.feed.final({ index, text: 'F.', startMs: 0, endMs: 20, marks: MARKS })
  }
  return { clock, host, session, slot, owner, speak }
}

const heard = (channel: RecordingChannel): string[] =>
  channel.messages.map((message) => (message.type === 'caption' ? message.kind : message.type))

test('[SUB3] each follower hears what it wants, seqs go on for all', () => {
  const { session, owner, speak } = setUp(set(1, 'captions.final'))
  const [partials, nothing] = [new RecordingChannel(), new RecordingChannel()]
  session.watch(partials, { subscriptions: set(1, 'captions.partial') })
  session.watch(nothing, { subscriptions: set(1) })
  owner.buffers.length = 0
  speak(0)
  session.feed.abandoned(1, 'no_speech')
  assert.deepEqual([heard(owner), heard(partials), heard(nothing)], [['final', 'abandoned'], ['partial'], []])
  session.feed.speechState('waiting')
  assert.deepEqual(heard(nothing), ['speech'], 'the state of things is for everybody')
  session.subscribe(nothing, set(2, 'captions.partial', 'captions.final'))
  speak(2)
  assert.deepEqual(heard(nothing).slice(1), ['partial', 'final'])
  assert.equal(session.feed.seq, 3)
})

test('[SUB3] [CAP3] partials that nobody wants are not encoded', () => {
  const { session, owner, host } = setUp(set(1, 'captions.final'))
  session.feed.partial({ index: 0, text: 'p', stable: 0, startMs: 0, endMs: 20 })
  assert.deepEqual([owner.buffers.length, host.counters.partialsTotal], [0, 1])
})

test('[SUB3] an answer to audio.end goes to the owner whatever it wants', () => {
  const { session, owner, speak } = setUp(set(1))
  const watcher = new RecordingChannel()
  session.watch(watcher, { subscriptions: set(1) })
  owner.buffers.length = 0
  session.endAudio(-1, 'r')
  speak(0)
  session.feed.flushed(1)
  assert.deepEqual([heard(owner), heard(watcher)], [['audio.ended'], []])
  session.ownerLost(owner, 'socket_lost')
  const back = new RecordingChannel()
  session.resume(back)
  const missed = session.feed.missed(0, session.feed.audience.hearingOf(back))
  assert.deepEqual(
    missed.messages.map((message) => (JSON.parse(String(message)) as { type: string }).type),
    ['audio.ended'],
    'and so when it is sent again',
  )
})

test('[SUB1] what the owner wants survives its absence, unless it comes with something newer', () => {
  const { session, owner } = setUp(set(5, 'captions.final'))
  session.ownerLost(owner, 'socket_lost')
  const wants = (subscriptions?: SubscriptionSet) => {
    const back = new RecordingChannel()
    session.resume(back, { subscriptions })
    return session.feed.audience.wantsOf(back)
  }
  assert.equal(wants().version, 5)
  assert.equal(wants(set(4)).version, 5)
  assert.deepEqual(wants(set(6)).streams, [])
})

test('[SUB2] the microphone is wanted while anybody wants anything, and the owner is told of each change', () => {
  const { session, owner } = setUp()
  const told = () => owner.messages.flatMap((message) => (message.type === 'microphone' ? message.wanted : []))
  const watcher = new RecordingChannel()
  session.watch(watcher)
  session.subscribe(owner, set(1))
  assert.deepEqual(told(), [], 'the watcher still wants it')
  session.subscribe(watcher, set(1))
  assert.deepEqual(told(), [false])
  session.subscribe(watcher, set(2, 'captions.partial'))
  session.unwatch(watcher)
  assert.deepEqual(told(), [false, true, false])
  session.subscribe(owner, set(2, 'captions.final'))
  assert.deepEqual(told(), [false, true, false, true])
  session.ownerLost(owner, 'socket_lost')
  assert.equal(session.feed.audience.microphoneWanted, true, 'who is away for a while still wants')
  session.watch(watcher, { subscriptions: set(1) })
  const back = new RecordingChannel()
  session.resume(back, { subscriptions: set(3) })
  assert.equal(session.feed.audience.microphoneWanted, false)
  assert.deepEqual(back.messages, [], 'the welcome says it')
})

test('[SUB1] who is not here any more has nothing to say', () => {
  const { session, owner } = setUp()
  session.ownerLost(owner, 'socket_lost')
  session.subscribe(owner, set(9))
  assert.equal(session.feed.audience.microphoneWanted, true)
})

test('[ST1] the owner is told what is settled, now and then, or when much is', () => {
  const { session, owner, clock } = setUp()
  session.audio(encodeAudioFrame(0, 0, new Uint8Array(640)), 0)
  const told = () => owner.messages.flatMap((message) => (message.type === 'settled' ? message.mediaTime : []))
  const pass = (ms: number): void => {
    clock.advance(ms)
    session.tick(clock.nowMs())
  }
  clock.advance(10_000)
  session.feed.settled(100)
  pass(0)
  session.feed.settled(200)
  pass(SETTLED_EVERY_MS - 100)
  assert.deepEqual(told(), [100])
  session.feed.settled(150)
  pass(100)
  assert.deepEqual(told(), [100, 200], 'never backwards')
  pass(SETTLED_EVERY_MS)
  assert.deepEqual(told(), [100, 200], 'nothing new is not told')
  session.feed.settled(300)
  pass(100)
  session.feed.settled(300 + 160_000)
  pass(100)
  assert.deepEqual(told(), [100, 200, 300, 160_300])
  session.feed.settled(0x1_0000_0140)
  pass(100)
  assert.equal(told().at(-1), 0x1_0000_0140)
  assert.equal(session.feed.settledMediaTime, 0x1_0000_0140)
})

test('[RES5] [SES5] what a replaced owner does changes nothing', () => {
  const { session, owner, host } = setUp()
  const newer = new RecordingChannel()
  assert.ok(session.resume(newer))
  assert.equal(owner.closedFor, 'replaced')
  session.ownerLost(owner, 'socket_lost')
  session.ownerLost(owner, 'protocol_violation')
  assert.equal(session.state.kind, 'active')
  assert.equal(newer.closedFor, undefined)
  assert.equal(host.counters.replacedTotal, 1)
})

test('[SES7] a session that closes gives its history back', () => {
  const { session, host, speak } = setUp()
  for (let index = 0; index < 10; index++) speak(index)
  session.feed.partial({ index: 10, text: 'open', stable: 0, startMs: 0, endMs: 20 })
  assert.ok(host.historyLimits.budget.usedBytes > 1_000)
  session.end('deleted')
  assert.equal(host.historyLimits.budget.usedBytes, 0)
})
