// Slots, languages and links, against workers' ends that a test drives.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '@parley/kernel/testing'
import { decodeWorkerMessage, type ParleyError } from '@parley/protocol'
import fc from 'fast-check'
import { linksRig, until } from '../testing/speech/links-rig.ts'
import type { ManualWorker } from '../testing/speech/manual-worker.ts'
import { SpeechProbe } from '../testing/speech/speech-probe.ts'
import type { SpeechLinks } from './speech-links.ts'

const refusal = (speech: SpeechLinks, language = 'en-US'): ParleyError => {
  const result = speech.reserve(language)
  assert.ok(!result.ok)
  return result.error
}

test('[FO2] a burst of reservations gets exactly the slots there are, the rest a refusal with retry advice', async (t) => {
  const { speech } = await linksRig(t, { slots: 3 }, { slots: 2 })
  const results = Array.from({ length: 50 }, () => speech.reserve('en'))
  assert.equal(results.filter((result) => result.ok).length, 5)
  assert.deepEqual([refusal(speech).code, refusal(speech).details.retryAfterMs], ['NO_SLOT', 1_000])
  assert.deepEqual([speech.status().slots, speech.status().slotsUsed], [5, 5])
  for (const result of results) if (result.ok) result.value.release()
  for (const result of results) if (result.ok) result.value.release()
  assert.equal(speech.status().slotsUsed, 0, 'releasing twice gives back once')
})

test('[FO2] a language nobody speaks is refused by name; with no worker at all speech is unavailable', async (t) => {
  const { speech, workers } = await linksRig(t, { languages: ['en-US'] }, { languages: ['es'] })
  assert.deepEqual(speech.languages(), ['en-US', 'es'])
  const error = refusal(speech, 'tlh')
  assert.equal(error.code, 'LANGUAGE_UNSUPPORTED')
  assert.match(error.message, /"tlh".*en-US, es/)
  speech.setWorkers([])
  const unavailable = refusal(speech, 'en-US')
  assert.deepEqual([unavailable.code, unavailable.details.retryAfterMs], ['SPEECH_UNAVAILABLE', 1_000])
  assert.equal(workers.length, 2)
})

test('[FO2] an engine that cannot run says why to whoever asks for speech', async (t) => {
  const { speech, workers } = await linksRig(t, { languages: ['en-US'] })
  const problem = 'libpocketsphinx.so.3 is missing: apt-get install libpocketsphinx3'
  const engines = [{ name: 'manual', languages: ['en-US'], ready: false, problem }]
  const load = { slots: 0, slotsUsed: 0, decodersWarm: 0, cpuRatio: 0, rssBytes: 0 }
  workers[0]?.send({ type: 'worker.load', ...load, engines })
  await eventually(() => (speech.languages().length === 0 ? undefined : 'the engine still counts as ready'))
  assert.equal(refusal(speech).code, 'SPEECH_UNAVAILABLE')
  assert.equal(refusal(speech).message, `no speech engine is ready: ${problem}`)
})

test('[FO2] streams go to the worker with most free slots that speaks the language, under its own tag', async (t) => {
  const { workers, probe } = await linksRig(
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

test('[LK5] a worker that says nothing for 4 s is left, and used again when it is back', async (t) => {
  const { workers, probe, pass, speech } = await linksRig(t)
  const [worker] = workers as [ManualWorker]
  const session = probe().frames(1, 5)
  await until('ready', () => session.states.length === 1)
  await pass(6_000)
  assert.equal(worker.connections, 1, 'an answered ping is life enough')
  worker.answersPings = false
  await pass(4_000)
  assert.equal(session.states[1], 'waiting worker_lost')
  worker.answersPings = true
  await pass(2_000)
  await until('back', () => session.states.at(-1) === 'ready')
  assert.equal(speech.stats().linkLosses, 1)
})

test('[LK5] a pause of the pod itself does not count as silence of the worker', async (t) => {
  const { workers, clock, pass } = await linksRig(t)
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
  const { speech, workers, pass } = await linksRig(t, impostor, { workerId: 'wrk_y', claims: 'wrk_z' })
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
    const { workers, probe } = await linksRig(t, { slots: 4 }, { slots: 1 })
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
  const { workers, speech, pass, clock } = await linksRig(t)
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
  const { workers, probe, pass } = await linksRig(t)
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

test('[LK3] property: no text makes the decoder throw', () => {
  const types = fc.constantFrom('final', 'partial', 'worker.load', 'worker.hello', 'stream.refused', 'abandoned')
  const almost = fc.tuple(types, fc.object()).map(([type, fields]) => JSON.stringify({ ...fields, type }))
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json(), almost), (text) => void decodeWorkerMessage(text)))
})
