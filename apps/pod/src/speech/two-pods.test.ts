// Two pods on the same workers: slots are the workers' to give, and one pod's end is no other's.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { startRelay } from '@parley/lab'
import { silentLogger } from '@parley/telemetry'
import { startLocalWorker } from '../testing/speech/local-worker.ts'
import { SpeechProbe } from '../testing/speech/speech-probe.ts'
import { TEST_SECRET } from '../testing/speech/worker-process.ts'
import { createSpeechLinks, type SpeechLinks } from './speech-links.ts'

const wallMs = () => systemClock.wallMs()
const until = (what: string, condition: () => boolean) =>
  eventually(() => (condition() ? undefined : what), { withinMs: 20_000 })

function linksOf(t: TestContext, podId: string): SpeechLinks {
  const config = { speech: { workerWaitMs: 30_000 } }
  const speech = createSpeechLinks({
    clock: systemClock,
    config,
    podId,
    fleetSecret: TEST_SECRET,
    logger: silentLogger,
  })
  t.after(() => speech.close())
  return speech
}

test('[PW8] two pods on the same workers never hold more streams than there are slots, and everyone has a turn', async (t) => {
  const workers = await Promise.all([2, 3].map((slots) => startLocalWorker(t, { slots })))
  const pods = ['pod_one', 'pod_two'].map((podId) => linksOf(t, podId))
  for (const pod of pods) pod.setWorkers(workers.map(({ address }) => address))
  await until('links', () => pods.every((pod) => pod.status().workers === 2))
  const used = () => workers.map(({ worker }) => worker.access.recogniser?.status().slotsUsed ?? 0)
  let most = 0
  const sessions: SpeechProbe[] = []
  for (let n = 0; n < 40; n++) {
    const pod = pods[n % 2] as SpeechLinks
    await until('a slot', () => {
      const reserved = pod.reserve('en-US')
      if (reserved.ok) reserved.value.release()
      return reserved.ok
    })
    const session = new SpeechProbe(wallMs)
      .open(pod, `ses_${n}`)
      .words(n + 1)
      .pause()
    session.stream?.flush(1)
    sessions.push(session)
    const [first = 0, second = 0] = used()
    assert.ok(first <= 2 && second <= 3, `${first} and ${second}`)
    most = Math.max(most, first + second)
    if (n >= 4) {
      const leaving = sessions[n - 4] as SpeechProbe
      await until('its turn', () => leaving.flushed.length === 1)
      leaving.stream?.close()
    }
  }
  await until('all', () => sessions.every((session) => session.flushed.length === 1))
  assert.deepEqual(
    sessions.map((session) => session.said()),
    sessions.map((_session, n) => [`w${n + 1}`]),
  )
  assert.ok(most >= 4, `at most ${most} at a time: the workers were never full`)
})

test('[PW8] a pod that vanishes without a word leaves its slots to the others in less than 5 s', async (t) => {
  const { address, worker } = await startLocalWorker(t, { slots: 3 })
  const to = { host: '127.0.0.1', port: Number(new URL(address.url).port) }
  const relay = await startRelay({ clock: systemClock, tcp: { to } })
  t.after(() => relay.close())
  const [lost, left] = [linksOf(t, 'pod_lost'), linksOf(t, 'pod_left')]
  lost.setWorkers([{ ...address, url: `ws://127.0.0.1:${relay.tcp?.port}` }])
  left.setWorkers([address])
  await until('links', () => lost.status().workers + left.status().workers === 2)
  const sessions = [1, 2, 3].map((n) => new SpeechProbe(wallMs).open(lost, `ses_${n}`).words(n))
  await until('open', () => sessions.every((session) => session.states.length === 1))
  const used = () => worker.access.recogniser?.status().slotsUsed
  assert.equal(used(), 3)
  const cutMs = systemClock.nowMs()
  relay.cut({ what: 'tcp', how: 'silent' })
  await until('free', () => used() === 0)
  t.diagnostic(`free ${Math.round(systemClock.nowMs() - cutMs)} ms after its host was gone`)
  await until('told', () => left.status().slotsUsed === 0)
  const session = new SpeechProbe(wallMs).open(left, 'ses_left').words(9).pause()
  await until('a final', () => session.finals.length === 1)
})
