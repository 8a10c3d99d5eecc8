import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPlan } from '../check.ts'
import { planOf } from '../golden/read-golden.ts'
import type { ClaimResult } from '../result.ts'

const PLAN = `
plan: Small
quantities:
  users: 1,000 users
  peak: 10..20%
  online: users * peak
  each: 2 MB/user
  room: 300 MB
  per-call: 4 users/call
  fee: $2/user/month
fits:
  one: { of: users, points: [{ load: 35 users, used: 0.7 core }] }
growth:
  months: 12
  of:
    users: { table: { 1: '1,000 users', 12: '4,000 users' } }
stages:
  - { name: half, set: { users: 500 users } }
claims:
`

function check(...claims: readonly string[]): ClaimResult[] {
  return checkPlan(planOf(PLAN + claims.map((claim) => `  - { claim: c, ${claim} }\n`).join(''))).claims
}
const verdicts = (...claims: readonly string[]) => check(...claims).map(({ verdict }) => verdict)

test('[CHK7] a comparison is right for all that the plan allows, wrong for nothing of it, and open between', () => {
  assert.deepEqual(
    verdicts(
      'holds: online <= 200 users',
      'holds: online > 200 users',
      'holds: online <= 150 users',
      'holds: online - online = 0',
    ),
    ['ok', 'wrong', 'not-derivable', 'ok'],
  )
  const [tight] = check('holds: users <= 1000 users')
  assert.match(tight?.sentence ?? '', /nothing to spare/)
})

test('[CHK8] months in which a claim does not hold are named, and the first of them is reported', () => {
  const [all, one] = check(
    'holds: users <= 2,500 users, at: [1, 6, 9, 12]'.replace('2,500', '2500'),
    'of: users, value: 4000, at: 12',
  )
  assert.equal(all?.verdict, 'wrong')
  assert.deepEqual(all?.failingMonths, [9, 12])
  assert.match(all?.sentence ?? '', /months 9 and 12\. In month 9: 3,182 users/)
  assert.deepEqual([one?.verdict, one?.failingMonths, one?.right?.name], ['ok', [], 'users@12'])
})

test('[CHK9] claims about one topic: one that follows settles it, and without one all contradict each other', () => {
  const open = check('about: lag, value: at most 100 ms', 'about: Lag, value: at most 150 ms', 'about: alone, value: 3')
  assert.deepEqual(
    open.map(({ verdict, slip }) => [verdict, slip?.kind, slip?.about]),
    [
      ['wrong', 'contradiction', 'claim 2'],
      ['wrong', 'contradiction', 'claim 1'],
      ['not-derivable', undefined, undefined],
    ],
  )
  const settled = check('about: online, value: 50..60 users', 'about: online, of: online, value: 100..200 users')
  assert.deepEqual(
    settled.map(({ verdict, right }) => [verdict, right?.text]),
    [
      ['wrong', '150 users (100..200)'],
      ['ok', '150 users (100..200)'],
    ],
  )
  assert.deepEqual(verdicts('about: lag, value: 100 ms', 'about: lag, value: 0.1 s'), [
    'not-derivable',
    'not-derivable',
  ])
})

test('[CHK10] a claim about what the plan does not name is not derivable, and says which names are missing', () => {
  const [claim] = check('of: users * churn / seats, value: 3')
  assert.equal(claim?.verdict, 'not-derivable')
  assert.deepEqual(claim?.missing, ['churn', 'seats'])
  assert.equal(claim?.right, null)
  assert.match(claim?.sentence ?? '', /churn, seats/)
})

test('[CHK11] a claim in the unit of something else is wrong by its unit, and what bridges them is named', () => {
  const [perCall, time] = check('of: fee, value: $8/call/month', 'of: each, value: 3 s')
  assert.deepEqual([perCall?.verdict, perCall?.slip?.kind, perCall?.slip?.about], ['wrong', 'unit', 'per-call'])
  assert.match(perCall?.slip?.sentence ?? '', /8 USD\/call\/month/)
  assert.deepEqual([time?.verdict, time?.slip?.kind], ['wrong', 'unit'])
})

test('[CHK6] one load point makes what it cannot tell not derivable, and what it excludes wrong', () => {
  assert.deepEqual(verdicts('of: one.slope, value: 0.02 core/user', 'of: one.slope, value: 0.03 core/user'), [
    'not-derivable',
    'wrong',
  ])
})

test('a claim of a stage, and one that sets values, are about the plan so changed', () => {
  assert.deepEqual(
    verdicts(
      'stage: half, of: users, value: 500 users',
      'set: { users: 70 users }, of: users * each, value: 140 MB',
      'stage: half, set: { each: 3 MB/user }, of: users * each, value: 1500 MB',
    ),
    ['ok', 'ok', 'ok'],
  )
})

test('what is right is told in the unit of the claim, with the name that can be asked why', () => {
  const [claim] = check('of: users * each, value: 1 GB')
  assert.deepEqual(
    [claim?.right?.text, claim?.right?.unit, claim?.right?.typical, claim?.right?.name, claim?.factor],
    ['2 GB', 'GB', 2, 'users * each', 0.5],
  )
  assert.match(claim?.sentence ?? '', /The plan gives 2 GB, not 1 GB: too low by a factor of 2\./)
})

test('a value that cannot be read is not derivable, with the reason', () => {
  const [claim] = check('of: users, value: plenty')
  assert.equal(claim?.verdict, 'not-derivable')
  assert.notEqual(claim?.sentence, '')
})

test('the result counts its verdicts and keeps the order and the lines of the file', () => {
  const result = checkPlan(
    planOf(`${PLAN}  - { claim: a, of: users, value: 1000 }\n  - { claim: b, of: users, value: 7 }\n`),
  )
  assert.deepEqual([result.ok, result.wrong, result.notDerivable], [1, 1, 0])
  assert.deepEqual(
    result.claims.map(({ number, claim, line }) => [number, claim, line]),
    [
      [1, 'a', 20],
      [2, 'b', 21],
    ],
  )
})

test('the same plan gets the same answer, and none of it is lost in JSON', () => {
  const once = check('of: online, value: 300', 'holds: users > 5000')
  assert.deepEqual(check('of: online, value: 300', 'holds: users > 5000'), once)
  assert.deepEqual(JSON.parse(JSON.stringify(once)), once)
})
