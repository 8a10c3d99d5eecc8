// The least and the greatest a node can be while its inputs go through their ranges. Where every slope has a sign, both are
// reached in a corner and are exact; elsewhere the box is halved where the sign is open until the answer is tight or the work
// done, and what remains is an enclosure. Seeded samples tell how much wider than the truth it can be.
import { type Random, seededRandom } from '@parley/kernel'
import { Enclosure, type Slopes } from './enclosure.ts'
import { Evaluation, typicalOf } from './evaluate.ts'
import type { Interval } from './interval.ts'
import type { Graph, Node, NodeId } from './node.ts'
import { Tape } from './tape.ts'

const MAX_BOXES = 24
const SAMPLES = 32
/** Relative gap at which an enclosure counts as reached. */
const TIGHT = 1e-6

export interface Bounds extends Interval {
  readonly typical: number
  readonly exact: boolean
  /** Width over the width seen in samples, 1 or more. */
  readonly widthRatio: number
}

type Box = ReadonlyMap<NodeId, Interval>

const rangeOf = (input: Node): Interval => ({ low: input.low, high: input.high })

interface Part {
  readonly box: Box
  /** The least of the part is not below this. */
  readonly bound: number
  /** A value that is reached in the part. */
  readonly reached: number
  readonly open: readonly NodeId[]
}

interface Search {
  readonly tape: Tape
  readonly sign: 1 | -1
}

const openOf = (slopes: Slopes): NodeId[] =>
  [...slopes].filter(([, { low, high }]) => low < 0 && high > 0).map(([input]) => input)

export class BoundsOf {
  readonly #graph: Graph
  readonly #whole: Enclosure
  readonly #seed: number
  readonly #known = new Map<NodeId, Bounds>()
  readonly #corners = new Map<string, Evaluation>()
  readonly typical: Evaluation

  constructor(graph: Graph, seed = 1) {
    this.#graph = graph
    this.#seed = seed
    this.#whole = new Enclosure(graph, rangeOf)
    this.typical = new Evaluation(graph, typicalOf)
  }

  /** Inputs with a range that matter to the node. */
  ranged(id: NodeId): NodeId[] {
    return [...this.#whole.of(id).slopes.keys()]
  }

  of(id: NodeId): Bounds {
    const known = this.#known.get(id)
    if (known) return known
    const bounds = this.#compute(id)
    this.#known.set(id, bounds)
    return bounds
  }

  #compute(id: NodeId): Bounds {
    const typical = this.typical.value(id)
    const { value, slopes } = this.#whole.of(id)
    if (slopes.size === 0) return { low: typical, high: typical, typical, exact: true, widthRatio: 1 }
    if (openOf(slopes).length === 0) {
      const low = this.#corner(slopes, true).value(id)
      const high = this.#corner(slopes, false).value(id)
      return { low, high, typical, exact: true, widthRatio: 1 }
    }
    const low = this.#least(id, slopes, 1)
    const high = this.#least(id, slopes, -1)
    const bounds = { low: Math.max(low.bound, value.low), high: Math.min(-high.bound, value.high) }
    const gap = (a: number, b: number) => (a === b ? 0 : Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b)))
    const exact = gap(low.bound, low.reached) <= TIGHT && gap(high.bound, high.reached) <= TIGHT
    if (exact) return { ...bounds, typical, exact, widthRatio: 1 }
    return { ...bounds, typical, exact, widthRatio: this.#widthRatio(id, bounds, low.reached, -high.reached) }
  }

  /** Every input at the end where a node of these slopes is least (or greatest); open ones at their typical value. */
  #corner(slopes: Slopes, least: boolean): Evaluation {
    const ends = new Map<NodeId, boolean>()
    let key = ''
    for (const [input, { low, high }] of slopes) {
      if (low < 0 && high > 0) continue
      const atLow = low >= 0 === least
      ends.set(input, atLow)
      key += `${input}${atLow ? '-' : '+'}`
    }
    const known = this.#corners.get(key)
    if (known) return known
    const corner = new Evaluation(this.#graph, (input) => {
      const atLow = ends.get(input.id)
      return atLow === undefined ? input.typical : atLow ? input.low : input.high
    })
    this.#corners.set(key, corner)
    return corner
  }

  /**
   * Branch and bound: the least of `sign` times the node. Inputs whose slope has a sign stay at their end, so only the open
   * ones make up the box.
   */
  #least(id: NodeId, slopes: Slopes, sign: 1 | -1): { bound: number; reached: number } {
    const corner = this.#corner(slopes, sign === 1)
    const open = openOf(slopes)
    const tape = new Tape(this.#graph, id, (node) => {
      const moved = this.#whole.of(node).slopes
      return open.some((input) => moved.has(input)) ? undefined : corner.value(node)
    })
    const whole: Box = new Map(open.map((input) => [input, rangeOf(this.#graph.node(input))]))
    const search: Search = { tape, sign }
    const parts = [this.#part(search, whole)]
    let reached = parts[0]?.reached ?? Infinity
    for (let count = 1; count < MAX_BOXES; count += 2) {
      parts.sort((a, b) => a.bound - b.bound)
      const first = parts[0]
      // Parts whose enclosure lies above what is reached, if only by rounding, are gone.
      if (first === undefined || first.open.length === 0 || first.bound >= reached - Math.abs(reached) * TIGHT) break
      parts.shift()
      for (const half of this.#halves(first)) {
        const part = this.#part(search, half)
        reached = Math.min(reached, part.reached)
        if (part.bound <= reached) parts.push(part)
      }
    }
    const bound = Math.min(reached, ...parts.map((part) => part.bound))
    return { bound, reached }
  }

  #part({ tape, sign }: Search, box: Box): Part {
    const inBox = (input: Node): Interval => box.get(input.id) ?? rangeOf(input)
    const { value, slopes } = tape.enclose(inBox)
    const open = openOf(slopes)
    const place = tape.value((input) => {
      const { low, high } = inBox(input)
      const slope = slopes.get(input.id)
      if (slope === undefined) return low
      if (slope.low < 0 && slope.high > 0) return (low + high) / 2
      return slope.low >= 0 === (sign === 1) ? low : high
    })
    const reached = sign * place
    const bound = open.length === 0 ? reached : sign === 1 ? value.low : -value.high
    return { box, bound, reached, open }
  }

  #halves({ box, open }: Part): Box[] {
    const width = (input: NodeId) => {
      const { low, high } = box.get(input) as Interval
      const full = rangeOf(this.#graph.node(input))
      return (high - low) / (full.high - full.low)
    }
    const widest = open.reduce((a, b) => (width(b) > width(a) ? b : a))
    const { low, high } = box.get(widest) as Interval
    const middle = (low + high) / 2
    return [new Map([...box, [widest, { low, high: middle }]]), new Map([...box, [widest, { low: middle, high }]])]
  }

  #widthRatio(id: NodeId, bounds: Interval, least: number, greatest: number): number {
    const random = seededRandom(this.#seed)
    const tape = this.tape(id)
    let [low, high] = [Math.min(least, greatest), Math.max(least, greatest)]
    for (let count = 0; count < SAMPLES; count += 1) {
      const value = tape.value((input) => sampleOf(input, random))
      low = Math.min(low, value)
      high = Math.max(high, value)
    }
    const ratio = (bounds.high - bounds.low) / (high - low)
    return Number.isNaN(ratio) ? 1 : Math.max(1, ratio)
  }

  /** Everything below a node that its ranges move; the rest is a number. */
  tape(id: NodeId): Tape {
    return new Tape(this.#graph, id, (node) =>
      this.#whole.of(node).slopes.size > 0 ? undefined : this.typical.value(node),
    )
  }
}

/** Somewhere in the range of an input, at an end one time in three. */
export function sampleOf({ low, high }: Node, random: Random): number {
  if (low === high) return low
  const draw = random()
  if (draw < 1 / 6) return low
  if (draw < 1 / 3) return high
  return low + (high - low) * random()
}
