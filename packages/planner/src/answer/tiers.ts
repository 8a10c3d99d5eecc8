// The answer about one tier.
import type { ResourceLayout, TierLayout } from '../build/tier-layout.ts'
import type { ResourceResult, TierResult } from '../result.ts'
import { singleNoun } from '../units/dimension.ts'
import { pluralIn } from '../units/unit.ts'
import type { Quantities } from './quantities.ts'

function resourceResult(
  quantities: Quantities,
  tier: TierLayout,
  { name, scope, oneLoop, taken }: ResourceLayout,
): ResourceResult {
  const full = `${tier.name}.${name}`
  const bound =
    oneLoop && (name === 'loop' || quantities.typical(`${full}.has`) < quantities.typical(`${full}.machine`))
  return {
    name,
    limit: quantities.of(`${full}.limit`),
    scope,
    has: quantities.find(
      scope === 'shared' ? `budget.${name}` : name === 'capacity' ? `${tier.name}.stated` : `${full}.has`,
    ),
    taken: taken.map((each) => quantities.of(each)),
    available: quantities.find(`${full}.available`),
    need: quantities.find(`${full}.need`),
    oneLoop: bound,
    binding: false,
  }
}

/** Tightest first; equal limits in the order of the plan. */
function resourcesOf(quantities: Quantities, tier: TierLayout): ResourceResult[] {
  const limit = ({ name }: ResourceResult) => quantities.typical(`${tier.name}.${name}.limit`)
  const results = tier.resources.map((resource) => resourceResult(quantities, tier, resource))
  const sorted = results
    .map((result) => ({ result, at: limit(result) }))
    .sort((a, b) => (a.at === b.at ? 0 : a.at - b.at))
  return sorted.map(({ result }, index) => ({ ...result, binding: index === 0 }))
}

function unitName(quantities: Quantities, tier: TierLayout): string {
  const name = tier.hasRealistic ? `${tier.name}.realistic` : tier.hasLoad ? `${tier.name}.load` : undefined
  const { model, context } = quantities.built
  const noun = name === undefined ? undefined : singleNoun(model.graph.node(model.node(name)).dim)
  return noun === undefined ? 'units' : pluralIn(context, noun)
}

/** Whether a stated or bounded number of instances carries the load and its failures. Null when nothing is stated or no load known. */
export function isSufficient(quantities: Quantities, tier: TierLayout, month?: number): boolean | null {
  const { model } = quantities.built
  if (!model.has(`${tier.name}.needed`)) return null
  const wanted = quantities.typical(`${tier.name}.needed`, month) + tier.surviveFailures
  if (tier.stated) return quantities.typical(`${tier.name}.instances`, month) >= wanted
  return tier.bounds.includes('atMost') ? quantities.typical(`${tier.name}.atMost`, month) >= wanted : null
}

export function tierResult(quantities: Quantities, tier: TierLayout): TierResult {
  const { name } = tier
  const resources = resourcesOf(quantities, tier)
  const find = (part: string) => quantities.find(`${name}.${part}`)
  return {
    name,
    label: tier.label,
    unit: unitName(quantities, tier),
    machine: tier.machine ?? null,
    resources,
    binding: resources[0]?.name ?? null,
    limit: find('limit'),
    reserves: tier.reserves.map((reserve) => ({
      name: reserve.slice(`${name}.reserve.`.length),
      share: quantities.find(`${reserve}.share`) ?? quantities.of(reserve),
      keeps: quantities.of(reserve),
      note:
        quantities.built.model.definitions.get(`${reserve}.share`)?.note ??
        quantities.built.model.definitions.get(reserve)?.note ??
        null,
    })),
    realistic: find('realistic'),
    load: find('load'),
    buffers: tier.buffers.map((buffer) => quantities.of(buffer)),
    needed: find('needed'),
    instances: find('instances'),
    stated: tier.stated,
    surviveFailures: tier.surviveFailures,
    sufficient: isSufficient(quantities, tier),
    capacity: find('capacity'),
    usedRatio: find('usedRatio'),
    price: find('price'),
    cost: find('cost'),
  }
}
