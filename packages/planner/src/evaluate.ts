// A plan's whole answer.
import { breakEvenResult } from './answer/break-even.ts'
import { costResult } from './answer/costs.ts'
import { growthResult } from './answer/growth.ts'
import { notesOf } from './answer/notes.ts'
import { objectiveResult } from './answer/objectives.ts'
import { Quantities } from './answer/quantities.ts'
import { sensitivitiesOf } from './answer/sensitivities.ts'
import { tierResult } from './answer/tiers.ts'
import type { Plan } from './plan.ts'
import type { PlanResult, StageResult } from './result.ts'
import { pluralIn } from './units/unit.ts'

const DEFAULT_SEED = 1

export interface EvaluateOptions {
  /** Seed of the samples that tell how tight a range is and how far ranges move a crossing. */
  readonly seed?: number
}

function stageResult(plan: Plan, stage: Plan, index: number, seed: number): StageResult {
  const quantities = new Quantities(stage.built, seed)
  const written = plan.file.stages?.[index]
  const set = Object.entries(written?.set ?? {}).map(([path, value]) => [
    path,
    Array.isArray(value) ? value.join('..') : String(value),
  ])
  return {
    name: written?.name ?? '',
    note: written?.note ?? null,
    set: Object.fromEntries(set),
    tiers: stage.built.tiers.map((tier) => tierResult(quantities, tier)),
    total: quantities.find('cost.total'),
  }
}

function workloadResults(quantities: Quantities): PlanResult['workloads'] {
  return quantities.built.workloads.map(({ name, label, needs }) => ({
    name,
    label,
    plural: pluralIn(quantities.built.context, name),
    concurrent: quantities.find(`${name}.concurrent`),
    needs: needs.map(({ resource, parts }) => ({
      resource,
      total: quantities.of(`${name}.${resource}`),
      parts: parts.map((part) => quantities.of(part)),
    })),
  }))
}

function quantityNames({ built }: Quantities): string[] {
  const { file, model } = built
  const own = [
    ...Object.keys(file.quantities ?? {}),
    ...Object.keys(file.growth?.of ?? {}),
    ...Object.keys(file.fits ?? {}),
    ...built.verdicts.keys(),
  ]
  const heads = new Set(own)
  return [...model.definitions.keys()].filter((name) => heads.has(name.split('.')[0] ?? ''))
}

/** Everything the plan gives. Values changed with --set are put in before, by `withSet`. */
export function evaluatePlan(plan: Plan, options: EvaluateOptions = {}): PlanResult {
  const { built } = plan
  const seed = options.seed ?? DEFAULT_SEED
  const quantities = new Quantities(built, seed)
  const tiers = built.tiers.map((tier) => tierResult(quantities, tier))
  const [first] = tiers
  return {
    format: 'parley.plan-result/1',
    plan: plan.name,
    currency: built.context.currency,
    monthHours: built.context.monthSeconds / 3_600,
    tier: first?.name ?? null,
    unit: first?.unit ?? 'units',
    resources: first?.resources ?? [],
    binding: first?.binding ?? null,
    limit: first?.limit ?? null,
    reserves: first?.reserves ?? [],
    realistic: first?.realistic ?? null,
    tiers,
    workloads: workloadResults(quantities),
    quantities: quantityNames(quantities).map((name) => quantities.of(name)),
    costs: costResult(quantities),
    stages: plan.stages.map((stage, index) => stageResult(plan, stage, index, seed)),
    growth: growthResult(quantities),
    breakEven: built.breakEvens.map((layout) => breakEvenResult(quantities, layout, seed)),
    objectives: built.objectives.map((layout) => objectiveResult(quantities, layout)),
    sensitivities: sensitivitiesOf(quantities),
    notes: notesOf(quantities),
  }
}
