// A client's connection from hello to its end, on real sockets.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '@parley/kernel/testing'
import { DEAD_AFTER_MS, HELLO_DEADLINE_MS, type SessionId, TICKET_LIFETIME_MS } from '@parley/protocol'
import { ADMIN, PCM16, type SessionHarness, startSessions } from '../testing/sessions/index.ts'

async function pod(t: { after(fn: () => Promise<void>): void }, options: Parameters<typeof startSessions>[0] = {}) {
  const started = await startSessions(options)
  t.after(() => started.close())
  return started
}

/** Nothing is left of any session or connection. */
async function assertFreed(started: SessionHarness): Promise<void> {
  await eventually(async () => {
    const { opening, active, suspended, sockets, watchers } = started.service.stats()
    const tcp = await started.tcpConnections()
    const left = { opening, active, suspended, sockets, watchers, tcp, slots: started.speech.slotsUsed }
    const timers = started.clock.pendingTimers
    return Object.values(left).every((count) => count === 0) && timers === 0
      ? undefined
      : JSON.stringify({ ...left, timers })
  })
}

test('[SES1] [CM9] hello, audio, captions, audio.end, bye', async (t) => {
  const started = await pod(t)
  const { created, client } = await started.open()
  const welcome = await client.expect('welcome')
  assert.equal(welcome.role, 'owner')
  assert.equal(welcome.sessionId, created.sessionId)
  assert.equal(welcome.seq, 0)
  assert.deepEqual(welcome.audio, PCM16)
  assert.deepEqual(welcome.entryUrls, [started.urls.wsUrl])
  client.sendFrame(1)
  client.sendFrame(2)
  client.send({ type: 'audio.end', requestId: 'r1', lastSeq: client.lastSeq })
  client.send({ type: 'ping', id: 7 })
  assert.equal((await client.expect('pong')).id, 7)
  const stream = started.speech.stream(created.sessionId)
  assert.deepEqual(
    stream.frames.map((frame) => [frame.mediaTime, frame.payload[0]]),
    [
      [0, 1],
      [320, 2],
    ],
  )
  stream.partial(0, 'one')
  stream.final(0, 'One two.')
  stream.flushed()
  const ended = await client.expect('audio.ended')
  assert.deepEqual([ended.requestId, ended.lastSeq, ended.finals, ended.seq], ['r1', 1, 1, 2])
  assert.deepEqual(
    client.of('caption').map((caption) => [caption.kind, caption.revision, caption.seq, caption.text]),
    [
      ['partial', 1, undefined, 'one'],
      ['final', 2, 1, 'One two.'],
    ],
  )
  client.sendFrame(3)
  await eventually(() => (stream.frameCount === 3 ? undefined : 'audio does not start again'))
  client.send({ type: 'bye' })
  assert.equal((await client.expect('closing')).reason, 'client_left')
  assert.equal((await client.expectClosed()).code, 1000)
  await assertFreed(started)
})

test('[SES4] [CM9] a socket cut mid-utterance: suspended, closed after the grace, everything freed', async (t) => {
  const started = await pod(t)
  const { created, client } = await started.open()
  client.sendFrame()
  started.speech.stream(created.sessionId).partial(0, 'half a')
  await client.expect('caption')
  client.cut()
  await eventually(() => (started.service.stats().suspended === 1 ? undefined : 'not suspended'))
  const view = started.service.view(ADMIN, created.sessionId)
  assert.ok(view.ok && view.value.state === 'suspended' && view.value.audioMs === 20)
  assert.equal(started.speech.slotsUsed, 1)
  await started.pass(59_000, 1_000)
  assert.equal(started.service.stats().suspended, 1)
  await started.pass(1_400)
  assert.deepEqual(started.service.stats().closedTotal, { grace_expired: 1 })
  assert.equal(started.service.stats().abandonedTotal, 1)
  await assertFreed(started)
})

test('[LV2] [CM8] a silent client is told, cut off and suspended within 4 s', async (t) => {
  const started = await pod(t)
  const { client } = await started.open()
  await started.pass(2_200)
  await client.expect('ping')
  await started.pass(DEAD_AFTER_MS - 2_400)
  assert.equal(started.service.stats().active, 1)
  await started.pass(400)
  assert.equal((await client.expect('closing')).reason, 'client_silent')
  assert.equal(started.service.stats().suspended, 1)
  await started.pass(200)
  assert.equal((await client.expectClosed()).code, 4005)
})

test('[LV2] protocol pongs are no sign of life', async (t) => {
  const started = await pod(t)
  const { client } = await started.open()
  for (let ms = 0; ms < DEAD_AFTER_MS + 400; ms += 200) {
    client.socket.pong()
    await started.pass(200)
  }
  assert.equal((await client.expect('closing')).reason, 'client_silent')
})

test('[LV2] [CM8] a half-open client is noticed and its socket does not linger', async (t) => {
  const started = await pod(t)
  const { client } = await started.open()
  client.socket.pause()
  await started.pass(DEAD_AFTER_MS + 800)
  assert.equal(started.service.stats().suspended, 1)
  await eventually(async () => ((await started.tcpConnections()) === 0 ? undefined : 'the socket lingers'))
  client.cut()
})

test('[LV1] [LV2] any message keeps a client alive', async (t) => {
  const started = await pod(t)
  const { client } = await started.open()
  for (let ms = 0; ms < 20_000; ms += 2_000) {
    client.sendFrame()
    await eventually(() => (started.service.stats().audioFramesTotal === ms / 2_000 + 1 ? undefined : 'frame due'))
    await started.pass(2_000)
  }
  assert.equal(started.service.stats().active, 1)
})

test('[CM1] no hello in time', async (t) => {
  const started = await pod(t)
  const client = await started.connect()
  await started.pass(HELLO_DEADLINE_MS - 200)
  assert.equal(client.closed, undefined)
  await started.pass(400)
  assert.equal((await client.expect('error')).code, 'HELLO_TIMEOUT')
  assert.equal((await client.expect('closing')).reason, 'hello_timeout')
  assert.equal((await client.expectClosed()).code, 4003)
  await assertFreed(started)
})

test('[CM1] a token check that hangs does not hold the connection beyond the deadline', async (t) => {
  const started = await pod(t)
  const created = await started.create()
  const gate = Promise.withResolvers<void>()
  started.tokens.gate = gate.promise
  const client = await started.connect()
  client.send({ type: 'hello', token: created.ticket, audio: PCM16 })
  await eventually(() => (started.service.stats().controlMessagesInTotal === 1 ? undefined : 'hello due'))
  await started.pass(HELLO_DEADLINE_MS + 200)
  assert.equal((await client.expectClosed()).code, 4003)
  gate.resolve()
  await started.pass(TICKET_LIFETIME_MS, 1_000)
  await assertFreed(started)
})

test('[CM2] messages before hello and a second hello are unexpected; the connection goes on', async (t) => {
  const started = await pod(t)
  const created = await started.create()
  const client = await started.connect()
  client.send({ type: 'ping', id: 1 })
  client.sendFrame()
  client.send({ type: 'audio.end', requestId: 'early', lastSeq: -1 })
  const hello = { type: 'hello', token: created.ticket, audio: PCM16, requestId: 'h' }
  client.send(hello)
  client.send({ ...hello, requestId: 'again' })
  assert.equal((await client.expect('welcome')).requestId, 'h')
  await client.expect('error', 4)
  assert.deepEqual(
    client.of('error').map((error) => [error.code, error.requestId]),
    [
      ['UNEXPECTED_MESSAGE', undefined],
      ['UNEXPECTED_MESSAGE', undefined],
      ['UNEXPECTED_MESSAGE', 'early'],
      ['UNEXPECTED_MESSAGE', 'again'],
    ],
  )
  assert.equal(started.service.stats().active, 1)
})

test('[CM3] wrong, used, expired and foreign tickets are refused by name; others are unaffected', async (t) => {
  const started = await pod(t)
  const other = await started.open()
  const used = await started.open()
  const ended = await started.create()
  started.service.remove(ADMIN, ended.sessionId)
  const open = await started.create()
  const sessionId = open.sessionId as SessionId
  const foreign = await started.tokens.issueTicket({ sessionId, tenant: 'elsewhere', user: 'key-a' })
  const stolen = await started.tokens.issueTicket({ sessionId, tenant: 'default', user: 'mallory' })
  const cases: [string, string][] = [
    ['nonsense', 'TICKET_INVALID'],
    [used.created.ticket, 'TICKET_USED'],
    [ended.ticket, 'SESSION_UNKNOWN'],
    [foreign.token, 'TICKET_INVALID'],
    [stolen.token, 'TICKET_INVALID'],
  ]
  for (const [token, code] of cases) {
    const client = await started.connect()
    client.send({ type: 'hello', token, audio: PCM16, requestId: 'x' })
    const error = await client.expect('error')
    assert.deepEqual([error.code, error.requestId], [code, 'x'])
    assert.equal((await client.expect('closing')).reason, 'refused')
    assert.equal((await client.expectClosed()).code, 4004)
  }
  const late = await started.create()
  other.client.send({ type: 'pong', id: 0 })
  await started.pass(TICKET_LIFETIME_MS + 200, 60_200)
  const client = await started.connect()
  client.send({ type: 'hello', token: late.ticket, audio: PCM16 })
  assert.equal((await client.expect('error')).code, 'TICKET_EXPIRED')
})

test('[SES3] a ticket that is not used gives seat and slot back', async (t) => {
  const started = await pod(t)
  await started.create()
  assert.equal(started.speech.slotsUsed, 1)
  await started.pass(TICKET_LIFETIME_MS, 10_000)
  assert.deepEqual(started.service.stats().closedTotal, { ticket_unused: 1 })
  await assertFreed(started)
})

test('[CM4] an unsupported format is refused by name and leaves the ticket good', async (t) => {
  const started = await pod(t)
  const created = await started.create()
  const cases: [object, string, string][] = [
    [{ codec: 'mp3', sampleRateHz: 16_000, frameMs: 20 }, 'audio.codec', 'mp3'],
    [{ codec: 'pcm16', sampleRateHz: 44_100, frameMs: 20 }, 'audio.sampleRateHz', '44100'],
    [{ codec: 'lc3', sampleRateHz: 16_000, frameMs: 20 }, 'audio.frameMs', '20'],
  ]
  for (const [audio, field, value] of cases) {
    const client = await started.connect()
    client.send({ type: 'hello', token: created.ticket, audio, requestId: 'f' })
    const error = await client.expect('error')
    assert.deepEqual(
      [error.code, error.field, error.value, error.requestId],
      ['AUDIO_FORMAT_UNSUPPORTED', field, value, 'f'],
    )
    assert.ok((error.allowed?.length ?? 0) > 0)
    assert.equal((await client.expectClosed()).code, 4004)
  }
  const client = await started.connect()
  client.send({ type: 'hello', token: created.ticket, audio: PCM16 })
  await client.expect('welcome')
})

test('[CM5] an owner has to say what it will send', async (t) => {
  const started = await pod(t)
  const created = await started.create()
  const client = await started.connect()
  client.send({ type: 'hello', token: created.ticket })
  const error = await client.expect('error')
  assert.deepEqual([error.code, error.field], ['INVALID_FIELD', 'audio'])
  assert.equal((await client.expectClosed()).code, 4004)
  await assertFreed(started)
})

test('[CM3] a client that leaves while its ticket is checked leaves nothing behind', async (t) => {
  const started = await pod(t)
  const created = await started.create()
  const gate = Promise.withResolvers<void>()
  started.tokens.gate = gate.promise
  const client = await started.connect()
  client.send({ type: 'hello', token: created.ticket, audio: PCM16 })
  await eventually(() => (started.service.stats().controlMessagesInTotal === 1 ? undefined : 'hello due'))
  client.cut()
  await eventually(() => (started.service.stats().sockets === 0 ? undefined : 'still connected'))
  gate.resolve()
  await assertFreed(started)
})

test('[SES2] DELETE and bye end a session with their reasons', async (t) => {
  const started = await pod(t)
  const { created, client } = await started.open()
  assert.ok(started.service.remove(ADMIN, created.sessionId).ok)
  const closing = await client.expect('closing')
  assert.deepEqual([closing.reason, closing.mayResume], ['deleted', false])
  assert.deepEqual(client.messages.at(-1), closing)
  assert.equal((await client.expectClosed()).code, 4000)
  await assertFreed(started)
})

test('[RS4] [TK1] closing tells every client, also those without hello, and cuts off who does not answer', async (t) => {
  const started = await startSessions()
  t.after(() => started.close())
  const { client } = await started.open()
  const waiting = await started.connect()
  const stuck = await started.open()
  await eventually(() => (started.service.stats().sockets === 3 ? undefined : 'attach due'))
  stuck.client.socket.pause()
  const closing = started.service.close('shutting_down')
  const refused = await started.service.create(ADMIN, {}, started.urls)
  assert.ok(!refused.ok && refused.error.code === 'DRAINING')
  await started.pass(1_900)
  await closing
  for (const one of [client, waiting]) {
    assert.equal((await one.expect('closing')).reason, 'shutting_down')
    assert.equal((await one.expectClosed()).code, 1001)
  }
  await assertFreed(started)
  stuck.client.cut()
})

test('[SES2] [TK1] 200 sessions opened and closed 20 times leave nothing', async (t) => {
  const started = await pod(t)
  const before = process.getActiveResourcesInfo().length
  for (let round = 0; round < 20; round++) {
    const opened = await Promise.all(Array.from({ length: 200 }, () => started.open()))
    for (const { created, client } of opened) {
      client.sendFrame()
      started.speech.stream(created.sessionId).partial(0, 'x')
    }
    opened.forEach(({ created, client }, index) => {
      if (index % 3 === 0) client.send({ type: 'bye' })
      else if (index % 3 === 1) started.service.remove(ADMIN, created.sessionId)
      else {
        client.cut()
        started.service.remove(ADMIN, created.sessionId)
      }
    })
    await Promise.all(opened.map(({ client }) => client.expectClosed()))
    await assertFreed(started)
  }
  assert.equal(started.speech.streams.size, 0)
  await eventually(() => {
    const now = process.getActiveResourcesInfo().length
    return now <= before + 2 ? undefined : `${now} active resources, ${before} before`
  })
})
