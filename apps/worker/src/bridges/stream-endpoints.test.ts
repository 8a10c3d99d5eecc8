// The stream endpoints on a worker's listener: its own engines behind them, its own word on whether they may be used.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { err, ok, systemClock } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import { ParleyError } from '@parley/protocol'
import { RECOGNISER_RATE_HZ, type RecogniserStatus } from '@parley/speech'
import { ScriptedSynthesiser } from '@parley/speech/testing'
import { BACKEND_RATE_HZ, type RecogniseListener } from '@parley/stream-endpoints'
import { spelled, TestClient } from '@parley/stream-endpoints/testing'
import { silentLogger } from '@parley/telemetry'
import type { LocalAccess } from '../endpoints-port.ts'
import { FAIL_VALUE, SpellingRecogniser } from '../testing/spelling-recogniser.ts'
import { type RigOptions, until, workerRig } from '../testing/worker-rig.ts'
import { allowAll, keysOf, knownKeyHashes, requireKey } from './endpoint-authority.ts'
import { type EndpointSettings, mountStreamEndpoints } from './mount-stream-endpoints.ts'
import { RecogniserToAsr } from './recogniser-to-asr.ts'
import { SynthesiserToTts } from './synthesiser-to-tts.ts'

const SILENCE = Array.from({ length: 20 }, () => 0)
const bytes = (samples: Int16Array) => new Uint8Array(samples.buffer)
const ASR = '/v1/stream/asr?encoding=int16'

async function rigOf(t: TestContext, settings: Partial<EndpointSettings> = {}, options: RigOptions = {}) {
  const synthesiser = new ScriptedSynthesiser({ clock: systemClock, slots: 2 })
  const endpoints = mountStreamEndpoints({
    authorise: allowAll,
    maxConnections: 3,
    allowedOrigins: ['https://ours.example'],
    ...settings,
  })
  const rig = await workerRig(t, { synthesiser, endpoints, ...options })
  const client = (path: string, headers: Record<string, string> = {}) =>
    new TestClient(rig.address.url.replace(/\/$/, '') + path, headers)
  return { ...rig, client, synthesiser }
}

test('[WK30] audio at the endpoint is recognised by the worker itself, its slot counted and freed', async (t) => {
  const { client, recogniser, connect } = await rigOf(t)
  assert.equal(BACKEND_RATE_HZ, RECOGNISER_RATE_HZ)
  const pod = await connect()
  const asr = await client(ASR).opened()
  const ready = await asr.got('ready')
  assert.equal(ready.language, 'en-US')
  assert.equal(recogniser.status().slotsUsed, 1)
  // Pods learn of it without waiting for the next report.
  await until('told', () => pod.of('worker.load').at(-1)?.slotsUsed === 1)
  asr.send(bytes(spelled(5, 6, ...SILENCE)))
  assert.equal((await asr.got('final')).text, 'w5 w6')
  asr.say({ type: 'end' })
  await asr.closed()
  await until('free', () => recogniser.status().slotsUsed === 0)
  await until('told', () => pod.of('worker.load').at(-1)?.slotsUsed === 0)
})

test('[WK30] a text is said by the worker itself', async (t) => {
  const { client, synthesiser } = await rigOf(t)
  const tts = await client('/v1/stream/tts').opened()
  tts.say({
    type: 'speak',
    requestId: 'r',
    text: 'Good morning. How are you?',
    encoding: 'int16',
    sampleRateHz: 16_000,
  })
  const done = await tts.got('done')
  assert.ok(done.samples > 0)
  assert.equal(Buffer.concat(tts.binaries).length, 2 * done.samples)
  assert.equal(synthesiser.status().slotsUsed, 0)
  tts.say({ type: 'voices' })
  assert.deepEqual(
    (await tts.got('voices')).voices.map(({ name }: { name: string }) => name),
    synthesiser.status().voices.map(({ name }) => name),
  )
  tts.say({ type: 'speak', requestId: 'v', text: 'x', voice: 'nobody' })
  const error = await tts.got('error')
  assert.deepEqual([error.code, error.field, error.requestId], ['VOICE_UNKNOWN', 'voice', 'v'])
})

test('[WK30] a cancel frees the slot of the engine', async (t) => {
  const { client, synthesiser } = await rigOf(t)
  const tts = await client('/v1/stream/tts').opened()
  tts.say({ type: 'speak', requestId: 'r', text: 'Some words. '.repeat(5_000), leadMs: 40 })
  await tts.got('started')
  assert.equal(synthesiser.status().slotsUsed, 1)
  tts.say({ type: 'cancel' })
  await tts.got('cancelled')
  assert.equal(synthesiser.status().slotsUsed, 0)
})

test('[WK30] each slot taken or given back is told at once', async () => {
  let told = 0
  const recogniser = new SpellingRecogniser(systemClock, { slots: 1 })
  const synthesiser = new ScriptedSynthesiser({ clock: systemClock, slots: 1 })
  await synthesiser.start()
  const access: LocalAccess = {
    clock: systemClock,
    logger: silentLogger,
    workerId: 'wrk_test',
    recogniser,
    synthesiser,
    refusal: () => undefined,
    onSlotsChanged: () => told++,
  }
  const listener = new Proxy({} as RecogniseListener, { get: () => () => {} })
  const asr = new RecogniserToAsr(access, recogniser)
  const opened = await asr.open(
    { connectionId: 'con_test', language: 'en-US', firstIndex: 0 },
    listener,
    new AbortController().signal,
  )
  assert.ok(opened.ok)
  assert.equal(told, 1)
  await Promise.all([opened.value.close(), opened.value.close()])
  assert.equal(told, 2)
  const begun = await new SynthesiserToTts(access, synthesiser).speak({ requestId: 'r', text: 'x' })
  assert.ok(begun.ok)
  assert.equal(told, 3)
  begun.value.cancel()
  begun.value.cancel()
  assert.equal(told, 4)
})

test('[WK30] slots are shared with the links of pods: who comes when all are taken is told', async (t) => {
  const { client, connect } = await rigOf(t, {}, { slots: 1 })
  const pod = await connect()
  pod.open(1)
  await pod.got('stream.opened', 1)
  const asr = client(ASR)
  assert.equal(await asr.closed(), 4004)
  const [error] = asr.of('error')
  assert.deepEqual([error?.code, error?.retryAfterMs, error?.recoverable], ['NO_SLOT', 100, false])
})

class StrictRecogniser extends SpellingRecogniser {
  override async openStream(...args: Parameters<SpellingRecogniser['openStream']>) {
    const { language } = args[0]
    if (this.status().languages.includes(language)) return super.openStream(...args)
    return err({ code: 'LANGUAGE_UNSUPPORTED' as const, message: `${language} is not recognised` })
  }
}

test('[WK30] a language that is not there is refused with those there are', async (t) => {
  const recogniser = new StrictRecogniser(systemClock, { slots: 1 })
  const { client } = await rigOf(t, {}, { recogniser })
  const asr = await client(`${ASR}&language=xx`).opened()
  const error = await asr.got('error')
  assert.deepEqual([error.code, error.field, error.allowed], ['LANGUAGE_UNSUPPORTED', 'language', ['en-US']])
  asr.say({ type: 'config', language: 'en-US' })
  await asr.got('ready')
  asr.socket.terminate()
})

class LoadingRecogniser extends SpellingRecogniser {
  isReady = true
  override status(): RecogniserStatus {
    return this.isReady ? super.status() : { ...super.status(), ready: false, problem: 'still loading' }
  }
}

test('[WK30] while the engine is not ready connections are refused, so that a balancer goes elsewhere', async (t) => {
  const recogniser = new LoadingRecogniser(systemClock, { slots: 1 })
  const { client } = await rigOf(t, {}, { recogniser })
  recogniser.isReady = false
  const refused = await client(ASR).refused()
  assert.deepEqual(
    [refused.status, refused.body.code, refused.body.detail],
    [503, 'SPEECH_UNAVAILABLE', 'still loading'],
  )
  assert.equal(refused.headers['retry-after'], '2')
})

test('[WK30] a stream that fails is told, and another goes on', async (t) => {
  const { client, recogniser } = await rigOf(t, {}, { slots: 1 })
  const asr = await client(ASR).opened()
  asr.send(bytes(spelled(1, ...SILENCE, FAIL_VALUE)))
  assert.equal((await asr.got('error')).code, 'SPEECH_LOST')
  asr.send(bytes(spelled(2, ...SILENCE)))
  assert.equal((await asr.got('final', 2)).text, 'w2')
  assert.equal(recogniser.status().slotsUsed, 1)
  asr.socket.terminate()
})

test('[WK30] connections are counted for the health report and bounded', async (t) => {
  const { client, worker } = await rigOf(t)
  const clients = await Promise.all([client(ASR), client(ASR), client('/v1/stream/tts')].map((one) => one.opened()))
  assert.equal(worker.health().active_connections, 3)
  const refused = await client(ASR).refused()
  assert.deepEqual([refused.status, refused.body.code], [503, 'ENDPOINT_FULL'])
  assert.deepEqual(worker.health().endpoints, {
    connections: { asr: 2, tts: 1, listen: 0, speech: 0, transcription: 0 },
    maxConnections: 3,
    acceptedTotal: { asr: 2, tts: 1, listen: 0, speech: 0, transcription: 0 },
    refusedTotal: { ENDPOINT_FULL: 1 },
    partialsSkippedTotal: 0,
    uploadBytes: 0,
  })
  clients[0]?.socket.close()
  await until('counted', () => worker.health().active_connections === 2)
})

test('[WK30] a worker that drains takes no connection; those it has go on', async (t) => {
  const { client, worker } = await rigOf(t)
  const asr = await client(ASR).opened()
  await asr.got('ready')
  worker.drain()
  const refused = await client(ASR).refused()
  assert.equal(refused.status, 503)
  assert.match(refused.body.detail, /draining/)
  asr.send(bytes(spelled(5, ...SILENCE)))
  assert.equal((await asr.got('final')).text, 'w5')
})

test('[WK30] a worker that has no synthesiser says that it has no such endpoint', async (t) => {
  const { client } = await rigOf(t, {}, { synthesiser: undefined })
  const refused = await client('/v1/stream/tts').refused()
  assert.deepEqual([refused.status, refused.body.code], [404, 'NOT_FOUND'])
})

test('[WK30] plain requests are told that this is a WebSocket; pages are let in by name', async (t) => {
  const { address, client } = await rigOf(t)
  const reply = await fetch(new URL('/v1/stream/asr', address.url.replace(/^ws/, 'http')))
  assert.deepEqual([reply.status, reply.headers.get('upgrade')], [426, 'websocket'])
  assert.equal((await client(ASR, { origin: 'https://theirs.example' }).refused()).status, 403)
  await client(ASR, { origin: 'https://ours.example' }).opened()
})

test('[WK31] with keys, only who holds one is let in, by header or in the address', async (t) => {
  const { createHash } = await import('node:crypto')
  const hash = createHash('sha256').update('pk_right').digest()
  const { client } = await rigOf(t, { authorise: requireKey(keysOf(systemClock, async () => [hash])) })
  const missing = await client(ASR).refused()
  assert.deepEqual([missing.status, missing.body.code], [401, 'UNAUTHENTICATED'])
  assert.match(missing.body.detail, /Bearer KEY/)
  assert.equal((await client(ASR, { authorization: 'Bearer pk_wrong' }).refused()).status, 401)
  assert.equal((await client(ASR, { authorization: 'Basic pk_right' }).refused()).status, 401)
  await client(ASR, { authorization: 'Bearer pk_right' }).opened()
  await client(`${ASR}&token=pk_right`).opened()
})

test('[WK31] who fails to say who may, lets nobody in', async () => {
  const none = await requireKey(keysOf(systemClock, async () => []))({
    headers: { authorization: 'Bearer x' },
    url: ASR,
  })
  assert.ok(!none.ok && none.error instanceof ParleyError)
  assert.deepEqual(await allowAll({ headers: {}, url: ASR }), ok(undefined))
})

test('[WK31] a key that is made after the worker was started is known when somebody comes with it', async () => {
  const { createHash } = await import('node:crypto')
  const clock = new ManualClock()
  let hashes: Buffer[] = []
  let reads = 0
  const keys = keysOf(clock, async () => {
    reads++
    return hashes
  })
  const ask = async (key: string) =>
    (await requireKey(keys)({ headers: { authorization: `Bearer ${key}` }, url: ASR })).ok
  assert.equal(await ask('pk_new'), false)
  hashes = [createHash('sha256').update('pk_new').digest()]
  // Strangers do not make the file be read all the time.
  assert.equal(await ask('pk_new'), false)
  assert.equal(reads, 1)
  clock.advance(1_000)
  assert.equal(await ask('pk_new'), true)
  assert.equal(await ask('pk_new'), true)
  assert.equal(reads, 2)
})

test('[WK31] a key that a pod of this machine knows as revoked is refused within a second', async (t) => {
  const { createHash } = await import('node:crypto')
  const folder = await mkdtemp(join(tmpdir(), 'parley-keys-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const hash = createHash('sha256').update('pk_app').digest('hex')
  const clock = new ManualClock()
  const auth = { apiKey: 'pk_own', keys: [{ id: 'app', tenant: 'acme', role: 'backend' as const, sha256: hash }] }
  const keys = keysOf(clock, () => knownKeyHashes({ auth, data: { dir: folder } }))
  const ask = async (key: string) =>
    (await requireKey(keys)({ headers: { authorization: `Bearer ${key}` }, url: ASR })).ok
  assert.deepEqual([await ask('pk_app'), await ask('pk_own')], [true, true])
  const revoked = [{ kind: 'key', id: hash, untilMs: 1 }]
  await writeFile(join(folder, 'revoked.json'), JSON.stringify({ version: 1, revoked }))
  clock.advance(1_000)
  assert.deepEqual([await ask('pk_app'), await ask('pk_own')], [false, true])
})

test('[WK30] when the worker stops every client is told, and no slot is kept', async (t) => {
  // How long a client may take over its goodbye is not the matter here: time stands still.
  const { client, worker, recogniser, synthesiser } = await rigOf(t, {}, { clock: new ManualClock() })
  const asr = await client(ASR).opened()
  await asr.got('ready')
  const tts = await client('/v1/stream/tts').opened()
  tts.say({ type: 'speak', requestId: 'r', text: 'Some words. '.repeat(5_000) })
  await tts.got('started')
  await worker.close()
  assert.deepEqual([await asr.closed(), await tts.closed()], [1001, 1001])
  assert.deepEqual([recogniser.status().slotsUsed, synthesiser.status().slotsUsed], [0, 0])
})
