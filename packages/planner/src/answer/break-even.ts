// Where one way of doing something becomes cheaper than another. The quantity is gone through in steps, each change of the cheapest
// narrowed down by halving; how far ranges move it is found by samples.
import { seededRandom } from '@parley/kernel'
import type { BreakEvenLayout } from '../build/questions.ts'
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
const MAX_CROSSINGS = 12
const HALVINGS = 50
const SERIES_POINTS = 60

interface Crossing {
  readonly at: number
  readonly from: string
  readonly to: string
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

/** The same crossing under samples of every range: the nearest of the same kind; none at all leaves that side open. */
function spread(search: Search, crossing: Crossing, ranged: boolean, seed: number): { low: number; high: number } {
  let [low, high] = [crossing.at, crossing.at]
  if (!ranged) return { low, high }
  const random = seededRandom(seed)
  for (let count = 0; count < SAMPLES; count += 1) {
    const values = new Map<NodeId, number>()
    const inputs: InputValue = (input) => {
      if (input.low === input.high) return input.low
      const known = values.get(input.id)
      if (known !== undefined) return known
      const draw = random()
      const value = draw < 0.25 ? input.low : draw < 0.5 ? input.high : input.low + (input.high - input.low) * random()
      values.set(input.id, value)
      return value
    }
    const found = crossingsOf(search, inputs).crossings.filter(
      (each) => each.from === crossing.from && each.to === crossing.to,
    )
    if (found.length === 0) high = Infinity
    for (const each of found) [low, high] = [Math.min(low, each.at), Math.max(high, each.at)]
  }
  return { low, high }
}

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
    crossings: crossings.map((crossing) => {
      const range = { ...spread(search, crossing, ranged, seed), typical: crossing.at }
      const at = quantityOf(quantities, range, unit, `${full}.at`, standing)
      const price = costsAt(search, crossing.at, typicalOf)[layout.options.indexOf(crossing.to)] ?? 0
      const cost = quantityOf(
        quantities,
        { low: price, typical: price, high: price },
        costUnit,
        `${full}.${crossing.to}`,
        standing,
      )
      return {
        at,
        from: crossing.from,
        to: crossing.to,
        cost,
        sentence: `From ${at.text} on ${crossing.to} is cheaper than ${crossing.from}: ${cost.text}.`,
      }
    }),
    series: Array.from({ length: SERIES_POINTS + 1 }, (_, index) => {
      const at = search.from + ((search.to - search.from) * index) / SERIES_POINTS
      const costs = costsAt(search, at, typicalOf)
      const entries = layout.options.map((name, option) => [name, fromBase(costs[option] ?? 0, costUnit)])
      return { at: fromBase(at, unit), costs: Object.fromEntries(entries) }
    }),
  }
}
