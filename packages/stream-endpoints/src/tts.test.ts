// The synthesis endpoint over real sockets, with speech that is made up of its text.
import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { pcm16ToBytes } from '@parley/audio'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { AUDIO_FRAME_HEADER_BYTES, readUint32, SPEECH_FRAME_KIND } from '@parley/protocol'
import { SPEECH_BACKLOG_BYTES } from './limits.ts'
import { SampleReader } from './sample-format.ts'
import { EndpointRig, type RigOptions, type TestClient, TONE_RATE_HZ, toneOf } from './testing/index.ts'
import type { ToneSpeech } from './testing/tone-backend.ts'

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

const plain = { encoding: 'int16', sampleRateHz: TONE_RATE_HZ }
const speech = (index: number) => rig.synthesise.speeches[index] as ToneSpeech
const isBegun = (index: number) =>
  eventually(() => (rig.synthesise.speeches[index] ? undefined : `speech ${index} has not begun`))

/** Audio between `started` and the last word of each speech, by requestId. */
function audioByRequest(client: TestClient): Map<string, Buffer> {
  const audio = new Map<string, Buffer>()
  let current: string | undefined
  for (const item of client.heard) {
    if (Buffer.isBuffer(item)) {
      assert.ok(current !== undefined, 'audio that belongs to nobody')
      audio.set(current, Buffer.concat([audio.get(current) ?? Buffer.alloc(0), item]))
    } else if (item.type === 'started') {
      assert.equal(current, undefined)
      current = item.requestId
    } else if (['done', 'cancelled', 'error'].includes(item.type) && item.requestId === current) current = undefined
  }
  assert.equal(current, undefined)
  return audio
}

test('[SYE1, SYE2] started, audio, done; the audio is that of the text', async () => {
  const client = await rig.tts()
  client.say({ type: 'speak', requestId: 'r1', text: 'hello', ...plain })
  const done = await client.got('done')
  assert.deepEqual(done, { type: 'done', requestId: 'r1', speech: 0, chunks: 5, samples: 1_600 })
  assert.deepEqual(client.of('started')[0], {
    type: 'started',
    requestId: 'r1',
    speech: 0,
    voice: 'tone',
    language: 'en-US',
    framing: 'none',
    ...plain,
  })
  assert.deepEqual(audioByRequest(client).get('r1'), Buffer.from(pcm16ToBytes(toneOf('hello'))))
  assert.equal(rig.synthesise.slotsUsed, 0)
})

test('[SYE1] several requests at once are said in order, and every sample belongs to its own', async () => {
  const client = await rig.tts()
  const texts = ['one', 'two two', '', 'three']
  for (const [index, text] of texts.entries()) client.say({ type: 'speak', requestId: `r${index}`, text, ...plain })
  await client.got('done', texts.length)
  assert.deepEqual(
    client.of('done').map(({ requestId, samples }) => [requestId, samples]),
    texts.map((text, index) => [`r${index}`, text.length * 320]),
  )
  const audio = audioByRequest(client)
  for (const [index, text] of texts.entries()) {
    if (text !== '') assert.deepEqual(audio.get(`r${index}`), Buffer.from(pcm16ToBytes(toneOf(text))))
  }
})

test('[SYE1] with headers each binary message says whose it is and where it begins', async () => {
  const client = await rig.tts()
  client.say({ type: 'speak', requestId: 'a', text: 'ab', framing: 'header', ...plain })
  client.say({ type: 'speak', requestId: 'b', text: 'c', framing: 'header', ...plain })
  await client.got('done', 2)
  assert.deepEqual(
    client.binaries.map((bytes) => [bytes[0], readUint32(bytes, 2), readUint32(bytes, 6), bytes[10]]),
    [
      [SPEECH_FRAME_KIND, 0, 0, 97],
      [SPEECH_FRAME_KIND, 0, 320, 98],
      [SPEECH_FRAME_KIND, 1, 0, 99],
    ],
  )
  assert.ok(client.binaries.every(({ length }) => length === AUDIO_FRAME_HEADER_BYTES + 640))
})

test('[SYE1] more than eight waiting are refused by name', async () => {
  rig.synthesise.isGated = true
  const client = await rig.tts()
  for (let index = 0; index < 10; index++) client.say({ type: 'speak', requestId: `r${index}`, text: 'x', ...plain })
  const error = await client.got('error')
  assert.deepEqual([error.code, error.requestId, error.recoverable], ['SPEAK_BUSY', 'r9', true])
  for (let index = 0; index < 9; index++) {
    await isBegun(index)
    speech(index).letOut(1)
  }
  await client.got('done', 9)
})

test('[SYE2] float32 at 24 kHz unless told; every rate has its number of samples', async () => {
  const client = await rig.tts()
  client.say({ type: 'speak', requestId: 'r', text: 'hello' })
  assert.equal((await client.got('done')).samples, 5 * 480)
  assert.equal(Buffer.concat(client.binaries).length, 5 * 480 * 4)
  for (const sampleRateHz of [8_000, 16_000, 48_000]) {
    const requestId = `at ${sampleRateHz}`
    client.say({ type: 'speak', requestId, text: 'hello', encoding: 'float32', sampleRateHz })
    await eventually(() => (client.of('done').at(-1)?.requestId === requestId ? undefined : 'not done'))
    assert.equal(client.of('done').at(-1)?.samples, sampleRateHz / 10)
  }
})

test('[SYE2] floats stand for the same samples', async () => {
  const client = await rig.tts()
  client.say({ type: 'speak', requestId: 'r', text: 'hey', encoding: 'float32', sampleRateHz: TONE_RATE_HZ })
  await client.got('done')
  assert.deepEqual(new SampleReader('float32').read(Buffer.concat(client.binaries)), toneOf('hey'))
})

test('[SYE3] cancel: no audio after it is answered, and the next speech goes on', async () => {
  rig.synthesise.isGated = true
  const client = await rig.tts()
  client.say({ type: 'speak', requestId: 'long', text: 'x'.repeat(1_000), ...plain })
  client.say({ type: 'speak', requestId: 'next', text: 'y', ...plain })
  await isBegun(0)
  speech(0).letOut(3)
  await eventually(() => (client.binaries.length === 3 ? undefined : 'audio missing'))
  client.say({ type: 'cancel', requestId: 'long' })
  const cancelled = await client.got('cancelled')
  assert.deepEqual([cancelled.requestId, cancelled.chunks, cancelled.samples], ['long', 3, 960])
  speech(0).letOut(100)
  await isBegun(1)
  speech(1).letOut(1)
  await client.got('done')
  assert.deepEqual(audioByRequest(client).get('next'), Buffer.from(pcm16ToBytes(toneOf('y'))))
  assert.equal(rig.synthesise.slotsUsed, 0)
})

test('[SYE3] cancel of an ungated speech lets at most one more chunk be made', async () => {
  const client = await rig.tts()
  client.socket.pause()
  client.say({ type: 'speak', requestId: 'long', text: 'x'.repeat(100_000), ...plain })
  await isBegun(0)
  await eventually(() => (speech(0).asked > 100 ? undefined : 'too little asked'))
  // The client does not read: the outlet stands still, and so does what is asked for.
  const isStill = async () => {
    const before = speech(0).asked
    await new Promise<void>((resolve) => setImmediate(resolve))
    return speech(0).asked === before ? undefined : 'still asked for more'
  }
  await eventually(isStill)
  const { asked } = speech(0)
  client.say({ type: 'cancel', requestId: 'long' })
  await eventually(() => (speech(0).isOver ? undefined : 'not cancelled'))
  assert.ok(speech(0).asked - asked <= 1)
  client.socket.resume()
  await client.got('cancelled')
})

test('[SYE3] what waits is cancelled at once, without a requestId everything is, and what is over is no matter', async () => {
  rig.synthesise.isGated = true
  const client = await rig.tts()
  for (const requestId of ['a', 'b', 'c']) client.say({ type: 'speak', requestId, text: 'x', ...plain })
  await isBegun(0)
  client.say({ type: 'cancel', requestId: 'b' })
  assert.equal((await client.got('cancelled')).requestId, 'b')
  client.say({ type: 'cancel', requestId: 'never was' })
  client.say({ type: 'cancel' })
  await client.got('cancelled', 3)
  assert.deepEqual(
    client
      .of('cancelled')
      .map(({ requestId }) => requestId)
      .sort(),
    ['a', 'b', 'c'],
  )
  assert.equal(client.of('error').length, 0)
  assert.equal(rig.synthesise.slotsUsed, 0)
})

test('[SYE4] a client that does not read costs no audio beyond what is under way', async () => {
  const client = await rig.tts()
  client.socket.pause()
  client.say({ type: 'speak', requestId: 'r', text: 'x'.repeat(100_000), ...plain })
  await isBegun(0)
  let last = -1
  await eventually(async () => {
    const { asked } = speech(0)
    const isStill = asked === last && asked > 0
    last = asked
    return isStill ? undefined : 'still asked for more'
  })
  // 100,000 chunks of 640 bytes would be 64 MB; system buffers hold a few.
  assert.ok(speech(0).asked < 50_000, `${speech(0).asked} chunks were made`)
  client.socket.resume()
  client.say({ type: 'cancel' })
  await client.got('cancelled')
})

test('[SYE4] with a lead, audio is sent no further ahead of the pace it is heard at', async () => {
  const clock = new ManualClock()
  await start({ clock })
  const client = await rig.tts()
  client.say({ type: 'speak', requestId: 'r', text: 'x'.repeat(20), leadMs: 100, ...plain })
  const isAt = (chunks: number) =>
    eventually(() => (client.binaries.length === chunks ? undefined : `${client.binaries.length} chunks`))
  await isAt(6) // 100 ms are ahead after the sixth has gone
  clock.advance(40)
  await isAt(8)
  clock.advance(1_000)
  await client.got('done')
  assert.equal(client.binaries.length, 20)
  assert.ok(SPEECH_BACKLOG_BYTES > 20 * 640)
})

test('[SYE4] a client that takes nothing for a minute is disconnected, and its slot is free', async () => {
  const clock = new ManualClock()
  await start({ clock })
  const client = await rig.tts()
  client.socket.pause()
  client.say({ type: 'speak', requestId: 'r', text: 'x'.repeat(100_000), ...plain })
  await isBegun(0)
  let last = -1
  await eventually(() => {
    const isStill = speech(0).asked === last
    last = speech(0).asked
    return isStill ? undefined : 'still asked for more'
  })
  await clock.advanceAsync(60_000, 10_000)
  await eventually(() => (rig.synthesise.slotsUsed === 0 ? undefined : 'slot kept'))
})

test('[SYE5] refusals and failures are answered, and the next speech goes on', async () => {
  const client = await rig.tts()
  client.say({ type: 'speak', requestId: 'v', text: 'x', voice: 'nobody', ...plain })
  const refused = await client.got('error')
  assert.deepEqual(
    [refused.code, refused.requestId, refused.field, refused.allowed],
    ['VOICE_UNKNOWN', 'v', 'voice', ['tone', 'ton']],
  )
  rig.synthesise.isGated = true
  client.say({ type: 'speak', requestId: 'f', text: 'abc', ...plain })
  await isBegun(0)
  speech(0).letOut(1)
  await eventually(() => (client.binaries.length === 1 ? undefined : 'no audio'))
  speech(0).break()
  const failed = await client.got('error', 2)
  assert.deepEqual([failed.code, failed.requestId, failed.retryable], ['SYNTHESIS_FAILED', 'f', true])
  assert.match(failed.message, /after 320 samples/)
  rig.synthesise.isGated = false
  client.say({ type: 'speak', requestId: 'n', text: 'x', ...plain })
  await client.got('done')
  assert.equal(rig.synthesise.slotsUsed, 0)
})

test('[SYE5] a speech waits a little for a slot, then says that there is none', async () => {
  const clock = new ManualClock()
  await start({ clock })
  rig.synthesise.slots = 0
  const client = await rig.tts()
  client.say({ type: 'speak', requestId: 'a', text: 'x', ...plain })
  client.say({ type: 'speak', requestId: 'b', text: 'x', ...plain })
  await eventually(async () => {
    await clock.advanceAsync(100)
    return client.of('error').length > 0 ? undefined : 'not refused yet'
  })
  assert.deepEqual([client.of('error')[0]?.code, client.of('error')[0]?.requestId], ['NO_SLOT', 'a'])
  rig.synthesise.slots = 1
  await eventually(async () => {
    await clock.advanceAsync(50)
    return client.of('done').length > 0 ? undefined : 'not said yet'
  })
})

test('[SYE6] a request without an id is answered as comparable servers do', async () => {
  const client = await rig.tts()
  client.say({ type: 'synthesize', text: 'hi', exaggeration: 0.5, streaming: true })
  client.say({ type: 'synthesize', text: 'you' })
  await client.got('synthesis_complete', 2)
  assert.deepEqual(
    client.heard
      .map((item) => (Buffer.isBuffer(item) ? 'audio' : item.type))
      .filter((item, at, all) => item !== all[at - 1]),
    ['audio', 'synthesis_complete', 'audio', 'synthesis_complete'],
  )
  assert.deepEqual(client.of('synthesis_complete')[1], {
    type: 'synthesis_complete',
    chunk_id: 1,
    chunks: client.of('synthesis_complete')[1]?.chunks,
    chunks_sent: client.of('synthesis_complete')[1]?.chunks,
    total_duration_ms: 60,
  })
  client.say({ type: 'synthesize', text: '' })
  assert.equal((await client.got('error')).code, 'TEXT_INVALID')
  client.say({ type: 'list_voices' })
  assert.deepEqual((await client.got('voice_list')).voices[0], {
    voice_id: 'tone',
    description: 'en-US, tone',
    is_custom: false,
  })
})

test('[SYE6] with an id it is answered like any other; what it asks in vain is named', async () => {
  const client = await rig.tts()
  client.say({ type: 'synthesize', requestId: 'r', text: 'hi', exaggeration: 0.5 })
  assert.deepEqual((await client.got('started')).ignored, ['exaggeration'])
  await client.got('done')
  client.say({ type: 'voices', requestId: 'v' })
  const voices = await client.got('voices')
  assert.deepEqual([voices.requestId, voices.voices[1]], ['v', { name: 'ton', language: 'de', engine: 'tone' }])
})

test('[SYE6] a plain request is cancelled in plain words', async () => {
  rig.synthesise.isGated = true
  const client = await rig.tts()
  client.say({ type: 'synthesize', text: 'hi' })
  await isBegun(0)
  client.say({ type: 'cancel' })
  assert.deepEqual(await client.got('synthesis_cancelled'), { type: 'synthesis_cancelled', chunks: 0 })
})

test('[SYE7] a requestId under way is refused, one that is over may be used again', async () => {
  rig.synthesise.isGated = true
  const client = await rig.tts()
  client.say({ type: 'speak', requestId: 'r', text: 'x', ...plain })
  client.say({ type: 'speak', requestId: 'r', text: 'y', ...plain })
  const error = await client.got('error')
  assert.deepEqual([error.code, error.field], ['INVALID_FIELD', 'requestId'])
  await isBegun(0)
  speech(0).letOut(1)
  await client.got('done')
  client.say({ type: 'speak', requestId: 'r', text: 'z', ...plain })
  await isBegun(1)
  speech(1).letOut(1)
  await client.got('done', 2)
})

test('[SYE8, SE6] a connection that ends cancels what it says and what waits, and frees the slot', async () => {
  rig.synthesise.isGated = true
  const client = await rig.tts()
  for (const requestId of ['a', 'b']) client.say({ type: 'speak', requestId, text: 'x', ...plain })
  await isBegun(0)
  client.socket.terminate()
  await eventually(() => (rig.synthesise.slotsUsed === 0 ? undefined : 'slot kept'))
  await eventually(() => (rig.endpoints.activeConnections === 0 ? undefined : 'still counted'))
  assert.equal(rig.synthesise.speeches.length, 1)
})

test('[SYE1] end: everything is said, then the connection is closed', async () => {
  const client = await rig.tts()
  client.say({ type: 'speak', requestId: 'a', text: 'x', ...plain })
  client.say({ type: 'end', requestId: 'e' })
  assert.equal(await client.closed(), 1000)
  assert.deepEqual(
    client.messages.map(({ type }) => type),
    ['started', 'done', 'ended', 'closing'],
  )
  assert.deepEqual(client.of('ended')[0], { type: 'ended', requestId: 'e', speeches: 1 })
})

test('[SYE1] the address may name voice and language for speeches that name neither', async () => {
  const client = await rig.tts('?voice=ton')
  client.say({ type: 'speak', requestId: 'a', text: 'x', ...plain })
  client.say({ type: 'speak', requestId: 'b', text: 'x', language: 'en-US', ...plain })
  await client.got('done', 2)
  assert.deepEqual(
    client.of('started').map(({ voice }) => voice),
    ['ton', 'tone'],
  )
})

test('[SE4] binary messages are none of this endpoint', async () => {
  const client = await rig.tts()
  client.send(new Uint8Array(4))
  assert.equal((await client.got('error')).code, 'UNEXPECTED_MESSAGE')
})

test('[SE7, IS1] twenty at once: each gets the audio of its own texts', async () => {
  const clients = await Promise.all(Array.from({ length: 20 }, () => rig.tts()))
  for (const [index, client] of clients.entries()) {
    client.say({ type: 'speak', requestId: 'r', text: `text ${index}`, ...plain })
    client.say({ type: 'end' })
  }
  await Promise.all(clients.map((client) => client.closed()))
  for (const [index, client] of clients.entries()) {
    assert.deepEqual(audioByRequest(client).get('r'), Buffer.from(pcm16ToBytes(toneOf(`text ${index}`))))
  }
})
