// The slips of one wrong claim.
import type { Node, NodeId } from '../graph/node.ts'
import type { Slip } from '../result.ts'
import { hardOf, isEmpty, over, sameDim } from '../units/dimension.ts'
import { fittingUnit, showRange } from '../units/show.ts'
import type { Unit } from '../units/unit.ts'
import type { Claimed } from './compare.ts'
import { holdsFor, type Judgement, rightOf, type State } from './judge.ts'
import { wouldHold, wouldHoldSentence } from './last-suspects.ts'
import { slipsOf, type WrongClaim } from './slips.ts'
import { structureSuspects } from './structure-suspects.ts'
import { type Case, type CaseTools, caseOf, placeOf } from './suspect.ts'
import { rangeAfter } from './trial.ts'
import { showValue, unitOfNode } from './words.ts'
import { mayStandFor } from './written.ts'

/** `unit` is what a claim is written in: what it is about is shown beside it in the same. */
function toolsOf(state: State, root: NodeId, unit?: Unit): CaseTools {
  const { model, bounds } = state
  return {
    graph: model.graph,
    show: (value, node) => showValue(state, value, node.id, node.id === root ? unit : undefined),
    unitOf: (node) => unitOfNode(state, node.id),
    typical: (id) => bounds.typical.value(id),
    range: (id) => rightOf(state, id),
    savings: [...model.definitions.keys()].filter((name) => /^saving\.[^.]+$/.test(name)),
    nodeNamed: (name, month) =>
      model.has(name) ? model.node(name, month === '' ? undefined : Number(month)) : undefined,
  }
}

/** Names that only repeat what others say. */
const REPEATS = /^(objective|breakEven|show|left)\.|\.(shareOfTotal|per)$/

/** Every named node of the plan, for the month of a claim. */
export function namedNodes({ model }: State, month: number | undefined): Node[] {
  return [...model.definitions.keys()]
    .filter((name) => !REPEATS.test(name))
    .map((name) => model.graph.node(model.node(name, month)))
}

const NOTHING: Claimed = {
  bound: 'is',
  low: { value: 0, place: 0, coarse: 0 },
  high: { value: 0, place: 0, coarse: 0 },
  isRange: false,
  exactness: { rounding: 'any', tolerance: undefined },
}

/** Slips of a comparison: what makes it true, then the input that would have to change least. */
function holdsSlips(state: State, judgement: Extract<Judgement, { kind: 'holds' }>): Slip[] {
  const { difference, left, right, op } = judgement
  const { graph } = state.model
  const of = caseOf(toolsOf(state, difference), difference, NOTHING, rightOf(state, difference))
  const scale = Math.max(...[left, right].map((id) => Math.abs(state.bounds.typical.value(id))))
  const found = structureSuspects(of)
    .filter(({ changes }) => holdsFor(op, rangeAfter(graph, difference, changes), scale) === 'always')
    .sort((a, b) => b.weight - a.weight)
    .map(({ kind, sentence, about }): Slip => ({ kind, sentence: sentence(), about }))
  const [best] = wouldHold(of, 0)
  if (best === undefined) return found
  return [...found, { kind: 'wouldHold', about: placeOf(of, best.input), sentence: wouldHoldSentence(of, best) }]
}

/** What turns one unit into the other, if the plan names it: participants per call. */
function unitSlip(state: State, judgement: Extract<Judgement, { kind: 'unit' }>): Slip {
  const { model, bounds } = state
  const { root, unit } = judgement
  const { dim } = model.graph.node(root)
  const wanted = over(unit.dim, dim)
  const onlyNouns = isEmpty(hardOf(wanted))
  const bridge = (onlyNouns ? namedNodes(state, undefined) : []).find(
    (node) => sameDim(node.dim, wanted) || sameDim(over({}, node.dim), wanted),
  )
  if (bridge === undefined) return { kind: 'unit', about: null, sentence: 'Its unit is that of something else.' }
  const by = bounds.typical.value(bridge.id)
  const value = bounds.typical.value(root) * (sameDim(bridge.dim, wanted) ? by : 1 / by)
  const shown = showRange(
    { low: value, typical: value, high: value },
    unit.text === '' ? fittingUnit(unit.dim, value, model.context) : unit,
    model.context,
  )
  const sentence = `Its unit is that of something else; by ${bridge.name} (${showValue(state, by, bridge.id)}) it is ${shown}.`
  return { kind: 'unit', about: bridge.name, sentence }
}

export interface WrongCase {
  /** Of the claim. */
  readonly number: number
  readonly state: State
  readonly judgement: Judgement
  readonly claimed: Claimed | undefined
  readonly unit: Unit | undefined
  readonly month: number | undefined
  /** Other wrong claims about the same state of the plan. */
  readonly wrong: readonly WrongClaim[]
}

/** Why a wrong claim may have come about, the most probable first. */
export function slipsOfCase({ number, state, judgement, claimed, unit, month, wrong }: WrongCase): Slip[] {
  switch (judgement.kind) {
    case 'missing':
      return []
    case 'unit':
      return [unitSlip(state, judgement)]
    case 'holds':
      return holdsSlips(state, judgement)
    case 'value': {
      if (claimed === undefined) return []
      const of = caseOf(toolsOf(state, judgement.root, unit), judgement.root, claimed, judgement.right)
      const slips = slipsOf(of, namedNodes(state, month), wrong, number)
      return judgement.how === 'end' || judgement.how === 'narrower' ? [rangeSlip(of, judgement.how), ...slips] : slips
    }
  }
}

/** What the comparison itself shows. */
function rangeSlip({ claimed, right, graph, root, show }: Case, how: 'end' | 'narrower'): Slip {
  const node = graph.node(root)
  if (how === 'end') {
    return { kind: 'rangeEnd', about: null, sentence: 'An end of what the plan allows is taken for the whole.' }
  }
  const stands = (end: 'low' | 'high') => mayStandFor(claimed[end], right[end], claimed.exactness)
  const below = stands('low') ? [] : [`down to ${show(right.low, node)}`]
  const above = stands('high') ? [] : [`up to ${show(right.high, node)}`]
  const sentence = `It leaves out part of what the plan allows: ${[...below, ...above].join(' and ')}.`
  return { kind: 'rangeEnd', about: null, sentence }
}
