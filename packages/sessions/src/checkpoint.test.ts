import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import {
  type AudioFormat,
  type Caption,
  type CloseReason,
  compileCheck,
  encodeAudioFrame,
  MAX_CHECKPOINT_HISTORY_BYTES,
  type ServerMessage,
  type SessionCheckpoint,
  SessionCheckpointSchema,
} from '@parley/protocol'
import { MAX_SEQ_AHEAD } from './checkpoint.ts'
import { Session } from './session.ts'
import { newSessionCounters } from './session-counters.ts'
import type { SessionHost } from './session-host.ts'
import { FakeSlot, HEARS_CAPTIONS, RecordingChannel } from './testing/index.ts'

const PCM: AudioFormat = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 }
const MARKS = { receivedAtMs: 1, endOfSpeechMs: 2, finalAtMs: 3 }
const final = (index: number, text = 'F.') => ({ index, text, startMs: 0, endMs: 20, marks: MARKS })
const partial = (index: number, text = 'p') => ({ index, text, stable: 0, startMs: 0, endMs: 20 })
const check = compileCheck<SessionCheckpoint>(SessionCheckpointSchema)

/** Two pods, and a session that began on one of them. */
function pods() {
  const clock = new ManualClock()
  const closed: CloseReason[] = []
  const host = (): SessionHost => ({
    clock,
    policy: { ticketLifetimeMs: 60_000, graceMs: 30_000 },
    audioLimits: { paceRatio: 3, maxBytes: 1_000_000 },
    historyLimits: { maxBytes: 262_144, budget: { maxBytes: 10_000_000, usedBytes: 0 } },
    watchersPerSession: 10,
    counters: newSessionCounters(),
    onClosed: (_session, reason) => closed.push(reason),
  })
  const [first, second] = [host(), host()]
  const identity = { id: newId('ses'), tenant: 't', user: 'u', language: 'en', metadata: { room: '7' } }
  const [slot, otherSlot] = [new FakeSlot(), new FakeSlot()]
  const session = new Session(identity, slot, first)
  const owner = new RecordingChannel()
  session.join(owner, PCM)
  /** What the other pod makes of what was kept, as it travels. */
  const takeOver = (checkpoint = session.checkpoint): Session => {
    const checked = check(JSON.parse(JSON.stringify(checkpoint)))
    assert.ok(checked.ok, checked.ok ? '' : checked.error.message)
    const { tenant, user, language, metadata } = checked.value
    return new Session({ id: identity.id, tenant, user, language, metadata }, otherSlot, second, checked.value)
  }
  return { clock, closed, session, owner, slot, otherSlot, second, takeOver }
}

const captions = ({ messages }: RecordingChannel): Caption[] =>
  messages.filter((message): message is Extract<ServerMessage, { type: 'caption' }> => message.type === 'caption')

test('[RES8] what is kept goes on elsewhere: numbers, wishes, links, history, and audio from what is settled', () => {
  const { clock, session, slot, otherSlot, takeOver } = pods()
  for (let seq = 0; seq < 10; seq++) session.audio(encodeAudioFrame(seq, seq * 320, new Uint8Array(640)), 0)
  session.feed.final(final(0, 'one'))
  session.feed.abandoned(1, 'no_speech')
  session.feed.partial(partial(2))
  session.feed.settled(1_700)
  const owner = session.feed.audience.owner as RecordingChannel
  session.subscribe(owner, { version: 3, streams: ['captions.final'] })
  session.wishCaptions(owner, { version: 2, translateTo: ['es'], polish: 'off', speak: [] })
  session.links.add(newId('wat'), clock.wallMs() + 1_000, clock.wallMs())
  slot.learnt = { engine: 'e', data: 'd' }
  const there = takeOver()
  assert.deepEqual(there.checkpoint, { ...session.checkpoint, epoch: 2, connectedAtWallMs: clock.wallMs() })
  assert.deepEqual([there.state.kind, otherSlot.opened], ['suspended', undefined])
  const back = new RecordingChannel()
  assert.equal(there.mayResume(PCM, 2).ok, true)
  assert.equal(there.resume(back, {}, { seq: 2, mediaMs: 0 }), true)
  const { firstIndex, resumes } = otherSlot.opened ?? {}
  assert.deepEqual([firstIndex, resumes], [3, { settledMediaTime: 1_700, adaptation: { engine: 'e', data: 'd' } }])
  assert.equal(there.receivedMediaTime, 1_700)
  const verdicts = [1_280, 1_600, 1_920].map((mediaTime, seq) =>
    there.audio(encodeAudioFrame(seq, mediaTime, new Uint8Array(640)), 0),
  )
  assert.deepEqual(verdicts, ['duplicate', 'accepted', 'accepted'], 'the frame across what is settled is heard again')
  there.feed.final(final(3, 'two'))
  const [caption] = captions(back)
  assert.deepEqual([caption?.utterance, caption?.seq, caption?.text], [{ epoch: 2, index: 3 }, 3, 'two'])
  assert.deepEqual(
    there.feed.page(0, 10).events.map(({ seq, kind }) => [seq, kind]),
    [
      [1, 'final'],
      [2, 'abandoned'],
      [3, 'final'],
    ],
  )
})

test('[RES8] an owner that has seen more than was kept: numbers go on behind it, what it has read is not heard again, the hole is told', () => {
  const { session, takeOver } = pods()
  session.feed.final(final(0, 'kept'))
  const kept = session.checkpoint
  const there = takeOver(kept)
  assert.equal(there.mayResume(PCM, 1 + MAX_SEQ_AHEAD).ok, true)
  assert.equal(there.mayResume(PCM, 2 + MAX_SEQ_AHEAD).ok, false)
  there.resume(new RecordingChannel(), {}, { seq: 4, mediaMs: 1_500 })
  assert.deepEqual([there.feed.seq, there.receivedMediaTime, there.feed.settledMediaTime], [4, 24_000, 24_000])
  there.feed.final(final(1, 'new'))
  assert.deepEqual(
    there.feed.page(0, 10).events.map(({ seq }) => seq),
    [1, 5],
  )
  assert.equal(there.feed.page(0, 10).more, false)
  assert.equal(there.feed.missed(1, HEARS_CAPTIONS).truncatedTo, 5, '2 to 4 cannot be sent again')
  assert.equal(there.feed.missed(4, HEARS_CAPTIONS).truncatedTo, undefined)
  const second = new RecordingChannel()
  assert.equal(there.mayResume(PCM, 6).ok, false, 'from the first owner on it is as any session')
  there.resume(second, {}, { seq: 5, mediaMs: 9_000 })
  assert.equal(there.feed.settledMediaTime, 24_000)
})

test('[RES8] of a long history the newest is kept, and of one that is all too long nothing', () => {
  const { session, takeOver } = pods()
  for (let index = 0; index < 200; index++) session.feed.final(final(index, `sentence ${index}`))
  const history = session.checkpoint?.history ?? []
  assert.ok(history.length > 10 && history.at(-1)?.seq === 200)
  assert.ok(history.reduce((sum, { json }) => sum + json.length, 0) <= MAX_CHECKPOINT_HISTORY_BYTES)
  const { events } = takeOver().feed.page(0, 1_000)
  assert.deepEqual(events, history)
  session.feed.final(final(200, 'x'.repeat(10_000)))
  assert.deepEqual(session.checkpoint?.history, [])
  assert.equal(session.checkpoint?.seq, 201)
})

test('[RES8, RF5] translations that were under way have failed, once, when their owner comes; not where it may have seen them', () => {
  const { session, owner, takeOver } = pods()
  session.feed.final(final(0, 'before anybody wanted it'))
  session.wishCaptions(owner, { version: 1, translateTo: ['es'], polish: 'off', speak: [] })
  const kept = { ...session.checkpoint, due: [{ epoch: 1, index: 0, language: 'es' }] } as SessionCheckpoint
  const there = takeOver(kept)
  there.resume(new RecordingChannel(), {}, { seq: 1, mediaMs: 0 })
  const failed = there.feed.page(1, 10).events.map((event) => JSON.parse(event.json) as object)
  const words = { type: 'translation.failed', utterance: { epoch: 1, index: 0 }, language: 'es', reason: 'unavailable' }
  assert.deepEqual(failed, [{ ...words, seq: 2 }])
  const other = takeOver(kept)
  other.resume(new RecordingChannel(), {}, { seq: 2, mediaMs: 0 })
  assert.deepEqual(other.feed.page(1, 10).events, [])
})

test('[RES9] worth keeping anew: an event, wishes, links, seconds of settled audio; not each partial', () => {
  const { clock, session, owner } = pods()
  const stamps = [session.stamp]
  const isNew = (): boolean => {
    stamps.push(session.stamp)
    return stamps.at(-1) !== stamps.at(-2)
  }
  session.feed.partial(partial(0))
  session.feed.settled(16_000)
  assert.equal(isNew(), false)
  session.feed.settled(33_000)
  assert.equal(isNew(), true)
  session.feed.final(final(0))
  assert.equal(isNew(), true)
  session.subscribe(owner, { version: 1, streams: [] })
  assert.equal(isNew(), true)
  session.links.add(newId('wat'), clock.wallMs() + 1_000, clock.wallMs())
  assert.equal(isNew(), true)
})

test('[HO2] frozen, nothing is told; thawed, all of it is, in order; handed over, nothing ends and everybody is sent on', () => {
  const { closed, session, owner, slot } = pods()
  const watcher = new RecordingChannel()
  session.watch(watcher)
  session.feed.partial(partial(0))
  const kept = session.freeze()
  assert.equal(kept?.seq, 0)
  session.feed.final(final(0, 'one'))
  session.feed.partial(partial(1))
  session.feed.abandoned(1, 'no_speech')
  session.feed.settled(640)
  const before = owner.messages.length
  assert.deepEqual([session.feed.seq, session.feed.settledMediaTime], [0, 0])
  session.thaw()
  assert.deepEqual(
    owner.messages.slice(before).map(({ type }) => type),
    ['caption', 'abandoned'],
  )
  assert.deepEqual([session.feed.seq, session.feed.settledMediaTime], [2, 640])
  session.feed.partial(partial(2))
  session.freeze()
  session.feed.final(final(2, 'never told here'))
  const told = owner.messages.length
  session.handedOver()
  session.handedOver()
  assert.equal(owner.messages.length, told)
  assert.deepEqual([owner.closedFor, watcher.closedFor, closed, slot.closed], ['moved', 'moved', ['moved'], 1])
  assert.equal(session.checkpoint, undefined)
})
