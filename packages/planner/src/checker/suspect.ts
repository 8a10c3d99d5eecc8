// What may have gone wrong, as something that can be undone and looked at again.
import type { Graph, Node, NodeId } from '../graph/node.ts'
import type { SLIP_KINDS } from '../result.ts'
import type { Unit } from '../units/unit.ts'
import type { Claimed, Right } from './compare.ts'
import { type Change, rangeAfter, reachable, typicalAfter } from './trial.ts'
import { mayStandFor, offBy } from './written.ts'

export type SlipKind = (typeof SLIP_KINDS)[number]

export interface Suspect {
  readonly kind: SlipKind
  /** Input, reserve, quantity or claim that it is about. */
  readonly about: string | null
  readonly sentence: string
  /** How probable it is before looking at the numbers, against the others. */
  readonly weight: number
  readonly changes: readonly Change[]
  /** What the outcome is multiplied by besides. */
  readonly factor: number
  /** Node that the claim may be about instead. */
  readonly instead?: NodeId
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
  /** The node of a name in a month (`12`), if the plan has it. */
  readonly nodeNamed: (name: string, month: string) => NodeId | undefined
}

/** What a case takes from the plan it is about. */
export type CaseTools = Pick<Case, 'graph' | 'show' | 'unitOf' | 'typical' | 'nodeNamed'>

export const caseOf = (tools: CaseTools, root: NodeId, claimed: Claimed, right: Right): Case => ({
  ...tools,
  root,
  claimed,
  right,
  depths: reachable(tools.graph, root),
})

/** Nodes of a case, nearest to the root first. */
export const nodesOf = ({ graph, depths }: Case): Node[] => [...depths.keys()].map((id) => graph.node(id))

/** What a person calls a node; undefined for a part of a formula without a name. */
export function labelOf(node: Node): string | undefined {
  if (node.name !== '') return node.name
  const text = node.because.filter((part) => typeof part === 'string').join('')
  return node.op === 'input' && text !== '' ? text : undefined
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

/** 1 when the outcome is what is written, less the further it is off, as share of what its digits leave open. */
export function closeness(claimed: Claimed, outcome: Right): number {
  const [written, value] = claimed.isRange ? [claimed.high, outcome.high] : [claimed.low, outcome.typical]
  const open = Math.max(written.place / Math.abs(written.value), 0.001)
  return 1 / (1 + offBy(written.value, value) / open)
}

/** What comes out when the suspect is right, if that is what the claim says. */
export function tryOut(of: Case, { changes, factor, instead }: Suspect): Right | undefined {
  const { graph, claimed } = of
  const root = instead ?? of.root
  if (changes.length === 0 && instead === undefined) {
    const outcome = scale(of.right, factor)
    return explains(claimed, outcome) ? outcome : undefined
  }
  if (!claimed.isRange && claimed.bound === 'is') {
    const typical = typicalAfter(graph, root, changes) * factor
    const outcome = { low: typical, typical, high: typical, underdetermined: false }
    return explains(claimed, outcome) ? outcome : undefined
  }
  const outcome = scale(rangeAfter(graph, root, changes), factor)
  return explains(claimed, outcome) ? outcome : undefined
}
