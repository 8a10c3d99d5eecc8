// Example plans for golden tests, and what is expected of their claims.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { checkPlan } from '../check.ts'
import { type Plan, parsePlan, withSet } from '../plan.ts'
import type { ClaimResult, Quantity, SLIP_KINDS } from '../result.ts'

const FOLDER = new URL('../../../../examples/plans/', import.meta.url)

export const planText = (name: string): string => readFileSync(new URL(`${name}.yaml`, FOLDER), 'utf8')

/** A plan that must be readable. */
export function planOf(text: string, path = 'plan.yaml'): Plan {
  const plan = parsePlan(text, { path })
  assert.ok(plan.ok, plan.ok ? '' : plan.error.map(({ line, message }) => `${line}: ${message}`).join('\n'))
  return plan.value
}

export const examplePlan = (name: string): Plan => planOf(planText(name), `${name}.yaml`)

export function changed(plan: Plan, set: Readonly<Record<string, string>>): Plan {
  const result = withSet(
    plan,
    Object.entries(set).map(([path, value]) => ({ path, value })),
  )
  assert.ok(result.ok, result.ok ? '' : result.error.map(({ message }) => message).join('\n'))
  return result.value
}

/** `186 sessions (130..280)` of a number that must be there. */
export function textOf(quantity: Quantity | null | undefined): string {
  assert.ok(quantity, 'there is no such number')
  return quantity.text
}

export interface WrongClaim {
  /** How its sentence starts. */
  readonly claim: string
  /** What is right, as text; absent when the plan cannot tell. */
  readonly right?: string
  readonly slip: (typeof SLIP_KINDS)[number]
  readonly about?: string
  /** Claimed over right, to three digits. */
  readonly factor?: number
  readonly months?: readonly number[]
}

const describe = ({ number, claim, verdict, sentence }: ClaimResult) =>
  `claim ${number} (${claim}) is ${verdict}: ${sentence}`

function assertWrong(result: ClaimResult, wrong: WrongClaim): void {
  const what = describe(result)
  assert.equal(result.verdict, 'wrong', what)
  assert.equal(result.slip?.kind, wrong.slip, what)
  if (wrong.right !== undefined) assert.equal(result.right?.text, wrong.right, what)
  if (wrong.about !== undefined) assert.equal(result.slip?.about, wrong.about, what)
  if (wrong.factor !== undefined) assert.equal(Number(result.factor?.toPrecision(3)), wrong.factor, what)
  if (wrong.months !== undefined) assert.deepEqual(result.failingMonths, wrong.months, what)
}

/** Every claim of a plan is as expected: these are wrong, these do not follow, all others are right. */
export function assertClaims(plan: Plan, wrong: readonly WrongClaim[], open: readonly string[] = []): void {
  const { claims } = checkPlan(plan)
  const find = (start: string): ClaimResult => {
    const found = claims.filter(({ claim }) => claim.startsWith(start))
    assert.equal(found.length, 1, `${found.length} claims start with "${start}"`)
    return found[0] as ClaimResult
  }
  for (const expected of wrong) assertWrong(find(expected.claim), expected)
  for (const start of open) assert.equal(find(start).verdict, 'not-derivable', describe(find(start)))
  const expected = new Set([
    ...wrong.map(({ claim }) => find(claim).number),
    ...open.map((start) => find(start).number),
  ])
  for (const result of claims) {
    if (!expected.has(result.number)) assert.equal(result.verdict, 'ok', describe(result))
  }
}
