import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluatePlan } from '../evaluate.ts'
import { assertClaims, changed, examplePlan, textOf } from './read-golden.ts'

const plan = examplePlan('voice-exam')
const result = evaluatePlan(plan)

test('voice exam: the server table', () => {
  const limits = Object.fromEntries(result.resources.map(({ name, limit }) => [name, [limit.low, limit.high]]))
  assert.deepEqual(limits, {
    cpu: [40, 80],
    memory: [160, 320],
    descriptors: [10_922, 16_384],
    network: [10_000, 10_000],
  })
  assert.equal(result.binding, 'cpu')
})

test('voice exam: 10 to 20% of the users at the same time', () => {
  for (const [users, low, high] of [
    [50, 5, 10],
    [100, 10, 20],
    [500, 50, 100],
    [1000, 100, 200],
  ] as const) {
    const { load } = evaluatePlan(changed(plan, { users: `${users} users` })).tiers[0] ?? {}
    assert.deepEqual([load?.low, load?.high], [low, high])
  }
})

test('voice exam: stages say what each number of users needs', () => {
  const stages = result.stages.map(({ name, tiers }) => [name, tiers[0]?.machine, textOf(tiers[0]?.needed)])
  assert.deepEqual(stages, [
    ['0-100 users', 'ccx23', '1 instance'],
    ['100-500 users', 'ccx33', '1 instance (1..2)'],
    ['500-2000 users', 'ccx23', '6 instances (3..10)'],
  ])
  assert.equal(result.stages[2]?.tiers[0]?.sufficient, false, 'two servers do not carry 2,000 users')
})

test('voice exam: bought speech for $1,080, and what own GPUs for as many really cost', () => {
  const gpu = result.tiers[1]
  assert.equal(textOf(gpu?.needed), '9 instances (5..14)')
  assert.deepEqual([gpu?.cost?.low, gpu?.cost?.high], [500, 1680])
  const bought = result.quantities.find(({ name }) => name === 'bought-speech')
  assert.equal(textOf(bought), '1,080 USD/month')
  assert.deepEqual([result.costs?.revenue?.low, result.costs?.revenue?.high], [5400, 6000])
})

test('voice exam: own speech first becomes cheaper where the second GPU is paid for', () => {
  const [first] = result.breakEven[0]?.crossings ?? []
  assert.equal(result.breakEven[0]?.cheapestAtStart, 'bought')
  assert.equal(first?.to, 'own')
  assert.equal(Number(first?.at.typical?.toPrecision(4)), 222.2)
})

test('voice exam: what its authors claim', () => {
  assertClaims(plan, [
    { claim: 'RAM 16 GB', slip: 'unstatedReserve', right: '213 sessions (160..320)' },
    { claim: 'CPU 4 cores', slip: 'rangeEnd', right: '53 sessions (40..80)' },
    { claim: 'CCX33 carries', slip: 'unstatedReserve', right: '106 sessions (80..160)' },
    { claim: '~20-40 concurrent', slip: 'unstatedReserve', right: '53 sessions (40..80)' },
    { claim: '~40-60 concurrent', slip: 'rangeEnd', right: '53 sessions (40..80)' },
    { claim: 'Total users supported', slip: 'rangeEnd' },
    { claim: 'The GPU is busy', slip: 'basePeriod', about: 'exam-length', right: '3 min/h', factor: 1.5 },
    { claim: 'L4: ~15-20 sessions', slip: 'wouldHold', about: 'peak', factor: 10 },
    { claim: 'Self-hosted on an L4', slip: 'leftOut', about: 'gpu.instances', right: '1,080 USD/month (500..1,680)' },
    { claim: 'Self-hosted: ~2%', slip: 'contradiction', about: 'claim 27' },
    { claim: 'Net savings', slip: 'contradiction', about: 'claim 27' },
    { claim: 'GPU switch point', slip: 'contradiction' },
    { claim: 'Aim to switch', slip: 'contradiction' },
  ])
})
