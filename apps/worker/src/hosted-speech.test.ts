// Speech over the link: a worker in this process whose synthesiser follows its script, pods on real sockets.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import {
  SCRIPTED_CHAR_MS,
  ScriptedSynthesiser,
  type ScriptedSynthesiserOptions,
  scriptedTone,
} from '@parley/speech/testing'
import fc from 'fast-check'
import { newCounters } from './host-context.ts'
import { SpeechFlow } from './speech-flow.ts'
import { SpeechSender } from './speech-sender.ts'
import { until, workerRig } from './testing/worker-rig.ts'

const RATE_PER_MS = 16
const CHUNK = SCRIPTED_CHAR_MS * RATE_PER_MS

function scripted(options: Partial<ScriptedSynthesiserOptions> = {}): ScriptedSynthesiser {
  return new ScriptedSynthesiser({ clock: systemClock, slots: 4, ...options })
}

const audioOf = (text: string): Int16Array =>
  Int16Array.from([...text].flatMap((character) => [...scriptedTone(character)]))

test('[WK13] a speech is opened, heard whole and in order, and ended with its length', async (t) => {
  const { connect, worker } = await workerRig(t, { synthesiser: scripted() })
  const pod = await connect()
  pod.speak(1, 'Hello there.')
  const ended = await pod.got('speak.ended', 1)
  assert.deepEqual(pod.of('speak.opened', 1), [
    {
      type: 'speak.opened',
      stream: 1,
      sampleRateHz: 16_000,
      voice: { name: 'scripted', language: 'en-US', engine: 'scripted' },
    },
  ])
  assert.deepEqual(pod.speechOf(1), audioOf('Hello there.'))
  assert.equal(ended.samples, 12 * CHUNK)
  assert.equal(worker.counters.speechAudioMsTotal, 12 * SCRIPTED_CHAR_MS)
  await until('told', () => pod.of('worker.load').at(-1)?.roles?.synthesise?.slotsUsed === 0)
})

test('[WK13] what cannot be spoken is refused by name', async (t) => {
  const { connect, worker } = await workerRig(t, { synthesiser: scripted({ slots: 1 }) })
  const pod = await connect()
  pod.speak(1, 'x'.repeat(140_000))
  pod.speak(2, 'hello', { voice: 'nobody' })
  pod.speak(3, 'hello', { language: 'fi' })
  pod.speak(4, 'first', { creditMs: 20 })
  pod.speak(5, 'second')
  const refused = await pod.got('stream.refused', 5)
  assert.deepEqual(
    pod.of('stream.refused').map(({ stream, code }) => [stream, code]),
    [
      [1, 'TEXT_INVALID'],
      [2, 'VOICE_UNKNOWN'],
      [3, 'LANGUAGE_UNSUPPORTED'],
      [5, 'NO_SLOT'],
    ],
  )
  assert.equal(refused.retryAfterMs, 1_000)
  assert.match(pod.of('stream.refused', 2)[0]?.message ?? '', /scripted/)
  assert.equal(worker.counters.speechesRefusedTotal, 4)
  pod.send({ type: 'stream.close', stream: 4 })
})

test('[WK13] a worker without the role says so', async (t) => {
  const { connect } = await workerRig(t)
  const pod = await connect()
  pod.speak(1, 'hello')
  const refused = await pod.got('stream.refused', 1)
  assert.deepEqual([refused.code, refused.message], ['NO_SLOT', 'this worker has no slots to synthesise'])
  assert.deepEqual(Object.keys(pod.of('worker.load').at(-1)?.roles ?? {}), ['recognise'])
})

test('[WK14] nothing is sent beyond the credit, and more comes with it', async (t) => {
  const { connect } = await workerRig(t, { synthesiser: scripted() })
  const pod = await connect()
  pod.speak(1, 'abcdefgh', { creditMs: 50 })
  await until('first', () => pod.speechOf(1).length === 50 * RATE_PER_MS)
  pod.send({ type: 'speak.credit', stream: 1, creditMs: 30 })
  pod.send({ type: 'speak.credit', stream: 1, creditMs: 70 })
  await until('more', () => pod.speechOf(1).length === 70 * RATE_PER_MS)
  pod.send({ type: 'ping', id: 1 })
  await pod.got('pong')
  assert.equal(pod.speechOf(1).length, 70 * RATE_PER_MS)
  pod.send({ type: 'speak.credit', stream: 1, creditMs: 160 })
  assert.equal((await pod.got('speak.ended', 1)).samples, 8 * CHUNK)
  assert.deepEqual(pod.speechOf(1), audioOf('abcdefgh'))
})

test('[WK14] a speech taken over begins where the pod says, with the length of the whole', async (t) => {
  const { connect } = await workerRig(t, { synthesiser: scripted() })
  const pod = await connect()
  pod.speak(1, 'abcdefgh', { fromSample: 1_000, creditMs: 0 })
  await pod.got('speak.opened', 1)
  pod.send({ type: 'speak.credit', stream: 1, creditMs: 10_000 })
  assert.equal((await pod.got('speak.ended', 1)).samples, 8 * CHUNK)
  assert.deepEqual(pod.speechOf(1, 1_000), audioOf('abcdefgh').subarray(1_000))
  pod.speak(2, 'abc', { fromSample: 50_000 })
  assert.equal((await pod.got('speak.ended', 2)).samples, 3 * CHUNK)
  assert.equal(pod.speechOf(2, 50_000).length, 0)
})

test('[WK15] after a close nothing more of the speech is sent, and its slot is free', async (t) => {
  const synthesiser = scripted()
  const { connect } = await workerRig(t, { synthesiser })
  const pod = await connect()
  pod.speak(1, 'a long text that is not heard to its end', { creditMs: 100 })
  await until('begun', () => pod.heard.length > 0)
  pod.send({ type: 'stream.close', stream: 1 })
  pod.send({ type: 'speak.credit', stream: 1, creditMs: 60_000 })
  pod.send({ type: 'ping', id: 1 })
  await pod.got('pong')
  assert.equal(synthesiser.status().slotsUsed, 0)
  assert.deepEqual(pod.of('speak.ended', 1), [])
  const heardSamples = pod.speechOf(1).length
  pod.speak(2, 'b')
  await pod.got('speak.ended', 2)
  assert.equal(pod.speechOf(1).length, heardSamples)
})

test('[WK4] a speech that breaks fails alone: the pod has what was said before it', async (t) => {
  const failAfterChunks = ({ requestId }: { requestId: string }) => (requestId === 'req_1' ? 3 : undefined)
  const { connect, worker } = await workerRig(t, { synthesiser: scripted({ failAfterChunks }) })
  const pod = await connect()
  pod.speak(1, 'abcdefgh')
  pod.speak(2, 'abcdefgh')
  await pod.got('stream.failed', 1)
  await pod.got('speak.ended', 2)
  assert.deepEqual(pod.speechOf(1), audioOf('abc'))
  assert.deepEqual(pod.speechOf(2), audioOf('abcdefgh'))
  assert.equal(worker.counters.speechesFailedTotal, 1)
  await until('free', () => worker.usage().streams === 0)
})

test('[WK10] speeches and streams of two pods under the same numbers do not meet', async (t) => {
  const { connect, recogniser } = await workerRig(t, { synthesiser: scripted({ slots: 8 }) })
  const pods = [await connect('pod_a'), await connect('pod_b')]
  const texts = [
    ['one two', 'three four'],
    ['five six', 'seven eight'],
  ]
  pods.forEach((pod, p) => {
    for (const [n, text] of (texts[p] ?? []).entries()) pod.speak(n + 1, text)
    pod.open(9)
  })
  for (const [p, pod] of pods.entries()) {
    await pod.got('stream.opened', 9)
    for (const [n, text] of (texts[p] ?? []).entries()) {
      await pod.got('speak.ended', n + 1)
      assert.deepEqual(pod.speechOf(n + 1), audioOf(text))
    }
    pod.send({ type: 'stream.close', stream: 9 })
  }
  await until('free', () => recogniser.status().slotsUsed === 0)
})

test('[LK3] a number in use by a stream is not taken for a speech', async (t) => {
  const { connect } = await workerRig(t, { synthesiser: scripted() })
  const pod = await connect()
  pod.open(1)
  pod.speak(1, 'hello')
  assert.equal(await pod.closed(), 4009)
})

test('[LK8] the end of a link ends its speeches', async (t) => {
  const synthesiser = scripted()
  const { connect } = await workerRig(t, { synthesiser })
  const pod = await connect()
  pod.speak(1, 'hello', { creditMs: 20 })
  await pod.got('speak.opened', 1)
  pod.end()
  await until('free', () => synthesiser.status().slotsUsed === 0)
})

test('[LK7] audio of speeches stands still while the pod does not read, and goes on when it does', () => {
  const clock = new ManualClock()
  const counters = newCounters()
  const sent: Uint8Array[] = []
  const outlet = { bufferedBytes: 0, sendAudio: (bytes: Uint8Array) => void sent.push(bytes) }
  let resumed = 0
  const sender = new SpeechSender(clock, outlet, counters, () => resumed++)
  sender.add(1, 0, new Int16Array(320))
  sender.add(2, 0, new Int16Array(320))
  clock.advance(5)
  assert.equal(sent.length, 1)
  outlet.bufferedBytes = 300_000
  sender.add(1, 320, new Int16Array(320))
  clock.advance(5)
  assert.deepEqual([sender.isStalled, counters.speechStallsTotal, resumed], [true, 1, 0])
  clock.advance(100)
  outlet.bufferedBytes = 100_000
  clock.advance(20)
  assert.deepEqual([sender.isStalled, resumed], [false, 1])
  sender.add(1, 640, new Int16Array(320))
  sender.add(2, 320, new Int16Array(320))
  sender.forget(1)
  clock.advance(5)
  assert.equal(sent.at(-1)?.byteLength, 650)
  sender.close()
  assert.equal(clock.pendingTimers, 0)
})

test('[WK14] property: whatever the chunks and credits, each sample is sent once, in order, and none beyond the credit', () => {
  const cases = fc.record({
    chunks: fc.array(fc.integer({ min: 1, max: 640 }), { maxLength: 20 }),
    credits: fc.array(fc.integer({ min: 0, max: 900 }), { maxLength: 20 }),
    fromSample: fc.integer({ min: 0, max: 4_000 }),
  })
  fc.assert(
    fc.property(cases, ({ chunks, credits, fromSample }) => {
      const flow = new SpeechFlow(16_000, fromSample, 0)
      let made = 0
      let next = fromSample
      const waiting = [...chunks]
      for (const creditMs of [...credits, 100_000]) {
        flow.grant(creditMs)
        const allowed = Math.max(0, ...credits.slice(0, credits.indexOf(creditMs) + 1), creditMs) * RATE_PER_MS
        for (;;) {
          const piece = flow.take()
          if (piece) {
            assert.equal(piece.sample, next)
            for (const [n, value] of piece.samples.entries()) assert.equal(value, (next + n) & 0x7fff)
            next += piece.samples.length
            assert.ok(next <= allowed || creditMs === 100_000)
          } else if (flow.wantsMore && waiting.length > 0) {
            const length = waiting.shift() as number
            const begin = made
            flow.add(Int16Array.from({ length }, (_, n) => (begin + n) & 0x7fff))
            made += length
          } else break
        }
      }
      assert.equal(next, Math.max(made, fromSample))
      assert.equal(flow.made, made)
    }),
  )
})
