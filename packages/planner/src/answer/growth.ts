// The answer month by month.
import type { TierLayout } from '../build/tier-layout.ts'
import type { GrowthMonth, Quantity } from '../result.ts'
import type { Quantities } from './quantities.ts'
import { isSufficient } from './tiers.ts'

/** `2027-01` and eleven months on is `2027-12`: months of the calendar, counted by themselves. */
export function monthLabel(start: string | undefined, month: number): string {
  const [year = 0, first = 1] = (start ?? '').split('-').map(Number)
  if (start === undefined) return `month ${month}`
  const index = year * 12 + (first - 1) + (month - 1)
  return `${Math.floor(index / 12)}-${String((index % 12) + 1).padStart(2, '0')}`
}

function tierNotes(quantities: Quantities, tier: TierLayout, month: number): string[] {
  const notes: string[] = []
  const text = (part: string) => quantities.of(`${tier.name}.${part}`, month).text
  if (isSufficient(quantities, tier, month) === false) {
    const failures = tier.surviveFailures === 0 ? '' : ` and ${tier.surviveFailures} that may fail`
    notes.push(
      tier.stated
        ? `${tier.label}: ${text('instances')} stated, ${text('needed')} needed${failures}`
        : `${tier.label}: ${text('needed')} needed${failures}, over the bound of ${text('atMost')}`,
    )
  }
  const shared = tier.resources.filter((resource) => resource.scope === 'shared')
  const { model } = quantities.built
  if (shared.length > 0 && model.has(`${tier.name}.load`)) {
    for (const { name } of shared) {
      const limit = `${tier.name}.${name}.limit`
      if (quantities.typical(`${tier.name}.load`, month) <= quantities.typical(limit, month)) continue
      notes.push(
        `${tier.label}: ${text('load')} exceed the budget of ${name}, which is for ${quantities.of(limit, month).text}`,
      )
    }
  }
  return notes
}

function monthResult(quantities: Quantities, month: number): GrowthMonth {
  const { built } = quantities
  const { file, model, tiers, shown } = built
  const record = (entries: readonly (readonly [string, string])[]): Record<string, Quantity> =>
    Object.fromEntries(entries.map(([key, name]) => [key, quantities.of(name, month)]))
  return {
    month,
    label: monthLabel(file.growth?.start, month),
    grown: record(Object.keys(file.growth?.of ?? {}).map((name) => [name, name])),
    instances: record(tiers.map((tier) => [tier.name, `${tier.name}.instances`])),
    shown: record(shown.map(({ text, name }) => [text, name])),
    cost: quantities.find('cost.total', month),
    creditsUsed: quantities.find(`creditsUsed.m${month}`),
    toPay: quantities.find(`toPay.m${month}`) ?? quantities.find('cost.total', month),
    revenue: model.has('revenue') ? quantities.of('revenue', month) : null,
    notes: tiers.flatMap((tier) => tierNotes(quantities, tier, month)),
  }
}

export function growthResult(quantities: Quantities): GrowthMonth[] {
  const { growth } = quantities.built.file
  if (growth === undefined) return []
  return Array.from({ length: growth.months }, (_, index) => monthResult(quantities, index + 1))
}
