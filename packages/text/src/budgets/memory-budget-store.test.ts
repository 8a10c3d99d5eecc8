import assert from 'node:assert/strict'
import { test } from 'node:test'
import { err, ok, Scope } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import type { BudgetStore } from './budget-store.ts'
import { LeasedBudget } from './leased-budget.ts'
import { usableLimits } from './limits.ts'
import { MemoryBudgetStore } from './memory-budget-store.ts'
import { budgetStoreContract } from './testing/budget-store-contract.ts'

budgetStoreContract('in memory', async () => {
  const clock = new ManualClock()
  return { clock, store: new MemoryBudgetStore(clock) }
})

const LIMITS = usableLimits({
  requestsPerMinute: 400,
  tokensPerMinute: 40_000,
  partialConcurrency: 8,
  finalConcurrency: 4,
})
const NO_DEMAND = { requestsPerMinute: 0, tokensPerMinute: 0, partials: 0, finals: 0 }

function lease(clock: ManualClock, store: BudgetStore) {
  const scope = new Scope(clock)
  let changes = 0
  const onChange = () => void changes++
  const leased = new LeasedBudget(scope, {
    clock,
    store,
    key: 'openai',
    holder: 'a',
    limits: LIMITS,
    demand: () => NO_DEMAND,
    onChange,
  })
  leased.start()
  return { scope, leased, changes: () => changes }
}

test('[BG9] a pod has nothing before the store has answered, then its slice, and says only what changed', async () => {
  const clock = new ManualClock()
  const { scope, leased, changes } = lease(clock, new MemoryBudgetStore(clock))
  assert.equal(leased.budget.waitMs('final', 1, 0), Number.POSITIVE_INFINITY)
  await clock.advanceAsync(0)
  assert.deepEqual(leased.budget.limits, LIMITS)
  await clock.advanceAsync(5_000, 500)
  assert.equal(changes(), 1)
  await scope.close()
  assert.equal(clock.pendingTimers, 0)
})

test('[BG9] without the store a pod that had nothing takes a quarter, one that had a slice keeps it', async () => {
  const clock = new ManualClock()
  let isThere = false
  const memory = new MemoryBudgetStore(clock)
  const store: BudgetStore = {
    renew: async (key, request) =>
      isThere ? memory.renew(key, request) : err({ code: 'STORE_UNAVAILABLE', message: 'cut' }),
    release: async () => {},
  }
  const { scope, leased } = lease(clock, store)
  await clock.advanceAsync(0)
  assert.equal(leased.isStoreLost, true)
  assert.deepEqual(leased.budget.limits, {
    requestsPerMinute: 90,
    tokensPerMinute: 9_000,
    partialConcurrency: 2,
    finalConcurrency: 1,
  })
  isThere = true
  await clock.advanceAsync(1_000)
  assert.deepEqual([leased.isStoreLost, leased.budget.limits], [false, LIMITS])
  isThere = false
  await clock.advanceAsync(420_000, 1_000)
  assert.deepEqual([leased.isStoreLost, leased.budget.limits], [true, LIMITS])
  await scope.close()
})

/** Two pods over one store that a test cuts off; each takes all it may. */
function twoPods(demands: readonly [number, number]) {
  const clock = new ManualClock()
  const memory = new MemoryBudgetStore(clock)
  const state = { isThere: true }
  const store: BudgetStore = {
    renew: async (key, request) =>
      state.isThere ? memory.renew(key, request) : err({ code: 'STORE_UNAVAILABLE', message: 'cut' }),
    release: async () => {},
  }
  const scope = new Scope(clock)
  const takenAtMs: number[] = []
  const pods = demands.map((requestsPerMinute, n) => {
    const demand = () => ({ ...NO_DEMAND, requestsPerMinute, tokensPerMinute: requestsPerMinute * 10, finals: 1 })
    const options = { clock, store, key: 'openai', holder: `${n}`, limits: LIMITS, demand, sharers: () => 2 }
    const leased = new LeasedBudget(scope, { ...options, onChange: () => {} })
    leased.start()
    return leased
  })
  const wants = [...demands]
  const pass = async (ms: number): Promise<void> => {
    for (let passedMs = 0; passedMs < ms; passedMs += 50) {
      await clock.advanceAsync(50)
      for (const [n, { budget }] of pods.entries()) {
        if ((wants[n] ?? 0) === 0) continue
        while (budget.waitMs('final', 10, clock.nowMs()) === 0) {
          budget.settle(budget.take('final', 10, clock.nowMs()), 10, clock.nowMs())
          takenAtMs.push(clock.nowMs())
        }
      }
    }
  }
  const worstMinute = (): number =>
    Math.max(...takenAtMs.map((from) => takenAtMs.filter((at) => at >= from && at < from + 60_000).length))
  return { clock, scope, pods, state, wants, pass, worstMinute }
}

test('[BG9] without the store two pods take half each, and no minute sees more than a twentieth over the whole; it heals', async () => {
  // One has had nearly all of it; from the loss on both want more than there is.
  const { scope, pods, state, wants, pass, worstMinute } = twoPods([10_000, 0])
  await pass(90_000)
  state.isThere = false
  wants[1] = 10_000
  await pass(2_000)
  const half = LIMITS.requestsPerMinute / 2
  const [busy, idle] = pods.map(({ budget }) => budget.limits.requestsPerMinute) as [number, number]
  assert.deepEqual([busy, pods[0]?.isStoreLost, pods[0]?.sharedAmong], [half, true, 2])
  assert.ok(idle <= half)
  await pass(90_000)
  assert.deepEqual(
    pods.map(({ budget }) => budget.limits.requestsPerMinute),
    [half, half],
  )
  state.isThere = true
  await pass(60_000)
  assert.deepEqual([pods[0]?.isStoreLost, pods[0]?.sharedAmong], [false, undefined])
  const worst = worstMinute()
  assert.ok(worst <= LIMITS.requestsPerMinute * 1.05, `${worst} of ${LIMITS.requestsPerMinute}`)
  assert.ok(worst >= LIMITS.requestsPerMinute * 0.8, `${worst}: they never took what there is`)
  await scope.close()
})

test('[BG9] a store that hangs is as one that does not answer; a late answer is not asked for again meanwhile', async () => {
  const clock = new ManualClock()
  let asked = 0
  const store: BudgetStore = {
    renew: () => {
      asked++
      return asked === 1 ? new Promise(() => {}) : Promise.resolve(ok(LIMITS))
    },
    release: async () => {},
  }
  const { scope, leased } = lease(clock, store)
  await clock.advanceAsync(1_900, 100)
  assert.equal(asked, 1)
  await clock.advanceAsync(200, 100)
  assert.equal(leased.isStoreLost, true)
  await clock.advanceAsync(1_000, 100)
  assert.deepEqual([asked, leased.budget.limits], [2, LIMITS])
  await scope.close()
})
