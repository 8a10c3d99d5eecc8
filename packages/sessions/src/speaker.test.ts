import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import { decodeSpeechFrame, MAX_SPEECHES, ParleyError } from '@parley/protocol'
import { newSessionCounters } from './session-counters.ts'
import { SPEECH_STALL_MS, Speaker } from './speaker.ts'
import { OwnerOutlet } from './speech-outlet.ts'
import { FakeSource, RecordingChannel } from './testing/index.ts'

function setUp() {
  const clock = new ManualClock()
  const source = new FakeSource()
  const counters = newSessionCounters()
  const totals = counters.speechesTotal
  const speaker = new Speaker({ source, counters, totals, numbers: { next: 0 }, nowMs: () => clock.nowMs() })
  const owner = new RecordingChannel()
  speaker.attach(new OwnerOutlet(owner, counters))
  /** Beats of the session's tick for `ms`. */
  const pass = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 100) {
      clock.advance(100)
      speaker.tick()
    }
  }
  const say = (requestId: string, more: object = {}) => speaker.say({ requestId, text: requestId, ...more })
  return { clock, source, counters, speaker, owner, pass, say }
}

const told = (owner: RecordingChannel): string[] =>
  owner.messages.map((message) => `${message.type} ${'requestId' in message ? message.requestId : ''}`)
const places = (owner: RecordingChannel): (string | undefined)[] =>
  owner.frames.map((frame) => {
    const decoded = decodeSpeechFrame(frame)
    return decoded && `${decoded.speech}:${decoded.mediaTime}`
  })

test('[SPK1] texts are said one after the other: started, frames, ended, then the next', () => {
  const { source, owner, say } = setUp()
  assert.ok(say('a', { voice: 'tone', language: 'en', rateRatio: 2 }).ok)
  assert.ok(say('b').ok)
  assert.equal(source.speeches.length, 1)
  const { request } = source.last
  assert.deepEqual([request.text, request.voice, request.language, request.rateRatio], ['a', 'tone', 'en', 2])
  source.last.start().say(40).end()
  source.last.start().say(20).end()
  assert.deepEqual(told(owner), ['speak.started a', 'speak.ended a', 'speak.started b', 'speak.ended b'])
  assert.deepEqual(places(owner), ['0:0', '0:320', '1:0'])
  assert.deepEqual(owner.messages[0], {
    type: 'speak.started',
    requestId: 'a',
    speech: 0,
    sampleRateHz: 16_000,
    voice: 'tone',
    language: 'en',
  })
  assert.deepEqual(owner.messages[1], { type: 'speak.ended', requestId: 'a', samples: 640 })
})

test('[SPK2] one more than may wait is SPEAK_BUSY, a request id that is taken INVALID_FIELD; both are free again later', () => {
  const { source, say, speaker } = setUp()
  for (let n = 0; n < MAX_SPEECHES; n++) assert.ok(say(`s${n}`).ok)
  const busy = say('more')
  assert.ok(!busy.ok)
  assert.equal(busy.error.code, 'SPEAK_BUSY')
  for (const taken of ['s0', 's3']) {
    const refused = say(taken)
    assert.ok(!refused.ok)
    assert.deepEqual([refused.error.code, refused.error.details.field], ['INVALID_FIELD', 'requestId'])
  }
  source.last.start().end()
  assert.ok(say('s0').ok)
  assert.equal(speaker.size, MAX_SPEECHES)
})

test('[SPK3] audio is asked for at the pace it is heard, gaplessly from one speech to the next', () => {
  const { source, say, pass } = setUp()
  say('a')
  const first = source.last
  assert.equal(first.creditMs, 400)
  first.start().say(400)
  pass(400)
  assert.equal(first.creditMs, 800)
  first.say(400)
  say('b')
  first.end()
  const second = source.last.start()
  assert.equal(second.creditMs, 0, '400 ms of the first are still to be heard')
  pass(200)
  assert.equal(second.creditMs, 200)
  second.say(200)
  pass(100)
  assert.equal(second.creditMs, 300)
})

test('[SPK3] with a long lead audio comes as fast as it is taken, a window at a time', () => {
  const { source, say } = setUp()
  say('a', { leadMs: 3_600_000 })
  const speech = source.last.start()
  assert.equal(speech.creditMs, 1_000)
  for (let n = 0; n < 50; n++) speech.say(200)
  assert.equal(speech.creditMs, 11_000)
})

test('[SPK4] a connection that takes no frames is sent none and asks for none; messages pass, then all goes on in order', () => {
  const { source, owner, say, pass } = setUp()
  say('a')
  const speech = source.last.start().say(200)
  owner.takesSpeech = false
  speech.say(200)
  pass(5_000)
  assert.equal(speech.creditMs, 400, 'nothing more is allowed')
  assert.equal(owner.frames.length, 10)
  owner.takesSpeech = true
  pass(100)
  assert.equal(owner.frames.length, 20)
  assert.equal(speech.creditMs, 600, 'what came late is heard late: 200 ms wait to be heard, 200 ms more may come')
  speech.say(200).end()
  assert.deepEqual(told(owner), ['speak.started a', 'speak.ended a'])
  assert.equal(places(owner).at(-1), '0:9280')
})

test('[SPK3] after audio that came late the lead is what it was', () => {
  const { source, say, pass } = setUp()
  say('a')
  const speech = source.last.start().say(400)
  pass(3_000)
  assert.equal(speech.creditMs, 1_400, 'the window')
  speech.say(100)
  assert.equal(speech.creditMs, 1_400)
  pass(100)
  speech.say(900)
  assert.equal(speech.creditMs, 1_400)
  pass(900)
  assert.equal(speech.creditMs, 1_800, '400 ms have been heard since it came, 400 ms lead')
})

test('[SPK4] the end waits behind the frames that wait', () => {
  const { source, owner, say, pass } = setUp()
  owner.takesSpeech = false
  say('a')
  source.last.start().say(100).end()
  pass(200)
  assert.deepEqual(told(owner), ['speak.started a'])
  owner.takesSpeech = true
  pass(100)
  assert.deepEqual([owner.frames.length, told(owner).at(-1)], [5, 'speak.ended a'])
})

test('[SPK4] who takes no frame for too long loses the speech, and the next one is said', () => {
  const { source, owner, say, pass, counters } = setUp()
  say('a')
  say('b')
  const speech = source.last.start().say(100)
  pass(SPEECH_STALL_MS + 1_000)
  assert.equal(speech.isCancelled, false, 'all was taken: there is nothing to give up for')
  owner.takesSpeech = false
  speech.say(100)
  pass(SPEECH_STALL_MS - 1_000)
  assert.equal(speech.isCancelled, false)
  pass(2_000)
  assert.equal(speech.isCancelled, true)
  const error = owner.messages.find((message) => message.type === 'error')
  assert.deepEqual([error?.code, error?.requestId], ['SLOW_CONSUMER', 'a'])
  assert.equal(source.last.request.requestId, 'b')
  assert.deepEqual(counters.speechesTotal, { failed: 1 })
})

test('[SPK5] no frame follows speak.cancelled, whatever waited; the next speech goes on at once', () => {
  const { source, owner, say, speaker, pass } = setUp()
  say('a')
  say('b')
  say('c')
  const speech = source.last.start().say(60)
  owner.takesSpeech = false
  speech.say(100)
  speaker.cancel('b')
  speaker.cancel('a')
  speaker.cancel('a')
  speaker.cancel('nobody')
  assert.equal(speech.isCancelled, true)
  speech.say(100).end()
  owner.takesSpeech = true
  pass(100)
  assert.deepEqual(told(owner), ['speak.started a', 'speak.cancelled b', 'speak.cancelled a'])
  assert.deepEqual(owner.messages.at(-1), { type: 'speak.cancelled', requestId: 'a', samples: 960 })
  assert.equal(owner.frames.length, 3)
  assert.equal(source.last.request.requestId, 'c')
  assert.equal(source.last.creditMs, 400, 'what was not heard of the first is no part of the lead')
})

test('[SPK6] speeches end with the connection, silently; who is back goes on from the sample it has', () => {
  const { source, owner, say, speaker, pass, counters } = setUp()
  say('a')
  say('b')
  const before = source.last.start().say(100)
  speaker.attach(undefined)
  assert.equal(before.isCancelled, true)
  before.say(100).end()
  pass(500)
  const back = new RecordingChannel()
  speaker.attach(new OwnerOutlet(back, counters))
  assert.ok(say('a', { fromSample: 1_600 }).ok)
  const again = source.last
  assert.deepEqual([again.request.fromSample, again.creditMs], [1_600, 0])
  again.start()
  assert.equal(again.creditMs, 500)
  again.say(100).end()
  assert.deepEqual(told(owner), ['speak.started a'])
  assert.deepEqual([told(back), places(back)[0]], [['speak.started a', 'speak.ended a'], '1:1600'])
  assert.deepEqual(back.messages.at(-1), { type: 'speak.ended', requestId: 'a', samples: 3_200 })
  assert.deepEqual(counters.speechesTotal, { dropped: 2, ended: 1 })
})

test('[SPK7] a failure is told behind the frames that were there, with all its details, and the next is said', () => {
  const { source, owner, say, pass, counters } = setUp()
  say('a')
  say('b')
  source.last.start().say(40)
  owner.takesSpeech = false
  source.last.say(20).sink.speechFailed(new ParleyError('SYNTHESIS_FAILED', { message: 'it broke', retryAfterMs: 7 }))
  assert.deepEqual(told(owner), ['speak.started a'])
  owner.takesSpeech = true
  pass(100)
  const error = owner.messages.at(-1)
  assert.ok(error?.type === 'error')
  assert.deepEqual(
    [error.code, error.message, error.requestId, error.retryAfterMs],
    ['SYNTHESIS_FAILED', 'it broke', 'a', 7],
  )
  assert.equal(owner.frames.length, 3)
  assert.equal(source.last.request.requestId, 'b')
  assert.deepEqual([counters.errorsTotal, counters.speechesTotal], [{ SYNTHESIS_FAILED: 1 }, { failed: 1 }])
})
