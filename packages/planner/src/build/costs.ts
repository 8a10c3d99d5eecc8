// Money: a line per priced tier and per cost, savings in order, credits, revenue, unit costs.
import type { PlanFile, PlanValue } from '../plan-file.ts'
import { isSourced } from '../read/validate.ts'
import type { Builder } from './builder.ts'
import type { TierLayout } from './tier-layout.ts'

const MONEY_RATE = { money: 1, time: -1 } as const

export interface LineLayout {
  readonly name: string
  readonly label: string
  readonly tier: string | undefined
  readonly has: readonly ('amount' | 'price' | 'free' | 'fixed')[]
  /** Definition of what is left of it after all savings. */
  after: string
}

export interface SavingLayout {
  readonly name: string
  readonly label: string
  readonly of: readonly string[]
}

export interface CostLayout {
  readonly lines: readonly LineLayout[]
  readonly savings: readonly SavingLayout[]
  readonly credits: readonly { readonly name: string; readonly of: readonly string[] }[]
  readonly hasRevenue: boolean
  /** Names of the definitions that lead from cost.beforeSavings to what is left after savings. */
  readonly afterSavings: string
}

type Cost = NonNullable<PlanFile['costs']>[string]
type CostObject = Partial<Record<'amount' | 'price' | 'free' | 'fixed', PlanValue>> & { label?: string; note?: string }

const isObject = (cost: Cost): cost is Cost & CostObject =>
  typeof cost === 'object' && !Array.isArray(cost) && !isSourced(cost)

function addLine(builder: Builder, name: string, cost: Cost): LineLayout {
  const path = `costs.${name}`
  const full = `cost.${name}`
  if (!isObject(cost)) {
    builder.value(full, cost as PlanValue, path, { expect: 'moneyRate', as: MONEY_RATE })
    return { name, label: name, tier: undefined, has: [], after: full }
  }
  const has: LineLayout['has'][number][] = []
  const part = (key: 'amount' | 'price' | 'free' | 'fixed', options = {}) => {
    if (builder.value(`${full}.${key}`, cost[key], `${path}.${key}`, options)) has.push(key)
  }
  part('amount')
  part('price')
  part('free', { like: `${full}.amount` })
  part('fixed', { expect: 'moneyRate', as: MONEY_RATE })
  if (has.includes('amount') !== has.includes('price')) {
    builder.problem('MISSING_KEY', path, `${path} has one of amount and price; it needs both`, {
      nearest: has.includes('amount') ? 'price' : 'amount',
    })
  }
  const used = has.includes('free') ? `max(0, ${full}.amount - ${full}.free)` : `${full}.amount`
  const terms = [
    ...(has.includes('amount') && has.includes('price') ? [`${used} * ${full}.price`] : []),
    ...(has.includes('fixed') ? [`${full}.fixed`] : []),
  ]
  if (terms.length === 0 && has.length === 0)
    builder.problem('MISSING_KEY', path, `${path} has no amount and no fixed fee`, { nearest: 'fixed' })
  if (terms.length > 0) {
    const more = cost.note === undefined ? {} : { note: cost.note }
    const example = 'an amount per time (20 TB/month) times a price of one ($0.09/GB)'
    builder.computed(full, terms.join(' + '), { path, as: MONEY_RATE, expect: 'moneyRate', example, ...more })
  }
  return { name, label: cost.label ?? name, tier: undefined, has, after: full }
}

function addLines(builder: Builder, tiers: readonly TierLayout[]): LineLayout[] {
  const ofTiers = tiers
    .filter((tier) => tier.hasPrice)
    .map((tier): LineLayout => {
      builder.computed(`cost.${tier.name}`, `${tier.name}.cost`, { path: `tiers.${tier.name}` })
      return { name: tier.name, label: tier.label, tier: tier.name, has: [], after: `cost.${tier.name}` }
    })
  return [...ofTiers, ...Object.entries(builder.file.costs ?? {}).map(([name, cost]) => addLine(builder, name, cost))]
}

/** One saving: what it takes, and what is left of each of its lines for the next. */
function addSaving(builder: Builder, index: number, lines: readonly LineLayout[]): SavingLayout | undefined {
  const saving = builder.file.savings?.[index]
  if (!saving) return undefined
  const path = `savings.${index}`
  const known = lines.map((line) => line.name)
  const of = (saving.of ?? known).filter((line, at) => builder.oneOf(line, known, `${path}.of.${at}`, 'a line of cost'))
  const touched = lines.filter((line) => of.includes(line.name))
  const before = new Map(lines.map((line) => [line.name, line.after]))
  const full = `saving.${saving.name}`
  const more = saving.note === undefined ? {} : { note: saving.note }
  if ((saving.share === undefined) === (saving.amount === undefined)) {
    builder.problem('BAD_VALUE', path, `${path} must have exactly one of share and amount`)
  }
  builder.computed(`${full}.from`, touched.map((line) => line.after).join(' + ') || '0', { path })
  const whole = touched.map((line) => `cost.${line.name}`).join(' + ') || '0'
  if (builder.value(`${full}.share`, saving.share, `${path}.share`, { expect: 'ratio', ...more })) {
    builder.computed(full, `${full}.share * ${full}.from`, { path, as: MONEY_RATE })
    builder.computed(`${full}.asked`, `${full}.share * (${whole})`, { path, as: MONEY_RATE })
    for (const line of touched) addLeft(builder, line, saving.name, `${line.after} * (1 - ${full}.share)`, path)
  } else if (
    builder.value(`${full}.asked`, saving.amount, `${path}.amount`, { expect: 'moneyRate', as: MONEY_RATE, ...more })
  ) {
    builder.computed(full, `min(${full}.asked, ${full}.from)`, { path })
    const only = touched.length === 1
    for (const line of touched) {
      addLeft(
        builder,
        line,
        saving.name,
        only ? `max(0, ${line.after} - ${full}.asked)` : `${line.after} * (1 - ${full} / ${full}.from)`,
        path,
      )
    }
  } else return undefined
  builder.computed(`left.${saving.name}`, leftOver(lines, of, before, full, saving.amount !== undefined), {
    path,
    as: MONEY_RATE,
  })
  return { name: saving.name, label: saving.label ?? saving.name, of }
}

/**
 * What is left of all lines together. Written so that every input occurs in one direction only, which keeps ranges exact: an
 * amount is taken from the sum of its lines, not from each.
 */
function leftOver(
  lines: readonly LineLayout[],
  of: readonly string[],
  before: ReadonlyMap<string, string>,
  saving: string,
  byAmount: boolean,
): string {
  if (!byAmount) return lines.map((line) => line.after).join(' + ')
  const untouched = lines.filter((line) => !of.includes(line.name)).map((line) => before.get(line.name) ?? line.after)
  return [...untouched, `max(0, ${saving}.from - ${saving}.asked)`].join(' + ')
}

function addLeft(builder: Builder, line: LineLayout, saving: string, formula: string, path: string): void {
  const name = `left.${saving}.${line.name}`
  builder.computed(name, formula, { path, as: MONEY_RATE })
  line.after = name
}

/** Money paid by others. Whether it is given once or each month is known when its kind is. */
function addCredits(builder: Builder, lines: readonly LineLayout[]): CostLayout['credits'] {
  return Object.entries(builder.file.credits ?? {}).map(([name, credit]) => {
    const path = `credits.${name}`
    const object = typeof credit === 'object' && !Array.isArray(credit) && 'amount' in credit
    const amount = object ? (credit.amount as PlanValue) : (credit as PlanValue)
    builder.value(`credit.${name}.amount`, amount, object ? `${path}.amount` : path)
    const known = lines.map((line) => line.name)
    const wanted = object && Array.isArray(credit.of) ? (credit.of as string[]) : known
    const of = wanted.filter((line, at) => builder.oneOf(line, known, `${path}.of.${at}`, 'a line of cost'))
    const left = lines.filter((line) => of.includes(line.name)).map((line) => line.after)
    builder.computed(`credit.${name}.of`, left.join(' + ') || '0', { path })
    return { name, of }
  })
}

export function addCosts(builder: Builder, tiers: readonly TierLayout[]): CostLayout | undefined {
  const lines = addLines(builder, tiers)
  const hasRevenue = builder.parts('revenue', builder.file.revenue, 'revenue', { expect: 'moneyRate', as: MONEY_RATE })
  if (lines.length === 0) return undefined
  builder.computed('cost.beforeSavings', lines.map((line) => `cost.${line.name}`).join(' + '), { as: MONEY_RATE })
  let left = 'cost.beforeSavings'
  const savings: SavingLayout[] = []
  for (const index of (builder.file.savings ?? []).keys()) {
    const saving = addSaving(builder, index, lines)
    if (!saving) continue
    savings.push(saving)
    left = `left.${saving.name}`
  }
  const credits = addCredits(builder, lines)
  return { lines, savings, credits, hasRevenue, afterSavings: left }
}
