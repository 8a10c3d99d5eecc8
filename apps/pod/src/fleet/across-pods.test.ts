// What holds across pods: two whole pods on sockets in one process.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { eventually } from '@parley/kernel/testing'
import type { MessageSent, Problem, SessionCreated, SessionView, WatchLink } from '@parley/protocol'
import type { Pod } from '../pod.ts'
import { call, create, onSecond, type PodPair, startPodPair } from '../testing/fleet/pod-pair.ts'
import { PCM16 } from '../testing/sessions/session-harness.ts'
import { TestClient } from '../testing/sessions/test-client.ts'
import { finalOf } from '../testing/speech/links-rig.ts'

const json = (body: object): RequestInit => ({ method: 'POST', body: JSON.stringify(body) })
const socketOf = (pod: Pod): string => `ws://127.0.0.1:${pod.port}/p/${pod.podId}/v1/ws`

async function joined(created: SessionCreated): Promise<TestClient> {
  const client = await TestClient.connect(created.url)
  client.send({ type: 'hello', token: created.ticket, audio: PCM16 })
  await client.expect('welcome')
  return client
}

async function linkTo({ pods: [, b] }: PodPair, { sessionId }: SessionCreated): Promise<WatchLink> {
  const answer = await call(`${b.url}/v1/sessions/${sessionId}/watch-links`, json({}))
  return (await answer.json()) as WatchLink
}

/** At the pod that does not have the session. */
async function followed(pair: PodPair, { token }: WatchLink, more: object = {}): Promise<TestClient> {
  const watcher = await TestClient.connect(socketOf(pair.pods[0]))
  watcher.send({ type: 'hello', token, ...more })
  return watcher
}

const KEYS = (...keys: string[]): string =>
  JSON.stringify(
    keys.map((key) => ({
      id: key,
      tenant: 'acme',
      role: 'backend',
      sha256: createHash('sha256').update(key).digest('hex'),
    })),
  )

test('[PF12] a key revoked at one pod is refused by the other within a second, though they share no directory', async (t) => {
  const settings = { 'auth.keys': KEYS('one', 'two') }
  const { pods } = await startPodPair(t, { isApart: true, settings })
  const [a, b] = pods
  const statusAt = async (pod: Pod, key: string): Promise<number> => {
    const answer = await fetch(`${pod.url}/v1/voices`, { headers: { authorization: `Bearer ${key}` } })
    await answer.arrayBuffer()
    return answer.status
  }
  assert.deepEqual([await statusAt(a, 'one'), await statusAt(b, 'one')], [200, 200])
  const answer = await fetch(`${a.adminUrl}/keys/one/revoke`, { method: 'POST' })
  const revoked = (await answer.json()) as { key: object; pendingPods: string[] }
  assert.deepEqual(revoked, {
    key: { id: 'one', tenant: 'acme', role: 'backend', isRevoked: true },
    pendingPods: [],
  })
  // The answer says that every pod has confirmed it.
  assert.deepEqual([await statusAt(a, 'one'), await statusAt(b, 'one')], [401, 401])
  assert.deepEqual([await statusAt(a, 'two'), await statusAt(b, 'two')], [200, 200])
  const unknown = await fetch(`${a.adminUrl}/keys/three/revoke`, { method: 'POST' })
  assert.equal(unknown.status, 404)
})

test('[PF12] a ticket works once, at whichever pod it is tried again; that of a session that was ended not at all', async (t) => {
  const pair = await startPodPair(t)
  const created = await onSecond(pair)
  const client = await joined(created)
  const tried = async (url: string, token: string): Promise<string> => {
    const again = await TestClient.connect(url)
    again.send({ type: 'hello', token, audio: PCM16 })
    const { code } = await again.expect('error')
    await again.expectClosed()
    return code
  }
  assert.equal(await tried(socketOf(pair.pods[0]), created.ticket), 'WRONG_POD')
  assert.equal(await tried(created.url, created.ticket), 'TICKET_USED')
  const other = await onSecond(pair)
  assert.equal((await call(`${pair.pods[1].url}/v1/sessions/${other.sessionId}`, { method: 'DELETE' })).status, 204)
  assert.equal(await tried(other.url, other.ticket), 'SESSION_UNKNOWN')
  assert.equal(await tried(socketOf(pair.pods[0]), other.ticket), 'SESSION_UNKNOWN')
  client.cut()
})

test('[PF13] a message reaches every session of its user, wherever, and nobody else; each says what became of it', async (t) => {
  const pair = await startPodPair(t, { settings: { 'auth.keys': KEYS('acme-key') } })
  const [a, b] = pair.pods
  const ada = { user: 'ada' }
  const there = await onSecond(pair, ada)
  const client = await joined(there)
  const away = await onSecond(pair, ada)
  const bob = await joined(await onSecond(pair, { user: 'bob' }))
  await pair.directory.drain(b.podId, 60_000)
  const here = (await (await create(a, ada)).json()) as SessionCreated
  const second = await joined(here)
  const gone = (await (await create(a, ada)).json()) as SessionCreated
  const leaver = await joined(gone)
  leaver.cut()
  await eventually(async () => {
    const view = (await (await call(`${a.url}/v1/sessions/${gone.sessionId}`)).json()) as SessionView
    return view.state === 'suspended' ? undefined : view.state
  })
  const answer = await call(`${b.url}/v1/users/ada/messages`, json({ data: { ring: 7 } }))
  const sent = (await answer.json()) as MessageSent
  const results = Object.fromEntries(sent.sessions.map(({ sessionId, result }) => [sessionId, result]))
  assert.deepEqual(results, {
    [there.sessionId]: 'delivered',
    [away.sessionId]: 'opening',
    [here.sessionId]: 'delivered',
    [gone.sessionId]: 'suspended',
  })
  assert.deepEqual(sent.unreachablePods, [])
  for (const one of [client, second]) {
    const { messageId, data } = await one.expect('message')
    assert.deepEqual([messageId, data], [sent.messageId, { ring: 7 }])
  }
  assert.deepEqual(bob.of('message'), [])
  // Another tenant's key: nobody is there.
  const headers = { authorization: 'Bearer acme-key' }
  const foreign = await call(`${a.url}/v1/users/ada/messages`, { ...json({ data: {} }), headers })
  assert.deepEqual(((await foreign.json()) as MessageSent).sessions, [])
  for (const one of [client, second, bob]) one.cut()
})

test('[PF13] a message to one session is taken by any pod; what is too large or unknown is refused', async (t) => {
  const pair = await startPodPair(t)
  const [a, b] = pair.pods
  const created = await onSecond(pair)
  const client = await joined(created)
  const path = `/v1/sessions/${created.sessionId}/messages`
  for (const [n, pod] of [a, b].entries()) {
    const sent = (await (await call(`${pod.url}${path}`, json({ data: { n } }))).json()) as MessageSent
    assert.deepEqual(sent.sessions, [{ sessionId: created.sessionId, podId: b.podId, result: 'delivered' }])
    assert.deepEqual((await client.expect('message', n + 1)).data, { n })
  }
  const refusal = async (at: string, body: object): Promise<[number, string]> => {
    const answer = await call(`${a.url}${at}`, json(body))
    return [answer.status, ((await answer.json()) as Problem).code]
  }
  assert.deepEqual(await refusal(path, { data: { text: 'x'.repeat(8_200) } }), [413, 'MESSAGE_TOO_LARGE'])
  assert.deepEqual(await refusal(path, { data: 'text' }), [400, 'INVALID_FIELD'])
  const nowhere = '/v1/sessions/ses_00000000000000000000/messages'
  assert.deepEqual(await refusal(nowhere, { data: {} }), [404, 'SESSION_UNKNOWN'])
  // Thirty at once pass, and ten a second more while the calls are made; the sender hears of the rest.
  const many = Array.from({ length: 150 }, () => call(`${a.url}${path}`, json({ data: {} })))
  const answers = await Promise.all((await Promise.all(many)).map((one) => one.json() as Promise<MessageSent>))
  const limited = answers.filter(({ sessions }) => sessions[0]?.result === 'limited').length
  assert.ok(limited > 0 && limited <= 120, `${limited} of 150`)
  client.cut()
})

test('[PF14] watchers at another pod hear what watchers there hear, by one link; their number and their wishes count', async (t) => {
  const pair = await startPodPair(t, { settings: { 'sessions.watchersPerSession': '2' } })
  const [a, b] = pair.pods
  const created = await onSecond(pair)
  const owner = await joined(created)
  owner.sendFrame(1)
  await eventually(() => (pair.worker.opens().length === 1 ? undefined : 'no stream'))
  const stream = pair.worker.opens()[0]?.stream as number
  pair.worker.send(finalOf(stream, 0, 100))
  await owner.expect('caption')
  const link = await linkTo(pair, created)
  const first = await followed(pair, link, { requestId: 'r1' })
  const welcome = await first.expect('welcome')
  const { role, sessionId, podId, requestId, entryUrls } = welcome
  assert.deepEqual([role, sessionId, podId, requestId], ['watcher', created.sessionId, b.podId, 'r1'])
  assert.deepEqual(entryUrls, [socketOf(a), created.url])
  assert.equal((await first.expect('caption')).text, 'u0', 'what was said before')
  assert.equal((await owner.expect('watchers')).count, 1)
  const second = await followed(pair, link, { subscriptions: { version: 1, streams: [] } })
  await second.expect('welcome')
  pair.worker.send(finalOf(stream, 1, 200))
  assert.equal((await first.expect('caption', 2)).text, 'u1')
  second.send({ type: 'subscribe', requestId: 's', version: 2, streams: ['captions.final'] })
  assert.deepEqual((await second.expect('subscribed')).streams, ['captions.final'])
  pair.worker.send(finalOf(stream, 2, 300))
  const [one, other] = [await first.expect('caption', 3), await second.expect('caption', 1)]
  assert.deepEqual(one, other, 'the same bytes')
  assert.equal(one.text, 'u2')
  const links = async (): Promise<string | undefined> => {
    const metrics = await (await fetch(`${a.adminUrl}/metrics`)).text()
    return metrics.split('\n').find((line) => line.startsWith('parley_fleet_watch_links{direction="out"}'))
  }
  assert.equal(await links(), 'parley_fleet_watch_links{direction="out"} 1')
  const third = await followed(pair, link)
  assert.equal((await third.expect('error')).code, 'TOO_MANY_CONNECTIONS')
  await third.expectClosed()
  second.send({ type: 'audio.end', lastSeq: 0 })
  assert.equal((await second.expect('error')).code, 'FORBIDDEN')
  second.send({ type: 'bye' })
  await second.expectClosed()
  assert.equal((await owner.expect('watchers', 3)).count, 1)
  owner.send({ type: 'bye' })
  assert.deepEqual(await first.expectClosed(), { code: 1000, reason: 'finished' })
  await eventually(async () => ((await links())?.endsWith(' 0') ? undefined : 'the link is there still'))
})

test('[PF14, PF12] a watch link revoked at its pod ends watchers at the other, and is void there', async (t) => {
  const pair = await startPodPair(t, { isApart: true })
  const [, b] = pair.pods
  const created = await onSecond(pair)
  const owner = await joined(created)
  const [link, kept] = [await linkTo(pair, created), await linkTo(pair, created)]
  const watcher = await followed(pair, link)
  const stays = await followed(pair, kept)
  await watcher.expect('welcome')
  await stays.expect('welcome')
  const at = `${b.url}/v1/sessions/${created.sessionId}/watch-links/${link.linkId}`
  assert.equal((await call(at, { method: 'DELETE' })).status, 204)
  assert.deepEqual(await watcher.expectClosed(), { code: 4013, reason: 'revoked' })
  const again = await followed(pair, link)
  assert.equal((await again.expect('error')).code, 'WATCH_LINK_INVALID')
  await again.expectClosed()
  assert.equal(stays.closed, undefined)
  for (const one of [owner, stays]) one.cut()
})

test('[PF14] when the link breaks its watchers are told to come again; when there can be none they are told where to go', async (t) => {
  const pair = await startPodPair(t)
  const created = await onSecond(pair)
  const owner = await joined(created)
  const link = await linkTo(pair, created)
  const watcher = await followed(pair, link)
  await watcher.expect('welcome')
  await pair.pods[1].stop()
  const { reason } = await watcher.expectClosed()
  assert.ok(reason === 'socket_lost' || reason === 'shutting_down', reason)
  const late = await followed(pair, link)
  const { code } = await late.expect('error')
  assert.ok(code === 'SESSION_UNKNOWN' || code === 'WRONG_POD', code)
  owner.cut()
})

test('[PF15] a user has as many sessions in the fleet as one may have, whichever pods are asked', async (t) => {
  const { pods } = await startPodPair(t, { settings: { 'limits.sessionsPerUser': '3' } })
  const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => create(pods[n % 2] as Pod, { user: 'ada' })))
  const statuses = answers.map(({ status }) => status).sort()
  assert.deepEqual(statuses, [201, 201, 201, 429, 429, 429, 429, 429])
  const refused = answers.find(({ status }) => status !== 201) as Response
  assert.equal(((await refused.json()) as Problem).code, 'TOO_MANY_CONNECTIONS')
  assert.equal((await create(pods[0], { user: 'bob' })).status, 201)
})
