// Finals said in the languages somebody wants to hear, through the whole session.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import { type AudioFormat, type CaptionSet, decodeSpeechFrame, ParleyError } from '@parley/protocol'
import { Session } from './session.ts'
import { newSessionCounters } from './session-counters.ts'
import type { SessionHost } from './session-host.ts'
import { FakeSlot, FakeSource, FakeText, RecordingChannel } from './testing/index.ts'
import { MAX_BEHIND_FRAMES } from './voice-hearer.ts'
import { MAX_VOICE_WAITING_MS, VOICE_CHAR_MS } from './voices.ts'

const PCM: AudioFormat = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 }
const MARKS = { receivedAtMs: 1, endOfSpeechMs: 2, finalAtMs: 3 }

let lastVersion = 0
const hear = (...speak: string[]): CaptionSet => ({ version: ++lastVersion, translateTo: [], polish: 'off', speak })

function setUp(captions?: CaptionSet) {
  const clock = new ManualClock()
  const text = new FakeText()
  const speech = new FakeSource()
  const host: SessionHost = {
    clock,
    policy: { ticketLifetimeMs: 60_000, graceMs: 30_000 },
    audioLimits: { paceRatio: 3, maxBytes: 1_000_000 },
    historyLimits: { maxBytes: 262_144, budget: { maxBytes: 10_000_000, usedBytes: 0 } },
    watchersPerSession: 10,
    counters: newSessionCounters(),
    text,
    speech,
    onClosed: () => {},
  }
  const identity = { id: newId('ses'), tenant: 't', user: 'u', language: 'en', metadata: {} }
  const session = new Session(identity, new FakeSlot(), host)
  const owner = new RecordingChannel()
  session.join(owner, PCM, { captions })
  const final = (index: number, words = 'word') => {
    session.feed.final({ index, text: words, startMs: 0, endMs: 20, marks: MARKS })
  }
  /** A final and its Spanish. */
  const spanish = (index: number, words = 'word'): void => {
    final(index, words)
    text.desk.sink.translated(text.desk.finalOf(index), true, 'es', words)
  }
  const pass = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 100) {
      clock.advance(100)
      session.tick(clock.nowMs())
    }
  }
  return { clock, text, speech, host, session, owner, final, spanish, pass }
}

/** Voices of a channel: `started 0 es`, `ended 0 said`. */
const voices = (channel: RecordingChannel): string[] =>
  channel.messages.flatMap((message) => {
    if (message.type === 'voice.started') return [`started ${message.utterance.index} ${message.language}`]
    return message.type === 'voice.ended' ? [`ended ${message.utterance.index} ${message.reason}`] : []
  })
const places = (channel: RecordingChannel): (number | undefined)[] =>
  channel.frames.map((frame) => decodeSpeechFrame(frame)?.mediaTime)

test('[VO1] finals of a language are said one after the other, their translation first', () => {
  const { speech, owner, spanish, final, host } = setUp(hear('es', 'en'))
  final(0, 'hello')
  assert.deepEqual([speech.last.request.text, speech.last.request.language], ['hello', 'en'])
  speech.last.start().say(20).end()
  spanish(1, 'hola')
  spanish(2, 'adios')
  assert.equal(speech.speeches.length, 3, 'one of each language at a time')
  const [, english, spoken] = speech.speeches
  assert.deepEqual([english?.request.language, spoken?.request.text, spoken?.request.language], ['en', 'hola', 'es'])
  spoken?.start().say(40).end()
  assert.equal(speech.last.request.text, 'adios')
  assert.deepEqual(voices(owner), ['started 0 en', 'ended 0 said', 'started 1 es', 'ended 1 said'])
  const ended = owner.messages.filter((message) => message.type === 'voice.ended')
  assert.deepEqual(
    ended.map(({ samples, speech: number }) => [samples, number]),
    [
      [320, 0],
      [640, 2],
    ],
  )
  assert.deepEqual(host.counters.voicesTotal, { ended: 2 })
})

test('[VO2] everybody who wants to hear gets the same bytes; others, and who comes in the middle, none', () => {
  const { session, speech, owner, spanish } = setUp(hear('es'))
  const [hearer, reader, late] = [new RecordingChannel(), new RecordingChannel(), new RecordingChannel()]
  session.watch(hearer, { captions: hear('es') })
  session.watch(reader, {})
  spanish(0)
  const said = speech.last.start().say(40)
  session.watch(late, { captions: hear('es') })
  said.say(20).end()
  assert.deepEqual(places(owner), [0, 320, 640])
  assert.deepEqual(hearer.frames, owner.frames)
  assert.equal(hearer.frames[0], owner.frames[0])
  assert.deepEqual([reader.frames.length, voices(reader), late.frames.length, voices(late)], [0, [], 0, []])
  spanish(1)
  speech.last.start().say(20).end()
  assert.deepEqual(voices(late), ['started 1 es', 'ended 1 said'])
})

test('[VO2] numbers are those of no other speech of the session', () => {
  const { session, speech, owner, spanish } = setUp(hear('es'))
  session.say({ requestId: 'own', text: 'own' })
  speech.last.start()
  spanish(0)
  speech.last.start()
  const numbers = owner.messages.flatMap((message) => ('speech' in message ? [message.speech] : []))
  assert.deepEqual(numbers, [0, 1])
})

test('[VO3] what waits is bounded in time: the oldest is skipped and told, a long one alone is said', () => {
  const { speech, owner, spanish, host } = setUp(hear('es'))
  const words = 'x'.repeat(Math.floor(MAX_VOICE_WAITING_MS / VOICE_CHAR_MS / 2))
  spanish(0)
  speech.last.start()
  for (let index = 1; index <= 3; index++) spanish(index, words)
  assert.deepEqual(voices(owner), ['started 0 es', 'ended 1 skipped'])
  spanish(4, 'x'.repeat(words.length * 5))
  assert.deepEqual(voices(owner).slice(2), ['ended 2 skipped', 'ended 3 skipped'])
  speech.last.end()
  assert.equal(speech.last.request.text.length, words.length * 5)
  assert.deepEqual(host.counters.voicesTotal, { skipped: 3, ended: 1 })
})

test('[VO4] a voice that fails is told, and the next is said; a final that was not begun as well', () => {
  const { speech, owner, spanish } = setUp(hear('es'))
  spanish(0)
  spanish(1)
  speech.last.sink.speechFailed(new ParleyError('LANGUAGE_UNSUPPORTED'))
  speech.last.start().say(20)
  speech.last.sink.speechFailed(new ParleyError('SYNTHESIS_FAILED'))
  assert.deepEqual(voices(owner), ['ended 0 failed', 'started 1 es', 'ended 1 failed'])
})

test('[VO5] a connection that takes no audio loses some of it, nobody else does, and no caption waits', () => {
  const { session, speech, owner, spanish, final, pass } = setUp(hear('es'))
  const slow = new RecordingChannel()
  session.watch(slow, { captions: hear('es') })
  spanish(0)
  slow.takesSpeech = false
  const frames = MAX_BEHIND_FRAMES + 10
  const said = speech.last.start().say(20 * frames)
  final(1)
  assert.equal(owner.frames.length, frames)
  assert.equal(slow.messages.at(-1)?.type, 'caption', 'captions go on')
  said.end()
  assert.deepEqual(voices(slow), ['started 0 es'])
  slow.takesSpeech = true
  pass(100)
  assert.deepEqual(places(slow), places(owner).slice(10))
  assert.deepEqual(voices(slow), ['started 0 es', 'ended 0 said'])
})

test('[VO5] a hearer that lags keeps order into the next voice', () => {
  const { speech, owner, spanish, pass } = setUp(hear('es'))
  spanish(0)
  spanish(1)
  owner.takesSpeech = false
  speech.last.start().say(40).end()
  speech.last.start().say(40)
  assert.deepEqual(voices(owner), ['started 0 es'])
  owner.takesSpeech = true
  pass(100)
  assert.deepEqual(voices(owner), ['started 0 es', 'ended 0 said', 'started 1 es'])
  assert.deepEqual(places(owner), [0, 320, 0, 320])
})

test('[VO6] who does not want to hear any more hears nothing from then on; when it was the last, nothing is said', () => {
  const { session, speech, owner, spanish, host } = setUp(hear('es'))
  const other = new RecordingChannel()
  session.watch(other, { captions: hear('es') })
  spanish(0)
  spanish(1)
  const said = speech.last.start().say(40)
  session.wishCaptions(owner, hear())
  assert.deepEqual(voices(owner), ['started 0 es', 'ended 0 skipped'])
  said.say(20)
  assert.deepEqual([owner.frames.length, other.frames.length], [2, 3])
  session.unwatch(other)
  assert.equal(said.isCancelled, true)
  assert.equal(speech.speeches.length, 1, 'what waited is not said')
  assert.deepEqual(host.counters.voicesTotal, { cancelled: 1 })
  spanish(2)
  assert.equal(speech.speeches.length, 1)
})

test('[VO6] an owner that is gone hears nothing more, and from the next final on when it is back', () => {
  const { session, speech, owner, spanish } = setUp(hear('es'))
  spanish(0)
  const said = speech.last.start().say(20)
  session.ownerLost(owner, 'socket_lost')
  assert.equal(said.isCancelled, true)
  spanish(1)
  const back = new RecordingChannel()
  session.resume(back)
  spanish(2)
  speech.last.start().say(20).end()
  assert.deepEqual([speech.speeches.length, voices(back)], [2, ['started 2 es', 'ended 2 said']])
  spanish(3)
  session.end('deleted')
  assert.equal(speech.last.isCancelled, true)
})

test('[VO1] audio comes at the pace it is heard', () => {
  const { speech, spanish, pass } = setUp(hear('es'))
  spanish(0)
  const said = speech.last.start()
  assert.equal(said.creditMs, 400)
  said.say(400)
  pass(1_000)
  assert.ok(said.creditMs >= 1_300 && said.creditMs <= 1_400, `${said.creditMs}`)
})

test('[VO6] to want to hear is to want the microphone', () => {
  const { session, owner } = setUp(hear('es'))
  session.subscribe(owner, { version: 1, streams: [] })
  assert.equal(session.feed.audience.microphoneWanted, true)
  session.wishCaptions(owner, hear())
  assert.equal(session.feed.audience.microphoneWanted, false)
})
