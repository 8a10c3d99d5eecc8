// Watch links and those who follow by them, on real sockets.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '@parley/kernel/testing'
import {
  ADMIN,
  PCM16,
  type SessionHarness,
  sessionConfig,
  startSessions,
  type TestClient,
} from '../testing/sessions/index.ts'

async function pod(t: { after(fn: () => Promise<void>): void }, options: Parameters<typeof startSessions>[0] = {}) {
  const started = await startSessions(options)
  t.after(() => started.close())
  return started
}

async function link(started: SessionHarness, sessionId: string, lifetimeMs?: number) {
  const issued = await started.service.createWatchLink(ADMIN, sessionId, lifetimeMs, started.urls)
  assert.ok(issued.ok)
  return issued.value
}

async function follow(started: SessionHarness, token: string, more: object = {}): Promise<TestClient> {
  const client = await started.connect()
  client.send({ type: 'hello', token, ...more })
  return client
}

test('[WT1] [WT2] watchers see what the owner sees, from the last finals on', async (t) => {
  const started = await pod(t)
  const { created, client } = await started.open()
  const stream = started.speech.stream(created.sessionId)
  for (let index = 0; index < 7; index++) stream.final(index, `Sentence ${index}.`)
  const watcher = await started.watch(created.sessionId)
  const welcome = await watcher.expect('welcome')
  assert.deepEqual([welcome.role, welcome.seq, welcome.audio], ['watcher', 2, undefined])
  assert.equal((await client.expect('watchers')).count, 1)
  stream.partial(7, 'more')
  stream.final(7, 'More.')
  await watcher.expect('caption', 7)
  const texts = watcher.of('caption').map((caption) => caption.text)
  assert.deepEqual(texts, ['Sentence 2.', 'Sentence 3.', 'Sentence 4.', 'Sentence 5.', 'Sentence 6.', 'more', 'More.'])
  const seqs = watcher.of('caption').flatMap((caption) => caption.seq ?? [])
  assert.deepEqual(seqs, [3, 4, 5, 6, 7, 8])
  watcher.send({ type: 'bye' })
  assert.equal((await watcher.expectClosed()).code, 1000)
  assert.equal((await client.expect('watchers', 2)).count, 0)
})

test('[WT2] finals that are published while watchers join are missed by none and told twice to none', async (t) => {
  const started = await pod(t)
  const { created } = await started.open()
  const stream = started.speech.stream(created.sessionId)
  const { token } = await link(started, created.sessionId)
  const joining: Promise<TestClient>[] = []
  for (let index = 0; index < 30; index++) {
    joining.push(follow(started, token))
    stream.final(index, `F${index}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const watchers = await Promise.all(joining)
  for (const watcher of watchers) await watcher.expect('welcome')
  stream.final(30, 'last')
  for (const watcher of watchers) {
    const { seq } = await watcher.expect('welcome')
    await eventually(() => (watcher.of('caption').at(-1)?.text === 'last' ? undefined : 'the last final is due'))
    assert.deepEqual(
      watcher.of('caption').map((caption) => caption.seq),
      Array.from({ length: 31 - seq }, (_, index) => seq + 1 + index),
    )
  }
})

test('[WT2] a watcher that comes back and says what it has seen gets all that came since, however much, and nothing twice', async (t) => {
  const started = await pod(t)
  const { created } = await started.open()
  const stream = started.speech.stream(created.sessionId)
  stream.final(0, 'F0')
  const { token } = await link(started, created.sessionId)
  const first = await follow(started, token)
  assert.equal((await first.expect('welcome')).catchesUp, true)
  await first.expect('caption')
  first.cut()
  for (let index = 1; index < 20; index++) stream.final(index, `F${index}`)
  const back = await follow(started, token, { resume: { seq: 1 } })
  assert.equal((await back.expect('welcome')).seq, 1)
  stream.final(20, 'F20')
  await back.expect('caption', 20)
  const texts = back.of('caption').map(({ text }) => text)
  assert.deepEqual(
    texts,
    Array.from({ length: 20 }, (_, index) => `F${index + 1}`),
  )
  const ahead = await follow(started, token, { resume: { seq: 1_000 } })
  assert.equal((await ahead.expect('welcome')).replayTo, 21)
  stream.final(21, 'F21')
  assert.equal((await ahead.expect('caption')).text, 'F21')
})

test('[WS1] a watcher is read-only', async (t) => {
  const started = await pod(t)
  const { created } = await started.open()
  const watcher = await started.watch(created.sessionId)
  watcher.sendFrame()
  watcher.send({ type: 'audio.end', lastSeq: -1, requestId: 'r' })
  await watcher.expect('error', 2)
  assert.deepEqual(
    watcher.of('error').map((error) => [error.code, error.requestId]),
    [
      ['FORBIDDEN', undefined],
      ['FORBIDDEN', 'r'],
    ],
  )
  assert.equal(started.speech.stream(created.sessionId).frameCount, 0)
  const { token } = await link(started, created.sessionId)
  const talker = await follow(started, token, { audio: PCM16 })
  const error = await talker.expect('error')
  assert.deepEqual([error.code, error.field], ['INVALID_FIELD', 'audio'])
  assert.equal((await talker.expectClosed()).code, 4004)
})

test('[WT3] [WS2] expired and revoked links disconnect and admit nobody', async (t) => {
  const started = await pod(t)
  const { created, client } = await started.open()
  const short = await link(started, created.sessionId, 1_000)
  const long = await link(started, created.sessionId)
  assert.equal(long.pageUrl, `${started.urls.pageUrl}watch#${long.token}`)
  assert.equal(long.expiresAtMs, started.clock.wallMs() + 3_600_000)
  const [first, second, third] = [
    await follow(started, short.token),
    await follow(started, long.token),
    await follow(started, long.token),
  ]
  for (const watcher of [first, second, third]) await watcher.expect('welcome')
  await started.pass(1_200)
  assert.equal((await first.expect('closing')).reason, 'link_expired')
  assert.equal((await first.expectClosed()).code, 4014)
  assert.equal(second.closed, undefined)
  assert.ok(started.service.revokeWatchLink(ADMIN, created.sessionId, long.linkId).ok)
  for (const watcher of [second, third]) {
    assert.equal((await watcher.expect('closing')).reason, 'revoked')
    assert.equal((await watcher.expectClosed()).code, 4013)
  }
  assert.equal((await client.expect('watchers', 6)).count, 0)
  for (const { token } of [short, long]) {
    const late = await follow(started, token)
    assert.equal((await late.expect('error')).code, 'WATCH_LINK_INVALID')
    assert.equal((await late.expectClosed()).code, 4004)
  }
  const again = started.service.revokeWatchLink(ADMIN, created.sessionId, long.linkId)
  assert.ok(!again.ok && again.error.code === 'NOT_FOUND')
})

test('[WT1] one watcher too many is refused, the others stay', async (t) => {
  const started = await pod(t, { config: sessionConfig({ sessions: { watchersPerSession: 1 } }) })
  const { created } = await started.open()
  const watcher = await started.watch(created.sessionId)
  const { token } = await link(started, created.sessionId)
  const second = await follow(started, token)
  assert.equal((await second.expect('error')).code, 'TOO_MANY_CONNECTIONS')
  assert.equal((await second.expectClosed()).code, 4004)
  assert.equal(watcher.closed, undefined)
  assert.equal(started.service.stats().watchers, 1)
})

test('[WT4] the end of the session is the end for its watchers; afterwards the link leads nowhere', async (t) => {
  const started = await pod(t)
  const { created, client } = await started.open()
  const watcher = await started.watch(created.sessionId)
  const { token } = await link(started, created.sessionId)
  started.speech.stream(created.sessionId).partial(0, 'half')
  await watcher.expect('caption')
  client.send({ type: 'bye' })
  assert.equal((await watcher.expect('abandoned')).reason, 'closed')
  assert.equal((await watcher.expect('closing')).reason, 'finished')
  assert.equal((await watcher.expectClosed()).code, 1000)
  const late = await follow(started, token)
  assert.equal((await late.expect('error')).code, 'SESSION_UNKNOWN')
})

test('[WS3] [FO1] a watcher that does not read is sent away; owner and other watchers notice nothing', async (t) => {
  const started = await pod(t, { config: sessionConfig({ sessions: { outboxBytes: 100_000 } }) })
  const { created, client } = await started.open()
  const stuck = await started.watch(created.sessionId)
  const reading = await started.watch(created.sessionId)
  stuck.socket.pause()
  const stream = started.speech.stream(created.sessionId)
  const text = 'word '.repeat(4_000)
  let finals = 0
  while (started.service.stats().watchers === 2 && finals < 2_000) {
    stream.final(finals, text)
    finals++
    await client.expect('caption', finals)
  }
  await reading.expect('caption', finals)
  assert.equal(started.service.stats().watchers, 1)
  assert.equal(started.service.stats().active, 1)
  assert.equal((await client.expect('watchers', 3)).count, 1)
  stuck.cut()
})
