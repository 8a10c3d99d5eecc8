// The recognition endpoint over real sockets, with a recogniser whose speech is spelled sample by sample.
import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { pcm16ToFloat } from '@parley/audio'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { encodeSamples } from './sample-format.ts'
import { EndpointRig, type RigOptions, spelled, type TestClient } from './testing/index.ts'
import type { SpellingStream } from './testing/spelling-backend.ts'

let rig: EndpointRig
const rigs: EndpointRig[] = []

async function start(options: RigOptions = {}): Promise<EndpointRig> {
  rig = await EndpointRig.start(options)
  rigs.push(rig)
  return rig
}
beforeEach(() => start())
after(async () => {
  for (const one of rigs) await one.stop()
})

const floats = (samples: Int16Array) => encodeSamples(samples, 'float32')
const ints = (samples: Int16Array) => encodeSamples(samples, 'int16')
const SILENCE = Array.from({ length: 20 }, () => 0)
const stream = (index = 0): SpellingStream => rig.recognise.streams[index] as SpellingStream
const isHeard = (samples: number, index = 0) =>
  eventually(() => (stream(index)?.heard.length >= samples ? undefined : `${stream(index)?.heard.length} samples`))

async function configured(config: object = {}): Promise<TestClient> {
  const client = await rig.asr()
  client.say({ type: 'config', encoding: 'int16', ...config })
  await client.got('ready')
  return client
}

test('[SA1, SA4] a client that only sends float32 at 16 kHz is understood, as the clients of comparable servers are', async () => {
  const client = await rig.asr()
  client.send(floats(spelled(0, 5, 6, ...SILENCE)))
  const final = await client.got('final')
  assert.deepEqual(final, {
    type: 'final',
    utterance: 0,
    text: 'w5 w6',
    startMs: 20,
    endMs: 60,
    confidence: null,
    words: [],
  })
  assert.deepEqual(
    client.messages.map(({ type }) => type),
    ['ready', 'speech_start', 'partial', 'partial', 'speech_end', 'final'],
  )
  assert.equal(client.of('ready')[0]?.encoding, 'float32')
})

test('[SA4] start, rising revisions, end, final: in order, numbered, each with the requestId of the configuration', async () => {
  const client = await configured({ requestId: 'cfg' })
  client.send(ints(spelled(1, 2, ...SILENCE, 3, ...SILENCE)))
  await client.got('final', 2)
  const said = client.messages.filter(({ type }) => type !== 'ready')
  assert.ok(said.every(({ requestId }) => requestId === 'cfg'))
  assert.deepEqual(
    said.map(({ type, utterance, revision, text }) => [type, utterance, revision ?? text]),
    [
      ['speech_start', 0, undefined],
      ['partial', 0, 1],
      ['partial', 0, 2],
      ['speech_end', 0, undefined],
      ['final', 0, 'w1 w2'],
      ['speech_start', 1, undefined],
      ['partial', 1, 1],
      ['speech_end', 1, undefined],
      ['final', 1, 'w3'],
    ],
  )
  assert.deepEqual(
    client.of('final').map(({ startMs, endMs }) => [startMs, endMs]),
    [
      [0, 40],
      [440, 460],
    ],
  )
})

test('[SA1, SA4] without partials there is none, and what is said without a word has still its start', async () => {
  const client = await configured({ partials: false })
  client.send(ints(spelled(1, ...SILENCE)))
  await client.got('final')
  assert.equal(client.of('partial').length, 0)
  assert.equal(client.of('speech_start').length, 1)
})

test('[SA4] an abandoned utterance is told, with its end if it had begun', async () => {
  const client = await configured()
  client.send(ints(spelled(1)))
  await client.got('partial')
  stream().listener.onAbandoned({ index: 0, reason: 'no_speech' })
  await client.got('abandoned')
  assert.deepEqual(
    client.messages.slice(-2).map(({ type, utterance, reason }) => [type, utterance, reason]),
    [
      ['speech_end', 0, undefined],
      ['abandoned', 0, 'no_speech'],
    ],
  )
})

test('[SA2] any cut of the bytes gives the same words and times', async () => {
  const bytes = floats(spelled(0, 7, 8, 9, ...SILENCE, 7, ...SILENCE))
  const whole = await configured({ encoding: 'float32' })
  whole.send(bytes)
  await whole.got('final', 2)
  const pieces = await configured({ encoding: 'float32' })
  let at = 0
  for (let size = 1; at < bytes.length; size = (size * 7 + 3) % 911) {
    pieces.send(bytes.subarray(at, at + size))
    at += size
  }
  await pieces.got('final', 2)
  assert.deepEqual(pieces.of('final'), whole.of('final'))
  assert.deepEqual(stream(1).heard, stream(0).heard)
})

test('[SA2] 8, 24 and 48 kHz become 16 kHz of the same length', async () => {
  for (const [index, sampleRateHz] of [8_000, 24_000, 48_000].entries()) {
    const client = await configured({ sampleRateHz })
    const second = new Int16Array(sampleRateHz).map(
      (_, at) => 8_000 * Math.sin((at * 2 * Math.PI * 440) / sampleRateHz),
    )
    for (let at = 0; at < second.length; at += 997) client.send(ints(second.subarray(at, at + 997)))
    client.say({ type: 'flush' })
    const { audioMs } = await client.got('flushed')
    assert.equal(audioMs, 1_000)
    assert.equal(stream(index).heard.length, 16_000)
    // Each push begins where the one before it ended.
    let next = 0
    for (const { mediaMs, samples } of stream(index).pushes) {
      assert.equal(mediaMs, next / 16)
      next += samples
    }
  }
})

test('[SA2] a sample that the end cuts off is complained of', async () => {
  const client = await configured()
  client.send(new Uint8Array(641))
  client.say({ type: 'end' })
  await client.closed()
  const [error] = client.of('error')
  assert.equal(error?.code, 'BAD_AUDIO_FRAME')
  assert.match(String(error?.message), /1 bytes of the 2/)
  assert.equal(client.of('ended')[0]?.audioMs, 20)
})

test('[SA5] flush ends the utterance and is answered after its final; audio goes on behind it', async () => {
  const client = await configured()
  client.send(ints(spelled(1, 2)))
  client.say({ type: 'flush', requestId: 'f1' })
  client.send(ints(spelled(3)))
  client.say({ type: 'finalize', requestId: 'f2' })
  await client.got('flushed', 2)
  assert.deepEqual(
    client.messages
      .filter(({ type }) => type === 'final' || type === 'flushed')
      .map(({ text, requestId, audioMs }) => [text, requestId, audioMs]),
    [
      ['w1 w2', undefined, undefined],
      [undefined, 'f1', 40],
      ['w3', undefined, undefined],
      [undefined, 'f2', 60],
    ],
  )
})

test('[SA5, SE6] end is answered when everything is final, then the connection is closed and its slot free', async () => {
  const client = await configured()
  client.send(ints(spelled(1, 2)))
  client.say({ type: 'end', requestId: 'e' })
  assert.equal(await client.closed(), 1000)
  assert.deepEqual(client.of('ended'), [{ type: 'ended', requestId: 'e', audioMs: 40, utterances: 1 }])
  assert.equal(client.messages.at(-1)?.type, 'closing')
  assert.equal(rig.recognise.slotsUsed, 0)
  await eventually(() => (rig.endpoints.activeConnections === 0 ? undefined : 'still counted'))
})

test('[SA5] audio behind the end is refused in words', async () => {
  const client = await configured()
  stream().isStuck = true
  client.send(ints(spelled(1)))
  client.say({ type: 'end' })
  client.send(ints(spelled(9)))
  assert.match((await client.got('error')).message, /640 bytes of audio came after the end/)
  assert.equal(stream().heard.length, 320)
  stream().listener.onFlushed(1)
  assert.equal(await client.closed(), 1000)
})

test('[SA5] flush and end of a client that never sent audio need no stream', async () => {
  const client = await rig.asr()
  client.say({ type: 'flush', requestId: 'f' })
  assert.equal((await client.got('flushed')).audioMs, 0)
  client.say({ type: 'eof' })
  assert.equal(await client.closed(), 1000)
  assert.equal(rig.recognise.streams.length, 0)
})

test('[SA3] audio that comes while the stream opens waits for it, commands in their place', async () => {
  rig.recognise.isSlow = true
  const client = await rig.asr()
  client.send(floats(spelled(1, 2)))
  client.say({ type: 'flush', requestId: 'f' })
  client.send(floats(spelled(3)))
  await eventually(() => (rig.endpoints.activeConnections === 1 ? undefined : 'not there'))
  rig.recognise.letOpen()
  await client.got('flushed')
  await isHeard(3 * 320)
  assert.deepEqual(client.of('final')[0]?.text, 'w1 w2')
})

test('[SA3] a file that is sent at once is read no faster than it is recognised, and no sample of it is lost', async () => {
  const clock = new ManualClock()
  await start({ clock })
  const client = await configured()
  const seconds = 60
  const blocks = seconds * 50
  const samples = new Int16Array(blocks * 320)
  // Told apart block by block, and never silent.
  for (let at = 0; at < samples.length; at++) samples[at] = 1 + (Math.floor(at / 320) % 30_000)
  stream().isStuck = true
  for (let at = 0; at < samples.length; at += 8_000) client.send(ints(samples.subarray(at, at + 8_000)))
  client.say({ type: 'ping', id: 1 })
  await isHeard(160_000)
  // What was read stands at the window: the ping behind it is not.
  assert.ok(stream().heard.length <= 168_000, `${stream().heard.length} samples`)
  assert.equal(client.of('pong').length, 0)
  stream().listener.onSettled(5_000)
  await isHeard(160_000 + 80_000)
  assert.ok(stream().heard.length <= 248_000)
  while (stream().heard.length < samples.length) await clock.advanceAsync(1_000, 100)
  await client.got('pong')
  assert.deepEqual(Int16Array.from(stream().heard), samples)
})

test('[SA3] one message of half a minute is handed on in pieces', async () => {
  const clock = new ManualClock()
  await start({ clock })
  const client = await configured({ sampleRateHz: 16_000 })
  stream().isStuck = true
  client.send(ints(new Int16Array(500_000).fill(3)))
  await isHeard(160_000)
  assert.ok(Math.max(...stream().pushes.map(({ samples }) => samples)) <= 8_000)
  while (stream().heard.length < 500_000) await clock.advanceAsync(1_000, 100)
  assert.equal(stream().heard.length, 500_000)
})

test('[SA6] reset forgets what has no final; media time and numbers go on', async () => {
  const client = await configured()
  client.send(ints(spelled(1, ...SILENCE, 2, 3)))
  await client.got('partial', 3)
  client.say({ type: 'reset', requestId: 'r' })
  assert.deepEqual(await client.got('reset_done'), { type: 'reset_done', requestId: 'r', audioMs: 460 })
  assert.deepEqual(client.of('abandoned')[0], { type: 'abandoned', utterance: 1, reason: 'closed' })
  client.send(ints(spelled(4, ...SILENCE)))
  const final = await client.got('final', 2)
  assert.deepEqual([final.utterance, final.text, final.startMs], [2, 'w4', 460])
  assert.equal(rig.recognise.slotsUsed, 1)
})

test('[SA6] reset needs no slot but the one there was', async () => {
  rig.recognise.slots = 1
  const client = await configured()
  for (let count = 1; count <= 3; count++) {
    client.send(ints(spelled(count)))
    client.say({ type: 'reset' })
    await client.got('reset_done', count)
  }
  client.send(ints(spelled(9, ...SILENCE)))
  assert.equal((await client.got('final')).text, 'w9')
})

test('[SA7] a stream that breaks is told, and another goes on with what comes', async () => {
  const client = await configured({ requestId: 'cfg' })
  client.send(ints(spelled(1, ...SILENCE, 2)))
  await client.got('partial', 2)
  stream().break()
  const error = await client.got('error')
  assert.deepEqual(
    [error.code, error.recoverable, error.requestId, error.retryable],
    ['SPEECH_LOST', true, 'cfg', true],
  )
  assert.match(error.message, /before 440 ms/)
  assert.equal(client.of('abandoned')[0]?.utterance, 1)
  client.send(ints(spelled(3, ...SILENCE)))
  const final = await client.got('final', 2)
  assert.deepEqual([final.utterance, final.text, final.startMs], [2, 'w3', 440])
})

test('[SA7] a flush that was not answered when the stream broke is answered by the next', async () => {
  const client = await configured()
  stream().isStuck = true
  client.send(ints(spelled(1)))
  client.say({ type: 'flush', requestId: 'f' })
  await isHeard(320)
  stream().break()
  assert.equal((await client.got('flushed')).requestId, 'f')
})

test('[SA7] three in a row are too many', async () => {
  const client = await configured()
  for (let count = 0; count < 3; count++) {
    await eventually(() => (stream(count) ? undefined : 'no stream'))
    // The listener hears of it only once the stream is taken over.
    await eventually(() => {
      if (client.of('error').length > count) return undefined
      stream(count).break()
      return 'not told'
    })
  }
  assert.equal(await client.closed(), 1011)
  assert.equal(client.of('error').at(-1)?.recoverable, false)
})

test('[SA8] a language that is not there leaves the connection to ask for another', async () => {
  const client = await rig.asr()
  client.say({ type: 'config', language: 'xx', requestId: 'c1' })
  const error = await client.got('error')
  assert.deepEqual(
    [error.code, error.field, error.allowed, error.requestId, error.recoverable],
    ['LANGUAGE_UNSUPPORTED', 'language', ['en-US'], 'c1', true],
  )
  client.send(new Uint8Array(640))
  assert.match((await client.got('error', 2)).message, /640 bytes .* not used/)
  client.say({ type: 'config', language: 'en-US', encoding: 'int16' })
  await client.got('ready')
  client.send(ints(spelled(1, ...SILENCE)))
  assert.equal((await client.got('final')).text, 'w1')
})

test('[SA8] audio sent behind a wish that is refused is refused in words too', async () => {
  rig.recognise.isSlow = true
  const client = await rig.asr()
  client.say({ type: 'config', language: 'xx' })
  client.send(new Uint8Array(640))
  client.say({ type: 'flush', requestId: 'f' })
  rig.recognise.letOpen()
  await client.got('flushed')
  assert.deepEqual(
    client.of('error').map(({ code }) => code),
    ['LANGUAGE_UNSUPPORTED', 'UNEXPECTED_MESSAGE'],
  )
})

test('[SA8] without a slot the connection is closed with the advice when to come again', async () => {
  rig.recognise.slots = 0
  const client = await rig.asr()
  client.send(new Uint8Array(640))
  assert.equal(await client.closed(), 4004)
  const [error] = client.of('error')
  assert.deepEqual([error?.code, error?.retryAfterMs, error?.recoverable], ['NO_SLOT', 200, false])
})

test('[SA1] a second configuration is refused and changes nothing', async () => {
  const client = await configured()
  client.say({ type: 'config', encoding: 'float32', requestId: 'again' })
  const error = await client.got('error')
  assert.deepEqual([error.code, error.requestId], ['UNEXPECTED_MESSAGE', 'again'])
  client.send(ints(spelled(1, ...SILENCE)))
  assert.equal((await client.got('final')).text, 'w1')
})

test('[SA1, SA10] the address may configure, and what is not used is named', async () => {
  const client = await rig.asr('?encoding=int16&sampleRateHz=8000')
  const ready = await client.got('ready')
  assert.deepEqual([ready.encoding, ready.sampleRateHz, ready.ignored], ['int16', 8_000, undefined])
  const other = await configured({ model: 'large-v3', beam_size: 5 })
  assert.deepEqual(other.of('ready')[0]?.ignored, ['model', 'beam_size'])
})

test('[SA9] a client that does not read misses partials, no final, and is let go when it never reads', async () => {
  const client = await configured()
  client.socket.pause()
  const { listener } = stream()
  const text = 'word '.repeat(2_000)
  for (let index = 0; index < 4_000 && rig.endpoints.stats().partialsSkippedTotal < 50; index++) {
    listener.onPartial({ index: 0, text, stable: 0, startMs: 0, endMs: 20 })
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  assert.ok(rig.endpoints.stats().partialsSkippedTotal >= 50)
  listener.onFinal({ index: 0, text: 'kept', startMs: 0, endMs: 20 })
  client.socket.resume()
  assert.equal((await client.got('final')).text, 'kept')
  client.socket.pause()
  for (let index = 1; index < 4_000 && rig.recognise.slotsUsed > 0; index++) {
    listener.onFinal({ index, text, startMs: 0, endMs: 20 })
  }
  assert.equal(rig.recognise.slotsUsed, 0)
  client.socket.resume()
  assert.equal(await client.closed(), 4008)
})

test('[SA4] when speech has to wait for a worker the client is told', async () => {
  const client = await configured()
  stream().listener.onState('waiting')
  stream().listener.onState('ready')
  await client.got('state', 2)
  assert.deepEqual(
    client.of('state').map(({ speech }) => speech),
    ['waiting', 'ready'],
  )
})

test('[SE7, IS1] fifty at once: each hears its own words and no other', async () => {
  const clients = await Promise.all(Array.from({ length: 50 }, () => rig.asr('?encoding=int16')))
  const words = clients.map((_, index) => [100 + index, 200 + index, 300 + index])
  for (let block = 0; block < 3; block++) {
    for (const [index, client] of clients.entries()) client.send(ints(spelled(words[index]?.[block] as number)))
  }
  for (const client of clients) client.say({ type: 'end' })
  await Promise.all(clients.map((client) => client.closed()))
  for (const [index, client] of clients.entries()) {
    assert.deepEqual(
      client.of('final').map(({ text }) => text),
      [`w${100 + index} w${200 + index} w${300 + index}`],
    )
  }
  assert.equal(rig.recognise.slotsUsed, 0)
})

test('[SE6] a client that vanishes, even while its stream opens, keeps no slot', async () => {
  rig.recognise.isSlow = true
  const client = await rig.asr()
  client.say({ type: 'config' })
  await eventually(() => (rig.endpoints.activeConnections === 1 ? undefined : 'not there'))
  client.socket.terminate()
  await eventually(() => (rig.endpoints.activeConnections === 0 ? undefined : 'still there'))
  rig.recognise.letOpen()
  await eventually(() => (rig.recognise.streams.length === 1 ? undefined : 'not opened'))
  await eventually(() => (rig.recognise.slotsUsed === 0 ? undefined : 'slot kept'))
})

test('[SA2] floats as a browser sends them are the samples they stand for', async () => {
  const client = await configured({ encoding: 'float32' })
  const samples = spelled(1, -5, 32_767, -32_768)
  const exact = pcm16ToFloat(samples)
  client.send(new Uint8Array(exact.buffer))
  await isHeard(4 * 320)
  assert.deepEqual(Int16Array.from(stream().heard), samples)
})
