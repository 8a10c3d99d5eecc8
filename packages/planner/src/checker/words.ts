// Verdicts as sentences.
import type { NodeId } from '../graph/node.ts'
import { common } from '../units/dimension.ts'
import { fittingUnit, showNumber, showRange } from '../units/show.ts'
import type { Unit } from '../units/unit.ts'
import type { Right } from './compare.ts'
import type { Judgement, State } from './judge.ts'

/** Unit that a node is shown in. */
export function unitOfNode({ model, bounds }: State, id: NodeId): Unit {
  const node = model.graph.node(id)
  if (node.unit) return node.unit
  const { low, typical, high } = bounds.of(id)
  const size = [typical, high, low].find((value) => Number.isFinite(value) && value !== 0) ?? 0
  return fittingUnit(node.dim, size, model.context)
}

type Shown = Pick<Right, 'low' | 'typical' | 'high'>

/** The unit of a claim shows what is right beside it, if it is one of the same kind and currency. */
export const fits = (unit: Unit | undefined, { model }: State, id: NodeId): unit is Unit =>
  unit !== undefined && unit.foreign === undefined && common(unit.dim, model.graph.node(id).dim) !== undefined

/** Values of a node for people, in a unit if it fits. */
export function showAs(state: State, range: Shown, id: NodeId, unit?: Unit): string {
  return showRange(range, fits(unit, state, id) ? unit : unitOfNode(state, id), state.model.context)
}

export const showValue = (state: State, value: number, id: NodeId, unit?: Unit): string =>
  showAs(state, { low: value, typical: value, high: value }, id, unit)

/** `too high by a factor of 24`, `5% too low`; empty when nothing is off. */
export function offWords(factor: number | null): string {
  if (factor === null || !(factor > 0) || factor === 1) return ''
  const times = factor > 1 ? factor : 1 / factor
  const way = factor > 1 ? 'high' : 'low'
  if (times >= 1.2) return `too ${way} by a factor of ${showNumber(Number(times.toPrecision(3)))}`
  return `${showNumber(Number((100 * Math.abs(factor - 1)).toPrecision(2)))}% too ${way}`
}

function holdsWords(state: State, judgement: Extract<Judgement, { kind: 'holds' }>): string {
  const unit = unitOfNode(state, judgement.left)
  const [left, right] = [judgement.left, judgement.right].map((id) => showAs(state, state.bounds.of(id), id, unit))
  const said = `${left} ${judgement.op} ${right}`
  if (judgement.verdict === 'ok') return judgement.tight ? `${said} holds, with nothing to spare.` : `${said} holds.`
  return judgement.verdict === 'wrong'
    ? `${said} does not hold.`
    : `${said} may hold or not: the plan's numbers allow both.`
}

/** What a judgement says, without its slip. */
export function judgementWords(state: State, judgement: Judgement, claimed: string, claimUnit?: Unit): string {
  switch (judgement.kind) {
    case 'missing':
      return `It cannot be worked out: ${judgement.message}.`
    case 'unit': {
      const unit = unitOfNode(state, judgement.root).text || 'a plain number'
      const own = judgement.unit.text || 'a plain number'
      return `The claim is in ${own}, but what it is about is in ${unit}: these are not the same thing.`
    }
    case 'holds':
      return holdsWords(state, judgement)
    case 'value': {
      const right = showAs(state, judgement.right, judgement.root, claimUnit)
      if (judgement.verdict === 'ok')
        return judgement.wider ? `The plan gives ${right}, which is much less wide.` : `The plan gives ${right}.`
      if (judgement.verdict === 'wrong') {
        const off = judgement.how === 'narrower' || judgement.how === 'end' ? '' : offWords(judgement.factor)
        return `The plan gives ${right}, not ${claimed}${off === '' ? '' : `: ${off}`}.`
      }
      const { graph } = state.model
      const why = graph.node(judgement.root).underdetermined
        ? 'it says too little to tell more'
        : 'it does not say which'
      return `The plan allows ${right}; ${claimed} can be so, but does not follow, for ${why}.`
    }
  }
}

/** `6, 12 and 36` */
export function listOf(items: readonly (string | number)[]): string {
  if (items.length <= 1) return items.join('')
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`
}
