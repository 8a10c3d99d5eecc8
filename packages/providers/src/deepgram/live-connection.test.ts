import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { startLiveServer } from '../testing/live-server.ts'
import { LiveConnection, type LiveListener, listenUrl } from './live-connection.ts'
import { type LiveMessage, readLiveMessage } from './live-messages.ts'

const settings = (baseUrl: string, apiKey?: string) =>
  ({ id: 'dg', protocol: 'deepgram', baseUrl, apiKey, roles: ['recognise'] }) as const

async function connected(t: TestContext, more: Partial<LiveListener> = {}) {
  const server = await startLiveServer()
  t.after(() => server.close())
  const clock = new ManualClock()
  const messages: LiveMessage[] = []
  const ends: { message: string; mayRetry: boolean }[] = []
  const listener = {
    onMessage: (message: LiveMessage) => void messages.push(message),
    onEnded: (end: (typeof ends)[0]) => void ends.push(end),
    ...more,
  }
  const asked = {
    clock,
    settings: settings(server.url, 'hunter2'),
    language: 'en',
    sampleRateHz: 16_000,
    endpointMs: 300,
    listener,
  }
  const result = await LiveConnection.connect(asked)
  assert.ok(result.ok)
  await eventually(() => (server.peers.length === 0 ? 'no peer' : undefined))
  return {
    server,
    clock,
    messages,
    ends,
    asked,
    connection: result.value,
    peer: server.peers[0] as (typeof server.peers)[0],
  }
}

test('[PRV30] where a live connection is asked for, however the address was written', () => {
  for (const base of ['wss://dg.example', 'https://dg.example/', 'wss://dg.example/v1', 'wss://dg.example/v1/listen']) {
    const url = listenUrl({ settings: settings(base), language: 'es-419', sampleRateHz: 16_000, endpointMs: 300 })
    assert.equal(`${url.protocol}//${url.host}${url.pathname}`, 'wss://dg.example/v1/listen')
    const { language, sample_rate: rate, endpointing, interim_results: interim } = Object.fromEntries(url.searchParams)
    assert.deepEqual([language, rate, endpointing, interim], ['es-419', '16000', '300', 'true'])
  }
  const below = listenUrl({ settings: settings('ws://h/deep'), language: 'en', sampleRateHz: 8_000, endpointMs: 10 })
  assert.equal(below.pathname, '/deep/v1/listen')
})

test('[PRV31] messages are read into what a listener needs; others are left out', () => {
  const full = {
    type: 'Results',
    start: 1.5,
    duration: 2,
    is_final: true,
    speech_final: true,
    channel: {
      alternatives: [
        {
          transcript: ' hello there ',
          words: [
            { start: 1.6, end: 2 },
            { start: 2, end: 3.1 },
          ],
        },
      ],
    },
  }
  assert.deepEqual(readLiveMessage(JSON.stringify(full)), {
    type: 'result',
    transcript: 'hello there',
    startS: 1.5,
    endS: 3.5,
    isFinal: true,
    isSpeechFinal: true,
    isFromFinalize: false,
    speech: { startS: 1.6, endS: 3.1 },
  })
  for (const wrong of [
    { ...full, start: -1 },
    { ...full, duration: 'x' },
    { ...full, channel: {} },
    { ...full, channel: null },
  ]) {
    assert.equal(readLiveMessage(JSON.stringify(wrong)), undefined)
  }
  for (const text of ['', '{', 'null', '[]', '{"type":3}']) assert.equal(readLiveMessage(text), undefined, text)
  assert.deepEqual(readLiveMessage('{"type":"Tomorrow"}'), { type: 'other' })
  assert.deepEqual(readLiveMessage('{"type":"Error","description":"no"}'), { type: 'error', message: 'no' })
})

test('[PRV32] the key goes into the header; audio and control go out, results come in', async (t) => {
  const { connection, peer, messages } = await connected(t)
  assert.equal(peer.request.headers.authorization, 'Token hunter2')
  assert.doesNotMatch(String(peer.request.url), /hunter2/)
  connection.sendAudio(Int16Array.of(1, -2, 3))
  connection.finalize()
  await eventually(() => (peer.received.length < 2 ? 'not sent' : undefined))
  assert.deepEqual(peer.received, [{ audio: Int16Array.of(1, -2, 3) }, 'Finalize'])
  peer.result({ text: 'x', fromS: 0, toS: 1 })
  await eventually(() => (messages.length === 0 ? 'not heard' : undefined))
  await connection.close()
  assert.equal(peer.received.at(-1), 'CloseStream')
})

test('[PRV33] without audio it is kept alive; closed, nothing is left and nothing is told', async (t) => {
  const { connection, peer, clock, ends } = await connected(t)
  for (let round = 0; round < 3; round++) await clock.advanceAsync(4_000)
  await eventually(() => (peer.received.length < 3 ? `${peer.received.length} signs of life` : undefined))
  assert.deepEqual(peer.received, ['KeepAlive', 'KeepAlive', 'KeepAlive'])
  clock.advance(2_000)
  connection.sendAudio(new Int16Array(1))
  clock.advance(2_000)
  assert.equal(peer.received.filter((each) => each === 'KeepAlive').length, 3)
  await Promise.all([connection.close(), connection.close()])
  assert.equal(clock.pendingTimers, 0)
  assert.deepEqual(ends, [])
})

test('[PRV33] a server that does not take leave is left after a second', async (t) => {
  const { connection, peer, clock } = await connected(t)
  peer.socket.pause()
  const closing = connection.close()
  await clock.advanceAsync(1_000)
  await closing
  assert.equal(clock.pendingTimers, 0)
})

test('[PRV34] an end says why, without the key, and whether another connection may do better', async (t) => {
  const { peer, ends, clock } = await connected(t)
  peer.socket.close(1011, 'NET-0001 hunter2')
  await eventually(() => (ends.length === 0 ? 'not told' : undefined))
  assert.equal(ends[0]?.mayRetry, true)
  assert.match(ends[0]?.message ?? '', /1011: NET-0001 \(key\)/)
  assert.equal(clock.pendingTimers, 0)
  const other = await connected(t)
  other.peer.socket.close(1008, 'DATA-0000')
  await eventually(() => (other.ends.length === 0 ? 'not told' : undefined))
  assert.equal(other.ends[0]?.mayRetry, false)
})

test('[PRV34] a server that talks nonsense is left', async (t) => {
  const { peer, ends, messages } = await connected(t)
  for (let at = 0; at < 25; at++) peer.socket.send('<html>')
  await eventually(() => (ends.length === 0 ? 'not told' : undefined))
  assert.deepEqual([ends[0]?.mayRetry, messages.length], [false, 0])
})

test('[PRV35] refused, unreachable, silent and given up attempts are failures of their kinds, and leave nothing', async (t) => {
  const { server, asked, connection, clock } = await connected(t)
  await connection.close()
  const attempt = async (change: Partial<typeof asked> = {}, signal?: AbortSignal) => {
    const result = await LiveConnection.connect({ ...asked, ...change }, signal)
    assert.ok(!result.ok)
    assert.doesNotMatch(result.error.message, /hunter/)
    return result.error
  }
  for (const [status, kind] of [
    ['401 Unauthorized', 'key_refused'],
    ['402 Payment Required', 'key_refused'],
    ['429 Too Many Requests', 'rate_limited'],
    ['503 Unavailable', 'server'],
    ['400 Bad Request', 'refused'],
  ] as const) {
    server.refuse(status, 'retry-after: 2')
    const failure = await attempt()
    assert.equal(failure.kind, kind)
    assert.equal(failure.retryAfterMs, kind === 'rate_limited' || kind === 'server' ? 2_000 : undefined)
  }
  assert.equal((await attempt({ settings: settings('wss://no-such-host.invalid') })).kind, 'unreachable')
  assert.equal((await attempt({ settings: settings(server.url, 'hunter3\n') })).kind, 'key_refused')
  const silent = createServer((socket) => void socket.on('error', () => {}))
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.after(() => silent.close())
  const silentUrl = `ws://127.0.0.1:${(silent.address() as AddressInfo).port}`
  const waiting = attempt({ settings: settings(silentUrl) })
  await clock.advanceAsync(5_000)
  assert.match((await waiting).message, /within 5000 ms/)
  const leaving = new AbortController()
  const left = attempt({ settings: settings(silentUrl) }, leaving.signal)
  leaving.abort()
  assert.equal((await left).kind, 'cancelled')
  assert.equal(clock.pendingTimers, 0)
})
