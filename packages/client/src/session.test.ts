// The client against the fake pod, over real sockets.
import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import {
  type ConnectionState,
  createSession,
  ParleyClientError,
  type ParleySession,
  type SessionOptions,
  sharedTicker,
  watch,
} from './index.ts'
import { type FakePod, type FakePodOptions, scriptOf, startFakePod } from './testing/index.ts'

const pods: FakePod[] = []
const sessions: ParleySession[] = []

async function fakePod(options: FakePodOptions = {}): Promise<FakePod> {
  const pod = await startFakePod(options)
  pods.push(pod)
  return pod
}

async function newSession(pod: FakePod, options: Partial<SessionOptions> = {}): Promise<ParleySession> {
  const session = await createSession({ url: pod.url, apiKey: pod.apiKey, ...options })
  sessions.push(session)
  return session
}

async function connected(pod: FakePod, options: Partial<SessionOptions> = {}): Promise<ParleySession> {
  const session = await newSession(pod, options)
  await session.connect()
  return session
}

const silence = (ms: number): Int16Array => new Int16Array(ms * 16)

async function failure(work: Promise<unknown>): Promise<ParleyClientError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof ParleyClientError, `a ParleyClientError, not ${error}`)
  return error
}

beforeEach(async () => {
  for (const session of sessions.splice(0)) session.destroy()
  for (const pod of pods.splice(0)) await pod.close()
})
after(async () => {
  for (const session of sessions.splice(0)) session.destroy()
  for (const pod of pods.splice(0)) await pod.close()
  assert.equal(sharedTicker(systemClock).subscribers, 0, 'nothing ticks when every client is gone')
})

test('[CL1] from the first sample to the last final, in order, each thing once', async () => {
  const pod = await fakePod({ script: scriptOf(['good morning', 'see you']) })
  const session = await newSession(pod, { language: 'en', metadata: { room: '7' } })
  const states: string[] = []
  const texts: string[] = []
  session.on('state', (state) => states.push(state.kind))
  session.on('caption', (caption) => texts.push(`${caption.kind} ${caption.text}`))
  const welcome = await session.connect()
  assert.equal(welcome.role, 'owner')
  session.sendPcm(silence(4_000))
  const ended = await session.endAudio()
  await session.close()
  assert.deepEqual(texts, [
    'partial good',
    'partial good morning',
    'final good morning',
    'partial see',
    'partial see you',
    'final see you',
  ])
  assert.deepEqual([ended.finals, ended.abandoned, ended.lastSeq], [2, 0, 199])
  assert.deepEqual(states, ['live', 'closed'])
  assert.deepEqual(session.seen, { seq: 3, utterance: { epoch: 1, index: 1 }, mediaMs: 3_200, missed: 0 })
})

test('[CL30] what is said before the welcome is not lost, and audio may go on after an end', async () => {
  const pod = await fakePod()
  const session = await newSession(pod)
  session.sendPcm(silence(100))
  await session.connect()
  session.sendPcm(silence(100))
  assert.equal((await session.endAudio()).lastSeq, 9)
  session.skip(16_000)
  session.sendPcm(silence(50))
  assert.equal((await session.endAudio()).lastSeq, 12)
  const { frames } = pod.last
  assert.deepEqual(
    frames.slice(8).map((frame) => [frame.seq, frame.mediaTime, frame.payload.byteLength]),
    [
      [8, 2_560, 640],
      [9, 2_880, 640],
      [10, 19_200, 640],
      [11, 19_520, 640],
      [12, 19_840, 320],
    ],
  )
})

test('[CL16] a message of the backend is told as it came', async () => {
  const pod = await fakePod()
  const session = await connected(pod)
  const messages: object[] = []
  session.on('message', (message) => messages.push(message))
  const message = { type: 'message', messageId: 'msg_1', sentAtMs: 5, data: { ring: { room: 7 } } } as const
  pod.last.say(message)
  await eventually(() => (messages.length === 1 ? undefined : 'no message'))
  assert.deepEqual(messages, [message])
  await session.close()
})

test('[CL15] a watcher follows read-only, and the owner sees how many there are', async () => {
  const pod = await fakePod({ script: scriptOf(['good morning']) })
  const session = await connected(pod)
  const counts: number[] = []
  session.on('watchers', (count) => counts.push(count))
  const link = await session.createWatchLink()
  const watcher = watch({ url: link.url, token: link.token })
  const seen: string[] = []
  const states: ConnectionState[] = []
  watcher.on('caption', (caption) => seen.push(`${caption.kind} ${caption.text}`))
  watcher.on('state', (state) => states.push(state))
  assert.equal((await watcher.connect()).role, 'watcher')
  session.sendPcm(silence(2_000))
  await session.endAudio()
  await eventually(() => (seen.length === 3 ? undefined : `saw ${seen}`))
  await session.close()
  await eventually(() => (states.at(-1)?.kind === 'closed' ? undefined : 'the watcher was not told'))
  assert.deepEqual(states.at(-1), {
    kind: 'closed',
    reason: 'finished',
    message: 'what the watcher followed has ended',
    mayResume: false,
  })
  assert.equal(counts[0], 1)
  await watcher.close()
  const late = watch({ url: link.url, token: link.token })
  assert.equal((await failure(late.connect())).code, 'TICKET_INVALID')
})

test('[CL2] refusals of REST arrive with code, hop, advice and next step', async () => {
  const pod = await fakePod()
  const wrongKey = await failure(createSession({ url: pod.url, apiKey: 'wrong' }))
  assert.equal(wrongKey.code, 'UNAUTHENTICATED')
  assert.match(wrongKey.message, /credential.*Send an API key/)
  assert.match(wrongKey.requestId ?? '', /^req_/)
  const foreign = await failure(newSession(pod, { language: 'tlh' }))
  assert.equal(foreign.code, 'LANGUAGE_UNSUPPORTED')
  assert.deepEqual(foreign.allowed, ['en'])
  pod.refuseNext('create', 'NO_SLOT', { retryAfterMs: 1_500 })
  const full = await failure(newSession(pod))
  assert.deepEqual([full.code, full.hop, full.retryable, full.retryAfterMs], ['NO_SLOT', 'worker', true, 1_500])
})

test('[CL3] what is not a Parley platform is told apart, with the next step', async () => {
  const pod = await fakePod()
  pod.answerNext(502, 'text/html', '<h1>Bad Gateway</h1>')
  const proxy = await failure(newSession(pod))
  assert.deepEqual([proxy.code, proxy.retryable], ['BAD_ANSWER', true])
  assert.match(proxy.message, /answered 502 \(text\/html\)/)
  pod.answerNext(200, 'text/html', '<h1>Welcome</h1>')
  assert.equal((await failure(newSession(pod))).code, 'BAD_ANSWER')
  pod.answerNext(201, 'application/json', '{"sessionId":"ses_x"}')
  assert.equal((await failure(newSession(pod))).code, 'BAD_ANSWER')
  pod.answerNext(302, 'text/plain', '')
  assert.match((await failure(newSession(pod))).message, /redirects/)
  const url = pod.url
  await pod.close()
  const nobody = await failure(createSession({ url, apiKey: 'x' }))
  assert.equal(nobody.code, 'CONNECT_FAILED')
  assert.match(nobody.message, /nothing listens at http:\/\/localhost:\d+\. Start it with \.\/parley up/)
})

test('[CL3] addresses and credentials that cannot be right are refused before anything is sent', async () => {
  for (const url of ['nonsense', 'ftp://host', 'ws://host:1']) {
    assert.equal((await failure(createSession({ url, apiKey: 'x' }))).code, 'INVALID_FIELD')
  }
  const both = await failure(createSession({ url: 'http://localhost:1', apiKey: 'x', userToken: 'y' }))
  assert.equal(both.code, 'INVALID_FIELD')
  const audio = { codec: 'opus', sampleRateHz: 44_100, frameMs: 20 } as const
  const format = await failure(createSession({ url: 'http://localhost:1', apiKey: 'x', audio }))
  assert.equal(format.code, 'AUDIO_FORMAT_UNSUPPORTED')
  assert.match(format.message, /sampleRateHz 44100 is not supported; possible: 8000/)
})

test('[CL4] every await has a deadline: REST, the welcome, the end of the audio', async () => {
  const pod = await fakePod()
  pod.hangNext('create')
  assert.equal((await failure(newSession(pod, { httpDeadlineMs: 50 }))).code, 'DEADLINE_EXCEEDED')
  pod.hangNext('hello')
  const unwelcome = await newSession(pod, { connectDeadlineMs: 50 })
  const error = await failure(unwelcome.connect())
  assert.equal(error.code, 'DEADLINE_EXCEEDED')
  assert.equal(unwelcome.state.kind, 'lost')
  const session = await connected(pod)
  pod.last.fallSilent()
  assert.equal((await failure(session.endAudio({ deadlineMs: 50 }))).code, 'DEADLINE_EXCEEDED')
  assert.equal(session.state.kind, 'live')
})

test('[CL12] a hello or an upgrade that is refused says why', async () => {
  const pod = await fakePod()
  pod.refuseNext('hello', 'TICKET_EXPIRED')
  const session = await newSession(pod)
  assert.equal((await failure(session.connect())).code, 'TICKET_EXPIRED')
  assert.equal(session.state.kind === 'closed' && session.state.reason, 'refused')
  pod.refuseNext('upgrade', 'TOO_MANY_CONNECTIONS', { retryAfterMs: 700 })
  const crowded = await failure((await newSession(pod)).connect())
  assert.deepEqual([crowded.code, crowded.retryAfterMs], ['TOO_MANY_CONNECTIONS', 700])
})

test('[CL12] an error in mid-session is told and the session goes on', async () => {
  const pod = await fakePod()
  const session = await connected(pod)
  const errors: string[] = []
  session.on('error', (error) => errors.push(error.code))
  pod.last.refuse('RATE_LIMITED', { retryAfterMs: 10 })
  session.sendPcm(silence(20))
  await session.endAudio()
  assert.deepEqual(errors, ['RATE_LIMITED'])
  pod.last.refuse('UNEXPECTED_MESSAGE', { requestId: 'end-2' })
  assert.equal((await failure(session.endAudio())).code, 'UNEXPECTED_MESSAGE')
})

test('[CL11] speech that waits for a worker is a state of its own', async () => {
  const pod = await fakePod({ speech: 'waiting' })
  const session = await newSession(pod)
  const seen: string[] = []
  session.on('state', (state) => seen.push(state.kind))
  session.on('speech', (speech) => seen.push(speech))
  await session.connect()
  pod.last.setSpeech('ready')
  pod.last.setSpeech('waiting', 'worker_lost')
  await eventually(() => (seen.length === 6 ? undefined : seen.join()))
  assert.deepEqual(seen, ['waiting', 'waiting', 'live', 'ready', 'waiting', 'waiting'])
})

test('[CL21] nonsense from the platform is told and survived; too much of it ends the connection', async () => {
  const pod = await fakePod()
  const session = await connected(pod)
  const errors: ParleyClientError[] = []
  session.on('error', (error) => errors.push(error))
  for (const garbage of ['{', '[1]', '{"type":"caption"}', '{"type":"moved"}']) pod.last.sayRaw(garbage)
  pod.last.sayRaw(new Uint8Array([1, 2, 3]))
  session.sendPcm(silence(20))
  await session.endAudio()
  assert.deepEqual(
    errors.map((error) => error.code),
    ['BAD_ANSWER', 'BAD_ANSWER', 'BAD_ANSWER', 'BAD_ANSWER'],
  )
  assert.equal(session.state.kind, 'live')
  const ending = failure(session.endAudio())
  for (let index = 0; index < 30; index++) pod.last.sayRaw('{')
  assert.equal((await ending).code, 'BAD_ANSWER')
  assert.equal(session.state.kind, 'lost')
})

test('[CL21] nonsense instead of a welcome ends the attempt at once', async () => {
  const pod = await fakePod()
  pod.hangNext('hello')
  const session = await newSession(pod)
  const connecting = failure(session.connect())
  await eventually(() => (pod.requests.some((request) => request.startsWith('UPGRADE')) ? undefined : 'no socket yet'))
  await pod.close()
  assert.equal((await connecting).code, 'CONNECT_FAILED')
})

test('[CL13] a cut is told at once, to whoever waits and by state, where nothing is to be made anew', async () => {
  const pod = await fakePod()
  const session = await connected(pod, { resume: false })
  session.sendPcm(silence(500))
  const ending = failure(session.endAudio({ deadlineMs: 60_000 }))
  pod.last.cut()
  assert.equal((await ending).code, 'CONNECTION_LOST')
  assert.equal(session.state.kind, 'lost')
  assert.equal(session.sendPcm(silence(20)), false)
  assert.equal((await failure(session.endAudio())).code, 'CONNECTION_LOST')
  await session.close()
  assert.equal(session.state.kind, 'closed')
})

test('[CL40] a platform that has fallen silent is noticed, one that answers pings is not', async () => {
  const pod = await fakePod({ pingIntervalMs: 300, deadAfterMs: 600 })
  const session = await connected(pod, { resume: false })
  await eventually(() => (session.stats.roundTripMs === undefined ? 'no pong yet' : undefined))
  assert.equal(session.state.kind, 'live')
  pod.last.fallSilent()
  await eventually(() => (session.state.kind === 'lost' ? undefined : `still ${session.state.kind}`))
  assert.match((await failure(session.endAudio())).message, /nothing was heard/)
})

test('[CL40] pings of the platform are answered', async () => {
  const pod = await fakePod()
  await connected(pod)
  pod.last.say({ type: 'ping', id: 42 })
  await eventually(() =>
    pod.last.messages.some((message) => message.type === 'pong' && message.id === 42) ? undefined : 'no pong',
  )
})

test('[CL33] a platform that reads too slowly costs the oldest audio, and that is told', async () => {
  const pod = await fakePod()
  const audio = { codec: 'pcm16', sampleRateHz: 48_000, frameMs: 60 } as const
  const session = await connected(pod, { audio, resume: false })
  const errors: string[] = []
  session.on('error', (error) => errors.push(error.code))
  pod.last.stopReading()
  const second = new Int16Array(48_000)
  await eventually(
    () => {
      for (let index = 0; index < 10; index++) session.sendPcm(second)
      return session.stats.framesDropped > 0 ? undefined : 'the system still takes everything'
    },
    { withinMs: 20_000, everyMs: 1 },
  )
  assert.ok(session.stats.framesHeld <= 2_000 / 60)
  assert.equal(errors[0], 'AUDIO_DROPPED')
  pod.last.stopReading(false)
  const ended = await session.endAudio({ deadlineMs: 20_000 })
  assert.equal(ended.lastSeq, session.stats.framesSent - 1)
})

test('[CL14] leaving says goodbye and frees the seat, connected or not', async () => {
  const pod = await fakePod()
  const unused = await newSession(pod)
  await unused.close()
  assert.equal(pod.sessions.length, 0)
  const used = await connected(pod)
  await used.close()
  await used.close()
  assert.equal(pod.sessions.length, 0)
  assert.equal((await failure(used.endAudio())).code, 'SESSION_CLOSED')
  assert.equal(
    (
      await failure(
        (
          await newSession(pod)
        )
          .connect()
          .then(() => used.connect())
          .then(() => used.endAudio()),
      )
    ).code,
    'SESSION_CLOSED',
  )
})

test('[CL13] a goodbye of the platform arrives with its reason', async () => {
  const pod = await fakePod()
  const session = await connected(pod, { resume: false })
  const ending = failure(session.endAudio({ deadlineMs: 60_000 }))
  pod.last.fallSilent()
  pod.last.end('draining')
  await eventually(() => (session.state.kind === 'closed' ? undefined : 'not told'))
  assert.deepEqual(session.state, {
    kind: 'closed',
    reason: 'draining',
    message: 'the pod is being emptied',
    mayResume: true,
  })
  void ending.catch(() => {})
})

test('[CL43] two hundred sessions opened and closed leave nothing behind', async () => {
  const pod = await fakePod()
  for (let round = 0; round < 10; round++) {
    const opened = await Promise.all(Array.from({ length: 20 }, () => connected(pod)))
    for (const session of opened) session.sendPcm(silence(40))
    await Promise.all(opened.map((session) => session.close()))
    sessions.length = 0
  }
  assert.equal(pod.sessions.length, 0)
  assert.equal(sharedTicker(systemClock).subscribers, 0)
})
