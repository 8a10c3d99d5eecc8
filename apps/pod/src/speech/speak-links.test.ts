// Speeches over links, against workers' ends that a test drives.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LINK_RECORD_HEADER_BYTES, writeLinkRecord } from '@parley/protocol'
import fc from 'fast-check'
import { linksRig, until } from '../testing/speech/links-rig.ts'
import { type ManualWorker, speechBytes, TONE } from '../testing/speech/manual-worker.ts'
import { SpeakProbe } from '../testing/speech/speak-probe.ts'

/** A slot given back counts as free when the worker has said so: enough of them for a whole test. */
const SPEAKS = { speechSlots: 40 }

/** The stream number of the newest speech on `worker`, once it has one more than `before`. */
async function opened(worker: ManualWorker, count = 1): Promise<number> {
  await until(`speak.open ${count}`, () => worker.speaks().length >= count)
  return worker.speaks()[count - 1]?.stream ?? -1
}

test('[SK1] a speech is opened with what was asked, heard as it comes, and ends with all its samples', async (t) => {
  const { speech, worker } = await linksRig(t, SPEAKS)
  const request = { text: 'good morning', voice: 'tone', language: 'en', rateRatio: 1.5, creditMs: 250 }
  const heard = new SpeakProbe().start(speech, request)
  assert.deepEqual(heard.told, [], 'nothing is told before speak has returned')
  const stream = await opened(worker)
  assert.deepEqual(worker.speaks()[0], { type: 'speak.open', stream, requestId: 'r', ...request })
  worker.say(stream, 0, 3_000)
  worker.send({ type: 'speak.ended', stream, samples: 3_000 })
  await until('end', () => heard.told.length === 2)
  assert.deepEqual(heard.told, ['started tone 16000', 'ended 3000'])
  assert.deepEqual([heard.count, heard.wrong], [3_000, 0])
  assert.deepEqual([speech.stats().speeches, speech.stats().speechesTotal], [0, 1])
})

test('[SK2] audio is asked for as far as it was allowed, rising; what is said again changes nothing', async (t) => {
  const { speech, worker } = await linksRig(t, SPEAKS)
  const heard = new SpeakProbe().start(speech)
  const stream = await opened(worker)
  heard.speaking?.grant(500)
  heard.speaking?.grant(450)
  heard.speaking?.grant(500)
  heard.speaking?.grant(700)
  await until('credit', () => worker.creditMs(stream) === 700)
  const credits = worker.messages.filter((message) => message.type === 'speak.credit')
  assert.deepEqual(
    credits.map(({ creditMs }) => creditMs),
    [500, 700],
  )
})

test('[SK3] a worker that is lost is followed by another, from the sample after the last, with the same voice', async (t) => {
  const { speech, workers } = await linksRig(t, { speechSlots: 2 }, { speechSlots: 1 })
  const [first, second] = workers as [ManualWorker, ManualWorker]
  const heard = new SpeakProbe().start(speech, { language: 'en' })
  const stream = await opened(first)
  first.say(stream, 0, 1_000)
  await until('audio', () => heard.count === 1_000)
  heard.speaking?.grant(900)
  first.cut()
  const again = await opened(second)
  const { fromSample, voice, creditMs, language } = second.speaks()[0] ?? {}
  assert.deepEqual([fromSample, voice, language, creditMs], [1_000, 'tone', 'en', 900])
  second.say(again, 1_000, 500)
  second.send({ type: 'speak.ended', stream: again, samples: 1_500 })
  await until('end', () => heard.told.length === 2)
  assert.deepEqual(heard.told, ['started tone 16000', 'ended 1500'], 'started once')
  assert.deepEqual([heard.count, heard.wrong], [1_500, 0])
})

test('[SK3] samples that are known already are left out, samples that are missing fail the worker', async (t) => {
  const { speech, workers } = await linksRig(t, { speechSlots: 2 }, { speechSlots: 1 })
  const [first, second] = workers as [ManualWorker, ManualWorker]
  const heard = new SpeakProbe().start(speech)
  const stream = await opened(first)
  first.say(stream, 0, 640)
  first.say(stream, 320, 640)
  await until('audio', () => heard.count === 960)
  first.say(stream, 1_280, 320)
  const again = await opened(second)
  assert.equal(second.speaks()[0]?.fromSample, 960)
  await until('closed', () => first.closes().includes(stream))
  second.say(again, 960, 40)
  second.send({ type: 'speak.ended', stream: again, samples: 1_000 })
  await until('end', () => heard.told.at(-1) === 'ended 1000')
  assert.deepEqual([heard.count, heard.wrong], [1_000, 0])
})

test('[SK3] an end before the last sample, or half a sample, is a failure of the worker', async (t) => {
  const { speech, worker, pass } = await linksRig(t, SPEAKS)
  const heard = new SpeakProbe().start(speech)
  const stream = await opened(worker)
  worker.say(stream, 0, 320)
  worker.send({ type: 'speak.ended', stream, samples: 640 })
  const second = await opened(worker, 2)
  const odd = Buffer.alloc(LINK_RECORD_HEADER_BYTES + 3)
  writeLinkRecord(odd, 0, second, 320, new Uint8Array(3))
  worker.sendRaw(odd)
  await until('closed', () => worker.closes().includes(second))
  await pass(700)
  const third = await opened(worker, 3)
  worker.say(third, 320, 320)
  worker.send({ type: 'speak.ended', stream: third, samples: 640 })
  await until('end', () => heard.told.at(-1) === 'ended 640')
  assert.deepEqual([heard.count, heard.wrong], [640, 0])
})

test('[SK4] the fourth worker in a row that fails it ends a speech; a second of audio clears the count', async (t) => {
  const { speech, worker, pass } = await linksRig(t, SPEAKS)
  const heard = new SpeakProbe().start(speech)
  for (let n = 1; n <= 3; n++) {
    worker.send({ type: 'stream.failed', stream: await opened(worker, n), message: 'synthesis failed' })
    await until('left', () => worker.speaks().length > n || speech.stats().speechesWaiting === 1)
    await pass(700)
  }
  const stream = await opened(worker, 4)
  worker.say(stream, 0, 16_000)
  await until('audio', () => heard.count === 16_000)
  for (let n = 0; n < 4; n++) {
    worker.send({ type: 'stream.failed', stream: await opened(worker, 4 + n), message: 'synthesis failed' })
    await until('left', () => worker.speaks().length > 4 + n || speech.stats().speechesWaiting === 1 || n === 3)
    await pass(700)
  }
  await until('failed', () => heard.told.length === 2)
  assert.deepEqual(heard.told, ['started tone 16000', 'failed SYNTHESIS_FAILED'])
  assert.match(heard.error?.message ?? '', /4 workers in a row/)
  assert.equal(speech.stats().speeches, 0)
})

test('[SK4] a worker that does not answer, or falls silent over allowed audio, is given up; one without credit is not', async (t) => {
  const { speech, workers, pass } = await linksRig(t, { speechSlots: 3 }, { speechSlots: 2 })
  const [first, second] = workers as [ManualWorker, ManualWorker]
  first.speaksAtOnce = false
  const heard = new SpeakProbe().start(speech)
  const silent = await opened(first)
  await pass(10_500)
  assert.ok(first.closes().includes(silent))
  const stream = await opened(second)
  second.say(stream, 0, 6_400)
  await until('audio', () => heard.count === 6_400)
  await pass(20_000)
  assert.equal(second.speaks().length, 1, 'all that was allowed has come: silence is right')
  heard.speaking?.grant(600)
  await pass(5_500)
  await until('given up', () => second.closes().includes(stream))
})

test('[SK5] without a slot a speech waits 2 s; then NO_SLOT with retry advice', async (t) => {
  const { speech, worker, pass } = await linksRig(t, { speechSlots: 1 })
  const first = new SpeakProbe().start(speech)
  await opened(worker)
  const waits = new SpeakProbe().start(speech)
  const patient = new SpeakProbe().start(speech)
  await pass(1_000)
  assert.deepEqual([waits.told, speech.stats().speechesWaiting], [[], 2])
  worker.send({ type: 'speak.ended', stream: worker.speaks()[0]?.stream ?? 0, samples: 0 })
  worker.speechLoad(0)
  await opened(worker, 2)
  await pass(1_500)
  assert.deepEqual(patient.told, ['failed NO_SLOT'])
  assert.equal(patient.error?.details.retryAfterMs, 1_000)
  assert.deepEqual([first.told.at(-1), waits.told], ['ended 0', ['started tone 16000']])
})

test('[SK5] with no worker that speaks a speech is unavailable; one that has begun waits for another as long as audio does', async (t) => {
  const { speech, worker, pass } = await linksRig(t, SPEAKS)
  const heard = new SpeakProbe().start(speech)
  const stream = await opened(worker)
  worker.say(stream, 0, 320)
  await until('audio', () => heard.count === 320)
  speech.setWorkers([])
  const late = new SpeakProbe().start(speech)
  await pass(2_500)
  assert.deepEqual(late.told, ['failed SPEECH_UNAVAILABLE'])
  assert.deepEqual(heard.told, ['started tone 16000'])
  await pass(27_000)
  assert.deepEqual(heard.told, ['started tone 16000'])
  await pass(1_000)
  assert.deepEqual(heard.told, ['started tone 16000', 'failed SYNTHESIS_FAILED'])
})

test('[SK6] a voice nobody has, a language nobody speaks and a text that is too long are refused by name at once', async (t) => {
  const { speech, worker } = await linksRig(t, SPEAKS)
  const of = async (request: object): Promise<SpeakProbe> => {
    const probe = new SpeakProbe().start(speech, request)
    await until('refusal', () => probe.told.length === 1)
    return probe
  }
  const voice = await of({ voice: 'nobody' })
  assert.deepEqual([voice.error?.code, voice.error?.details.field], ['VOICE_UNKNOWN', 'voice'])
  assert.deepEqual(voice.error?.details.allowed, ['tone'])
  const language = await of({ language: 'tlh' })
  assert.deepEqual([language.error?.code, language.error?.details.allowed], ['LANGUAGE_UNSUPPORTED', ['en-US']])
  const both = await of({ voice: 'tone', language: 'es' })
  assert.match(both.error?.message ?? '', /voice "tone".*"es".*en-US/)
  const long = await of({ text: 'x'.repeat(131_073) })
  assert.equal(long.error?.code, 'TEXT_INVALID')
  assert.equal(worker.speaks().length, 0)
})

test('[SK5] a voice that may still be loaded is waited for, and in the end not called unknown', async (t) => {
  const { speech, pass } = await linksRig(t, { ...SPEAKS, voicesLoading: true })
  const probe = new SpeakProbe().start(speech, { voice: 'nobody' })
  await pass(14_500)
  assert.deepEqual(probe.told, [])
  await pass(1_000)
  assert.deepEqual(probe.told, ['failed SPEECH_UNAVAILABLE'])
})

test('[SK10] a load report without voices leaves them as they were, one with none takes them away', async (t) => {
  const { speech, worker } = await linksRig(t, SPEAKS)
  const load = (slotsUsed: number, more: object = {}) => {
    const synthesise = { slots: 4, slotsUsed }
    const rest = { decodersWarm: 0, engines: [], cpuRatio: 0, rssBytes: 0, roles: { synthesise } }
    worker.send({ type: 'worker.load', slots: 0, slotsUsed: 0, ...rest, ...more })
  }
  load(2)
  await until('load', () => speech.stats().speechSlotsUsed === 2)
  assert.deepEqual(speech.voices(), [TONE])
  load(3, { voices: [] })
  await until('load', () => speech.stats().speechSlotsUsed === 3)
  assert.deepEqual(speech.voices(), [])
})

test('[SK6] what a worker refuses of the request is told as it is; a busy one is asked again', async (t) => {
  const { speech, worker, pass } = await linksRig(t, SPEAKS)
  worker.speaksAtOnce = false
  const heard = new SpeakProbe().start(speech)
  const refused = { type: 'stream.refused', stream: await opened(worker) } as const
  worker.send({ ...refused, code: 'NO_SLOT', message: 'busy', retryAfterMs: 5_000 })
  await until('waits', () => speech.stats().speechesWaiting === 1)
  worker.speechLoad(0)
  await until('load', () => speech.stats().speechSlotsUsed === 0)
  await pass(800)
  const stream = await opened(worker, 2)
  worker.send({ type: 'stream.refused', stream, code: 'TEXT_INVALID', message: 'too long' })
  await until('failed', () => heard.told.length === 1)
  assert.deepEqual([heard.told, heard.error?.details.field], [['failed TEXT_INVALID'], 'text'])
})

test('[SK7] after cancel nothing is told and the slot is free, in every state', async (t) => {
  const { speech, worker, pass } = await linksRig(t, { speechSlots: 1 })
  const speaking = new SpeakProbe().start(speech)
  const stream = await opened(worker)
  const waiting = new SpeakProbe().start(speech)
  const early = new SpeakProbe().start(speech)
  early.speaking?.cancel()
  worker.say(stream, 0, 320)
  await until('audio', () => speaking.count === 320)
  waiting.speaking?.cancel()
  speaking.speaking?.cancel()
  speaking.speaking?.cancel()
  await until('closed', () => worker.closes().includes(stream))
  worker.say(stream, 320, 320)
  worker.send({ type: 'speak.ended', stream, samples: 640 })
  await pass(3_000)
  assert.deepEqual([speaking.told, speaking.count, waiting.told, early.told], [['started tone 16000'], 320, [], []])
  assert.equal(speech.stats().speeches, 0)
})

test('[SK7] a listener that cancels while it is told something is told nothing more', async (t) => {
  const { speech, worker } = await linksRig(t, SPEAKS)
  const heard = new SpeakProbe().start(speech)
  heard.onHeard = () => heard.speaking?.cancel()
  const stream = await opened(worker)
  worker.say(stream, 0, 3_200)
  await until('closed', () => worker.closes().includes(stream))
  assert.equal(heard.count, 320)
})

test('[SK8] speeches go to the freest worker that has the voice and takes new ones', async (t) => {
  const other = { name: 'alto', language: 'es', engine: 'manual' }
  const { speech, workers } = await linksRig(
    t,
    { speechSlots: 2 },
    { speechSlots: 4 },
    { speechSlots: 9, voices: [other] },
    { slots: 4 },
  )
  assert.deepEqual(speech.voices(), [TONE, other])
  assert.equal(speech.stats().speechSlots, 15)
  for (let n = 0; n < 4; n++) new SpeakProbe().start(speech)
  await until('spread', () => workers.map((worker) => worker.speaks().length).join() === '1,3,0,0')
  for (const [n, state] of (['draining', 'overloaded', 'loading'] as const).entries()) {
    workers[2]?.speechLoad(n + 1, state)
    await until(state, () => speech.stats().speechSlotsUsed === 4 + n + 1)
    const kept = new SpeakProbe().start(speech, { voice: 'alto' })
    await until('waits', () => speech.stats().speechesWaiting === 1)
    assert.equal(workers[2]?.speaks().length, 0)
    kept.speaking?.cancel()
  }
  new SpeakProbe().start(speech, { voice: 'alto' })
  workers[2]?.speechLoad(0)
  await until('taken', () => workers[2]?.speaks().length === 1)
})

test('[SK8] three speeches that a worker fails put it out; one that is said brings it back', async (t) => {
  const { speech, workers, pass } = await linksRig(t, { speechSlots: 40 }, { speechSlots: 2 })
  const [bad, good] = workers as [ManualWorker, ManualWorker]
  for (let n = 1; n <= 3; n++) {
    const heard = new SpeakProbe().start(speech)
    bad.send({ type: 'stream.failed', stream: await opened(bad, n), message: 'no' })
    await until('elsewhere', () => good.speaks().length === n)
    good.send({ type: 'speak.ended', stream: good.speaks()[n - 1]?.stream ?? 0, samples: 0 })
    await until('ended', () => heard.told.at(-1) === 'ended 0')
    for (const worker of workers) worker.speechLoad(0)
    await until('free', () => speech.stats().speechSlotsUsed === 0)
  }
  const elsewhere = new SpeakProbe().start(speech)
  await until('only the good one', () => good.speaks().length === 4)
  elsewhere.speaking?.cancel()
  await pass(30_500)
  const tried = new SpeakProbe().start(speech)
  const stream = await opened(bad, 4)
  bad.say(stream, 0, 320)
  await until('heard', () => tried.count === 320)
  new SpeakProbe().start(speech)
  await opened(bad, 5)
})

test('[SK3] a worker that leaves in order is no setback', async (t) => {
  const { speech, worker } = await linksRig(t, SPEAKS)
  const heard = new SpeakProbe().start(speech)
  const stream = await opened(worker)
  worker.say(stream, 0, 320)
  await until('audio', () => heard.count === 320)
  const [address] = [worker.address]
  speech.setWorkers([])
  await until('waits', () => speech.stats().speechesWaiting === 1)
  assert.equal(speech.stats().speechSetbacksTotal, 0)
  speech.setWorkers([address])
  await opened(worker, 2)
  assert.equal(worker.speaks()[1]?.fromSample, 320)
})

test('[LK3] audio cut short ends that link only', async (t) => {
  const { speech, worker, pass } = await linksRig(t, SPEAKS)
  const heard = new SpeakProbe().start(speech)
  const stream = await opened(worker)
  worker.say(stream, 0, 320)
  const record = Buffer.alloc(LINK_RECORD_HEADER_BYTES + 640)
  writeLinkRecord(record, 0, stream, 320, speechBytes(320, 320))
  worker.sendRaw(record.subarray(0, 500))
  await until('lost', () => speech.stats().linkFaults === 1)
  await pass(500)
  const again = await opened(worker, 2)
  assert.equal(worker.speaks()[1]?.fromSample, 320)
  worker.send({ type: 'speak.ended', stream: again, samples: 320 })
  await until('end', () => heard.told.at(-1) === 'ended 320')
})

type Deed = 'say' | 'overlap' | 'gap' | 'fail' | 'cut' | 'early'

/** What a worker may do to speech `stream`, of which `at` samples have come. Answers with how many there are then. */
function doIt(what: Deed, worker: ManualWorker, stream: number, at: number): number {
  const from = what === 'overlap' ? Math.max(0, at - 500) : at
  if (what === 'gap') worker.say(stream, at + 5, 320)
  else if (what === 'fail') worker.send({ type: 'stream.failed', stream, message: 'no' })
  else if (what === 'early') worker.send({ type: 'speak.ended', stream, samples: at + 1 })
  else if (what === 'cut') worker.cut()
  else {
    worker.say(stream, from, 2_000)
    return from + 2_000
  }
  return at
}

test('[SK9] property: whatever workers do, a listener hears each sample once and in order, and one end', async (t) => {
  const deed = fc.constantFrom<Deed>('say', 'overlap', 'gap', 'fail', 'cut', 'early')
  await fc.assert(
    fc.asyncProperty(fc.array(deed, { maxLength: 12 }), async (deeds) => {
      const { speech, worker, pass } = await linksRig(t, SPEAKS)
      const heard = new SpeakProbe().start(speech)
      const hasFailed = () => heard.told.at(-1) === 'failed SYNTHESIS_FAILED'
      const total = 40_000
      let opens = 1
      for (const what of deeds) {
        if (hasFailed()) break
        const expected = doIt(what, worker, await opened(worker, opens), heard.count)
        if (expected > heard.count) {
          await until('audio', () => heard.count === expected)
          continue
        }
        await pass(1_500)
        opens++
        await until('again', () => worker.speaks().length === opens || hasFailed())
      }
      if (!hasFailed()) {
        const stream = await opened(worker, opens)
        worker.say(stream, heard.count, total - heard.count)
        worker.send({ type: 'speak.ended', stream, samples: total })
        await until('end', () => heard.told.at(-1) === `ended ${total}`)
        assert.equal(heard.count, total)
      }
      assert.equal(heard.wrong, 0)
      assert.ok(heard.told.length <= 2)
    }),
    { numRuns: 25 },
  )
})
