// What a worker must live through: pods that die or freeze, clocks that jump, audio that is none, thousands of streams.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Clock, seededRandom, systemClock } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import { writeLinkRecord } from '@parley/protocol'
import { ScriptedSynthesiser } from '@parley/speech/testing'
import { collectingLogger } from '@parley/telemetry/testing'
import { createWorker } from './compose.ts'
import { ManualPod, podToken, TEST_SECRET } from './testing/manual-pod.ts'
import { SpellingRecogniser } from './testing/spelling-recogniser.ts'
import { until, workerRig } from './testing/worker-rig.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const speaker = (slots = 4) => new ScriptedSynthesiser({ clock: systemClock, slots })

test('[LK5, LK8] a pod that freezes is left within 5 s, with all its slots', async (t) => {
  const clock = new ManualClock(systemClock.wallMs())
  const synthesiser = speaker()
  const { connect, recogniser, worker } = await workerRig(t, { clock, synthesiser })
  const frozen = await connect()
  for (const stream of [1, 2]) frozen.open(stream)
  frozen.speak(3, 'hello', { creditMs: 20 })
  await frozen.got('stream.opened', 2)
  await frozen.got('speak.opened', 3)
  frozen.socket.pause() // the connection stays, and nobody is behind it
  await clock.advanceAsync(4_999)
  await until('free', () => recogniser.status().slotsUsed === 0 && synthesiser.status().slotsUsed === 0)
  assert.deepEqual(worker.usage(), { links: 0, streams: 0, texts: 0 })
})

test('[LK8] a pod that dies frees its slots at once', async (t) => {
  const synthesiser = speaker()
  const { connect, recogniser } = await workerRig(t, { synthesiser })
  const pod = await connect()
  for (const stream of [1, 2, 3]) pod.open(stream)
  pod.speak(4, 'hello', { creditMs: 20 })
  await pod.got('stream.opened', 3)
  pod.end()
  await until('free', () => recogniser.status().slotsUsed === 0 && synthesiser.status().slotsUsed === 0)
})

test('[WK3] frames that are empty, odd or beyond all sense harm neither their stream nor others', async (t) => {
  const { connect, worker } = await workerRig(t)
  const pod = await connect()
  pod.open(1)
  pod.open(2, { format: { codec: 'opus', sampleRateHz: 48_000, frameMs: 20 } })
  pod.open(3)
  await pod.got('stream.opened', 3)
  await pod.got('stream.opened', 2)
  const record = (stream: number, mediaTime: number, payload: Uint8Array) => {
    const message = new Uint8Array(10 + payload.byteLength)
    writeLinkRecord(message, 0, stream, mediaTime, payload)
    pod.sendRaw(message)
  }
  const random = seededRandom(11)
  for (let n = 0; n < 50; n++) {
    const payload = Uint8Array.from({ length: Math.floor(random() * 700) }, () => Math.floor(random() * 256))
    record(1, n * 320, payload.subarray(0, n % 5 === 0 ? 0 : payload.length))
    record(2, n * 960, payload)
    record(4_000_000_000, 0xffff_ffff, payload)
  }
  pod.audio(3, 0, 9, 5)
  for (const stream of [1, 2, 3]) pod.send({ type: 'stream.flush', stream, flushId: stream })
  for (const stream of [1, 2, 3]) assert.equal((await pod.got('stream.flushed', stream)).flushId, stream)
  assert.equal(pod.of('final', 3)[0]?.text, 'w9')
  assert.equal(pod.closeCode, undefined)
  assert.ok(worker.counters.framesCorruptTotal > 0)
  assert.ok(worker.counters.framesStrayTotal >= 50)
})

test('[WK21] the wall clock may jump by days: links, streams and speeches do not notice', async (t) => {
  let offsetMs = 0
  const clock: Clock = { ...systemClock, wallMs: () => systemClock.wallMs() + offsetMs }
  const recogniser = new SpellingRecogniser(clock, { slots: 4 })
  const logger = collectingLogger()
  const worker = createWorker({ clock, logger, recogniser, synthesiser: speaker(), fleetSecret: TEST_SECRET })
  t.after(() => worker.close())
  const address = { workerId: worker.workerId, url: await worker.start() }
  const pod = await ManualPod.connect(address)
  t.after(() => pod.end())
  pod.open(1)
  pod.speak(2, 'hello', { creditMs: 20 })
  await pod.got('stream.opened', 1)
  for (const [n, jumpMs] of [86_400_000, -2 * 86_400_000, 3_600_000].entries()) {
    offsetMs += jumpMs
    pod.audio(1, n * 16_000, 5 + n, 5)
    pod.audio(1, n * 16_000 + 1_600, 0, 16)
    assert.equal((await pod.got('final', 1, n + 1)).text, `w${5 + n}`)
  }
  pod.send({ type: 'speak.credit', stream: 2, creditMs: 60_000 })
  assert.equal((await pod.got('speak.ended', 2)).samples, 1_600)
  // A pod whose clock has not jumped is let in again when the worker's is back, and told apart from a stranger until then.
  const late = new ManualPod(address.url, {
    authorization: `Bearer ${await podToken(address.workerId, { ageS: 86_400 })}`,
  })
  t.after(() => late.end())
  await until('refused', () => late.refusedWith === 401)
  offsetMs = 0
  const back = await ManualPod.connect(address)
  back.end()
})

test('[WK5, WK15] a thousand streams and as many speeches, opened and closed in every state, leave nothing behind', async (t) => {
  const synthesiser = speaker(8)
  const { connect, worker, recogniser } = await workerRig(t, { slots: 8, synthesiser })
  const pod = await connect()
  const random = seededRandom(7)
  let number = 0
  const round = async (count: number) => {
    for (let n = 0; n < count; n++) {
      const [stream, speech] = [++number, ++number]
      pod.open(stream)
      pod.speak(speech, 'some text', { creditMs: Math.floor(random() * 200) })
      const isSettled = random() < 0.3
      if (isSettled) await pod.got('stream.opened', stream)
      pod.audio(stream, 0, 3, 2)
      for (const each of [stream, speech]) pod.send({ type: 'stream.close', stream: each })
      if (n % 4 === 3) {
        pod.send({ type: 'ping', id: n })
        await until('pong', () => pod.of('pong').at(-1)?.id === n)
        pod.messages.length = 0
        pod.heard.length = 0
      }
    }
    await until('free', () => recogniser.status().slotsUsed === 0 && synthesiser.status().slotsUsed === 0)
    collect()
    return process.memoryUsage().heapUsed
  }
  // The first rounds also pay for what is compiled and cached once.
  for (let n = 0; n < 2; n++) await round(300)
  const beforeBytes = await round(300)
  const afterBytes = await round(500)
  assert.deepEqual(worker.usage(), { links: 1, streams: 0, texts: 0 })
  const { queues, links } = worker.health()
  assert.deepEqual([queues.synthesise.waitingSpeeches, links.streams], [0, 0])
  const grownBytes = (afterBytes - beforeBytes) / 1_000
  assert.ok(grownBytes < 200, `${grownBytes.toFixed(0)} bytes per stream stay`)
})

test('[WK13] texts of any kind are spoken or refused by name, whatever is in them', async (t) => {
  const { connect } = await workerRig(t, { synthesiser: speaker(16) })
  const pod = await connect()
  const texts = [
    '\0',
    'a\0b',
    '\u0007\u001b[31m',
    '',
    '   ',
    '\ud800',
    '-h --help; rm -rf',
    '<speak>x</speak>',
    'word '.repeat(20_000),
  ]
  texts.forEach((text, n) => void pod.speak(n + 1, text, { creditMs: 500 }))
  for (const [n] of texts.entries()) await pod.got('speak.opened', n + 1)
  for (const [n] of texts.entries()) pod.send({ type: 'stream.close', stream: n + 1 })
  pod.speak(99, 'y'.repeat(140_000))
  assert.equal((await pod.got('stream.refused', 99)).code, 'TEXT_INVALID')
})
