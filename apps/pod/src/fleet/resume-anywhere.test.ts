// Sessions that outlive their pod: what their clients and watchers see when a pod is lost, drained, or comes back from the dead.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ok, systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { type Caption, CHECKPOINT_VERSION, type Problem } from '@parley/protocol'
import { type MovingPod, MovingPods } from '../testing/fleet/moving-pods.ts'
import { TestClient } from '../testing/sessions/test-client.ts'
import { TEST_SECRET } from '../testing/speech/worker-process.ts'
import { callKey, SIGNATURE_HEADER, signCall } from './signed-call.ts'

/** The stream of the only session at a worker, once it is open. */
async function streamOf({ worker }: MovingPod): Promise<number> {
  await eventually(() => (worker.opens().length > worker.closes().length ? undefined : 'no stream is open'))
  return worker.opens().at(-1)?.stream ?? -1
}

async function say({ worker }: MovingPod, stream: number, index: number, text: string, endMs: number): Promise<void> {
  worker.send({ type: 'final', stream, index, text, startMs: endMs - 200, endMs, settledMs: endMs + 100, decideMs: 1 })
}

async function speak(client: TestClient, at: MovingPod, frames: number): Promise<void> {
  const before = at.worker.records.length
  for (let n = 0; n < frames; n++) client.sendFrame(n)
  await eventually(() => (at.worker.records.length >= before + frames ? undefined : 'frames are on their way'))
}

const finalsOf = (client: TestClient): Caption[] => client.of('caption').filter(({ kind }) => kind === 'final')
const textsOf = (client: TestClient): [seq: number | undefined, text: string][] =>
  finalsOf(client).map(({ seq, text }) => [seq, text])

test('[RA2, RA3, RA5, RA6, RES8] a pod is lost: its client goes on at the other with what it saw, and late watchers with what was kept; it comes back and lets go', async (t) => {
  const pair = await MovingPods.start(t)
  const { a, b } = pair
  const { created, client, welcome } = await pair.open()
  const { sessionId } = created
  assert.equal(welcome.resumesAnywhere, true)
  const link = await pair.watchToken(a.pod, sessionId)
  const stayed = await TestClient.connect(a.wsUrl)
  stayed.send({ type: 'hello', token: link })
  await stayed.expect('welcome')
  const stream = await streamOf(a)
  await speak(client, a, 100)
  await say(a, stream, 0, 'one', 500)
  await client.expect('caption')
  await pair.keptAt(sessionId, 1)
  a.line.cut(true)
  await say(a, stream, 1, 'two', 1_000)
  await client.expect('caption', 2)
  client.cut()

  // Its lease may yet be renewed: the client is to come again.
  const early = await pair.resume(b, welcome, { seq: 2, mediaMs: 1_000 })
  const refusal = await early.expect('error')
  assert.deepEqual([refusal.code, refusal.location, refusal.retryable], ['WRONG_POD', a.wsUrl, true])
  assert.ok((refusal.retryAfterMs ?? 0) > 0)
  await pair.lose(a, b)
  const orphan = await pair.call(b.pod, `/v1/sessions/${sessionId}`)
  assert.deepEqual([orphan.status, ((await orphan.json()) as Problem).code], [409, 'SESSION_SUSPENDED'])
  const watching = await TestClient.connect(b.wsUrl)
  watching.send({ type: 'hello', token: link })
  assert.equal((await watching.expect('error')).code, 'SESSION_SUSPENDED')

  const back = await pair.resume(b, welcome, { seq: 2, mediaMs: 1_000 })
  const again = await back.expect('welcome')
  const { resumed, epoch, seq, receivedMediaTime, settledMediaTime, podId } = again
  assert.deepEqual([resumed, epoch, seq, podId], [true, 2, 2, b.pod.podId])
  assert.deepEqual([receivedMediaTime, settledMediaTime], [16_000, 16_000], 'behind the last final it saw')
  back.mediaTime = 16_000
  await speak(back, b, 50)
  const second = await streamOf(b)
  assert.equal(b.worker.opens().at(-1)?.firstIndex, 1)
  await say(b, second, 1, 'three', 1_700)
  await back.expect('caption')
  assert.deepEqual(textsOf(back), [[3, 'three']])
  assert.deepEqual(finalsOf(back)[0]?.utterance, { epoch: 2, index: 1 })

  const late = await TestClient.connect(b.wsUrl)
  late.send({ type: 'hello', token: link })
  await late.expect('caption', 2)
  assert.deepEqual(
    textsOf(late),
    [
      [1, 'one'],
      [3, 'three'],
    ],
    'what nobody kept is missing, and nothing is told twice',
  )
  await pair.ownedBy(sessionId, b)

  // The other comes back, and is no owner any more.
  a.line.cut(false)
  assert.equal((await stayed.expect('closing')).reason, 'moved')
  assert.equal((await stayed.expect('closing')).mayResume, true)
  await eventually(() => (a.worker.closes().includes(stream) ? undefined : 'its stream is still open'))
  await pair.ownedBy(sessionId, b)
  const elsewhere = await pair.call(a.pod, `/v1/sessions/${sessionId}`)
  assert.equal(((await elsewhere.json()) as Problem).code, 'WRONG_POD')
  back.send({ type: 'bye' })
  await eventually(async () => {
    const located = await pair.directory.locate(sessionId)
    return located.ok && located.value ? 'still there' : undefined
  })
  const gone = await pair.resume(a, again, { seq: 3 })
  assert.equal((await gone.expect('error')).code, 'SESSION_UNKNOWN', 'nothing is kept of what has ended')
})

test('[RA2, PF14] who watches a session that is being fetched is told to come again, by either pod', async (t) => {
  const pair = await MovingPods.start(t)
  const { a, b } = pair
  const { created, client, welcome } = await pair.open()
  const { sessionId } = created
  const token = await pair.watchToken(a.pod, sessionId)
  await speak(client, a, 100)
  await say(a, await streamOf(a), 0, 'one', 500)
  await client.expect('caption')
  await pair.keptAt(sessionId, 1)
  client.cut()
  await pair.lose(a, b)
  const fetching = Promise.withResolvers<void>()
  b.line.journalWaits = fetching.promise
  const back = await pair.resume(b, welcome, { seq: 1 })
  await eventually(async () => {
    const located = await pair.directory.locate(sessionId)
    return located.ok && located.value?.state === 'reserved' ? undefined : 'not claimed yet'
  })
  // The other comes back, and lets go.
  a.line.cut(false)
  await eventually(async () => {
    const { status } = await pair.call(a.pod, `/v1/sessions/${sessionId}`)
    return status === 421 ? undefined : `${status}`
  })
  const watchAt = async (pod: MovingPod): Promise<TestClient> => {
    const watching = await TestClient.connect(pod.wsUrl)
    watching.send({ type: 'hello', token })
    return watching
  }
  const there = await (await watchAt(a)).expect('error')
  assert.deepEqual([there.code, there.location], ['WRONG_POD', b.wsUrl])
  assert.equal((await (await watchAt(b)).expect('error')).code, 'SESSION_SUSPENDED')
  fetching.resolve()
  await back.expect('welcome')
  for (const pod of [a, b]) await (await watchAt(pod)).expect('caption')
})

test('[RA5] a worker knows another owner: the pod asks the directory, and lets go when it says so too', async (t) => {
  const pair = await MovingPods.start(t)
  const { a, b } = pair
  const { created, client } = await pair.open()
  const { sessionId } = created
  const stream = await streamOf(a)
  const { fence } = a.worker.opens().at(-1) ?? {}
  assert.ok(fence && fence.epoch > 0)
  const located = await pair.directory.locate(sessionId)
  assert.ok(located.ok && located.value)
  const answer = { ...located.value, memberId: b.pod.podId }
  let asked = 0
  pair.directory.locate = async () => {
    asked++
    return ok(answer)
  }
  a.worker.send({ type: 'stream.failed', stream, message: 'the session has another owner by now', code: 'FENCED' })
  const { reason, mayResume } = await client.expect('closing')
  assert.deepEqual([reason, mayResume, asked, a.worker.opens().length], ['moved', true, 1, 1])
  const metrics = await (await fetch(`${a.pod.adminUrl}/metrics`)).text()
  assert.match(metrics, /parley_fleet_handed_over_total\{how="fenced"\} 1/)
})

test('[RA4] nothing was kept, or another asks: refused in words, and nothing is taken', async (t) => {
  const pair = await MovingPods.start(t)
  const { a, b } = pair
  a.line.cut(false)
  const { created, client, welcome } = await pair.open()
  await pair.keptAt(created.sessionId, 0)
  client.cut()
  await pair.lose(a, b)
  pair.clock.advance(120_000)
  await eventually(async () => {
    const members = await pair.directory.members()
    return members.ok && members.value.some(({ memberId, state }) => memberId === b.pod.podId && state === 'serving')
      ? undefined
      : 'the other has not joined again'
  })
  const late = await pair.resume(b, welcome, { seq: 0 })
  const { code, message } = await late.expect('error')
  assert.equal(code, 'SESSION_UNKNOWN')
  assert.match(message, /its pod was lost and nothing of it is kept/)
  const members = await pair.directory.members()
  const held = members.ok ? members.value.map(({ heldSeats, reservedSeats }) => heldSeats + reservedSeats) : []
  assert.deepEqual(held, [0, 0])
})

test('[RA3] who takes a session over and has no room after all has not ended it: watchers wait, and its client comes again', async (t) => {
  const pair = await MovingPods.start(t)
  const { a, b } = pair
  const { created, client, welcome } = await pair.open()
  const link = await pair.watchToken(a.pod, created.sessionId)
  await pair.keptAt(created.sessionId, 0)
  b.worker.load(20)
  await eventually(() => (b.pod.speech.status().slotsUsed === 20 ? undefined : 'it is not full yet'))
  client.cut()
  await pair.lose(a, b)
  const refused = await pair.resume(b, welcome, { seq: 0 })
  assert.equal((await refused.expect('error')).retryable, true)
  const watching = await TestClient.connect(b.wsUrl)
  watching.send({ type: 'hello', token: link })
  assert.equal((await watching.expect('error')).code, 'SESSION_SUSPENDED')
  b.worker.load(0)
  await eventually(() => (b.pod.speech.status().slotsUsed === 0 ? undefined : 'it is still full'))
  const back = await pair.resume(b, welcome, { seq: 0 })
  assert.equal((await back.expect('welcome')).resumed, true)
})

test('[RA7] a state of a newer version is left to who can read it: the client is sent on, and nothing is lost', async (t) => {
  const pair = await MovingPods.start(t)
  const { a, b } = pair
  const { created, client, welcome } = await pair.open()
  const { sessionId } = created
  await pair.keptAt(sessionId, 0)
  const kept = await pair.journal.recall(sessionId)
  assert.ok(kept.ok && kept.value)
  const { token, state } = kept.value
  client.cut()
  await pair.lose(a, b)
  const write = (more: object) =>
    pair.journal.append(
      [{ sessionId, token, state: JSON.stringify({ ...(JSON.parse(state) as object), ...more }) }],
      60_000,
    )
  await write({ version: CHECKPOINT_VERSION + 1 })
  const early = await pair.resume(b, welcome, { seq: 0 })
  const { code, retryable, message } = await early.expect('error')
  assert.deepEqual([code, retryable], ['STATE_UNREADABLE', true])
  assert.match(message, /has format 2, this pod reads up to 1/)
  await eventually(async () => {
    const located = await pair.directory.locate(sessionId)
    return located.ok && located.value === undefined ? undefined : 'it was not given back'
  })
  const still = await pair.journal.recall(sessionId)
  assert.equal(still.ok && still.value !== undefined, true, 'it is forgotten')
  await write({ addedByTheNextVersion: 1 })
  const back = await pair.resume(b, welcome, { seq: 0 })
  assert.equal((await back.expect('welcome')).resumed, true)
  await pair.ownedBy(sessionId, b)
})

test('[HO1, HO2, RES8] a pod drains: owner and watcher are told where to go, the utterance is finished, and each final comes once', async (t) => {
  const pair = await MovingPods.start(t)
  const { a, b } = pair
  const { created, client, welcome } = await pair.open()
  const { sessionId } = created
  const link = await pair.watchToken(a.pod, sessionId)
  const watcher = await TestClient.connect(a.wsUrl)
  watcher.send({ type: 'hello', token: link })
  await watcher.expect('welcome')
  const stream = await streamOf(a)
  await speak(client, a, 100)
  await say(a, stream, 0, 'one', 500)
  a.worker.send({ type: 'partial', stream, index: 1, text: 'tw', stable: 0, startMs: 700, endMs: 900 })
  await client.expect('caption', 2)
  await pair.directory.drain(a.pod.podId, 30_000)
  const move = await client.expect('move')
  assert.deepEqual([move.url, (await watcher.expect('move')).url], [b.wsUrl, b.wsUrl])
  assert.ok(move.withinMs > 0)
  const prepared = await TestClient.connect(move.url)
  await say(a, stream, 1, 'two', 1_000)
  assert.equal((await client.expect('closing')).reason, 'moved')
  assert.equal((await watcher.expect('closing')).reason, 'moved')
  assert.deepEqual(
    textsOf(client),
    [
      [1, 'one'],
      [2, 'two'],
    ],
    'the utterance was finished here',
  )
  await pair.ownedBy(sessionId, b)
  prepared.send({
    type: 'hello',
    token: welcome.resumeToken,
    audio: { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 },
    resume: { seq: 2, mediaMs: 1_000 },
  })
  const { epoch, seq, settledMediaTime, podId } = await prepared.expect('welcome')
  assert.deepEqual([podId, epoch, seq, settledMediaTime], [b.pod.podId, 2, 2, 17_600], 'what was settled there')
  prepared.mediaTime = 17_600
  await speak(prepared, b, 50)
  await say(b, await streamOf(b), 2, 'three', 1_900)
  await prepared.expect('caption')
  assert.deepEqual(textsOf(prepared), [[3, 'three']])
  await eventually(() => (a.worker.closes().includes(stream) ? undefined : 'the stream there is still open'))
  const health = await (await fetch(`${a.pod.adminUrl}/health`)).json()
  assert.equal(JSON.stringify(health).includes('"active":1'), false)
})

test('[HO4] the only pod drains: its session stays until the deadline, then it is ended', async (t) => {
  const pair = await MovingPods.start(t)
  const { a, b } = pair
  const { client } = await pair.open()
  await pair.directory.drain(b.pod.podId, 60_000)
  await pair.directory.drain(a.pod.podId, 60_000)
  const stream = await streamOf(a)
  await speak(client, a, 50)
  await say(a, stream, 0, 'one', 500)
  await client.expect('caption')
  assert.deepEqual(client.of('closing'), [])
  await pair.directory.drain(a.pod.podId, 0)
  const { reason, mayResume } = await client.expect('closing')
  assert.deepEqual([reason, mayResume], ['shutting_down', false])
})

test('[HO5, HO7] a session is taken in only from a pod of the fleet, for a move of the directory, with a state that can be read', async (t) => {
  const pair = await MovingPods.start(t)
  const { a, b } = pair
  const { created } = await pair.open()
  await pair.keptAt(created.sessionId, 0)
  const kept = await pair.journal.recall(created.sessionId)
  assert.ok(kept.ok && kept.value)
  const members = await pair.directory.members()
  const url = members.ok ? members.value.find(({ memberId }) => memberId === b.pod.podId)?.urls.calls : ''
  const path = '/fleet/v1/hand-over'
  const ask = async (body: string, key: string) => {
    const call = { method: 'POST', path, body, podId: b.pod.podId }
    const signature = signCall(callKey(key), call, systemClock.wallMs())
    const answer = await fetch(`${url}${path}`, { method: 'POST', body, headers: { [SIGNATURE_HEADER]: signature } })
    return [answer.status, ((await answer.json()) as Problem).code]
  }
  const checkpoint = JSON.parse(kept.value.state) as object
  const call = { sessionId: created.sessionId, token: kept.value.token, from: a.pod.podId, checkpoint }
  assert.deepEqual(await ask(JSON.stringify(call), 'another secret of thirty-two chars'), [403, 'FORBIDDEN'])
  assert.deepEqual(await ask(JSON.stringify({ ...call, from: 7 }), TEST_SECRET), [400, 'INVALID_FIELD'])
  for (const unreadable of [{}, { ...checkpoint, version: CHECKPOINT_VERSION + 1 }]) {
    const body = JSON.stringify({ ...call, checkpoint: unreadable })
    assert.deepEqual(await ask(body, TEST_SECRET), [503, 'STATE_UNREADABLE'])
  }
  assert.deepEqual(await ask(JSON.stringify(call), TEST_SECRET), [503, 'NO_SEAT'], 'nothing was to move there')
  await pair.ownedBy(created.sessionId, a)
})

test('[HO3] the other pod has a seat but no slot: the session goes on here with what came meanwhile, and moves when there is one', async (t) => {
  const pair = await MovingPods.start(t)
  const { a, b } = pair
  const { created, client } = await pair.open()
  b.worker.load(20)
  await eventually(() => (b.pod.speech.status().slotsUsed === 20 ? undefined : 'it is not full yet'))
  const stream = await streamOf(a)
  await speak(client, a, 50)
  await pair.directory.drain(a.pod.podId, 30_000)
  await client.expect('move')
  await say(a, stream, 0, 'one', 500)
  await client.expect('caption')
  await pair.ownedBy(created.sessionId, a)
  assert.deepEqual(client.of('closing'), [])
  b.worker.load(0)
  assert.equal((await client.expect('closing')).reason, 'moved')
  await pair.ownedBy(created.sessionId, b)
  assert.deepEqual(textsOf(client), [[1, 'one']])
})

test('[HO6] a pod that is to end is empty as soon as its sessions are elsewhere, and at once when nobody is there to take them', async (t) => {
  const pair = await MovingPods.start(t)
  const { a, b } = pair
  const { created, client } = await pair.open()
  await a.pod.handOver(20_000)
  await pair.ownedBy(created.sessionId, b)
  assert.equal((await client.expect('closing')).reason, 'moved')
  await b.pod.handOver(20_000)
  await pair.ownedBy(created.sessionId, b)
})
