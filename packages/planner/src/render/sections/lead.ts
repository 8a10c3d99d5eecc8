// The first lines: what breaks first and why, what remains of it, what that comes to.
import type { GrowthMonth, PlanResult, ResourceResult, TierResult } from '../../result.ts'
import { times } from '../figures.ts'
import { atQuantity, capital, counted, listed, paragraph, stopped, strong } from '../parts.ts'
import type { Inline, Paragraph } from '../report.ts'
import { troublesOf } from './growth.ts'

/** Sentences about the first tier, then about the plan as a whole. */
export function leadOf(result: PlanResult): Paragraph[] {
  const tier = result.tiers.find((candidate) => candidate.name === result.tier) ?? result.tiers[0]
  const lines: Paragraph[] = []
  if (tier !== undefined) {
    lines.push(breaksFirst(tier), ...whyBinding(tier))
    push(lines, realistic(tier))
    push(lines, instances(tier))
  }
  push(lines, otherTiers(result, tier))
  push(lines, money(result))
  push(lines, objectives(result))
  push(lines, firstTrouble(result.growth))
  if (lines.length === 0) lines.push(paragraph(['The plan has no tiers and no costs: there are only its quantities.']))
  return lines
}

const push = (lines: Paragraph[], line: Paragraph | undefined) => {
  if (line !== undefined) lines.push(line)
}

const bindingOf = (tier: TierResult): ResourceResult | undefined =>
  tier.resources.find(({ binding }) => binding) ?? tier.resources.find(({ name }) => name === tier.binding)

function breaksFirst(tier: TierResult): Paragraph {
  const binding = bindingOf(tier)
  if (binding === undefined || binding.limit.typical === null) {
    return paragraph(
      [strong(`${capital(tier.label)}: nothing limits it`), '; the plan states no need that could run out.'],
      'warn',
    )
  }
  if (binding.name === 'capacity') {
    return paragraph([strong(`${capital(tier.label)} hold what is stated`), ': ', binding.limit, ' on one instance.'])
  }
  const where = binding.scope === 'shared' ? 'on all instances together' : 'on one instance'
  return paragraph([
    strong(`${capital(tier.label)}: ${binding.name} breaks first`),
    ', at ',
    binding.limit,
    ` ${where}.`,
  ])
}

/** How the lowest limit comes about, and how far off the next is. */
function whyBinding(tier: TierResult): Paragraph[] {
  const binding = bindingOf(tier)
  if (binding === undefined || binding.limit.typical === null) return []
  const pieces: Inline[] = []
  if (binding.available !== null && binding.need !== null) {
    pieces.push(binding.scope === 'shared' ? 'All instances together have ' : 'An instance has ')
    pieces.push(binding.available, ' for them; each takes ', binding.need, '.')
    if (binding.oneLoop) pieces.push(' A process with one event loop uses one core, however many there are.')
  }
  const next = tier.resources.find((resource) => resource !== binding && resource.limit.typical !== null)
  if (next?.limit.typical != null && binding.limit.typical > 0) {
    const ratio = next.limit.typical / binding.limit.typical
    pieces.push(`${pieces.length > 0 ? ' ' : ''}Next is ${next.name}, `, ...atQuantity(next.limit))
    pieces.push(ratio > 1.005 ? `, ${times(ratio)} that.` : ', at about the same load.')
  }
  return pieces.length === 0 ? [] : [paragraph(pieces)]
}

function realistic(tier: TierResult): Paragraph | undefined {
  if (tier.realistic === null) return undefined
  if (tier.reserves.length === 0) {
    return paragraph([strong('Realistic'), ': ', tier.realistic, '; the plan keeps no reserve.'])
  }
  const names = tier.reserves.map(({ name, share }) => `${name} ${share.text}`)
  return paragraph([strong('Realistic'), ': ', tier.realistic, ` on one instance, less ${listed(names)}.`])
}

function instances(tier: TierResult): Paragraph | undefined {
  if (tier.instances === null || tier.load === null) return undefined
  const pieces: Inline[] = [strong('Instances'), ': ', tier.instances, ' for ', tier.load]
  if (tier.stated) pieces.push(', as the plan states')
  else if (tier.surviveFailures > 0) {
    pieces.push(`, of which ${tier.surviveFailures} may fail`)
  }
  if (tier.sufficient === false) pieces.push('. ', strong('That is too few'), ': needed are ', tier.needed ?? 'more')
  pieces.push('.')
  return paragraph(pieces, tier.sufficient === false ? 'bad' : 'plain')
}

function otherTiers({ tiers }: PlanResult, first: TierResult | undefined): Paragraph | undefined {
  const others = tiers.filter((tier) => tier !== first && tier.binding !== null && tier.limit?.typical != null)
  if (others.length === 0) return undefined
  const pieces: Inline[] = ['Other tiers: ']
  for (const [index, tier] of others.entries()) {
    const cause = tier.binding === 'capacity' ? 'as stated' : `by ${tier.binding}`
    pieces.push(
      index === 0 ? '' : '; ',
      `${tier.label} ${cause} `,
      ...(tier.limit === null ? [] : atQuantity(tier.limit)),
    )
    if (tier.sufficient === false) pieces.push(' (', strong('too few instances'), ')')
  }
  return paragraph([...pieces, '.'])
}

function money({ costs }: PlanResult): Paragraph | undefined {
  if (costs === null) return undefined
  const pieces: Inline[] = [strong('Cost'), ': ', costs.total]
  const unit = costs.unitCosts[0]
  if (unit !== undefined) pieces.push('; ', unit.cost)
  if (costs.margin !== null) {
    const isLoss = costs.margin.typical !== null && costs.margin.typical < 0
    pieces.push('; ', isLoss ? strong('loss') : 'margin', ' ', costs.margin)
  }
  return paragraph([...pieces, '.'])
}

function objectives({ objectives: all }: PlanResult): Paragraph | undefined {
  if (all.length === 0) return undefined
  const missed = all.filter(({ verdict }) => verdict === 'missed').map(({ label }) => label)
  const open = all.filter(({ verdict }) => verdict === 'open').map(({ label }) => label)
  if (missed.length === 0 && open.length === 0) {
    return paragraph([strong('Objectives'), `: ${all.length} of ${all.length} met.`], 'good')
  }
  const parts = [`${all.length - missed.length - open.length} of ${all.length} met`]
  if (missed.length > 0) parts.push(`missed: ${listed(missed)}`)
  if (open.length > 0) parts.push(`open within the ranges: ${listed(open)}`)
  return paragraph([strong('Objectives'), `: ${parts.join('; ')}.`], missed.length > 0 ? 'bad' : 'warn')
}

function firstTrouble(growth: readonly GrowthMonth[]): Paragraph | undefined {
  const [first, ...others] = troublesOf(growth)
  if (first === undefined) return undefined
  const more = others.length === 0 ? '' : ` ${counted(others.length, 'more thing')} later.`
  return paragraph(
    [strong('Growth'), `: something breaks first in ${first.label}: ${stopped(first.sentence)}${more}`],
    'warn',
  )
}
