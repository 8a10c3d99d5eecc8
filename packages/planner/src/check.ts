// Recomputes what a plan claims.
import { err, ok, type Result } from '@parley/kernel'
import { Quantities } from './answer/quantities.ts'
import type { ClaimLayout } from './build/questions.ts'
import { checkClaims } from './checker/check-claims.ts'
import type { State } from './checker/judge.ts'
import type { NodeId } from './graph/node.ts'
import { type Plan, withChanges } from './plan.ts'
import type { CheckResult, Quantity } from './result.ts'
import { shownUnit, showRange } from './units/show.ts'
import { fromBase, type Unit } from './units/unit.ts'

const DEFAULT_SEED = 1

export interface CheckOptions {
  /** Seed of the samples that tell how tight a range is. */
  readonly seed?: number
}

/** A state of the plan with its numbers. */
interface PlanState extends State {
  readonly quantities: Quantities
}

function stateOfPlan(plan: Plan, seed: number): PlanState {
  const quantities = new Quantities(plan.built, seed)
  return { model: plan.built.model, bounds: quantities.bounds, quantities }
}

/** The plan as the stage and the values of a claim change it. */
function changedPlan(plan: Plan, { claim }: ClaimLayout): Result<Plan, string> {
  const index = (plan.file.stages ?? []).findIndex((stage) => stage.name === claim.stage)
  const base = claim.stage === undefined ? plan : plan.stages[index]
  if (base === undefined) return err(`the plan has no stage ${claim.stage}`)
  if (claim.set === undefined) return ok(base)
  const changed = withChanges(base, claim.set)
  return changed.ok ? changed : err(changed.error.map(({ message }) => message).join('; '))
}

const clean = (value: number): number | null => (Number.isFinite(value) ? Number(value.toPrecision(12)) : null)

/** A node as a quantity, in the unit of a claim if one is told. */
function quantityIn(
  { quantities, bounds, model }: PlanState,
  node: NodeId,
  name: string,
  unit: Unit | undefined,
): Quantity {
  const own = quantities.ofNode(node, name)
  if (unit === undefined) return own
  const range = bounds.of(node)
  const { low, typical, high } = range
  return {
    ...own,
    low: clean(fromBase(low, unit)),
    typical: clean(fromBase(typical, unit)),
    high: clean(fromBase(high, unit)),
    unit: shownUnit(unit, model.context),
    text: showRange(range, unit, model.context),
  }
}

/** Recomputes every claim of the plan: whether it is so, what is right, by how much it is off and what probably went wrong. */
export function checkPlan(plan: Plan, options: CheckOptions = {}): CheckResult {
  const seed = options.seed ?? DEFAULT_SEED
  const states = new Map<string, Result<PlanState, string>>()
  const stateOf = (layout: ClaimLayout): Result<PlanState, string> => {
    const key = JSON.stringify([layout.claim.stage ?? null, layout.claim.set ?? null])
    const known = states.get(key)
    if (known) return known
    const changed = changedPlan(plan, layout)
    const state = changed.ok ? ok(stateOfPlan(changed.value, seed)) : changed
    states.set(key, state)
    return state
  }
  const claims = checkClaims({
    claims: plan.built.claims,
    stateOf,
    quantity: (state, node, name, unit) => quantityIn(state as PlanState, node, name, unit),
  })
  const count = (verdict: (typeof claims)[number]['verdict']) =>
    claims.filter((claim) => claim.verdict === verdict).length
  return {
    format: 'parley.check-result/1',
    plan: plan.name,
    ok: count('ok'),
    wrong: count('wrong'),
    notDerivable: count('not-derivable'),
    claims,
  }
}
