// Two whole pods on sockets, with a worker that a test drives: what clients see of a fleet.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId, systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { POD_OPEN_PATH, type Problem, type SessionCreated } from '@parley/protocol'
import { WebSocket } from 'ws'
import type { Pod } from '../pod.ts'
import { call, create, idOf, onSecond, startPodPair } from '../testing/fleet/pod-pair.ts'
import { PCM16 } from '../testing/sessions/session-harness.ts'
import { TestClient } from '../testing/sessions/test-client.ts'
import { TEST_SECRET } from '../testing/speech/worker-process.ts'
import { callKey, SIGNATURE_HEADER, signCall } from './signed-call.ts'

test('[PF3] a session asked for at one pod lives on the other: its client is welcomed there, and told of both', async (t) => {
  const fleet = await startPodPair(t)
  const [a, b] = fleet.pods
  const created = await onSecond(fleet)
  assert.equal(created.url, `ws://127.0.0.1:${b.port}/p/${b.podId}/v1/ws`)
  const client = await TestClient.connect(created.url)
  client.send({ type: 'hello', token: created.ticket, audio: PCM16 })
  const welcome = await client.expect('welcome')
  assert.deepEqual(welcome.entryUrls, [created.url, `ws://127.0.0.1:${a.port}/p/${a.podId}/v1/ws`])
  await eventually(async () => {
    const located = await fleet.directory.locate(created.sessionId)
    return located.ok && located.value?.state === 'held' ? undefined : 'not held yet'
  })
  client.cut()
})

test('[PF4] 60 at once against room for 40, over real calls: exactly 40', async (t) => {
  const { pods, directory } = await startPodPair(t)
  const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => create(pods[n % 2] as Pod)))
  const bodies = await Promise.all(answers.map(async (answer) => [answer.status, await answer.json()] as const))
  const statuses = bodies.map(([status]) => status)
  assert.equal(statuses.filter((status) => status === 201).length, 40)
  for (const [status, body] of bodies) {
    if (status === 201) continue
    const { code, value, retryAfterMs = 0 } = body as Problem
    assert.deepEqual([status, code, value], [503, 'NO_SEAT', 'seats'])
    assert.ok(retryAfterMs > 0)
  }
  const members = await directory.members()
  assert.ok(members.ok)
  assert.deepEqual(
    members.value.map(({ reservedSeats }) => reservedSeats),
    [20, 20],
  )
})

test('[PF8] REST at the wrong pod: 421 with the address of the same call at the right one, which answers', async (t) => {
  const fleet = await startPodPair(t)
  const [a, b] = fleet.pods
  const { sessionId } = await onSecond(fleet)
  const at = `/v1/sessions/${sessionId}`
  const calls = [
    ['GET', at],
    ['GET', `${at}/history?limit=5`],
    ['POST', `${at}/watch-links`],
    ['DELETE', `${at}/watch-links/wat_0123456789abcdefghjk`],
    ['DELETE', at],
  ] as const
  for (const [method, path] of calls) {
    const wrong = await call(`${a.url}${path}`, { method, ...(method === 'POST' ? { body: '{}' } : {}) })
    const { code, location } = (await wrong.json()) as Problem
    assert.deepEqual([wrong.status, code, location], [421, 'WRONG_POD', `${b.url}/p/${b.podId}${path}`], path)
  }
  const right = await call(`${b.url}/p/${b.podId}${at}`)
  assert.equal(((await right.json()) as { podId: string }).podId, b.podId)
  const nowhere = await call(`${a.url}/v1/sessions/ses_00000000000000000000`)
  assert.equal(nowhere.status, 404)
})

test('[PF8, PF9] a WebSocket at the wrong pod is told the right one: by its address, by a ticket', async (t) => {
  const fleet = await startPodPair(t)
  const [a, b] = fleet.pods
  const created = await onSecond(fleet)
  const wrongPath = created.url.replace(String(b.port), String(a.port))
  const socket = new WebSocket(wrongPath, 'parley.v1')
  const refused = await new Promise<Problem>((resolve) =>
    socket.once('unexpected-response', (_request, response) => {
      response.once('data', (body: Buffer) => resolve(JSON.parse(String(body)) as Problem))
    }),
  )
  assert.deepEqual([refused.code, refused.location], ['WRONG_POD', created.url])
  socket.on('error', () => {})
  socket.terminate()

  const ownPath = `ws://127.0.0.1:${a.port}/p/${a.podId}/v1/ws`
  const hello = { type: 'hello', token: created.ticket, audio: PCM16 }
  const wrong = await TestClient.connect(ownPath)
  wrong.send(hello)
  const { code, location } = await wrong.expect('error')
  assert.deepEqual([code, location], ['WRONG_POD', created.url])
  await wrong.expectClosed()
  const client = await TestClient.connect(created.url)
  client.send(hello)
  await client.expect('welcome')
  client.cut()
})

test('[PF7] the listener for calls opens nothing for who has no secret of the fleet, and is none of the public port', async (t) => {
  const { pods, directory } = await startPodPair(t)
  const [a, b] = pods
  const members = await directory.members()
  const calls = members.ok ? members.value.find(({ memberId }) => memberId === b.podId)?.urls.calls : undefined
  const url = `${calls}${POD_OPEN_PATH}`
  const principal = { tenant: 'default', role: 'admin' }
  const order = {
    sessionId: newId('ses'),
    token: { epoch: 1, counter: 1 },
    principal,
    body: {},
    wsUrl: 'ws://x',
    pageUrl: 'x',
  }
  const send = async (body: string, signature: string | undefined, to = url, method = 'POST') => {
    const headers = signature === undefined ? {} : { [SIGNATURE_HEADER]: signature }
    const answer = await fetch(to, { method, headers, ...(method === 'POST' ? { body } : {}) })
    return [answer.status, ((await answer.json()) as Problem).code]
  }
  const text = JSON.stringify(order)
  const key = callKey(TEST_SECRET)
  const sign = (body: string, podId = b.podId, path: string = POD_OPEN_PATH, method = 'POST') =>
    signCall(key, { method, path, body, podId }, systemClock.wallMs())
  assert.deepEqual(await send(text, undefined), [403, 'FORBIDDEN'])
  assert.deepEqual(await send(text, sign(text, a.podId)), [403, 'FORBIDDEN'], 'for another pod')
  assert.deepEqual(await send(text, sign('{}')), [403, 'FORBIDDEN'], 'of another body')
  assert.deepEqual(await send('{}', sign('{}')), [400, 'INVALID_FIELD'])
  assert.deepEqual(await send('{', sign('{')), [400, 'BAD_REQUEST'])
  const other = '/fleet/v1/other'
  assert.deepEqual(await send(text, sign(text, b.podId, other), `${calls}${other}`), [404, 'NOT_FOUND'])
  const long = 'x'.repeat(80_000)
  assert.deepEqual(await send(long, sign(long)), [413, 'MESSAGE_TOO_LARGE'])
  assert.deepEqual(await send(text, sign(text), `${b.url}${POD_OPEN_PATH}`), [404, 'NOT_FOUND'], 'the public port')
  const signature = sign(text)
  assert.deepEqual(await send(text, signature), [201, undefined])
  assert.deepEqual(await send(text, signature), [403, 'FORBIDDEN'], 'the same once more')
})

test('[PF10] a page of one pod may call the other', async (t) => {
  const { pods } = await startPodPair(t)
  const [a, b] = pods
  const page = await fetch(`${a.url}/livez`)
  assert.match(page.headers.get('content-security-policy') ?? '', new RegExp(`connect-src [^;]*${b.url}`))
  const origin = a.url
  const asked = await call(`${b.url}/v1/voices`, { headers: { origin } })
  assert.equal(asked.headers.get('access-control-allow-origin'), origin)
  const foreign = await call(`${b.url}/v1/voices`, { headers: { origin: 'http://127.0.0.1:1' } })
  assert.equal(foreign.headers.get('access-control-allow-origin'), null)
})

test('[PF11] the admin listener lists every pod, drains and rates them; a drained pod gets nothing, by whichever pod', async (t) => {
  const { pods } = await startPodPair(t)
  const [a, b] = pods
  const admin = async (method: string, path: string) => {
    const answer = await fetch(`${a.adminUrl}${path}`, { method })
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }
  const { body } = await admin('GET', '/fleet')
  const members = body.members as readonly { id: string; kind: string; headroom?: object; roles?: readonly string[] }[]
  const listed = members.filter(({ kind }) => kind === 'pod')
  assert.deepEqual(
    listed.map(({ id, roles }) => [id, roles]),
    [
      [a.podId, ['api', 'sessions']],
      [b.podId, ['api', 'sessions']],
    ],
  )
  assert.ok(listed.every(({ headroom }) => headroom !== undefined))
  assert.deepEqual((body.directory as { state: string }).state, 'member')
  const drained = await admin('POST', `/fleet/members/${b.podId}/drain?withinMs=60000`)
  assert.deepEqual([drained.status, drained.body.otherPodsServing], [200, 1])
  for (let n = 0; n < 3; n++) assert.equal(idOf((await (await create(b)).json()) as SessionCreated), a.podId)
  await admin('POST', `/fleet/members/${a.podId}/drain`)
  const full = await create(a)
  assert.deepEqual([full.status, ((await full.json()) as Problem).code], [503, 'DRAINING'])
  await admin('POST', `/fleet/members/${b.podId}/undrain`)
  await admin('POST', `/fleet/members/${b.podId}/rate?sessions=1`)
  assert.equal((await create(a)).status, 201)
  assert.equal((await create(a)).status, 503)
  for (const sessions of ['', '0', 'many', '100001']) {
    const wrong = await admin('POST', `/fleet/members/${b.podId}/rate?sessions=${sessions}`)
    assert.deepEqual([wrong.status, wrong.body.code], [400, 'INVALID_FIELD'])
  }
})
