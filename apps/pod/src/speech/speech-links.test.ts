import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { silentLogger } from '@parley/telemetry'
import { SpeechProbe } from '../testing/speech/speech-probe.ts'
import { startWorkerProcess, TEST_SECRET, type WorkerProcess } from '../testing/speech/worker-process.ts'
import { createSpeechLinks, type SpeechLinks } from './speech-links.ts'

const config = { speech: { workerWaitMs: 30_000 } }
const wallMs = () => systemClock.wallMs()

interface Rig {
  readonly speech: SpeechLinks
  readonly workers: WorkerProcess[]
  close(): Promise<void>
}

async function rig(options: { workers?: number; slots?: number; workerWaitMs?: number } = {}): Promise<Rig> {
  const { workers: count = 1, slots = 4, workerWaitMs = 30_000 } = options
  const workers = await Promise.all(Array.from({ length: count }, () => startWorkerProcess({ slots })))
  const speech = createSpeechLinks({
    clock: systemClock,
    config: { speech: { workerWaitMs } },
    podId: 'pod_test',
    fleetSecret: TEST_SECRET,
    logger: silentLogger,
  })
  speech.setWorkers(workers.map((worker) => worker.address))
  await eventually(() => (speech.status().workers === count ? undefined : 'links are not up'))
  return {
    speech,
    workers,
    async close() {
      await speech.close()
      await Promise.all(workers.map((worker) => worker.end()))
    },
  }
}

const until = (what: string, condition: () => boolean) => eventually(() => (condition() ? undefined : what))

test('[FO1] speech goes in, captions with marks come out, a flush is answered', async () => {
  const { speech, close } = await rig()
  try {
    const probe = new SpeechProbe(wallMs).open(speech, 'ses_a')
    probe.words(1, 2, 3).pause().words(4)
    probe.stream?.flush(7)
    await until('flushed', () => probe.flushed.length === 1)
    assert.deepEqual(probe.said(), ['w1 w2 w3', 'w4'])
    assert.deepEqual(probe.finals.map((final) => final.index), [0, 1])
    assert.equal(probe.finals[0]?.endMs, 300)
    assert.deepEqual(probe.flushed, [7])
    assert.deepEqual(probe.states, ['ready'])
  } finally {
    await close()
  }
})

test('[FO2] a worker killed mid-utterance loses no word and doubles none', async () => {
  const { speech, workers, close } = await rig({ workers: 2 })
  try {
    const probe = new SpeechProbe(wallMs).open(speech, 'ses_a')
    probe.words(1, 2).pause().words(3, 4)
    await until('partial', () => probe.partials.some((partial) => partial.text === 'w3 w4'))
    workers.find((worker) => worker.ready.workerId)?.kill('SIGKILL')
    workers[1]?.kill('SIGKILL')
    workers.push(await startWorkerProcess())
    speech.setWorkers(workers.slice(2).map((worker) => worker.address))
    probe.words(5).pause()
    await until('final', () => probe.finals.length === 2)
    assert.deepEqual(probe.said(), ['w1 w2', 'w3 w4 w5'])
    console.log(probe.states, speech.stats())
  } finally {
    await close()
  }
})
