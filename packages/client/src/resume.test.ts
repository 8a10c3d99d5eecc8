// Coming back after the connection broke, against the fake pod over real sockets.
import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { sleep, systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import fc from 'fast-check'
import {
  createSession,
  ParleyClientError,
  type ParleySession,
  type Resumed,
  type SessionOptions,
  sharedTicker,
  watch,
} from './index.ts'
import { type FakePod, type FakePodOptions, type FakeSession, scriptOf, startFakePod } from './testing/index.ts'

const FRAME = 320
const pods: FakePod[] = []
const sessions: ParleySession[] = []

async function fakePod(options: FakePodOptions = {}): Promise<FakePod> {
  const pod = await startFakePod({ script: scriptOf(['good morning', 'how are you', 'see you']), ...options })
  pods.push(pod)
  return pod
}

async function connected(pod: FakePod, options: Partial<SessionOptions> = {}): Promise<ParleySession> {
  const session = await createSession({ url: pod.url, apiKey: pod.apiKey, ...options })
  sessions.push(session)
  await session.connect()
  return session
}

const silence = (ms: number): Int16Array => new Int16Array(ms * 16)

interface Told {
  readonly texts: string[]
  readonly states: string[]
  readonly resumed: Resumed[]
  readonly errors: string[]
}

function listen(session: ParleySession): Told {
  const told: Told = { texts: [], states: [], resumed: [], errors: [] }
  session.on('caption', (caption) => {
    if (caption.kind === 'final') told.texts.push(caption.text)
  })
  session.on('state', (state) => {
    if (told.states.at(-1) !== state.kind) told.states.push(state.kind)
  })
  session.on('resumed', (resumed) => told.resumed.push(resumed))
  session.on('error', (error) => told.errors.push(error.code))
  return told
}

async function failure(work: Promise<unknown>): Promise<ParleyClientError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof ParleyClientError, `a ParleyClientError, not ${error}`)
  return error
}

/** Media times heard are 0, 320, 640 ... up to `samples`: everything, once, in order. */
function assertWhole(heard: FakeSession, samples: number): void {
  const starts = heard.frames.map((frame) => frame.mediaTime)
  const expected = Array.from({ length: Math.ceil(samples / FRAME) }, (_, index) => index * FRAME)
  assert.deepEqual(starts, expected)
}

async function cleanUp(): Promise<void> {
  for (const session of sessions.splice(0)) session.destroy()
  for (const pod of pods.splice(0)) await pod.close()
}
beforeEach(cleanUp)
after(async () => {
  await cleanUp()
  assert.equal(sharedTicker(systemClock).subscribers, 0, 'nothing ticks when every client is gone')
})

test('[CL100] [CL110] a cut while audio flows: everything is heard once, every final comes once, whoever waits is answered', async () => {
  const pod = await fakePod()
  const session = await connected(pod)
  const told = listen(session)
  session.sendPcm(silence(1_000))
  await eventually(() => (pod.last.frames.length === 50 ? undefined : 'not all heard'))
  pod.last.cut()
  session.sendPcm(silence(3_000))
  const ending = session.endAudio()
  await eventually(() => (told.resumed.length === 1 ? undefined : session.state.kind))
  session.sendPcm(silence(1_300))
  const ended = await ending
  assert.equal(ended.finals, 2)
  await session.endAudio()
  assertWhole(pod.last, 5_300 * 16)
  assert.deepEqual(told.texts, ['good morning', 'how are you', 'see you'])
  assert.deepEqual(told.states, ['reconnecting', 'live'])
  assert.equal(told.resumed[0]?.lostMs, 0)
  assert.ok((told.resumed[0]?.resentMs ?? 0) >= 3_000)
  assert.equal(session.stats.resumptions, 1)
  assert.deepEqual(
    pod.last.frames.filter((frame) => frame.attach === 2).map((frame) => frame.seq),
    pod.last.frames.filter((frame) => frame.attach === 2).map((_, index) => index),
    'numbers begin at 0 with every attach',
  )
})

test('[CL100] cut anywhere, any number of times: audio whole, finals once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ sendMs: fc.integer({ min: 20, max: 1_500 }), isCut: fc.boolean(), hears: fc.boolean() }), {
        minLength: 1,
        maxLength: 6,
      }),
      async (moves) => {
        const pod = await fakePod()
        const session = await connected(pod)
        const told = listen(session)
        let sentMs = 0
        for (const { sendMs, isCut, hears } of moves) {
          const ms = Math.ceil(sendMs / 20) * 20
          session.sendPcm(silence(ms))
          sentMs += ms
          if (hears) await sleep(systemClock, 5)
          if (isCut) pod.last.cut()
        }
        session.sendPcm(silence(7_000 - Math.min(sentMs, 6_000)))
        sentMs += 7_000 - Math.min(sentMs, 6_000)
        await session.endAudio()
        assertWhole(pod.last, sentMs * 16)
        assert.deepEqual(told.texts, ['good morning', 'how are you', 'see you'])
        assert.deepEqual(told.errors, [])
        session.destroy()
        await pod.close()
      },
    ),
    { numRuns: 12, endOnFailure: true },
  )
})

test('[CL40] [CL110] a connection that falls silent without breaking is made anew, and what it swallowed is sent again', async () => {
  const pod = await fakePod({ pingIntervalMs: 200, deadAfterMs: 500 })
  const session = await connected(pod)
  const told = listen(session)
  session.sendPcm(silence(400))
  await eventually(() => (pod.last.frames.length === 20 ? undefined : 'not all heard'))
  pod.last.fallSilent()
  session.sendPcm(silence(1_600))
  await eventually(() => (told.resumed.length === 1 ? undefined : session.state.kind))
  const ended = await session.endAudio()
  assert.equal(ended.finals, 1)
  assertWhole(pod.last, 2_000 * 16)
})

test('[CL110] [CL113] a network that is away for a while: kept, told, and back at once when it is known to be there', async () => {
  const pod = await fakePod()
  const session = await connected(pod)
  const told = listen(session)
  session.sendPcm(silence(100))
  pod.setNetwork('down')
  await eventually(() => {
    const { state } = session
    return state.kind === 'reconnecting' && state.attempts >= 2 ? undefined : state.kind
  })
  assert.equal(session.sendPcm(silence(2_000)), true)
  pod.setNetwork('up')
  session.networkChanged()
  await session.endAudio()
  assertWhole(pod.last, 2_100 * 16)
  assert.deepEqual(told.texts, ['good morning'])
})

test('[CL110] a session that waits no longer is lost when its grace is over', async () => {
  const pod = await fakePod({ graceMs: 700 })
  const session = await connected(pod)
  pod.last.isTelling = false
  const ending = failure(session.endAudio({ deadlineMs: 20_000 }))
  await eventually(() => (pod.last.messages.some(({ type }) => type === 'audio.end') ? undefined : 'no end yet'))
  pod.setNetwork('down')
  assert.equal((await ending).code, 'CONNECTION_LOST')
  assert.equal(session.state.kind, 'lost')
  assert.equal(session.sendPcm(silence(20)), false)
})

test('[CL111] a session that is gone, replaced or refused ends at once and says so', async () => {
  const pod = await fakePod()
  const cases = [
    ['SESSION_UNKNOWN', 'closed', /does not know the session any more/],
    ['SESSION_REPLACED', 'closed', /Another connection/],
    ['TICKET_INVALID', 'lost', /ticket is not valid/],
  ] as const
  for (const [code, kind, words] of cases) {
    const session = await connected(pod)
    pod.last.isTelling = false
    const ending = failure(session.endAudio({ deadlineMs: 60_000 }))
    pod.refuseNext('hello', code)
    pod.last.cut()
    assert.match((await ending).message, words)
    assert.equal(session.state.kind, kind)
  }
})

test('[CL111] whoever is replaced does not fight for the session', async () => {
  const pod = await fakePod()
  const session = await connected(pod)
  pod.last.end('replaced')
  await eventually(() => (session.state.kind === 'closed' ? undefined : session.state.kind))
  assert.equal(session.state.kind === 'closed' && session.state.reason, 'replaced')
  await sleep(systemClock, 600)
  assert.equal(pod.last.attaches, 1)
})

test('[CL110] refusals that pass are outlasted', async () => {
  const pod = await fakePod()
  const session = await connected(pod)
  pod.refuseNext('hello', 'NO_SEAT', { retryAfterMs: 300 })
  pod.last.cut()
  await eventually(() => (pod.last.attaches === 2 ? undefined : session.state.kind))
  assert.equal(session.state.kind, 'live')
})

const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `number ${index}`)

/** The pod hears `ms` more of audio and recognises it, and the client is told nothing. */
async function miss(pod: FakePod, session: ParleySession, ms: number): Promise<void> {
  const heard = pod.last.frames.length + ms / 20
  pod.last.isTelling = false
  session.sendPcm(silence(ms))
  await eventually(() => (pod.last.frames.length === heard ? undefined : 'not all heard'))
}

test('[CL103] more missed than is sent again: the rest is read by REST first, in order', async () => {
  const pod = await fakePod({ script: scriptOf(numbered(12)), replayEvents: 3 })
  const session = await connected(pod)
  const told = listen(session)
  const missed: object[] = []
  session.on('missed', (range) => missed.push(range))
  session.sendPcm(silence(2_000))
  await eventually(() => (told.texts.length === 1 ? undefined : 'no final yet'))
  await miss(pod, session, 20_000)
  pod.last.cut()
  session.sendPcm(silence(3_000))
  await session.endAudio()
  assert.deepEqual(told.texts, numbered(12))
  assert.equal(session.seen.missed, 0)
  assert.deepEqual(missed, [])
  assert.ok(pod.requests.some((request) => request.endsWith('/history')))
})

test('[CL103] what is not kept any more, or cannot be read, is told as a range, and the rest goes on', async () => {
  for (const fault of ['forgotten', 'unreadable'] as const) {
    const pod = await fakePod({ script: scriptOf(numbered(8)), replayEvents: 2 })
    const session = await connected(pod)
    const told = listen(session)
    const missed: object[] = []
    session.on('missed', (range) => missed.push(range))
    session.sendPcm(silence(2_000))
    await eventually(() => (told.texts.length === 1 ? undefined : 'no final yet'))
    await miss(pod, session, 14_000)
    if (fault === 'forgotten') pod.last.history.forget(4)
    else pod.last.historyFault = 'INTERNAL'
    pod.last.cut()
    await eventually(() => (told.texts.at(-1) === 'number 7' ? undefined : told.texts.join()))
    const expected = fault === 'forgotten' ? [0, 4, 5, 6, 7] : [0, 6, 7]
    assert.deepEqual(
      told.texts,
      expected.map((index) => `number ${index}`),
    )
    assert.deepEqual(missed, [{ firstSeq: 2, lastSeq: fault === 'forgotten' ? 4 : 6 }])
    session.destroy()
  }
})

test('[CL104] [CL107] after half a minute away the backlog waits for what is settled; the end of the audio behind it', async () => {
  const pod = await fakePod()
  const session = await connected(pod)
  pod.last.isSettling = false
  session.sendPcm(silence(1_000))
  await eventually(() => (pod.last.frames.length === 50 ? undefined : 'not all heard'))
  pod.last.cut()
  session.sendPcm(silence(40_000))
  const ending = session.endAudio()
  await eventually(() => (pod.last.mediaMs === 22_000 ? undefined : `${pod.last.mediaMs} ms heard`))
  pod.last.say({ type: 'ping', id: 77 })
  await eventually(() => (pongOf(pod.last, 77) === undefined ? 'no pong' : undefined))
  assert.equal(pongOf(pod.last, 77), 1_999, 'more is to come')
  for (const settledMs of [500, 10_000]) {
    pod.last.settleTo(settledMs * 16)
    await eventually(() => (pod.last.mediaMs === 22_000 + settledMs ? undefined : `${pod.last.mediaMs} ms heard`))
  }
  await sleep(systemClock, 300)
  assert.equal(pod.last.mediaMs, 32_000)
  assert.ok(!pod.last.messages.some(({ type }) => type === 'audio.end'))
  pod.last.settleTo(20_000 * 16)
  await ending
  assertWhole(pod.last, 41_000 * 16)
})

test('[CL104] a pod that tells nothing of settled audio gets the whole backlog', async () => {
  const pod = await fakePod()
  const session = await connected(pod)
  pod.last.knowsSettled = false
  pod.last.cut()
  session.sendPcm(silence(40_000))
  await session.endAudio()
  assertWhole(pod.last, 40_000 * 16)
})

function pongOf(heard: FakeSession, id: number): number | undefined {
  const pong = heard.messages.findLast((message) => message.type === 'pong' && message.id === id)
  return pong?.type === 'pong' ? pong.lastSeq : undefined
}

test('[CL105] whether the microphone is wanted is told; unwanted audio is not sent and media time goes on', async () => {
  const pod = await fakePod()
  const session = await connected(pod)
  const wanted: boolean[] = []
  session.on('microphone', (isWanted) => wanted.push(isWanted))
  pod.last.wantMicrophone(false)
  await eventually(() => (session.microphoneWanted ? 'not told' : undefined))
  session.sendPcm(silence(100))
  pod.last.cut()
  await eventually(() => (pod.last.attaches === 2 && session.state.kind === 'live' ? undefined : 'not back'))
  assert.equal(session.microphoneWanted, false, 'the welcome says it again')
  pod.last.wantMicrophone(true)
  await eventually(() => (session.microphoneWanted ? undefined : 'not told'))
  session.sendPcm(silence(20))
  await session.endAudio()
  assert.deepEqual(
    pod.last.frames.map((frame) => frame.mediaTime),
    [1_600],
  )
  assert.deepEqual(wanted, [false, true])
})

test('[CL106] what is wanted is a whole set with a version that rises, and comes back with the session', async () => {
  const pod = await fakePod()
  const session = await connected(pod)
  session.subscribe(['captions.final'])
  session.subscribe([])
  session.subscribe(['captions.final', 'captions.partial'])
  await eventually(() =>
    pod.last.messages.filter(({ type }) => type === 'subscribe').length === 3 ? undefined : 'not all',
  )
  pod.last.cut()
  await eventually(() => (pod.last.attaches === 2 ? undefined : 'not back'))
  const hello = pod.last.messages.findLast((message) => message.type === 'hello')
  assert.deepEqual(hello?.type === 'hello' && hello.subscriptions, {
    version: 3,
    streams: ['captions.final', 'captions.partial'],
  })
  pod.last.say({ type: 'subscribed', version: 9, streams: [] })
  await eventually(() => {
    const last = pod.last.messages.findLast((message) => message.type === 'subscribe')
    return last?.type === 'subscribe' && last.version === 10
      ? undefined
      : 'a set that came too late is not asked for again'
  })
})

test('[CL107] a pong tells how far audio was sent on this connection', async () => {
  const pod = await fakePod()
  const session = await connected(pod)
  const lastSeq = async (id: number) => {
    pod.last.say({ type: 'ping', id })
    let answer: number | undefined
    await eventually(() => {
      answer = pongOf(pod.last, id)
      return answer === undefined ? 'no pong' : undefined
    })
    return answer
  }
  assert.equal(await lastSeq(1), -1)
  session.sendPcm(silence(100))
  assert.equal(await lastSeq(2), 4)
})

test('[CL14] [CL110] leaving while the connection is broken gives the seat back by REST', async () => {
  const pod = await fakePod()
  const session = await connected(pod)
  pod.refuseNext('hello', 'NO_SEAT', { retryAfterMs: 10_000 })
  pod.last.cut()
  await eventually(() =>
    session.state.kind === 'reconnecting' && session.state.attempts === 1 ? undefined : 'not broken',
  )
  await session.close()
  assert.equal(pod.sessions.length, 0)
  assert.equal(session.state.kind, 'closed')
})

test('[CL114] a watcher comes back with its link and hears nothing twice', async () => {
  const pod = await fakePod({ script: scriptOf(numbered(4)) })
  const session = await connected(pod)
  session.sendPcm(silence(2_000))
  await session.endAudio()
  const link = await session.createWatchLink()
  const watcher = watch({ url: link.url, token: link.token })
  const texts: string[] = []
  let resumptions = 0
  watcher.on('caption', (caption) => {
    if (caption.kind === 'final') texts.push(caption.text)
  })
  watcher.on('resumed', () => {
    resumptions++
  })
  await watcher.connect()
  assert.equal(watcher.historyTo, 2)
  pod.last.cutWatchers()
  session.sendPcm(silence(2_000))
  await eventually(() => (resumptions === 1 ? undefined : watcher.state.kind))
  session.sendPcm(silence(4_500))
  await session.endAudio()
  await eventually(() => (texts.length === 4 ? undefined : texts.join()))
  assert.deepEqual(texts, numbered(4))
  await watcher.close()
})

test('[CL114] a watcher says what it has seen, is told what cannot be sent again, and asks without that where it is not understood', async () => {
  const pod = await fakePod({ script: scriptOf(numbered(8)) })
  const session = await connected(pod)
  session.sendPcm(silence(2_000))
  await session.endAudio()
  const link = await session.createWatchLink()
  const watcher = watch({ url: link.url, token: link.token })
  const missed: unknown[] = []
  watcher.on('missed', (range) => missed.push(range))
  let resumptions = 0
  watcher.on('resumed', () => {
    resumptions++
  })
  await watcher.connect()
  await eventually(() => (watcher.seen.seq > 0 ? undefined : 'nothing was heard'))
  const { seq } = watcher.seen
  pod.refuseNext('hello', 'INVALID_FIELD', { field: 'resume' })
  pod.last.cutWatchers()
  await eventually(() => (resumptions === 1 ? undefined : watcher.state.kind))
  assert.deepEqual(pod.last.watcherHellos.at(-1)?.resume, undefined, 'it said again what is not understood')
  assert.equal(watcher.state.kind, 'live')
  pod.last.cutWatchers()
  await eventually(() => (resumptions === 2 ? undefined : watcher.state.kind))
  assert.deepEqual(pod.last.watcherHellos.at(-1)?.resume, { seq })
  pod.last.sayToWatchers({ type: 'truncated', firstSeq: seq + 4 })
  await eventually(() => (missed.length > 0 ? undefined : 'nothing is told as missed'))
  assert.deepEqual(missed, [{ firstSeq: seq + 1, lastSeq: seq + 3 }])
  await watcher.close()
})

test('[CL115] with `resume: false` a connection that breaks is lost and at most 2 s are held', async () => {
  const pod = await fakePod()
  const session = await connected(pod, { resume: false })
  pod.last.cut()
  await eventually(() => (session.state.kind === 'lost' ? undefined : session.state.kind))
  assert.equal(pod.last.attaches, 1)
})
