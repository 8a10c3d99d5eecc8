import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MemberStatus } from '@parley/fleet'
import type { ParleyError, SessionCreated } from '@parley/protocol'
import { FleetRig, type RigPod } from '../testing/fleet/fleet-rig.ts'
import { ADMIN } from '../testing/sessions/session-harness.ts'
import { MAX_GONE_PAGES, PageOrigins } from './page-origins.ts'

type Created = Awaited<ReturnType<RigPod['create']>>
const opened = (created: Created): SessionCreated => {
  if (!created.ok) throw created.error
  return created.value
}
const refusal = (created: Created): ParleyError => {
  assert.ok(!created.ok)
  return created.error
}
const podOf = ({ url }: SessionCreated): string => /\/p\/([^/]+)\//.exec(url)?.[1] ?? ''

async function twoPods(seats = 20): Promise<{ rig: FleetRig; a: RigPod; b: RigPod }> {
  const rig = new FleetRig()
  const [a, b] = [rig.pod('pod_a', seats), rig.pod('pod_b', seats)]
  await rig.pass(1_000)
  return { rig, a, b }
}

async function seatsOf(rig: FleetRig): Promise<Record<string, [held: number, reserved: number, unlisted: number]>> {
  const answer = await rig.directory.memory.members()
  assert.ok(answer.ok)
  return Object.fromEntries(
    answer.value.map(({ memberId, heldSeats, reservedSeats, unlistedSeats }) => [
      memberId,
      [heldSeats, reservedSeats, unlistedSeats],
    ]),
  )
}

test('[PF3] a session asked for at one pod is opened on the one with room, at that pod’s own address', async () => {
  const { rig, a, b } = await twoPods()
  const all = [opened(await a.create('box.lan:8080')), opened(await a.create('box.lan:8080'))]
  assert.deepEqual(all.map(podOf).sort(), ['pod_a', 'pod_b'])
  const there = all.find((created) => podOf(created) === 'pod_b')
  assert.equal(there?.url, 'ws://box.lan:8081/p/pod_b/v1/ws')
  assert.deepEqual(await seatsOf(rig), { pod_a: [0, 1, 0], pod_b: [0, 1, 0] })
  assert.equal(b.sessions.view(ADMIN, there?.sessionId ?? '').ok, true)
  assert.deepEqual([a.fleet.placed, b.fleet.placed.there], [{ here: 1, there: 1, alone: 0 }, 0])
})

test('[PF3] a seat is reserved until its client comes, held then, and given back when the session ends', async () => {
  const { rig, a } = await twoPods()
  const created = opened(await a.create())
  const pod = rig.pods.get(podOf(created)) as RigPod
  pod.fleet.came(created.sessionId)
  await rig.pass(100)
  assert.deepEqual((await seatsOf(rig))[pod.podId], [1, 0, 0])
  pod.sessions.remove(ADMIN, created.sessionId)
  await rig.pass(100)
  assert.deepEqual((await seatsOf(rig))[pod.podId], [0, 0, 0])
})

test('[PF3] a session whose client never comes gives its seat back with its ticket', async () => {
  const { rig, a } = await twoPods()
  opened(await a.create())
  await rig.pass(61_000)
  assert.deepEqual(await seatsOf(rig), { pod_a: [0, 0, 0], pod_b: [0, 0, 0] })
})

test('[PF4] 60 at once against room for 40 on two busy pods: exactly 40, 20 on each; the rest hears why and when', async () => {
  const { rig, a, b } = await twoPods()
  const all = await Promise.all(Array.from({ length: 60 }, (_, n) => (n % 3 === 0 ? b : a).create()))
  const counts = new Map<string, number>()
  for (const created of all)
    if (created.ok) counts.set(podOf(created.value), (counts.get(podOf(created.value)) ?? 0) + 1)
  assert.deepEqual([counts.get('pod_a'), counts.get('pod_b')], [20, 20])
  for (const created of all.filter(({ ok }) => !ok)) {
    const { code, details } = refusal(created)
    assert.deepEqual([code, details.value], ['NO_SEAT', 'seats'])
    assert.ok((details.retryAfterMs ?? 0) >= 250 && (details.retryAfterMs ?? 0) <= 2_000)
  }
  assert.equal(a.sessions.stats().refusedTotal.NO_SEAT, all.filter((created, n) => !created.ok && n % 3 !== 0).length)
  assert.deepEqual(await seatsOf(rig), { pod_a: [0, 20, 0], pod_b: [0, 20, 0] })
})

test('[PF2] a pod alone whose processor has nothing left fills its seats, and so does one of two in good time', async () => {
  const rig = new FleetRig()
  const alone = rig.pod('pod_a', 300, { kind: 'memory' })
  await rig.pass(1_000)
  const all = await Promise.all(Array.from({ length: 301 }, () => alone.create()))
  assert.equal(all.filter(({ ok }) => ok).length, 300)
  const { a } = await twoPods(300)
  const burst = await Promise.all(Array.from({ length: 100 }, () => a.create()))
  const admitted = burst.filter(({ ok }) => ok).length
  assert.ok(admitted >= 40, `${admitted}: twenty, or a tenth of 300, on each between two reports`)
  assert.equal(refusal(burst.at(-1) as Created).details.value, 'overloaded')
})

test('[PF5] a pod that cannot be reached is passed over, and its seat is free again', async () => {
  const { rig, a, b } = await twoPods()
  b.isDeaf = true
  const all = await Promise.all(Array.from({ length: 10 }, () => a.create()))
  assert.deepEqual(new Set(all.map((created) => podOf(opened(created)))), new Set(['pod_a']))
  assert.deepEqual(await seatsOf(rig), { pod_a: [0, 10, 0], pod_b: [0, 0, 0] })
  await rig.directory.memory.drain('pod_a', 1_000)
  const { code, message } = refusal(await a.create())
  assert.equal(code, 'NO_SEAT')
  assert.match(message, /pod_b has a seat and could not be reached: no answer/)
})

test('[PF5] what is wrong with the request is told at once, by whichever pod', async () => {
  const { rig, a } = await twoPods()
  const wish = { principal: ADMIN, urls: { wsUrl: 'ws://x/p/pod_a/v1/ws', pageUrl: 'http://x/' }, reach: { host: 'x' } }
  for (let n = 0; n < 4; n++) {
    const created = await a.placer.create({ ...wish, body: { language: 'tlh' } })
    assert.equal(refusal(created).code, 'LANGUAGE_UNSUPPORTED')
  }
  assert.deepEqual(await seatsOf(rig), { pod_a: [0, 0, 0], pod_b: [0, 0, 0] })
})

test('[PF6] without the directory a pod admits within its own rating, and the directory learns of it afterwards', async () => {
  const { rig, a, b } = await twoPods(3)
  const before = opened(await a.create())
  rig.directory.cut(true)
  const alone = await Promise.all(Array.from({ length: 5 }, () => a.create()))
  const admitted = alone.filter(({ ok }) => ok).map(opened)
  assert.deepEqual(new Set(admitted.map(podOf)), new Set(['pod_a']))
  assert.equal(admitted.length, 3 - (podOf(before) === 'pod_a' ? 1 : 0))
  assert.equal(refusal(alone.at(-1) as Created).code, 'NO_SEAT')
  assert.deepEqual([a.fleet.placed.alone, a.fleet.seatBook.unlistedSeats], [admitted.length, admitted.length])
  await rig.pass(1_000)
  assert.deepEqual([a.fleet.state.state, a.fleet.state.problem], ['cut', 'the directory is away (cut)'])
  a.sessions.remove(ADMIN, admitted[0]?.sessionId ?? '')
  // Within the lease: what is only reserved would be over with it.
  await rig.pass(1_000)
  rig.directory.cut(false)
  await rig.pass(2_000)
  const { pod_a } = await seatsOf(rig)
  const reserved = podOf(before) === 'pod_a' ? 1 : 0
  assert.deepEqual(pod_a, [admitted.length - 1, reserved, 0], 'held, reserved, unlisted')
  assert.equal(b.fleet.isMember, true)
})

test('[PF6] what ended while the directory was away is released when it is back', async () => {
  const { rig, a } = await twoPods()
  const created = opened(await a.create())
  const pod = rig.pods.get(podOf(created)) as RigPod
  pod.fleet.came(created.sessionId)
  await rig.pass(100)
  rig.directory.cut(true)
  pod.sessions.remove(ADMIN, created.sessionId)
  await rig.pass(2_000)
  assert.deepEqual((await seatsOf(rig))[pod.podId], [1, 0, 0])
  rig.directory.cut(false)
  await rig.pass(2_000)
  assert.deepEqual((await seatsOf(rig))[pod.podId], [0, 0, 0])
})

test('[PF6] a client that comes while the directory is away is held there once it is back, also by one that has forgotten everybody', async () => {
  const { rig, a } = await twoPods()
  const created = opened(await a.create())
  const pod = rig.pods.get(podOf(created)) as RigPod
  rig.directory.cut(true)
  await rig.pass(1_200)
  pod.fleet.came(created.sessionId)
  await rig.pass(1_200)
  rig.directory.cut(false)
  await rig.pass(2_000)
  assert.deepEqual((await seatsOf(rig))[pod.podId], [1, 0, 0])
  const late = opened(await a.create())
  rig.directory.memory.forget()
  const other = rig.pods.get(podOf(late)) as RigPod
  await rig.pass(2_000)
  other.fleet.came(late.sessionId)
  await rig.pass(2_000)
  const held = Object.values(await seatsOf(rig)).map(([count]) => count)
  assert.deepEqual(held, other === pod ? [2, 0] : [1, 1])
})

test('[PF6, PF11] a pod that drains gets no sessions, by whichever pod, and admits none by itself', async () => {
  const { rig, a, b } = await twoPods()
  await a.fleet.drain('pod_b', 60_000)
  await rig.pass(1_100)
  const all = [...(await Promise.all([a.create(), a.create(), b.create(), b.create()]))]
  assert.deepEqual(new Set(all.map((created) => podOf(opened(created)))), new Set(['pod_a']))
  await a.fleet.drain('pod_a', 60_000)
  assert.deepEqual([refusal(await a.create()).code, refusal(await a.create()).details.value], ['DRAINING', 'draining'])
  rig.directory.cut(true)
  await rig.pass(1_100)
  assert.equal(refusal(await b.create()).code, 'DRAINING')
  rig.directory.cut(false)
  await rig.pass(2_000)
  await a.fleet.undrain('pod_b')
  assert.equal(podOf(opened(await a.create())), 'pod_b')
})

test('[PF1] an operator rates a pod: the directory and the pod itself keep to it', async () => {
  const { rig, a, b } = await twoPods()
  await a.fleet.rate('pod_b', 1)
  await rig.pass(1_100)
  assert.deepEqual([b.fleet.seats(), b.sessions.stats().seats, a.fleet.seats()], [1, 1, 20])
  const all = await Promise.all(Array.from({ length: 30 }, () => a.create()))
  assert.equal(all.filter(({ ok }) => ok).length, 21)
})

test('[PF1] a pod that stops leaves: its seats are nobody’s to give', async () => {
  const { rig, a, b } = await twoPods()
  await b.scope.close()
  const all = await Promise.all(Array.from({ length: 4 }, () => a.create()))
  assert.deepEqual(new Set(all.map((created) => podOf(opened(created)))), new Set(['pod_a']))
  assert.deepEqual(Object.keys(await seatsOf(rig)), ['pod_a'])
})

test('[PF8] who is at the wrong pod is told the right one; nobody is, where the session is unknown or its pod gone', async () => {
  const { rig, a, b } = await twoPods()
  await rig.directory.memory.drain('pod_a', 60_000)
  const { sessionId } = opened(await a.create())
  const reach = { host: 'box.lan:8080' }
  const rest = await a.fleet.elsewhere(sessionId, reach, `/v1/sessions/${sessionId}/history?limit=3`)
  assert.deepEqual(
    [rest.code, rest.details.location],
    ['WRONG_POD', `http://box.lan:8081/p/pod_b/v1/sessions/${sessionId}/history?limit=3`],
  )
  const socket = await a.fleet.elsewhere(sessionId, reach)
  assert.equal(socket.details.location, 'ws://box.lan:8081/p/pod_b/v1/ws')
  assert.equal((await a.fleet.elsewhere('ses_nobody', reach)).code, 'SESSION_UNKNOWN')
  assert.equal((await b.fleet.elsewhere(sessionId, reach)).code, 'SESSION_UNKNOWN', 'it is its own')
  rig.directory.cut(true)
  const away = await a.fleet.elsewhere(sessionId, reach)
  assert.deepEqual([away.code, away.details.location, away.details.retryAfterMs], ['WRONG_POD', undefined, 1_000])
  rig.directory.cut(false)
  b.fleet.came(sessionId)
  await b.scope.close()
  assert.equal((await a.fleet.elsewhere(sessionId, reach)).code, 'SESSION_UNKNOWN')
})

test('[PF9, PF10] entry addresses name this pod first and the others that are there, as the client can reach them', async () => {
  const { rig, a, b } = await twoPods()
  await rig.pass(1_000)
  assert.deepEqual(a.fleet.entryUrls('ws://box.lan:8080/p/pod_a/v1/ws'), [
    'ws://box.lan:8080/p/pod_a/v1/ws',
    'ws://box.lan:8081/p/pod_b/v1/ws',
  ])
  assert.deepEqual(a.fleet.pageOrigins('box.lan:8080'), ['http://box.lan:8081'])
  assert.equal(a.fleet.socketUrlOf('pod_b', { host: 'box.lan:8080' }), 'ws://box.lan:8081/p/pod_b/v1/ws')
  assert.equal(a.fleet.socketUrlOf('pod_c', { host: 'box.lan:8080' }), undefined)
  for (let n = 0; n < 12; n++) rig.pod(`pod_c${n}`, 1)
  await rig.pass(1_000)
  assert.equal(b.fleet.entryUrls('ws://box.lan:8081/p/pod_b/v1/ws').length, 8)
})

test('[PF10] the page of a pod that is gone is let in by those that are left, also by one that came later', async () => {
  const { rig, a, b } = await twoPods()
  await rig.pass(1_000)
  await b.scope.close()
  await rig.pass(5_000)
  assert.deepEqual(a.fleet.entryUrls('ws://box.lan:8080/p/pod_a/v1/ws').length, 1)
  assert.deepEqual(a.fleet.pageOrigins('box.lan:8080'), ['http://box.lan:8081'])
})

test('[PF10] of the pages of pods that are gone the newest are remembered, and lost ones that the directory still names', () => {
  const member = (n: number, state: 'serving' | 'lost'): MemberStatus =>
    ({
      memberId: `pod_${n}`,
      kind: 'pod',
      state,
      urls: { public: `http://127.0.0.1:${9_000 + n}` },
    }) as unknown as MemberStatus
  const pages = new PageOrigins('pod_0', ({ urls }) => urls.public)
  pages.learn([member(0, 'serving'), member(1, 'lost'), member(2, 'serving')])
  assert.deepEqual(pages.seenFrom('box.lan:8080'), ['http://box.lan:9002', 'http://box.lan:9001'])
  for (let n = 3; n < 50; n++) pages.learn([member(n, 'serving')])
  const origins = pages.seenFrom('box.lan:8080')
  assert.equal(origins.length, MAX_GONE_PAGES + 1)
  assert.deepEqual([origins[0], origins.at(-1)], ['http://box.lan:9049', 'http://box.lan:9048'])
})

test('[HO7] a session that a pod cannot read goes to another one', async () => {
  const rig = new FleetRig()
  const pods = ['pod_a', 'pod_b', 'pod_c'].map((podId) => rig.pod(podId, 20))
  await rig.pass(1_000)
  const created = opened(await (pods[0] as RigPod).create())
  const owner = pods.find(({ podId }) => podId === podOf(created)) as RigPod
  owner.fleet.came(created.sessionId)
  await rig.pass(1_000)
  const [wanted, other] = pods.filter((pod) => pod !== owner).map(({ podId }) => podId)
  for (let salt = 0; salt < 8; salt++) {
    const placed = await owner.fleet.move(created.sessionId, 5_000, salt, [other as string])
    assert.ok(placed.ok)
    assert.equal(placed.value.memberId, wanted)
    owner.fleet.release(created.sessionId, placed.value.token)
    await rig.pass(100)
  }
})

test('[PF3] sticky: the same user comes to the same pod', async () => {
  const rig = new FleetRig()
  const [a, b] = [rig.pod('pod_a', 20, { placement: 'sticky' }), rig.pod('pod_b', 20, { placement: 'sticky' })]
  await rig.pass(1_000)
  const all = await Promise.all([a.create(), b.create(), a.create(), b.create()])
  assert.equal(new Set(all.map((created) => podOf(opened(created)))).size, 1)
})
