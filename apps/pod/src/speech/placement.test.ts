// Which workers get streams, which are trusted, and which lose theirs, against workers' ends that a test drives.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { finalOf, linksRig, linksRigWith, partialOf, until } from '../testing/speech/links-rig.ts'
import { startLocalWorker } from '../testing/speech/local-worker.ts'
import type { ManualWorker } from '../testing/speech/manual-worker.ts'
import { SpeechProbe } from '../testing/speech/speech-probe.ts'

type Two = [ManualWorker, ManualWorker]
const opensOf = (workers: readonly ManualWorker[]) => workers.map((worker) => worker.opens().length)

test('[PW1] a worker that is loading, draining or overloaded gets no new streams, and is used again when it is ready', async (t) => {
  const { workers, probe, speech } = await linksRig(t, { slots: 9 }, { slots: 2 })
  const [large, small] = workers as Two
  for (const state of ['loading', 'draining', 'overloaded'] as const) {
    large.load(0, 9, state)
    await until(state, () => speech.workers()[0]?.state === state)
    const session = probe(`ses_${state}`)
    await until('ready', () => session.states.length === 1)
    assert.equal(large.opens().length, 0)
    session.stream?.close()
    small.load(0)
    await until('free', () => speech.status().slotsUsed === 0)
  }
  small.load(2)
  await until('full', () => speech.status().slotsUsed === 2)
  const refused = speech.reserve('en-US')
  assert.equal(!refused.ok && refused.error.code, 'NO_SLOT')
  large.load(0, 9, 'ready')
  await until('ready again', () => speech.workers()[0]?.state === 'ready')
  assert.ok(speech.reserve('en-US').ok)
})

test('[PW1] sticky: streams of one user share a worker while it has room, others go elsewhere', async (t) => {
  const { workers, speech, clock } = await linksRigWith(
    t,
    { placement: 'sticky' },
    { slots: 3 },
    { slots: 3 },
    { slots: 3 },
  )
  const open = (n: number, key: string) => new SpeechProbe(() => clock.wallMs()).open(speech, `ses_${n}`, key)
  for (let n = 0; n < 3; n++) open(n, 'acme/ann')
  await until('three', () => opensOf(workers).some((count) => count === 3))
  assert.deepEqual(opensOf(workers).sort(), [0, 0, 3])
  open(3, 'acme/ann')
  await until('a fourth', () => opensOf(workers).reduce((sum, count) => sum + count) === 4)
  assert.deepEqual(opensOf(workers).sort(), [0, 1, 3])
})

/** Opens a stream and lets its worker fail it. */
async function failOne(worker: ManualWorker, probe: (id?: string) => SpeechProbe): Promise<void> {
  const before = worker.opens().length
  const session = probe()
  await until('open', () => worker.opens().length === before + 1)
  await until('ready', () => session.states.length === 1)
  const { stream } = worker.opens().at(-1) as { stream: number }
  worker.send({ type: 'stream.failed', stream, message: 'decoder' })
  await until('moved', () => session.states.length === 3)
  session.stream?.close()
  worker.load(0)
}

test('[PW2] three failed streams in a row: no streams for 30 s, then exactly one, and its progress lets the worker in', async (t) => {
  const { workers, probe, pass, speech } = await linksRig(t, { slots: 9 }, { slots: 9 })
  const [sick, well] = workers as Two
  well.load(5)
  await until('busier', () => speech.status().slotsUsed === 5)
  for (let n = 0; n < 3; n++) await failOne(sick, probe)
  assert.equal(speech.workers()[0]?.standing, 'out')
  const before = sick.opens().length
  const others = [1, 2, 3].map((n) => probe(`ses_${n}`))
  await until('elsewhere', () => others.every((other) => other.states.length === 1))
  for (let ms = 0; ms < 30_000; ms += 1_000) {
    for (const worker of [sick, well]) worker.load(worker === sick ? 0 : 8)
    await pass(1_000)
  }
  assert.equal(sick.opens().length, before)
  await until('due', () => speech.workers()[0]?.standing === 'trial')
  const tried = probe('ses_tried').frames(1, 5)
  await until('tried', () => sick.opens().length === before + 1)
  probe('ses_beside')
  const refused = speech.reserve('en-US')
  assert.ok(!refused.ok, 'one other slot there was, and the one that is tried is one')
  const { stream } = sick.opens().at(-1) as { stream: number }
  sick.send(finalOf(stream, 0, 100))
  await until('final', () => tried.finals.length === 1)
  assert.equal(speech.workers()[0]?.standing, 'in')
  assert.ok(speech.reserve('en-US').ok)
})

test('[PW2] a trial on which nobody speaks is passed after 2 s; one that is given back makes room for another', async (t) => {
  const { workers, probe, pass, speech } = await linksRig(t, { slots: 9 }, { slots: 9 })
  const [sick, well] = workers as Two
  well.load(5)
  await until('busier', () => speech.status().slotsUsed === 5)
  for (let n = 0; n < 3; n++) await failOne(sick, probe)
  await pass(30_000)
  well.load(5)
  sick.load(0)
  await pass(20)
  await until('fresh', () => speech.workers().every(({ ageMs = 9_999 }) => ageMs < 3_000))
  const reserved = speech.reserve('en-US')
  assert.ok(reserved.ok)
  assert.equal(speech.workers()[0]?.standing, 'out', 'the reservation is the trial')
  reserved.value.release()
  assert.equal(speech.workers()[0]?.standing, 'trial')
  const session = probe('ses_silent')
  await until('ready', () => session.states.length === 1)
  assert.equal(speech.workers()[0]?.standing, 'out')
  await pass(5_000)
  assert.equal(speech.workers()[0]?.standing, 'in')
})

test('[PW2] a worker that is asked in vain is out after three checks, one without room is not to blame', async (t) => {
  const { workers, probe, pass, speech } = await linksRig(t, { slots: 4 }, { slots: 4 })
  const [lost, full] = workers as Two
  full.opensAtOnce = false
  lost.load(4)
  await until('full', () => speech.status().slotsUsed === 4)
  const sessions = [1, 2, 3, 4].map((n) => probe(`ses_${n}`))
  await until('opens', () => full.opens().length === 4)
  for (const { stream } of full.opens()) {
    full.send({ type: 'stream.refused', stream, code: 'NO_SLOT', message: 'full', retryAfterMs: 600_000 })
  }
  await until('told', () => sessions.every((session) => session.states.length === 1))
  assert.equal(speech.workers()[1]?.standing, 'in')
  await lost.end()
  await pass(6_500)
  assert.deepEqual([speech.workers()[0]?.state, speech.workers()[0]?.standing], ['unreachable', 'out'])
  assert.match(speech.workers()[0]?.problem ?? '', /ECONNREFUSED/)
})

test('[PW2, PL2] the only worker is used, whatever it did: a doubtful one is better than none', async (t) => {
  const { worker, probe, speech } = await linksRig(t, { slots: 4 })
  for (let n = 0; n < 3; n++) await failOne(worker, probe)
  assert.equal(speech.workers()[0]?.standing, 'out')
  const session = probe()
  await until('ready', () => session.states.at(-1) === 'ready')
})

test('[PW2, PL2] a stream that lost its worker takes a doubtful one rather than wait; a new session is refused', async (t) => {
  const { workers, probe, speech } = await linksRig(t, { slots: 9 }, { slots: 9 })
  const [sick, well] = workers as Two
  well.load(5)
  await until('busier', () => speech.status().slotsUsed === 5)
  for (let n = 0; n < 3; n++) await failOne(sick, probe)
  const session = probe()
  await until('ready', () => session.states.length === 1)
  well.load(9)
  await until('full', () => speech.status().slots - speech.status().slotsUsed === 9)
  const refused = speech.reserve('en-US')
  assert.equal(!refused.ok && refused.error.code, 'NO_SLOT')
  const { stream } = well.opens().at(-1) as { stream: number }
  well.send({ type: 'stream.failed', stream, message: 'decoder' })
  await until('rescued', () => session.states.length === 3)
  assert.equal(speech.workers()[0]?.streams, 1)
})

test('[PW3, PW5] a draining worker hands over at the ends of utterances, with the state of the recogniser, and unnoticed', async (t) => {
  const { workers, probe, speech, pass } = await linksRig(t, { slots: 9 }, { slots: 9 })
  const [old, next] = workers as Two
  next.load(5)
  await until('busier', () => speech.status().slotsUsed === 5)
  const [quiet, speaking] = [probe('ses_quiet'), probe('ses_speaking').frames(1, 10)]
  await until('ready', () => quiet.states.length + speaking.states.length === 2)
  const [quietNo, speakingNo] = old.opens().map(({ stream }) => stream) as [number, number]
  const adaptation = { engine: 'manual', data: 'voice' }
  old.send({ ...finalOf(quietNo, 0, 0), adaptation })
  old.send(partialOf(speakingNo, 0, 180))
  await until('captions', () => quiet.finals.length + speaking.partials.length === 2)
  old.load(2, 9, 'draining')
  await until('draining', () => speech.workers()[0]?.state === 'draining')
  await pass(500)
  await until('handed over', () => next.opens().length === 1)
  const [handed] = next.opens()
  assert.deepEqual([handed?.sessionId, handed?.firstIndex, handed?.adaptation], ['ses_quiet', 1, adaptation])
  await until('closed', () =>
    old.messages.some((message) => message.type === 'stream.close' && message.stream === quietNo),
  )
  await pass(20_000)
  assert.equal(next.opens().length, 1, 'in the middle of an utterance nothing is moved')
  old.send(finalOf(speakingNo, 0, 200))
  await until('final', () => speaking.finals.length === 1)
  await pass(500)
  await until('both', () => next.opens().length === 2)
  assert.deepEqual([quiet.states, speaking.states], [['ready'], ['ready']])
  assert.equal(speech.stats().movedDrainingTotal, 2)
})

test('[PW3] what is left when the time of a drain is over is moved in the middle of its utterance, and nothing is said twice', async (t) => {
  const { workers, probe, speech, pass } = await linksRig(t, { workerId: 'wrk_old', slots: 9 }, { slots: 9 })
  const [old, next] = workers as Two
  next.load(5)
  await until('busier', () => speech.status().slotsUsed === 5)
  const session = probe().frames(1, 10)
  await until('ready', () => session.states.length === 1)
  old.send(partialOf(1, 0, 180, 'one'))
  await until('a partial', () => session.partials.length === 1)
  assert.equal(speech.drainWorker('wrk_unknown', 1_000), false)
  assert.equal(speech.drainWorker('wrk_old', 5_000), true)
  await pass(4_500)
  assert.equal(next.opens().length, 0)
  await pass(1_000)
  await until('moved', () => next.opens().length === 1)
  await pass(40)
  await until('all of it', () => next.records.length === 10)
  next.send(partialOf(1, 0, 160, 'one'))
  next.send(finalOf(1, 0, 200, 'one two'))
  await until('final', () => session.finals.length === 1)
  assert.deepEqual([session.partials.length, session.said(), session.states], [1, ['one two'], ['ready']])
  speech.drainWorker('wrk_old', undefined)
  assert.equal(speech.workers()[0]?.state, 'ready')
})

test('[PW3] streams that find no room elsewhere finish where they are', async (t) => {
  const { workers, probe, speech, pass } = await linksRig(t, { workerId: 'wrk_old', slots: 2 }, { slots: 2 })
  const [old, next] = workers as Two
  next.load(2)
  await until('full', () => speech.status().slotsUsed === 2)
  const session = probe().frames(1, 10)
  await until('ready', () => session.states.length === 1)
  speech.drainWorker('wrk_old', 1_000)
  await pass(3_000)
  assert.equal(next.opens().length, 0)
  old.send(finalOf(1, 0, 200))
  await until('final', () => session.finals.length === 1)
  next.load(1)
  await until('room', () => speech.status().slotsUsed === 2)
  await pass(500)
  await until('handed over', () => next.opens().length === 1)
})

/** Speaks for `ms`; each worker in `answering` answers its streams `delayMs` behind. */
async function speakFor(
  ms: number,
  rig: Awaited<ReturnType<typeof linksRig>>,
  sessions: readonly SpeechProbe[],
  answering: readonly ManualWorker[],
): Promise<void> {
  for (let now = 0; now < ms; now += 100) {
    for (const session of sessions) session.frames(1, 5)
    await rig.pass(100)
    for (const worker of answering) {
      const last = worker.records.at(-1)
      if (last) worker.send({ type: 'settled', stream: last.stream, settledMs: last.mediaTime / 16 })
    }
  }
}

test('[PW4, PW5] a stream that its worker has left behind is moved to one that keeps up, and rests there', async (t) => {
  const rig = await linksRig(t, { slots: 4 }, { slots: 4 })
  const { workers, probe, speech, pass } = rig
  const [slow, quick] = workers as Two
  quick.load(1)
  await until('busier', () => speech.status().slotsUsed === 1)
  const session = probe()
  await until('ready', () => session.states.length === 1)
  slow.send({ ...finalOf(1, 0, 0), adaptation: { engine: 'manual', data: 'voice' } })
  await until('final', () => session.finals.length === 1)
  await speakFor(4_500, rig, [session], [])
  assert.equal(quick.opens().length, 0, 'not yet')
  await speakFor(2_000, rig, [session], [])
  await until('moved', () => quick.opens().length === 1)
  assert.equal(quick.opens()[0]?.adaptation?.data, 'voice')
  await pass(100)
  await until('all of it', () => quick.records.length >= 325)
  assert.deepEqual(session.states, ['ready'])
  assert.equal(speech.stats().movedBehindTotal, 1)
  await speakFor(12_000, rig, [session], [])
  assert.equal(slow.opens().length, 1, 'behind again, and for 30 s it stays')
})

test('[PW4] when every worker is behind, nothing is moved', async (t) => {
  const rig = await linksRig(t, { slots: 2 }, { slots: 2 })
  const { workers, probe, speech } = rig
  const sessions = [probe('ses_a'), probe('ses_b')]
  await until('ready', () => sessions.every((session) => session.states.length === 1))
  assert.deepEqual(opensOf(workers), [1, 1])
  await speakFor(12_000, rig, sessions, [])
  assert.equal(speech.stats().movedBehindTotal, 0)
})

test('[PW4] a stream that is not answered beside one that is stays: its worker keeps up', async (t) => {
  const rig = await linksRig(t, { slots: 8 }, { slots: 2 })
  const { workers, probe, speech } = rig
  const [home, other] = workers as Two
  other.load(1)
  await until('busier', () => speech.status().slotsUsed === 1)
  const sessions = [probe('ses_a'), probe('ses_b')]
  await until('ready', () => sessions.every((session) => session.states.length === 1))
  assert.deepEqual(opensOf(workers), [2, 0])
  await speakFor(12_000, rig, sessions, [home])
  assert.equal(speech.stats().movedBehindTotal, 0)
})

test('[PW1] a worker without slots gets nothing, and with none but such ones sessions are refused with retry advice', async (t) => {
  const { workers, probe, speech } = await linksRig(t, { slots: 0 }, { slots: 1 })
  const session = probe()
  await until('ready', () => session.states.length === 1)
  assert.deepEqual(opensOf(workers), [0, 1])
  const refused = speech.reserve('en-US')
  assert.deepEqual(!refused.ok && [refused.error.code, refused.error.details.retryAfterMs], ['NO_SLOT', 1_000])
})

test('[LK2] a worker of another version or fleet gets nothing, and what is wrong with it is said', async (t) => {
  const { speech } = await linksRig(t, { version: 2 }, { secret: 'another-secret-another-secret-1234' }, {})
  const problems = () => speech.workers().map(({ problem }) => problem ?? '')
  await until('words', () => problems()[0] !== '' && problems()[1] !== '')
  assert.match(problems()[0] ?? '', /version 2 of the link, this pod version 1/)
  assert.match(problems()[1] ?? '', /not the worker expected/)
  assert.deepEqual(
    speech.workers().map(({ state }) => state),
    ['unreachable', 'unreachable', 'ready'],
  )
})

test('[LK1] a worker that refuses this pod says what would mend it', async (t) => {
  const strange = await startLocalWorker(t, { fleetSecret: 'the-secret-of-quite-another-fleet-1' })
  const { speech } = await linksRig(t, {})
  speech.setWorkers([strange.address])
  await until('words', () => speech.workers()[0]?.problem !== undefined)
  assert.match(speech.workers()[0]?.problem ?? '', /\(401\).*PARLEY_FLEET_SECRET/)
})
