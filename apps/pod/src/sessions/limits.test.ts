// What clients may not do, and what it costs them and nobody else; on real sockets.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { seededRandom } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { encodeAudioFrame } from '@parley/protocol'
import { sessionConfig, startSessions } from '../testing/sessions/index.ts'

async function pod(t: { after(fn: () => Promise<void>): void }, options: Parameters<typeof startSessions>[0] = {}) {
  const started = await startSessions(options)
  t.after(() => started.close())
  return started
}

test('[CM6] garbage, wrong types and unknown fields are answered with field and fix; the connection goes on', async (t) => {
  const started = await pod(t)
  const { client } = await started.open()
  const cases: [string, string, string | undefined][] = [
    ['{"type":', 'BAD_REQUEST', undefined],
    ['[]', 'BAD_REQUEST', undefined],
    ['"hello"', 'BAD_REQUEST', undefined],
    ['{}', 'INVALID_FIELD', 'type'],
    ['{"type":"sing"}', 'UNKNOWN_MESSAGE', 'type'],
    ['{"type":"__proto__"}', 'UNKNOWN_MESSAGE', 'type'],
    ['{"type":"ping","id":"1"}', 'INVALID_FIELD', 'id'],
    ['{"type":"ping"}', 'INVALID_FIELD', 'id'],
    ['{"type":"ping","id":1,"colour":"red"}', 'UNKNOWN_FIELD', 'colour'],
    ['{"type":"audio.end","lastSeq":7}', 'INVALID_FIELD', 'lastSeq'],
  ]
  for (const [index, [text, code, field]] of cases.entries()) {
    client.send(text)
    const error = await client.expect('error', index + 1)
    assert.deepEqual([error.code, error.field], [code, field], text)
    assert.ok(error.message.length > 0)
  }
  client.send({ type: 'ping', id: 5 })
  assert.equal((await client.expect('pong')).id, 5)
})

test('[CM6] [CD2] more than 20 invalid messages in 10 s end the session', async (t) => {
  const started = await pod(t)
  const other = await started.open()
  const { client } = await started.open()
  for (let count = 0; count < 21; count++) client.send('nonsense')
  assert.equal((await client.expect('closing')).reason, 'protocol_violation')
  assert.equal((await client.expectClosed()).code, 4009)
  assert.equal(client.of('error').length, 21)
  assert.equal(started.service.stats().active, 1)
  other.client.send({ type: 'ping', id: 1 })
  await other.client.expect('pong')
})

test('[CD3] [IN3] binary noise is told once, counted every time and ended', async (t) => {
  const started = await pod(t)
  const { client } = await started.open()
  const random = seededRandom(7)
  for (let count = 0; count < 25; count++) {
    const noise = Uint8Array.from({ length: 5 + Math.floor(random() * 900) }, () => Math.floor(random() * 256))
    client.socket.send(noise)
  }
  assert.equal((await client.expect('closing')).reason, 'protocol_violation')
  assert.deepEqual(
    client.of('error').map((error) => error.code),
    ['BAD_AUDIO_FRAME'],
  )
  assert.equal(started.service.stats().audioFramesTotal, 0)
})

test('[IN1] a repeated seq is dropped and told, never a reason to close', async (t) => {
  const started = await pod(t)
  const { created, client } = await started.open()
  for (let count = 0; count < 60; count++) client.socket.send(encodeAudioFrame(3, 960, new Uint8Array(640)))
  client.socket.send(encodeAudioFrame(4, 1_280, new Uint8Array(640)))
  const stream = started.speech.stream(created.sessionId)
  await eventually(() => (stream.frameCount === 2 ? undefined : `${stream.frameCount} frames`))
  assert.deepEqual(
    client.of('error').map((error) => [error.code, error.field]),
    [['BAD_AUDIO_FRAME', 'seq']],
  )
})

test('[CM7] a text that is too long: words first, then 1009', async (t) => {
  const started = await pod(t)
  const other = await started.open()
  for (const bytes of [17_000, 1_048_576]) {
    const { client } = await started.open()
    client.send('x'.repeat(bytes))
    assert.equal((await client.expect('error')).code, 'MESSAGE_TOO_LARGE', `${bytes} bytes`)
    assert.equal((await client.expect('closing')).reason, 'message_too_large')
    assert.equal((await client.expectClosed()).code, 1009)
  }
  other.client.send({ type: 'ping', id: 1 })
  await other.client.expect('pong')
})

test('[CM7] a binary message that is too long for any frame ends the same way', async (t) => {
  const started = await pod(t)
  const { client } = await started.open()
  client.socket.send(encodeAudioFrame(0, 0, new Uint8Array(6_000)))
  assert.equal((await client.expect('error')).code, 'MESSAGE_TOO_LARGE')
  assert.equal((await client.expectClosed()).code, 1009)
})

test('[CM7] bytes that are no WebSocket messages get a reason too', async (t) => {
  const started = await pod(t)
  const { port } = new URL(started.urls.wsUrl)
  const raw = connect(Number(port), '127.0.0.1')
  const received: Buffer[] = []
  raw.on('data', (data) => received.push(data))
  raw.on('error', () => {})
  raw.write(
    `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\nSec-WebSocket-Protocol: parley.v1\r\n\r\n`,
  )
  await eventually(() => (started.service.stats().sockets === 1 ? undefined : 'not attached'))
  raw.write(Buffer.from([0xff, 0x7f, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
  await eventually(() => (Buffer.concat(received).includes('protocol_violation') ? undefined : 'no closing'))
  await started.pass(1_400)
  await eventually(() => (started.service.stats().sockets === 0 ? undefined : 'the socket lingers'))
  raw.destroy()
})

test('[CD1] too many messages are told once and closed when it goes on; the session may be resumed', async (t) => {
  const started = await pod(t, { config: sessionConfig({ limits: { controlMessagesPerSecond: 5 } }) })
  const { client } = await started.open()
  for (let id = 0; id < 20; id++) client.send({ type: 'ping', id })
  const error = await client.expect('error')
  assert.equal(error.code, 'RATE_LIMITED')
  assert.ok(error.retryable && (error.retryAfterMs ?? 0) > 0)
  assert.equal(client.of('pong').length, 14, 'hello was the 15th of the burst')
  for (let id = 0; id < 30; id++) client.send({ type: 'ping', id })
  assert.equal((await client.expect('closing')).reason, 'rate_limited')
  assert.equal((await client.expectClosed()).code, 4010)
  assert.equal(started.service.stats().suspended, 1)
})

test('[CD1] protocol pings cost as much as messages', async (t) => {
  const started = await pod(t, { config: sessionConfig({ limits: { controlMessagesPerSecond: 5 } }) })
  const { client } = await started.open()
  for (let count = 0; count < 60; count++) client.socket.ping()
  assert.equal((await client.expect('closing')).reason, 'rate_limited')
})

test('[IN4] [CD4] audio faster than allowed is dropped, told once a second, closed when it lasts', async (t) => {
  const started = await pod(t, { config: sessionConfig({ limits: { audioPaceRatio: 1 } }) })
  const { created, client } = await started.open()
  const stream = started.speech.stream(created.sessionId)
  const arrived = (count: number): Promise<void> =>
    eventually(() => (client.lastSeq + 1 === count ? undefined : 'sent'))
  for (let count = 0; count < 500; count++) client.sendFrame()
  await eventually(() => (stream.frameCount === 500 ? undefined : `${stream.frameCount} frames`))
  assert.equal(client.of('error').length, 0, 'ten seconds at once are within the average')
  for (let second = 0; second < 12 && !client.closed; second++) {
    for (let count = 0; count < 100; count++) client.sendFrame()
    client.send({ type: 'ping', id: second })
    await arrived(600 + second * 100)
    await eventually(() =>
      client.of('pong').length > second || client.of('closing').length > 0 ? undefined : 'the second is not over',
    )
    await started.pass(1_000, 1_000)
  }
  assert.ok(client.of('error').every((error) => error.code === 'AUDIO_LIMIT_EXCEEDED'))
  assert.equal(client.of('error').length, 11)
  assert.equal((await client.expect('closing')).reason, 'rate_limited')
})

test('[IN5] the audio of a session is bounded', async (t) => {
  const started = await pod(t, { config: sessionConfig({ sessions: { audioBytes: 65_536 } }) })
  const { client } = await started.open()
  for (let count = 0; count < 103; count++) client.sendFrame()
  assert.equal((await client.expect('error')).code, 'AUDIO_LIMIT_EXCEEDED')
  const closing = await client.expect('closing')
  assert.deepEqual([closing.reason, closing.mayResume], ['audio_limit', false])
  assert.equal((await client.expectClosed()).code, 4011)
  assert.deepEqual(started.service.stats().closedTotal, { audio_limit: 1 })
})

test('[OB2] [OB3] [FO1] a slow reader: memory stays bounded, partials coalesce, it is closed with the reason', async (t) => {
  const outboxBytes = 100_000
  const started = await pod(t, { config: sessionConfig({ sessions: { outboxBytes } }) })
  const { created, client } = await started.open()
  const watcher = await started.watch(created.sessionId)
  await client.expect('watchers')
  client.socket.pause()
  const stream = started.speech.stream(created.sessionId)
  const text = 'word '.repeat(4_000)
  let finals = 0
  while (started.service.stats().active === 1 && finals < 2_000) {
    for (let revision = 0; revision < 3; revision++) stream.partial(finals, text)
    stream.final(finals, text)
    finals++
    // The sockets get their turn, so that only what the paused peer does not take piles up.
    await new Promise((resolve) => setImmediate(resolve))
    if (started.service.stats().active === 0) break
    await watcher.expect('caption', 1)
  }
  const stats = started.service.stats()
  assert.equal(stats.suspended, 1, `not closed after ${finals} finals`)
  assert.equal(stats.errorsTotal.SLOW_CONSUMER, 1)
  assert.ok(stats.partialsCoalescedTotal > 0)
  await eventually(() => {
    const got = watcher.of('caption').filter((caption) => caption.kind === 'final').length
    return got === finals ? undefined : `the watcher has ${got} of ${finals} finals`
  })
  client.socket.resume()
  assert.equal((await client.expect('closing')).reason, 'slow_consumer')
  assert.equal((await client.expectClosed()).code, 4008)
  const seqs = client.of('caption').flatMap((caption) => caption.seq ?? [])
  assert.deepEqual(
    seqs,
    seqs.map((_, index) => index + 1),
    'finals it got are the first ones, without a hole',
  )
  const heldAtLeast = Math.floor(outboxBytes / (text.length + 500))
  assert.ok(seqs.length <= finals - heldAtLeast, 'what was held is not forced upon it')
  assert.deepEqual(
    client.messages.slice(-2).map((message) => (message.type === 'error' ? message.code : message.type)),
    ['SLOW_CONSUMER', 'closing'],
  )
})

test('[OB4] a reader that was slow for a while gets every final, in order, and the newest partials', async (t) => {
  const started = await pod(t, { config: sessionConfig({ sessions: { outboxBytes: 16_777_216 } }) })
  const { created, client } = await started.open()
  client.socket.pause()
  const stream = started.speech.stream(created.sessionId)
  const text = 'word '.repeat(4_000)
  const finals = 300
  for (let index = 0; index < finals; index++) {
    for (let revision = 0; revision < 3; revision++) stream.partial(index, text)
    stream.final(index, text)
  }
  assert.ok(started.service.stats().partialsCoalescedTotal > 100)
  client.socket.resume()
  await eventually(() => {
    const got = client.of('caption').filter((caption) => caption.kind === 'final').length
    return got === finals ? undefined : `${got} of ${finals} finals`
  })
  const seqs = client.of('caption').flatMap((caption) => caption.seq ?? [])
  assert.deepEqual(
    seqs,
    Array.from({ length: finals }, (_, index) => index + 1),
  )
})
