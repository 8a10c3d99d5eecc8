// What every directory must do about whose a session is: one owner at any time, whoever dies, moves, comes back or forgets.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FleetDirectory, MemberCredentials, SessionCredentials } from '../directory/directory.ts'
import { SETTLE_MS } from '../directory/directory.ts'
import { compareTokens } from '../directory/fencing-token.ts'
import {
  asking,
  type CreateSubject,
  granted,
  joined,
  LEASE_MS,
  load,
  member,
  RESERVE_MS,
  refusalOf,
} from './directory-rig.ts'

/** A session that is held by `by`. */
async function held(directory: FleetDirectory, by: MemberCredentials, sessionId: string): Promise<SessionCredentials> {
  const { token } = await granted(directory.claim(asking(by, sessionId, { only: by.memberId })))
  await granted(directory.confirm(by, { sessionId, token }))
  return { sessionId, token }
}

const seats = async (directory: FleetDirectory): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await granted(directory.members())).map((each) => [each.memberId, `${each.heldSeats}+${each.reservedSeats}`]),
  )

export function ownershipContract(name: string, create: CreateSubject): void {
  test(`[FD9] ${name}: a session that somebody has is refused to everybody else, with where it is`, async (t) => {
    const { directory } = await create(t)
    const [a, b] = [await joined(directory, 'pod_a'), await joined(directory, 'pod_b')]
    const session = await held(directory, a, 'ses_1')
    const answer = await directory.claim(asking(b, 'ses_1', { isResume: true }))
    assert.ok(!answer.ok && answer.error.code === 'SESSION_TAKEN')
    assert.deepEqual([answer.error.owner, answer.error.token], ['pod_a', session.token])
    assert.equal(await refusalOf(directory.confirm(b, session)), 'SESSION_NOT_OWNED')
    const [taken] = await granted(directory.reclaim(b, [session]))
    assert.ok(taken && !taken.ok && taken.error.code === 'SESSION_TAKEN')
    assert.equal(await refusalOf(directory.move({ ...asking(b, 'x'), session })), 'SESSION_NOT_OWNED')
  })

  test(`[FD10] ${name}: the sessions of a member that is lost or left are taken over, once, with greater tokens`, async (t) => {
    const { directory, clock } = await create(t)
    const [a, b] = [await joined(directory, 'pod_a'), await joined(directory, 'pod_b', { leaseMs: 60_000 })]
    const session = await held(directory, a, 'ses_1')
    const reserved = await granted(directory.claim(asking(b, 'ses_2', { only: 'pod_a' })))
    clock.advance(LEASE_MS - 1)
    assert.equal(await refusalOf(directory.claim(asking(b, 'ses_1', { isResume: true }))), 'SESSION_TAKEN')
    clock.advance(1)
    assert.equal((await granted(directory.locate('ses_1')))?.state, 'orphan')
    assert.equal(await granted(directory.locate('ses_2')), undefined, 'nobody had come for it')
    const taken = await granted(directory.claim(asking(b, 'ses_1', { isResume: true, only: 'pod_b' })))
    assert.ok(compareTokens(taken.token, reserved.token) > 0)
    assert.equal(await refusalOf(directory.claim(asking(b, 'ses_1', { isResume: true }))), 'SESSION_TAKEN')
    await granted(directory.confirm(b, { sessionId: 'ses_1', token: taken.token }))
    assert.equal(await refusalOf(directory.release(session)), 'SESSION_NOT_OWNED')
    assert.deepEqual(await seats(directory), { pod_a: '0+0', pod_b: '1+0' })
    const c = await joined(directory, 'pod_c')
    await granted(directory.leave(b))
    await granted(directory.claim(asking(c, 'ses_1', { isResume: true })))
  })

  test(`[FD10] ${name}: who stood still past its lease finds what is still its own, and is told what is not`, async (t) => {
    const { directory, clock } = await create(t)
    const [a, b] = [await joined(directory, 'pod_a'), await joined(directory, 'pod_b', { leaseMs: 60_000 })]
    const sessions = [await held(directory, a, 'ses_1'), await held(directory, a, 'ses_2')]
    clock.advance(LEASE_MS)
    const taken = await granted(directory.claim(asking(b, 'ses_1', { isResume: true })))
    assert.equal(await refusalOf(directory.reclaim(a, sessions)), 'MEMBER_FENCED')
    const again = await joined(directory, 'pod_a', { unlistedSeats: 2 })
    const [first, second, third] = await granted(
      directory.reclaim(again, [...sessions, { sessionId: 'ses_local', token: { epoch: 1, counter: 1 } }]),
    )
    assert.ok(first && !first.ok && first.error.code === 'SESSION_TAKEN' && first.error.owner === 'pod_b')
    assert.ok(second?.ok && compareTokens(second.value, taken.token) > 0)
    assert.ok(third?.ok, 'admitted while nobody could be asked')
    const repeated = await granted(directory.reclaim(again, [sessions[1] as SessionCredentials]))
    assert.deepEqual(repeated, [second])
    const [pod] = await granted(directory.members())
    assert.deepEqual([pod?.heldSeats, pod?.unlistedSeats], [2, 0])
  })

  test(`[FD10] ${name}: an owner before the last one does not get an orphan by an old token`, async (t) => {
    const { directory, clock } = await create(t)
    const [a, b] = [await joined(directory, 'pod_a'), await joined(directory, 'pod_b', { leaseMs: 6_000 })]
    const session = await held(directory, a, 'ses_1')
    clock.advance(LEASE_MS)
    const taken = await granted(directory.claim(asking(b, 'ses_1', { isResume: true, only: 'pod_b' })))
    await granted(directory.confirm(b, { sessionId: 'ses_1', token: taken.token }))
    clock.advance(2_000)
    const again = await joined(directory, 'pod_a')
    const [answer] = await granted(directory.reclaim(again, [session]))
    assert.ok(answer && !answer.ok && answer.error.code === 'SESSION_NOT_OWNED')
  })

  test(`[FD10] ${name}: a member that did not hear the answer gets its own by an old token; another process of its name does not`, async (t) => {
    const { directory, clock } = await create(t)
    const before = await joined(directory, 'pod_a')
    const session = await held(directory, before, 'ses_1')
    const unheard = await joined(directory, 'pod_a')
    await granted(directory.reclaim(unheard, [session]))
    const again = await joined(directory, 'pod_a')
    const [own] = await granted(directory.reclaim(again, [session]))
    assert.ok(own?.ok && compareTokens(own.value, session.token) > 0)
    clock.advance(LEASE_MS)
    const replaced = await joined(directory, 'pod_a', { incarnation: 'its replacement' })
    await held(directory, replaced, 'ses_1')
    clock.advance(LEASE_MS)
    const back = await joined(directory, 'pod_a')
    const [refused] = await granted(directory.reclaim(back, [session]))
    assert.ok(refused && !refused.ok && refused.error.code === 'SESSION_NOT_OWNED')
  })

  test(`[FD11] ${name}: a move reserves elsewhere, and the owner is owner until the target confirms`, async (t) => {
    const { directory } = await create(t)
    const [a, b] = [await joined(directory, 'pod_a'), await joined(directory, 'pod_b', { ratedSeats: 1 })]
    const session = await held(directory, a, 'ses_1')
    const target = await granted(directory.move({ ...asking(a, 'x'), session }))
    assert.equal(target.memberId, 'pod_b')
    assert.ok(compareTokens(target.token, session.token) > 0)
    assert.deepEqual(await seats(directory), { pod_a: '1+0', pod_b: '0+1' })
    assert.equal((await granted(directory.locate('ses_1')))?.memberId, 'pod_a')
    assert.equal(await refusalOf(directory.claim(asking(a, 'ses_2', { only: 'pod_b' }))), 'FLEET_FULL')
    const here = { sessionId: 'ses_1', token: target.token }
    await granted(directory.confirm(b, here))
    await granted(directory.confirm(b, here))
    assert.deepEqual(await seats(directory), { pod_a: '0+0', pod_b: '1+0' })
    assert.equal(await refusalOf(directory.release(session)), 'SESSION_NOT_OWNED')
    assert.equal(await refusalOf(directory.move({ ...asking(a, 'x'), session })), 'SESSION_NOT_OWNED')
    assert.deepEqual((await granted(directory.locate('ses_1')))?.token, target.token)
  })

  test(`[FD11] ${name}: a move ends without its target: declined, replaced, too late, lost; the session stays where it is`, async (t) => {
    const { directory, clock } = await create(t)
    const a = await joined(directory, 'pod_a', { leaseMs: 600_000 })
    const b = await joined(directory, 'pod_b', { leaseMs: 600_000 })
    await joined(directory, 'pod_c')
    const session = await held(directory, a, 'ses_1')
    const move = (only: string) => granted(directory.move({ ...asking(a, 'x', { only }), session }))
    const declined = { sessionId: 'ses_1', token: (await move('pod_b')).token }
    await granted(directory.release(declined))
    assert.equal(await refusalOf(directory.confirm(b, declined)), 'SESSION_NOT_OWNED')
    const replaced = { sessionId: 'ses_1', token: (await move('pod_b')).token }
    await move('pod_c')
    assert.equal(await refusalOf(directory.confirm(b, replaced)), 'SESSION_NOT_OWNED')
    assert.deepEqual(await seats(directory), { pod_a: '1+0', pod_b: '0+0', pod_c: '0+1' })
    clock.advance(LEASE_MS)
    assert.deepEqual(await seats(directory), { pod_a: '1+0', pod_b: '0+0', pod_c: '0+0' })
    const late = { sessionId: 'ses_1', token: (await move('pod_b')).token }
    clock.advance(RESERVE_MS)
    assert.equal(await refusalOf(directory.confirm(b, late)), 'SESSION_NOT_OWNED')
    assert.deepEqual(await seats(directory), { pod_a: '1+0', pod_b: '0+0', pod_c: '0+0' })
    await granted(directory.release(session))
  })

  test(`[FD11] ${name}: an owner that dies in the middle of a move leaves the session to its target`, async (t) => {
    const { directory, clock } = await create(t)
    const [a, b] = [await joined(directory, 'pod_a'), await joined(directory, 'pod_b', { leaseMs: 60_000 })]
    const session = await held(directory, a, 'ses_1')
    const target = await granted(directory.move({ ...asking(a, 'x'), session }))
    clock.advance(LEASE_MS)
    assert.equal((await granted(directory.locate('ses_1')))?.state, 'orphan')
    await granted(directory.confirm(b, { sessionId: 'ses_1', token: target.token }))
    assert.deepEqual(await seats(directory), { pod_a: '0+0', pod_b: '1+0' })
  })

  test(`[FD12] ${name}: confirming and releasing twice is once; what is unknown is released already`, async (t) => {
    const { directory } = await create(t)
    const a = await joined(directory, 'pod_a')
    const session = await held(directory, a, 'ses_1')
    await granted(directory.confirm(a, session))
    await granted(directory.release(session))
    await granted(directory.release(session))
    assert.deepEqual(await seats(directory), { pod_a: '0+0' })
    assert.equal(await refusalOf(directory.confirm(a, session)), 'RESERVATION_OVER')
    const { token } = await granted(directory.claim(asking(a, 'ses_1')))
    assert.equal(await refusalOf(directory.release(session)), 'SESSION_NOT_OWNED')
    await granted(directory.release({ sessionId: 'ses_1', token }))
    assert.deepEqual(await seats(directory), { pod_a: '0+0' })
  })

  test(`[FD13] ${name}: a directory that has forgotten lets incumbents re-claim before anybody takes over; tokens still rise`, async (t) => {
    const { directory, clock, forget } = await create(t)
    const before = await joined(directory, 'pod_a', { leaseMs: 60_000 })
    const session = await held(directory, before, 'ses_1')
    clock.advance(1_000)
    await forget()
    const fenced = await directory.report(before, load())
    assert.ok(!fenced.ok && fenced.error.code === 'MEMBER_FENCED' && fenced.error.reason === 'unknown')
    const b = await joined(directory, 'pod_b', { leaseMs: 60_000 })
    assert.ok(compareTokens(b.token, session.token) > 0)
    const settling = await directory.claim(asking(b, 'ses_1', { isResume: true }))
    assert.ok(!settling.ok && settling.error.code === 'DIRECTORY_SETTLING')
    assert.equal(settling.error.retryAfterMs, SETTLE_MS)
    await granted(directory.claim(asking(b, 'ses_new')))
    const a = await joined(directory, 'pod_a', { unlistedSeats: 1, lastToken: session.token })
    const [reclaimed] = await granted(directory.reclaim(a, [session]))
    assert.ok(reclaimed?.ok && compareTokens(reclaimed.value, session.token) > 0)
    assert.equal(await refusalOf(directory.claim(asking(b, 'ses_1', { isResume: true }))), 'SESSION_TAKEN')
    clock.advance(SETTLE_MS)
    const taken = await granted(directory.claim(asking(b, 'ses_2', { isResume: true })))
    const late = await granted(directory.join(member('pod_c', { lastToken: session.token })))
    const [answer] = await granted(
      directory.reclaim({ memberId: 'pod_c', token: late.token }, [{ sessionId: 'ses_2', token: session.token }]),
    )
    assert.ok(answer && !answer.ok && answer.error.code === 'SESSION_TAKEN' && answer.error.owner === taken.memberId)
  })

  test(`[FD14] ${name}: what is granted is newer than anything that a member that joins, or a session that resumes, has seen`, async (t) => {
    const { directory, clock } = await create(t)
    const seen = { epoch: clock.wallMs() + 30_000, counter: 12 }
    const by = await joined(directory, 'pod_a', { lastToken: seen })
    assert.ok(compareTokens(by.token, seen) > 0)
    assert.ok(compareTokens((await held(directory, by, 'ses_1')).token, by.token) > 0)
    const again = await joined(directory, 'pod_b', { lastToken: seen })
    assert.equal(again.token.epoch, by.token.epoch)
    const seenByClient = { epoch: seen.epoch + 30_000, counter: 1 }
    const resumed = await granted(directory.claim(asking(by, 'ses_2', { lastToken: seenByClient })))
    assert.ok(compareTokens(resumed.token, seenByClient) > 0)
  })
}
