import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { err, ok } from '@parley/kernel'
import { leastSquares } from './build/fits.ts'
import { evaluatePlan } from './evaluate.ts'
import { parsePlan } from './plan.ts'
import { answerOf, ends, problemsOf } from './testing/plans.ts'

const quantity = (text: string, name: string) => answerOf(text).quantities.find((each) => each.name === name)

const FIT = (points: string, more = '') => `fits: { cpu: { of: users, points: [${points}]${more} } }`
const ONE = '{ load: 35 users, used: 0.7 core }'

test('[PLN40] one point allows every baseline, and what rests on it has the range it allows', () => {
  assert.deepEqual(ends(quantity(FIT(ONE), 'cpu.slope')), [0, 0.01, 0.02, 'cores/user'])
  assert.deepEqual(ends(quantity(FIT(ONE), 'cpu.baseline')), [0, 0.35, 0.7, 'cores'])
  assert.equal(quantity(FIT(ONE), 'cpu.slope')?.standing, 'assumed')
  const plan = `${FIT(ONE)}
workloads: { user: { concurrent: 300, needs: { cpu: cpu.slope } } }
tiers: { app: { serves: user, process: one-loop, has: { cpu: 4 cores }, taken: { cpu: cpu.baseline } } }`
  const answer = answerOf(plan)
  assert.deepEqual(ends(answer.limit), [50, 65, null, 'users'])
  assert.match(answer.limit?.text ?? '', /^at least 50 users/)
  assert.equal(answer.tiers[0]?.instances?.low, 1)
  assert.deepEqual(
    answer.notes.map(({ code }) => code),
    ['ONE_POINT_FIT'],
  )
})

test('[PLN40] a known baseline makes one point enough', () => {
  const known = quantity(FIT(ONE, ', baseline: 0.1..0.2 core'), 'cpu.slope')
  assert.deepEqual(
    known && [known.low, known.high].map((value) => Number((value as number).toFixed(5))),
    [0.01429, 0.01714],
  )
  assert.equal(known?.standing, 'given')
})

test('[PLN41] two points give slope and baseline', () => {
  const text = FIT(`${ONE}, { load: 100 users, used: 1.35 cores }`)
  assert.deepEqual(ends(quantity(text, 'cpu.slope')), [0.01, 0.01, 0.01, 'cores/user'])
  assert.deepEqual(ends(quantity(text, 'cpu.baseline')), [0.35, 0.35, 0.35, 'cores'])
  assert.match(problemsOf(`plan: p\n${FIT(`${ONE}, ${ONE}`)}`)[0]?.message ?? '', /all points have the same load/)
})

test('[PLN41] three points and more give the least-squares line with its interval', () => {
  // By hand: x = 10, 20, 30, 40; y = 1.1, 1.9, 3.2, 3.8; slope 0.094, baseline 0.15, residual variance 0.041, t(2) = 4.303.
  const line = leastSquares([
    { x: 10, y: 1.1 },
    { x: 20, y: 1.9 },
    { x: 30, y: 3.2 },
    { x: 40, y: 3.8 },
  ])
  assert.ok(Math.abs(line.slope - 0.094) < 1e-12 && Math.abs(line.baseline - 0.15) < 1e-12)
  assert.ok(Math.abs(line.slopeError - 4.303 * Math.sqrt(0.041 / 500)) < 1e-9)
  const text = FIT(
    '{ load: 10 users, used: 1.1 GB }, { load: 20 users, used: 1900 MB }, { load: 30 users, used: 3.2 GB }, { load: 40 users, used: 3.8 GB }',
  )
  const slope = quantity(text, 'cpu.slope')
  assert.equal(slope?.typical, 0.094)
  assert.equal(slope?.unit, 'GB/user')
  assert.match(
    problemsOf(`plan: p\n${FIT(`${ONE}, ${ONE}, { load: 1..2 users, used: 1 core }`)}`)[0]?.message ?? '',
    /needs single values/,
  )
})

const verdictFile = new URL('../examples/lab-verdict.json', import.meta.url)
const verdictText = readFileSync(verdictFile, 'utf8')

test('[PLN42] what a lab verdict says is measured, with its intervals', () => {
  const text = `plan: p
verdicts: { lab: v.json }
workloads: { session: { concurrent: 100, needs: { cpu: lab.cpu.slope } } }
tiers:
  app: { serves: session, has: { cpu: 2 cores }, taken: { cpu: lab.cpu.baseline } }
  other: { load: 100 sessions, capacity: lab.rated }`
  const plan = parsePlan(text, { path: 'p', readVerdict: () => ok(verdictText) })
  assert.ok(plan.ok)
  const { tiers, quantities } = evaluatePlan(plan.value)
  assert.deepEqual(ends(tiers[0]?.limit), [60, 62, 65, 'sessions'])
  assert.equal(tiers[1]?.instances?.typical, 3)
  const knee = quantities.find(({ name }) => name === 'lab.knee')
  assert.deepEqual([knee?.low, knee?.high, knee?.standing], [60, 64, 'measured'])
})

test('[PLN42] a file that is no verdict of this version is a problem of the plan', () => {
  const problem = (readVerdict: (path: string) => ReturnType<typeof ok<string>> | ReturnType<typeof err<string>>) => {
    const plan = parsePlan('plan: p\nverdicts: { lab: v.json }', { path: 'p', readVerdict })
    return plan.ok ? '' : `${plan.error[0]?.code} ${plan.error[0]?.line} ${plan.error[0]?.message}`
  }
  assert.match(
    problem(() => err('there is no such file')),
    /^BAD_VERDICT 2 .*v\.json cannot be read: there is no such file/,
  )
  assert.match(
    problem(() => ok('{')),
    /is not JSON/,
  )
  assert.match(
    problem(() => ok(verdictText.replace('lab-verdict/1', 'lab-verdict/2'))),
    /format/,
  )
  assert.match(
    problem(() => ok(verdictText.replace('"loadUnit": "session"', '"loadUnit": "blob"'))),
    /blob is not a unit/,
  )
  assert.match(
    problem(() => ok(verdictText.replace('"unit": "core"', '"unit": "cor"'))),
    /fit of cpu is in cor/,
  )
})
