import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluatePlan } from '../evaluate.ts'
import { assertClaims, changed, examplePlan, textOf } from './read-golden.ts'

const plan = examplePlan('live-translation')

test('live translation: every limit of the bottleneck table, the loop instead of two cores', () => {
  const result = evaluatePlan(plan)
  const limits = Object.fromEntries(result.resources.map(({ name, limit }) => [name, limit.typical]))
  assert.deepEqual(limits, { cpu: 40, requests: 102, tokens: 118, memory: 186, connections: 1024, network: 10_714 })
  assert.equal(result.binding, 'cpu')
  const cpu = result.resources.find(({ name }) => name === 'cpu')
  assert.deepEqual([cpu?.oneLoop, cpu?.has?.text], [true, '1 core'])
  const needs = Object.fromEntries(result.workloads[0]?.needs.map(({ resource, total }) => [resource, total]) ?? [])
  assert.equal(needs.requests?.text, '44 requests/min')
  assert.ok(Math.abs((needs.tokens?.typical ?? 0) * 60 - 15_250) < 1e-6, needs.tokens?.text)
})

test('live translation: 80 sessions and 50 to 60 of them realistic are what many loops would carry', () => {
  const many = changed(plan, { 'tiers.app.process': 'many-core', 'workloads.session.needs.cpu': '2.5% cpu' })
  const result = evaluatePlan(many)
  assert.equal(textOf(result.limit), '80 sessions')
  assert.deepEqual([result.realistic?.low, result.realistic?.high], [50, 60])
  const one = evaluatePlan(changed(plan, { 'workloads.session.needs.cpu': '2.5% cpu' }))
  assert.deepEqual([one.realistic?.low, one.realistic?.high], [25, 30])
})

test('live translation: what its authors claim', () => {
  assertClaims(plan, [
    { claim: 'Total: ~5-10 MB', slip: 'rangeEnd', right: '8 MB (5..11)' },
    { claim: 'Total: ~2-3% CPU', slip: 'rangeEnd', right: '2.25% cpu (1.5..3)' },
    { claim: '200% CPU / 2.5%', slip: 'oneLoopBound', right: '40 sessions (33..50)', about: 'app.cpu.has', factor: 2 },
    { claim: 'Practical limit', slip: 'rangeEnd', right: '1,024 sessions (341..2,048)' },
    { claim: 'ACTUAL CAPACITY', slip: 'oneLoopBound', right: '40 sessions (33..50)', factor: 2 },
    { claim: 'Realistic capacity', slip: 'oneLoopBound', right: '27 sessions (20..37)' },
    { claim: '50 concurrent sessions are realistic', slip: 'oneLoopBound' },
    { claim: 'With 10 sessions', slip: 'rangeEnd', right: '25% cpu (20..30)' },
    { claim: 'With 50 sessions', slip: 'rangeEnd', right: '125% cpu (100..150)' },
    { claim: '2-5 sessions', slip: 'rangeEnd', right: '675 ms (300..1,200)' },
    { claim: '10 sessions: 600-1200ms', slip: 'rangeEnd', right: '1,300 ms (600..2,000)' },
    { claim: '10-20 sessions', slip: 'otherQuantity', about: 'latency.1', right: '1,650 ms (600..3,000)' },
  ])
})
