// The stream endpoints of a pod: a real pod, real links, workers of this process whose engines spell. What the endpoints themselves promise
// is proven in their package; here it is what a pod adds: identity, limits, and workers that die.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { encodeWav } from '@parley/audio'
import { systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { ScriptedSynthesiser } from '@parley/speech/testing'
import { spelled, TestClient } from '@parley/stream-endpoints/testing'
import { silentLogger } from '@parley/telemetry'
import { createWorker, type Worker } from '../../../worker/src/compose.ts'
import { SpellingRecogniser } from '../../../worker/src/testing/spelling-recogniser.ts'
import { createSpeechLinks, type SpeechLinks } from '../speech/speech-links.ts'
import { API_KEY, type Settings, startTestPod } from '../testing/pod-harness.ts'
import { TEST_SECRET } from '../testing/speech/worker-process.ts'

const ASR = '/v1/stream/asr?encoding=int16'
const TTS = '/v1/stream/tts'
const SILENCE = Array.from({ length: 20 }, () => 0)
const KEY = { authorization: `Bearer ${API_KEY}` }
const bytes = (...values: number[]) => new Uint8Array(spelled(...values).buffer)
const until = (what: string, condition: () => boolean) => eventually(() => (condition() ? undefined : what))

interface Local {
  readonly worker: Worker
  readonly recogniser: SpellingRecogniser
  readonly synthesiser: ScriptedSynthesiser
}

class Rig {
  readonly links: SpeechLinks
  readonly workers: Local[] = []
  readonly #urls = new Map<Worker, string>()
  readonly #t: TestContext
  port = 0

  constructor(t: TestContext, links: SpeechLinks) {
    this.#t = t
    this.links = links
  }

  static async start(t: TestContext, workers = 1, settings: Settings = {}) {
    const config = { speech: { workerWaitMs: 30_000 } }
    const options = { clock: systemClock, config, podId: 'pod_test', fleetSecret: TEST_SECRET, logger: silentLogger }
    const rig = new Rig(t, createSpeechLinks(options))
    for (let count = 0; count < workers; count++) await rig.add()
    const harness = await startTestPod(t, { settings, overrides: { speech: rig.links } })
    rig.port = harness.port
    return { rig, ...harness }
  }

  async add(): Promise<Local> {
    const recogniser = new SpellingRecogniser(systemClock, { slots: 4 })
    const synthesiser = new ScriptedSynthesiser({ clock: systemClock, slots: 4 })
    const parts = { recogniser, synthesiser }
    const worker = createWorker({ clock: systemClock, logger: silentLogger, fleetSecret: TEST_SECRET, ...parts })
    this.#t.after(() => worker.close())
    this.#urls.set(worker, await worker.start())
    const local = { worker, ...parts }
    this.workers.push(local)
    await this.#name()
    return local
  }

  /** The worker that recognises now. */
  busy(): Local {
    const local = this.workers.find(({ recogniser }) => recogniser.status().slotsUsed > 0)
    assert.ok(local)
    return local
  }

  async lose(local: Local): Promise<void> {
    this.workers.splice(this.workers.indexOf(local), 1)
    await local.worker.close()
    await this.#name()
  }

  client(path: string, headers: Readonly<Record<string, string>> = KEY): TestClient {
    const client = new TestClient(`ws://127.0.0.1:${this.port}${path}`, headers)
    this.#t.after(() => client.socket.terminate())
    return client
  }

  async #name(): Promise<void> {
    this.links.setWorkers(
      this.workers.map(({ worker }) => ({ workerId: worker.workerId, url: this.#urls.get(worker) as string })),
    )
    await until('links', () => this.links.status().workers === this.workers.length)
  }
}

test('[PST1] audio at a pod is recognised by a worker, in a slot that is given back', async (t) => {
  const { rig } = await Rig.start(t)
  const client = await rig.client(ASR).opened()
  const ready = await client.got('ready')
  assert.equal(ready.language, 'en-US')
  client.send(bytes(0, 5, 6, ...SILENCE))
  const final = await client.got('final')
  assert.deepEqual([final.text, final.startMs, final.endMs], ['w5 w6', 20, 60])
  assert.equal(client.of('state').length, 0)
  client.send(bytes(7).subarray(0, 401))
  client.say({ type: 'end' })
  await client.closed()
  // The last frame was short: 200 samples and a cut one, of which the end tells.
  assert.equal(client.of('final')[1]?.text, 'w7')
  assert.equal(client.of('ended')[0]?.audioMs, 460 + 12.5)
  await until('free', () => rig.links.status().slotsUsed === 0)
})

test('[PST1] a text at a pod is said by a worker, sample by sample what the worker makes of it', async (t) => {
  const { rig } = await Rig.start(t)
  const text = 'Good morning. How are you today? '.repeat(20)
  const client = await rig.client(TTS).opened()
  client.say({ type: 'speak', requestId: 'r', text, encoding: 'int16', sampleRateHz: 16_000 })
  const done = await client.got('done')
  const audio = Buffer.concat(client.binaries)
  assert.equal(audio.length, 2 * done.samples)
  const direct = rig.workers[0]?.synthesiser.speak({ requestId: 'x', text })
  assert.ok(direct?.ok)
  const wanted: Buffer[] = []
  for (let chunk = await direct.value.next(); chunk; chunk = await direct.value.next()) {
    wanted.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
  }
  assert.deepEqual(audio, Buffer.concat(wanted))
  client.say({ type: 'voices' })
  assert.ok((await client.got('voices')).voices.length > 0)
  client.say({ type: 'speak', requestId: 'v', text: 'x', voice: 'nobody' })
  const error = await client.got('error')
  assert.deepEqual([error.code, error.requestId], ['VOICE_UNKNOWN', 'v'])
})

test('[PST2] a worker that dies in mid-utterance does not cut its client: no word is lost, none said twice', async (t) => {
  const { rig } = await Rig.start(t, 2)
  const client = await rig.client(ASR).opened()
  client.send(bytes(1, 2, ...SILENCE, 3, 4))
  await client.got('partial', 4)
  await rig.lose(rig.busy())
  client.send(bytes(5, ...SILENCE))
  await client.got('final', 2)
  client.say({ type: 'end' })
  assert.equal(await client.closed(), 1000)
  assert.deepEqual(
    client.of('final').map(({ utterance, text }) => [utterance, text]),
    [
      [0, 'w1 w2'],
      [1, 'w3 w4 w5'],
    ],
  )
  assert.equal(client.of('error').length, 0)
})

test('[PST2] while there is no worker the client is told, and what it says meanwhile is heard later', async (t) => {
  const { rig } = await Rig.start(t)
  const client = await rig.client(ASR).opened()
  client.send(bytes(1))
  await client.got('partial')
  await rig.lose(rig.busy())
  assert.equal((await client.got('state')).speech, 'waiting')
  client.send(bytes(2, 3))
  await rig.add()
  await client.got('state', 2)
  client.send(bytes(...SILENCE))
  assert.equal((await client.got('final')).text, 'w1 w2 w3')
})

test('[PST2] a worker that dies in mid-speech: the rest comes from another, no sample missing and none twice', async (t) => {
  const { rig } = await Rig.start(t, 2)
  const client = await rig.client(TTS).opened()
  const text = 'Some words to say. '.repeat(400)
  client.say({ type: 'speak', requestId: 'r', text, encoding: 'int16', sampleRateHz: 16_000, framing: 'header' })
  await eventually(() => (client.binaries.length > 20 ? undefined : 'no audio'))
  const busy = rig.workers.find(({ synthesiser }) => synthesiser.status().slotsUsed > 0)
  assert.ok(busy)
  await rig.lose(busy)
  const done = await eventually(() => (client.of('done').length > 0 ? undefined : 'not done'), {
    withinMs: 20_000,
  }).then(() => client.of('done')[0])
  let next = 0
  for (const message of client.binaries) {
    assert.equal(message.readUInt32BE(6), next)
    next += (message.length - 10) / 2
  }
  assert.equal(next, done?.samples)
})

test('[PST3] cancel reaches the worker: its slot is free', async (t) => {
  const { rig } = await Rig.start(t)
  const client = await rig.client(TTS).opened()
  client.say({ type: 'speak', requestId: 'r', text: 'Some words. '.repeat(5_000), leadMs: 100 })
  await client.got('started')
  client.say({ type: 'cancel', requestId: 'r' })
  await client.got('cancelled')
  await until('free', () => rig.workers[0]?.synthesiser.status().slotsUsed === 0)
})

test('[PST3] a speech that waits for a worker is cancelled at once', async (t) => {
  const { rig } = await Rig.start(t, 0)
  const client = await rig.client(TTS).opened()
  client.say({ type: 'speak', requestId: 'r', text: 'x' })
  client.say({ type: 'cancel', requestId: 'r' })
  assert.equal((await client.got('cancelled')).samples, 0)
})

test('[PST4] only who holds a credential of the platform is let in: key or user token, by header or in the address', async (t) => {
  const { rig, identity, pod } = await Rig.start(t)
  assert.equal((await rig.client(ASR, {}).refused()).status, 401)
  assert.equal((await rig.client(ASR, { authorization: 'Bearer pk_wrong' }).refused()).status, 401)
  assert.equal((await rig.client(`${ASR}&token=pk_wrong`, {}).refused()).status, 401)
  await rig.client(`${ASR}&token=${API_KEY}`, {}).opened()
  const { token } = await identity.tokens.issueUserToken('default', 'someone', 60_000)
  await rig.client(`${ASR}&token=${token}`, {}).opened()
  assert.equal(
    (await rig.client(ASR, { ...KEY, origin: 'https://theirs.example' }).refused()).body.code,
    'ORIGIN_REFUSED',
  )
  assert.ok(pod.health().status === 'ok')
})

test('[PST4] who presents too many wrong credentials is not even asked for the right one', async (t) => {
  const { rig } = await Rig.start(t)
  for (let count = 0; count < 30; count++) await rig.client(`${ASR}&token=guess${count}`, {}).refused()
  const limited = await rig.client(ASR).refused()
  assert.deepEqual([limited.status, limited.body.code], [429, 'RATE_LIMITED'])
  assert.ok(Number(limited.headers['retry-after']) > 0)
})

test('[PST5] connections are bounded, and part of all connections of the pod', async (t) => {
  const { rig, call } = await Rig.start(t, 1, { 'limits.streamConnections': '2', 'limits.connections': '3' })
  await rig.client(ASR).opened()
  await rig.client(TTS).opened()
  const full = await rig.client(ASR).refused()
  assert.deepEqual([full.status, full.body.code], [503, 'ENDPOINT_FULL'])
  assert.equal((await call('/livez')).status, 200)
})

test('[PST5] a pod that wants no stream endpoints has none', async (t) => {
  const { rig } = await Rig.start(t, 1, { 'limits.streamConnections': '0' })
  assert.equal((await rig.client(ASR).refused()).status, 404)
})

test('[PST6] without a worker that recognises, connections are refused with the advice when to come again', async (t) => {
  const { rig } = await Rig.start(t, 0)
  const refused = await rig.client(ASR).refused()
  assert.deepEqual(
    [refused.status, refused.body.code, refused.headers['retry-after']],
    [503, 'SPEECH_UNAVAILABLE', '1'],
  )
})

test('[PST6] when the pod stops every client is told', async (t) => {
  const { rig, pod } = await Rig.start(t)
  const clients = [await rig.client(ASR).opened(), await rig.client(TTS).opened()]
  await pod.stop()
  assert.deepEqual(await Promise.all(clients.map((client) => client.closed())), [1001, 1001])
  assert.ok(clients.every((client) => client.of('closing')[0]?.reason === 'shutting_down'))
})

const WAV = encodeWav(spelled(0, 5, 6, ...SILENCE, 7), 16_000)
const asWav = { method: 'POST', body: new Uint8Array(WAV), headers: { 'content-type': 'audio/wav' } } as const
const say = (body: object, headers: Readonly<Record<string, string>> = {}) => ({
  method: 'POST',
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json', ...headers },
})

test('[PST1, PST7] recordings and texts are answered by the workers, in slots that are given back', async (t) => {
  const { rig, call, lines } = await Rig.start(t)
  const listened = await call('/v1/listen', asWav)
  const { results } = (await listened.json()) as { results: { channels: { alternatives: { transcript: string }[] }[] } }
  assert.equal(results.channels[0]?.alternatives[0]?.transcript, 'w5 w6 w7')
  assert.ok(listened.headers.get('x-content-type-options') && listened.headers.get('x-request-id'))
  const form = new FormData()
  form.append('file', new Blob([new Uint8Array(WAV)]), 'a.wav')
  const transcribed = await call('/v1/audio/transcriptions', { method: 'POST', body: form })
  assert.equal(((await transcribed.json()) as { text: string }).text, 'w5 w6 w7')
  const said = await call('/v1/audio/speech', say({ input: 'Some words.', response_format: 'pcm' }))
  assert.ok((await said.arrayBuffer()).byteLength > 1_000)
  await until('free', () => rig.links.status().slotsUsed === 0)
  await until('free', () => rig.workers[0]?.synthesiser.status().slotsUsed === 0)
  // One name for each in the metrics, whatever the address.
  const routes = lines.filter(({ message }) => message === 'answered').map(({ fields }) => fields.route)
  assert.deepEqual(routes.slice(-3), ['/v1/listen', '/v1/audio/transcriptions', '/v1/audio/speech'])
})

test('[PST2, PST7] a worker that dies in mid-recording is followed by another: no word is lost, none said twice', async (t) => {
  const { rig, call } = await Rig.start(t, 2)
  // More than may run ahead: the worker is lost while audio still waits here.
  const words = Array.from({ length: 40 }, (_, at) => at + 1)
  const blocks = words.flatMap((word) => [word, ...Array.from({ length: 24 }, () => 0)])
  const asked = call('/v1/listen', { ...asWav, body: new Uint8Array(encodeWav(spelled(...blocks), 16_000)) })
  await until('a stream', () => rig.workers.some(({ recogniser }) => recogniser.status().slotsUsed > 0))
  await rig.lose(rig.busy())
  const { results } = (await (await asked).json()) as {
    results: { channels: { alternatives: { transcript: string }[] }[] }
  }
  assert.equal(results.channels[0]?.alternatives[0]?.transcript, words.map((word) => `w${word}`).join(' '))
})

test('[PST4, PST7] refusals have the form of the endpoint, the limits of the listener included', async (t) => {
  const { rig, call } = await Rig.start(t, 1, { 'limits.requestsPerMinute': '6' })
  const url = `http://127.0.0.1:${rig.port}`
  const stranger = await fetch(`${url}/v1/audio/speech`, say({ input: 'x' }, { authorization: 'Bearer pk_wrong' }))
  assert.equal(stranger.status, 401)
  assert.equal(((await stranger.json()) as { error: { code: string } }).error.code, 'UNAUTHENTICATED')
  const token = { ...asWav, headers: { authorization: `Token ${API_KEY}` } }
  assert.equal((await fetch(`${url}/v1/listen`, token)).status, 200)
  const theirs = await call('/v1/audio/speech', say({ input: 'x' }, { origin: 'https://theirs.example' }))
  assert.equal(((await theirs.json()) as { error: { code: string } }).error.code, 'ORIGIN_REFUSED')
  const plain = await call('/v1/listen')
  assert.deepEqual([plain.status, plain.headers.get('upgrade')], [426, 'websocket'])
  const put = await call('/v1/listen', { method: 'DELETE' })
  assert.deepEqual([put.status, put.headers.get('allow')], [405, 'OPTIONS, POST'])
  for (let count = 0; count < 3; count++) await call('/livez/../v1/voices')
  const limited = await call('/v1/audio/speech', say({ input: 'x' }))
  assert.deepEqual([limited.status, Number(limited.headers.get('retry-after')) > 0], [429, true])
  assert.equal(((await limited.json()) as { error: { type: string } }).error.type, 'rate_limit_error')
})

test('[PST5, PST7] requests count with the connections, and a pod that wants none has no such addresses', async (t) => {
  const { rig, call } = await Rig.start(t, 1, { 'limits.streamConnections': '1' })
  await rig.client(ASR).opened()
  const full = await call('/v1/audio/speech', say({ input: 'x' }))
  assert.deepEqual([full.status, full.headers.get('retry-after')], [429, '1'])
  const none = await Rig.start(t, 0, { 'limits.streamConnections': '0' })
  const missing = await none.call('/v1/audio/speech', say({ input: 'x' }))
  assert.equal(missing.status, 404)
  assert.equal(((await missing.json()) as { error: { code: string } }).error.code, 'NOT_FOUND')
})
