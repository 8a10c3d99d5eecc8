// Audio over UDP as sessions see it: who is offered a channel, whose frames it carries and until when; lulls. The UDP itself is a
// double; sockets are real.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '@parley/kernel/testing'
import { MAX_UDP_PAYLOAD_BYTES } from '@parley/protocol'
import { ManualUdp } from '../testing/manual-udp.ts'
import { ADMIN, PCM16, type SessionHarness, sessionConfig, startSessions } from '../testing/sessions/index.ts'
import { UDP_OPEN_DEADLINE_MS, type UdpService } from './udp-offer.ts'

const UDP = { udp: true }

async function pod(
  t: { after(fn: () => Promise<void>): void },
  options: Parameters<typeof startSessions>[0] & { announced?: ReturnType<UdpService['announced']> } = {},
) {
  const udp = new ManualUdp()
  const { announced = { host: '', port: 7_000 }, ...rest } = options
  const service = { port: udp, announced: () => announced }
  const started = await startSessions({ udp: service, ...rest })
  t.after(() => started.close())
  return { ...started, udp }
}

async function suspended(started: SessionHarness): Promise<void> {
  await eventually(() => (started.service.stats().suspended === 1 ? undefined : 'not suspended'))
}

test('[UO1] who asks is offered a channel of its own, and who does not ask hears nothing of it', async (t) => {
  const started = await pod(t)
  const { welcome } = await started.open(UDP)
  const { channel, key } = started.udp.last
  assert.deepEqual(welcome.udp, {
    host: '127.0.0.1',
    port: 7_000,
    channel,
    key,
    maxPayloadBytes: MAX_UDP_PAYLOAD_BYTES,
  })
  assert.equal(welcome.udpRefused, undefined)
  assert.deepEqual(started.udp.last.options.format, PCM16)
  for (const hello of [{}, { udp: false }]) {
    const { welcome: silent } = await started.open(hello)
    assert.deepEqual([silent.udp, silent.udpRefused], [undefined, undefined])
  }
  assert.equal(started.udp.channels.length, 1)
})

test('[UO1] the endpoint told is the one announced', async (t) => {
  const started = await pod(t, { announced: { host: 'udp.example', port: 443 } })
  const { welcome } = await started.open(UDP)
  assert.deepEqual([welcome.udp?.host, welcome.udp?.port], ['udp.example', 443])
})

test('[UO2] without TLS, and not on this machine, no key is told', async (t) => {
  const started = await pod(t, { mayCarryKeys: false })
  const { welcome } = await started.open(UDP)
  assert.deepEqual([welcome.udp, welcome.udpRefused], [undefined, 'insecure'])
  assert.equal(started.udp.channels.length, 0, 'no key was made')
})

test('[UO2] switched off, frames too long, no socket: said by name, and the welcome comes all the same', async (t) => {
  const off = await startSessions()
  t.after(() => off.close())
  assert.equal((await off.open(UDP)).welcome.udpRefused, 'disabled')
  const started = await pod(t)
  const long = { codec: 'pcm16', sampleRateHz: 48_000, frameMs: 20 }
  assert.equal((await started.open({ ...UDP, audio: long })).welcome.udpRefused, 'format')
  started.udp.isFull = true
  assert.equal((await started.open(UDP)).welcome.udpRefused, 'unavailable')
  started.udp.isOpen = false
  assert.equal((await started.open(UDP)).welcome.udpRefused, 'unavailable')
})

test('[UO2] a receiver that does not answer holds no welcome up; a channel that comes too late is closed', async (t) => {
  const started = await pod(t)
  const gate = Promise.withResolvers<void>()
  started.udp.gate = gate.promise
  const opening = started.open(UDP)
  await eventually(() => (started.service.stats().controlMessagesInTotal === 1 ? undefined : 'hello due'))
  await started.pass(UDP_OPEN_DEADLINE_MS + 100, 100)
  assert.equal((await opening).welcome.udpRefused, 'unavailable')
  gate.resolve()
  await eventually(() => (started.udp.channels.length === 1 ? undefined : 'the channel is due'))
  await eventually(() => (started.udp.live.size === 0 ? undefined : 'the late channel is open'))
})

test('[UO2] a client that leaves while its channel opens leaves nothing behind', async (t) => {
  const started = await pod(t)
  const gate = Promise.withResolvers<void>()
  started.udp.gate = gate.promise
  const created = await started.create()
  const client = await started.connect()
  client.send({ type: 'hello', token: created.ticket, audio: PCM16, udp: true })
  await eventually(() => (started.service.stats().controlMessagesInTotal === 1 ? undefined : 'hello due'))
  client.cut()
  await eventually(() => (started.service.stats().sockets === 0 ? undefined : 'still connected'))
  gate.resolve()
  await eventually(() => {
    const { opening, active } = started.service.stats()
    const left = opening + active + started.speech.slotsUsed + started.udp.live.size
    return left === 0 ? undefined : `${left} things are left`
  })
})

test('[UO3] frames over UDP and WebSocket are one stream', async (t) => {
  const started = await pod(t)
  const { created, client } = await started.open(UDP)
  const stream = started.speech.stream(created.sessionId)
  started.udp.last.frame(0, 0)
  started.udp.last.frame(2, 640)
  for (let count = 0; count < 4; count++) client.sendFrame(count)
  await eventually(() => (stream.frameCount === 3 ? undefined : `${stream.frameCount} frames`))
  started.udp.last.frame(3, 960)
  started.udp.last.frame(4, 1_280)
  assert.deepEqual(
    stream.frames.map((frame) => frame.mediaTime),
    [0, 640, 960, 1_280],
  )
  const view = started.service.view(ADMIN, created.sessionId)
  assert.equal(view.ok && view.value.audioTransport, 'udp')
  const { audioFramesUdpTotal, audioFramesLateTotal } = started.service.stats()
  assert.deepEqual([audioFramesUdpTotal, audioFramesLateTotal], [3, 4])
})

test('[UO4] frames are taken while the connection is gone, until the next attach; then the old key opens nothing', async (t) => {
  const started = await pod(t)
  const { created, client, welcome } = await started.open(UDP)
  const stream = started.speech.stream(created.sessionId)
  const first = started.udp.last
  first.frame(0, 0)
  client.cut()
  await suspended(started)
  first.frame(1, 320)
  assert.equal(stream.frameCount, 2)
  const back = await started.resume(welcome, 0, UDP)
  const again = await back.expect('welcome')
  const second = started.udp.last
  assert.notEqual(second, first)
  assert.notEqual(again.udp?.key, welcome.udp?.key)
  assert.notEqual(again.udp?.channel, welcome.udp?.channel)
  assert.deepEqual([first.isClosed, second.isClosed], [true, false])
  first.frame(2, 640)
  assert.equal(stream.frameCount, 2)
  assert.equal(again.receivedMediaTime, 640)
  second.frame(0, 640)
  assert.equal(stream.frameCount, 3)
  const third = await started.resume(again, 0)
  await third.expect('welcome')
  assert.equal(started.udp.live.size, 0, 'an attach without UDP has none')
})

test('[UO4] a session that ends, however it ends, leaves no channel', async (t) => {
  const started = await pod(t)
  const [said, deleted, expired] = [await started.open(UDP), await started.open(UDP), await started.open(UDP)]
  assert.equal(started.udp.live.size, 3)
  said.client.send({ type: 'bye' })
  await said.client.expectClosed()
  started.service.remove(ADMIN, deleted.created.sessionId)
  assert.equal(started.udp.live.size, 1)
  expired.client.cut()
  await suspended(started)
  assert.equal(started.udp.live.size, 1, 'kept while suspended')
  await started.pass(60_400, 1_000)
  assert.equal(started.udp.live.size, 0)
})

test('[CAP5] an audio.end that overtook frames is answered when they have come, or after half a second', async (t) => {
  const started = await pod(t)
  const { created, client } = await started.open(UDP)
  const stream = started.speech.stream(created.sessionId)
  started.udp.last.frame(0, 0)
  client.send({ type: 'audio.end', lastSeq: 2, requestId: 'a' })
  client.send({ type: 'ping', id: 1 })
  await client.expect('pong')
  assert.equal(stream.flushes.length, 0)
  started.udp.last.frame(1, 320)
  started.udp.last.frame(2, 640)
  assert.equal(stream.flushes.length, 1)
  stream.flushed()
  assert.equal((await client.expect('audio.ended')).requestId, 'a')
  client.send({ type: 'audio.end', lastSeq: 9 })
  client.send({ type: 'ping', id: 2 })
  await client.expect('pong', 2)
  await started.pass(400)
  assert.equal(stream.flushes.length, 0)
  await started.pass(200)
  assert.equal(stream.flushes.length, 1)
  client.send({ type: 'audio.end', lastSeq: 1 })
  assert.equal((await client.expect('error')).field, 'lastSeq')
})

test('[UO5] what is wrong with frames over UDP is told on the connection, once a second, and ends it when it goes on', async (t) => {
  const started = await pod(t)
  const { client } = await started.open(UDP)
  for (let seq = 0; seq < 25; seq++) started.udp.last.frame(seq, seq * 320, new Uint8Array(641))
  assert.equal((await client.expect('closing')).reason, 'protocol_violation')
  assert.deepEqual(
    client.of('error').map((error) => error.code),
    ['BAD_AUDIO_FRAME'],
  )
})

test('[UO5] [IN4] [IN5] pace and total hold over UDP too, also while the connection is gone', async (t) => {
  const config = sessionConfig({ sessions: { audioBytes: 400_000 }, limits: { audioPaceRatio: 1 } })
  const started = await pod(t, { config })
  const { client } = await started.open(UDP)
  for (let seq = 0; seq < 520; seq++) started.udp.last.frame(seq, seq * 320)
  assert.equal((await client.expect('error')).code, 'AUDIO_LIMIT_EXCEEDED')
  assert.equal(started.service.stats().audioFramesTotal, 500)
  assert.equal(started.service.stats().audioFramesTooFastTotal, 20)
  client.cut()
  await suspended(started)
  await started.pass(10_000, 1_000)
  for (let seq = 600; seq < 1_000; seq++) started.udp.last.frame(seq, seq * 320)
  assert.deepEqual(started.service.stats().closedTotal, { audio_limit: 1 })
  assert.equal(started.udp.live.size, 0)
})

test('[LU1] [LU2] [LU3] a lull is asked about; only an owner that has sent all lets the recogniser go', async (t) => {
  const started = await pod(t)
  const { created, client } = await started.open(UDP)
  const stream = started.speech.stream(created.sessionId)
  started.udp.last.frame(0, 0)
  await started.pass(200, 100)
  assert.equal(client.of('ping').length, 0)
  await started.pass(100, 100)
  const { id } = await client.expect('ping')
  assert.equal(stream.isHeld, true)
  client.send({ type: 'pong', id: 0, lastSeq: 0 })
  client.send({ type: 'ping', id: 9 })
  await client.expect('pong')
  assert.equal(stream.isHeld, true, 'a sign of life answers nothing: it may be older than the question')
  client.send({ type: 'pong', id, lastSeq: 5 })
  await started.pass(1_000, 100)
  const again = await client.expect('ping', 2)
  assert.equal(stream.isHeld, true)
  started.udp.last.frame(5, 1_600)
  assert.equal(stream.isHeld, false)
  await started.pass(300, 100)
  const third = await client.expect('ping', 3)
  assert.equal(stream.isHeld, true)
  client.send({ type: 'pong', id: again.id, lastSeq: 5 })
  client.send({ type: 'ping', id: 10 })
  await client.expect('pong', 2)
  assert.equal(stream.isHeld, true, 'an older answer says nothing')
  client.send({ type: 'pong', id: third.id, lastSeq: 5 })
  await eventually(() => (stream.isHeld ? 'still held' : undefined))
  const { holds } = stream
  await started.pass(1_500, 100)
  assert.equal(stream.holds, holds, 'the pause is real: nothing more')
})

test('[LU5] [UT6] a cut in a sentence holds the recogniser until the client is back and has sent what it kept', async (t) => {
  const started = await pod(t)
  const { created, client, welcome } = await started.open()
  const stream = started.speech.stream(created.sessionId)
  client.sendFrame()
  await eventually(() => (stream.frameCount === 1 ? undefined : 'frame due'))
  client.cut()
  await suspended(started)
  await started.pass(400, 100)
  assert.equal(stream.isHeld, true)
  await started.pass(30_000, 1_000)
  assert.equal(stream.isHeld, true)
  const back = await started.resume(welcome, 0)
  await back.expect('welcome')
  await started.pass(200, 100)
  assert.equal(back.of('ping').length, 0, 'what it kept has its time to come')
  back.mediaTime = 320
  back.sendFrame()
  await eventually(() => (stream.isHeld ? 'still held' : undefined))
  await started.pass(300, 100)
  const { id } = await back.expect('ping')
  back.send({ type: 'pong', id, lastSeq: 0 })
  await eventually(() => (stream.isHeld ? 'still held' : undefined))
})

test('[LU5] a client that comes back and has nothing to say lets the recogniser go', async (t) => {
  const started = await pod(t)
  const { created, client, welcome } = await started.open()
  const stream = started.speech.stream(created.sessionId)
  client.sendFrame()
  await eventually(() => (stream.frameCount === 1 ? undefined : 'frame due'))
  client.cut()
  await suspended(started)
  await started.pass(2_000, 100)
  const back = await started.resume(welcome, 0)
  await back.expect('welcome')
  await started.pass(400, 100)
  const { id } = await back.expect('ping')
  back.send({ type: 'pong', id, lastSeq: -1 })
  await eventually(() => (stream.isHeld ? 'still held' : undefined))
})

test('[SUB1] [SUB2] subscribe is answered with what is in force; the microphone follows', async (t) => {
  const started = await pod(t)
  const subscriptions = { version: 2, streams: ['captions.final'] }
  const { created, client, welcome } = await started.open({ subscriptions })
  assert.deepEqual(welcome.subscriptions, subscriptions)
  client.send({ type: 'subscribe', requestId: 's', version: 1, streams: [] })
  assert.deepEqual(await client.expect('subscribed'), { type: 'subscribed', requestId: 's', ...subscriptions })
  client.send({ type: 'subscribe', version: 3, streams: [] })
  assert.deepEqual(await client.expect('subscribed', 2), { type: 'subscribed', version: 3, streams: [] })
  assert.equal((await client.expect('microphone')).wanted, false)
  const watcher = await started.watch(created.sessionId)
  assert.equal((await client.expect('microphone', 2)).wanted, true)
  watcher.send({ type: 'subscribe', version: 1, streams: [] })
  await watcher.expect('subscribed')
  assert.equal((await client.expect('microphone', 3)).wanted, false)
  client.cut()
  await suspended(started)
  const back = await started.resume(welcome, 0)
  const again = await back.expect('welcome')
  assert.deepEqual([again.microphone, again.subscriptions], [false, { version: 3, streams: [] }])
  back.send({ type: 'subscribe', version: 4, streams: ['captions.sung'] })
  assert.equal((await back.expect('error')).code, 'INVALID_FIELD')
})

test('[SES2] [UO4] 100 sessions with UDP, cut, resumed and ended in every way, leave nothing', async (t) => {
  const started = await pod(t)
  for (let round = 0; round < 3; round++) {
    const opened = await Promise.all(Array.from({ length: 100 }, () => started.open(UDP)))
    for (const { client } of opened) client.cut()
    await eventually(() => (started.service.stats().suspended === 100 ? undefined : 'not all are suspended'))
    assert.equal(started.udp.live.size, 100)
    for (const [index, one] of opened.entries()) {
      if (index % 4 === 0) started.service.remove(ADMIN, one.created.sessionId)
      else if (index % 4 === 1) {
        const back = await started.resume(one.welcome, 0, UDP)
        await back.expect('welcome')
        back.send({ type: 'bye' })
      } else if (index % 4 === 2) {
        const back = await started.resume(one.welcome, 0)
        await back.expect('welcome')
        back.cut()
      }
    }
    await eventually(() => (started.service.stats().sockets === 0 ? undefined : 'sockets are left'))
    assert.equal(started.udp.live.size, 25, 'only who was cut and did not come back')
    await started.pass(60_400, 1_000)
    await eventually(() => {
      const { opening, active, suspended, sockets, historyBytes } = started.service.stats()
      const { pendingTimers } = started.clock
      const left = { opening, active, suspended, sockets, historyBytes, slots: started.speech.slotsUsed, pendingTimers }
      const total = Object.values(left).reduce((sum, count) => sum + count, started.udp.live.size)
      return total === 0 ? undefined : JSON.stringify(left)
    })
  }
})
