import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPlan } from '../check.ts'
import { evaluatePlan } from '../evaluate.ts'
import { explain } from '../explain.ts'
import { assertClaims, examplePlan, planOf, planText, textOf } from './read-golden.ts'

const plan = examplePlan('glasses-cloud')

/** The plan after a load test has given a second point. */
const withSecondPoint = (load: number, used: number) =>
  planText('glasses-cloud').replace(
    'used: 0.7 core }]',
    `used: 0.7 core }, { load: ${load} users, used: ${used} core }]`,
  )

test('glasses: one load point does not say what a user costs, and which range it allows', () => {
  const result = evaluatePlan(plan)
  const slope = result.quantities.find(({ name }) => name === 'pod-cpu.slope')
  assert.deepEqual([slope?.low, slope?.high], [0, 0.02])
  assert.equal(result.limit?.low, 50, 'with nothing as baseline a loop is full at 50 users')
  assert.equal(result.limit?.high, null, 'with everything as baseline it never is')
  assert.ok(result.notes.some(({ code }) => code === 'ONE_POINT_FIT'))
  const why = explain(plan, 'pod-cpu.slope')
  assert.ok(why.ok && why.value.steps.length > 1)
})

test('glasses: two load points give the cost of a user, the baseline and the limit', () => {
  const result = evaluatePlan(planOf(withSecondPoint(60, 0.9)))
  const value = (name: string) => textOf(result.quantities.find((quantity) => quantity.name === name))
  assert.equal(value('pod-cpu.slope'), '0.008 cores/user')
  assert.equal(value('pod-cpu.baseline'), '0.42 cores')
  assert.equal(textOf(result.limit), '72 users')
  assert.equal(textOf(result.tiers[0]?.instances), '5 instances (2..7)')
})

test('glasses: 1,000 devices at 10 to 50% are 100 to 500 users', () => {
  const load = evaluatePlan(plan).tiers[0]?.load
  assert.deepEqual([load?.low, load?.high], [100, 500])
})

test('[CHK6] glasses: a cost per user from one point does not follow, and is judged as soon as there are two', () => {
  assertClaims(plan, [], ['~0.7 cores with 35 users'])
  const { claims } = checkPlan(planOf(withSecondPoint(60, 0.9)))
  const claim = claims.find((each) => each.claim.startsWith('~0.7 cores'))
  assert.equal(claim?.verdict, 'wrong')
  assert.equal(claim?.right?.text, '0.008 cores/user')
})
