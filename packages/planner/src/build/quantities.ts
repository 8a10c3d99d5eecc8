// Named quantities and their growth, currencies, stated tables.
import type { Expr } from '../expression/ast.ts'
import type { GrowthSpec } from '../graph/definition.ts'
import type { PlanFile } from '../plan-file.ts'
import { fromBase, PLAIN, parseUnit, type Unit } from '../units/unit.ts'
import type { Builder } from './builder.ts'

type GrowthOf = NonNullable<PlanFile['growth']>['of'][string]

function periodMonths(builder: Builder, spec: GrowthOf, path: string): number {
  if (spec.every === undefined) return 1
  const expr = builder.read(spec.every, `${path}.every`)
  if (expr?.kind !== 'literal' || expr.low !== expr.high || expr.low <= 0 || expr.unit.dim.time !== 1) {
    builder.problem('BAD_VALUE', `${path}.every`, `${path}.every must be one time, as in 12 months`)
    return 1
  }
  return (expr.low * expr.unit.num) / expr.unit.den / builder.context.monthSeconds
}

function growthSpec(builder: Builder, name: string, spec: GrowthOf, own: Expr | undefined): GrowthSpec | undefined {
  const path = `growth.of.${name}`
  const ways = [spec.rate, spec.factor, spec.table].filter((way) => way !== undefined)
  if (ways.length !== 1) {
    builder.problem('BAD_VALUE', path, `${path} must have exactly one of rate, factor and table`)
    return undefined
  }
  const everyMonths = periodMonths(builder, spec, path)
  const between = spec.between ?? 'linear'
  if (spec.table !== undefined) {
    const rows = Object.entries(spec.table).flatMap(([month, value]) => {
      const expr = builder.read(value, `${path}.table.${month}`)
      return expr ? [{ month: Number(month), value: expr }] : []
    })
    const first = rows[0]
    if (first) return { from: own ?? first.value, everyMonths, rows, between }
    builder.problem('BAD_VALUE', `${path}.table`, `${path}.table has no rows`)
    return undefined
  }
  const from = spec.from === undefined ? own : builder.read(spec.from, `${path}.from`)
  if (!from) {
    builder.problem('MISSING_KEY', path, `${path} has no from, and there is no ${name} under quantities`, {
      nearest: 'from',
    })
    return undefined
  }
  const factor = spec.factor === undefined ? undefined : builder.read(spec.factor, `${path}.factor`)
  const rate = spec.rate === undefined ? undefined : builder.read(spec.rate, `${path}.rate`)
  const one: Expr = { kind: 'literal', low: 1, high: 1, unit: PLAIN, text: '1', offset: 0 }
  const grown = factor ?? (rate && { kind: 'binary', op: '+', left: one, right: rate, offset: 0 })
  return grown ? { from, factor: grown, everyMonths, between } : undefined
}

/** quantities and growth.of: one definition per name. */
export function addQuantities(builder: Builder): void {
  const { file } = builder
  const grown = file.growth?.of ?? {}
  for (const [name, value] of Object.entries(file.quantities ?? {})) {
    const path = `quantities.${name}`
    const spec = grown[name]
    if (spec === undefined) builder.value(name, value, path)
    else {
      const own = builder.read(value, path)
      const growth = own && growthSpec(builder, name, spec, own)
      builder.value(name, value, path, growth ? { growth } : {})
    }
  }
  for (const [name, spec] of Object.entries(grown)) {
    if (file.quantities !== undefined && Object.hasOwn(file.quantities, name)) continue
    const growth = growthSpec(builder, name, spec, undefined)
    const path = `growth.of.${name}`
    const line = builder.lineOf(path)
    if (growth) builder.add({ name, expr: growth.from, growth, path, ...(line === undefined ? {} : { line }) })
  }
}

export function addExchange(builder: Builder): void {
  for (const [code, value] of Object.entries(builder.file.exchange ?? {})) {
    builder.value(`exchange.${code}`, value, `exchange.${code}`, {
      expect: 'money',
      as: { money: 1 },
      example: `1.1 ${builder.context.currency}`,
    })
  }
  const { monthSeconds } = builder.context
  builder.number('month', { low: fromBase(monthSeconds, hourUnit(builder)) }, 'h', { note: 'length of a month' })
}

const hourUnit = (builder: Builder): Unit => {
  const unit = parseUnit('h', builder.context)
  return unit.ok ? unit.value : PLAIN
}

export function addTables(builder: Builder): void {
  for (const [name, table] of Object.entries(builder.file.tables ?? {})) {
    const path = `tables.${name}`
    const unit = parseUnit(table.of, builder.context)
    if (!unit.ok) {
      builder.problem('BAD_UNIT', `${path}.of`, `${path}.of: ${unit.error.message}`, { nearest: unit.error.nearest })
      continue
    }
    const rows = Object.entries(table.rows).flatMap(([at, value]) => {
      const definition = `${name}.${at.replaceAll('.', '_')}`
      const defined = builder.value(definition, value, `${path}.rows.${at}`)
      return defined ? [{ at: Number(at), definition }] : []
    })
    rows.sort((a, b) => a.at - b.at)
    if (rows.length === 0) builder.problem('BAD_VALUE', `${path}.rows`, `${path}.rows has no rows`)
    else builder.tables.set(name, { name, of: unit.value, rows, step: table.between === 'step' })
  }
}
