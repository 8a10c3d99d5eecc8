// What may have gone wrong, as something that can be undone and looked at again.
import type { Graph, Node, NodeId } from '../graph/node.ts'
import type { SLIP_KINDS } from '../result.ts'
import { fromBase, type Unit } from '../units/unit.ts'
import type { Claimed, Right } from './compare.ts'
import { type Change, rangeAfter, reachable, typicalAfter } from './trial.ts'
import { ABOUT, mayStandFor, offBy } from './written.ts'

export type SlipKind = (typeof SLIP_KINDS)[number]

export interface Suspect {
  readonly kind: SlipKind
  /** Input, reserve, quantity or claim that it is about. */
  readonly about: string | null
  readonly sentence: () => string
  /** How probable it is before looking at the numbers, against the others. */
  readonly weight: number
  readonly changes: readonly Change[]
  /** What the outcome is multiplied by besides. */
  readonly factor: number
  /** Node that the claim may be about instead. */
  readonly instead?: NodeId
  /** Also a slip when it explains the claim only with other ranges at their typical value, or at one end. */
  readonly loose?: boolean
  /** So small that digits must fit better than usual. */
  readonly strict?: boolean
}

/** A wrong claim and the part of the graph that it is about. */
export interface Case {
  readonly graph: Graph
  readonly root: NodeId
  readonly claimed: Claimed
  readonly right: Right
  /** Nodes that the root rests on, with the number of steps. */
  readonly depths: ReadonlyMap<NodeId, number>
  /** Values for people, in the unit that the node is shown in. */
  readonly show: (value: number, node: Node) => string
  /** Unit that a node is shown in. */
  readonly unitOf: (node: Node) => Unit
  readonly typical: (id: NodeId) => number
  readonly range: (id: NodeId) => Right
  /** The node of a name in a month (`12`), if the plan has it. */
  readonly nodeNamed: (name: string, month: string) => NodeId | undefined
}

/** What a case takes from the plan it is about. */
export type CaseTools = Pick<Case, 'graph' | 'show' | 'unitOf' | 'typical' | 'range' | 'nodeNamed'>

export const caseOf = (tools: CaseTools, root: NodeId, claimed: Claimed, right: Right): Case => ({
  ...tools,
  root,
  claimed,
  right,
  depths: reachable(tools.graph, root),
})

/** Nodes of a case, nearest to the root first. */
export const nodesOf = ({ graph, depths }: Case): Node[] => [...depths.keys()].map((id) => graph.node(id))

const isLiteral = (node: Node): boolean => node.op === 'input' && node.name === ''

/** The text of a number that stands in a formula. */
const literalText = (node: Node): string => node.because.filter((part) => typeof part === 'string').join('')

/** True for a one that only converts (`1 user/participant`) or is part of a formula (`1 - share`). */
export const isUnity = (node: Node): boolean =>
  isLiteral(node) &&
  node.low === node.high &&
  (node.unit === undefined ? node.low === 1 : fromBase(node.low, node.unit) === 1)

/** What a person calls a node; undefined for a part of a formula without a name. */
export function labelOf(node: Node): string | undefined {
  if (node.name !== '') return node.name
  return isLiteral(node) && literalText(node) !== '' ? literalText(node) : undefined
}

/** `peak`, or `5 instances in media-planned@6` for a number that has no name of its own. */
export function placeOf(of: Case, node: Node): string {
  if (!isLiteral(node)) return node.name
  let users = nodesOf(of).filter(({ args }) => args.includes(node.id))
  for (let step = 0; step < 8 && users.length > 0; step += 1) {
    const named = users.find(({ name }) => name !== '')
    if (named) return `${literalText(node)} in ${named.name}`
    const ids = users.map(({ id }) => id)
    users = nodesOf(of).filter(({ args }) => args.some((arg) => ids.includes(arg)))
  }
  return literalText(node)
}

const scale = ({ low, typical, high, underdetermined }: Right, factor: number): Right => ({
  low: low * factor,
  typical: typical * factor,
  high: high * factor,
  underdetermined,
})

/** True when a person who had got `outcome` may have written the claim. */
export function explains(claimed: Claimed, outcome: Right): boolean {
  const stands = (written: Claimed['low'], value: number) => mayStandFor(written, value, claimed.exactness)
  if (claimed.isRange) return stands(claimed.low, outcome.low) && stands(claimed.high, outcome.high)
  if (stands(claimed.low, outcome.typical)) return true
  if (claimed.bound === 'is') return false
  return stands(claimed.low, claimed.bound === 'atLeast' ? outcome.low : outcome.high)
}

/** True when the digits fit so well that a factor near one is told from none. */
function isSharp({ low, high }: Claimed, outcome: Right, factor: number): boolean {
  const open = Math.abs(factor - 1) / 4
  return offBy(low.value, outcome.low) < open && offBy(high.value, outcome.high) < open
}

/** 1 when the outcome is what is written, less the further it is off, as share of what its digits leave open. */
export function closeness(claimed: Claimed, outcome: Right): number {
  const [written, value] = claimed.isRange ? [claimed.high, outcome.high] : [claimed.low, outcome.typical]
  const open = Math.max(written.place / Math.abs(written.value), 0.001)
  return 1 / (1 + offBy(written.value, value) / open)
}

const atPoint = (value: number): Right => ({ low: value, typical: value, high: value, underdetermined: false })

/** Inputs with a range that a case rests on. */
export const rangedInputs = (of: Case): Node[] =>
  nodesOf(of).filter((node) => node.op === 'input' && node.low !== node.high)

/** The outcome as those see it who count with the middle of every range but one, or with an end of it. */
function looseOutcome(of: Case, changes: readonly Change[], whole: Right): Right | undefined {
  const { graph, root, claimed } = of
  if (!claimed.isRange) return [whole.low, whole.high].map(atPoint).find((end) => explains(claimed, end))
  const ranged = rangedInputs(of)
  const pinned = ranged.map((kept) => {
    const others = ranged.filter((node) => node !== kept && !changes.some((change) => change.node === node.id))
    return rangeAfter(graph, root, [...changes, ...others.map((node) => ({ node: node.id, to: node.typical }))])
  })
  return pinned.find((outcome) => explains(claimed, outcome))
}

/** What comes out when the suspect is right, if that is what the claim says. */
export function tryOut(of: Case, suspect: Suspect): Right | undefined {
  const { changes, factor, instead, loose, strict } = suspect
  const { graph, root, claimed } = of
  if (changes.length === 0) {
    const outcome = scale(instead === undefined ? of.right : of.range(instead), factor)
    return explains(claimed, outcome) && (strict !== true || isSharp(claimed, outcome, factor)) ? outcome : undefined
  }
  const middle = atPoint(typicalAfter(graph, root, changes) * factor)
  if (!claimed.isRange && explains(claimed, middle)) return middle
  if (loose !== true && !mayHold(claimed, middle.typical)) return undefined
  const outcome = scale(rangeAfter(graph, root, changes), factor)
  if (explains(claimed, outcome)) return outcome
  return loose === true ? looseOutcome(of, changes, outcome) : undefined
}

/** Spares the work of a range whose middle is not in what the claim says. */
function mayHold({ isRange, bound, low, high }: Claimed, typical: number): boolean {
  if (!isRange) return bound !== 'is'
  const slack = Math.max(high.value - low.value, Math.abs(high.value) * ABOUT, high.place)
  return typical >= low.value - slack && typical <= high.value + slack
}
