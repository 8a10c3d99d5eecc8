// The answer about money.
import type { CostResult } from '../result.ts'
import type { Quantities } from './quantities.ts'

export function costResult(quantities: Quantities): CostResult | null {
  const { costs, credits, unitCosts } = quantities.built
  if (costs === undefined) return null
  return {
    lines: costs.lines.map((line) => ({
      name: line.name,
      label: line.label,
      tier: line.tier ?? null,
      amount: quantities.find(`cost.${line.name}.amount`),
      free: quantities.find(`cost.${line.name}.free`),
      price: quantities.find(`cost.${line.name}.price`),
      fixed: quantities.find(`cost.${line.name}.fixed`),
      cost: quantities.of(`cost.${line.name}`),
      afterSavings: quantities.of(line.after),
      shareOfTotal: quantities.of(`cost.${line.name}.shareOfTotal`),
    })),
    beforeSavings: quantities.of('cost.beforeSavings'),
    savings: costs.savings.map(({ name, label, of }) => ({
      name,
      label,
      of: [...of],
      from: quantities.of(`saving.${name}.from`),
      saves: quantities.of(`saving.${name}`),
      left: quantities.of(`left.${name}`),
      asked: quantities.of(`saving.${name}.asked`),
    })),
    credits: credits.map(({ name, monthly }) => ({
      name,
      amount: quantities.of(`credit.${name}.amount`),
      monthly,
      lastsMonths: monthly ? null : quantities.of(`credit.${name}.lasts`),
    })),
    total: quantities.of('cost.total'),
    unitCosts: unitCosts.map(({ name }) => ({
      name,
      per: quantities.of(`unitCost.${name}.per`),
      cost: quantities.of(`unitCost.${name}`),
    })),
    revenue: quantities.find('revenue'),
    margin: quantities.find('margin'),
    marginRatio: quantities.find('marginRatio'),
  }
}
