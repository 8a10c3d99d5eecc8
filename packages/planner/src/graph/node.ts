// The graph that every number of an answer is a node of. Values are in base units; nodes only ever refer to earlier ones.
import type { Standing } from '../plan-file.ts'
import type { Dim } from '../units/dimension.ts'
import type { Unit } from '../units/unit.ts'

export type NodeId = number

export type Op =
  | 'input'
  | 'same'
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'neg'
  | 'min'
  | 'max'
  | 'ceil'
  | 'floor'
  | 'round'
  | 'abs'
  | 'sqrt'
  | 'pow'
  | 'lookup'

/** Text and nodes in turn: how the value came about, for people. */
export type Because = readonly (string | NodeId)[]

export interface Node {
  readonly id: NodeId
  readonly op: Op
  readonly args: readonly NodeId[]
  readonly dim: Dim
  /** Name for --why; empty for parts of a formula. */
  readonly name: string
  /** Of an input. */
  readonly low: number
  readonly typical: number
  readonly high: number
  /** Of pow; the abscissae of a lookup, in base units, rising. */
  readonly numbers: readonly number[]
  /** Of a lookup: the value of the last row not above, instead of a line between rows. */
  readonly step: boolean
  /** Unit it is shown in, when something decided one. */
  readonly unit: Unit | undefined
  readonly standing: Standing
  /** True when the plan gives too little to know it: one load point for a line. */
  readonly underdetermined: boolean
  /** Depends on the month of growth. */
  readonly monthly: boolean
  readonly because: Because
  readonly line: number | undefined
  readonly note: string | undefined
}

export type NodeDraft = Pick<Node, 'op' | 'args' | 'dim' | 'because'> & Partial<Omit<Node, 'id'>>

const RANK: Readonly<Record<Standing, number>> = { measured: 0, given: 1, assumed: 2 }

/** The less certain of the two. */
export const weaker = (a: Standing, b: Standing): Standing => (RANK[a] >= RANK[b] ? a : b)

export class Graph {
  readonly nodes: Node[] = []

  node(id: NodeId): Node {
    const node = this.nodes[id]
    if (!node) throw new RangeError(`no node ${id}`)
    return node
  }

  /** Adds a node; what it does not say is taken from its inputs. */
  add(draft: NodeDraft): NodeId {
    const id = this.nodes.length
    const inputs = draft.args.map((arg) => this.node(arg))
    const inherited = inputs.map((node) => node.standing).reduce((a, b) => weaker(a, b), 'measured' as Standing)
    const own = draft.standing ?? (draft.op === 'input' ? 'given' : 'measured')
    this.nodes.push({
      name: '',
      low: 0,
      typical: 0,
      high: 0,
      numbers: [],
      step: false,
      unit: undefined,
      line: undefined,
      note: undefined,
      ...draft,
      id,
      standing: inputs.length === 0 ? own : weaker(own, inherited),
      underdetermined: draft.underdetermined === true || inputs.some((node) => node.underdetermined),
      monthly: draft.monthly === true || inputs.some((node) => node.monthly),
    })
    return id
  }
}

/** Inputs that a node rests on, each once, in the order of the graph. */
export function inputsOf(graph: Graph, id: NodeId): NodeId[] {
  const seen = new Set<NodeId>()
  const stack = [id]
  while (stack.length > 0) {
    const next = stack.pop() as NodeId
    if (seen.has(next)) continue
    seen.add(next)
    stack.push(...graph.node(next).args)
  }
  return [...seen].filter((node) => graph.node(node).op === 'input').sort((a, b) => a - b)
}
