// Slips in a formula: an input left out, or applied twice, or taken at one end of its range.
import type { Node, NodeId } from '../graph/node.ts'
import { hardOf, isEmpty } from '../units/dimension.ts'
import { toBase } from '../units/unit.ts'
import { type Case, labelOf, placeOf, rangedInputs, type Suspect } from './suspect.ts'
import { type Change, constant, type Rebuild } from './trial.ts'
import { offBy } from './written.ts'

const LEFT_OUT_WEIGHT = 5
const TWICE_WEIGHT = 4.5
const RANGE_END_WEIGHT = 5.5
const NEAR_END_WEIGHT = 2.5
/** A slip far from the claim is less probable than one near it. */
const PER_STEP = 0.93

const same =
  (to: NodeId): Rebuild =>
  () =>
    to

/** What stands for a factor that was forgotten: one of the unit it is shown in; all of it for a share. */
const oneOf = (of: Case, node: Node): number => (isEmpty(hardOf(node.dim)) ? 1 : toBase(1, of.unitOf(node)))

/** The name of a part of a formula, seen through what only turns it round: `1 - share` is about the share. */
function aboutOf(of: Case, id: NodeId): { label: string; node: Node } | undefined {
  const node = of.graph.node(id)
  const label = labelOf(node)
  if (label !== undefined && !isPlainNumber(node)) return { label, node }
  if (node.op !== 'sub' && node.op !== 'add' && node.op !== 'same') return undefined
  const named = node.args.map((arg) => of.graph.node(arg)).filter((arg) => !isPlainNumber(arg))
  const [only] = named
  const name = named.length === 1 && only ? labelOf(only) : undefined
  return name === undefined || !only ? undefined : { label: name, node }
}

/** A number without a name or unit (the 1 of `1 - share`) is part of the formula, not an input. */
const isPlainNumber = (node: Node): boolean =>
  node.op === 'input' && node.name === '' && isEmpty(node.dim) && !node.unit?.text

interface Part {
  readonly at: Node
  readonly arg: NodeId
  readonly other: NodeId | undefined
  readonly label: string
  readonly node: Node
  readonly depth: number
  readonly position: number
}

function partsOf(of: Case): Part[] {
  const parts: Part[] = []
  for (const [id, depth] of of.depths) {
    const at = of.graph.node(id)
    if (!['mul', 'div', 'add', 'sub'].includes(at.op)) continue
    for (const [position, arg] of at.args.entries()) {
      const about = aboutOf(of, arg)
      if (about) parts.push({ at, arg, other: at.args[1 - position], depth, position, ...about })
    }
  }
  return parts
}

function withoutIt(of: Case, { at, other, node, position }: Part): Change | undefined {
  if (other === undefined) return undefined
  if (at.op === 'add') return { node: at.id, to: same(other) }
  if (at.op === 'sub') return position === 1 ? { node: at.id, to: same(other) } : undefined
  if (at.op === 'div' && position === 0) return undefined
  const one = oneOf(of, node)
  const op = at.op as 'mul' | 'div'
  return {
    node: at.id,
    to: (_, add) => {
      const unity = add(constant(one, node.dim))
      return add({ op, args: position === 0 ? [unity, other] : [other, unity], dim: at.dim, because: [] })
    },
  }
}

function withItTwice(of: Case, { at, arg, node, position }: Part): Change | undefined {
  if (at.op === 'add' || at.op === 'sub') {
    if (at.op === 'sub' && position === 0) return undefined
    const op = at.op
    return { node: at.id, to: (self, add) => add({ op, args: [self, arg], dim: at.dim, because: [] }) }
  }
  const one = oneOf(of, node)
  const op = at.op === 'div' && position === 1 ? 'div' : 'mul'
  return {
    node: at.id,
    to: (self, add) => {
      const plain = add({ op: 'div', args: [arg, add(constant(one, node.dim))], dim: {}, because: [] })
      return add({ op, args: [self, plain], dim: at.dim, because: [] })
    },
  }
}

function formulaSuspects(of: Case): Suspect[] {
  return partsOf(of).flatMap((part) => {
    const steps = PER_STEP ** part.depth
    const out = withoutIt(of, part)
    const twice = withItTwice(of, part)
    const found: Suspect[] = []
    if (out) {
      found.push({
        kind: 'leftOut',
        about: part.label,
        sentence: () => `${part.label} is left out: without it the plan gives what the claim says.`,
        weight: LEFT_OUT_WEIGHT * steps,
        changes: [out],
        factor: 1,
      })
    }
    if (twice) {
      found.push({
        kind: 'doubleCounting',
        about: part.label,
        sentence: () => `${part.label} is counted twice.`,
        weight: TWICE_WEIGHT * steps,
        changes: [twice],
        factor: 1,
      })
    }
    return found
  })
}

/** Each range taken at one of its ends, or at its middle where the claim is a range itself. */
function rangeSuspects(of: Case): Suspect[] {
  return rangedInputs(of).flatMap((node) => {
    const label = placeOf(of, node)
    const whole = () => `${of.show(node.low, node)} to ${of.show(node.high, node)}`
    const one = (value: number, what: string): Suspect => ({
      kind: 'rangeEnd',
      about: label,
      sentence: () => `Only ${what} of ${label} is counted with: ${of.show(value, node)} of ${whole()}.`,
      weight: RANGE_END_WEIGHT,
      changes: [{ node: node.id, to: value }],
      factor: 1,
    })
    const ends = [node.low, node.high].filter((end) => Number.isFinite(end)).map((end) => one(end, 'one end'))
    return of.claimed.isRange ? [...ends, one(node.typical, 'the middle')] : ends
  })
}

/** A claim this near to an end is taken to be it. */
const NEAR = 0.03

/** A single number just beyond an end of what the plan allows. */
function nearEnd(of: Case): Suspect[] {
  const { claimed, right, graph, root } = of
  if (claimed.isRange || claimed.bound !== 'is' || right.low === right.high) return []
  return [right.low, right.high].flatMap((end): Suspect[] =>
    offBy(claimed.low.value, end) > NEAR
      ? []
      : [
          {
            kind: 'rangeEnd',
            about: null,
            sentence: () =>
              `It is about an end of what the plan allows (${of.show(end, graph.node(root))}), taken for the whole.`,
            weight: NEAR_END_WEIGHT,
            changes: [],
            factor: claimed.low.value / right.typical,
          },
        ],
  )
}

export const formulaAndRangeSuspects = (of: Case): Suspect[] => [
  ...formulaSuspects(of),
  ...rangeSuspects(of),
  ...nearEnd(of),
]
