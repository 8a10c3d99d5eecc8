// The graph of a plan with some of it done differently: what would have come out.
import { BoundsOf } from '../graph/bounds.ts'
import { Evaluation, typicalOf } from '../graph/evaluate.ts'
import { Graph, type Node, type NodeDraft, type NodeId } from '../graph/node.ts'
import type { Right } from './compare.ts'

/** Builds what stands in for a node. `self` is the node as it was. */
export type Rebuild = (self: NodeId, add: (draft: NodeDraft) => NodeId) => NodeId

export interface Change {
  readonly node: NodeId
  /** A number in base units, or a formula over nodes. */
  readonly to: number | Rebuild
}

/** Nodes that a node rests on, itself first, each once, with how many steps away it is. */
export function reachable(graph: Graph, root: NodeId): ReadonlyMap<NodeId, number> {
  const depths = new Map<NodeId, number>([[root, 0]])
  let layer = [root]
  while (layer.length > 0) {
    const next: NodeId[] = []
    for (const id of layer) {
      for (const arg of graph.node(id).args) {
        if (depths.has(arg)) continue
        depths.set(arg, (depths.get(id) ?? 0) + 1)
        next.push(arg)
      }
    }
    layer = next
  }
  return depths
}

/** A node that is a plain number, in base units. */
export const constant = (value: number, dim: Node['dim'] = {}): NodeDraft => ({
  op: 'input',
  args: [],
  dim,
  because: [],
  low: value,
  typical: value,
  high: value,
})

function changedGraph(graph: Graph, changes: readonly Change[]): Graph {
  const changed = new Graph()
  changed.nodes.push(...graph.nodes)
  for (const { node, to } of changes) {
    const old = changed.node(node)
    if (typeof to === 'number') {
      changed.nodes[node] = { ...old, op: 'input', args: [], low: to, typical: to, high: to }
      continue
    }
    const self = changed.nodes.length
    changed.nodes.push({ ...old, id: self })
    const rebuilt = to(self, (draft) => changed.add(draft))
    changed.nodes[node] = { ...old, op: 'same', args: [rebuilt] }
  }
  return changed
}

/** What a node is after changes, with its range. */
export function rangeAfter(graph: Graph, root: NodeId, changes: readonly Change[]): Right {
  const bounds = new BoundsOf(changes.length === 0 ? graph : changedGraph(graph, changes)).of(root)
  return { ...bounds, underdetermined: graph.node(root).underdetermined }
}

/** What a node is after changes with every range at its typical value: much cheaper than its range. */
export function typicalAfter(graph: Graph, root: NodeId, changes: readonly Change[]): number {
  return new Evaluation(changedGraph(graph, changes), typicalOf).value(root)
}

/** What a node is with one input at other values; for solving. */
export function withInput(graph: Graph, root: NodeId, input: NodeId): (value: number) => number {
  return (value) => new Evaluation(graph, (node) => (node.id === input ? value : node.typical)).value(root)
}
