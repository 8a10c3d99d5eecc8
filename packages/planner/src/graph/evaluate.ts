// One number per node, with every input at one value.
import type { Graph, Node, NodeId } from './node.ts'

/** Below this share of a value a difference is the arithmetic's, not the plan's: 60.000000001 instances are 60. */
const NOISE = 1e-9

// What has no bound has none when it is rounded, either; its noise would be infinite, and cancel it.
export const ceilOf = (value: number): number =>
  Number.isFinite(value) ? Math.ceil(value - Math.abs(value) * NOISE) + 0 : value
export const floorOf = (value: number): number =>
  Number.isFinite(value) ? Math.floor(value + Math.abs(value) * NOISE) + 0 : value
export const roundOf = (value: number): number => Math.sign(value) * Math.round(Math.abs(value) * (1 + NOISE))
/** Nothing of nothing is nothing; something of nothing is without bound. */
export const divideOf = (a: number, b: number): number => (a === 0 ? 0 : a / b)
/** Nothing times anything is nothing, however unbounded. */
export const timesOf = (a: number, b: number): number => (a === 0 || b === 0 ? 0 : a * b)

/** Value at `x` of the line through (xs, ys); held constant outside. */
export function lookUpAt(xs: readonly number[], ys: readonly number[], x: number, step: boolean): number {
  const last = xs.length - 1
  const above = xs.findIndex((at) => at > x)
  if (above === 0) return ys[0] as number
  if (above < 0) return ys[last] as number
  const below = ys[above - 1] as number
  if (step) return below
  const [from, to] = [xs[above - 1] as number, xs[above] as number]
  return below + ((ys[above] as number) - below) * ((x - from) / (to - from))
}

/** Value of a node from those of its arguments. */
export function compute(node: Node, args: readonly number[]): number {
  const [a = 0, b = 0] = args
  switch (node.op) {
    case 'same':
      return a
    case 'add':
      return a + b
    case 'sub':
      return a - b
    case 'mul':
      return timesOf(a, b)
    case 'div':
      return divideOf(a, b)
    case 'neg':
      return -a
    case 'min':
      return Math.min(...args)
    case 'max':
      return Math.max(...args)
    case 'ceil':
      return ceilOf(a)
    case 'floor':
      return floorOf(a)
    case 'round':
      return roundOf(a)
    case 'abs':
      return Math.abs(a)
    case 'sqrt':
      return Math.sqrt(a)
    case 'pow':
      return a ** (node.numbers[0] ?? 1)
    case 'lookup':
      return lookUpAt(node.numbers, args.slice(1), a, node.step)
    case 'input':
      return node.typical
  }
}

/** Values of nodes for one assignment of the inputs; computed on demand, each once. */
export class Evaluation {
  readonly #graph: Graph
  readonly #inputValue: (input: Node) => number
  readonly #known = new Map<NodeId, number>()

  constructor(graph: Graph, inputValue: (input: Node) => number) {
    this.#graph = graph
    this.#inputValue = inputValue
  }

  value(id: NodeId): number {
    const known = this.#known.get(id)
    if (known !== undefined) return known
    const value = this.#compute(this.#graph.node(id))
    this.#known.set(id, value)
    return value
  }

  #compute(node: Node): number {
    if (node.op === 'input') return this.#inputValue(node)
    return compute(
      node,
      node.args.map((arg) => this.value(arg)),
    )
  }
}

export const typicalOf = (input: Node): number => input.typical
