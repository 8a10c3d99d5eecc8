// What both endpoints share: who gets in, limits, liveness, the end.
import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { err } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { ParleyError } from '@parley/protocol'
import { MAX_INVALID_MESSAGES, MAX_MESSAGE_BYTES, MESSAGE_BURST } from './limits.ts'
import { EndpointRig, type RigOptions, spelled } from './testing/index.ts'

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

const none = () => eventually(() => (rig.endpoints.activeConnections === 0 ? undefined : 'still counted'))

test('[SE1] refusals are HTTP answers with a problem document', async () => {
  const wrong = await rig.client('/v1/stream/asr?encoding=mp3', { 'x-request-id': 'req-7' }).refused()
  assert.equal(wrong.status, 400)
  assert.equal(wrong.headers['content-type'], 'application/problem+json; charset=utf-8')
  assert.deepEqual([wrong.body.code, wrong.body.field, wrong.body.requestId], ['INVALID_FIELD', 'encoding', 'req-7'])
  const theirs = await rig.client('/v1/stream/asr', { origin: 'https://theirs.example' }).refused()
  assert.equal(theirs.status, 403)
  await rig.client('/v1/stream/asr', { origin: 'https://ours.example' }).opened()
  assert.equal((await rig.client('/v1/stream/nothing').refused()).status, 404)
  assert.deepEqual(rig.endpoints.stats().refusedTotal, { INVALID_FIELD: 1, ORIGIN_REFUSED: 1, NOT_FOUND: 1 })
})

test('[SE1] who may not is told so, and a check that fails or hangs lets nobody in', async () => {
  await start({ authorise: async () => err(new ParleyError('UNAUTHENTICATED')) })
  const refused = await rig.client('/v1/stream/tts').refused()
  assert.deepEqual([refused.status, refused.headers['www-authenticate']], [401, 'Bearer realm="parley"'])
  await start({ authorise: () => Promise.reject(new Error('told to')) })
  assert.equal((await rig.client('/v1/stream/tts').refused()).status, 500)
  const clock = new ManualClock()
  await start({ clock, authorise: () => new Promise(() => {}) })
  const hanging = rig.client('/v1/stream/tts')
  await eventually(() => {
    clock.advance(5_000)
    return hanging.refusal ? undefined : 'not refused'
  })
  assert.equal(hanging.refusal?.status, 500)
})

test('[SE1] a member that is loading, draining or overloaded says so with 503 and when to come again', async () => {
  rig.recognise.unavailable = new ParleyError('SPEECH_UNAVAILABLE', { message: 'loading', retryAfterMs: 2_500 })
  const refused = await rig.client('/v1/stream/asr').refused()
  assert.deepEqual([refused.status, refused.headers['retry-after'], refused.body.detail], [503, '3', 'loading'])
  await rig.client('/v1/stream/tts').opened()
})

test('[SE2] the limit holds for a burst of both kinds, and who leaves makes room', async () => {
  await start({ maxConnections: 5 })
  const clients = Array.from({ length: 12 }, (_, index) => rig.client(`/v1/stream/${index % 2 ? 'asr' : 'tts'}`))
  const isIn = () => clients.filter((client) => client.socket.readyState === 1)
  await eventually(() => {
    const refused = clients.filter((client) => client.refusal).length
    return isIn().length + refused === 12 ? undefined : 'not all answered'
  })
  assert.equal(isIn().length, 5)
  const { refusal } = clients.find((client) => client.refusal) ?? {}
  assert.deepEqual([refusal?.status, refusal?.body.code, refusal?.headers['retry-after']], [503, 'ENDPOINT_FULL', '1'])
  assert.equal(rig.endpoints.activeConnections, 5)
  isIn()[0]?.socket.close()
  await eventually(() => (rig.endpoints.activeConnections === 4 ? undefined : 'still counted'))
  await rig.asr()
})

test('[SE3] a connection that says nothing lives as long as it answers pings', async () => {
  const clock = new ManualClock()
  await start({ clock, pingEveryMs: 1_000 })
  const client = await rig.tts()
  let pings = 0
  client.socket.on('ping', () => pings++)
  for (let count = 1; count <= 10; count++) {
    clock.advance(1_000)
    await eventually(() => (pings >= count ? undefined : 'no ping'))
    // The pong has to arrive before the next question.
    client.say({ type: 'ping', id: count })
    await client.got('pong', count)
  }
  assert.equal(client.closeCode, undefined)
  assert.deepEqual(client.of('pong')[3], { type: 'pong', id: 4 })
})

test('[SE3] who speaks this protocol is asked in its words too; who does not is left in peace', async () => {
  const clock = new ManualClock()
  await start({ clock, pingEveryMs: 1_000 })
  const speaks = await rig.asr()
  speaks.say({ type: 'config' })
  await speaks.got('ready')
  const plain = await rig.tts()
  plain.say({ type: 'synthesize', text: 'x' })
  await plain.got('synthesis_complete')
  clock.advance(1_000)
  assert.deepEqual(await speaks.got('ping'), { type: 'ping', id: 1 })
  assert.equal(plain.of('ping').length, 0)
})

test('[SE3] one that gives no sign of life is let go, and what it held is free', async () => {
  const clock = new ManualClock()
  await start({ clock, pingEveryMs: 1_000 })
  const client = await rig.asr('?encoding=int16')
  await client.got('ready')
  // A peer that is gone without a word: nothing is read, so no ping is answered.
  client.socket.pause()
  await clock.advanceAsync(3_000, 1_000)
  assert.equal(rig.endpoints.activeConnections, 1)
  await clock.advanceAsync(1_000)
  await none()
  assert.equal(rig.recognise.slotsUsed, 0)
})

test('[SE3] while its audio waits here unread, its silence is ours', async () => {
  const clock = new ManualClock()
  await start({ clock, pingEveryMs: 1_000 })
  rig.recognise.isSlow = true
  const client = await rig.asr()
  client.send(new Uint8Array(1_280))
  await eventually(() => (rig.endpoints.activeConnections === 1 ? undefined : 'not there'))
  await clock.advanceAsync(10_000, 1_000)
  assert.equal(client.closeCode, undefined)
  rig.recognise.letOpen()
  await client.got('ready')
})

test('[SE4, SE5] nonsense is answered each time, until there was too much of it', async () => {
  const client = await rig.asr()
  for (let count = 0; count <= MAX_INVALID_MESSAGES; count++) client.send('{"type":')
  assert.equal(await client.closed(), 4009)
  assert.equal(client.of('error').length, MAX_INVALID_MESSAGES + 1)
  assert.deepEqual(
    client.of('error').map(({ recoverable }) => recoverable),
    [...Array.from({ length: MAX_INVALID_MESSAGES }, () => true), false],
  )
})

test('[SE4, SE5] messages beyond the rate are answered, not obeyed', async () => {
  const clock = new ManualClock()
  await start({ clock })
  const client = await rig.asr()
  for (let id = 0; id < MESSAGE_BURST; id++) client.say({ type: 'ping', id })
  client.say({ type: 'flush', requestId: 'late' })
  const error = await client.got('error')
  assert.deepEqual([error.code, error.requestId, error.retryAfterMs], ['RATE_LIMITED', 'late', 50])
  assert.equal(client.of('pong').length, MESSAGE_BURST)
  assert.equal(client.of('flushed').length, 0)
  clock.advance(50)
  client.say({ type: 'flush', requestId: 'now' })
  assert.equal((await client.got('flushed')).requestId, 'now')
  for (let count = 0; count < 200; count++) client.say({ type: 'ping' })
  assert.equal(await client.closed(), 4010)
})

test('[SE5] a message that is too long ends the connection with 1009', async () => {
  const client = await rig.asr()
  client.send(new Uint8Array(MAX_MESSAGE_BYTES + 1))
  assert.equal(await client.closed(), 1009)
  await none()
})

test('[SE6] stopping is said to everybody, nobody gets in any more, and nothing is held', async () => {
  const asr = await rig.asr('?encoding=int16')
  await asr.got('ready')
  asr.send(new Uint8Array(spelled(1).buffer))
  await asr.got('partial')
  const tts = await rig.tts()
  await rig.endpoints.close('shutting_down', 1_000)
  assert.deepEqual([await asr.closed(), await tts.closed()], [1001, 1001])
  assert.deepEqual(asr.messages.at(-1)?.reason, 'shutting_down')
  assert.equal((await rig.client('/v1/stream/asr').refused()).body.code, 'DRAINING')
  assert.equal(rig.endpoints.activeConnections, 0)
  assert.equal(rig.recognise.slotsUsed, 0)
})

test('[SE6] three hundred that come and go, however they go, leave nothing behind', async () => {
  const clock = new ManualClock()
  await start({ clock })
  const kinds = [
    async () => (await rig.asr()).socket.close(),
    async () => (await rig.asr('?encoding=int16')).send(new Uint8Array(1_281)),
    async () => (await rig.tts()).say({ type: 'speak', requestId: 'r', text: 'x'.repeat(50), leadMs: 40 }),
    async () => (await rig.tts()).say({ type: 'end' }),
    async () => (await rig.asr()).send('nonsense'),
  ]
  for (let round = 0; round < 12; round++) {
    await Promise.all(Array.from({ length: 25 }, (_, index) => kinds[index % kinds.length]?.()))
    rig.dropClients()
    await none()
  }
  await eventually(() => (rig.recognise.slotsUsed + rig.synthesise.slotsUsed === 0 ? undefined : 'a slot is kept'))
  assert.equal(rig.endpoints.stats().acceptedTotal.asr, 180)
  assert.equal(clock.pendingTimers, 0)
})

test('[SE6] a client that does not answer the close is cut off', async () => {
  const client = await rig.tts()
  client.socket.pause()
  await rig.endpoints.close('shutting_down', 200)
  await none()
})
