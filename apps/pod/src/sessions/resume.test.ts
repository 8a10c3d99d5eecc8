// An owner that comes back: to what it missed, to a session that waits, in place of another connection; on real sockets.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import type { SessionId, Welcome } from '@parley/protocol'
import { REPLAY_BYTES } from '@parley/sessions'
import {
  ADMIN,
  type ManualStream,
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

async function cut(started: SessionHarness, client: TestClient, suspended = 1): Promise<void> {
  client.cut()
  await eventually(() => (started.service.stats().suspended === suspended ? undefined : 'not suspended'))
}

/** seqs of the events a client got, in the order it got them. */
const eventSeqs = (client: TestClient): number[] =>
  client.messages.flatMap((message) => ('seq' in message && message.type !== 'welcome' ? (message.seq ?? []) : []))

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index)

test('[RES1] [RES2] who comes back gets what it missed, in order and unchanged, and then what comes', async (t) => {
  const started = await pod(t)
  const { created, client, welcome } = await started.open()
  assert.deepEqual(
    [welcome.resumed, welcome.replayTo, welcome.receivedMediaTime, welcome.settledMediaTime, welcome.microphone],
    [false, 0, 0, 0, true],
  )
  assert.equal(welcome.audioPaceRatio, 3)
  client.sendFrame(1)
  client.sendFrame(2)
  const stream = started.speech.stream(created.sessionId)
  await eventually(() => (stream.frameCount === 2 ? undefined : 'frames due'))
  stream.final(0, 'Seen.')
  await client.expect('caption')
  await cut(started, client)
  stream.final(1, 'Missed.')
  stream.abandon(2)
  stream.settled(640)
  const back = await started.resume(welcome, 1, { requestId: 'again' })
  const again = await back.expect('welcome')
  assert.deepEqual(
    [again.requestId, again.resumed, again.seq, again.replayTo, again.receivedMediaTime, again.settledMediaTime],
    ['again', true, 1, 3, 640, 640],
  )
  assert.equal(again.sessionId, created.sessionId)
  await back.expect('abandoned')
  stream.final(3, 'Live.')
  await back.expect('caption', 2)
  assert.deepEqual(eventSeqs(back), [2, 3, 4])
  const { active, suspended, resumedTotal } = started.service.stats()
  assert.deepEqual({ active, suspended, resumedTotal }, { active: 1, suspended: 0, resumedTotal: 1 })
  assert.equal(started.speech.slotsUsed, 1, 'the same stream')
  back.send({ type: 'bye' })
  await back.expectClosed()
  assert.deepEqual(started.service.stats().closedTotal, { client_left: 1 })
})

test('[IN2] [IN6] after a resume frames count from 0, media time goes on, audio sent again is dropped silently', async (t) => {
  const started = await pod(t)
  const { created, client, welcome } = await started.open()
  for (let count = 0; count < 5; count++) client.sendFrame(count)
  const stream = started.speech.stream(created.sessionId)
  await eventually(() => (stream.frameCount === 5 ? undefined : 'frames due'))
  await cut(started, client)
  const back = await started.resume(welcome, 0)
  const { receivedMediaTime } = await back.expect('welcome')
  assert.equal(receivedMediaTime, 1_600)
  back.mediaTime = 960
  for (let count = 3; count < 8; count++) back.sendFrame(count)
  back.send({ type: 'audio.end', lastSeq: 4, requestId: 'e' })
  await eventually(() => (stream.flushes.length === 1 ? undefined : 'flush due'))
  assert.deepEqual(
    stream.frames.map((frame) => [frame.mediaTime, frame.payload[0]]),
    range(0, 7).map((value) => [value * 320, value]),
  )
  assert.equal(back.of('error').length, 0)
  assert.equal(started.service.stats().audioFramesDuplicateTotal, 2)
})

test('[RES3] a resume that comes late gets the newest, is told from where, and reads the rest page by page', async (t) => {
  const started = await pod(t)
  const { created, client, welcome } = await started.open()
  await cut(started, client)
  const stream = started.speech.stream(created.sessionId)
  for (let index = 0; index < 120; index++) stream.final(index, `${index} ${'word '.repeat(100)}`)
  const back = await started.resume(welcome, 0)
  const { firstSeq } = await back.expect('truncated')
  const again = await back.expect('welcome')
  assert.deepEqual([again.seq, again.replayTo], [firstSeq - 1, 120])
  assert.equal(back.messages[1]?.type, 'truncated', 'directly behind the welcome')
  await back.expect('caption', 120 - firstSeq + 1)
  assert.deepEqual(eventSeqs(back), range(firstSeq, 120))
  const replayed = back.messages.slice(2).reduce((bytes, message) => bytes + JSON.stringify(message).length, 0)
  assert.ok(replayed <= REPLAY_BYTES && replayed > REPLAY_BYTES - 1_000)
  const read: unknown[] = []
  for (let afterSeq = 0, more = true; more; ) {
    const page = started.service.history(ADMIN, created.sessionId, { afterSeq, limit: 50 })
    assert.ok(page.ok)
    assert.deepEqual([page.value.firstSeq, page.value.lastSeq], [1, 120])
    read.push(...page.value.events.map((event) => (JSON.parse(event) as { seq: number }).seq))
    afterSeq = read.at(-1) as number
    more = page.value.more
  }
  assert.deepEqual(read, range(1, 120))
  assert.equal(started.service.stats().truncatedTotal, 1)
})

test('[RES5] the newer connection takes over; the older is told and the session notices nothing', async (t) => {
  const started = await pod(t)
  const { created, client, welcome } = await started.open()
  const stream = started.speech.stream(created.sessionId)
  stream.final(0, 'One.')
  await client.expect('caption')
  const second = await started.resume(welcome, 1)
  const { resumeToken } = await second.expect('welcome')
  const closing = await client.expect('closing')
  assert.deepEqual([closing.reason, closing.mayResume], ['replaced', false])
  assert.equal((await client.expectClosed()).code, 4012)
  stream.final(1, 'Two.')
  await second.expect('caption')
  const third = await started.resume({ ...welcome, resumeToken } as Welcome, 0)
  await third.expect('caption', 2)
  assert.equal((await second.expect('closing')).reason, 'replaced')
  const { active, suspended, replacedTotal } = started.service.stats()
  assert.deepEqual({ active, suspended, replacedTotal }, { active: 1, suspended: 0, replacedTotal: 2 })
  assert.deepEqual([eventSeqs(client), eventSeqs(second), eventSeqs(third)], [[1], [2], [1, 2]])
})

test('[RES5] of connections that take over at once one is left, and every other is told', async (t) => {
  const started = await pod(t)
  const { created, client, welcome } = await started.open()
  const gate = Promise.withResolvers<void>()
  started.tokens.gate = gate.promise
  const racers = await Promise.all(Array.from({ length: 8 }, () => started.resume(welcome, 0)))
  await eventually(() => (started.service.stats().controlMessagesInTotal === 9 ? undefined : 'hellos due'))
  gate.resolve()
  await client.expect('closing')
  await eventually(() => {
    const left = racers.filter((racer) => racer.of('closing').length === 0)
    return left.length === 1 ? undefined : `${left.length} are left`
  })
  for (const racer of racers) await racer.expect('welcome')
  started.speech.stream(created.sessionId).final(0, 'Heard by one.')
  const winner = racers.find((racer) => racer.of('closing').length === 0)
  await winner?.expect('caption')
  assert.equal(racers.flatMap((racer) => racer.of('caption')).length, 1)
  const { active, suspended } = started.service.stats()
  assert.deepEqual({ active, suspended }, { active: 1, suspended: 0 })
})

test('[RES6] what cannot be resumed is refused by name, and the session goes on waiting', async (t) => {
  const started = await pod(t)
  const { created, client, welcome } = await started.open()
  const other = await started.open()
  other.client.send({ type: 'bye' })
  await other.client.expectClosed()
  await cut(started, client)
  const claims = { sessionId: created.sessionId as SessionId, tenant: 'default', user: 'key-a' }
  const podId = welcome.podId
  const token = (changes: object) => started.tokens.issueResumeToken({ ...claims, podId, ...changes })
  const wrong = (name: string, value: unknown) => ({ audio: { ...PCM16, [name]: value } })
  const cases: [string, object, string, string | undefined][] = [
    ['an older ticket', { token: created.ticket, resume: undefined }, 'SESSION_SUSPENDED', undefined],
    ['a session that is gone', { token: other.welcome.resumeToken }, 'SESSION_UNKNOWN', undefined],
    ['another tenant', { token: await token({ tenant: 'elsewhere' }) }, 'TICKET_INVALID', undefined],
    ['another user', { token: await token({ user: 'mallory' }) }, 'TICKET_INVALID', undefined],
    ['a forged token', { token: 'forged' }, 'TICKET_INVALID', undefined],
    ['no format', { audio: undefined }, 'INVALID_FIELD', 'audio'],
    ['another rate', wrong('sampleRateHz', 48_000), 'INVALID_FIELD', 'audio.sampleRateHz'],
    ['another codec', wrong('codec', 'opus'), 'INVALID_FIELD', 'audio.codec'],
    ['events that never were', { resume: { seq: 7 } }, 'INVALID_FIELD', 'resume.seq'],
  ]
  for (const [what, hello, code, field] of cases) {
    const stranger = await started.resume(welcome, 0, { requestId: 'r', ...hello })
    const error = await stranger.expect('error')
    assert.deepEqual([error.code, error.field, error.requestId], [code, field, 'r'], what)
    assert.equal((await stranger.expectClosed()).code, 4004)
  }
  assert.equal(started.service.stats().suspended, 1)
  await (await started.resume(welcome, 0)).expect('welcome')
})

test('[RES6] a ticket that was used tells an active session from one that waits and one that is gone', async (t) => {
  const started = await pod(t)
  const { created, client } = await started.open()
  const codeNow = async (): Promise<string> => {
    const late = await started.connect()
    late.send({ type: 'hello', token: created.ticket, audio: PCM16 })
    const error = await late.expect('error')
    assert.equal(error.retryable, error.code === 'SESSION_SUSPENDED')
    return error.code
  }
  assert.equal(await codeNow(), 'TICKET_USED')
  await cut(started, client)
  assert.equal(await codeNow(), 'SESSION_SUSPENDED')
  started.service.remove(ADMIN, created.sessionId)
  assert.equal(await codeNow(), 'SESSION_UNKNOWN')
})

test('[RES6] after the grace the token leads nowhere', async (t) => {
  const started = await pod(t)
  const { client, welcome } = await started.open()
  await cut(started, client)
  await started.pass(60_200, 1_000)
  const late = await started.resume(welcome, 0)
  const error = await late.expect('error')
  assert.deepEqual([error.code, error.retryable], ['SESSION_UNKNOWN', false])
})

test('[RES6] field resume goes with a resume token or a watch link, not with a ticket', async (t) => {
  const started = await pod(t)
  const created = await started.create()
  const client = await started.connect()
  client.send({ type: 'hello', token: created.ticket, audio: PCM16, resume: { seq: 0 } })
  assert.deepEqual([(await client.expect('error')).field, (await client.expectClosed()).code], ['resume', 4004])
  const { created: other } = await started.open()
  const link = await started.service.createWatchLink(ADMIN, other.sessionId, undefined, started.urls)
  const watcher = await started.connect()
  watcher.send({ type: 'hello', token: link.ok ? link.value.token : '', resume: { seq: 0 } })
  assert.equal((await watcher.expect('welcome')).role, 'watcher')
})

test('[RES1] the view tells until when a session waits, and how its audio came', async (t) => {
  const started = await pod(t)
  const { created, client } = await started.open()
  const view = () => {
    const found = started.service.view(ADMIN, created.sessionId)
    assert.ok(found.ok)
    return found.value
  }
  assert.deepEqual([view().audioTransport, view().suspendedUntilMs], ['none', undefined])
  client.sendFrame()
  await eventually(() => (view().audioTransport === 'ws' ? undefined : view().audioTransport))
  await cut(started, client)
  assert.equal(view().suspendedUntilMs, started.clock.wallMs() + 60_000)
})

test('[RES2] watchers know what happened before they came from what comes', async (t) => {
  const started = await pod(t)
  const { created } = await started.open()
  const stream = started.speech.stream(created.sessionId)
  for (let index = 0; index < 9; index++) stream.final(index, 'F')
  const watcher = await started.watch(created.sessionId)
  const { seq, replayTo, resumeToken, udp, microphone } = await watcher.expect('welcome')
  assert.deepEqual([seq, replayTo, resumeToken, udp, microphone], [4, 9, undefined, undefined, undefined])
})

/** One owner whose network fails whenever the test says so, and what it got over all of its connections. */
class Journey {
  readonly seen: number[] = []
  frames = 0
  events = 0
  readonly #started: SessionHarness
  readonly #pick: (below: number) => number
  readonly stream: ManualStream
  client: TestClient
  #welcome: Welcome
  #utterance = 0

  constructor(started: SessionHarness, opened: Awaited<ReturnType<SessionHarness['open']>>, seed: number) {
    const random = seededRandom(seed)
    this.#started = started
    this.#pick = (below) => Math.floor(random() * below)
    this.stream = started.speech.stream(opened.created.sessionId)
    this.client = opened.client
    this.#welcome = opened.welcome
  }

  async step(): Promise<void> {
    const kind = this.#pick(24)
    if (kind < 12) this.#speak()
    else if (kind < 19) this.#say()
    else if (kind < 22) this.stream.partial(this.#utterance, 'so')
    else if (kind === 22) await this.#comeBack()
    else await new Promise((resolve) => setImmediate(resolve))
  }

  #speak(): void {
    this.client.sendFrame(this.frames % 250)
    this.frames++
  }

  #say(): void {
    if (this.#pick(4) === 0) this.stream.abandon(this.#utterance++)
    else this.stream.final(this.#utterance++, 'x'.repeat(this.#pick(50)))
    this.events++
  }

  async #comeBack(): Promise<void> {
    const takesOver = this.#pick(3) === 0
    if (!takesOver) {
      this.client.cut()
      await eventually(() => (this.#started.service.stats().sockets === 0 ? undefined : 'the cut is not noticed'))
    }
    for (let more = this.#pick(4); more > 0; more--) this.#say()
    this.collect()
    const seq = this.seen.at(-1) ?? 0
    this.client = await this.#started.resume(this.#welcome, seq)
    this.#welcome = await this.client.expect('welcome')
    assert.equal(this.#welcome.seq, seq)
    // What was on its way when the connection went is sent again, from a little before what arrived.
    const fromFrame = Math.max(0, (this.#welcome.receivedMediaTime ?? 0) / 320 - this.#pick(3))
    this.client.mediaTime = fromFrame * 320
    for (let frame = fromFrame; frame < this.frames; frame++) this.client.sendFrame(frame % 250)
  }

  collect(): void {
    this.seen.push(...eventSeqs(this.client).filter((seq) => seq > (this.seen.at(-1) ?? 0)))
  }
}

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`[RES2] cut at any point, again and again: every event once, in order, and every frame once (seed ${seed})`, async (t) => {
    const started = await pod(t)
    const journey = new Journey(started, await started.open(), seed)
    for (let step = 0; step < 350; step++) await journey.step()
    const { stream, frames, events, seen } = journey
    await eventually(() => (stream.frameCount === frames ? undefined : `${stream.frameCount} of ${frames} frames`))
    await eventually(() => {
      journey.collect()
      return seen.length === events ? undefined : `${seen.length} of ${events} events`
    })
    assert.deepEqual(seen, range(1, events))
    assert.deepEqual(
      stream.frames.map((frame) => [frame.mediaTime / 320, frame.payload[0]]),
      range(0, frames - 1).map((frame) => [frame, frame % 250]),
    )
    assert.equal(journey.client.of('error').length, 0)
  })
}

test('[RES1] 500 sessions cut at once and back within a second: each has its own events, none is lost', async (t) => {
  const started = await pod(t, { config: sessionConfig() })
  const sessions = await Promise.all(Array.from({ length: 500 }, () => started.open()))
  const streamOf = (one: (typeof sessions)[number]) => started.speech.stream(one.created.sessionId)
  sessions.forEach((one, number) => {
    streamOf(one).final(0, `before ${number}`)
  })
  for (const one of sessions) await one.client.expect('caption')
  for (const { client } of sessions) client.cut()
  await eventually(() => (started.service.stats().suspended === 500 ? undefined : 'not all are suspended'))
  sessions.forEach((one, number) => {
    streamOf(one).final(1, `away ${number}`)
  })
  const back = await Promise.all(sessions.map(({ welcome }) => started.resume(welcome, 1)))
  for (const client of back) await client.expect('caption')
  sessions.forEach((one, number) => {
    streamOf(one).final(2, `after ${number}`)
  })
  for (const [number, client] of back.entries()) {
    await client.expect('caption', 2)
    assert.deepEqual(
      client.of('caption').map((caption) => [caption.seq, caption.text]),
      [
        [2, `away ${number}`],
        [3, `after ${number}`],
      ],
    )
  }
  const { active, suspended, resumedTotal } = started.service.stats()
  assert.deepEqual({ active, suspended, resumedTotal }, { active: 500, suspended: 0, resumedTotal: 500 })
  assert.equal(started.speech.slotsUsed, 500)
})
