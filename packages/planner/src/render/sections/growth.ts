// Month by month.
import type { GrowthMonth, PlanResult, Quantity } from '../../result.ts'
import { blocks, cellOf, end, start, stopped, tableOf, words } from '../parts.ts'
import type { Bullets, Cell, Chart, Column, LinesChart, Section, Table } from '../report.ts'

/** More charts than this say less than the table does. */
const MOST_GROWN_CHARTS = 3

export function growthSection({ growth: months, currency, tiers }: PlanResult): Section | undefined {
  const labels = new Map(tiers.map(({ name, label }) => [name, label]))
  const growth = months.map((month) => ({ ...month, instances: renamed(month.instances, labels) }))
  const table = growthTable(growth)
  if (table === undefined) return undefined
  return {
    id: 'growth',
    title: 'Growth',
    blocks: blocks(
      instancesChart(growth),
      moneyChart(growth, currency),
      ...grownCharts(growth),
      table,
      troubles(growth),
    ),
  }
}

const renamed = <T>(all: Readonly<Record<string, T>>, labels: ReadonlyMap<string, string>): Record<string, T> =>
  Object.fromEntries(Object.entries(all).map(([name, value]) => [labels.get(name) ?? name, value]))

const keysOf = (growth: readonly GrowthMonth[], of: 'grown' | 'instances' | 'shown'): string[] => [
  ...new Set(growth.flatMap((month) => Object.keys(month[of]))),
]

function growthTable(growth: readonly GrowthMonth[]): Table | undefined {
  const grown = keysOf(growth, 'grown')
  const instances = keysOf(growth, 'instances')
  const shown = keysOf(growth, 'shown')
  const columns: Column[] = [
    start('month'),
    ...grown.map((name) => end(name)),
    ...instances.map((name) => end(name)),
    ...shown.map((name) => end(name, true)),
    end('cost'),
    end('credits', true),
    end('to pay', true),
    end('revenue'),
  ]
  const rows = growth.map((month): Cell[] => [
    words(month.label),
    ...grown.map((name) => cellOf(month.grown[name])),
    ...instances.map((name) => cellOf(month.instances[name])),
    ...shown.map((name) => cellOf(month.shown[name])),
    cellOf(month.cost),
    cellOf(month.creditsUsed),
    cellOf(month.toPay),
    cellOf(month.revenue),
  ])
  return tableOf('Growth, month by month', columns, rows)
}

export interface Trouble {
  /** The month in which it begins. */
  readonly label: string
  readonly sentence: string
  readonly months: number
}

/** What breaks in the course of growth, each kind once: sentences that differ only in their numbers are of one kind. */
export function troublesOf(growth: readonly GrowthMonth[]): Trouble[] {
  const kinds = new Map<string, { label: string; sentence: string; months: number }>()
  for (const { label, notes } of growth) {
    for (const sentence of notes) {
      const kind = sentence.replace(/[\d][\d,.]*/g, '#')
      const known = kinds.get(kind)
      if (known === undefined) kinds.set(kind, { label, sentence, months: 1 })
      else known.months++
    }
  }
  return [...kinds.values()]
}

function troubles(growth: readonly GrowthMonth[]): Bullets | undefined {
  const items = troublesOf(growth).map(({ label, sentence, months }) => {
    const more = months === 1 ? '' : ` So it is in ${months} of ${growth.length} months.`
    return { tone: 'warn' as const, text: [{ strong: label }, `: ${stopped(sentence)}${more}`] }
  })
  return items.length === 0 ? undefined : { kind: 'bullets', items }
}

interface Line {
  readonly name: string
  readonly all: readonly (Quantity | null | undefined)[]
}

/** Lines of one unit over the months; undefined when there is nothing to draw or the units differ. */
function chartOf(
  growth: readonly GrowthMonth[],
  lines: readonly Line[],
  form: { readonly title: string; readonly description: string; readonly isStep: boolean; readonly axis?: string },
): Chart | undefined {
  const drawn = lines.filter(({ all }) => all.some((quantity) => quantity?.typical != null))
  const units = new Set(drawn.flatMap(({ all }) => all.flatMap((quantity) => (quantity ? [quantity.unit] : []))))
  if (growth.length < 2 || drawn.length === 0 || units.size > 1) return undefined
  const [unit = ''] = units
  const chart: LinesChart = {
    form: 'lines',
    axis: form.axis ?? unit,
    xAxis: 'month',
    xs: growth.map(({ month }) => month),
    xLabels: growth.map(({ label }) => label.replace(/^month /, '')),
    series: drawn.map(({ name, all }) => {
      const values = all.map((quantity) => quantity?.typical ?? null)
      const lows = all.map((quantity) => quantity?.low ?? null)
      const highs = all.map((quantity) => quantity?.high ?? null)
      const isRange = values.some((value, at) => value !== null && (lows[at] !== value || highs[at] !== value))
      return { name, values, lows: isRange ? lows : null, highs: isRange ? highs : null, isStep: form.isStep }
    }),
    marks: [],
  }
  return { kind: 'chart', title: form.title, description: form.description, chart }
}

/** `from 2 instances in month 1 to 9 instances in month 36` */
function course(growth: readonly GrowthMonth[], { name, all }: Line): string {
  const [first, last] = [all[0], all.at(-1)]
  if (!first || !last) return name
  return `${name}: ${first.text} in ${growth[0]?.label}, ${last.text} in ${growth.at(-1)?.label}`
}

function instancesChart(growth: readonly GrowthMonth[]): Chart | undefined {
  const lines = keysOf(growth, 'instances').map((name) => ({ name, all: growth.map((month) => month.instances[name]) }))
  return chartOf(growth, lines, {
    title: 'Instances by month',
    description: `${lines.map((line) => course(growth, line)).join('; ')}.`,
    isStep: true,
    axis: 'instances',
  })
}

function moneyChart(growth: readonly GrowthMonth[], currency: string): Chart | undefined {
  const isPaidByCredits = growth.some(({ creditsUsed }) => (creditsUsed?.typical ?? 0) > 0)
  const lines: Line[] = [
    { name: 'cost', all: growth.map(({ cost }) => cost) },
    ...(isPaidByCredits ? [{ name: 'to pay', all: growth.map(({ toPay }) => toPay) }] : []),
    { name: 'revenue', all: growth.map(({ revenue }) => revenue) },
  ]
  const described = lines.filter(({ all }) => all.some(Boolean))
  return chartOf(growth, lines, {
    title: 'Money by month',
    description: `${described.map((line) => course(growth, line)).join('; ')}.`,
    isStep: false,
    axis: `${currency} per month`,
  })
}

function grownCharts(growth: readonly GrowthMonth[]): (Chart | undefined)[] {
  return keysOf(growth, 'grown')
    .slice(0, MOST_GROWN_CHARTS)
    .map((name) => {
      const line = { name, all: growth.map((month) => month.grown[name]) }
      return chartOf(growth, [line], {
        title: `${name} by month`,
        description: `${course(growth, line)}.`,
        isStep: false,
      })
    })
}
