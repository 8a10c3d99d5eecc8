// A plan file, found to have the right shape, as a model: every definition made and tried, every problem reported.
import type { LabVerdict } from '@parley/protocol'
import { CompileProblem } from '../graph/compile-problem.ts'
import { Model } from '../graph/model.ts'
import { Graph } from '../graph/node.ts'
import type { PlanFile } from '../plan-file.ts'
import type { Place } from '../read/document.ts'
import type { PlanProblem } from '../result.ts'
import { DEFAULT_MONTH_SECONDS, type UnitContext } from '../units/unit.ts'
import { pluralOf } from '../units/unit-table.ts'
import { Builder } from './builder.ts'
import { addCosts, type CostLayout } from './costs.ts'
import { addFits } from './fits.ts'
import { addExchange, addQuantities, addTables } from './quantities.ts'
import {
  addBreakEvens,
  addObjectives,
  addShown,
  type BreakEvenLayout,
  type ClaimLayout,
  type ObjectiveLayout,
  readClaims,
  type ShowLayout,
} from './questions.ts'
import { resourcesOf } from './resources.ts'
import type { TierLayout } from './tier-layout.ts'
import { addTiers } from './tiers.ts'
import { addTotals, type CreditLayout, type UnitCostLayout } from './totals.ts'
import { addVerdicts, type ReadVerdict } from './verdicts.ts'
import { addBudgets, addMachines, addWorkloads, type WorkloadLayout } from './workloads.ts'
import { readExpression } from './written.ts'

export interface Built {
  readonly file: PlanFile
  readonly fileName: string
  readonly model: Model
  readonly context: UnitContext
  readonly workloads: readonly WorkloadLayout[]
  readonly tiers: readonly TierLayout[]
  readonly costs: CostLayout | undefined
  readonly credits: readonly CreditLayout[]
  readonly unitCosts: readonly UnitCostLayout[]
  readonly shown: readonly ShowLayout[]
  readonly breakEvens: readonly BreakEvenLayout[]
  readonly objectives: readonly ObjectiveLayout[]
  readonly claims: readonly ClaimLayout[]
  readonly verdicts: ReadonlyMap<string, LabVerdict>
}

function nounsOf(file: PlanFile): Map<string, string> {
  const nouns = new Map<string, string>()
  const add = (singular: string, plural: string) => {
    nouns.set(singular, singular)
    nouns.set(plural, singular)
  }
  for (const [singular, plural] of Object.entries(file.nouns ?? {})) add(singular, plural)
  for (const [name, workload] of Object.entries(file.workloads ?? {})) add(name, workload.plural ?? pluralOf(name))
  return nouns
}

/** What the file decides about units; its month is read with nothing else known. */
function contextOf(file: PlanFile): UnitContext {
  const currency = file.currency ?? 'USD'
  const bare: UnitContext = {
    monthSeconds: DEFAULT_MONTH_SECONDS,
    currency,
    foreign: new Set(Object.keys(file.exchange ?? {})),
    nouns: nounsOf(file),
  }
  if (typeof file.month !== 'string') return bare
  const month = readExpression(file.month, bare)
  if (!month.ok || month.value.kind !== 'literal' || month.value.unit.dim.time !== 1) return bare
  return { ...bare, monthSeconds: (month.value.low * month.value.unit.num) / month.value.unit.den }
}

function checkHead(builder: Builder): void {
  const { file } = builder
  if (file.currency !== undefined && !/^[A-Z]{3}$/.test(file.currency)) {
    builder.problem(
      'BAD_VALUE',
      'currency',
      `currency is ${file.currency}; it must be three capital letters, as in USD`,
    )
  }
  const month = file.month === undefined ? undefined : builder.read(file.month, 'month')
  if (
    month !== undefined &&
    (month.kind !== 'literal' || month.low !== month.high || month.unit.dim.time !== 1 || month.low <= 0)
  ) {
    builder.problem('WRONG_DIMENSION', 'month', 'month must be one length of time: 730 h or 30 days')
  }
}

/** Makes every definition's node, so that whatever cannot be computed is reported once, where it is written. */
function tryAll(builder: Builder, model: Model): void {
  for (const definition of builder.definitions.values()) {
    if (definition.repeated === true) continue
    try {
      model.node(definition.name)
    } catch (error) {
      if (!(error instanceof CompileProblem)) throw error
      if (error.consequence) continue
      const path = definition.path ?? definition.name
      const written = definition.line !== undefined
      const message = error.message.startsWith(path) ? error.message : `${path}: ${error.message}`
      builder.problem(error.code, path, message, { offset: written ? error.offset : 0, nearest: error.nearest })
    }
  }
}

/** A claim about a name that the plan does not have is not derivable; one that cannot be read is a mistake. */
function tryClaims(builder: Builder, model: Model, claims: readonly ClaimLayout[]): void {
  for (const { of, holds, path } of claims) {
    const exprs = [
      ...(of ? [{ expr: of, at: `${path}.of` }] : []),
      ...(holds ? [holds.left, holds.right].map((expr) => ({ expr, at: `${path}.holds` })) : []),
    ]
    for (const { expr, at } of exprs) {
      try {
        model.expression(expr)
      } catch (error) {
        if (!(error instanceof CompileProblem)) throw error
        if (error.missing.length > 0 || error.consequence) continue
        builder.problem(error.code, at, `${at}: ${error.message}`, { offset: error.offset, nearest: error.nearest })
      }
    }
  }
}

export interface BuildInputs {
  readonly file: PlanFile
  readonly fileName: string
  readonly places: ReadonlyMap<string, Place>
  readonly readVerdict: ReadVerdict | undefined
}

export function buildPlan({ file, fileName, places, readVerdict }: BuildInputs): {
  built: Built
  problems: PlanProblem[]
} {
  const context = contextOf(file)
  const builder = new Builder(file, fileName, places, context, resourcesOf(file, context))
  checkHead(builder)
  const verdicts = addVerdicts(builder, readVerdict)
  addExchange(builder)
  addQuantities(builder)
  addFits(builder)
  addTables(builder)
  const workloads = addWorkloads(builder)
  addMachines(builder)
  addBudgets(builder)
  const tiers = addTiers(builder, workloads)
  const costs = addCosts(builder, tiers)
  const model = new Model(new Graph(), builder.definitions, builder.tables, context)
  const { credits, unitCosts } = addTotals(builder, model, costs, workloads)
  const shown = addShown(builder)
  const breakEvens = addBreakEvens(builder)
  const objectives = addObjectives(builder)
  const claims = readClaims(builder)
  const whole = new Model(new Graph(), builder.definitions, builder.tables, context)
  tryAll(builder, whole)
  tryClaims(builder, whole, claims)
  return {
    built: {
      file,
      fileName,
      model: whole,
      context,
      workloads,
      tiers,
      costs,
      credits,
      unitCosts,
      shown,
      breakEvens,
      objectives,
      claims,
      verdicts,
    },
    problems: builder.problems,
  }
}
