import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPlan } from '../check.ts'
import { planOf } from '../golden/read-golden.ts'

// Another trade, other words: what is counted and bought here is in none of the example plans.
const PLAN = `
plan: Voice orders for kitchens
month: 30 days
nouns: { kitchen: kitchens, order: orders }
quantities:
  kitchens: 730 kitchens
  share: 23%
  speaking: kitchens * share * 1 order/kitchen
workloads:
  order: { concurrent: speaking, needs: { cpu: 7.3% cpu, memory: 31 MB } }
machines:
  small: { price: $41.50/month, has: { cpu: 4 cores, memory: 8 GB } }
  large: { price: $173/month, has: { cpu: 16 cores, memory: 32 GB } }
tiers:
  hall: { serves: order, machine: small, reserves: { bursts: 15% }, surviveFailures: 1 }
costs:
  storage: { amount: 7.3 TB/month, price: $0.023/GB, free: 500 GB/month, fixed: $17/month }
growth:
  months: 24
  of: { kitchens: { rate: 6% } }
claims:
`

function firstSlip(claim: string): string {
  const [result] = checkPlan(planOf(`${PLAN}  - { claim: c, ${claim} }\n`)).claims
  assert.equal(result?.verdict, 'wrong', result?.sentence)
  return `${result?.slip?.kind} ${result?.slip?.about}`
}

test('[CHK25] growth added up instead of compounded, and a period too many', () => {
  assert.equal(firstSlip('of: kitchens, at: 24, value: 1737 kitchens'), 'leftOut 6%')
  assert.equal(firstSlip('of: kitchens, at: 12, value: 1469 kitchens'), 'basePeriod 6%')
})

test('[CHK25] the number of another month, and of the time before any growth', () => {
  assert.equal(firstSlip('of: hall.cost, at: 13, value: $207.50/month'), 'otherQuantity hall.cost')
})

test('[CHK25] another machine of the plan', () => {
  assert.equal(firstSlip('of: hall.cpu.limit, value: 219 orders'), 'otherQuantity large.cpu')
})

test('[CHK25] numbers that were not rounded to whole things', () => {
  assert.equal(firstSlip('of: hall.needed, value: 3.731 instances'), 'leftOut hall.needed')
})

test('[CHK14, CHK18] spares, a free tier and a fixed fee that were forgotten', () => {
  assert.equal(firstSlip('of: hall.cost, value: $166/month'), 'missingReserve hall.surviveFailures')
  assert.equal(firstSlip('of: cost.storage, value: $184.90/month'), 'leftOut cost.storage.free')
  assert.equal(firstSlip('of: cost.storage, value: $156.40/month'), 'leftOut cost.storage.fixed')
})

test('[CHK17] a slip of units in an input that goes through a limit', () => {
  assert.equal(firstSlip('of: hall.memory.limit, value: 277 orders'), 'unit small.memory')
})
