import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@parley/kernel'
import fc from 'fast-check'
import { hash32 } from './hash.ts'
import { pickSeat, SEAT_POLICIES, type SeatCandidate, seatScore } from './seats.ts'

interface Pod extends SeatCandidate {
  readonly id: string
}

const pod = (id: string, extra: Partial<SeatCandidate> = {}): Pod => ({
  id,
  hash: hash32(id),
  isServing: true,
  ratedSeats: 10,
  takenSeats: 0,
  headroomRatio: 1,
  warmingSeats: 0,
  ageMs: 0,
  ...extra,
})

const anyFleet = fc
  .array(
    fc.record({
      isServing: fc.boolean(),
      ratedSeats: fc.nat(12),
      takenSeats: fc.nat(14),
      headroomRatio: fc.integer({ min: 0, max: 10 }).map((tenths) => tenths / 10),
      warmingSeats: fc.nat(3),
      ageMs: fc.nat(20_000),
    }),
    { maxLength: 8 },
  )
  .map((all) => all.map((each, n) => pod(`pod_${n}`, each)))

const able = ({ isServing, ratedSeats, takenSeats, headroomRatio, warmingSeats }: SeatCandidate): boolean =>
  isServing && takenSeats < ratedSeats && headroomRatio - warmingSeats / ratedSeats > 0

test('[PSE1] property: none is picked that drains, is full or has used up a resource, and one is if there is one, whatever the order', () => {
  fc.assert(
    fc.property(
      anyFleet,
      fc.constantFrom(...SEAT_POLICIES),
      fc.integer({ min: 0, max: 0xffffffff }),
      (fleet, policy, salt) => {
        const { picked } = pickSeat(fleet, policy, salt)
        assert.equal(picked === undefined, !fleet.some(able))
        if (picked) assert.ok(able(picked))
        assert.equal(pickSeat([...fleet].reverse(), policy, salt).picked, picked)
      },
    ),
    { numRuns: 500 },
  )
})

test('[PSE1] when none is picked the reason is what would have to change', () => {
  const reason = (...pods: Pod[]) => pickSeat(pods, 'mostHeadroom', 0).reason
  assert.equal(reason(), 'noMember')
  assert.equal(reason(pod('a', { isServing: false })), 'draining')
  assert.equal(reason(pod('a', { isServing: false }), pod('b', { takenSeats: 10 })), 'seats')
  assert.equal(reason(pod('a', { takenSeats: 10 }), pod('b', { headroomRatio: 0 })), 'overloaded')
})

test('[PSE2] the most headroom is that of seats or of the scarcest resource, less what warms up, less when the report is old', () => {
  const pick = (...pods: Pod[]) => pickSeat(pods, 'mostHeadroom', 7).picked?.id
  assert.equal(pick(pod('small', { ratedSeats: 2 }), pod('large', { ratedSeats: 20, takenSeats: 1 })), 'small')
  assert.equal(pick(pod('a', { headroomRatio: 0.4 }), pod('b', { takenSeats: 5 })), 'b')
  assert.equal(pick(pod('a', { headroomRatio: 0.6 }), pod('b', { takenSeats: 5 })), 'a')
  assert.equal(pick(pod('a', { headroomRatio: 0.6, warmingSeats: 2 }), pod('b', { takenSeats: 5 })), 'b')
  assert.equal(pick(pod('old', { ageMs: 6_000 }), pod('fresh', { takenSeats: 4 })), 'fresh')
  assert.equal(
    pick(pod('small', { ratedSeats: 2 }), pod('large', { ratedSeats: 20 })),
    'large',
    'of equals the one with more',
  )
  assert.equal(seatScore(pod('a', { ageMs: 6_000, takenSeats: 5 })), 0.25)
})

test('[PSE2] equals are drawn by the salt, each about as often', () => {
  const pods = ['a', 'b', 'c'].map((id) => pod(id))
  const random = seededRandom(3)
  const counts = new Map<string, number>()
  for (let n = 0; n < 3_000; n++) {
    const { id } = pickSeat(pods, 'mostHeadroom', Math.floor(random() * 2 ** 32)).picked as Pod
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  for (const count of counts.values()) assert.ok(count > 850 && count < 1_150, JSON.stringify([...counts]))
})

test('[PSE3] two choices never takes the worse of its two, and reaches all but the worst', () => {
  const pods = [pod('a', { takenSeats: 3 }), pod('b', { takenSeats: 2 }), pod('c', { takenSeats: 1 })]
  const random = seededRandom(7)
  const draw = () => pickSeat(pods, 'twoChoices', Math.floor(random() * 2 ** 32)).picked?.id
  const picked = Array.from({ length: 300 }, draw)
  assert.equal(picked.includes('a'), false)
  const best = picked.filter((id) => id === 'c').length
  assert.ok(best > 160 && best < 240, `${best} of 300: two of three draws have it`)
})

test('[PSE4] property: a key keeps its pod while others fill, drain, come and go; a full one is passed over', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 2, max: 8 }), fc.array(fc.nat(7)), (key, size, gone) => {
      const fleet = Array.from({ length: size }, (_, n) => pod(`pod_${n}`))
      const pick = (pods: readonly Pod[]) => pickSeat(pods, 'sticky', hash32(key)).picked
      const home = pick(fleet)
      assert.equal(pick(fleet.filter((each, n) => each === home || !gone.includes(n))), home)
      assert.notEqual(pick(fleet.map((each) => (each === home ? { ...each, takenSeats: 10 } : each)))?.id, home?.id)
    }),
  )
})

test('[PSE4] keys spread evenly', () => {
  const fleet = ['a', 'b', 'c', 'd'].map((id) => pod(id))
  const counts = new Map<string, number>()
  for (let n = 0; n < 4_000; n++) {
    const { id } = pickSeat(fleet, 'sticky', hash32(`tenant/user-${n}`)).picked as Pod
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  for (const count of counts.values()) assert.ok(count > 850 && count < 1_150, JSON.stringify([...counts]))
})
