// Against a worker's end of the link that a test drives, on real sockets and a clock that stands still.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { eventually, ManualClock } from '@parley/kernel/testing'
import type { ParleyError } from '@parley/protocol'
import { silentLogger } from '@parley/telemetry'
import { ManualWorker, type ManualWorkerOptions } from '../testing/speech/manual-worker.ts'
import { SpeechProbe } from '../testing/speech/speech-probe.ts'
import { TEST_SECRET } from '../testing/speech/worker-process.ts'
import { createSpeechLinks, type SpeechLinks } from './speech-links.ts'

const until = (what: string, condition: () => boolean) => eventually(() => (condition() ? undefined : what))

interface Rig {
  readonly clock: ManualClock
  readonly speech: SpeechLinks
  readonly workers: readonly ManualWorker[]
  /** Lets `ms` pass in steps of 20, with time for the sockets in between. */
  pass(ms: number): Promise<void>
  probe(sessionId?: string): SpeechProbe
}

async function rig(context: TestContext, ...workerOptions: ManualWorkerOptions[]): Promise<Rig> {
  const clock = new ManualClock()
  const speech = createSpeechLinks({
    clock,
    config: { speech: { workerWaitMs: 30_000 } },
    podId: 'pod_test',
    fleetSecret: TEST_SECRET,
    logger: silentLogger,
  })
  const all = workerOptions.length === 0 ? [{}] : workerOptions
  const workers = await Promise.all(all.map((options, n) => ManualWorker.start({ workerId: `wrk_${n}`, ...options })))
  context.after(async () => {
    await speech.close()
    assert.equal(clock.pendingTimers, 0, 'no timer is left')
    await Promise.all(workers.map((worker) => worker.end()))
  })
  const up = workers.filter((_, n) => !all[n]?.secret && !all[n]?.claims)
  speech.setWorkers(workers.map((worker) => worker.address))
  await until('links', () => speech.status().workers === up.length)
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 20) await clock.advanceAsync(Math.min(20, left))
  }
  const probe = (sessionId = 'ses_a') => new SpeechProbe(() => clock.wallMs()).open(speech, sessionId)
  return { clock, speech, workers, pass, probe }
}

const refusal = (speech: SpeechLinks, language = 'en-US'): ParleyError => {
  const result = speech.reserve(language)
  assert.ok(!result.ok)
  return result.error
}

const final = (stream: number, index: number, settledMs: number, text = `u${index}`) =>
  ({ type: 'final', stream, index, text, startMs: 0, endMs: settledMs, settledMs, decideMs: 7 }) as const
const partial = (stream: number, index: number, endMs: number, text = 'so') =>
  ({ type: 'partial', stream, index, text, stable: 0, startMs: 0, endMs }) as const

test('[FO2] a burst of reservations gets exactly the slots there are, the rest a refusal with retry advice', async (t) => {
  const { speech } = await rig(t, { slots: 3 }, { slots: 2 })
  const results = Array.from({ length: 50 }, () => speech.reserve('en'))
  assert.equal(results.filter((result) => result.ok).length, 5)
  assert.deepEqual([refusal(speech).code, refusal(speech).details.retryAfterMs], ['NO_SLOT', 1_000])
  assert.deepEqual([speech.status().slots, speech.status().slotsUsed], [5, 5])
  for (const result of results) if (result.ok) result.value.release()
  for (const result of results) if (result.ok) result.value.release()
  assert.equal(speech.status().slotsUsed, 0, 'releasing twice gives back once')
})

test('[FO2] a language nobody speaks is refused by name; with no worker at all speech is unavailable', async (t) => {
  const { speech, workers } = await rig(t, { languages: ['en-US'] }, { languages: ['es'] })
  assert.deepEqual(speech.languages(), ['en-US', 'es'])
  const error = refusal(speech, 'tlh')
  assert.equal(error.code, 'LANGUAGE_UNSUPPORTED')
  assert.match(error.message, /"tlh".*en-US, es/)
  speech.setWorkers([])
  const unavailable = refusal(speech, 'en-US')
  assert.deepEqual([unavailable.code, unavailable.details.retryAfterMs], ['SPEECH_UNAVAILABLE', 1_000])
  assert.equal(workers.length, 2)
})

test('[FO2] streams go to the worker with most free slots that speaks the language, under its own tag', async (t) => {
  const { workers, probe } = await rig(
    t,
    { slots: 2, languages: ['en'] },
    { slots: 4, languages: ['en-US'] },
    { slots: 9, languages: ['es'] },
  )
  for (let n = 0; n < 4; n++) probe(`ses_${n}`)
  await until('opens', () => workers.every((worker, n) => worker.opens().length === [1, 3, 0][n]))
  assert.equal(workers[0]?.opens()[0]?.language, 'en')
  assert.equal(workers[1]?.opens()[0]?.language, 'en-US')
})

test('[FO3] the worker is lost: what is unsettled goes to another with the next index, what is settled does not', async (t) => {
  const { workers, probe, pass } = await rig(t, { slots: 4 }, { slots: 2 })
  const [first, second] = workers as [ManualWorker, ManualWorker]
  const session = probe().frames(1, 100)
  await until('audio', () => session.states.length === 1)
  await pass(40)
  await until('audio', () => first.records.length === 100)
  first.send(final(1, 0, 1_000, 'one'))
  first.send(partial(1, 1, 1_500))
  await until('partial', () => session.partials.length === 1)
  session.frames(2, 10)
  first.cut()
  await until('open', () => second.opens().length === 1)
  await pass(40)
  await until('all audio', () => second.records.length === 64)
  const { firstIndex, settledMs } = second.opens()[0] ?? {}
  assert.deepEqual([firstIndex, settledMs], [1, 1_000])
  assert.equal(second.records[0]?.mediaTime, 46 * 320, 'with 80 ms before the settled point for the decoder')
  assert.equal(second.records.at(-1)?.payload[0], 2)
  second.send(partial(1, 1, 1_400, 'again'))
  second.send(final(1, 1, 2_200, 'two'))
  await until('final', () => session.finals.length === 2)
  assert.deepEqual(session.partials.length, 1, 'nothing that was published comes again')
  assert.deepEqual(session.said(), ['one', 'two'])
  assert.deepEqual(session.states, ['ready', 'waiting worker_lost', 'ready'])
})

test('[FO3] a stream that fails on a worker that lives is opened again, the others on it go on', async (t) => {
  const { workers, probe, pass } = await rig(t)
  const [worker] = workers as [ManualWorker]
  const failing = probe('ses_a').frames(1, 10)
  const calm = probe('ses_b').frames(2, 10)
  await until('both', () => failing.states.length + calm.states.length === 2)
  worker.send({ type: 'stream.failed', stream: 1, message: 'decoder' })
  await until('again', () => worker.opens().length === 3)
  await pass(60)
  await until('audio', () => worker.records.filter((record) => record.stream === 3).length === 10)
  assert.deepEqual(failing.states, ['ready', 'waiting worker_lost', 'ready'])
  assert.deepEqual(calm.states, ['ready'])
})

test('[FO3] a worker that breaks the order of utterances has failed the stream', async (t) => {
  const { workers, probe } = await rig(t)
  const [worker] = workers as [ManualWorker]
  const session = probe()
  await until('ready', () => session.states.length === 1)
  worker.send(final(1, 5, 100))
  await until('again', () => worker.opens().length === 2)
  assert.ok(worker.messages.some((message) => message.type === 'stream.close' && message.stream === 1))
  assert.deepEqual(session.finals, [])
})

test('[FO7] without a worker for 30 s speech is abandoned, and goes on when one is back', async (t) => {
  const { workers, probe, pass, speech, clock } = await rig(t)
  const [worker] = workers as [ManualWorker]
  const session = probe().frames(1, 50)
  await until('ready', () => session.states.length === 1)
  worker.send(partial(1, 0, 500))
  await until('partial', () => session.partials.length === 1)
  speech.setWorkers([])
  await pass(25_000)
  session.frames(2, 50)
  await pass(4_900)
  assert.deepEqual(session.abandoned, [])
  await pass(400)
  assert.deepEqual(session.abandoned, [{ index: 0, reason: 'no_worker' }])
  speech.setWorkers([worker.address])
  await pass(100)
  await until('again', () => worker.opens().length === 2)
  assert.equal(worker.opens()[1]?.firstIndex, 1)
  assert.equal(worker.opens()[1]?.settledMs, 1_000, 'the first second has been lost, and told')
  await pass(60)
  await until('audio', () => worker.records.filter((record) => record.stream === 1).length >= 50)
  assert.ok(worker.records.filter((record) => record.payload[0] === 2).length === 50)
  assert.equal(speech.stats().framesExpiredTotal, 50)
  assert.ok(clock.pendingTimers > 0)
})

test('[FO10] flushes are answered in order, across a failover, and without a worker when nothing is unsettled', async (t) => {
  const { workers, probe, pass, speech } = await rig(t)
  const [worker] = workers as [ManualWorker]
  const session = probe().frames(1, 3)
  session.stream?.flush(1)
  session.frames(1, 2)
  session.stream?.flush(2)
  await until('flushes', () => worker.arrivals.length === 4)
  assert.deepEqual(worker.arrivals, ['audio', 'flush 1', 'audio', 'flush 2'])
  worker.send({ type: 'stream.flushed', stream: 1, flushId: 1, settledMs: 60 })
  await until('first', () => session.flushed.length === 1)
  worker.cut()
  await pass(200)
  await until('again', () => worker.opens().length === 2)
  await until('flush', () => worker.arrivals.length === 6)
  assert.deepEqual(worker.arrivals.slice(4), ['audio', 'flush 2'])
  worker.send({ type: 'stream.flushed', stream: 2, flushId: 2, settledMs: 100 })
  await until('second', () => session.flushed.length === 2)
  speech.setWorkers([])
  session.stream?.flush(3)
  await pass(300)
  assert.deepEqual(session.flushed, [1, 2, 3])
})

test('[FO9] a final carries when its last speech was received, when the end was decided, when it was sent', async (t) => {
  const { workers, probe, pass, clock } = await rig(t)
  const [worker] = workers as [ManualWorker]
  const startMs = clock.wallMs()
  const session = probe()
  await until('ready', () => session.states.length === 1)
  for (let n = 0; n < 50; n++) {
    session.frames(1, 1)
    await pass(20)
  }
  worker.send({ type: 'final', stream: 1, index: 0, text: 'so', startMs: 0, endMs: 400, settledMs: 900, decideMs: 30 })
  await until('final', () => session.finals.length === 1)
  const nowMs = clock.wallMs()
  const marks = { receivedAtMs: startMs + 19 * 20, endOfSpeechMs: nowMs - 30, finalAtMs: nowMs }
  assert.deepEqual(session.finals[0]?.marks, marks)
})

test('[FO12] after a long wait at most 20 s of audio go at once, the rest as it is settled or at true pace', async (t) => {
  const { workers, probe, pass } = await rig(t)
  const [worker] = workers as [ManualWorker]
  const session = probe()
  await until('ready', () => session.states.length === 1)
  worker.cut()
  await until('waiting', () => session.states.length === 2)
  session.frames(1, 1_400)
  await pass(200)
  await until('again', () => session.states.length === 3)
  await pass(60)
  await until('a window', () => worker.records.length >= 1_000)
  const afterWindow = worker.records.length
  assert.ok(afterWindow <= 1_010, `${afterWindow}`)
  await pass(1_000)
  await until('true pace', () => worker.records.length >= afterWindow + 45)
  assert.ok(worker.records.length <= afterWindow + 60, `${worker.records.length}`)
  worker.send(final(2, 0, 20_000))
  await until('settled', () => session.finals.length === 1)
  await pass(60)
  await until('all', () => worker.records.length === 1_400)
})

test('[FO11] a closed stream reports nothing more, frees its slot and its memory', async (t) => {
  const { workers, probe, speech } = await rig(t)
  const [worker] = workers as [ManualWorker]
  const session = probe().frames(1, 20)
  await until('ready', () => session.states.length === 1)
  session.stream?.close()
  session.stream?.close()
  session.stream?.flush(1)
  session.frames(1, 5)
  worker.send(final(1, 0, 100))
  worker.load(0)
  await until('close', () => worker.messages.some((message) => message.type === 'stream.close'))
  await until('free', () => speech.status().slotsUsed === 0)
  assert.deepEqual([session.finals, session.flushed], [[], []])
  assert.deepEqual([speech.stats().streams, speech.stats().keptAudioBytes], [0, 0])
})

test('[FO11] a session that closes its stream in answer to a final gets nothing after it', async (t) => {
  const { workers, probe } = await rig(t)
  const [worker] = workers as [ManualWorker]
  const session = probe().frames(1, 20)
  await until('ready', () => session.states.length === 1)
  session.stream?.flush(1)
  session.onFinal = (given) => {
    session.finals.push(given)
    session.stream?.close()
  }
  worker.send(final(1, 0, 100))
  worker.send({ type: 'stream.flushed', stream: 1, flushId: 1, settledMs: 400 })
  await until('close', () => worker.messages.some((message) => message.type === 'stream.close'))
  assert.deepEqual([session.finals.length, session.flushed], [1, []])
})

test('[FO3] a listener that throws harms neither the link nor other streams', async (t) => {
  const { workers, probe } = await rig(t)
  const [worker] = workers as [ManualWorker]
  const broken = probe('ses_a')
  const calm = probe('ses_b')
  broken.onFinal = () => {
    throw new Error('a session failed')
  }
  await until('ready', () => calm.states.length + broken.states.length === 2)
  worker.send(final(1, 0, 100))
  worker.send(final(2, 0, 100))
  await until('final', () => calm.finals.length === 1)
  assert.equal(worker.connections, 1)
})

test('[UT4] media time beyond 2^32 samples is right in captions and across a failover', async (t) => {
  const { workers, speech, pass, clock } = await rig(t)
  const [worker] = workers as [ManualWorker]
  const start = 0x1_0000_0000 - 10 * 320
  const session = new SpeechProbe(() => clock.wallMs(), start).open(speech, 'ses_a').frames(1, 30)
  await pass(40)
  await until('audio', () => worker.records.length === 30)
  const fromMs = start / 16
  assert.equal(worker.records[10]?.mediaTime, 0)
  worker.send(final(1, 0, fromMs + 400))
  await until('final', () => session.finals.length === 1)
  assert.equal(session.finals[0]?.endMs, fromMs + 400)
  worker.cut()
  await pass(200)
  await until('again', () => worker.opens().length === 2)
  await pass(40)
  await until('audio', () => worker.records.length > 30)
  const [again] = worker.opens().slice(1)
  const wrapMs = 0x1_0000_0000 / 16
  assert.equal(again?.settledMs, fromMs + 400 - wrapMs, 'on the clock of the 32 bits that the link carries')
  worker.send(final(2, 1, fromMs + 600 - wrapMs))
  await until('final', () => session.finals.length === 2)
  assert.equal(session.finals[1]?.endMs, fromMs + 600)
})

test('[LK5] a worker that says nothing for 4 s is left, and used again when it is back', async (t) => {
  const { workers, probe, pass, speech } = await rig(t)
  const [worker] = workers as [ManualWorker]
  const session = probe().frames(1, 5)
  await until('ready', () => session.states.length === 1)
  await pass(6_000)
  assert.equal(worker.connections, 1, 'an answered ping is life enough')
  worker.answersPings = false
  await pass(4_000)
  assert.deepEqual(session.states.at(-1), 'waiting worker_lost')
  worker.answersPings = true
  await pass(2_000)
  await until('back', () => session.states.at(-1) === 'ready')
  assert.equal(speech.stats().linkLosses, 1)
})

test('[LK5] a pause of the pod itself does not count as silence of the worker', async (t) => {
  const { workers, clock, pass } = await rig(t)
  const [worker] = workers as [ManualWorker]
  await pass(1_000)
  worker.answersPings = false
  // Ten seconds pass between two checks: the timers of a process that was stopped fire late and once.
  const nowMs = clock.nowMs.bind(clock)
  clock.nowMs = () => nowMs() + 10_000
  await pass(1_500)
  assert.equal(worker.connections, 1)
})

test('[LK2] whoever cannot prove the secret, or is another worker, gets no stream', async (t) => {
  const impostor = { secret: 'another-secret-another-secret-1234', workerId: 'wrk_x' }
  const { speech, workers, pass } = await rig(t, impostor, { workerId: 'wrk_y', claims: 'wrk_z' })
  await until('tries', () => workers.every((worker) => worker.connections >= 1))
  await until('faults', () => speech.stats().linkFaults >= 2)
  await pass(2_000)
  assert.deepEqual([speech.status().workers, speech.languages()], [0, []])
  assert.ok(workers.every((worker) => worker.opens().length === 0))
})

test('[LK3] garbage from a worker ends that link only, and the stream moves on', async (t) => {
  for (const garbage of [
    '{',
    '[]',
    '"x"',
    '{"type":"partial","stream":1}',
    '{"type":"final","stream":-1}',
    new Uint8Array(9),
  ]) {
    const { workers, probe } = await rig(t, { slots: 4 }, { slots: 1 })
    const [bad, good] = workers as [ManualWorker, ManualWorker]
    const session = probe().frames(1, 5)
    await until('ready', () => session.states.length === 1)
    bad.send(JSON.parse('{"type":"from.the.future","stream":1}'))
    bad.sendRaw(garbage)
    await until(`moved after ${garbage}`, () => good.opens().length === 1)
    await until('ready again', () => session.states.at(-1) === 'ready')
  }
})

test('[FO2] a reservation outlives its worker: the session speaks when one is there again', async (t) => {
  const { workers, speech, pass, clock } = await rig(t)
  const [worker] = workers as [ManualWorker]
  const reserved = speech.reserve('en-US')
  assert.ok(reserved.ok)
  worker.cut()
  await until('down', () => speech.status().workers === 0)
  const session = new SpeechProbe(() => clock.wallMs())
  const format = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 } as const
  session.stream = speech.open(
    reserved.value,
    { sessionId: 'ses_a', language: 'en-US', format, firstIndex: 3 },
    session,
  )
  assert.deepEqual(session.states, [], 'nothing is reported before open has returned')
  session.frames(1, 5)
  await pass(20)
  assert.deepEqual(session.states, ['waiting no_worker'])
  await pass(400)
  await until('ready', () => session.states.at(-1) === 'ready')
  assert.equal(worker.opens()[0]?.firstIndex, 3)
})

test('[FO2] a refused stream waits and is tried again', async (t) => {
  const { workers, probe, pass } = await rig(t)
  const [worker] = workers as [ManualWorker]
  worker.opensAtOnce = false
  const session = probe()
  await until('open', () => worker.opens().length === 1)
  worker.send({ type: 'stream.refused', stream: 1, code: 'NO_SLOT', message: 'full', retryAfterMs: 100 })
  await until('told', () => session.states.length === 1)
  await pass(1_000)
  assert.equal(worker.opens().length, 1, 'a worker that is full is left alone until it reports')
  worker.opensAtOnce = true
  worker.load(0)
  await until('ready', () => session.states.at(-1) === 'ready')
  assert.deepEqual(session.states, ['waiting no_worker', 'ready'])
})

test('[FO3] an opening that is not answered within 15 s is tried again', async (t) => {
  const { workers, probe, pass } = await rig(t)
  const [worker] = workers as [ManualWorker]
  worker.opensAtOnce = false
  const session = probe()
  await pass(14_000)
  assert.equal(worker.opens().length, 1)
  worker.opensAtOnce = true
  await pass(1_500)
  worker.load(0)
  worker.load(0)
  await until('ready', () => session.states.at(-1) === 'ready')
})

test('[FO1] a worker that neither reads nor settles: what is kept stays bounded, the oldest goes and is counted', async (t) => {
  const { workers, probe, pass, speech } = await rig(t)
  const [worker] = workers as [ManualWorker]
  const session = probe()
  await until('ready', () => session.states.length === 1)
  worker.pauseReading()
  for (let n = 0; n < 40; n++) {
    session.frames(1, 500)
    worker.load(1)
    await pass(20)
  }
  assert.ok(speech.stats().keptAudioBytes <= 1_100_000)
  assert.ok(speech.stats().framesDroppedTotal > 10_000)
})
