// A server that says what the test tells it; the clock stands still.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { type LivePeer, startLiveServer } from '@parley/providers/testing'
import { ListenerLog } from '../../testing/listener-log.ts'
import { createDeepgramRecogniser } from './deepgram-recogniser.ts'
import { SentAudio } from './sent-audio.ts'

const BLOCK = 320
/** Samples that say of themselves which block they are. */
const block = (number: number) => new Int16Array(BLOCK).fill(number)

async function opened(t: TestContext, maxUtteranceMs = 20_000) {
  const server = await startLiveServer()
  const clock = new ManualClock()
  const settings = {
    id: 'dg',
    protocol: 'deepgram',
    baseUrl: server.url,
    apiKey: 'hunter2',
    roles: ['recognise'],
  } as const
  const endpointing = { endpointMs: 300, maxUtteranceMs }
  const recogniser = createDeepgramRecogniser({ clock, slots: 2, settings, endpointing })
  t.after(async () => {
    await recogniser.close()
    await server.close()
  })
  await recogniser.start()
  const log = new ListenerLog()
  const result = await recogniser.openStream({ language: 'en', firstIndex: 3 }, log)
  assert.ok(result.ok)
  /** The peer of the `number`th connection for audio: the first of all was the one that tried the address. */
  const peer = async (number = 0): Promise<LivePeer> => {
    await eventually(() => (server.peers[number + 1] ? undefined : `connection ${number} is not there`))
    return server.peers[number + 1] as LivePeer
  }
  const stream = result.value
  const push = (from: number, count: number, mediaMs = from * 20) => {
    for (let at = 0; at < count; at++) stream.push(mediaMs + at * 20, block(from + at))
  }
  return { server, clock, recogniser, log, stream, peer, push }
}

const told = (log: ListenerLog, count: number) =>
  eventually(() => (log.told.length < count ? `${log.told.length} of ${count} told` : undefined))
const heard = (peer: LivePeer, blocks: number) =>
  eventually(() => (peer.samples() < blocks * BLOCK ? `${peer.samples() / BLOCK} blocks` : undefined))
const blocksOf = (peer: LivePeer) => peer.received.map((each) => (typeof each === 'string' ? each : each.audio[0]))

test('[DG1] parts that will not change are put together; the end of speech makes the final, at the media times of its words', async (t) => {
  const { log, peer, push } = await opened(t)
  push(0, 300, 5_000)
  const live = await peer()
  live.result({ text: 'the train', fromS: 0, toS: 1, words: [0.4, 0.9] })
  live.result({ text: 'the train to', fromS: 0, toS: 1.5, isFinal: true, words: [0.4, 1.4] })
  live.result({ text: 'the city', fromS: 1.5, toS: 2.5, words: [1.6, 2.4] })
  live.result({ text: 'the city leaves.', fromS: 1.5, toS: 3.2, isFinal: true, isSpeechFinal: true, words: [1.6, 2.9] })
  live.result({ text: '', fromS: 3.2, toS: 4.2, isFinal: true })
  await told(log, 6)
  log.assertOrder(3)
  assert.deepEqual(
    log.partials.map(({ text, stable }) => [text, stable]),
    [
      ['the train', 0],
      ['the train to', 12],
      ['the train to the city', 12],
      ['the train to the city leaves.', 29],
    ],
  )
  const [final] = log.finals
  assert.deepEqual(
    [final?.text, final?.startMs, final?.endMs, final?.settledMs],
    ['the train to the city leaves.', 5_400, 7_900, 8_200],
  )
  assert.deepEqual(log.told.at(-1), { type: 'settled', settledMs: 9_200 })
})

test('[DG1] an end of utterance ends what results have not; a guess that came to nothing is no speech', async (t) => {
  const { log, peer, push } = await opened(t)
  push(0, 200)
  const live = await peer()
  live.result({ text: 'one', fromS: 0, toS: 1, isFinal: true, words: [0.1, 0.5] })
  live.say({ type: 'UtteranceEnd', channel: [0, 1], last_word_end: 0.5 })
  live.say({ type: 'UtteranceEnd', channel: [0, 1], last_word_end: 0.5 })
  live.result({ text: 'hm', fromS: 1, toS: 1.5 })
  live.result({ text: '', fromS: 1, toS: 2, isFinal: true })
  live.result({ text: 'two', fromS: 2, toS: 3, isFinal: true, isSpeechFinal: true })
  await told(log, 6)
  log.assertOrder(3)
  assert.deepEqual(log.transcript, ['one', 'two'])
  assert.deepEqual(
    log.abandoned.map(({ index, reason }) => [index, reason]),
    [[4, 'no_speech']],
  )
})

test('[DG2] a lost connection is replaced: what was not decided is sent again, what was is not, and its utterance goes on', async (t) => {
  const { log, peer, push, clock, server, stream } = await opened(t)
  // Audio may still come, however long this takes.
  stream.hold(true)
  push(0, 100)
  const first = await peer()
  await heard(first, 100)
  first.result({ text: 'one', fromS: 0, toS: 1, isFinal: true, words: [0.1, 0.9] })
  first.result({ text: 'tw', fromS: 1, toS: 1.5 })
  await told(log, 2)
  server.refuse('503 Unavailable')
  first.socket.terminate()
  // What comes meanwhile waits.
  await eventually(() => (clock.pendingTimers < 2 ? 'no attempt yet' : undefined))
  push(100, 10)
  await clock.advanceAsync(200, 20)
  server.refuse(undefined)
  await eventually(async () => {
    await clock.advanceAsync(100)
    return server.peers.length < 3 ? 'not connected' : undefined
  })
  const second = await peer(1)
  await heard(second, 60)
  push(110, 5)
  await heard(second, 65)
  assert.deepEqual(
    blocksOf(second),
    Array.from({ length: 65 }, (_, at) => 50 + at),
  )
  second.result({ text: 'two', fromS: 0, toS: 1.2, isFinal: true, isSpeechFinal: true, words: [0.2, 0.8] })
  await eventually(() => (log.finals.length === 0 ? 'no final' : undefined))
  log.assertOrder(3)
  const [final] = log.finals
  assert.deepEqual([final?.text, final?.startMs, final?.endMs, final?.settledMs], ['one two', 100, 1_800, 2_200])
})

test('[DG2] a flush that was under way is asked for again on the next connection, in its place', async (t) => {
  const { log, peer, push, clock, stream, server } = await opened(t)
  push(0, 10)
  stream.flush(7)
  push(10, 5)
  const first = await peer()
  await heard(first, 15)
  first.socket.terminate()
  await eventually(async () => {
    await clock.advanceAsync(100)
    return server.peers.length < 3 ? 'not connected' : undefined
  })
  const second = await peer(1)
  await heard(second, 15)
  assert.deepEqual(blocksOf(second), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 'Finalize', 10, 11, 12, 13, 14])
  second.result({ text: 'yes', fromS: 0, toS: 0.2, isFinal: true, isFromFinalize: true })
  await told(log, 3)
  assert.deepEqual(
    log.told.map(({ type }) => type),
    ['partial', 'final', 'flushed'],
  )
  assert.deepEqual(log.flushes, [{ type: 'flushed', flushId: 7, settledMs: 200 }])
})

test('[DG2] one that cannot be replaced fails the stream once; its slot is free', async (t) => {
  const { log, peer, push, clock, server, recogniser } = await opened(t)
  push(0, 5)
  const first = await peer()
  server.refuse('401 Unauthorized')
  first.socket.terminate()
  await eventually(async () => {
    await clock.advanceAsync(100)
    return log.told.length === 0 ? 'nothing is told' : undefined
  })
  assert.equal(log.told.length, 1)
  assert.match((log.told[0] as { message: string }).message, /answers 401/)
  assert.doesNotMatch(JSON.stringify(log.told), /hunter2/)
  await eventually(() => (recogniser.status().slotsUsed > 0 ? 'the slot is taken' : undefined))
})

test('[DG2] a breach of policy is not tried again', async (t) => {
  const { log, peer, push, server } = await opened(t)
  push(0, 5)
  ;(await peer()).socket.close(1008, 'DATA-0000')
  await told(log, 1)
  assert.equal(log.told[0]?.type, 'failed')
  assert.equal(server.peers.length, 2)
})

test('[DG3] a Finalize that nobody answers counts as answered after 2.5 s', async (t) => {
  const { log, peer, push, clock, stream } = await opened(t)
  push(0, 5)
  stream.flush(1)
  stream.flush(2)
  const live = await peer()
  await eventually(() => (live.received.filter((each) => each === 'Finalize').length < 2 ? 'not asked' : undefined))
  clock.advance(2_400)
  assert.equal(log.told.length, 0)
  clock.advance(100)
  clock.advance(2_500)
  assert.deepEqual(
    log.flushes.map(({ flushId, settledMs }) => [flushId, settledMs]),
    [
      [1, 100],
      [2, 100],
    ],
  )
})

test('[UT5] speech that does not end is decided after the longest time, and goes on', async (t) => {
  const { log, peer, push } = await opened(t, 4_000)
  push(0, 100)
  const live = await peer()
  live.result({ text: 'so', fromS: 0, toS: 1, words: [0.5, 0.9] })
  await told(log, 1)
  push(100, 110)
  push(210, 20)
  await heard(live, 230)
  await eventually(() => (live.received.includes('Finalize') ? undefined : 'no end was asked for'))
  assert.equal(live.received.filter((each) => each === 'Finalize').length, 1)
  live.result({ text: 'so much to say', fromS: 0, toS: 4.5, isFinal: true, isFromFinalize: true, words: [0.5, 4.4] })
  live.result({ text: 'and more', fromS: 4.5, toS: 4.6, words: [4.5, 4.6] })
  await eventually(() => (log.partials.some(({ index }) => index === 4) ? undefined : 'the next has not begun'))
  log.assertOrder(3)
  assert.deepEqual(log.transcript, ['so much to say'])
})

test('[RC9] audio beyond 30 s that nothing is said about breaks the stream', async (t) => {
  const { log, push, recogniser } = await opened(t)
  push(0, 1_501)
  await told(log, 1)
  assert.equal(log.told[0]?.type, 'failed')
  push(1_501, 10)
  await eventually(() => (recogniser.status().slotsUsed > 0 ? 'the slot is taken' : undefined))
  assert.equal(log.told.length, 1)
  assert.equal(recogniser.status().backlog?.lostMsTotal, 20)
})

test('[DG4] a provider that refuses streams is a refusal; one with a wrong key is a status, and is tried again', async (t) => {
  const { server, recogniser, clock } = await opened(t)
  const open = () => recogniser.openStream({ language: 'en', firstIndex: 0 }, new ListenerLog())
  server.refuse('429 Too Many Requests', 'retry-after: 3')
  const busy = await open()
  assert.ok(!busy.ok && busy.error.code === 'NO_SLOT' && busy.error.retryAfterMs === 3_000)
  assert.equal(recogniser.status().ready, true)
  server.refuse('401 Unauthorized')
  const wrong = await open()
  assert.ok(!wrong.ok && wrong.error.code === 'SPEECH_UNAVAILABLE')
  assert.match(recogniser.status().problem ?? '', /dg: .*401/)
  const attempts = server.peers.length
  assert.equal((await open()).ok, false)
  server.refuse(undefined)
  clock.advance(15_000)
  await eventually(() => (recogniser.status().ready ? undefined : 'it is not ready'))
  assert.equal(server.peers.length, attempts + 1)
  const again = await open()
  assert.ok(again.ok)
  await again.value.close()
})

test('[RC5] [RC8] 200 streams opened and left leave neither timers nor connections', async (t) => {
  const { server, recogniser, clock, stream } = await opened(t)
  await stream.close()
  const timers = clock.pendingTimers
  for (let round = 0; round < 200; round++) {
    const result = await recogniser.openStream({ language: 'en', firstIndex: 0 }, new ListenerLog())
    assert.ok(result.ok)
    result.value.push(0, block(1))
    if (round % 3 === 0) result.value.flush(1)
    if (round % 5 === 0) server.peers.at(-1)?.socket.terminate()
    await result.value.close()
  }
  assert.equal(recogniser.status().slotsUsed, 0)
  assert.equal(clock.pendingTimers, timers)
  await eventually(() => {
    const open = server.peers.filter(({ socket }) => socket.readyState !== socket.CLOSED).length
    return open > 0 ? `${open} connections` : undefined
  })
})

test('[DG5] seconds of a connection are media times, also across gaps and after what was forgotten', () => {
  const sent = new SentAudio()
  const put = (startMs: number) =>
    sent.push({ kind: 'block', startMs, endMs: startMs + 20, samples: block(0), arrivedAtMs: startMs })
  for (const startMs of [100, 120, 140, 5_000, 5_020]) put(startMs)
  assert.deepEqual(
    [0, 0.01, 0.02, 0.05, 0.06, 0.09, 0.1, 7].map((at) => sent.mediaMs(at)),
    [100, 110, 120, 150, 5_000, 5_030, 5_040, 5_040],
  )
  sent.forget(0.04)
  assert.equal(sent.length, 3)
  assert.deepEqual(
    [0, 0.04, 0.06, 0.09].map((at) => sent.mediaMs(at)),
    [140, 140, 5_000, 5_030],
  )
  sent.mark({ kind: 'flush', flushId: 1, heardMs: 5_040 })
  put(5_040)
  assert.equal(sent.hasMark, true)
  assert.equal(sent.takeMark()?.flushId, 1)
  assert.deepEqual([sent.length, sent.mediaMs(0.11), sent.takeMark()], [1, 5_050, undefined])
  assert.equal([...sent.again()].length, 1)
  assert.equal(sent.mediaMs(0), 5_040)
})
