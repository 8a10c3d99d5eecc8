import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { err, type Result, Scope } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import { asking, granted, joined, load, refusalOf } from '../testing/directory-rig.ts'
import type { DirectoryRefusal, FleetDirectory, SessionCredentials } from './directory.ts'
import type { FencingToken } from './fencing-token.ts'
import { Membership, type MembershipState } from './membership.ts'
import { MemoryDirectory } from './memory/memory-directory.ts'
import { refusals } from './refusals.ts'

const MEMBER = { memberId: 'pod_a', kind: 'pod', roles: ['sessions'], urls: {}, version: '0.1.0' } as const

function rig(t: TestContext, more: { directory?: FleetDirectory; clock?: ManualClock } = {}) {
  const clock = more.clock ?? new ManualClock()
  const memory = new MemoryDirectory(clock)
  const directory = more.directory ?? memory
  const scope = new Scope(clock)
  const sessions = new Map<string, FencingToken>()
  const membership = new Membership({
    clock,
    scope,
    directory,
    member: MEMBER,
    ratedSeats: 10,
    load: () => ({ unlistedSeats: 0, warmingSeats: 0, headroomRatios: { loop: 0.5 } }),
    sessions: () => [...sessions].map(([sessionId, token]): SessionCredentials => ({ sessionId, token })),
  })
  const states: MembershipState[] = [membership.state]
  membership.on('state', (state) => states.push(state))
  const lost: string[] = []
  membership.on(
    'reclaimed',
    ({ sessionId, answer }: { sessionId: string; answer: Result<FencingToken, DirectoryRefusal> }) => {
      if (answer.ok) sessions.set(sessionId, answer.value)
      else lost.push(sessionId)
    },
  )
  t.after(() => scope.close())
  const hold = async (sessionId: string): Promise<void> => {
    const by = membership.credentials
    assert.ok(by)
    const { token } = await granted(directory.claim(asking(by, sessionId, { only: MEMBER.memberId })))
    await granted(directory.confirm(by, { sessionId, token }))
    sessions.set(sessionId, token)
  }
  return { clock, memory, scope, membership, sessions, states, lost, hold }
}

const kinds = (states: readonly MembershipState[]): string[] => states.map(({ kind }) => kind)

test('[FD26] a member joins, keeps its lease by reporting, and leaves when its scope closes', async (t) => {
  const { clock, memory, scope, membership, states } = rig(t)
  await clock.advanceAsync(60_000, 500)
  assert.deepEqual(kinds(states), ['joining', 'member'])
  const [status] = await granted(memory.members())
  assert.deepEqual([status?.state, status?.headroomRatios], ['serving', { loop: 0.5 }])
  assert.ok(membership.isLeaseSure)
  await scope.close()
  assert.deepEqual(await granted(memory.members()), [])
  assert.equal(clock.pendingTimers, 0)
})

test('[FD26] a member that stood still past its lease joins again and re-claims; what others took it is told to let go of', async (t) => {
  const { clock, memory, membership, sessions, lost, hold } = rig(t)
  await clock.advanceAsync(0)
  await hold('ses_kept')
  await hold('ses_taken')
  const before = sessions.get('ses_kept') as FencingToken
  const other = await joined(memory, 'pod_b', { leaseMs: 600_000 })
  // A process that stands still sees all of its timers late: here the report of 1 s comes at 10 s.
  const stood = memory.report
  memory.report = async () => err(refusals.away('stands still', 1_000))
  await clock.advanceAsync(4_500, 500)
  assert.equal(membership.isLeaseSure, false)
  memory.report = stood
  await granted(memory.claim(asking(other, 'ses_taken', { isResume: true, only: 'pod_b' })))
  await clock.advanceAsync(1_000, 500)
  assert.equal(membership.state.kind, 'member')
  assert.deepEqual(lost, ['ses_taken'])
  const token = sessions.get('ses_kept') as FencingToken
  assert.ok(token.counter > before.counter)
  assert.deepEqual((await granted(memory.locate('ses_kept')))?.token, token)
})

test('[FD26] a directory that has forgotten gets back members, sessions, ratings and drains, and tokens that rise', async (t) => {
  const { clock, memory, membership, sessions, hold } = rig(t)
  await clock.advanceAsync(0)
  await hold('ses_1')
  await granted(memory.rate('pod_a', 4))
  await granted(memory.drain('pod_a', 30_000))
  await clock.advanceAsync(2_000, 500)
  const before = sessions.get('ses_1') as FencingToken
  memory.forget()
  await clock.advanceAsync(1_000, 500)
  const [status] = await granted(memory.members())
  assert.deepEqual([status?.state, status?.ratedSeats, status?.heldSeats], ['draining', 4, 1])
  assert.ok((status?.drainLeftMs as number) <= 28_000 && (status?.drainLeftMs as number) > 25_000)
  const token = sessions.get('ses_1') as FencingToken
  assert.ok(token.epoch > before.epoch)
  assert.equal(membership.orders?.isDraining, true)
})

test('[FD26] a member that joins again tells the greatest token it has seen: of its own, its sessions, or shown to it', async (t) => {
  const { clock, memory, membership, sessions, hold } = rig(t)
  const told: (FencingToken | undefined)[] = []
  const join = memory.join.bind(memory)
  memory.join = (request) => {
    told.push(request.lastToken)
    return join(request)
  }
  await clock.advanceAsync(0)
  await hold('ses_1')
  const token = sessions.get('ses_1') as FencingToken
  memory.forget()
  await clock.advanceAsync(2_000, 500)
  const shown = { epoch: token.epoch + 60_000, counter: 3 }
  membership.saw(shown)
  membership.saw(token)
  membership.fenced()
  await clock.advanceAsync(2_000, 500)
  assert.deepEqual(told, [token, shown])
  assert.ok((membership.credentials?.token.epoch as number) > shown.epoch)
})

test('[FD26] orders are told when they change, not because time passes', async (t) => {
  const { clock, memory, membership } = rig(t)
  const heard: string[] = []
  membership.on('orders', ({ isDraining, ratedSeats }) => heard.push(`${isDraining} ${ratedSeats}`))
  await clock.advanceAsync(3_000, 500)
  await granted(memory.drain('pod_a', 30_000))
  await clock.advanceAsync(3_000, 500)
  await granted(memory.rate('pod_a', 7))
  await clock.advanceAsync(3_000, 500)
  await granted(memory.drain('pod_a', 60_000))
  await clock.advanceAsync(3_000, 500)
  assert.deepEqual(heard, ['false 10', 'true 10', 'true 7', 'true 7'])
})

test('[FD27] while the directory is away a member is cut, keeps its token, and is back with the next answer', async (t) => {
  const { clock, memory, membership, states } = rig(t)
  await clock.advanceAsync(1_000, 500)
  const { report } = memory
  memory.report = async () => err(refusals.away('cut', 1_000))
  await clock.advanceAsync(2_000, 500)
  assert.equal(membership.state.kind, 'cut')
  assert.ok(membership.credentials)
  assert.equal(membership.isLeaseSure, true, 'the last report is not 4 s old')
  await clock.advanceAsync(500)
  memory.report = report
  await clock.advanceAsync(1_000, 500)
  assert.deepEqual([...new Set(kinds(states))], ['joining', 'member', 'cut'])
  assert.equal(membership.state.kind, 'member')
})

test('[FD27] sessions that a cut member admitted by itself are its own in the directory when that is back', async (t) => {
  const { clock, memory, membership, sessions } = rig(t)
  await clock.advanceAsync(1_000, 500)
  const { report } = memory
  memory.report = async () => err(refusals.away('cut', 1_000))
  await clock.advanceAsync(1_000, 500)
  sessions.set('ses_local', { epoch: 0, counter: 0 })
  memory.report = report
  await clock.advanceAsync(1_000, 500)
  assert.equal(membership.state.kind, 'member')
  assert.deepEqual((await granted(memory.locate('ses_local')))?.token, sessions.get('ses_local'))
})

test('[FD27] a session that ends while it is re-claimed is not held for ever', async (t) => {
  const { clock, memory, sessions, hold } = rig(t)
  await clock.advanceAsync(0)
  await hold('ses_1')
  const reclaim = memory.reclaim.bind(memory)
  memory.reclaim = async (by, held) => {
    const answer = await reclaim(by, held)
    sessions.delete('ses_1')
    return answer
  }
  memory.forget()
  await clock.advanceAsync(2_000, 500)
  assert.equal(await granted(memory.locate('ses_1')), undefined)
})

test('[FD27] a member whose id is another process says so and takes its place when that is gone', async (t) => {
  const clock = new ManualClock()
  const directory = new MemoryDirectory(clock)
  const other = await joined(directory, 'pod_a')
  const { membership } = rig(t, { directory, clock })
  await clock.advanceAsync(3_000, 500)
  assert.ok(
    membership.state.kind === 'joining' && /belongs to a process that is alive/.test(membership.state.problem ?? ''),
  )
  await clock.advanceAsync(2_000, 500)
  assert.equal(membership.state.kind, 'member')
  assert.equal(await refusalOf(directory.report(other, load())), 'MEMBER_FENCED')
})
