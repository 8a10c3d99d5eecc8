// What an output depends on most: each input goes through its range (or 10 % up and down) while all others are typical.
import { Evaluation } from '../graph/evaluate.ts'
import { inputsOf, type Node, type NodeId } from '../graph/node.ts'
import type { Sensitivity } from '../result.ts'
import { fromBase } from '../units/unit.ts'
import type { Quantities } from './quantities.ts'

const MAX_INPUTS = 10
const TENTH = 0.1

/** Outputs worth asking about: capacity, instances, money. */
function outputsOf(quantities: Quantities): { name: string; label: string }[] {
  const { tiers, costs, unitCosts, objectives } = quantities.built
  const capacity = tiers
    .filter((tier) => tier.hasRealistic)
    .map(({ name, label }) => ({ name: `${name}.realistic`, label: `realistic capacity of ${label}` }))
  const instances = tiers
    .filter((tier) => !tier.stated && !tier.assumedOne)
    .map(({ name, label }) => ({ name: `${name}.instances`, label: `instances of ${label}` }))
  const money = costs === undefined ? [] : [{ name: 'cost.total', label: 'cost per month' }]
  const units = unitCosts.map(({ name }) => ({ name: `unitCost.${name}`, label: `cost per ${name}` }))
  const margin = costs?.hasRevenue === true ? [{ name: 'margin', label: 'margin' }] : []
  const aims = objectives.map(({ name, label }) => ({ name: `objective.${name}`, label }))
  return [...capacity, ...instances, ...money, ...units, ...margin, ...aims]
}

/** Inputs without a range that the plan names: they are varied by a tenth. */
function pointInputs(quantities: Quantities, id: NodeId): NodeId[] {
  const { graph } = quantities.built.model
  return inputsOf(graph, id).filter((input) => {
    const { name, low, high, line } = graph.node(input)
    return name !== '' && line !== undefined && low === high && low !== 0
  })
}

function swing(quantities: Quantities, id: NodeId, input: Node, ends: { low: number; high: number }) {
  const { graph } = quantities.built.model
  const at = (value: number) => new Evaluation(graph, (each) => (each.id === input.id ? value : each.typical)).value(id)
  const [low, high] = [at(ends.low), at(ends.high)]
  return { low, high, width: Number.isFinite(high - low) ? Math.abs(high - low) : Infinity }
}

function sensitivity(quantities: Quantities, name: string, label: string): Sensitivity {
  const { model } = quantities.built
  const id = model.node(name)
  const ranged = quantities.bounds.ranged(id)
  const inputs = ranged.length > 0 ? ranged : pointInputs(quantities, id)
  const unit = quantities.unitOf(model.graph.node(id))
  const typical = quantities.bounds.typical.value(id)
  const finite = (value: number) => (Number.isFinite(value) ? Number(value.toPrecision(9)) : null)
  const swings = inputs.map((inputId) => {
    const input = model.graph.node(inputId)
    const isRange = input.low < input.high
    const ends = isRange ? input : { low: input.typical * (1 - TENTH), high: input.typical * (1 + TENTH) }
    return { input, isRange, ...swing(quantities, id, input, ends) }
  })
  swings.sort((a, b) => b.width - a.width)
  const moving = swings.filter(({ width }) => width > 0).slice(0, MAX_INPUTS)
  return {
    of: name,
    label,
    value: quantities.of(name),
    inputs: moving.map(({ input, isRange, low, high, width }) => ({
      name: input.name === '' ? String(input.because[0] ?? '') : input.name,
      input: quantities.ofNode(input.id),
      span: isRange ? 'range' : 'tenth',
      atLow: finite(fromBase(low, unit)),
      atHigh: finite(fromBase(high, unit)),
      swingRatio: finite(width / Math.abs(typical)),
    })),
  }
}

export function sensitivitiesOf(quantities: Quantities): Sensitivity[] {
  return outputsOf(quantities)
    .map(({ name, label }) => sensitivity(quantities, name, label))
    .filter(({ inputs }) => inputs.length > 0)
}
