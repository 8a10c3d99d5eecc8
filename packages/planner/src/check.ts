// Recomputes what a plan claims. Knows nothing of any particular plan: all it has is the graph and the sentences.

import type { ClaimLayout } from './build/questions.ts'
import { aboutGroups } from './check/about.ts'
import { checkComparison } from './check/comparison.ts'
import { type Finding, notDerivable } from './check/finding.ts'
import { checkValue } from './check/value.ts'
import { type Plan, withChanges } from './plan.ts'
import type { CheckResult, ClaimResult } from './result.ts'

export interface CheckOptions {
  readonly seed?: number
}

/** The plan that a claim speaks of: as it is, in one of its stages, or with values of its own. */
function planOf(plan: Plan, { claim }: ClaimLayout): Plan | string {
  const index =
    claim.stage === undefined ? -1 : (plan.file.stages ?? []).findIndex((stage) => stage.name === claim.stage)
  const staged = index < 0 ? plan : plan.stages[index]
  if (staged === undefined) return `there is no stage ${claim.stage}`
  if (claim.set === undefined) return staged
  const changed = withChanges(staged, claim.set)
  return changed.ok ? changed.value : (changed.error[0]?.message ?? 'it cannot be set')
}

const monthsOf = ({ claim }: ClaimLayout): (number | undefined)[] =>
  claim.at === undefined ? [undefined] : [claim.at].flat()

function findingOf(plan: Plan, layout: ClaimLayout, seed: number | undefined): Finding | undefined {
  const subjectPlan = planOf(plan, layout)
  if (typeof subjectPlan === 'string') return notDerivable(subjectPlan, [])
  const months = monthsOf(layout)
  const findings = months.map((month) =>
    layout.holds !== undefined
      ? checkComparison(subjectPlan.built, layout, month, seed)
      : layout.of !== undefined
        ? checkValue(subjectPlan.built, layout, month, seed)
        : undefined,
  )
  const failing = findings.flatMap((finding, index) =>
    finding?.verdict === 'wrong' ? [{ finding, month: months[index] }] : [],
  )
  const [first] = failing
  if (first === undefined) return findings.find((finding) => finding?.verdict === 'not-derivable') ?? findings[0]
  if (months.length === 1) return first.finding
  const failingMonths = failing.flatMap(({ month }) => (month === undefined ? [] : [month]))
  return {
    ...first.finding,
    failingMonths,
    sentence: first.finding.sentence.replace('Wrong:', `Wrong in month ${failingMonths.join(', ')}:`),
  }
}

const claimedText = ({ claim }: ClaimLayout): string =>
  claim.holds ?? (Array.isArray(claim.value) ? claim.value.join('..') : String(claim.value ?? ''))

function resultOf(layout: ClaimLayout, finding: Finding): ClaimResult {
  const { number, claim, line } = layout
  const { verdict, right, factor, slips, sentence, missing, failingMonths } = finding
  const [slip, ...otherSlips] = verdict === 'wrong' ? slips : []
  return {
    number,
    claim: claim.claim,
    where: claim.where ?? null,
    line,
    verdict,
    claimed: claimedText(layout),
    right,
    factor,
    slip: slip ?? null,
    otherSlips,
    sentence: slip === undefined || slip.kind === 'contradiction' ? sentence : `${sentence} Probably ${slip.sentence}.`,
    missing: [...missing],
    failingMonths: [...failingMonths],
  }
}

/** Recomputes every claim of the plan. */
export function checkPlan(plan: Plan, options: CheckOptions = {}): CheckResult {
  const layouts = plan.built.claims
  const derived = layouts.map((layout) => findingOf(plan, layout, options.seed))
  const findings = aboutGroups(plan.built, layouts, derived)
  const claims = layouts.map((layout, index) => resultOf(layout, findings[index] as Finding))
  const count = (verdict: ClaimResult['verdict']) => claims.filter((claim) => claim.verdict === verdict).length
  return {
    format: 'parley.check-result/1',
    plan: plan.name,
    ok: count('ok'),
    wrong: count('wrong'),
    notDerivable: count('not-derivable'),
    claims,
  }
}
