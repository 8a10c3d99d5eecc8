// A pod with five hundred sessions is lost, and all its clients come to the other at once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sleep, systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import type { SessionCreated, Welcome } from '@parley/protocol'
import { type MovingPod, MovingPods } from '../testing/fleet/moving-pods.ts'
import { PCM16 } from '../testing/sessions/session-harness.ts'
import { TestClient } from '../testing/sessions/test-client.ts'

const SESSIONS = 500
const AT_ONCE = 50
const MAX_TURNS = 40
const SETTINGS = {
  'limits.sessionsPerUser': '1000',
  'limits.requestsPerMinute': '100000',
  'limits.connectionsPerAddress': '2000',
}

interface Open {
  readonly client: TestClient
  readonly welcome: Welcome
}

/** Five hundred take their time on a busy machine, longer than a silent client is kept. */
function answerPings(client: TestClient): void {
  client.socket.on('message', (data, isBinary) => {
    const message = isBinary ? undefined : (JSON.parse(String(data)) as { type: string; id?: number })
    if (message?.type === 'ping') client.send({ type: 'pong', id: message.id })
  })
}

async function open(pair: MovingPods): Promise<Open> {
  const answer = await pair.call(pair.a.pod, '/v1/sessions', 'POST', {})
  const created = (await answer.json()) as SessionCreated
  const client = await TestClient.connect(created.url)
  answerPings(client)
  client.send({ type: 'hello', token: created.ticket, audio: PCM16 })
  return { client, welcome: await client.expect('welcome') }
}

/** As a client does that is told when to come again. */
async function comeBack(pair: MovingPods, welcome: Welcome): Promise<Open> {
  for (let turn = 1; ; turn++) {
    const client = await pair.resume(pair.b, welcome, { seq: 1 })
    answerPings(client)
    await eventually(() => (client.messages.length > 0 ? undefined : 'no answer'), { withinMs: 30_000 })
    const [error] = client.of('error')
    if (!error) return { client, welcome: await client.expect('welcome') }
    assert.equal(error.code, 'SESSION_SUSPENDED')
    assert.ok(turn < MAX_TURNS, error.message)
    await sleep(systemClock, error.retryAfterMs ?? 500)
  }
}

/** A final on each stream of `at`; what was said tells which. */
function sayEverywhere({ worker }: MovingPod, index: number): void {
  for (const { stream } of worker.opens()) {
    const text = `${worker.workerId} ${stream}`
    worker.send({ type: 'final', stream, index, text, startMs: 0, endMs: 200, settledMs: 300, decideMs: 1 })
  }
}

const textsOf = ({ client }: Open): string[] => client.of('caption').map(({ text }) => text)

test('[RA2, RA3] five hundred clients of a lost pod come at once: each has its own session again, once, and no other', async (t) => {
  const pair = await MovingPods.start(t, SETTINGS, SESSIONS + 100)
  const { a, b } = pair
  await pair.directory.drain(b.pod.podId, 600_000)
  const before: Open[] = []
  while (before.length < SESSIONS) {
    before.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => open(pair)))))
  }
  await pair.directory.undrain(b.pod.podId)
  await eventually(() => (a.worker.opens().length === SESSIONS ? undefined : `${a.worker.opens().length} streams`), {
    withinMs: 30_000,
  })
  sayEverywhere(a, 0)
  for (const { client } of before) await client.expect('caption')
  for (const { welcome } of before) await pair.keptAt(welcome.sessionId, 1)
  for (const { client } of before) client.cut()
  await pair.lose(a, b)

  const after = await Promise.all(before.map(({ welcome }) => comeBack(pair, welcome)))
  for (const [n, { welcome }] of after.entries()) {
    const { sessionId, epoch, resumed, podId } = welcome
    assert.deepEqual([sessionId, epoch, resumed, podId], [before[n]?.welcome.sessionId, 2, true, b.pod.podId])
  }
  await eventually(() => (b.worker.opens().length === SESSIONS ? undefined : `${b.worker.opens().length} streams`), {
    withinMs: 30_000,
  })
  sayEverywhere(b, 1)
  for (const { client } of after) await client.expect('caption')
  assert.equal(new Set(before.flatMap(textsOf)).size, SESSIONS)
  assert.equal(new Set(after.flatMap(textsOf)).size, SESSIONS)
  assert.deepEqual(new Set(after.map((each) => textsOf(each).length)), new Set([1]))
  const members = await pair.directory.members()
  const there = members.ok ? members.value.find(({ memberId }) => memberId === b.pod.podId) : undefined
  assert.deepEqual([there?.heldSeats, there?.reservedSeats], [SESSIONS, 0])
})
