// What one session's stream does when workers come and go, against workers' ends that a test drives.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { finalOf, linksRig, partialOf, until } from '../testing/speech/links-rig.ts'
import type { ManualWorker } from '../testing/speech/manual-worker.ts'
import { SpeechProbe } from '../testing/speech/speech-probe.ts'

test('[FO3] the worker is lost: what is unsettled goes to another with the next index, what is settled does not', async (t) => {
  const { workers, probe, pass } = await linksRig(t, { slots: 4 }, { slots: 2 })
  const [first, second] = workers as [ManualWorker, ManualWorker]
  const session = probe().frames(1, 100)
  await until('audio', () => session.states.length === 1)
  await pass(40)
  await until('audio', () => first.records.length === 100)
  first.send(finalOf(1, 0, 1_000, 'one'))
  first.send(partialOf(1, 1, 1_500))
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
  second.send(partialOf(1, 1, 1_400, 'again'))
  second.send(finalOf(1, 1, 2_200, 'two'))
  await until('final', () => session.finals.length === 2)
  assert.deepEqual(session.partials.length, 1, 'nothing that was published comes again')
  assert.deepEqual(session.said(), ['one', 'two'])
  assert.deepEqual(session.states, ['ready', 'waiting worker_lost', 'ready'])
})

test('[FO3] a stream that fails on a worker that lives is opened again, the others on it go on', async (t) => {
  const { workers, probe, pass } = await linksRig(t)
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
  const { workers, probe } = await linksRig(t)
  const [worker] = workers as [ManualWorker]
  const session = probe()
  await until('ready', () => session.states.length === 1)
  worker.send(finalOf(1, 5, 100))
  await until('again', () => worker.opens().length === 2)
  assert.ok(worker.messages.some((message) => message.type === 'stream.close' && message.stream === 1))
  assert.deepEqual(session.finals, [])
})

test('[FO7] without a worker for 30 s speech is abandoned, and goes on when one is back', async (t) => {
  const { workers, probe, pass, speech, clock } = await linksRig(t)
  const [worker] = workers as [ManualWorker]
  const session = probe().frames(1, 50)
  await until('ready', () => session.states.length === 1)
  worker.send(partialOf(1, 0, 500))
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
  const { workers, probe, pass, speech } = await linksRig(t)
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
  const { workers, probe, pass, clock } = await linksRig(t)
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

test('[FO16] a stream that wants words asks each of its workers for them, and tells them in its own media time', async (t) => {
  const { workers, speech, clock, pass } = await linksRig(t, { slots: 4 }, { slots: 2 })
  const [worker, other] = workers as [ManualWorker, ManualWorker]
  const session = new SpeechProbe(() => clock.wallMs())
  const reserved = speech.reserve('en')
  assert.ok(reserved.ok)
  const format = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 } as const
  const options = { sessionId: 'ses_a', language: 'en', format, firstIndex: 0, wantsWords: true }
  session.stream = speech.open(reserved.value, options, session)
  session.frames(1, 50)
  await until('ready', () => session.states.length === 1)
  await pass(40)
  assert.equal(worker.opens()[0]?.wantsWords, true)
  const words = [{ text: 'so', startMs: 100, endMs: 300, confidence: 0.5 }]
  const final = { type: 'final', stream: 1, index: 0, text: 'so', startMs: 100, endMs: 300, settledMs: 400 } as const
  worker.send({ ...final, decideMs: 1, words })
  await until('final', () => session.finals.length === 1)
  assert.deepEqual(session.finals[0]?.words, words)
  worker.cut()
  await until('again', () => other.opens().length === 1)
  assert.equal(other.opens()[0]?.wantsWords, true)
})

test('[FO12] after a long wait at most 20 s of audio go at once, the rest as it is settled or at true pace', async (t) => {
  const { workers, probe, pass } = await linksRig(t)
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
  worker.send(finalOf(2, 0, 20_000))
  await until('settled', () => session.finals.length === 1)
  await pass(60)
  await until('all', () => worker.records.length === 1_400)
})

test('[FO11] a closed stream reports nothing more, frees its slot and its memory', async (t) => {
  const { workers, probe, speech } = await linksRig(t)
  const [worker] = workers as [ManualWorker]
  const session = probe().frames(1, 20)
  await until('ready', () => session.states.length === 1)
  session.stream?.close()
  session.stream?.close()
  session.stream?.flush(1)
  session.frames(1, 5)
  worker.send(finalOf(1, 0, 100))
  worker.load(0)
  await until('close', () => worker.messages.some((message) => message.type === 'stream.close'))
  await until('free', () => speech.status().slotsUsed === 0)
  assert.deepEqual([session.finals, session.flushed], [[], []])
  assert.deepEqual([speech.stats().streams, speech.stats().keptAudioBytes], [0, 0])
})

test('[FO11] a session that closes its stream in answer to a final gets nothing after it', async (t) => {
  const { workers, probe } = await linksRig(t)
  const [worker] = workers as [ManualWorker]
  const session = probe().frames(1, 20)
  await until('ready', () => session.states.length === 1)
  session.stream?.flush(1)
  session.onFinal = (given) => {
    session.finals.push(given)
    session.stream?.close()
  }
  worker.send(finalOf(1, 0, 100))
  worker.send({ type: 'stream.flushed', stream: 1, flushId: 1, settledMs: 400 })
  await until('close', () => worker.messages.some((message) => message.type === 'stream.close'))
  assert.deepEqual([session.finals.length, session.flushed], [1, []])
})

test('[FO3] a listener that throws harms neither the link nor other streams', async (t) => {
  const { workers, probe } = await linksRig(t)
  const [worker] = workers as [ManualWorker]
  const broken = probe('ses_a')
  const calm = probe('ses_b')
  broken.onFinal = () => {
    throw new Error('a session failed')
  }
  await until('ready', () => calm.states.length + broken.states.length === 2)
  worker.send(finalOf(1, 0, 100))
  worker.send(finalOf(2, 0, 100))
  await until('final', () => calm.finals.length === 1)
  assert.equal(worker.connections, 1)
})

test('[UT4] media time beyond 2^32 samples is right in captions and across a failover', async (t) => {
  const { workers, speech, pass, clock } = await linksRig(t)
  const [worker] = workers as [ManualWorker]
  const start = 0x1_0000_0000 - 10 * 320
  const session = new SpeechProbe(() => clock.wallMs(), start).open(speech, 'ses_a').frames(1, 30)
  await pass(40)
  await until('audio', () => worker.records.length === 30)
  const fromMs = start / 16
  assert.equal(worker.records[10]?.mediaTime, 0)
  worker.send(finalOf(1, 0, fromMs + 400))
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
  worker.send(finalOf(2, 1, fromMs + 600 - wrapMs))
  await until('final', () => session.finals.length === 2)
  assert.equal(session.finals[1]?.endMs, fromMs + 600)
})

test('[FO3] an opening that is not answered within 15 s is tried again', async (t) => {
  const { workers, probe, pass } = await linksRig(t)
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
  const { workers, probe, pass, speech } = await linksRig(t)
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

test('[FO15] audio gathered for one worker never reaches it once the stream has moved to another', async (t) => {
  const { workers, probe, pass, speech } = await linksRig(t, { slots: 4 }, { slots: 2 })
  const [first, second] = workers as [ManualWorker, ManualWorker]
  second.load(1)
  await until('busier', () => speech.status().slotsUsed === 1)
  const session = probe()
  await until('ready', () => session.states.length === 1)
  const other = probe('ses_b')
  await until('both', () => other.states.length === 1)
  session.frames(5, 10)
  first.load(4)
  first.send({ type: 'stream.failed', stream: 1, message: 'decoder' })
  await until('moved', () => second.opens().length === 1 && session.states.length === 3)
  session.frames(6, 10)
  await pass(60)
  await until('audio', () => second.records.length === 20)
  await pass(100)
  assert.deepEqual(first.records, [])
})

test('[LH1] a hold reaches the worker at once, a release behind the audio that ended the lull', async (t) => {
  const { worker, probe, pass } = await linksRig(t)
  const session = probe().frames(1, 2)
  await until('ready', () => session.states.length === 1)
  await pass(40)
  await until('audio', () => worker.records.length === 2)
  worker.arrivals.length = 0
  session.stream?.hold(true)
  session.stream?.hold(true)
  await until('hold', () => worker.arrivals.length === 1)
  session.frames(1, 1)
  session.stream?.hold(false)
  await until('release', () => worker.arrivals.length === 3)
  assert.deepEqual(worker.arrivals, ['hold', 'audio', 'release'])
  assert.deepEqual(worker.messages.at(-1), { type: 'stream.hold', stream: 1, isHeld: false })
})

test('[LH2] the next worker is told to hold before it gets audio', async (t) => {
  const { workers, probe } = await linksRig(t, { slots: 4 }, { slots: 3 })
  const [first, second] = workers as [ManualWorker, ManualWorker]
  const session = probe().frames(1, 5)
  await until('ready', () => session.states.length === 1)
  session.stream?.hold(true)
  await until('hold', () => first.arrivals.includes('hold'))
  second.arrivals.length = 0
  first.cut()
  await until('audio', () => second.arrivals.includes('audio'))
  assert.deepEqual(second.arrivals, ['hold', 'audio'])
})

test('[LH2] a hold that ended while no worker was there is told to nobody', async (t) => {
  const { worker, probe, speech } = await linksRig(t)
  const session = probe().frames(1, 5)
  await until('ready', () => session.states.length === 1)
  session.stream?.hold(true)
  await until('hold', () => worker.arrivals.includes('hold'))
  speech.setWorkers([])
  session.stream?.hold(false)
  worker.arrivals.length = 0
  speech.setWorkers([worker.address])
  await until('audio', () => worker.arrivals.includes('audio'))
  assert.deepEqual(worker.arrivals, ['audio'])
})

test('[ST2] what is settled is told in samples of the client, rising, and never beyond what came', async (t) => {
  const { worker, probe, pass } = await linksRig(t)
  const session = probe().frames(1, 100)
  await until('ready', () => session.states.length === 1)
  await pass(40)
  await until('audio', () => worker.records.length === 100)
  worker.send({ type: 'settled', stream: 1, settledMs: 100.0625 })
  worker.send({ type: 'settled', stream: 1, settledMs: 90 })
  worker.send(finalOf(1, 0, 1_000))
  worker.send({ type: 'settled', stream: 1, settledMs: 9_000 })
  await until('settled', () => session.settled.length === 3)
  assert.deepEqual(session.settled, [1_601, 16_000, 32_000])
})

test('[ST2] settled media time goes on past 2^32, also at another worker', async (t) => {
  const { workers, speech, clock, pass } = await linksRig(t, { slots: 4 }, { slots: 3 })
  const [first, second] = workers as [ManualWorker, ManualWorker]
  const start = 0x1_0000_0000 - 320
  const session = new SpeechProbe(() => clock.wallMs(), start).open(speech, 'ses_long').frames(1, 50)
  await until('ready', () => session.states.length === 1)
  await pass(40)
  await until('audio', () => first.records.length === 50)
  // The worker counts from the 32 bits it was given.
  first.send({ type: 'settled', stream: 1, settledMs: start / 16 + 500 })
  await until('settled', () => session.settled.length === 1)
  assert.deepEqual(session.settled, [start + 8_000])
  first.cut()
  await until('again', () => second.opens().length === 1)
  await pass(40)
  const { settledMs = 0 } = second.opens()[0] ?? {}
  second.send({ type: 'settled', stream: 1, settledMs: settledMs + 100 })
  await until('settled', () => session.settled.length === 2)
  assert.equal(session.settled[1], start + 8_000 + 1_600)
})
