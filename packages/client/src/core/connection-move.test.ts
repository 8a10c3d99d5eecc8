// A session that changes its pod, on sockets that a test drives.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import type { Hello, ServerMessage } from '@parley/protocol'
import { parleyApi } from '../index.ts'
import type { ClientPlatform, SocketListener } from './platform.ts'
import { ParleySession } from './session.ts'
import { SharedTicker } from './ticker.ts'

const A = 'ws://a/p/1/v1/ws'
const B = 'ws://b/p/2/v1/ws'

class FakeSocket {
  readonly url: string
  readonly listener: SocketListener
  readonly sent: Record<string, unknown>[] = []
  readonly bufferedBytes = 0
  isGone = false
  frames = 0

  constructor(url: string, listener: SocketListener) {
    this.url = url
    this.listener = listener
  }
  send(message: string | Uint8Array): void {
    if (typeof message === 'string') this.sent.push(JSON.parse(message) as Record<string, unknown>)
    else this.frames++
  }
  close(): void {
    this.isGone = true
  }
  terminate(): void {
    this.isGone = true
  }
  tell(message: ServerMessage): void {
    this.listener.onText(JSON.stringify(message))
  }
  get hello(): Hello | undefined {
    return this.sent.find(({ type }) => type === 'hello') as Hello | undefined
  }
  welcome(epoch: number, more: object = {}): void {
    this.listener.onOpened('parley.v1')
    this.tell(welcome(this.url, epoch, more))
  }
}

const welcome = (url: string, epoch: number, more: object): ServerMessage =>
  ({
    ...{ type: 'welcome', protocolVersion: 1, role: 'owner', sessionId: 'ses_1', podId: url, epoch, language: 'en' },
    ...{ seq: 0, speech: 'ready', pingIntervalMs: 60_000, deadAfterMs: 120_000, graceMs: 60_000, entryUrls: [A] },
    ...{ resumeToken: `of ${url}`, receivedMediaTime: 0, settledMediaTime: 0, resumesAnywhere: true, ...more },
  }) as ServerMessage

function client() {
  const clock = new ManualClock()
  const sockets: FakeSocket[] = []
  const platform: ClientPlatform = {
    clock,
    ticker: new SharedTicker(clock),
    openSocket: (url, listener) => {
      const socket = new FakeSocket(url, listener)
      sockets.push(socket)
      return socket
    },
    sendHttp: () => Promise.reject(new Error('no HTTP here')),
    sendsCookies: false,
    datagrams: { unavailable: 'none here' },
  }
  const api = parleyApi({ url: 'http://a' })
  const created = { sessionId: 'ses_1', ticket: 't', ticketExpiresAtMs: 0, url: A, language: 'en' }
  const session = new ParleySession(platform, api, created, { url: 'http://a' })
  void session.connect()
  const at = (index: number): FakeSocket => sockets[index] as FakeSocket
  return { clock, session, sockets, at }
}

const caption = (kind: 'partial' | 'final', epoch: number, index: number, seq?: number): ServerMessage => ({
  ...{ type: 'caption', kind, utterance: { epoch, index }, revision: 1, text: 'x', stable: 0, startMs: 0, endMs: 500 },
  ...{ language: 'en', ...(seq === undefined ? {} : { seq }) },
})

test('[CL117] told where its session goes on, it opens a connection there and says hello on it when the pod here says goodbye', async () => {
  const { session, sockets, at } = client()
  const states: string[] = []
  const resumed: (string | undefined)[] = []
  const voided: [number, string][] = []
  session.on('state', ({ kind }) => states.push(kind))
  session.on('resumed', ({ movedTo }) => resumed.push(movedTo))
  session.on('abandoned', ({ utterance, reason }) => voided.push([utterance.index, reason]))
  at(0).welcome(1)
  at(0).tell(caption('final', 1, 0, 1))
  at(0).tell(caption('partial', 1, 1))
  at(0).tell({ type: 'move', url: B, withinMs: 3_000 })
  assert.deepEqual([sockets.length, at(1).url, at(1).hello], [2, B, undefined])
  at(1).listener.onOpened('parley.v1')
  session.sendPcm(new Int16Array(320))
  assert.deepEqual([at(0).frames, at(1).frames], [1, 0], 'until then it goes on here')
  at(0).tell({ type: 'closing', reason: 'moved', message: 'the session goes on at another pod', mayResume: true })
  await Promise.resolve()
  assert.deepEqual([sockets.length, at(0).isGone], [2, true])
  assert.equal(at(1).hello?.token, `of ${A}`)
  assert.deepEqual(at(1).hello?.resume, { seq: 1, mediaMs: 500 })
  at(1).tell(welcome(B, 2, { seq: 1 }))
  assert.deepEqual(states, ['live', 'reconnecting', 'live'])
  assert.deepEqual([resumed, voided], [[B], [[1, 'moved']]], 'what was being said is another utterance there')
  assert.equal(at(1).frames, 1, 'what was not settled is sent again')
  session.destroy()
})

test('[CL117] the pod dies before its goodbye: there at once, also when the connection there is not open yet; and never from encrypted to readable', async () => {
  const { session, sockets, at } = client()
  at(0).welcome(1)
  at(0).tell({ type: 'move', url: B, withinMs: 3_000 })
  at(0).listener.onClosed(1006)
  assert.deepEqual([sockets.length, at(1).hello], [2, undefined])
  at(1).listener.onOpened('parley.v1')
  assert.deepEqual(at(1).hello?.resume, { seq: 0, mediaMs: 0 })
  at(1).tell(welcome(B, 2, {}))
  assert.equal(session.state.kind, 'live')
  at(1).tell({ type: 'move', url: 'nonsense', withinMs: 1 })
  assert.equal(sockets.length, 2)
  session.destroy()
  assert.equal(at(1).isGone, true)
})

test('[CL117] the connection there is gone by then: another is opened there', async () => {
  const { session, sockets, at } = client()
  at(0).welcome(1)
  at(0).tell({ type: 'move', url: B, withinMs: 3_000 })
  at(1).listener.onClosed(1006)
  at(0).tell({ type: 'closing', reason: 'moved', message: 'moved', mayResume: true })
  assert.deepEqual([sockets.length, at(2).url], [3, B])
  session.destroy()
})

test('[CL118] a pod that says to come again is asked again there, and what the client saw goes with it only where it is understood', async () => {
  const { clock, session, sockets, at } = client()
  at(0).welcome(1, { entryUrls: [A, B], resumesAnywhere: undefined })
  at(0).listener.onClosed(1006)
  await clock.advanceAsync(500, 250)
  at(1).listener.onClosed(1006, new Error('refused'))
  await clock.advanceAsync(500, 250)
  assert.deepEqual([sockets.length, at(2).url], [3, B])
  at(2).listener.onOpened('parley.v1')
  assert.deepEqual(at(2).hello?.resume, { seq: 0 })
  const error = { type: 'error', code: 'WRONG_POD', hop: 'client', message: 'there', retryable: true } as const
  at(2).tell({ ...error, retryAfterMs: 400, location: A })
  at(2).tell({ type: 'closing', reason: 'refused', message: 'refused', mayResume: false })
  await clock.advanceAsync(750, 250)
  assert.deepEqual([sockets.length, at(3).url], [4, B])
  session.destroy()
})

test('[CL118] after a connection that fell silent another pod is asked first', async () => {
  const { clock, session, sockets, at } = client()
  at(0).welcome(1, { entryUrls: [A, B], pingIntervalMs: 2_000, deadAfterMs: 4_000 })
  await clock.advanceAsync(5_000, 250)
  assert.deepEqual([at(0).isGone, at(1).url], [true, B])
  at(1).listener.onClosed(1006, new Error('refused'))
  await clock.advanceAsync(500, 250)
  assert.deepEqual([sockets.length, at(2).url], [3, A])
  session.destroy()
})
