// The part of the graph below one node that varies, in order, with everything else already a number: for asking the same node
// many times.
import { combine, type Enclosed, NO_SLOPES } from './enclosure.ts'
import { compute } from './evaluate.ts'
import { type Interval, isPoint, point } from './interval.ts'
import type { Graph, Node, NodeId } from './node.ts'

interface Step {
  readonly node: Node
  /** Place on the tape of each argument. */
  readonly args: readonly number[]
}

export class Tape {
  readonly #steps: readonly Step[]
  /** Value at each place; those of what varies are overwritten by each run. */
  readonly #values: number[]
  readonly #first: number

  /** `fixed` gives the value of a node that does not vary, undefined for one that does. */
  constructor(graph: Graph, target: NodeId, fixed: (id: NodeId) => number | undefined) {
    const varying = new Set<NodeId>()
    const constants = new Map<NodeId, number>()
    const stack = [target]
    while (stack.length > 0) {
      const id = stack.pop() as NodeId
      if (varying.has(id) || constants.has(id)) continue
      const value = fixed(id)
      if (value !== undefined) constants.set(id, value)
      else {
        varying.add(id)
        stack.push(...graph.node(id).args)
      }
    }
    const place = new Map<NodeId, number>([...constants.keys()].map((id, index) => [id, index]))
    const ordered = [...varying].sort((a, b) => a - b)
    for (const [index, id] of ordered.entries()) place.set(id, constants.size + index)
    this.#first = constants.size
    this.#values = [...constants.values(), ...ordered.map(() => 0)]
    this.#steps = ordered.map((id) => {
      const node = graph.node(id)
      return { node, args: node.args.map((arg) => place.get(arg) as number) }
    })
  }

  /** Value of the target with the inputs as given. */
  value(inputValue: (input: Node) => number): number {
    const values = this.#values
    let at = this.#first
    for (const { node, args } of this.#steps) {
      values[at] =
        node.op === 'input'
          ? inputValue(node)
          : compute(
              node,
              args.map((arg) => values[arg] as number),
            )
      at += 1
    }
    return values[at - 1] as number
  }

  /** Enclosure of the target over a box of its inputs. */
  enclose(box: (input: Node) => Interval): Enclosed {
    const known: Enclosed[] = this.#values
      .slice(0, this.#first)
      .map((value) => ({ value: point(value), slopes: NO_SLOPES }))
    for (const { node, args } of this.#steps) {
      if (node.op === 'input') {
        const value = box(node)
        known.push({ value, slopes: isPoint(value) ? NO_SLOPES : new Map([[node.id, point(1)]]) })
      } else {
        known.push(
          combine(
            node,
            args.map((arg) => known[arg] as Enclosed),
          ),
        )
      }
    }
    return known.at(-1) as Enclosed
  }
}
