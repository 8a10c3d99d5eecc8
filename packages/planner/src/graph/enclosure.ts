// Encloses every node, and its slope along every input that is a range, over a box of inputs. The sign of a slope tells where
// in the box a node is least and greatest.
import { ceilOf, floorOf, lookUpAt, roundOf } from './evaluate.ts'
import {
  ALL,
  absInterval,
  addInterval,
  divInterval,
  hull,
  type Interval,
  isPoint,
  isZero,
  monotone,
  mulInterval,
  negate,
  point,
  stairs,
  subInterval,
  ZERO,
} from './interval.ts'
import type { Graph, Node, NodeId } from './node.ts'

/** Input to the slope along it; inputs that do not matter are absent. */
export type Slopes = ReadonlyMap<NodeId, Interval>

export interface Enclosed {
  readonly value: Interval
  readonly slopes: Slopes
}

export const NO_SLOPES: Slopes = new Map()

function merge(a: Slopes, b: Slopes, join: (x: Interval, y: Interval) => Interval): Slopes {
  if (a.size === 0 && b.size === 0) return NO_SLOPES
  const merged = new Map<NodeId, Interval>()
  for (const [input, slope] of a) merged.set(input, join(slope, b.get(input) ?? ZERO))
  for (const [input, slope] of b) if (!a.has(input)) merged.set(input, join(ZERO, slope))
  return merged
}

function along(slopes: Slopes, change: (slope: Interval) => Interval): Slopes {
  if (slopes.size === 0) return NO_SLOPES
  return new Map([...slopes].map(([input, slope]) => [input, change(slope)]))
}

function quotient(a: Enclosed, b: Enclosed): Enclosed {
  const value = divInterval(a.value, b.value)
  // (a / b)' = (a' - (a / b) b') / b
  const slopes = merge(a.slopes, b.slopes, (da, db) =>
    subInterval(divInterval(da, b.value), isZero(db) ? ZERO : divInterval(mulInterval(value, db), b.value)),
  )
  return { value, slopes }
}

/** The least (or greatest) of several: its slope is that of any that may be it. */
function extreme(args: readonly Enclosed[], least: boolean): Enclosed {
  const pick = least ? Math.min : Math.max
  const value = {
    low: pick(...args.map((arg) => arg.value.low)),
    high: pick(...args.map((arg) => arg.value.high)),
  }
  const possible = args.filter((arg) => (least ? arg.value.low <= value.high : arg.value.high >= value.low))
  const slopes = possible.map((arg) => arg.slopes).reduce((a, b) => merge(a, b, hull))
  return { value, slopes }
}

function lookedUp(node: Node, args: readonly Enclosed[]): Enclosed {
  const [x, ...rows] = args as [Enclosed, ...Enclosed[]]
  const at = (pick: (row: Enclosed) => number, place: number) =>
    lookUpAt(node.numbers, rows.map(pick), place, node.step)
  const inside = rows.filter((_, index) => {
    const place = node.numbers[index] as number
    return place >= x.value.low && place <= x.value.high
  })
  const ends = [x.value.low, x.value.high].map((place) => ({
    low: at((row) => row.value.low, place),
    high: at((row) => row.value.high, place),
  }))
  const value = [...ends, ...inside.map((row) => row.value)].reduce(hull)
  const byRow = rows.map((row) => along(row.slopes, (slope) => hull(ZERO, slope))).reduce((a, b) => merge(a, b, hull))
  if (isPoint(x.value)) return { value, slopes: byRow }
  let steepest: Interval = ZERO
  for (const [index, row] of rows.entries()) {
    const before = rows[index - 1]
    if (before === undefined) continue
    const rise = subInterval(row.value, before.value)
    const run = (node.numbers[index] as number) - (node.numbers[index - 1] as number)
    steepest = hull(steepest, node.step ? stairs(rise) : divInterval(rise, point(run)))
  }
  return {
    value,
    slopes: merge(
      byRow,
      along(x.slopes, (slope) => mulInterval(steepest, slope)),
      addInterval,
    ),
  }
}

function power(node: Node, a: Enclosed): Enclosed {
  const exponent = node.numbers[0] ?? 1
  if (a.value.low < 0) return { value: ALL, slopes: along(a.slopes, () => ALL) }
  const value = monotone(a.value, (base) => base ** exponent)
  const sorted = value.low <= value.high ? value : { low: value.high, high: value.low }
  const steep = [a.value.low, a.value.high].map((base) => exponent * base ** (exponent - 1))
  const factor = { low: Math.min(...steep), high: Math.max(...steep) }
  return { value: sorted, slopes: along(a.slopes, (slope) => mulInterval(factor, slope)) }
}

/** Enclosure of a node from those of its arguments. */
export function combine(node: Node, args: readonly Enclosed[]): Enclosed {
  const [a, b] = args as [Enclosed, Enclosed]
  switch (node.op) {
    case 'add':
      return { value: addInterval(a.value, b.value), slopes: merge(a.slopes, b.slopes, addInterval) }
    case 'sub':
      return { value: subInterval(a.value, b.value), slopes: merge(a.slopes, b.slopes, subInterval) }
    case 'mul':
      return {
        value: mulInterval(a.value, b.value),
        slopes: merge(a.slopes, b.slopes, (da, db) => addInterval(mulInterval(da, b.value), mulInterval(a.value, db))),
      }
    case 'div':
      return quotient(a, b)
    case 'neg':
      return { value: negate(a.value), slopes: along(a.slopes, negate) }
    case 'min':
    case 'max':
      return extreme(args, node.op === 'min')
    case 'ceil':
      return { value: monotone(a.value, ceilOf), slopes: along(a.slopes, stairs) }
    case 'floor':
      return { value: monotone(a.value, floorOf), slopes: along(a.slopes, stairs) }
    case 'round':
      return { value: monotone(a.value, roundOf), slopes: along(a.slopes, stairs) }
    case 'abs': {
      const sign = a.value.low >= 0 ? point(1) : a.value.high <= 0 ? point(-1) : { low: -1, high: 1 }
      return { value: absInterval(a.value), slopes: along(a.slopes, (slope) => mulInterval(sign, slope)) }
    }
    case 'sqrt':
      return {
        value: monotone(a.value, (value) => Math.sqrt(Math.max(0, value))),
        slopes: along(a.slopes, stairs),
      }
    case 'pow':
      return power(node, a)
    case 'lookup':
      return lookedUp(node, args)
    case 'same':
    case 'input':
      return a
  }
}

/** Enclosures of nodes over one box; computed on demand, each once. */
export class Enclosure {
  readonly #graph: Graph
  readonly #box: (input: Node) => Interval
  readonly #known = new Map<NodeId, Enclosed>()

  constructor(graph: Graph, box: (input: Node) => Interval) {
    this.#graph = graph
    this.#box = box
  }

  of(id: NodeId): Enclosed {
    const known = this.#known.get(id)
    if (known !== undefined) return known
    const enclosed = this.#compute(this.#graph.node(id))
    this.#known.set(id, enclosed)
    return enclosed
  }

  #compute(node: Node): Enclosed {
    if (node.op === 'input') {
      const value = this.#box(node)
      return { value, slopes: isPoint(value) ? NO_SLOPES : new Map([[node.id, point(1)]]) }
    }
    return combine(
      node,
      node.args.map((arg) => this.of(arg)),
    )
  }
}
