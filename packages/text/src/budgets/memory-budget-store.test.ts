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
