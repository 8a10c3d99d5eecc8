// A claim with a value: what the plan gives for it, and whether that is what is said.
import { Quantities } from '../answer/quantities.ts'
import type { Built } from '../build/build-plan.ts'
import type { ClaimLayout } from '../build/questions.ts'
import { parseExpression } from '../expression/parse.ts'
import { Evaluation, typicalOf } from '../graph/evaluate.ts'
import type { Model } from '../graph/model.ts'
import type { Node } from '../graph/node.ts'
import { common } from '../units/dimension.ts'
import { fittingUnit, shownUnit } from '../units/show.ts'
import { type Claimed, readClaimed } from './claim-value.ts'
import { derivable, type Finding, found, notDerivable, offBy } from './finding.ts'
import { factorOf, type Leniency, match } from './matching.ts'
import { slipsOf } from './slips.ts'
import { subjectOf } from './subject.ts'

export function leniencyOf({ claim }: ClaimLayout, model: Model): Leniency {
  const rounding = claim.rounding ?? 'any'
  if (claim.tolerance === undefined) return { rounding, tolerance: undefined }
  const expr = parseExpression(String(claim.tolerance), model.context)
  const tolerance = expr.ok ? new Evaluation(model.graph, typicalOf).value(model.expression(expr.value)) : undefined
  return { rounding, tolerance }
}

/** What is claimed and what follows are of different kinds: per call and per participant, say. */
function otherKind(quantities: Quantities, node: Node, claimed: Claimed): Finding {
  const right = quantities.ofNode(node.id)
  const is = right.unit === '' ? 'a plain number' : `in ${right.unit}`
  const { context } = quantities.built
  const says =
    claimed.unit.text === ''
      ? fittingUnit(claimed.dim, 1, context).text || 'a plain number'
      : `in ${shownUnit(claimed.unit, context)}`
  const slips = [
    {
      kind: 'unit' as const,
      sentence: `the unit is another one: what follows is ${is}, what is said is ${says}`,
      about: null,
    },
  ]
  return found('wrong', `Wrong: it is ${right.text}, which is of another kind than ${claimed.text}.`, { right, slips })
}

function judge(
  quantities: Quantities,
  layout: ClaimLayout,
  node: Node,
  claimed: Claimed,
  month: number | undefined,
): Finding {
  const { model } = quantities.built
  const bounds = quantities.bounds.of(node.id)
  const right = quantities.ofNode(node.id)
  const leniency = leniencyOf(layout, model)
  const { kind } = match(claimed, bounds, leniency)
  if (node.underdetermined && kind !== 'different' && !(claimed.bound !== undefined && kind === 'same')) {
    return notDerivable(`the plan allows ${right.text}, so it can be neither confirmed nor refuted`, [], right)
  }
  if (kind === 'same')
    return found('ok', `OK: it is ${right.text}.`, { right, factor: claimed.bound === undefined ? 1 : null })
  if (kind === 'inside')
    return found('ok', `OK: it is within ${right.text}.`, { right, factor: factorOf(claimed, bounds) })
  const factor = factorOf(claimed, bounds)
  const subject = subjectOf(model, layout, claimed, bounds, leniency, month)
  const bound = claimed.bound !== undefined && kind === 'narrower' ? ', which does not hold over the whole range' : ''
  const sentence = `Wrong: it is ${right.text}, not ${claimed.text}${bound || offBy(factor)}.`
  return found('wrong', sentence, { right, factor, slips: slipsOf(subject) })
}

export function checkValue(
  built: Built,
  layout: ClaimLayout,
  month: number | undefined,
  seed: number | undefined,
): Finding {
  return derivable(() => {
    const { of, claim } = layout
    if (of === undefined) return notDerivable('it names nothing to compute', [])
    const claimed = readClaimed(claim.value ?? '', built.context)
    if (!claimed.ok) return notDerivable(claimed.error.message, [])
    const quantities = new Quantities(built, seed)
    const node = built.model.graph.node(built.model.expression(of, month))
    if (common(node.dim, claimed.value.dim) === undefined) return otherKind(quantities, node, claimed.value)
    return judge(quantities, layout, node, claimed.value, month)
  })
}
