// What every directory must do about who is there: joining, leases, loss, orders of operators, changes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DirectoryChange, ORPHAN_MS } from '../directory/directory.ts'
import { compareTokens } from '../directory/fencing-token.ts'
import { asking, type CreateSubject, granted, joined, LEASE_MS, load, member, refusalOf } from './directory-rig.ts'

export function membershipContract(name: string, create: CreateSubject): void {
  test(`[FD1] ${name}: who joins is listed as it described itself, with a token greater than all before`, async (t) => {
    const { directory } = await create(t)
    const first = await granted(directory.join(member('pod_b', { ratedSeats: 7, unlistedSeats: 2 })))
    const second = await granted(directory.join(member('wrk_a', { kind: 'worker', roles: ['recognise'] })))
    assert.ok(compareTokens(second.token, first.token) > 0)
    assert.deepEqual(first.orders, { isDraining: false, ratedSeats: 7, heldSeats: 0, reservedSeats: 0 })
    const [pod, worker] = await granted(directory.members())
    const { incarnation, leaseMs, ...described } = member('pod_b', { ratedSeats: 7, unlistedSeats: 2 })
    assert.deepEqual(pod, {
      ...described,
      state: 'serving',
      heldSeats: 0,
      reservedSeats: 0,
      warmingSeats: 0,
      headroomRatios: {},
      ageMs: 0,
    })
    assert.deepEqual([worker?.memberId, worker?.kind, worker?.roles], ['wrk_a', 'worker', ['recognise']])
  })

  test(`[FD1] ${name}: the id of a living process is refused to another, and free when its lease is over or it left`, async (t) => {
    const { directory, clock } = await create(t)
    const by = await joined(directory, 'pod_a')
    clock.advance(1_000)
    const answer = await directory.join(member('pod_a', { incarnation: 'a copy' }))
    assert.ok(!answer.ok && answer.error.code === 'MEMBER_EXISTS')
    assert.equal(answer.error.retryAfterMs, LEASE_MS - 1_000)
    assert.match(answer.error.message, /pod_a belongs to a process that is alive/)
    await granted(directory.leave(by))
    const copy = await joined(directory, 'pod_a', { incarnation: 'a copy' })
    clock.advance(LEASE_MS)
    await joined(directory, 'pod_a', { incarnation: 'a third' })
    assert.equal(await refusalOf(directory.report(copy, load())), 'MEMBER_FENCED')
  })

  test(`[FD1] ${name}: who follows a process that is known to have ended does not wait for its lease, and has its orders`, async (t) => {
    const { directory, clock } = await create(t)
    const before = await joined(directory, 'pod_a')
    const { token } = await granted(directory.claim(asking(before, 'ses_1')))
    await granted(directory.confirm(before, { sessionId: 'ses_1', token }))
    await granted(directory.drain('pod_a', 30_000))
    await granted(directory.rate('pod_a', 3))
    clock.advance(1_000)
    const wrong = member('pod_a', { incarnation: 'next', replaces: 'somebody' })
    assert.equal(await refusalOf(directory.join(wrong)), 'MEMBER_EXISTS')
    const { incarnation } = member('pod_a')
    const next = await granted(directory.join(member('pod_a', { incarnation: 'next', replaces: incarnation })))
    assert.deepEqual(
      [next.orders.isDraining, next.orders.drainLeftMs, next.orders.ratedSeats, next.orders.heldSeats],
      [true, 29_000, 3, 0],
    )
    assert.equal((await granted(directory.locate('ses_1')))?.state, 'orphan')
    assert.equal(await refusalOf(directory.report(before, load())), 'MEMBER_FENCED')
  })

  test(`[FD2] ${name}: a report renews the lease; without one the member is lost and everything it asks is refused by name`, async (t) => {
    const { directory, clock } = await create(t)
    const by = await joined(directory, 'pod_a')
    await joined(directory, 'pod_b')
    for (let n = 0; n < 3; n++) {
      clock.advance(LEASE_MS - 1)
      await granted(directory.report(by, load()))
    }
    clock.advance(LEASE_MS)
    const token = { epoch: 1, counter: 1 }
    const session = { sessionId: 'ses_1', token }
    const answers = await Promise.all([
      directory.report(by, load()),
      directory.claim(asking(by, 'ses_1')),
      directory.confirm(by, session),
      directory.move({ ...asking(by, 'ses_1'), session }),
      directory.reclaim(by, [session]),
      directory.leave(by),
    ])
    for (const answer of answers) {
      assert.ok(!answer.ok && answer.error.code === 'MEMBER_FENCED' && answer.error.reason === 'lost')
      assert.match(answer.error.message, /pod_a was silent for longer than its lease/)
    }
    const [lost] = await granted(directory.members())
    assert.equal(lost?.state, 'lost')
    clock.advance(ORPHAN_MS)
    assert.deepEqual(await granted(directory.members()), [])
    const gone = await directory.report(by, load())
    assert.ok(!gone.ok && gone.error.code === 'MEMBER_FENCED' && gone.error.reason === 'unknown')
  })

  test(`[FD3] ${name}: a member that joins again has a new token, the old one is refused; its drain and its rating are kept`, async (t) => {
    const { directory, clock } = await create(t)
    const before = await joined(directory, 'pod_a')
    await granted(directory.drain('pod_a', 30_000))
    await granted(directory.rate('pod_a', 3))
    clock.advance(LEASE_MS)
    const again = await granted(directory.join(member('pod_a', { ratedSeats: 10 })))
    assert.deepEqual(again.orders, {
      isDraining: true,
      drainLeftMs: 30_000 - LEASE_MS,
      ratedSeats: 3,
      heldSeats: 0,
      reservedSeats: 0,
    })
    const answer = await directory.report(before, load())
    assert.ok(!answer.ok && answer.error.code === 'MEMBER_FENCED' && answer.error.reason === 'replaced')
    await granted(directory.report({ memberId: 'pod_a', token: again.token }, load()))
    clock.advance(LEASE_MS)
    const restarted = await granted(directory.join(member('pod_a', { incarnation: 'another process' })))
    assert.deepEqual([restarted.orders.isDraining, restarted.orders.ratedSeats], [false, 10])
  })

  test(`[FD3] ${name}: the same process may join twice, as when it did not hear the first answer`, async (t) => {
    const { directory } = await create(t)
    const first = await joined(directory, 'pod_a')
    const second = await joined(directory, 'pod_a')
    assert.ok(compareTokens(second.token, first.token) > 0)
    assert.equal((await granted(directory.members())).length, 1)
  })

  test(`[FD4] ${name}: the answer to a report says what the fleet wants, and the list what was reported and when`, async (t) => {
    const { directory, clock } = await create(t)
    const by = await joined(directory, 'pod_a')
    await granted(directory.drain('pod_a', 5_000))
    clock.advance(2_000)
    const headroomRatios = { loop: 0.25, memory: 0.75 }
    const orders = await granted(directory.report(by, load({ headroomRatios, unlistedSeats: 1, warmingSeats: 2 })))
    assert.deepEqual([orders.isDraining, orders.drainLeftMs], [true, 3_000])
    clock.advance(3_500)
    const [status] = await granted(directory.members())
    assert.deepEqual(
      [
        status?.state,
        status?.drainLeftMs,
        status?.unlistedSeats,
        status?.warmingSeats,
        status?.headroomRatios,
        status?.ageMs,
      ],
      ['draining', 0, 1, 2, headroomRatios, 3_500],
    )
  })

  test(`[FD4] ${name}: what could not be measured says nothing, and seats are whole`, async (t) => {
    const { directory } = await create(t)
    const by = await joined(directory, 'pod_a', { ratedSeats: 2.9, unlistedSeats: -1 })
    const headroomRatios = { loop: Number.NaN, memory: 0.5, udp: Number.POSITIVE_INFINITY }
    await granted(directory.report(by, load({ headroomRatios, unlistedSeats: Number.NaN, warmingSeats: 0.5 })))
    await granted(directory.rate('pod_a', 3.2))
    const [status] = await granted(directory.members())
    assert.deepEqual(status?.headroomRatios, { memory: 0.5 })
    assert.deepEqual([status?.ratedSeats, status?.unlistedSeats, status?.warmingSeats], [3, 0, 0])
    await granted(directory.claim(asking(by, 'ses_1')))
  })

  test(`[FD15] ${name}: a drained member gets no sessions until it is put back; orders for who is not there are refused`, async (t) => {
    const { directory, clock } = await create(t)
    const by = await joined(directory, 'pod_a')
    await granted(directory.drain('pod_a', 30_000))
    const full = await directory.claim(asking(by, 'ses_1'))
    assert.ok(!full.ok && full.error.code === 'FLEET_FULL' && full.error.reason === 'draining')
    await granted(directory.undrain('pod_a'))
    await granted(directory.claim(asking(by, 'ses_1')))
    await granted(directory.rate('pod_a', 1))
    assert.equal(await refusalOf(directory.claim(asking(by, 'ses_2'))), 'FLEET_FULL')
    assert.equal((await granted(directory.report(by, load()))).ratedSeats, 1)
    clock.advance(LEASE_MS)
    for (const answer of [directory.drain('pod_a', 1), directory.undrain('pod_b'), directory.rate('pod_b', 1)]) {
      assert.equal(await refusalOf(answer), 'MEMBER_UNKNOWN')
    }
  })

  test(`[FD15] ${name}: two operators drain each other's target: nobody is moved to a draining pod, and nobody is lost`, async (t) => {
    const { directory } = await create(t)
    const [one, other] = [await joined(directory, 'pod_a'), await joined(directory, 'pod_b')]
    for (const by of [one, other]) {
      const sessionId = `ses of ${by.memberId}`
      const { token } = await granted(directory.claim(asking(by, sessionId, { only: by.memberId })))
      await granted(directory.confirm(by, { sessionId, token }))
    }
    await Promise.all([directory.drain('pod_a', 30_000), directory.drain('pod_b', 30_000)])
    for (const by of [one, other]) {
      const sessionId = `ses of ${by.memberId}`
      const { token } = (await granted(directory.locate(sessionId))) as { token: typeof by.token }
      const answer = await directory.move({ ...asking(by, sessionId), session: { sessionId, token } })
      assert.ok(!answer.ok && answer.error.code === 'FLEET_FULL' && answer.error.reason === 'draining')
      assert.equal((await granted(directory.locate(sessionId)))?.memberId, by.memberId)
    }
    await granted(directory.undrain('pod_b'))
    const { token } = (await granted(directory.locate('ses of pod_a'))) as { token: typeof one.token }
    const moved = await directory.move({ ...asking(one, 'x'), session: { sessionId: 'ses of pod_a', token } })
    assert.equal(moved.ok && moved.value.memberId, 'pod_b')
  })

  test(`[FD16] ${name}: who watches hears who joined, left, was lost, drains, serves and is rated`, async (t) => {
    const { directory, clock } = await create(t)
    const heard: DirectoryChange[] = []
    const stop = directory.watch((change) => heard.push(change))
    await joined(directory, 'pod_a')
    const by = await joined(directory, 'pod_b')
    await granted(directory.drain('pod_a', 1_000))
    await granted(directory.undrain('pod_a'))
    await granted(directory.rate('pod_a', 5))
    await granted(directory.leave(by))
    clock.advance(LEASE_MS)
    // The second answer comes after whatever the first question made to be told.
    for (let n = 0; n < 2; n++) await granted(directory.members())
    const all = ['joined a', 'joined b', 'draining a', 'serving a', 'rated a', 'left b', 'lost a']
    const words = heard.map((change) =>
      'memberId' in change ? `${change.kind} ${change.memberId.slice(-1)}` : change.kind,
    )
    assert.deepEqual(words, all)
    stop()
    await joined(directory, 'pod_c')
    assert.equal(heard.length, all.length)
  })
}
