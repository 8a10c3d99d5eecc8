// Failover with real worker processes: killed, stopped, crashed by what they are fed.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { countOpenHandles, silentLogger } from '@parley/telemetry'
import { SpeechProbe } from '../testing/speech/speech-probe.ts'
import { startWorkerProcess, TEST_SECRET, type WorkerProcess } from '../testing/speech/worker-process.ts'
import { createSpeechLinks, type SpeechLinks } from './speech-links.ts'

const CRASH_VALUE = -20_003
const wallMs = () => systemClock.wallMs()
const until = (what: string, condition: () => boolean, withinMs = 8_000) =>
  eventually(() => (condition() ? undefined : what), { withinMs })

class Fleet {
  readonly speech: SpeechLinks
  readonly workers: WorkerProcess[] = []

  constructor(context: TestContext, fleetSecret = TEST_SECRET) {
    const config = { speech: { workerWaitMs: 30_000 } }
    const options = { clock: systemClock, config, podId: 'pod_test', fleetSecret, logger: silentLogger }
    this.speech = createSpeechLinks(options)
    context.after(async () => {
      await this.speech.close()
      await Promise.all(this.workers.map((worker) => worker.end()))
    })
  }

  async add(slots = 4): Promise<WorkerProcess> {
    const worker = await startWorkerProcess({ slots })
    this.workers.push(worker)
    this.name()
    return worker
  }

  /** Ends a worker and names the rest, as a supervisor does. */
  async kill(worker: WorkerProcess): Promise<void> {
    await worker.end()
    this.workers.splice(this.workers.indexOf(worker), 1)
    this.name()
  }

  name(): void {
    this.speech.setWorkers(this.workers.map((worker) => worker.address))
  }

  up(count: number): Promise<void> {
    return until(`${count} links`, () => this.speech.status().workers === count)
  }
}

test('[FO3] kill -9 mid-utterance: no word is lost, none said twice, one final per utterance, within 3 s', async (t) => {
  const fleet = new Fleet(t)
  const worker = await fleet.add()
  await fleet.up(1)
  const sessions = [1, 2, 3].map((n) => new SpeechProbe(wallMs).open(fleet.speech, `ses_${n}`))
  for (const [n, session] of sessions.entries()) {
    session
      .words(10 * n + 1, 10 * n + 2)
      .pause()
      .words(10 * n + 3, 10 * n + 4)
  }
  await until('partials', () => sessions.every((session) => session.partials.some(({ index }) => index === 1)))
  const spare = startWorkerProcess()
  worker.kill('SIGKILL')
  for (const [n, session] of sessions.entries()) session.words(10 * n + 5)
  const restarted = await spare
  fleet.workers.push(restarted)
  await fleet.kill(worker)
  const namedMs = systemClock.nowMs()
  await until('ready', () => sessions.every((session) => session.states.at(-1) === 'ready'))
  const usedAfterMs = systemClock.nowMs() - namedMs
  for (const session of sessions) session.pause().stream?.flush(1)
  await until('flushed', () => sessions.every((session) => session.flushed.length === 1))
  for (const [n, session] of sessions.entries()) {
    const word = (m: number) => `w${10 * n + m}`
    assert.deepEqual(session.said(), [`${word(1)} ${word(2)}`, `${word(3)} ${word(4)} ${word(5)}`])
    assert.deepEqual(
      session.finals.map(({ index }) => index),
      [0, 1],
    )
    assert.deepEqual(session.abandoned, [])
    const shown = session.partials.filter(({ index }) => index === 1).map(({ endMs }) => endMs)
    assert.deepEqual(shown, [...new Set(shown)], 'no caption comes a second time')
  }
  t.diagnostic(`a new worker was used ${Math.round(usedAfterMs)} ms after it was named`)
})

test('[FO3] one worker after another is killed at any moment of the speech, and the transcript is whole', async (t) => {
  const fleet = new Fleet(t)
  await fleet.add()
  await fleet.add()
  await fleet.up(2)
  const session = new SpeechProbe(wallMs).open(fleet.speech, 'ses_a')
  const expected: string[] = []
  let next: Promise<WorkerProcess> = startWorkerProcess()
  for (let round = 0; round < 6; round++) {
    const first = 10 * round + 1
    expected.push(`w${first} w${first + 1} w${first + 2}`)
    session.words(first)
    if (round % 2 === 0) await until('a partial', () => session.partials.at(-1)?.index === round)
    const victim = fleet.workers[0] as WorkerProcess
    victim.kill('SIGKILL')
    session.words(first + 1, first + 2).pause()
    fleet.workers.push(await next)
    if (round < 5) next = startWorkerProcess()
    await fleet.kill(victim)
  }
  session.stream?.flush(1)
  await until('flushed', () => session.flushed.length === 1)
  assert.deepEqual(session.said(), expected)
  assert.deepEqual(session.abandoned, [])
})

test('[LK5] a worker that stands still (SIGSTOP) is left within 4 s and its streams heal elsewhere', async (t) => {
  const fleet = new Fleet(t)
  const stopped = await fleet.add(8)
  await fleet.up(1)
  const session = new SpeechProbe(wallMs).open(fleet.speech, 'ses_a').words(1, 2)
  await until('a partial', () => session.partials.length > 0)
  await fleet.add(4)
  await fleet.up(2)
  const stoppedMs = systemClock.nowMs()
  stopped.kill('SIGSTOP')
  session.words(3).pause()
  await until('healed', () => session.finals.length === 1)
  t.diagnostic(`healed ${Math.round(systemClock.nowMs() - stoppedMs)} ms after it stopped`)
  assert.deepEqual(session.said(), ['w1 w2 w3'])
  stopped.kill('SIGCONT')
  session.words(4).pause()
  await until('the next final', () => session.finals.length === 2)
  assert.deepEqual(session.said(), ['w1 w2 w3', 'w4'], 'what the old worker has to say when it wakes is not heard')
  await until('used again', () => fleet.speech.status().workers === 2)
})

test('[FO8] audio that crashes every worker it meets is given up; sessions beside it lose nothing', async (t) => {
  const fleet = new Fleet(t)
  await fleet.add()
  await fleet.up(1)
  const poisoned = new SpeechProbe(wallMs).open(fleet.speech, 'ses_poison')
  const calm = new SpeechProbe(wallMs).open(fleet.speech, 'ses_calm').words(1).pause()
  await until('calm', () => calm.finals.length === 1)
  poisoned.frames(CRASH_VALUE, 1)
  for (let deaths = 0; poisoned.abandoned.length === 0; deaths++) {
    assert.ok(deaths < 8, 'it ends')
    const victim = fleet.workers[0] as WorkerProcess
    const losses = fleet.speech.stats().linkLosses
    await until('a death', () => poisoned.abandoned.length > 0 || fleet.speech.stats().linkLosses > losses)
    if (poisoned.abandoned.length > 0) break
    fleet.workers.push(await startWorkerProcess())
    await fleet.kill(victim)
  }
  assert.deepEqual(poisoned.abandoned, [{ index: 0, reason: 'no_worker' }])
  fleet.workers.push(await startWorkerProcess())
  await fleet.kill(fleet.workers[0] as WorkerProcess)
  poisoned.words(7).pause()
  calm.words(2).pause()
  await until('both', () => poisoned.finals.length === 1 && calm.finals.length === 2)
  assert.deepEqual([poisoned.said(), calm.said()], [['w7'], ['w1', 'w2']])
})

test('[LK1] a pod with another secret gets no link, and says that there is no speech', async (t) => {
  const fleet = new Fleet(t, 'not-the-secret-of-this-fleet-000000')
  await fleet.add()
  await new Promise<void>((resolve) => void systemClock.after(500, resolve))
  assert.equal(fleet.speech.status().workers, 0)
  const refused = fleet.speech.reserve('en-US')
  assert.ok(!refused.ok && refused.error.code === 'SPEECH_UNAVAILABLE')
})

test('[FO11] fifty rounds of opening and closing leave no slot, socket, timer or audio behind', async (t) => {
  const fleet = new Fleet(t)
  await fleet.add(4)
  await fleet.up(1)
  const handles = () => Object.values(countOpenHandles()).reduce((sum, count) => sum + count, 0)
  const round = async () => {
    const sessions = [1, 2, 3, 4].map((n) => new SpeechProbe(wallMs).open(fleet.speech, `ses_${n}`).words(n))
    await until('ready', () => sessions.every((session) => session.states.at(-1) === 'ready'))
    for (const session of sessions) session.stream?.close()
    await until('free', () => fleet.speech.status().slotsUsed === 0)
  }
  await round()
  const before = handles()
  for (let n = 0; n < 50; n++) await round()
  const { streams, streamsWaiting, keptAudioBytes } = fleet.speech.stats()
  assert.deepEqual([streams, streamsWaiting, keptAudioBytes], [0, 0, 0])
  assert.ok(handles() <= before + 1, `${handles()} handles, ${before} before`)
})
