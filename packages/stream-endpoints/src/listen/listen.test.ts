// /v1/listen over real sockets, with a recogniser whose speech is spelled sample by sample.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, beforeEach, test } from 'node:test'
import { encodeWav } from '@parley/audio'
import { err, ok } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { ParleyError } from '@parley/protocol'
import { WebSocket } from 'ws'
import { encodeSamples } from '../sample-format.ts'
import { EndpointRig, type RigOptions, spelled, type TestClient } from '../testing/index.ts'

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

const LINEAR = 'encoding=linear16&sample_rate=16000'
const SILENCE = Array.from({ length: 20 }, () => 0)
const ints = (...values: number[]) => encodeSamples(spelled(...values), 'int16')
const open = (query: string): Promise<TestClient> => rig.client(`/v1/listen?${query}`).opened()
const transcripts = (client: TestClient) =>
  client.of('Results').map((result) => [result.channel.alternatives[0].transcript, result.is_final])
const free = () => eventually(() => (rig.recognise.slotsUsed === 0 ? undefined : 'a slot is kept'))

test('[LSN3, LSN5] audio in, interim and final results out, and a summary at the end', async () => {
  const client = await open(`${LINEAR}&interim_results=true&vad_events=true&model=nova-3`)
  const audio = ints(0, 5, 6, ...SILENCE)
  client.send(audio)
  client.say({ type: 'KeepAlive' })
  client.say({ type: 'CloseStream' })
  assert.equal(await client.closed(), 1_000)
  assert.deepEqual(transcripts(client), [
    ['w5', false],
    ['w5 w6', false],
    ['w5 w6', true],
  ])
  assert.deepEqual(
    client.messages.map(({ type }) => type),
    ['SpeechStarted', 'Results', 'Results', 'Results', 'Metadata'],
  )
  const metadata = client.messages.at(-1)
  assert.equal(metadata?.sha256, createHash('sha256').update(audio).digest('hex'))
  assert.equal(metadata?.duration, 0.46)
  assert.equal(metadata?.warnings[0].parameter, 'model')
  assert.deepEqual([client.of('Results')[2]?.start, client.of('Results')[2]?.duration], [0.02, 0.04])
  await free()
})

test('[LSN5] Finalize is answered at once, whether or not anything was said', async () => {
  const client = await open(LINEAR)
  client.say({ type: 'Finalize' })
  await client.got('Results')
  client.send(ints(7, 8))
  client.say({ type: 'Finalize' })
  const result = await client.got('Results', 2)
  assert.deepEqual(transcripts(client), [
    ['', true],
    ['w7 w8', true],
  ])
  assert.deepEqual([result.from_finalize, result.speech_final], [true, true])
  // An empty message is how clients of long ago end a stream.
  client.send(new Uint8Array(0))
  assert.equal(await client.closed(), 1_000)
})

test('[LSN5] a connection that never sent audio is closed with its summary', async () => {
  const client = await open('')
  client.say({ type: 'CloseStream' })
  assert.equal(await client.closed(), 1_000)
  assert.equal(client.of('Metadata')[0]?.duration, 0)
})

test('[LSN6] a WAV file in whatever pieces is read by its own header', async () => {
  const wav = encodeWav(spelled(0, 5, 6, ...SILENCE), 16_000)
  for (const size of [1, 7, 40, 10_000]) {
    const client = await open('punctuate=true')
    for (let at = 0; at < wav.length; at += size) client.send(wav.subarray(at, at + size))
    client.say({ type: 'CloseStream' })
    assert.equal(await client.closed(), 1_000)
    assert.deepEqual(transcripts(client), [['w5 w6', true]], `pieces of ${size}`)
  }
})

test('[LSN6] what cannot be decoded is said, and the connection ends', async () => {
  for (const [query, bytes, why] of [
    ['', Buffer.from('ID3 and so on'), /MP3/],
    ['', Buffer.alloc(100), /not a WAV/],
    ['encoding=opus', Buffer.alloc(30, 3), /cannot be decoded/],
    ['encoding=ogg-opus', Buffer.alloc(100), /no Ogg/],
  ] as const) {
    const client = await open(query)
    client.send(bytes)
    assert.equal(await client.closed(), 4_004, query)
    assert.match(client.of('Error')[0]?.description, why)
  }
  await free()
})

test('[LSN6] telephone samples and floats are read at their rate', async () => {
  const mulaw = await open('encoding=mulaw')
  mulaw.send(new Uint8Array(8_000).fill(0xff))
  mulaw.say({ type: 'CloseStream' })
  await mulaw.closed()
  assert.equal(mulaw.of('Metadata')[0]?.duration, 1)
  const floats = await open('encoding=linear32&sample_rate=48000')
  floats.send(encodeSamples(new Int16Array(48_000), 'float32'))
  floats.say({ type: 'CloseStream' })
  await floats.closed()
  assert.equal(floats.of('Metadata')[0]?.duration, 1)
})

test('[LSN2] the key comes as Token, Bearer or subprotocol, and is a bearer credential to the host', async () => {
  const seen: unknown[] = []
  await start({
    authorise: async ({ headers }) => {
      seen.push(headers.authorization)
      return headers.authorization === 'Bearer k' ? ok(undefined) : err(new ParleyError('UNAUTHENTICATED'))
    },
  })
  await rig.client(`/v1/listen?${LINEAR}`, { authorization: 'Token k' }).opened()
  await rig.client(`/v1/listen?${LINEAR}`, { authorization: 'Bearer k' }).opened()
  const socket = new WebSocket(`${rig.url}/v1/listen?${LINEAR}`, ['token', 'k'])
  await eventually(() => (socket.readyState === WebSocket.OPEN ? undefined : 'not open'))
  assert.equal(socket.protocol, 'token')
  socket.terminate()
  assert.deepEqual(seen, ['Bearer k', 'Bearer k', 'Bearer k'])
  const stranger = await rig.client(`/v1/listen?${LINEAR}`, { authorization: 'Token x' }).refused()
  assert.equal(stranger.status, 401)
  assert.equal((stranger.body as unknown as { err_code: string }).err_code, 'UNAUTHENTICATED')
  // Our own endpoints know no such scheme.
  assert.equal((await rig.client('/v1/stream/asr', { authorization: 'Token k' }).refused()).status, 401)
})

test('[SH1, LSN1] a refused connection is told in the words of its clients', async () => {
  const { status, body } = await rig.client('/v1/listen?diarize=true', { 'x-request-id': 'req-9' }).refused()
  assert.equal(status, 400)
  assert.deepEqual(body as object, {
    err_code: 'INVALID_FIELD',
    err_msg: 'diarize cannot be used here: speakers are not told apart',
    request_id: 'req-9',
  })
})

test('[LSN3, LSN5] a language that is not there, and a stream that breaks, are answered by Error', async () => {
  const client = await open(`${LINEAR}&language=xx`)
  client.send(ints(1))
  await client.closed()
  assert.equal(client.of('Error')[0]?.variant, 'LANGUAGE_UNSUPPORTED')
  const broken = await open(`${LINEAR}&interim_results=true`)
  broken.send(ints(1))
  await broken.got('Results')
  rig.recognise.streams.at(-1)?.break()
  await broken.got('Error')
  assert.deepEqual(transcripts(broken).at(-1), ['', true])
  broken.send(ints(2, ...SILENCE))
  await broken.got('Results', 4)
  assert.deepEqual(transcripts(broken).at(-1), ['w2', true])
})

test('[LSN5] a connection without audio lives as long as it answers pings, and is not asked in words it does not know', async () => {
  const clock = new ManualClock()
  await start({ clock, pingEveryMs: 1_000 })
  const client = await open(LINEAR)
  let pings = 0
  client.socket.on('ping', () => pings++)
  for (let count = 1; count <= 8; count++) {
    clock.advance(1_000)
    await eventually(() => (pings >= count ? undefined : 'no ping'))
    client.say({ type: 'KeepAlive' })
    client.say({ type: 'Finalize' })
    await client.got('Results', count)
  }
  assert.equal(client.closeCode, undefined)
  assert.deepEqual([...new Set(client.messages.map(({ type }) => type))], ['Results'])
})

test('[SE4] nonsense is answered, and too much of it ends the connection', async () => {
  const client = await open(LINEAR)
  client.send('{')
  client.say({ type: 'Configure' })
  await client.got('Error', 2)
  assert.match(client.of('Error')[1]?.description, /KeepAlive, Finalize, CloseStream/)
  assert.equal(client.closeCode, undefined)
})

test('[SE7, IS1] twenty at once: each hears its own words and no other', async () => {
  const clients = await Promise.all(Array.from({ length: 20 }, () => open(LINEAR)))
  clients.forEach((client, index) => {
    client.send(ints(index + 1, ...SILENCE, index + 101))
    client.say({ type: 'CloseStream' })
  })
  for (const [index, client] of clients.entries()) {
    await client.closed()
    assert.deepEqual(transcripts(client), [
      [`w${index + 1}`, true],
      [`w${index + 101}`, true],
    ])
  }
  await free()
})
