// What depends on the kind of what is written: credits given once or monthly, costs per unit. Runs when all else is defined.
import { CompileProblem } from '../graph/compile-problem.ts'
import type { Model } from '../graph/model.ts'
import type { Dim } from '../units/dimension.ts'
import { parseUnit } from '../units/unit.ts'
import { type Builder, PERCENT } from './builder.ts'
import type { CostLayout } from './costs.ts'
import type { WorkloadLayout } from './workloads.ts'

export interface CreditLayout {
  readonly name: string
  readonly monthly: boolean
}

export interface UnitCostLayout {
  readonly name: string
}

/** What a definition is a number of; undefined when it has no value, which is reported elsewhere. */
export function dimOf(model: Model, name: string): Dim | undefined {
  try {
    return model.graph.node(model.node(name)).dim
  } catch (error) {
    if (error instanceof CompileProblem) return undefined
    throw error
  }
}

function addCredit(builder: Builder, model: Model, name: string): CreditLayout | undefined {
  const full = `credit.${name}`
  const dim = dimOf(model, `${full}.amount`)
  if (dim === undefined) return undefined
  const path = `credits.${name}`
  if (dim.money !== 1 || (dim.time !== undefined && dim.time !== -1)) {
    builder.problem('WRONG_DIMENSION', path, `${path} must be money once ($200) or per time ($100/month)`)
    return undefined
  }
  if (dim.time === -1) {
    builder.computed(full, `min(${full}.amount, ${full}.of)`, { path })
    return { name, monthly: true }
  }
  builder.computed(`${full}.lasts`, `${full}.amount / ${full}.of`, { path, as: { time: 1 }, ...monthUnit(builder) })
  return { name, monthly: false }
}

function monthUnit(builder: Builder) {
  const unit = parseUnit('month', builder.context)
  return unit.ok ? { unit: { ...unit.value, text: 'months' } } : {}
}

/** Unit of a cost per unit, from the name: `call-hour` is shown per call-hour. */
function shownPer(builder: Builder, name: string, dim: Dim) {
  const unit = parseUnit(`${builder.context.currency}/${name}`, builder.context)
  if (!unit.ok) return {}
  const fits = JSON.stringify(Object.entries(unit.value.dim).sort()) === JSON.stringify(Object.entries(dim).sort())
  return fits ? { unit: unit.value } : {}
}

function addUnitCost(builder: Builder, model: Model, name: string, path: string): UnitCostLayout | undefined {
  const per = `unitCost.${name}.per`
  const dim = dimOf(model, per)
  if (dim === undefined) return undefined
  const exponent = dim.time ?? 0
  if (Math.abs(exponent) > 1 || Object.keys(dim).some((key) => key !== 'time' && !key.startsWith('#'))) {
    builder.problem(
      'WRONG_DIMENSION',
      path,
      `${path} must be a count (users), a count per time, or a count times a time (calls * month)`,
    )
    return undefined
  }
  const formula = exponent === 1 ? `cost.total * month / ${per}` : `cost.total / ${per}`
  const nouns = Object.fromEntries(
    Object.entries(dim).flatMap(([key, value]) => (key === 'time' ? [] : [[key, -value]])),
  )
  const result: Dim = { money: 1, ...nouns, ...(exponent === -1 ? {} : { time: -1 }) }
  builder.computed(`unitCost.${name}`, formula, { path, as: result, ...shownPer(builder, name, result) })
  return { name }
}

function addUnitCosts(builder: Builder, model: Model, workloads: readonly WorkloadLayout[]): UnitCostLayout[] {
  const wanted: { name: string; path: string }[] = []
  for (const [name, value] of Object.entries(builder.file.unitCosts ?? {})) {
    const path = `unitCosts.${name}`
    if (builder.value(`unitCost.${name}.per`, value, path)) wanted.push({ name, path })
  }
  for (const workload of workloads) {
    const name = `${workload.name}-hour`
    if (!workload.hasConcurrent || wanted.some((each) => each.name === name)) continue
    builder.computed(`unitCost.${name}.per`, `${workload.name}.concurrent * month`, {
      path: `workloads.${workload.name}`,
    })
    wanted.push({ name, path: `workloads.${workload.name}` })
  }
  return wanted.flatMap(({ name, path }) => addUnitCost(builder, model, name, path) ?? [])
}

/** Credits that are given once are used up month by month: each month pays what is left of them, at most its lines. */
function addCreditMonths(builder: Builder, credits: readonly CreditLayout[]): void {
  const { growth } = builder.file
  if (!growth) return
  const once = credits.filter((credit) => !credit.monthly)
  for (const { name } of once) {
    const full = `credit.${name}`
    for (let month = 1; month <= growth.months; month += 1) {
      const before = month === 1 ? `${full}.amount` : `${full}.left.m${month - 1}`
      builder.computed(`${full}.used.m${month}`, `min(${before}, ${full}.of@${month} * month)`, {
        path: `credits.${name}`,
        repeated: month > 1,
      })
      builder.computed(`${full}.left.m${month}`, `${before} - ${full}.used.m${month}`, {
        path: `credits.${name}`,
        repeated: month > 1,
      })
    }
  }
  if (once.length === 0) return
  for (let month = 1; month <= growth.months; month += 1) {
    const used = once.map(({ name }) => `credit.${name}.used.m${month}`).join(' + ')
    builder.computed(`creditsUsed.m${month}`, `min(${used}, cost.total@${month} * month)`, {
      path: 'credits',
      repeated: month > 1,
    })
    builder.computed(`toPay.m${month}`, `cost.total@${month} * month - creditsUsed.m${month}`, {
      path: 'credits',
      repeated: month > 1,
    })
  }
}

export function addTotals(
  builder: Builder,
  model: Model,
  costs: CostLayout | undefined,
  workloads: readonly WorkloadLayout[],
) {
  if (costs === undefined) return { credits: [], unitCosts: [] }
  const credits = costs.credits.flatMap(({ name }) => addCredit(builder, model, name) ?? [])
  const monthly = credits.filter((credit) => credit.monthly).map(({ name }) => `credit.${name}`)
  const total = monthly.length === 0 ? costs.afterSavings : `max(0, ${[costs.afterSavings, ...monthly].join(' - ')})`
  builder.computed('cost.total', total)
  for (const line of costs.lines) {
    // Written so that no range leads out of 0..100%.
    const rest = costs.lines.filter((other) => other !== line).map((other) => `cost.${other.name}`)
    const share = rest.length === 0 ? '1' : `1 / (1 + (${rest.join(' + ')}) / cost.${line.name})`
    builder.computed(`cost.${line.name}.shareOfTotal`, share, { as: {}, unit: PERCENT })
  }
  if (costs.hasRevenue) {
    builder.computed('margin', 'revenue - cost.total', { path: 'revenue' })
    builder.computed('marginRatio', 'margin / revenue', { path: 'revenue', as: {}, unit: PERCENT })
  }
  addCreditMonths(builder, credits)
  return { credits, unitCosts: addUnitCosts(builder, model, workloads) }
}
