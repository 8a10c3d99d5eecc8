// What every store of shared budgets must do, on a clock that the test moves.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { seededRandom } from '@parley/kernel'
import type { ManualClock } from '@parley/kernel/testing'
import type { BudgetDemand, BudgetStore, LeaseRequest } from '../budget-store.ts'
import { type BudgetLimits, NO_LIMITS } from '../limits.ts'

export interface BudgetStoreSubject {
  readonly store: BudgetStore
  readonly clock: ManualClock
}

const LIMITS: BudgetLimits = {
  requestsPerMinute: 450,
  tokensPerMinute: 90_000,
  partialConcurrency: 5,
  finalConcurrency: 2,
}
const NO_DEMAND: BudgetDemand = { requestsPerMinute: 0, tokensPerMinute: 0, partials: 0, finals: 0 }
const BUSY: BudgetDemand = { requestsPerMinute: 1e6, tokensPerMinute: 1e9, partials: 50, finals: 50 }
const FIELDS = Object.keys(LIMITS) as (keyof BudgetLimits)[]

/** Asks as pod `holder`; throws when the store does not answer. */
async function renew(
  { store }: BudgetStoreSubject,
  holder: string,
  demand = NO_DEMAND,
  more: Partial<LeaseRequest> = {},
): Promise<BudgetLimits> {
  const answer = await store.renew('openai', { holder, limits: LIMITS, demand, leaseMs: 5_000, ...more })
  if (!answer.ok) throw new Error(answer.error.message)
  return answer.value
}

export function budgetStoreContract(name: string, create: (t: TestContext) => Promise<BudgetStoreSubject>): void {
  test(`[BG8] ${name}: who is alone has all of it, whatever it wants; no limit stays none`, async (t) => {
    const subject = await create(t)
    assert.deepEqual(await renew(subject, 'a'), LIMITS)
    assert.deepEqual(await renew(subject, 'a', BUSY), LIMITS)
    const unlimited = await subject.store.renew('free', {
      holder: 'a',
      limits: NO_LIMITS,
      demand: BUSY,
      leaseMs: 5_000,
    })
    assert.deepEqual(unlimited, { ok: true, value: NO_LIMITS })
  })

  test(`[BG8] ${name}: a newcomer gets its part when the others have given it back`, async (t) => {
    const subject = await create(t)
    await renew(subject, 'a', BUSY)
    assert.equal((await renew(subject, 'b', BUSY)).requestsPerMinute, 0)
    assert.equal((await renew(subject, 'a', BUSY)).requestsPerMinute, 225)
    const { requestsPerMinute, tokensPerMinute, partialConcurrency } = await renew(subject, 'b', BUSY)
    assert.deepEqual([requestsPerMinute, tokensPerMinute], [225, 45_000])
    assert.ok(partialConcurrency === 2 || partialConcurrency === 3, 'of five')
  })

  test(`[BG8] ${name}: who wants little gets that and a part of what nobody wants; the busy one the rest`, async (t) => {
    const subject = await create(t)
    const modest = { ...NO_DEMAND, requestsPerMinute: 50 }
    for (let round = 0; round < 3; round++) {
      await renew(subject, 'a', modest)
      await renew(subject, 'b', BUSY)
    }
    assert.equal((await renew(subject, 'a', modest)).requestsPerMinute, 50)
    assert.equal((await renew(subject, 'b', BUSY)).requestsPerMinute, 400)
  })

  test(`[BG8] ${name}: two places among three busy pods go round, and none is without one for long`, async (t) => {
    const subject = await create(t)
    const held = { a: 0, b: 0, c: 0 }
    for (let round = 0; round < 60; round++) {
      subject.clock.advance(1_000)
      for (const pod of ['a', 'b', 'c'] as const) held[pod] += (await renew(subject, pod, BUSY)).finalConcurrency
    }
    const total = held.a + held.b + held.c
    assert.ok(total <= 120 && total >= 60, JSON.stringify(held))
    for (const places of Object.values(held)) assert.ok(places >= total / 6, JSON.stringify(held))
  })

  test(`[BG9] ${name}: what a dead pod held is the others' after its lease, and at once when it left`, async (t) => {
    const subject = await create(t)
    for (let round = 0; round < 2; round++) for (const pod of ['a', 'b']) await renew(subject, pod, BUSY)
    subject.clock.advance(4_999)
    assert.equal((await renew(subject, 'a', BUSY)).requestsPerMinute, 225)
    subject.clock.advance(2)
    assert.deepEqual(await renew(subject, 'a', BUSY), LIMITS)
    await renew(subject, 'b', BUSY)
    await renew(subject, 'a', BUSY)
    await subject.store.release('openai', 'b')
    await subject.store.release('openai', 'nobody')
    assert.deepEqual(await renew(subject, 'a', BUSY), LIMITS)
  })

  test(`[BG8] ${name}: whoever asks, leaves and dies when, the slices together never exceed the whole`, async (t) => {
    const subject = await create(t)
    const random = seededRandom(11)
    const slices = new Map<string, { slice: BudgetLimits; untilMs: number }>()
    for (let n = 0; n < 2_000; n++) {
      const pod = `pod ${Math.floor(random() * 6)}`
      const wants = Math.floor(random() * 300)
      const demand = { requestsPerMinute: wants, tokensPerMinute: wants * 300, partials: wants % 7, finals: wants % 4 }
      if (random() < 0.05) {
        await subject.store.release('openai', pod)
        slices.delete(pod)
      } else if (random() < 0.7) {
        slices.set(pod, { slice: await renew(subject, pod, demand), untilMs: subject.clock.nowMs() + 5_000 })
      } else subject.clock.advance(Math.floor(random() * 2_000))
      for (const field of FIELDS) {
        const live = [...slices.values()].filter(({ untilMs }) => untilMs > subject.clock.nowMs())
        const sum = live.reduce((total, { slice }) => total + slice[field], 0)
        assert.ok(sum <= LIMITS[field] + 1e-6, `${field}: ${sum} of ${LIMITS[field]}`)
      }
    }
  })
}
