// Slips that say less: the number of something else, a reserve that nobody named, or only what would have to be different.
import type { Node } from '../graph/node.ts'
import { common, sameDim } from '../units/dimension.ts'
import { fromBase, type Unit } from '../units/unit.ts'
import { type Case, isUnity, labelOf, nodesOf, placeOf, type Suspect } from './suspect.ts'
import { withInput } from './trial.ts'
import { placesOf, significantDigits } from './written.ts'

const RELATED_WEIGHT = 3.5
const UNRELATED_WEIGHT = 2
const TELLING_DIGITS = 2
const UNSTATED_WEIGHT = 3
const WOULD_HOLD_WEIGHT = 1
/** A reserve that nobody named is believed between these. */
const LEAST_RESERVE = 0.03
const MOST_RESERVE = 0.75
/** An input is looked for up to so many times more or less. */
const FURTHEST = 1e4
const STEPS = 60

/** Other named numbers of the plan that the claim may be. Those it rests on, or that stand beside it, are likelier. */
function otherQuantities(of: Case, named: readonly Node[]): Suspect[] {
  const root = of.graph.node(of.root)
  const family = root.name.split('.')[0]
  const telling = significantDigits(of.claimed.low) >= TELLING_DIGITS
  const seen = new Set<number>([of.right.typical])
  return named.flatMap((node) => {
    if (node.id === of.root || node.name === root.name || common(node.dim, root.dim) === undefined) return []
    const value = of.typical(node.id)
    const related = of.depths.has(node.id) || (family !== '' && node.name.split('.')[0] === family)
    // A number of one digit is that of many things.
    if (seen.has(value) || !(related || (telling && sameDim(node.dim, root.dim)))) return []
    seen.add(value)
    return [
      {
        kind: 'otherQuantity' as const,
        about: node.name,
        sentence: () => `It is the number of ${node.name} (${of.show(value, node)}).`,
        weight: related ? RELATED_WEIGHT : UNRELATED_WEIGHT,
        changes: [],
        factor: 1,
        instead: node.id,
      },
    ]
  })
}

const percent = (share: number): string => `${Math.round(share * 100)}%`

/** What a capacity is lower by than the plan gives; it explains itself. */
function unstatedReserve(of: Case): Suspect[] {
  const { claimed, right, graph, root } = of
  const name = graph.node(root).name.replace(/@\d+$/, '')
  if (!/\.(limit|realistic|capacity)$/.test(name) || claimed.bound === 'atMost') return []
  const shares = [1 - claimed.low.value / right.low, 1 - claimed.high.value / right.high]
  if (!claimed.isRange) shares.splice(0, 2, 1 - claimed.low.value / right.typical)
  const [least, most] = [Math.min(...shares), Math.max(...shares)]
  if (!(least >= LEAST_RESERVE && most <= MOST_RESERVE)) return []
  const share = percent(least) === percent(most) ? percent(least) : `${percent(least)} to ${percent(most)}`
  return [
    {
      kind: 'unstatedReserve',
      about: name,
      sentence: () =>
        `It is lower by ${share}: a reserve that the plan does not name. Give it as a line under reserves.`,
      weight: UNSTATED_WEIGHT,
      changes: [],
      factor: Number.NaN,
    },
  ]
}

/** The value of an input at which the outcome is `target`, nearest to what it is; undefined when there is none. */
export function solve(at: (value: number) => number, from: number, target: number): number | undefined {
  const miss = (value: number) => at(value) - target
  const start = miss(from)
  if (!Number.isFinite(start)) return undefined
  for (const away of [1.1, 2, 10, 100, FURTHEST]) {
    for (const edge of [from / away, from * away]) {
      const end = miss(edge)
      if (!Number.isFinite(end) || Math.sign(end) === Math.sign(start)) continue
      let [near, far] = [Math.log(from), Math.log(edge)]
      for (let step = 0; step < STEPS; step += 1) {
        const middle = (near + far) / 2
        if (Math.sign(miss(Math.exp(middle))) === Math.sign(start)) near = middle
        else far = middle
      }
      return Math.exp(far)
    }
  }
  return undefined
}

export interface WouldHold {
  readonly input: Node
  readonly value: number
}

/** Each digit more of what an input would have to be costs so much as a change by a third. */
const PER_DIGIT = 0.3
/** What is only assumed is likelier to be different. */
const FOR_ASSUMED = 0.5
/** A number without a name stands where it stands for a reason. */
const AGAINST_LITERAL = 0.25

/** How improbable it is that an input was meant to be a value: far from what it is, not round. */
function cost({ input, value }: WouldHold, unit: Unit): number {
  const written = fromBase(value, unit).toPrecision(4)
  const digits = significantDigits({ value: Number(written), ...placesOf(String(Math.abs(Number(written)))) })
  const change = Math.abs(Math.log(value / input.typical))
  const standing = input.standing === 'assumed' ? -FOR_ASSUMED : 0
  return change + PER_DIGIT * digits + standing + (input.name === '' ? AGAINST_LITERAL : 0)
}

/** Inputs that would make the claim hold, the most probable first. */
export function wouldHold(of: Case, target: number): WouldHold[] {
  const inputs = nodesOf(of).filter(
    (node) => node.op === 'input' && node.typical > 0 && labelOf(node) !== undefined && !isUnity(node),
  )
  const found = inputs.flatMap((input) => {
    const value = solve(withInput(of.graph, of.root, input.id), input.typical, target)
    return value === undefined ? [] : [{ input, value }]
  })
  const scored = found.map((each) => ({ ...each, cost: cost(each, of.unitOf(each.input)) }))
  return scored.sort((a, b) => a.cost - b.cost)
}

/** `It would hold if peak were about 1.6% instead of 15%.` */
export function wouldHoldSentence(of: Case, { input, value }: WouldHold): string {
  const instead = input.name === '' ? '' : ` instead of ${of.show(input.typical, input)}`
  return `It would hold if ${placeOf(of, input)} were about ${of.show(value, input)}${instead}.`
}

function nearestInput(of: Case): Suspect[] {
  const { low, high } = of.claimed
  const [best] = wouldHold(of, (low.value + high.value) / 2)
  if (best === undefined) return []
  return [
    {
      kind: 'wouldHold',
      about: placeOf(of, best.input),
      sentence: () => wouldHoldSentence(of, best),
      weight: WOULD_HOLD_WEIGHT,
      changes: [],
      factor: Number.NaN,
    },
  ]
}

export const lastSuspects = (of: Case, named: readonly Node[]): Suspect[] => otherQuantities(of, named)
/** Suspects that need no trial: they hold by how they are made. */
export const certainSuspects = (of: Case): Suspect[] => [...unstatedReserve(of), ...nearestInput(of)]
