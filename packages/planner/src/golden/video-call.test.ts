import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluatePlan } from '../evaluate.ts'
import { assertClaims, examplePlan, textOf } from './read-golden.ts'

const plan = examplePlan('video-call')
const result = evaluatePlan(plan)
const MONTHS = [1, 6, 12, 24, 36]

test('video call: baseline, year 1 and target', () => {
  const rows = result.stages.map(({ name, tiers }) => {
    const tier = (wanted: string) => tiers.find((each) => each.name === wanted)
    return [name, tier('media')?.load?.typical, tier('media')?.needed?.typical, tier('gateway')?.capacity?.typical]
  })
  assert.deepEqual(rows, [
    ['launch', 100, 2, 2000],
    ['year 1', 1000, 12, 5000],
    ['target', 5000, 60, 5000],
  ])
})

test('video call: growth over 36 months, and what the media servers would have to be', () => {
  const months = result.growth.filter(({ month }) => MONTHS.includes(month))
  const grown = (name: string) => months.map((month) => month.grown[name]?.typical)
  assert.deepEqual(grown('daily-users'), [1000, 5000, 20_000, 50_000, 100_000])
  assert.deepEqual(grown('calls'), [50, 200, 500, 1000, 2000])
  assert.deepEqual(grown('participants'), [150, 600, 1500, 3000, 6000])
  const instances = (tier: string) => months.map((month) => month.instances[tier]?.typical)
  assert.deepEqual(instances('gateway'), [2, 3, 5, 8, 12])
  assert.deepEqual(instances('media'), [2, 5, 10, 20, 30])
  assert.deepEqual(instances('turn'), [1, 2, 3, 5, 8])
  assert.deepEqual(
    months.map((month) => month.shown['media.needed']?.typical),
    [2, 8, 18, 36, 72],
  )
  assert.deepEqual(
    months.map((month) => month.shown['participants / calls']?.typical),
    [3, 3, 3, 3, 3],
  )
})

test('video call: the cost table adds up to $4,421', () => {
  const lines = Object.fromEntries(result.costs?.lines.map(({ name, cost }) => [name, cost.typical]) ?? [])
  assert.deepEqual(lines, { gateway: 185, media: 1530, mongo: 450, redis: 150, turn: 306, egress: 1800 })
  assert.equal(textOf(result.costs?.beforeSavings), '4,421 USD/month')
})

test('video call: savings in their order, each from what is left', () => {
  const savings = result.costs?.savings.map(({ name, from, saves, left }) =>
    [name, from.typical, saves.typical, left.typical].map((value) =>
      typeof value === 'number' ? Math.round(value) : value,
    ),
  )
  assert.deepEqual(savings, [
    ['peer-to-peer', 1530, 1530, 2891],
    ['spot', 0, 0, 2891],
    ['reserved', 635, 254, 2637],
    ['auto-scaling', 837, 251, 2386],
  ])
  assert.equal(textOf(result.costs?.total), '2,386 USD/month')
  const per = Object.fromEntries(result.costs?.unitCosts.map(({ name, cost }) => [name, cost.text]) ?? [])
  assert.deepEqual(per, { 'participant-hour': '0.00331 USD/participant-hour', 'call-hour': '0.0133 USD/call-hour' })
})

test('video call: the goal per call-hour and the connection time are met', () => {
  const verdicts = result.objectives.map(({ name, verdict }) => [name, verdict])
  assert.deepEqual(verdicts, [
    ['call-hour', 'met'],
    ['connection-time', 'met'],
  ])
})

test('video call: what its authors claim about growth, capacity and the database', () => {
  assertClaims(plan, [...GROWTH, ...CAPACITY, ...MONEY])
})

const GROWTH = [
  { claim: '3x annual growth (calls, second', slip: 'wouldHold', right: '2', factor: 1.5 },
  { claim: '3x annual growth (calls, third', slip: 'wouldHold', right: '2', factor: 1.5 },
  { claim: '3x annual growth (users, second', slip: 'wouldHold', right: '2.5', factor: 1.2 },
  { claim: '3x annual growth (users, third', slip: 'wouldHold', right: '2', factor: 1.5 },
  { claim: '<100ms media routing', slip: 'contradiction', about: 'claim 6' },
  { claim: 'Media latency (SFU)', slip: 'contradiction', about: 'claim 5' },
  { claim: '100 concurrent participants (50 calls)', slip: 'contradiction' },
  { claim: '25 active calls x 4 avg', slip: 'contradiction' },
  { claim: '150 participants in 50 calls', slip: 'contradiction' },
  { claim: '1,000 concurrent calls, 5,000', slip: 'contradiction' },
] as const

const CAPACITY = [
  { claim: '100 x 1.5 Mbps x 2', slip: 'leftOut', about: 'others', right: '600 Mbps', factor: 0.5 },
  { claim: 'Bandwidth: <500 Mbps', slip: 'wouldHold' },
  { claim: '5,000 / 100 = 50', slip: 'missingReserve', about: 'media.buffer.growth', right: '60 instances' },
  { claim: 'Year 1: 10 media', slip: 'otherQuantity', right: '18 instances' },
  { claim: 'Year 1: 1,000 concurrent', slip: 'otherQuantity', about: 'participants', right: '1,500 participants' },
  { claim: 'At most 100 participants', slip: 'wouldHold', months: [6, 12, 24, 36] },
  { claim: 'maxReplicas: 20 (over', slip: 'wouldHold', months: [36] },
  { claim: 'maxReplicas: 20 (at', slip: 'wouldHold' },
  { claim: '1 replica set sufficient (reads of', slip: 'wouldHold', months: [36] },
  { claim: '5-node replica set', slip: 'wouldHold', right: '3 instances' },
] as const

const MONEY = [
  { claim: 'The cost per participant-hour meets', slip: 'unit', about: 'per-call' },
  { claim: 'Cost per participant-hour: $0.15', slip: 'basePeriod', right: '0.00614 USD/participant/h', factor: 24.4 },
  { claim: '~20 TB/month for 1000', slip: 'basePeriod', right: '486 TB/month', factor: 0.0412 },
  { claim: 'The traffic costs', slip: 'otherQuantity', about: 'cost.egress', right: '43,740 USD/month' },
  { claim: 'Media servers from 50 to 10', slip: 'rangeEnd', right: '12.5 instances (10..15)' },
  { claim: '50 -> 10 media servers saves', slip: 'wouldHold', right: '6,120 USD/month' },
  { claim: 'Peer to peer saves', slip: 'doubleCounting', about: 'saving.peer-to-peer', right: '1,530 USD/month' },
  { claim: 'Spot: $1,530', slip: 'rangeEnd', right: '536 USD/month (459..612)' },
  { claim: 'Spot saves', slip: 'doubleCounting', about: 'saving.spot', right: '0 USD/month' },
  { claim: 'Auto-scaling: 30%', slip: 'wouldHold', right: '786 USD/month' },
  { claim: '$4,421 - $3,000', slip: 'wouldHold', right: '-514 USD/month' },
  { claim: 'With optimisations', slip: 'contradiction', right: '2,386 USD/month' },
  { claim: 'Cost per participant-hour with', slip: 'basePeriod', factor: 15.1 },
] as const
