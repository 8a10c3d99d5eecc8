// What a reader should know that no number says.
import type { TierLayout } from '../build/tier-layout.ts'
import type { PlanNote } from '../result.ts'
import type { Quantities } from './quantities.ts'
import { isSufficient } from './tiers.ts'

function tierNotes(quantities: Quantities, tier: TierLayout): PlanNote[] {
  const notes: PlanNote[] = []
  const { built } = quantities
  const line = null
  const add = (code: string, about: string, sentence: string) => notes.push({ code, about, sentence, line })
  const text = (part: string) => quantities.of(`${tier.name}.${part}`).text
  const spare = tier.surviveFailures === 0 ? '' : ` and ${tier.surviveFailures} more may fail`
  if (isSufficient(quantities, tier) === false) {
    if (tier.stated)
      add(
        'STATED_TOO_FEW',
        `${tier.name}.instances`,
        `${tier.label} has ${text('instances')}, but ${text('needed')} are needed${spare}.`,
      )
    else
      add(
        'OVER_BOUND',
        `${tier.name}.atMost`,
        `${tier.label} needs ${text('needed')}${spare}, but may have at most ${text('atMost')}.`,
      )
  }
  if (tier.assumedOne)
    add(
      'ONE_ASSUMED',
      `${tier.name}.instances`,
      `Nothing says how many instances of ${tier.label} there are, so one is counted.`,
    )
  if (tier.hasRealistic && quantities.typical(`${tier.name}.realistic`) === 0) {
    add(
      'NO_CAPACITY',
      `${tier.name}.realistic`,
      `One instance of ${tier.label} holds nothing after what is taken and reserved.`,
    )
  }
  for (const { name, scope } of tier.resources) {
    if (
      scope !== 'shared' ||
      !tier.hasLoad ||
      quantities.typical(`${tier.name}.load`) <= quantities.typical(`${tier.name}.${name}.limit`)
    )
      continue
    add(
      'BUDGET_EXCEEDED',
      `${tier.name}.${name}.limit`,
      `${text('load')} exceed the shared budget of ${name}, which is for ${text(`${name}.limit`)}.`,
    )
  }
  const served = [built.file.tiers?.[tier.name]?.serves ?? []].flat()
  const limited = new Set(tier.resources.map((resource) => resource.name))
  for (const workload of built.workloads.filter(({ name }) => served.includes(name))) {
    const open = workload.needs.map((need) => need.resource).filter((resource) => !limited.has(resource))
    if (open.length > 0)
      add(
        'NO_LIMIT',
        tier.name,
        `Nothing says how much ${open.join(', ')} an instance of ${tier.label} has, so it does not limit.`,
      )
  }
  return notes
}

function savingNotes(quantities: Quantities): PlanNote[] {
  return (quantities.built.costs?.savings ?? []).flatMap(({ name, label, of }) => {
    const [asked, saves] = [quantities.typical(`saving.${name}.asked`), quantities.typical(`saving.${name}`)]
    if (asked <= saves * (1 + 1e-9)) return []
    const lines = of.join(', ')
    const [want, have] = [quantities.of(`saving.${name}.asked`).text, quantities.of(`saving.${name}.from`).text]
    const sentence = `${label} would save ${want} of the full lines (${lines}), but only ${have} is left of them when its turn comes; it saves ${quantities.of(`saving.${name}`).text}.`
    return [{ code: 'SAVING_EXCEEDS_LINE', about: `saving.${name}`, sentence, line: null }]
  })
}

function fitNotes(quantities: Quantities): PlanNote[] {
  return Object.entries(quantities.built.file.fits ?? {}).flatMap(([name, fit]) => {
    if (fit.points.length > 1 || fit.baseline !== undefined) return []
    const slope = quantities.of(`${name}.slope`).text
    const sentence = `${name} has one load point, which gives no cost per ${fit.of}: without the use at no load it is ${slope}. A second point at another load gives both.`
    return [
      {
        code: 'ONE_POINT_FIT',
        about: `${name}.slope`,
        sentence,
        line: quantities.built.model.definitions.get(`${name}.used-1`)?.line ?? null,
      },
    ]
  })
}

export function notesOf(quantities: Quantities): PlanNote[] {
  return [
    ...quantities.built.tiers.flatMap((tier) => tierNotes(quantities, tier)),
    ...savingNotes(quantities),
    ...fitNotes(quantities),
  ]
}
