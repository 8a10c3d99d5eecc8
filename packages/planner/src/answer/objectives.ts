// Objectives: met, missed, or open where the ranges allow both.
import type { ObjectiveLayout } from '../build/questions.ts'
import type { ObjectiveResult } from '../result.ts'
import type { Quantities } from './quantities.ts'

export function objectiveResult(quantities: Quantities, layout: ObjectiveLayout): ObjectiveResult {
  const { model } = quantities.built
  const name = `objective.${layout.name}`
  const [value, bound] = [quantities.bounds.of(model.node(name)), quantities.bounds.of(model.node(`${name}.bound`))]
  const sign = layout.comparison === 'atMost' ? 1 : -1
  const room = (at: number, limit: number) => sign * (limit - at)
  const slack = 1e-9 * Math.max(Math.abs(bound.low), Math.abs(bound.high))
  const worst = sign === 1 ? room(value.high, bound.low) : room(value.low, bound.high)
  const best = sign === 1 ? room(value.low, bound.high) : room(value.high, bound.low)
  const margin = room(value.typical, bound.typical) / Math.abs(bound.typical)
  return {
    name: layout.name,
    label: layout.label,
    value: quantities.of(name),
    bound: quantities.of(`${name}.bound`),
    comparison: layout.comparison,
    verdict: worst >= -slack ? 'met' : best < -slack ? 'missed' : 'open',
    marginRatio: Number.isFinite(margin) ? Number(margin.toPrecision(6)) : null,
    note: layout.note ?? null,
  }
}
