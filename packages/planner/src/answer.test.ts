import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Errors } from 'typebox/value'
import { checkPlan } from './check.ts'
import { evaluatePlan } from './evaluate.ts'
import { explain } from './explain.ts'
import { CheckResultSchema, PlanResultSchema, type Quantity, QuantitySchema } from './result.ts'
import { answerOf, examplePlan, planOf } from './testing/plans.ts'

test('[PLN14] a number has the standing of the least certain thing it rests on', () => {
  const { quantities, costs } = answerOf(`
quantities:
  measured: { measured: 5 users, source: the lab }
  given: measured * 2
  plain: 3 users
  mixed: measured + plain
  guessed: { assumed: 10..20% }
  rests: mixed * guessed
costs: { a: rests * $1/user/month }`)
  const standing = (name: string) => quantities.find((each) => each.name === name)?.standing
  assert.deepEqual(['measured', 'given', 'mixed', 'guessed', 'rests'].map(standing), [
    'measured',
    'given',
    'given',
    'assumed',
    'assumed',
  ])
  assert.equal(costs?.total.standing, 'assumed')
})

/** References are taken out of the schema by putting what they point at in their place. */
const inlined = (schema: unknown): unknown =>
  JSON.parse(JSON.stringify(schema), (_, value) => (value?.$ref === '#/$defs/Quantity' ? QuantitySchema : value))

test('[PLN15] the answer fits its schema and survives JSON', () => {
  const plan = examplePlan()
  for (const [schema, answer] of [
    [PlanResultSchema, evaluatePlan(plan)],
    [CheckResultSchema, checkPlan(plan)],
  ] as const) {
    const again = JSON.parse(JSON.stringify(answer))
    assert.deepEqual(again, answer)
    const problems = Errors(inlined(schema) as typeof PlanResultSchema, again)
    assert.deepEqual(
      problems.slice(0, 3).map(({ instancePath, message }) => [instancePath, message]),
      [],
    )
  }
})

test('[PLN23] sensitivity varies one input at a time, the widest swing first', () => {
  const { sensitivities } = answerOf(`
quantities: { a: 1..3 users, b: 10..11, c: 2 }
costs: { x: a * b * c * $1/user/month }`)
  const total = sensitivities.find(({ of }) => of === 'cost.total')
  assert.deepEqual(
    total?.inputs.map(({ name, span, atLow, atHigh }) => [name, span, atLow, atHigh]),
    [
      ['a', 'range', 21, 63],
      ['b', 'range', 40, 44],
    ],
  )
  const points = answerOf('quantities: { a: 4 users, b: 10 }\ncosts: { x: a * b * $1/user/month + $60/month }')
    .sensitivities[0]
  assert.deepEqual(
    points?.inputs.map(({ name, span, atLow, atHigh }) => [name, span, atLow, atHigh]),
    [
      ['a', 'tenth', 96, 104],
      ['b', 'tenth', 96, 104],
    ],
  )
})

test('[PLN60] why goes from a number down to what is written, each part once', () => {
  const plan = planOf(`
quantities: { users: 1000 users, peak: { assumed: 10%, note: nobody has counted } }
workloads: { session: { concurrent: users * peak, needs: { memory: 10 MB } } }
tiers: { app: { serves: session, has: { memory: 2 GB }, taken: { memory: 500 MB } } }`)
  const why = explain(plan, 'app.instances')
  assert.ok(why.ok)
  const sentences = why.value.steps.map(({ sentence }) => sentence)
  assert.equal(sentences[0], 'app.instances is 1 instance: app.needed (1 instance).')
  assert.ok(
    sentences.includes('app.memory.available is 1.5 GB: max(0, app.memory.has (2 GB) - app.memory.taken (500 MB)).'),
  )
  assert.ok(sentences.includes('peak is 10%: assumed on line 3 (nobody has counted).'))
  assert.ok(sentences.includes('app.memory.taken is 500 MB: given by the plan on line 5.'))
  assert.equal(new Set(sentences).size, sentences.length)
  const names = new Set(why.value.steps.map(({ quantity }) => quantity.name))
  for (const step of why.value.steps) for (const input of step.inputs) assert.ok(names.has(input), input)
})

test('[PLN60] every number of an answer can be asked why, and its formula gives what it says', () => {
  const plan = examplePlan()
  const names = new Set<string>()
  JSON.stringify(evaluatePlan(plan), (key, value: Quantity) => {
    if (key !== 'series' && value !== null && typeof value === 'object' && 'standing' in value && value.name !== '')
      names.add(value.name)
    return value
  })
  assert.ok(names.size > 100)
  const crossings = [...names].filter((name) => /^breakEven\.[^.]+\.(at|settled)$/.test(name))
  for (const name of names) {
    if (crossings.includes(name)) continue
    const why = explain(plan, name)
    assert.ok(why.ok, `${name}: ${why.ok ? '' : why.error.message}`)
    const [first] = why.value.steps
    assert.equal(first?.quantity.name, name)
    assert.ok(first?.sentence.startsWith(`${name} is ${first.quantity.text}`), first?.sentence)
  }
})

test('[PLN60] a formula and a month can be asked too; a misspelt name gives the nearest', () => {
  const plan = examplePlan()
  const formula = explain(plan, 'online * 2')
  assert.ok(formula.ok)
  assert.match(
    formula.value.steps[0]?.sentence ?? '',
    /^online \* 2 is 400 wearers \(200\.\.1,000\): online \(200 wearers \(100\.\.500\)\) \* 2\.$/,
  )
  const month = explain(plan, 'glasses@13')
  assert.ok(month.ok && /1\.08\^12/.test(month.value.steps[0]?.sentence ?? ''))
  const misspelt = explain(plan, 'pods.realistik')
  assert.ok(!misspelt.ok && misspelt.error.nearest === 'pods.realistic')
})
