import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { seededRandom } from '@parley/kernel'
import { Budget, type BudgetLimits, type BudgetStore, MemoryBudgetStore, usableLimits } from '@parley/text'
import { budgetStoreContract } from '@parley/text/testing'
import { RedisRig } from '../testing/directory-rig.ts'
import { RedisBudgets } from './redis-budgets.ts'

const rig = new RedisRig()
after(() => rig.stop())

budgetStoreContract('in Redis', async (t) => {
  const { directory, clock } = await rig.subject(t)
  return { clock, store: new RedisBudgets(directory.link) satisfies BudgetStore }
})

const LIMITS = usableLimits({ requestsPerMinute: 500, tokensPerMinute: 100_000, finalConcurrency: 3 })
const FIELDS = Object.keys(LIMITS) as (keyof BudgetLimits)[]

test('[BG8] in Redis: random holders get the same slices as in memory, to the last digit but one', async (t) => {
  const { directory, clock } = await rig.subject(t)
  const [redis, memory] = [new RedisBudgets(directory.link), new MemoryBudgetStore(clock)]
  const random = seededRandom(5)
  // Both list holders in the same order from the start; who is cut by a tie depends on it.
  const pods = ['a', 'b', 'c', 'd']
  for (let n = 0; n < 400; n++) {
    const holder = n < pods.length ? (pods[n] as string) : (pods[Math.floor(random() * pods.length)] as string)
    const wants = Math.floor(random() * 400)
    const demand = { requestsPerMinute: wants, tokensPerMinute: wants * 250, partials: wants % 6, finals: wants % 3 }
    const request = { holder, limits: LIMITS, demand, leaseMs: 600_000 }
    const answers = await Promise.all([redis.renew('openai', request), memory.renew('openai', request)])
    const [one, other] = answers.map((answer) => (answer.ok ? answer.value : LIMITS)) as [BudgetLimits, BudgetLimits]
    for (const field of FIELDS)
      assert.ok(Math.abs(one[field] - other[field]) < 1e-6, `${n} ${field}: ${one[field]}, ${other[field]}`)
    clock.advance(500)
  }
})

test('[BG8] in Redis: three pods that come, work and go take no more than 5 % over the limit in any minute', async (t) => {
  const { directory, clock } = await rig.subject(t)
  const store = new RedisBudgets(directory.link)
  const random = seededRandom(9)
  const pods = ['a', 'b', 'c'].map((holder) => ({
    holder,
    budget: new Budget({ ...LIMITS, requestsPerMinute: 0 }, 0),
    wants: 0,
  }))
  const takenAtMs: number[] = []
  for (let second = 0; second < 240; second++) {
    for (const pod of pods) {
      if (random() < 0.05) pod.wants = Math.floor(random() * 3) * 1_000
      const demand = { requestsPerMinute: pod.wants, tokensPerMinute: pod.wants * 100, partials: 5, finals: 2 }
      const answer = await store.renew('openai', { holder: pod.holder, limits: LIMITS, demand, leaseMs: 5_000 })
      assert.ok(answer.ok)
      pod.budget.setLimits(answer.value, clock.nowMs())
    }
    for (let tick = 0; tick < 20; tick++) {
      clock.advance(50)
      for (const { budget, wants } of pods) {
        if (random() * 1_200 > wants || budget.waitMs('final', 100, clock.nowMs()) > 0) continue
        budget.settle(budget.take('final', 100, clock.nowMs()), 100, clock.nowMs())
        takenAtMs.push(clock.nowMs())
      }
    }
  }
  const inMinuteFrom = (fromMs: number) => takenAtMs.filter((atMs) => atMs >= fromMs && atMs < fromMs + 60_000).length
  const worst = Math.max(...takenAtMs.map(inMinuteFrom))
  t.diagnostic(`worst minute: ${worst} of ${LIMITS.requestsPerMinute}`)
  assert.ok(worst <= LIMITS.requestsPerMinute * 1.05, `${worst}`)
  assert.ok(worst >= LIMITS.requestsPerMinute * 0.7, `${worst}: they never wanted more than there is`)
})

test('[BG9] in Redis: while it is away the failure comes at once, and giving back does not fail', async (t) => {
  const own = new RedisRig()
  const { directory } = await own.subject(t)
  const store = new RedisBudgets(directory.link)
  await own.stop()
  const demand = { requestsPerMinute: 1, tokensPerMinute: 1, partials: 1, finals: 1 }
  const answer = await store.renew('openai', { holder: 'a', limits: LIMITS, demand, leaseMs: 5_000 })
  assert.ok(!answer.ok && answer.error.code === 'STORE_UNAVAILABLE')
  await store.release('openai', 'a')
})
