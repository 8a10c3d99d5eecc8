// What one instance of each tier holds: the limit by each resource, the reserves, how many instances that makes.
import type { PlanResult, Quantity, ResourceResult, TierResult } from '../../result.ts'
import { percent } from '../figures.ts'
import { blocks, capital, cellOf, end, listed, paragraph, start, tableOf, words } from '../parts.ts'
import type { Cell, Chart, Inline, Section, Table } from '../report.ts'

type ReserveResult = TierResult['reserves'][number]
type WorkloadResult = PlanResult['workloads'][number]

export function capacitySections(result: PlanResult): Section[] {
  return result.tiers
    .filter((tier) => !isStatedOnly(tier))
    .map((tier) => ({
      id: `tier-${tier.name}`,
      title: `Limits of ${tier.label}`,
      blocks: blocks(limitsChart(tier), limitsTable(tier), takenTable(tier), reservesTable(tier)),
    }))
}

/** A tier about which there is nothing to tell but how many an instance holds, if that. */
const isStatedOnly = ({ resources, reserves }: TierResult): boolean =>
  reserves.length === 0 && resources.every(({ name }) => name === 'capacity')

/** How much of this resource is used when the tightest one is full. */
const fullness = (tier: TierResult, resource: ResourceResult): number | undefined =>
  tier.limit?.typical == null || resource.limit.typical === null || resource.limit.typical <= 0
    ? undefined
    : Math.min(1, tier.limit.typical / resource.limit.typical)

function limitsTable(tier: TierResult): Table | undefined {
  const rows = tier.resources.map((resource): Cell[] => {
    const ratio = fullness(tier, resource)
    return [
      words(resource.name, resource.binding ? 'strong' : 'plain'),
      cellOf(resource.limit, resource.binding ? 'strong' : 'plain'),
      ratio === undefined
        ? words('')
        : { text: percent(ratio), meterRatio: ratio, tone: resource.binding ? 'bad' : 'plain' },
      resource.available === null ? cellOf(resource.has) : cellOf(resource.available),
      cellOf(resource.need),
      words(remark(resource), resource.binding ? 'strong' : 'soft'),
    ]
  })
  const machine = tier.machine === null ? '' : ` (${tier.machine})`
  return tableOf(
    `What one instance${machine} holds, by resource, and how full each is when the first is full`,
    [start('resource'), end('limit'), start('full'), end('available', true), end('each needs', true), start('remark')],
    rows,
  )
}

function remark({ scope, oneLoop, name, binding }: ResourceResult): string {
  const parts: string[] = binding ? ['breaks first'] : []
  if (scope === 'shared') parts.push('of all instances together')
  if (oneLoop) parts.push('one event loop, one core')
  if (name === 'capacity') parts.push('stated for an instance')
  return parts.join('; ')
}

/** From what a machine has to what is left for the load, where something is taken. */
function takenTable({ resources }: TierResult): Table | undefined {
  const rows = resources
    .filter(({ taken }) => taken.length > 0)
    .flatMap((resource): Cell[][] => [
      [words(`${resource.name}: an instance has`), cellOf(resource.has)],
      ...resource.taken.map((part) => [words(`- ${lastName(part)}`), cellOf(part)]),
      [words(`= for the load`, 'strong'), cellOf(resource.available, 'strong')],
    ])
  return tableOf('What is taken before the first', [start('what'), end('amount')], rows)
}

/** What a person calls it: the last part of its name, but the kind of call rather than its rate or tokens. */
function lastName({ name }: Quantity): string {
  const parts = name.split('.')
  const last = parts.at(-1) ?? name
  return (last === 'rate' || last === 'tokens') && parts.length > 2 ? (parts.at(-2) ?? last) : last
}

function reservesTable(tier: TierResult): Table | undefined {
  if (tier.realistic === null || tier.reserves.length === 0) return undefined
  const rows: Cell[][] = [
    [words('limit'), words(''), cellOf(tier.limit), words('')],
    ...tier.reserves.map((reserve) => reserveRow(reserve)),
    [words('realistic', 'strong'), words(''), cellOf(tier.realistic, 'strong'), words('')],
  ]
  return tableOf(
    'From the limit to what is realistic',
    [start('what'), end('share'), end('on one instance'), start('why', true)],
    rows,
  )
}

const reserveRow = ({ name, share, keeps, note }: ReserveResult): Cell[] => [
  words(`- ${name}`),
  cellOf(share),
  cellOf(keeps),
  words(note ?? '', 'soft'),
]

/** A logarithmic axis has no 0; a limit beyond these is as good as none, or as unlimited. */
const [LEAST_DRAWN, MOST_DRAWN] = [0.01, 1e12]

function limitsChart(tier: TierResult): Chart | undefined {
  const rows = tier.resources.flatMap(({ name, limit, binding }) => {
    const { low, typical, high, text } = limit
    if (typical === null || typical < LEAST_DRAWN || typical > MOST_DRAWN) return []
    const least = low === null ? LEAST_DRAWN : Math.max(low, LEAST_DRAWN)
    const most = high === null ? typical : Math.min(high, MOST_DRAWN)
    return [
      { label: name, low: Math.min(least, typical), typical, high: Math.max(most, typical), text, isBinding: binding },
    ]
  })
  if (rows.length < 2) return undefined
  const marks: { label: string; at: number }[] = []
  if (tier.realistic?.typical != null && tier.realistic.typical >= LEAST_DRAWN) {
    marks.push({ label: `realistic ${tier.realistic.typical}`, at: tier.realistic.typical })
  }
  const binding = tier.binding ?? 'nothing'
  return {
    kind: 'chart',
    title: `${capital(tier.label)}: capacity by resource`,
    description: `How many ${tier.unit} one instance holds, by resource; ${binding} gives out first, at ${tier.limit?.text ?? 'no limit'}.`,
    chart: { form: 'limits', axis: tier.unit, rows, marks },
  }
}

/** One row per tier: load, what an instance holds, how many there are. */
export function tiersSection({ tiers }: PlanResult): Section | undefined {
  const table = tableOf(
    'Instances of each tier',
    [
      start('tier'),
      end('load'),
      end('one holds'),
      end('carry it'),
      end('may fail'),
      end('instances'),
      end('in use', true),
      end('each costs', true),
      end('cost'),
      start('verdict'),
    ],
    tiers.map(tierRow),
  )
  if (table === undefined) return undefined
  const buffered = tiers.filter(({ buffers }) => buffers.length > 0)
  const notes = buffered.map((tier) =>
    paragraph([`${capital(tier.label)}: the load is planned with `, ...bufferWords(tier), ' on top.'], 'soft'),
  )
  const limitless = tiers.filter(({ resources }) => resources.length === 0).map(({ label }) => label)
  if (limitless.length > 0) notes.push(paragraph([`The plan states no limit of ${listed(limitless)}.`], 'soft'))
  return { id: 'tiers', title: 'Instances', blocks: [table, ...notes] }
}

const bufferWords = ({ buffers }: TierResult): Inline[] =>
  buffers.flatMap((buffer, at): Inline[] => [at === 0 ? '' : ', ', `${lastName(buffer)} `, buffer])

function tierRow(tier: TierResult): Cell[] {
  return [
    words(tier.label),
    cellOf(tier.load),
    cellOf(tier.realistic),
    cellOf(tier.needed),
    words(tier.surviveFailures > 0 ? String(tier.surviveFailures) : ''),
    cellOf(tier.instances, 'strong'),
    cellOf(tier.usedRatio),
    cellOf(tier.price),
    cellOf(tier.cost),
    verdict(tier),
  ]
}

function verdict({ sufficient, stated }: TierResult): Cell {
  if (sufficient === false) return words('too few', 'bad')
  if (sufficient === true) return words(stated ? 'stated, enough' : 'enough', 'good')
  return words(stated ? 'stated' : '', 'soft')
}

/** What one of each workload needs, part by part. */
export function needsSection({ workloads }: PlanResult): Section | undefined {
  const tables = workloads.map(needsTable).filter((table) => table !== undefined)
  return tables.length === 0 ? undefined : { id: 'needs', title: 'What the load needs', blocks: tables }
}

function needsTable({ label, plural, concurrent, needs }: WorkloadResult): Table | undefined {
  const rows = needs.flatMap(({ resource, total, parts }): Cell[][] => [
    [words(resource), cellOf(total)],
    ...(parts.length > 1 ? parts.map((part) => [words(`+ ${lastName(part)}`, 'soft'), cellOf(part, 'soft')]) : []),
  ])
  const many = concurrent === null ? '' : `; ${concurrent.text} at the same time`
  return tableOf(`${capital(label)}: what one of the ${plural} needs${many}`, [start('resource'), end('need')], rows)
}
