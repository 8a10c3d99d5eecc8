// Links by which watchers at one pod follow a session of another, without sockets: what crosses them, and what happens when they are behind.
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { type TestContext, test } from 'node:test'
import { ok, Scope } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import { ParleyError, type SessionId, type WatchLinkId } from '@parley/protocol'
import type { SessionChannel } from '@parley/sessions'
import { silentLogger } from '@parley/telemetry'
import fc from 'fast-check'
import type { WebSocket } from 'ws'
import type { RemoteFollower, ServedWatchers, Watched, WatchOutlet } from '../sessions/watch-port.ts'
import { MAX_HELD_BYTES, WatchHost } from './watch-host.ts'
import { LINK_DEAD_MS } from './watch-link-life.ts'
import { decodeRecord, encodeRecord, RECORD_KINDS, readToSessionPod, readToWatcherPod } from './watch-records.ts'
import { PodWatchRelay } from './watch-relay.ts'

/** One end of a connection; what is sent arrives at the other when the test lets it. */
class End extends EventEmitter {
  readonly OPEN = 1
  readyState = 1
  bufferedAmount = 0
  /** What is sent stays here. */
  isStuck = false
  readonly sent: { readonly data: Buffer | string; readonly isBinary: boolean }[] = []
  readonly #written: (() => void)[] = []
  other: End | undefined

  send(data: Buffer | string, options?: { binary?: boolean } | (() => void), written?: () => void): void {
    const isBinary = typeof data !== 'string' && (options as { binary?: boolean } | undefined)?.binary !== false
    this.sent.push({ data, isBinary })
    if (this.isStuck) {
      this.bufferedAmount += data.length
      if (written) this.#written.push(written)
      return
    }
    this.other?.emit('message', data, isBinary)
    written?.()
  }

  /** Everything has left. */
  drain(): void {
    this.isStuck = false
    this.bufferedAmount = 0
    for (const written of this.#written.splice(0)) written()
  }

  close(): void {
    if (this.readyState === 3) return
    this.readyState = 3
    this.emit('close')
    this.other?.close()
  }
  terminate(): void {
    this.close()
  }
}

const asSocket = (end: End): WebSocket => end as unknown as WebSocket
const SESSION = 'ses_00000000000000000000' as SessionId
const LINK = 'wat_00000000000000000000' as WatchLinkId

test('[PF14] property: a record is read as it was written; whatever else comes is no record, and throws nothing', () => {
  const record = fc.record({
    kind: fc.constantFrom(...RECORD_KINDS),
    key: fc.integer({ min: -5, max: 2 ** 52 }),
    channels: fc.array(fc.nat({ max: 0xffff_ffff }), { maxLength: 20 }),
    payload: fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
  })
  fc.assert(fc.property(record, (written) => assert.deepEqual(decodeRecord(encodeRecord(written)), { ...written })))
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void decodeRecord(Buffer.from(bytes))))
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      void readToSessionPod(text)
      void readToWatcherPod(text)
    }),
  )
  const strange = { is: 'join', channel: 1, linkId: LINK, hello: { captions: { version: 'x' } } }
  assert.equal(readToSessionPod(JSON.stringify(strange)).ok, false)
  assert.equal(readToSessionPod('{"is":"later","channel":1}').ok, false)
})

/** The side of the session: what the host serves is in the test's hands. */
function hostRig(t: TestContext) {
  const clock = new ManualClock()
  const scope = new Scope(clock)
  t.after(() => scope.close())
  const asked: string[] = []
  let outlet: WatchOutlet | undefined
  const served: ServedWatchers = {
    join: (channel, linkId) => void asked.push(`join ${channel} ${linkId}`),
    want: (channel, { type }) => void asked.push(`want ${channel} ${type}`),
    leave: (channel) => void asked.push(`leave ${channel}`),
    close: () => void asked.push('close'),
  }
  const watchers = {
    serve(_sessionId: string, out: WatchOutlet) {
      outlet = out
      return served
    },
  }
  const host = new WatchHost({ clock, scope, watchers, logger: silentLogger })
  const [near, far] = [new End(), new End()]
  near.other = far
  far.other = near
  host.accept(asSocket(near), SESSION)
  return { clock, host, near, far, asked, outlet: outlet as unknown as WatchOutlet }
}

const recordsOf = (end: End) =>
  end.sent.flatMap(({ data, isBinary }) => {
    const record = isBinary ? decodeRecord(data as Buffer) : undefined
    return record && record !== 'passed' ? [`${record.kind} ${record.key} [${record.channels}] ${record.payload}`] : []
  })

test('[PF14] what several watchers are told crosses the link once; order is kept, also with what is told of each', async (t) => {
  const { clock, near, outlet } = hostRig(t)
  const [partial, final, alone] = [Buffer.from('partial'), Buffer.from('final'), Buffer.from('alone')]
  for (const channel of [1, 2, 3]) outlet.latest(channel, 7, partial)
  for (const channel of [1, 2, 3]) outlet.keep(channel, final, 7)
  outlet.keep(2, alone, -3)
  outlet.closed(2, 'revoked')
  outlet.speech(1, Buffer.from('voice'))
  await clock.advanceAsync(0)
  assert.deepEqual(recordsOf(near), [
    'latest 7 [1,2,3] partial',
    'keep 7 [1,2,3] final',
    'keep -3 [2] alone',
    'speech 0 [1] voice',
  ])
  const controls = near.sent.flatMap(({ data, isBinary }) => (isBinary ? [] : [String(data)]))
  assert.deepEqual(controls, ['{"is":"closed","channel":2,"reason":"revoked"}'])
  assert.equal(
    near.sent.findIndex(({ isBinary }) => !isBinary),
    3,
    'behind what was told before',
  )
})

test('[PF14] a link that is behind lets partials coalesce and leaves voices out; finals wait, and too many of them end it', async (t) => {
  const { clock, host, near, asked, outlet } = hostRig(t)
  near.isStuck = true
  outlet.keep(1, Buffer.alloc(300_000), -3)
  await clock.advanceAsync(0)
  for (let n = 0; n < 100; n++) {
    outlet.latest(1, 7, Buffer.from(`partial ${n}`))
    await clock.advanceAsync(0)
  }
  assert.equal(outlet.speech(1, Buffer.from('voice')), false)
  outlet.keep(1, Buffer.from('other final'), 8)
  await clock.advanceAsync(0)
  assert.equal(near.sent.length, 1)
  near.drain()
  await clock.advanceAsync(0)
  assert.deepEqual(recordsOf(near).slice(1), ['latest 7 [1] partial 99', 'keep 8 [1] other final'])
  near.isStuck = true
  const large = Buffer.alloc(MAX_HELD_BYTES / 4)
  for (let n = 0; n < 6; n++) {
    outlet.keep(1, Buffer.from(large), -3)
    await clock.advanceAsync(0)
  }
  assert.deepEqual([near.readyState, host.links, asked], [3, 0, ['close']])
})

test('[PF14] what the other pod says is done; nonsense is passed over; a silent pod is given up', async (t) => {
  const { clock, far, near, host, asked } = hostRig(t)
  far.send(JSON.stringify({ is: 'join', channel: 1, linkId: LINK, hello: {} }))
  far.send(JSON.stringify({ is: 'want', channel: 1, wish: { type: 'subscribe', version: 1, streams: [] } }))
  far.send('nonsense')
  far.send(JSON.stringify({ is: 'leave', channel: 1 }))
  assert.deepEqual(asked, [`join 1 ${LINK}`, 'want 1 subscribe', 'leave 1'])
  await clock.advanceAsync(LINK_DEAD_MS - 2_000, 500)
  far.send('{"is":"ping"}')
  await clock.advanceAsync(LINK_DEAD_MS - 1_000, 500)
  assert.equal(host.links, 1)
  await clock.advanceAsync(2_000, 500)
  assert.deepEqual([near.readyState, host.links, asked.at(-1)], [3, 0, 'close'])
})

/** The side of the watchers: what the session's pod says is in the test's hands. */
function relayRig(t: TestContext, isReachable = true) {
  const clock = new ManualClock()
  const scope = new Scope(clock)
  t.after(() => scope.close())
  const [near, far] = [new End(), new End()]
  near.other = far
  far.other = near
  let connects = 0
  const relay = new PodWatchRelay({
    clock,
    scope,
    fleet: { whereIs: async () => ({ is: 'there', peer: { podId: 'pod_b', url: 'http://pod_b' } }) },
    peers: {
      async connect() {
        connects++
        return isReachable ? ok(asSocket(near)) : { ok: false, error: 'refused' }
      },
    },
    logger: silentLogger,
  })
  const told: string[] = []
  const follow = (name: string, isThere = true) => {
    let watched: Watched | undefined
    const channel: SessionChannel = {
      keep: (message, supersedes) => void told.push(`${name} keep ${message} ${supersedes}`),
      latest: (key, message) => void told.push(`${name} latest ${key} ${message}`),
      speech: (frame) => told.push(`${name} speech ${frame}`) > 0,
      ping() {},
      move() {},
      close: (reason) => void told.push(`${name} close ${reason}`),
    }
    const follower: RemoteFollower = {
      channel,
      welcomed(_welcome, given) {
        watched = given
        return isThere
      },
    }
    const answer = relay.follow({ sessionId: SESSION, linkId: LINK, hello: {} }, follower)
    return { answer, channel, watched: () => watched as Watched }
  }
  const welcome = (channel: number): void =>
    far.send(encodeRecord({ kind: 'welcome', key: 0, channels: [channel], payload: Buffer.from('{"type":"welcome"}') }))
  return {
    clock,
    relay,
    near,
    far,
    told,
    follow,
    welcome,
    connects: () => connects,
    asked: () => near.sent.map(({ data }) => JSON.parse(String(data)) as { is: string; channel: number }),
  }
}

test('[PF14] however many follow a session, there is one link; it ends with the last of them', async (t) => {
  const { clock, relay, near, far, told, follow, welcome, connects, asked } = relayRig(t)
  const [one, two] = [follow('one'), follow('two')]
  await clock.advanceAsync(0)
  assert.deepEqual(
    [connects(), relay.links, asked().map(({ is, channel }) => `${is} ${channel}`)],
    [1, 1, ['join 1', 'join 2']],
  )
  welcome(1)
  welcome(2)
  assert.deepEqual(await Promise.all([one.answer, two.answer]), ['following', 'following'])
  far.send(encodeRecord({ kind: 'keep', key: 7, channels: [1, 2], payload: Buffer.from('final') }))
  far.send(encodeRecord({ kind: 'latest', key: 8, channels: [2, 9], payload: Buffer.from('partial') }))
  far.send(encodeRecord({ kind: 'speech', key: 0, channels: [1], payload: Buffer.from('voice') }))
  assert.deepEqual(told, ['one keep final 7', 'two keep final 7', 'two latest 8 partial', 'one speech voice'])
  one.watched().want(one.channel, { type: 'subscribe', version: 1, streams: [] })
  one.watched().unwatch(one.channel)
  one.watched().unwatch(one.channel)
  assert.deepEqual(
    asked()
      .slice(2)
      .map(({ is, channel }) => `${is} ${channel}`),
    ['want 1', 'leave 1'],
  )
  far.send(encodeRecord({ kind: 'keep', key: 7, channels: [1], payload: Buffer.from('late') }))
  far.send(JSON.stringify({ is: 'closed', channel: 2, reason: 'finished' }))
  assert.deepEqual(told.slice(4), ['two close finished'])
  assert.deepEqual([relay.links, near.readyState], [0, 3])
})

test('[PF14] refused, unanswered and unreachable are told apart; who left meanwhile costs nothing', async (t) => {
  const { clock, relay, far, follow, welcome, asked } = relayRig(t)
  const [refused, silent, gone] = [follow('refused'), follow('silent'), follow('gone', false)]
  await clock.advanceAsync(0)
  far.send(JSON.stringify({ is: 'refused', channel: 1, code: 'WATCH_LINK_INVALID', details: { message: 'no' } }))
  const answer = await refused.answer
  assert.ok(answer instanceof ParleyError && answer.code === 'WATCH_LINK_INVALID')
  welcome(3)
  assert.equal(await gone.answer, 'following')
  assert.equal(asked().at(-1)?.is, 'leave')
  await clock.advanceAsync(3_000, 500)
  assert.equal(await silent.answer, 'impossible')
  assert.equal(relay.links, 0)
  const other = relayRig(t, false)
  const none = other.follow('none')
  await other.clock.advanceAsync(0)
  assert.deepEqual([await none.answer, other.relay.links], ['impossible', 0])
})

test('[PF14] when a link breaks everybody on it is told to come again', async (t) => {
  const { clock, relay, far, told, follow, welcome } = relayRig(t)
  const [one, two] = [follow('one'), follow('two')]
  await clock.advanceAsync(0)
  welcome(1)
  await one.answer
  far.terminate()
  assert.equal(await two.answer, 'impossible')
  assert.deepEqual([told, relay.links], [['one close socket_lost'], 0])
  assert.equal(clock.pendingTimers, 0)
})
