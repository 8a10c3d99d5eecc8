// Bad days of a fleet whose directory is in Redis: real processes, a real redis-server, a relay that delays and cuts.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { RedisDirectory } from '@parley/fleet/redis'
import { RedisServer, readyOf } from '@parley/fleet/testing'
import { Scope, systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { startRelay } from '@parley/lab'
import { MemberProcess, ownersOf } from './fleet-rig.ts'

const FLEET = 'bad-days'

async function redis(t: TestContext): Promise<{ server: RedisServer; directory: RedisDirectory }> {
  const server = await RedisServer.start()
  const scope = new Scope(systemClock)
  const directory = new RedisDirectory({ clock: systemClock, scope, address: { url: server.url }, fleet: FLEET })
  t.after(async () => {
    await scope.close()
    await server.stop()
  })
  await readyOf(directory)
  return { server, directory }
}

const ids = (count: number, name = 'ses'): string[] => Array.from({ length: count }, (_, n) => `${name}_${n}`)

async function stateOf(directory: RedisDirectory, memberId: string): Promise<string> {
  const members = await directory.members()
  return (members.ok && members.value.find((each) => each.memberId === memberId)?.state) || 'unknown'
}

async function tokenIn(directory: RedisDirectory, sessionId: string): Promise<unknown> {
  const located = await directory.locate(sessionId)
  return located.ok ? located.value?.token : located.error.code
}

test('[FD2, FD10, FD26] a pod that is stopped past its lease and goes on: its session has one owner, and it is told', async (t) => {
  const { server, directory } = await redis(t)
  const start = (memberId: string) =>
    MemberProcess.start(t, { url: server.url, fleet: FLEET, memberId, ratedSeats: 10 })
  const [a, b] = [await start('pod_a'), await start('pod_b')]
  assert.equal(await a.ask({ type: 'hold', sessionIds: ids(8) }), 8)
  await a.until('holding four', ({ sessions }) => Object.keys(sessions).length > 0)
  const [taken = '', kept = ''] = Object.keys((await a.view()).sessions)
  a.signal('SIGSTOP')
  assert.equal(await b.ask({ type: 'takeOver', sessionId: taken }), 'SESSION_TAKEN', 'its lease is not over')
  await eventually(async () => ((await stateOf(directory, 'pod_a')) === 'lost' ? undefined : 'not lost yet'), {
    withinMs: 15_000,
  })
  assert.equal(await b.ask({ type: 'takeOver', sessionId: taken }), 'ok')
  a.signal('SIGCONT')
  await a.until('a member that was told', ({ state, lost }) => state === 'member' && lost.includes(taken))
  const views = { pod_a: await a.view(), pod_b: await b.view() }
  const owners = ownersOf(views)
  assert.deepEqual([owners.get(taken), owners.get(kept)], ['pod_b', 'pod_a'])
  assert.deepEqual(await tokenIn(directory, kept), views.pod_a.sessions[kept])
})

test('[FD13, FD26] Redis is lost for longer than a lease and comes back empty: nobody loses a session, one owner each', async (t) => {
  const { server, directory } = await redis(t)
  const start = (memberId: string) =>
    MemberProcess.start(t, { url: server.url, fleet: FLEET, memberId, ratedSeats: 150 })
  const members = { pod_a: await start('pod_a'), pod_b: await start('pod_b') }
  const { pod_a, pod_b } = members
  assert.equal(await pod_a.ask({ type: 'hold', sessionIds: ids(100, 'a') }), 100)
  assert.equal(await pod_b.ask({ type: 'hold', sessionIds: ids(100, 'b') }), 100)
  const before = ownersOf({ pod_a: await pod_a.view(), pod_b: await pod_b.view() })
  await server.kill()
  await pod_a.until('cut', ({ state, isLeaseSure }) => state === 'cut' && !isLeaseSure)
  await pod_b.until('cut', ({ state }) => state === 'cut')
  const backAtMs = systemClock.nowMs()
  await server.start()
  for (const member of [pod_a, pod_b]) await member.until('back', ({ state }) => state === 'member')
  t.diagnostic(`healed ${Math.round(systemClock.nowMs() - backAtMs)} ms after Redis was started again`)
  const after = ownersOf({ pod_a: await pod_a.view(), pod_b: await pod_b.view() })
  assert.deepEqual([...after].sort(), [...before].sort())
  assert.deepEqual([...(await pod_a.view()).lost, ...(await pod_b.view()).lost], [])
  await readyOf(directory)
  const listed = await directory.members()
  assert.ok(listed.ok)
  assert.equal(
    listed.value.reduce((sum, { heldSeats }) => sum + heldSeats, 0),
    before.size,
  )
})

test('[FD24] Redis answers 500 ms late: a burst gets exactly the seats there are, and nobody loses its membership', async (t) => {
  const { server, directory } = await redis(t)
  const relay = await startRelay({
    tcp: { to: { host: '127.0.0.1', port: server.port } },
    impairment: { both: { delayMs: 250 } },
    clock: systemClock,
  })
  t.after(() => relay.close())
  const url = `redis://127.0.0.1:${relay.tcp?.port}`
  const start = (memberId: string, ratedSeats: number) =>
    MemberProcess.start(t, { url, fleet: FLEET, memberId, ratedSeats })
  const [a, b] = await Promise.all([start('pod_a', 180), start('pod_b', 120)])
  const placed = await Promise.all([
    a.ask<number>({ type: 'hold', sessionIds: ids(250, 'a') }),
    b.ask<number>({ type: 'hold', sessionIds: ids(250, 'b') }),
  ])
  assert.equal(placed[0] + placed[1], 300)
  const listed = await directory.members()
  assert.ok(listed.ok)
  for (const { heldSeats, reservedSeats, ratedSeats, state } of listed.value) {
    assert.deepEqual([heldSeats + reservedSeats, state], [ratedSeats, 'serving'])
  }
})

test('[FD18, FD27] one pod is cut off from Redis: its sessions are taken over, and it finds out when it is back', async (t) => {
  const { server, directory } = await redis(t)
  const relay = await startRelay({ tcp: { to: { host: '127.0.0.1', port: server.port } }, clock: systemClock })
  t.after(() => relay.close())
  const options = { fleet: FLEET, ratedSeats: 10 }
  const a = await MemberProcess.start(t, { ...options, url: `redis://127.0.0.1:${relay.tcp?.port}`, memberId: 'pod_a' })
  await a.ask({ type: 'hold', sessionIds: ['ses_1', 'ses_2'] })
  const b = await MemberProcess.start(t, { ...options, url: server.url, memberId: 'pod_b' })
  relay.cut({ how: 'reset' })
  await a.until('cut, and not sure of its lease', ({ state, isLeaseSure }) => state === 'cut' && !isLeaseSure)
  await eventually(async () => ((await stateOf(directory, 'pod_a')) === 'lost' ? undefined : 'not lost yet'), {
    withinMs: 15_000,
  })
  assert.equal(await b.ask({ type: 'takeOver', sessionId: 'ses_1' }), 'ok')
  relay.heal()
  await a.until('back and told', ({ state, lost }) => state === 'member' && lost.includes('ses_1'))
  const owners = ownersOf({ pod_a: await a.view(), pod_b: await b.view() })
  assert.deepEqual(Object.fromEntries(owners), { ses_1: 'pod_b', ses_2: 'pod_a' })
})
