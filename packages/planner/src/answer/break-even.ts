// Where one way of doing something becomes cheaper than another. The quantity is gone through in steps, each change of the cheapest
// narrowed down by halving; how far ranges move it is found by samples.
import { seededRandom } from '@parley/kernel'
import type { BreakEvenLayout } from '../build/questions.ts'
import { sampleOf } from '../graph/bounds.ts'
import type { Definition } from '../graph/definition.ts'
import { Evaluation, typicalOf } from '../graph/evaluate.ts'
import type { Model } from '../graph/model.ts'
import type { Node, NodeId } from '../graph/node.ts'
import { Tape } from '../graph/tape.ts'
import type { BreakEvenResult, Quantity } from '../result.ts'
import { fittingUnit, shownUnit, showRange } from '../units/show.ts'
import { fromBase, type Unit } from '../units/unit.ts'
import type { Quantities } from './quantities.ts'

const STEPS = 200
const SAMPLES = 24
const MAX_CROSSINGS = 40
const HALVINGS = 50
const SERIES_POINTS = 60

interface Crossing {
  readonly at: number
  readonly from: string
  readonly to: string
  /** Last of a run of changes between the same two, and which of them is the cheaper after it. */
  readonly settled?: { readonly at: number; readonly to: string }
}

interface Search {
  readonly model: Model
  readonly variable: NodeId
  readonly options: readonly { readonly name: string; readonly node: NodeId; readonly tape: Tape }[]
  readonly from: number
  readonly to: number
}

type InputValue = (input: Node) => number

function costsAt(search: Search, at: number, inputs: InputValue): number[] {
  const value: InputValue = (input) => (input.id === search.variable ? at : inputs(input))
  return search.options.map(({ tape }) => tape.value(value))
}

/** Index of the cheapest; the one that was cheapest stays it among equals. */
function cheapest(costs: readonly number[], current: number): number {
  let best = current
  for (const [index, cost] of costs.entries()) if (cost < (costs[best] as number)) best = index
  return best
}

function crossingsOf(search: Search, inputs: InputValue): { first: number; crossings: Crossing[] } {
  const { from, to, options } = search
  const at = (step: number) => from + ((to - from) * step) / STEPS
  const name = (index: number) => options[index]?.name ?? ''
  const first = cheapest(costsAt(search, from, inputs), 0)
  const crossings: Crossing[] = []
  let current = first
  for (let step = 1; step <= STEPS && crossings.length < MAX_CROSSINGS; step += 1) {
    const best = cheapest(costsAt(search, at(step), inputs), current)
    if (best === current) continue
    let [low, high] = [at(step - 1), at(step)]
    for (let halving = 0; halving < HALVINGS && high - low > (to - from) * 1e-9; halving += 1) {
      const middle = (low + high) / 2
      if (cheapest(costsAt(search, middle, inputs), current) === current) low = middle
      else high = middle
    }
    crossings.push({ at: high, from: name(current), to: name(best) })
    current = best
  }
  return { first, crossings }
}

interface Ends {
  readonly low: number
  readonly high: number
}

/** Crossings under samples of every range; one list per sample. */
function sampledCrossings(search: Search, seed: number): Crossing[][] {
  const random = seededRandom(seed)
  return Array.from({ length: SAMPLES }, () => {
    const values = new Map<NodeId, number>()
    return crossingsOf(search, (input) => {
      const known = values.get(input.id)
      if (known !== undefined) return known
      const value = sampleOf(input, random)
      values.set(input.id, value)
      return value
    }).crossings
  })
}

/** How far samples move a crossing of two options; a sample without one leaves that side open. */
function spread(crossing: Crossing, samples: readonly (readonly Crossing[])[]): Ends {
  let [low, high] = [crossing.at, crossing.at]
  for (const sample of samples) {
    const found = sample.find((each) => each.from === crossing.from && each.to === crossing.to)
    if (found === undefined) high = Infinity
    else [low, high] = [Math.min(low, found.at), Math.max(high, found.at)]
  }
  return { low, high }
}

/**
 * Costs that rise in steps change places again and again before one stays cheaper: such a run counts as one crossing, from
 * the first change, that settles with the last.
 */
function merged(crossings: readonly Crossing[]): Crossing[] {
  const runs: Crossing[][] = []
  for (const crossing of crossings) {
    const run = runs.at(-1)
    const before = run?.at(-1)
    if (run && before?.from === crossing.to && before.to === crossing.from) run.push(crossing)
    else runs.push([crossing])
  }
  return runs.flatMap((run) => {
    const [first, last] = [run[0] as Crossing, run.at(-1) as Crossing]
    return run.length < 3 ? run : [{ ...first, settled: { at: last.at, to: last.to } }]
  })
}

function sentenceOf({ from, to, settled }: Crossing, at: Quantity, cost: Quantity, last: Quantity | null): string {
  const start = `From ${at.text} on ${to} is cheaper than ${from}: ${cost.text}`
  if (settled === undefined || last === null) return `${start}.`
  return `${start}; up to ${last.text} they change places as they rise in steps, after that ${settled.to} is the cheaper.`
}

const pointRange = (value: number) => ({ low: value, typical: value, high: value })

function quantityOf(
  quantities: Quantities,
  range: { low: number; typical: number; high: number },
  unit: Unit,
  name: string,
  standing: Quantity['standing'],
): Quantity {
  const { context } = quantities.built
  const number = (base: number) => (Number.isFinite(base) ? Number(fromBase(base, unit).toPrecision(9)) : null)
  return {
    name,
    low: number(range.low),
    typical: number(range.typical),
    high: number(range.high),
    unit: shownUnit(unit, context),
    standing,
    method: 'sampled',
    widthRatio: 1,
    text: showRange(range, unit, context),
  }
}

/** Whether a node changes with the variable or with any range. */
function movedBy({ graph }: Model, variable: NodeId): (id: NodeId) => boolean {
  const known = new Map<NodeId, boolean>()
  const moved = (id: NodeId): boolean => {
    const seen = known.get(id)
    if (seen !== undefined) return seen
    const node = graph.node(id)
    const answer = node.op === 'input' ? id === variable || node.low < node.high : node.args.some(moved)
    known.set(id, answer)
    return answer
  }
  return moved
}

function searchOf(quantities: Quantities, layout: BreakEvenLayout): { search: Search; unit: Unit } {
  const { model, context } = quantities.built
  const [from, to] = [
    quantities.typical(`breakEven.${layout.name}.from`),
    quantities.typical(`breakEven.${layout.name}.to`),
  ]
  const start = model.graph.node(model.node(layout.over))
  const unit =
    start.unit !== undefined && start.unit.foreign === undefined ? start.unit : fittingUnit(start.dim, to, context)
  const base: Unit = { dim: start.dim, num: 1, den: 1, text: '' }
  const variable: Definition = {
    name: layout.over,
    expr: { kind: 'literal', low: from, high: from, unit: base, text: layout.over, offset: 0 },
  }
  const varied = model.with(new Map([[layout.over, variable]]))
  const variableNode = varied.node(layout.over)
  const whole = new Evaluation(varied.graph, typicalOf)
  const moves = movedBy(varied, variableNode)
  const options = layout.options.map((name) => {
    const node = varied.node(`breakEven.${layout.name}.${name}`)
    return { name, node, tape: new Tape(varied.graph, node, (id) => (moves(id) ? undefined : whole.value(id))) }
  })
  return { search: { model: varied, variable: variableNode, options, from, to }, unit }
}

export function breakEvenResult(quantities: Quantities, layout: BreakEvenLayout, seed: number): BreakEvenResult {
  const { search, unit } = searchOf(quantities, layout)
  const { context, model } = quantities.built
  const { first, crossings } = crossingsOf(search, typicalOf)
  const ranged = search.options.some(({ node }) => quantities.bounds.ranged(node).length > 0)
  const samples = ranged ? sampledCrossings(search, seed) : []
  const costUnit = fittingUnit({ money: 1, time: -1 }, 1, context)
  const standing = search.options.map(({ node }) => model.graph.node(node).standing).includes('assumed')
    ? 'assumed'
    : 'given'
  const full = `breakEven.${layout.name}`
  return {
    name: layout.name,
    label: layout.label,
    over: layout.over,
    unit: shownUnit(unit, context),
    options: [...layout.options],
    cheapestAtStart: layout.options[first] ?? '',
    costUnit: costUnit.text,
    crossings: merged(crossings).map((crossing) => {
      const range = { ...spread(crossing, samples), typical: crossing.at }
      const at = quantityOf(quantities, range, unit, `${full}.at`, standing)
      const price = costsAt(search, crossing.at, typicalOf)[layout.options.indexOf(crossing.to)] ?? 0
      const cost = quantityOf(quantities, pointRange(price), costUnit, `${full}.${crossing.to}`, standing)
      const { settled: end } = crossing
      const settled =
        end === undefined ? null : quantityOf(quantities, pointRange(end.at), unit, `${full}.settled`, standing)
      const sentence = sentenceOf(crossing, at, cost, settled)
      return { at, from: crossing.from, to: crossing.to, settled, cost, sentence }
    }),
    series: Array.from({ length: SERIES_POINTS + 1 }, (_, index) => {
      const at = search.from + ((search.to - search.from) * index) / SERIES_POINTS
      const costs = costsAt(search, at, typicalOf)
      const entries = layout.options.map((name, option) => [name, fromBase(costs[option] ?? 0, costUnit)])
      return { at: fromBase(at, unit), costs: Object.fromEntries(entries) }
    }),
  }
}
