// What every directory must do about seats: choosing, reserving, counting, refusing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hash32, type SeatPolicy } from '@parley/placement'
import { MAX_RETRY_AFTER_MS, MIN_RETRY_AFTER_MS } from '../directory/directory.ts'
import { asking, type CreateSubject, granted, joined, load, RESERVE_MS, refusalOf } from './directory-rig.ts'

export function placementContract(name: string, create: CreateSubject): void {
  for (const policy of ['mostHeadroom', 'twoChoices', 'sticky'] as const satisfies readonly SeatPolicy[]) {
    test(`[FD5] ${name}: 500 claims at once against room for 300 by ${policy}: exactly 300, none over its rating`, async (t) => {
      const { directory } = await create(t)
      const by = await joined(directory, 'pod_a', { ratedSeats: 200 })
      await joined(directory, 'pod_b', { ratedSeats: 100 })
      await joined(directory, 'wrk_c', { kind: 'worker', roles: ['sessions'], ratedSeats: 1_000 })
      await joined(directory, 'pod_d', { roles: ['api'], ratedSeats: 1_000 })
      const answers = await Promise.all(
        Array.from({ length: 500 }, (_, n) =>
          directory.claim(asking(by, `ses_${n}`, { policy, salt: hash32(`salt ${n}`) })),
        ),
      )
      const places = answers.flatMap((answer) => (answer.ok ? [answer.value.memberId] : []))
      assert.equal(places.length, 300)
      assert.equal(places.filter((id) => id === 'pod_a').length, 200)
      for (const answer of answers) if (!answer.ok) assert.equal(answer.error.code, 'FLEET_FULL')
      const counts = (await granted(directory.members())).map(({ reservedSeats }) => reservedSeats)
      assert.deepEqual(counts, [200, 100, 0, 0])
    })
  }

  test(`[FD5] ${name}: the answer says where to go; only and exclude are kept to`, async (t) => {
    const { directory } = await create(t)
    const by = await joined(directory, 'pod_a', { ratedSeats: 100 })
    await joined(directory, 'pod_b', { ratedSeats: 10, version: '0.2.0' })
    const { token, ...place } = await granted(directory.claim(asking(by, 'ses_1', { only: 'pod_b' })))
    const urls = { public: 'https://pod_b.example' }
    assert.deepEqual(place, { memberId: 'pod_b', kind: 'pod', roles: ['api', 'sessions'], urls, version: '0.2.0' })
    assert.deepEqual(await granted(directory.locate('ses_1')), { ...place, token, state: 'reserved' })
    const other = await granted(directory.claim(asking(by, 'ses_2', { exclude: ['pod_a', 'pod_x'] })))
    assert.equal(other.memberId, 'pod_b')
    const none = await directory.claim(asking(by, 'ses_3', { exclude: ['pod_a', 'pod_b'] }))
    assert.ok(!none.ok && none.error.code === 'FLEET_FULL' && none.error.reason === 'noMember')
    assert.equal(await granted(directory.locate('ses_3')), undefined)
  })

  test(`[FD6] ${name}: a reservation that nobody comes for is over and its seat free; one that was confirmed stays`, async (t) => {
    const { directory, clock } = await create(t)
    const by = await joined(directory, 'pod_a', { ratedSeats: 2, leaseMs: 60_000 })
    const kept = await granted(directory.claim(asking(by, 'ses_1')))
    const late = await granted(directory.claim(asking(by, 'ses_2')))
    await granted(directory.confirm(by, { sessionId: 'ses_1', token: kept.token }))
    clock.advance(RESERVE_MS - 1)
    assert.equal(await refusalOf(directory.claim(asking(by, 'ses_3'))), 'FLEET_FULL')
    clock.advance(1)
    assert.equal(await refusalOf(directory.confirm(by, { sessionId: 'ses_2', token: late.token })), 'RESERVATION_OVER')
    await granted(directory.claim(asking(by, 'ses_3')))
    assert.equal(await granted(directory.locate('ses_2')), undefined)
    assert.equal((await granted(directory.locate('ses_1')))?.state, 'held')
    const [status] = await granted(directory.members())
    assert.deepEqual([status?.heldSeats, status?.reservedSeats], [1, 1])
  })

  test(`[FD28] ${name}: a user has as many sessions as it may, whoever claims; one that ends makes room`, async (t) => {
    const { directory, clock } = await create(t)
    const by = await joined(directory, 'pod_a', { ratedSeats: 100, leaseMs: 60_000 })
    const other = await joined(directory, 'pod_b', { ratedSeats: 100, leaseMs: 60_000 })
    const user = { key: 'ada', limit: 3 }
    const claims = Array.from({ length: 8 }, (_, n) =>
      directory.claim({ ...asking(n % 2 === 0 ? by : other, `ses_${n}`), user }),
    )
    const answers = await Promise.all(claims)
    const granted3 = answers.flatMap((answer) => (answer.ok ? [answer.value] : []))
    assert.equal(granted3.length, 3)
    for (const answer of answers) if (!answer.ok) assert.equal(answer.error.code, 'USER_FULL')
    const again = (sessionId: string, key = 'ada') =>
      refusalOf(directory.claim({ ...asking(by, sessionId), user: { ...user, key } }))
    assert.deepEqual([await again('ses_x'), await again('ses_y', 'bob')], ['USER_FULL', 'none'])
    const first = answers.findIndex((answer) => answer.ok)
    const { token } = granted3[0] as (typeof granted3)[number]
    await granted(directory.release({ sessionId: `ses_${first}`, token }))
    assert.deepEqual([await again('ses_x'), await again('ses_z')], ['none', 'USER_FULL'])
    clock.advance(RESERVE_MS)
    assert.equal(await again('ses_z'), 'none', 'nobody came for the others')
  })

  test(`[FD7] ${name}: a member that has used up a resource gets what is for it by name, up to its seats, and nothing else`, async (t) => {
    const { directory } = await create(t)
    const by = await joined(directory, 'pod_a', { ratedSeats: 2 })
    await granted(directory.report(by, load({ headroomRatios: { cpu: 0 } })))
    assert.equal(await refusalOf(directory.claim(asking(by, 'ses_1'))), 'FLEET_FULL')
    for (const id of ['ses_1', 'ses_2']) await granted(directory.claim(asking(by, id, { only: 'pod_a' })))
    assert.equal(await refusalOf(directory.claim(asking(by, 'ses_3', { only: 'pod_a' }))), 'FLEET_FULL')
  })

  test(`[FD7] ${name}: seats that only the member knows of count, and sessions count before its load shows them`, async (t) => {
    const { directory } = await create(t)
    const by = await joined(directory, 'pod_a', { ratedSeats: 10, unlistedSeats: 8 })
    const claim = (n: number) => refusalOf(directory.claim(asking(by, `ses_${n}`)))
    assert.deepEqual([await claim(1), await claim(2), await claim(3)], ['none', 'none', 'FLEET_FULL'])
    const tight = load({ headroomRatios: { loop: 0.9, memory: 0.35 }, warmingSeats: 2 })
    await granted(directory.report(by, tight))
    assert.deepEqual([await claim(4), await claim(5)], ['none', 'none'], '0.35 less two that warm up')
    const full = await directory.claim(asking(by, 'ses_6'))
    assert.ok(!full.ok && full.error.code === 'FLEET_FULL' && full.error.reason === 'overloaded')
    await granted(directory.report(by, load({ headroomRatios: { loop: 0.9, memory: 0.35 } })))
    assert.equal(await claim(6), 'none', 'they are part of the load now')
  })

  test(`[FD7] ${name}: the most headroom counts seats and the scarcest resource, whichever is less, and an old report for less`, async (t) => {
    const { directory, clock } = await create(t)
    const [a, b] = [
      await joined(directory, 'pod_a', { ratedSeats: 100, leaseMs: 10_000 }),
      await joined(directory, 'pod_b', { ratedSeats: 10, leaseMs: 10_000 }),
    ]
    const place = async (sessionId: string) => (await granted(directory.claim(asking(a, sessionId)))).memberId
    await granted(directory.report(a, load({ headroomRatios: { loop: 0.5 }, leaseMs: 10_000 })))
    assert.equal(await place('ses_1'), 'pod_b')
    await granted(directory.report(b, load({ headroomRatios: { memory: 0.4 }, leaseMs: 10_000 })))
    assert.equal(await place('ses_2'), 'pod_a')
    clock.advance(6_000)
    await granted(directory.report(b, load({ headroomRatios: { memory: 0.4 }, leaseMs: 10_000 })))
    assert.equal(await place('ses_3'), 'pod_b', 'half of 0.49 is less than 0.4')
  })

  test(`[FD7] ${name}: a member may say what placement goes by; what it measured is listed all the same`, async (t) => {
    const { directory } = await create(t)
    const by = await joined(directory, 'pod_a', { ratedSeats: 10 })
    const claim = (n: number) => refusalOf(directory.claim(asking(by, `ses_${n}`)))
    await granted(directory.report(by, load({ headroomRatios: { cpu: 0 } })))
    assert.equal(await claim(1), 'FLEET_FULL')
    await granted(directory.report(by, load({ headroomRatios: { cpu: 0 }, placingRatio: 0.15 })))
    assert.deepEqual([await claim(1), await claim(2), await claim(3)], ['none', 'none', 'FLEET_FULL'])
    const [status] = await granted(directory.members())
    assert.deepEqual(status?.headroomRatios, { cpu: 0 })
  })

  test(`[FD5] ${name}: a key sticks to its pod while that has room, whoever else comes`, async (t) => {
    const { directory } = await create(t)
    const by = await joined(directory, 'pod_a', { ratedSeats: 3 })
    await joined(directory, 'pod_b', { ratedSeats: 3 })
    await joined(directory, 'pod_c', { ratedSeats: 3 })
    const salt = hash32('tenant/user 7')
    const places = []
    for (let n = 0; n < 4; n++) {
      places.push((await granted(directory.claim(asking(by, `ses_${n}`, { policy: 'sticky', salt })))).memberId)
    }
    assert.equal(new Set(places.slice(0, 3)).size, 1)
    assert.notEqual(places[3], places[0])
  })

  test(`[FD8] ${name}: a refusal says why and when to come again: when the first reservation is over, within bounds`, async (t) => {
    const { directory, clock } = await create(t)
    const by = await joined(directory, 'pod_a', { ratedSeats: 1, leaseMs: 60_000 })
    await granted(directory.claim(asking(by, 'ses_1')))
    const ask = async () => {
      const answer = await directory.claim(asking(by, 'ses_2'))
      assert.ok(!answer.ok && answer.error.code === 'FLEET_FULL')
      assert.match(answer.error.message, /no seat for the session: every seat is taken or reserved/)
      return [answer.error.reason, answer.error.retryAfterMs]
    }
    assert.deepEqual(await ask(), ['seats', MAX_RETRY_AFTER_MS])
    clock.advance(RESERVE_MS - 700)
    assert.deepEqual(await ask(), ['seats', 700])
    clock.advance(650)
    assert.deepEqual(await ask(), ['seats', MIN_RETRY_AFTER_MS])
  })
}
