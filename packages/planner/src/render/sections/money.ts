// What it costs: lines, savings in their order, credits, unit costs, margin; and where one way becomes cheaper than another.
import type { BreakEvenResult, CostResult, PlanResult, Quantity } from '../../result.ts'
import { figure, tickFigure } from '../figures.ts'
import {
  atQuantity,
  blocks,
  capital,
  cellOf,
  end,
  listed,
  paragraph,
  start,
  stopped,
  tableOf,
  words,
} from '../parts.ts'
import type { Block, Cell, Chart, Inline, Section, Table } from '../report.ts'

export function costSection({ costs, currency }: PlanResult): Section | undefined {
  if (costs === null) return undefined
  return {
    id: 'cost',
    title: 'Cost',
    blocks: blocks(
      costChart(costs, currency),
      linesTable(costs),
      savingsTable(costs),
      creditsTable(costs),
      unitCostsTable(costs),
      marginLine(costs),
    ),
  }
}

function linesTable({ lines, beforeSavings, total, savings, credits }: CostResult): Table | undefined {
  const rows = lines.map((line): Cell[] => [
    words(line.label),
    cellOf(line.amount),
    cellOf(line.free),
    cellOf(line.price),
    cellOf(line.fixed),
    cellOf(line.cost),
    savings.length > 0 ? cellOf(line.afterSavings) : words(''),
    { ...cellOf(line.shareOfTotal), ...meter(line.afterSavings, total) },
  ])
  const blank = words('')
  const sum = (name: string, before: Quantity | null, after: Quantity | null): Cell[] => [
    words(name, 'strong'),
    blank,
    blank,
    blank,
    blank,
    cellOf(before, 'strong'),
    cellOf(after, 'strong'),
    blank,
  ]
  if (savings.length > 0) rows.push(sum('sum', beforeSavings, savings.at(-1)?.left ?? null))
  const end_ = credits.some(({ monthly }) => monthly) ? 'total, less monthly credits' : 'total'
  rows.push(savings.length > 0 ? sum(end_, null, total) : sum(end_, total, null))
  return tableOf(
    'Cost per month, by part',
    [
      start('part'),
      end('amount', true),
      end('free', true),
      end('price', true),
      end('fixed', true),
      end('cost'),
      end('after savings'),
      start('share'),
    ],
    rows,
  )
}

function meter({ typical }: Quantity, total: Quantity): { meterRatio?: number } {
  return typical === null || total.typical === null || total.typical <= 0 ? {} : { meterRatio: typical / total.typical }
}

function savingsTable({ savings, lines }: CostResult): Table | undefined {
  const rows = savings.map((saving): Cell[] => {
    const isWhole = saving.of.length === lines.length
    const isLess = saving.asked.text !== saving.saves.text
    return [
      words(saving.label),
      words(isWhole ? 'everything' : listed(saving.of), 'soft'),
      cellOf(saving.from),
      cellOf(saving.saves, 'strong'),
      isLess ? cellOf(saving.asked, 'warn') : words(''),
      cellOf(saving.left),
    ]
  })
  return tableOf(
    'Savings in their order, each from what the ones before have left',
    [
      start('saving'),
      start('of', true),
      end('of which there is'),
      end('saves'),
      end('by itself'),
      end('all that is left'),
    ],
    rows,
  )
}

function creditsTable({ credits }: CostResult): Table | undefined {
  const rows = credits.map(({ name, amount, monthly, lastsMonths }): Cell[] => [
    words(name),
    cellOf(amount),
    words(monthly ? 'every month' : 'once', 'soft'),
    cellOf(lastsMonths),
  ])
  return tableOf('Credits', [start('credit'), end('amount'), start('given'), end('lasts')], rows)
}

function unitCostsTable({ unitCosts }: CostResult): Table | undefined {
  const rows = unitCosts.map(({ name, per, cost }): Cell[] => [words(name), cellOf(cost, 'strong'), cellOf(per)])
  return tableOf('Unit costs: the total over what it is for', [start('per'), end('cost'), end('in a month')], rows)
}

function marginLine({ revenue, margin, marginRatio, total }: CostResult): Block | undefined {
  if (revenue === null || margin === null) return undefined
  const isLoss = margin.typical !== null && margin.typical < 0
  const pieces: Inline[] = ['Revenue ', revenue, ' less ', total, isLoss ? ' is a loss: ' : ' leaves ', margin]
  if (marginRatio !== null) pieces.push(', ', marginRatio, ' of the revenue')
  return paragraph([...pieces, '.'], isLoss ? 'bad' : 'plain')
}

function costChart({ lines, savings }: CostResult, currency: string): Chart | undefined {
  const rows = lines
    .flatMap(({ label, cost, afterSavings }) => {
      if (cost.typical === null || afterSavings.typical === null) return []
      const hasSaved = afterSavings.text !== cost.text
      const text = hasSaved ? `${afterSavings.text}, before savings ${cost.text}` : cost.text
      return [{ label, value: afterSavings.typical, before: Math.max(cost.typical, afterSavings.typical), text }]
    })
    .filter(({ before }) => before > 0)
    .sort((one, other) => other.before - one.before)
  if (rows.length < 2) return undefined
  const [most] = rows
  return {
    kind: 'chart',
    title: 'Cost per month by tier and part',
    description: `${capital(most?.label ?? '')} is the largest part, ${most?.text}.`,
    chart: {
      form: 'bars',
      axis: `${currency} per month`,
      rows,
      names: savings.length > 0 ? { value: 'after savings', before: 'saved' } : null,
    },
  }
}

/** More crossings than this are told as one. */
const MOST_CROSSINGS = 3

export function breakEvenSections({ breakEven }: PlanResult): Section[] {
  return breakEven.map((one) => ({
    id: `break-even-${one.name}`,
    title: `Break-even: ${one.label}`,
    blocks: blocks(...sentences(one), breakEvenChart(one), seriesTable(one)),
  }))
}

function sentences({ crossings, cheapestAtStart, series, over, unit }: BreakEvenResult): Block[] {
  if (crossings.length === 0) {
    const last = series.at(-1)
    const to = last === undefined ? '' : ` up to ${tickFigure(last.at)} ${unit}`
    return [paragraph([{ strong: cheapestAtStart }, ` is the cheapest for all ${over}${to}: the lines do not cross.`])]
  }
  const told = crossings.length > MOST_CROSSINGS ? crossings.slice(0, 1) : crossings
  const blocks: Block[] = told.map(({ at, from, to, cost, sentence }) =>
    sentence === ''
      ? paragraph(['From ', at, ' on ', { strong: to }, ` is cheaper than ${from}, at `, cost, '.'])
      : paragraph([stopped(sentence), ` [${at.standing}]`]),
  )
  if (crossings.length > told.length) blocks.push(manyCrossings(crossings))
  return blocks
}

/** Costs that rise in steps cross again and again; that is told once. */
function manyCrossings(crossings: BreakEvenResult['crossings']): Block {
  const last = crossings.at(-1) as BreakEvenResult['crossings'][number]
  const count = `They change places ${crossings.length} times, as costs that rise in steps do; the last time `
  return paragraph([count, ...atQuantity(last.at), ', and from there on ', { strong: last.to }, ' is cheaper.'])
}

function breakEvenChart({
  series,
  options,
  over,
  unit,
  costUnit,
  crossings,
  label,
}: BreakEvenResult): Chart | undefined {
  if (series.length < 2) return undefined
  const marked = crossings.length > MOST_CROSSINGS ? crossings.slice(0, 1) : crossings
  const marks = marked.flatMap(({ at, to }) =>
    at.typical === null ? [] : [{ label: `${to} from ${tickFigure(at.typical)}`, x: at.typical }],
  )
  const crossed = marked.map(({ at, to }) => `${to} is the cheapest from ${at.text}`)
  return {
    kind: 'chart',
    title: `${capital(label)}: cost by ${over}`,
    description: crossed.length > 0 ? `${listed(crossed)}.` : 'No two of them cross.',
    chart: {
      form: 'lines',
      axis: costUnit,
      xAxis: unit === '' ? over : unit,
      xs: series.map(({ at }) => at),
      xLabels: null,
      series: options.map((name) => ({
        name,
        values: series.map(({ costs }) => costs[name] ?? null),
        lows: null,
        highs: null,
        isStep: false,
      })),
      marks,
    },
  }
}

function seriesTable({ series, options, over, unit, costUnit, label }: BreakEvenResult): Table | undefined {
  const rows = series.map(({ at, costs }): Cell[] => [
    words(figure(at)),
    ...options.map((name) => words(costs[name] === undefined ? '' : figure(costs[name]))),
  ])
  return tableOf(
    `${capital(label)}: ${costUnit} by ${over}`,
    [start(unit === '' ? over : unit), ...options.map((name) => end(name))],
    rows,
    { isBehindChart: true },
  )
}
