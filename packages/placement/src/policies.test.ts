import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@parley/kernel'
import fc from 'fast-check'
import { type Candidate, eligible, freeSlots } from './candidate.ts'
import { leastConnections, sticky, twoChoices } from './policies.ts'

const candidate = (id: string, extra: Partial<Candidate> = {}): Candidate => ({
  id,
  slots: 4,
  used: 0,
  reserved: 0,
  state: 'ready',
  standing: 'in',
  ageMs: 0,
  ...extra,
})

const anyCandidate = fc.record({
  slots: fc.integer({ min: 0, max: 12 }),
  used: fc.integer({ min: 0, max: 14 }),
  reserved: fc.integer({ min: 0, max: 3 }),
  state: fc.constantFrom('loading', 'ready', 'ready', 'ready', 'draining', 'overloaded'),
  standing: fc.constantFrom('in', 'in', 'trial', 'out'),
  ageMs: fc.integer({ min: 0, max: 20_000 }),
})
const anyFleet = fc
  .array(anyCandidate, { maxLength: 8 })
  .map((all) => all.map((each, n): Candidate => ({ id: `wrk_${n}`, ...each }) as Candidate))

type Pick = (candidates: readonly Candidate[], turn: number) => Candidate | undefined
const PICKS: Readonly<Record<string, Pick>> = {
  leastConnections,
  sticky: (candidates, turn) => sticky(candidates, `key ${turn}`),
  twoChoices: (candidates, turn) => twoChoices(candidates, seededRandom(turn)),
}

/** Takes `count` slots one after another; returns how many each id got. */
function burst(fleet: readonly Candidate[], pick: Pick, count: number): Map<string, number> {
  const got = new Map(fleet.map(({ id }) => [id, 0]))
  for (let turn = 0; turn < count; turn++) {
    const now = fleet.map((each) => ({ ...each, reserved: each.reserved + (got.get(each.id) as number) }))
    const picked = pick(now, turn)
    if (!picked) break
    got.set(picked.id, (got.get(picked.id) as number) + 1)
  }
  return got
}

for (const [name, pick] of Object.entries(PICKS)) {
  test(`[PL1] property: ${name} picks none that is full, loading, draining, overloaded or out, and one if there is one`, () => {
    fc.assert(
      fc.property(anyFleet, fc.nat(), (fleet, turn) => {
        const picked = pick(fleet, turn)
        const able = fleet.filter(({ state, slots }) => state === 'ready' && slots > 0)
        const trusted = able.filter(({ standing }) => standing !== 'out')
        const may = (trusted.length > 0 ? trusted : able).filter((each) => each.slots > each.used + each.reserved)
        assert.equal(picked === undefined, may.length === 0)
        if (picked) assert.ok(may.includes(picked))
      }),
      { numRuns: 500 },
    )
  })

  test(`[PL1] property: a burst by ${name} takes exactly the slots that may be taken, and no worker's more than it has`, () => {
    fc.assert(
      fc.property(anyFleet, fc.integer({ min: 0, max: 120 }), (fleet, count) => {
        const got = burst(fleet, pick, count)
        const room = eligible(fleet).reduce((sum, each) => sum + freeSlots(each), 0)
        assert.equal(
          [...got.values()].reduce((sum, n) => sum + n, 0),
          Math.min(count, room),
        )
        for (const each of fleet) assert.ok((got.get(each.id) as number) <= freeSlots(each))
      }),
    )
  })
}

test('[PL2] the gate counts as soon as one worker passes it, even a full one, and not at all when none does', () => {
  const doubtful = candidate('doubtful', { standing: 'out' })
  assert.equal(leastConnections([doubtful], 0), doubtful)
  assert.equal(leastConnections([doubtful, candidate('full', { used: 4 })], 0), undefined)
  assert.equal(leastConnections([doubtful, candidate('draining', { state: 'draining' })], 0), doubtful)
  assert.equal(leastConnections([doubtful, candidate('tried', { standing: 'trial', used: 3 })], 0)?.id, 'tried')
})

test('[PL2] a stream that waits with its audio takes a doubtful worker, but only when no trusted one has room', () => {
  const doubtful = candidate('doubtful', { standing: 'out' })
  const [full, free] = [candidate('full', { used: 4 }), candidate('free', { used: 3 })]
  assert.deepEqual(eligible([doubtful, full], true), [doubtful])
  assert.deepEqual(eligible([doubtful, full, free], true), [free])
  assert.deepEqual(eligible([doubtful, full]), [])
  assert.deepEqual(eligible([candidate('x', { standing: 'out', state: 'draining' }), full], true), [])
})

test('[PL3] the largest share goes first, so that workers of different sizes fill together', () => {
  const fleet = [candidate('small', { slots: 2 }), candidate('large', { slots: 8 })]
  assert.equal(leastConnections(fleet, 0)?.id, 'large')
  assert.deepEqual(Object.fromEntries(burst(fleet, leastConnections, 5)), { small: 1, large: 4 })
  assert.equal(leastConnections([candidate('a', { slots: 4, used: 2 }), candidate('b', { slots: 2 })], 0)?.id, 'b')
})

test('[PL3] equals take turns, and the same turn gives the same pick', () => {
  const fleet = [candidate('a'), candidate('b'), candidate('c')]
  assert.deepEqual(
    [0, 1, 2, 3].map((turn) => leastConnections(fleet, turn)?.id),
    ['a', 'b', 'c', 'a'],
  )
  assert.deepEqual(Object.fromEntries(burst(fleet, leastConnections, 9)), { a: 3, b: 3, c: 3 })
})

test('[PL3] property: a burst leaves no two workers further apart than one stream of the smaller', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 2, maxLength: 6 }),
      fc.nat(60),
      (sizes, count) => {
        const fleet = sizes.map((slots, n) => candidate(`wrk_${n}`, { slots }))
        const got = burst(fleet, leastConnections, count)
        const shares = fleet.map(({ id, slots }) => ({ slots, share: (got.get(id) as number) / slots }))
        for (const one of shares) {
          for (const other of shares) assert.ok(one.share - other.share <= 1 / Math.min(one.slots, other.slots) + 1e-9)
        }
      },
    ),
  )
})

test('[PL4] an old report counts for less, in proportion to its age', () => {
  const old = candidate('old', { ageMs: 6_000 })
  assert.equal(leastConnections([old, candidate('fresh', { used: 1 })], 0)?.id, 'fresh')
  assert.equal(leastConnections([old, candidate('fresh', { used: 3 })], 0)?.id, 'old', 'half of all beats a quarter')
  assert.equal(leastConnections([candidate('a', { ageMs: 2_900 }), candidate('b', { used: 1 })], 0)?.id, 'a')
  assert.equal(leastConnections([old], 0), old, 'better than none')
})

test('[PL5] property: a key keeps its worker while others fill, drain, come and go; a full one is passed over', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 2, max: 8 }), fc.array(fc.nat(7)), (key, size, gone) => {
      const fleet = Array.from({ length: size }, (_, n) => candidate(`wrk_${n}`))
      const home = sticky(fleet, key) as Candidate
      const fewer = fleet.filter((each, n) => each === home || !gone.includes(n))
      assert.equal(sticky(fewer, key), home)
      assert.equal(sticky([...fewer].reverse(), key), home)
      const full = fleet.map((each) => (each === home ? { ...each, used: 4 } : each))
      assert.notEqual(sticky(full, key)?.id, home.id)
    }),
  )
})

test('[PL5] keys spread evenly, also those that look alike', () => {
  const fleet = ['a', 'b', 'c', 'd'].map((id) => candidate(id))
  const counts = new Map<string, number>()
  for (let n = 0; n < 4_000; n++) {
    const id = (sticky(fleet, `tenant/user-${n}`) as Candidate).id
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  for (const count of counts.values()) assert.ok(count > 850 && count < 1_150, JSON.stringify([...counts]))
})

test('[PL6] two choices never takes the worse of its two, and reaches every worker', () => {
  const fleet = [candidate('a', { used: 3 }), candidate('b', { used: 2 }), candidate('c', { used: 1 })]
  const random = seededRandom(7)
  const picked = Array.from({ length: 300 }, () => (twoChoices(fleet, random) as Candidate).id)
  assert.equal(picked.includes('a'), false, 'it is worse than either of the others')
  assert.ok(picked.filter((id) => id === 'c').length > 150)
  assert.ok(picked.includes('b'))
  assert.equal(twoChoices([fleet[0] as Candidate], random)?.id, 'a')
})
