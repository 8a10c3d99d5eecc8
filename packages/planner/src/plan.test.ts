import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { evaluatePlan } from './evaluate.ts'
import { parsePlan, setOfArgument, withSet } from './plan.ts'
import { answerOf, ends, exampleText, planOf, problemsOf } from './testing/plans.ts'

const EXAM = `
quantities: { users: 1,000 users, peak: 10..20% }
`.replace('1,000', '1000')

const places = (text: string) => problemsOf(text).map(({ line, column, code, nearest }) => [line, column, code, nearest])

test('[PLN10] every problem is reported at once, in order, with place and the nearest valid name', () => {
  const text = [
    'plan: p',
    'quantites: { a: 1 }',
    'tiers:',
    '  app:',
    '    machin: t3.small',
    '    process: one-lop',
    '    surviveFailures: -1',
    'claims: [{ value: 5 }]',
  ].join('\n')
  assert.deepEqual(places(text), [
    [2, 1, 'UNKNOWN_KEY', 'quantities'],
    [5, 5, 'UNKNOWN_KEY', 'machine'],
    [6, 14, 'BAD_VALUE', 'one-loop'],
    [7, 22, 'BAD_VALUE', null],
    [8, 10, 'MISSING_KEY', 'claim'],
  ])
})

test('[PLN10] names that nothing has are refused where they are used', () => {
  const text = [
    'plan: p',
    'machines: { t3.small: { has: { memry: 2 GB } } }',
    'quantities: { users: 5 users, peak: usrs * 2 }',
    'tiers: { app: { machine: t3.smal, serves: sessions } }',
    'workloads: { session: { concurrent: users } }',
  ].join('\n')
  assert.deepEqual(places(text), [
    [2, 32, 'UNKNOWN_NAME', 'memory'],
    [3, 37, 'UNKNOWN_NAME', 'users'],
    [4, 26, 'UNKNOWN_NAME', 't3.small'],
    [4, 43, 'UNKNOWN_NAME', 'session'],
  ])
})

test('[PLN10] a name is given once, and YAML that cannot be read says where', () => {
  const taken = problemsOf('plan: p\nquantities: { month: 5 h }')
  assert.match(taken[0]?.message ?? '', /the name month is taken/)
  assert.deepEqual(places('plan: [').map(([line, , code]) => [line, code]), [[1, 'NOT_YAML']])
  assert.equal(problemsOf('- a')[0]?.code, 'BAD_VALUE')
  assert.equal(problemsOf('')[0]?.code, 'BAD_VALUE')
})

test('[PLN10] a thousands comma inside braces is told from a name', () => {
  const [problem] = problemsOf('plan: p\nquantities: { users: 1,000 users }')
  assert.match(problem?.message ?? '', /inside \{ \} a comma ends a value/)
})

test('[PLN10] whatever is done to a plan file, reading it gives a plan or problems', () => {
  const text = exampleText()
  const lines = text.split('\n')
  const edit = fc.record({
    line: fc.nat(lines.length - 1),
    from: fc.nat(60),
    length: fc.nat(12),
    put: fc.constantFrom('', 'x', '5', ' MB', '{', ']', '..', 'null', '- ', '"', ': ', '1,000', '%', 'users'),
  })
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
      const changed = [...lines]
      for (const { line, from, length, put } of edits) {
        const old = changed[line] ?? ''
        changed[line] = old.slice(0, from) + put + old.slice(from + length)
      }
      const plan = parsePlan(changed.join('\n'), { path: 'p.yaml' })
      if (plan.ok) return
      for (const { line, column, message } of plan.error) assert.ok(line >= 1 && column >= 1 && message.length > 5)
    }),
    { seed: 5, numRuns: 60 },
  )
})

test('[PLN11] a value that needs itself is refused with the way round', () => {
  const problems = problemsOf('plan: p\nquantities:\n  a: b + 1\n  b: c * 2\n  c: a')
  assert.equal(problems.length, 1)
  assert.equal(problems[0]?.code, 'CYCLE')
  assert.match(problems[0]?.message ?? '', /a needs b needs c needs a: a value cannot need itself/)
})

test('[PLN12] a value that is set is as if the file had said it', () => {
  const plan = planOf(`${EXAM}
machines: { t3.small: { price: $15/month, has: { memory: 2 GB } } }
workloads: { session: { concurrent: users * peak, needs: { memory: 10 MB } } }
tiers: { app: { serves: session, machine: t3.small } }
savings: [{ name: spot, share: 10% }]`)
  const set = (...args: string[]) => {
    const values = args.map((arg) => {
      const value = setOfArgument(arg)
      assert.ok(value.ok)
      return value.value
    })
    const changed = withSet(plan, values)
    assert.ok(changed.ok, changed.ok ? '' : changed.error[0]?.message)
    return evaluatePlan(changed.value)
  }
  assert.deepEqual(ends(set('users=500 users').tiers[0]?.load), [50, 75, 100, 'sessions'])
  assert.equal(set('machines.t3.small.has.memory=4 GB').limit?.typical, 400)
  assert.equal(set('tiers.app.surviveFailures=2', 'peak=10%').tiers[0]?.instances?.typical, 3)
  assert.equal(set('savings.spot.share=50%', 'tiers.app.instances=2').costs?.total.typical, 15)
  assert.deepEqual(ends(set('peak=[30%, 40%]').tiers[0]?.load), [300, 350, 400, 'sessions'])
})

test('[PLN12] what cannot be set is refused with the nearest name', () => {
  const plan = planOf(EXAM)
  const problem = (path: string, value = '5') => {
    const changed = withSet(plan, [{ path, value }])
    return changed.ok ? undefined : changed.error[0]
  }
  assert.equal(problem('usres')?.nearest, 'users')
  assert.equal(problem('tiers.app.instances')?.code, 'BAD_SET')
  assert.equal(problem('users', '5 MB')?.code, undefined)
  assert.equal(problem('month', '5 MB')?.code, 'WRONG_DIMENSION')
  assert.ok(!setOfArgument('users').ok)
})

test('[PLN13] a stage is the plan with what it sets', () => {
  const text = `${EXAM}
workloads: { session: { concurrent: users * peak } }
tiers: { app: { serves: session, capacity: 20 sessions } }
stages:
  - { name: small, set: { users: 100 users } }
  - { name: large, set: { users: 5000 users, tiers.app.capacity: 50 sessions } }`
  const { stages } = answerOf(text)
  assert.deepEqual(stages.map((stage) => ends(stage.tiers[0]?.instances)), [
    [1, 1, 1, 'instances'],
    [10, 15, 20, 'instances'],
  ])
  const [problem] = problemsOf(`plan: p\nquantities: { a: 5 users }\nstages:\n  - { name: x, set: { b: 5 } }`)
  assert.deepEqual([problem?.code, problem?.line], ['BAD_SET', 4])
})
