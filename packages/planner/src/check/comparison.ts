// A claim that something is at most, at least or equal to something else.
import { Quantities } from '../answer/quantities.ts'
import type { Built } from '../build/build-plan.ts'
import type { ClaimLayout } from '../build/questions.ts'
import { derivable, type Finding, found, notDerivable } from './finding.ts'
import { slipsOf } from './slips.ts'
import { comparisonHolds, differenceNode, subjectOf } from './subject.ts'
import { leniencyOf } from './value.ts'

const WORDS: Readonly<Record<string, string>> = {
  '<=': 'at most',
  '<': 'less than',
  '>=': 'at least',
  '>': 'more than',
  '=': 'equal to',
}

export function checkComparison(
  built: Built,
  layout: ClaimLayout,
  month: number | undefined,
  seed: number | undefined,
): Finding {
  return derivable(() => {
    const { holds } = layout
    if (holds === undefined) return notDerivable('it compares nothing', [])
    const { model } = built
    const quantities = new Quantities(built, seed)
    const [left, right] = [model.expression(holds.left, month), model.expression(holds.right, month)]
    const difference = quantities.bounds.of(differenceNode(model, holds.left, holds.right, month))
    const leniency = leniencyOf(layout, model)
    const [is, limit] = [quantities.ofNode(left), quantities.ofNode(right)]
    const scale = Math.max(Math.abs(quantities.bounds.of(left).typical), Math.abs(quantities.bounds.of(right).typical))
    if (comparisonHolds(difference, holds.op, scale, leniency.tolerance)) {
      return found('ok', `OK: ${is.text} is ${WORDS[holds.op]} ${limit.text}.`, { right: is })
    }
    const { underdetermined } = model.graph.node(left)
    if (underdetermined && difference.low <= 0 && difference.high >= 0) {
      return notDerivable(`the plan allows ${is.text} against ${limit.text}`, [], is)
    }
    const ratio = quantities.bounds.of(left).typical / quantities.bounds.of(right).typical
    const sometimes =
      difference.low <= 0 && difference.high >= 0 && difference.low < difference.high ? ' over the whole range' : ''
    const subject = subjectOf(model, layout, undefined, quantities.bounds.of(left), leniency, month)
    return found('wrong', `Wrong: ${is.text} is not ${WORDS[holds.op]} ${limit.text}${sometimes}.`, {
      right: is,
      factor: Number.isFinite(ratio) && ratio !== 0 ? Number(ratio.toPrecision(4)) : null,
      slips: slipsOf(subject, [holds.right]),
    })
  })
}
