import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluatePlan } from '../evaluate.ts'
import { assertClaims, examplePlan, textOf } from './read-golden.ts'

const plan = examplePlan('speech-cluster')
const result = evaluatePlan(plan)

test('speech cluster: connections and users by number of instances', () => {
  const rows = result.stages.map(({ name, tiers }) => {
    const asr = tiers.find((tier) => tier.name === 'asr')
    return [name, (asr?.limit?.typical ?? 0) * (asr?.instances?.typical ?? 0), textOf(asr?.capacity)]
  })
  assert.deepEqual(rows, [
    ['2 + 2', 100, '70 users (60..80)'],
    ['4 + 4', 200, '140 users (120..160)'],
    ['6 + 6', 300, '210 users (180..240)'],
  ])
})

test('speech cluster: memory of the GPUs fits, their time does not', () => {
  const used = result.stages.map(({ tiers }) => textOf(tiers.find((tier) => tier.name === 'gpu0')?.load))
  assert.deepEqual(used, ['2 asr-instances', '4 asr-instances', '6 asr-instances'])
  const gpu = result.tiers.find((tier) => tier.name === 'gpu0')
  assert.equal(gpu?.binding, 'gpu')
  assert.deepEqual([gpu?.limit?.low, gpu?.limit?.high], [3, 5])
  const fits = result.stages.map(({ tiers }) => tiers.find((tier) => tier.name === 'gpu0')?.sufficient)
  assert.deepEqual(fits, [true, true, false])
  const vram = result.quantities.find(({ name }) => name === 'vram-used')
  assert.equal(textOf(vram), '5.3 GB (3.6..7)')
})

test('speech cluster: what its authors claim', () => {
  const wrong = [
    { claim: 'VRAM usage: 4-6 GB', slip: 'rangeEnd', right: '5.3 GB (3.6..7)' },
    {
      claim: '4 + 4 = 100-150 realistic',
      slip: 'wouldHold',
      about: 'asr.reserve.comfort.share',
      right: '140 users (120..160)',
    },
    { claim: '4 + 4: GPU utilisation', slip: 'rangeEnd', right: '100% gpu (80..120)' },
    { claim: 'Six instances fit', slip: 'wouldHold' },
    { claim: 'Each GPU can handle', slip: 'wouldHold', about: 'share-of-gpu', right: '4 asr-instances (3..5)' },
    { claim: 'Ready for 100+', slip: 'missingReserve', about: 'asr.reserve.comfort', right: '70 users (60..80)' },
  ] as const
  assertClaims(plan, wrong, ['4 + 4 requires ~12 GB'])
})
