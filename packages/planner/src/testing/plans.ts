// Plans for tests: read from text, or a failure that names every problem.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { ok } from '@parley/kernel'
import { evaluatePlan } from '../evaluate.ts'
import { type Plan, parsePlan } from '../plan.ts'
import type { PlanProblem, PlanResult, Quantity } from '../result.ts'

const options = {
  path: 'plan.yaml',
  readVerdict: (file: string) => ok(readFileSync(new URL(`../../examples/${file}`, import.meta.url), 'utf8')),
}

export function planOf(text: string): Plan {
  const plan = parsePlan(`plan: A test\n${text}`, options)
  assert.ok(plan.ok, plan.ok ? '' : plan.error.map(({ line, message }) => `${line}: ${message}`).join('\n'))
  return plan.value
}

export const answerOf = (text: string): PlanResult => evaluatePlan(planOf(text))

export function problemsOf(text: string): PlanProblem[] {
  const plan = parsePlan(text, options)
  assert.ok(!plan.ok, 'the plan has no problems')
  return plan.error
}

export const exampleText = (): string =>
  readFileSync(new URL('../../examples/every-feature.yaml', import.meta.url), 'utf8')

export function examplePlan(): Plan {
  const plan = parsePlan(exampleText(), options)
  assert.ok(plan.ok, plan.ok ? '' : plan.error.map(({ line, message }) => `${line}: ${message}`).join('\n'))
  return plan.value
}

/** Ends of a quantity: `[low, typical, high, unit]`. */
export const ends = (quantity: Quantity | null | undefined): unknown[] | null =>
  quantity ? [quantity.low, quantity.typical, quantity.high, quantity.unit] : null
