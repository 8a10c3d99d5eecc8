// Speech to an owner, against the fake pod over real sockets.
import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { systemClock } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { encodeSpeechFrame } from '@parley/protocol'
import { Speeches } from './core/speeches.ts'
import { SpokenText } from './core/spoken-text.ts'
import {
  createSession,
  ParleyClientError,
  type ParleySession,
  type ParleySpeech,
  parleyApi,
  type SessionOptions,
  type SpeechAudio,
  sharedTicker,
} from './index.ts'
import { FAKE_VOICE, type FakePod, type FakeVoice, fakeSpeechOf, startFakePod } from './testing/index.ts'

const pods: FakePod[] = []
const sessions: ParleySession[] = []

async function cleanUp(): Promise<void> {
  for (const session of sessions.splice(0)) session.destroy()
  for (const pod of pods.splice(0)) await pod.close()
}
beforeEach(cleanUp)
after(async () => {
  await cleanUp()
  assert.equal(sharedTicker(systemClock).subscribers, 0, 'nothing ticks when every client is gone')
})

const until = (what: string, condition: () => boolean) => eventually(() => (condition() ? undefined : what))

async function connected(options: Partial<SessionOptions> = {}) {
  const pod = await startFakePod()
  pods.push(pod)
  const session = await createSession({ url: pod.url, apiKey: pod.apiKey, ...options })
  sessions.push(session)
  await session.connect()
  return { pod, session, voice: pod.last.voice }
}

/** Everything that is heard of it until it is over. */
async function heard(speech: ParleySpeech): Promise<Int16Array> {
  const pieces: SpeechAudio[] = []
  for await (const audio of speech) pieces.push(audio)
  return joined(pieces)
}

/** Checks that media time goes on without a gap. */
function joined(pieces: readonly SpeechAudio[]): Int16Array {
  const length = pieces.reduce((sum, { samples }) => sum + samples.length, 0)
  const whole = new Int16Array(length)
  let at = 0
  for (const { mediaTime, samples } of pieces) {
    assert.equal(mediaTime, at)
    whole.set(samples, at)
    at += samples.length
  }
  return whole
}

function failure(work: () => unknown): ParleyClientError {
  try {
    work()
  } catch (thrown) {
    assert.ok(thrown instanceof ParleyClientError)
    return thrown
  }
  return assert.fail('nothing was thrown')
}

test('[CL130] a text is said: its options reach the platform, its samples come in order, its end is told', async () => {
  const { session, voice } = await connected()
  const speech = session.speak('Good morning.', { voice: 'fake', language: 'en', rateRatio: 1.5, leadMs: 1_000 })
  assert.deepEqual(await heard(speech), fakeSpeechOf('Good morning.'))
  assert.deepEqual(await speech.done, { kind: 'ended', samples: 4_160 })
  assert.deepEqual(speech.started, { sampleRateHz: 16_000, voice: 'fake', language: 'en' })
  const { requestId } = speech
  const options = { voice: 'fake', language: 'en', rateRatio: 1.5, leadMs: 1_000 }
  assert.deepEqual(voice.requests, [{ type: 'speak', requestId, text: 'Good morning.', ...options }])
})

test('[CL130] what is asked for before the welcome is said after it; a text of nothing ends at once', async () => {
  const pod = await startFakePod()
  pods.push(pod)
  const session = await createSession({ url: pod.url, apiKey: pod.apiKey })
  sessions.push(session)
  const speech = session.speak('early')
  const empty = session.speak('')
  await session.connect()
  assert.deepEqual(await heard(speech), fakeSpeechOf('early'))
  assert.deepEqual(await empty.done, { kind: 'ended', samples: 0 })
})

test('[CL131] audio goes to listeners, what came before them included; else it is kept for whoever iterates', async () => {
  const { session } = await connected()
  const kept = session.speak('kept')
  await kept.done
  assert.deepEqual(await heard(kept), fakeSpeechOf('kept'))
  const late = session.speak('late')
  await late.done
  const pieces: SpeechAudio[] = []
  late.on('audio', (audio) => pieces.push(audio))
  assert.deepEqual(joined(pieces), fakeSpeechOf('late'))
  const early = session.speak('early')
  const events: string[] = []
  early.on('started', ({ voice }) => events.push(voice))
  early.on('audio', ({ mediaTime }) => events.push(String(mediaTime)))
  await early.done
  assert.deepEqual(events, ['fake', '0', '320', '640', '960', '1280'])
})

test('[CL131] audio nobody takes is kept up to a bound, then the speech is given up', async () => {
  const speech = new SpokenText('r', {}, () => {})
  speech.start({ sampleRateHz: 16_000, voice: 'v', language: 'en' })
  for (let n = 0; n < 17; n++) speech.deliver(new Int16Array(1_000_000))
  const outcome = await speech.done
  assert.ok(outcome.kind === 'failed')
  assert.equal(outcome.error.code, 'SLOW_CONSUMER')
  await assert.rejects(heard(speech), { code: 'SLOW_CONSUMER' })
})

test('[CL132] cancel: nothing is delivered after it, the platform is told, the next is said', async () => {
  const { session, voice } = await connected()
  voice.allowedFrames = 3
  const speech = session.speak('a long sentence')
  const next = session.speak('next')
  let count = 0
  speech.on('audio', () => {
    count++
    if (count === 2) speech.cancel()
  })
  assert.deepEqual(await speech.done, { kind: 'cancelled', samples: 640 })
  speech.cancel()
  await until('cancelled', () => voice.cancels.length === 1)
  voice.release()
  assert.deepEqual(await heard(next), fakeSpeechOf('next'))
  assert.equal(count, 2)
  assert.deepEqual(voice.cancels, [speech.requestId])
})

test('[CL132] frames that were on their way when it was cancelled go nowhere; iterating just ends', async () => {
  const { session, voice } = await connected()
  voice.ignoresCancel = true
  voice.allowedFrames = 2
  const speech = session.speak('sentence')
  await until('frames', () => speech.started !== undefined)
  const iterated = heard(speech)
  speech.cancel()
  await iterated
  voice.release()
  const next = session.speak('next')
  assert.deepEqual(await heard(next), fakeSpeechOf('next'))
  assert.equal(session.stats.faults, 0)
})

test('[CL132] a speech that was cancelled takes nothing more, whoever still gives it something', async () => {
  const speech = new SpokenText('r', {}, () => {})
  const places: number[] = []
  speech.on('audio', ({ mediaTime }) => places.push(mediaTime))
  speech.start({ sampleRateHz: 16_000, voice: 'v', language: 'en' })
  speech.deliver(new Int16Array(320))
  speech.cancel()
  speech.deliver(new Int16Array(320))
  speech.fail(new ParleyClientError('INTERNAL'))
  assert.deepEqual([places, await speech.done], [[0], { kind: 'cancelled', samples: 320 }])
})

test('[CL133] a long text is said in pieces and heard as one, with one voice', async () => {
  const { session, voice } = await connected()
  const text = 'The quick brown fox jumps over the lazy dog. '.repeat(220)
  const whole = fakeSpeechOf(text)
  const speech = session.speak(text, { leadMs: 3_600_000 })
  const samples = await heard(speech)
  // Millions of them: a difference is told in one number, not in a list.
  assert.equal(
    samples.findIndex((sample, n) => sample !== whole[n]),
    -1,
  )
  assert.equal(samples.length, whole.length)
  assert.equal(voice.requests.length, 3)
  assert.deepEqual(
    voice.requests.map(({ voice: named }) => named),
    [undefined, 'fake', 'fake'],
  )
  assert.equal(voice.requests.map((request) => request.text).join(''), text)
})

test('[CL133] of a long text that is cancelled no further piece is asked for; few are asked for ahead', async () => {
  const { session, voice } = await connected()
  voice.allowedFrames = 1
  const speech = session.speak('word '.repeat(4_500))
  await until('pieces', () => voice.requests.length === 4)
  speech.cancel()
  voice.release()
  assert.deepEqual(await heard(session.speak('next')), fakeSpeechOf('next'))
  assert.equal(voice.requests.length, 5)
  assert.equal(voice.cancels.length, 4)
})

/** Lets frames go one at a time, whatever the test does in between. */
async function trickle(voice: FakeVoice, frames: number): Promise<void> {
  voice.release(frames)
  await until('frames', () => voice.allowedFrames === 0)
}

test('[CL134] when the connection breaks a speech goes on from the sample that is here, each sample once', async () => {
  const { pod, session, voice } = await connected()
  voice.allowedFrames = 4
  const speech = session.speak('interrupted', { language: 'en' })
  const waits = session.speak('waits')
  const pieces: SpeechAudio[] = []
  speech.on('audio', (audio) => pieces.push(audio))
  await until('frames', () => pieces.length === 4)
  pod.last.cut()
  await until('again', () => voice.requests.length === 4)
  const { fromSample, voice: named, requestId } = voice.requests[2] ?? {}
  assert.deepEqual([fromSample, named, requestId], [1_280, 'fake', speech.requestId])
  await trickle(voice, 1)
  pod.last.cut()
  await until('once more', () => voice.requests.length === 6)
  voice.release()
  assert.deepEqual(await speech.done, { kind: 'ended', samples: 3_520 })
  assert.deepEqual(joined(pieces), fakeSpeechOf('interrupted'))
  assert.deepEqual(await heard(waits), fakeSpeechOf('waits'))
})

test('[CL134] an end that got lost is asked for again, a cancel that got lost is not', async () => {
  const { pod, session, voice } = await connected()
  voice.allowedFrames = 3
  const whole = session.speak('all')
  const cancelled = session.speak('cancelled')
  await until('frames', () => whole.started !== undefined && voice.allowedFrames === 0)
  pod.setNetwork('down')
  cancelled.cancel()
  pod.setNetwork('up')
  voice.release()
  assert.deepEqual(await heard(whole), fakeSpeechOf('all'))
  assert.deepEqual(
    voice.requests.map((request) => request.requestId).filter((id) => id === cancelled.requestId).length,
    1,
  )
})

test('[CL135] a failure of the platform is the outcome of that speech and of no other', async () => {
  const { session, voice } = await connected()
  voice.refusal = { code: 'VOICE_UNKNOWN', details: { field: 'voice', value: 'x', allowed: ['fake'], message: 'no x' } }
  const errors: string[] = []
  session.on('error', ({ code }) => errors.push(code))
  const failed = session.speak('one', { voice: 'x' })
  const outcome = await failed.done
  assert.ok(outcome.kind === 'failed')
  assert.deepEqual(
    [outcome.error.code, outcome.error.field, outcome.error.allowed],
    ['VOICE_UNKNOWN', 'voice', ['fake']],
  )
  await assert.rejects(heard(failed), { code: 'VOICE_UNKNOWN' })
  assert.deepEqual(await heard(session.speak('two')), fakeSpeechOf('two'))
  assert.deepEqual(errors, [])
})

test('[CL135] the end of the session is the end of its speeches; a session that is over says nothing', async () => {
  const { pod, session, voice } = await connected()
  voice.allowedFrames = 1
  const speech = session.speak('long')
  const waits = session.speak('waits')
  await until('started', () => speech.started !== undefined)
  pod.last.end('deleted')
  for (const one of [speech, waits]) {
    const outcome = await one.done
    assert.equal(outcome.kind === 'failed' && outcome.error.code, 'SESSION_CLOSED')
  }
  const late = await session.speak('late').done
  assert.equal(late.kind === 'failed' && late.error.code, 'SESSION_CLOSED')
})

test('[CL135] what cannot be asked for is refused before anything is sent', async () => {
  const { session, voice } = await connected()
  assert.deepEqual(failure(() => session.speak('x', { rateRatio: 3 })).field, 'rateRatio')
  assert.deepEqual(failure(() => session.speak('x', { rateRatio: Number.NaN })).field, 'rateRatio')
  assert.deepEqual(failure(() => session.speak('x', { leadMs: 50 })).field, 'leadMs')
  assert.deepEqual(failure(() => session.speak('x'.repeat(1_000_001))).code, 'TEXT_INVALID')
  voice.allowedFrames = 0
  for (let n = 0; n < 64; n++) session.speak('x')
  assert.deepEqual(failure(() => session.speak('x')).code, 'SPEAK_BUSY')
})

test('[CL136] frames that do not join on, or of another rate, end the speech as BAD_ANSWER', async () => {
  const { pod, session, voice } = await connected()
  voice.allowedFrames = 1
  const speech = session.speak('gap')
  await until('started', () => speech.started !== undefined)
  pod.last.sayRaw(encodeSpeechFrame(0, 5_000, new Uint8Array(640)))
  const outcome = await speech.done
  assert.equal(outcome.kind === 'failed' && outcome.error.code, 'BAD_ANSWER')
  assert.equal(session.stats.faults, 1)
  pod.last.sayRaw(new Uint8Array([9, 0, 0]))
  await until('fault', () => session.stats.faults === 2)
  voice.release()
  const short = session.speak('end')
  voice.allowedFrames = 1
  await until('started', () => short.started !== undefined)
  pod.last.say({ type: 'speak.ended', requestId: short.requestId, samples: 99 })
  const ended = await short.done
  assert.equal(ended.kind === 'failed' && ended.error.code, 'BAD_ANSWER')
})

test('[CL137] a platform that says nothing of a speech for 45 s has failed it; while there is no connection nothing counts', async () => {
  const clock = new ManualClock()
  const sent: string[] = []
  let isConnected = true
  const speeches = new Speeches({
    send: (message) => {
      sent.push(message.type)
      return true
    },
    isConnected: () => isConnected,
    nowMs: () => clock.nowMs(),
  })
  const tick = (ms: number): void => {
    clock.advance(ms)
    speeches.tick(clock.nowMs())
  }
  tick(100_000)
  const first = speeches.say('one', {})
  const second = speeches.say('two', {})
  tick(44_000)
  speeches.onNotice({
    type: 'speak.started',
    requestId: first.requestId,
    speech: 0,
    sampleRateHz: 8_000,
    voice: 'v',
    language: 'en',
  })
  tick(44_000)
  isConnected = false
  tick(60_000)
  isConnected = true
  speeches.onWelcome()
  tick(44_000)
  assert.equal((first as SpokenText).isOver, false)
  tick(2_000)
  const outcome = await first.done
  assert.equal(outcome.kind === 'failed' && outcome.error.code, 'DEADLINE_EXCEEDED')
  assert.deepEqual(sent, ['speak', 'speak', 'speak', 'speak', 'speak.cancel'])
  tick(44_000)
  assert.equal((second as SpokenText).isOver, false, 'the next one has its own time')
})

test('[CL138] the voices there are', async () => {
  const { pod } = await connected()
  assert.deepEqual(await parleyApi({ url: pod.url, apiKey: pod.apiKey }).getVoices(), [FAKE_VOICE])
})
