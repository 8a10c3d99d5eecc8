// Lines over months or over a load: each with its range as a band, told apart by colour, dashes and the shape of its end.
import { tickFigure } from '../figures.ts'
import type { LinesChart } from '../report.ts'
import { frame, label, line, linearScale, mark, type Picture, type Scale } from './frame.ts'
import { element, LETTER_PX } from './markup.ts'

const PLOT_PX = { wide: 240, narrow: 200 } as const
const RIGHT_PX = 12
/** Lines beyond this repeat colours, with other dashes. */
export const LINE_COLOURS = 6

export const lineClass = (index: number): string =>
  `line line-${(index % LINE_COLOURS) + 1}${index >= LINE_COLOURS ? ' again' : ''}`

type Series = LinesChart['series'][number]

export function linesSvg(chart: LinesChart, picture: Picture): string {
  const { widthPx } = picture
  const numbers = chart.series.flatMap(({ values, highs, lows }) =>
    [...values, ...(highs ?? []), ...(lows ?? [])].filter((value) => value !== null),
  )
  const heightPx = widthPx > 500 ? PLOT_PX.wide : PLOT_PX.narrow
  const top = chart.marks.length > 0 ? 12 + 16 * chart.marks.length : 12
  const bottom = top + heightPx
  const y = linearScale(Math.min(0, ...numbers), Math.max(0, ...numbers), bottom, top, 5)
  const left = 14 + LETTER_PX * Math.max(...y.ticks.map((tick) => tickFigure(tick).length))
  const right = widthPx - RIGHT_PX
  const [first, last] = [chart.xs[0] ?? 0, chart.xs.at(-1) ?? 1]
  const x = (value: number) => left + ((value - first) / (last - first || 1)) * (right - left)
  const parts = [
    ...y.ticks.flatMap((tick) => [
      line(left, y.at(tick), right, y.at(tick), tick === 0 ? 'axis' : 'grid'),
      label(left - 6, y.at(tick) + 4, tickFigure(tick), 'tick', 'end'),
    ]),
    ...xLabels(chart, x, bottom, widthPx),
    ...chart.series.map((series, index) => bandOf(series, index, chart.xs, x, y)),
    ...chart.series.map((series, index) => lineOf(series, index, chart.xs, x, y)),
    ...chart.marks.map(({ x: value, label: text }, index) =>
      mark(x(value), 4 + 16 * index, bottom, text, widthPx, 14 + 16 * index),
    ),
    label(right, bottom + 38, chart.xAxis, 'tick', 'end'),
  ]
  return frame(picture, bottom + 46, parts)
}

/** As many x labels as there is room for, the first and the last among them. */
function xLabels(chart: LinesChart, x: (value: number) => number, bottom: number, widthPx: number): string[] {
  const texts = chart.xs.map((value, at) => chart.xLabels?.[at] ?? tickFigure(value))
  const widest = Math.max(...texts.map((text) => text.length)) * LETTER_PX + 14
  const span = x(chart.xs.at(-1) ?? 0) - x(chart.xs[0] ?? 0)
  const most = Math.max(2, Math.floor(span / widest))
  const step = Math.max(1, Math.ceil((chart.xs.length - 1) / most))
  const parts: string[] = []
  for (let at = 0; at < chart.xs.length; at += step) {
    const place = x(chart.xs[at] as number)
    const text = texts[at] as string
    const isOver = place + (text.length * LETTER_PX) / 2 > widthPx
    parts.push(line(place, bottom, place, bottom + 4, 'axis'))
    parts.push(label(isOver ? widthPx : place, bottom + 18, text, 'tick', isOver ? 'end' : 'middle'))
  }
  return parts
}

function lineOf(series: Series, index: number, xs: readonly number[], x: (value: number) => number, y: Scale): string {
  let path = ''
  let end: { readonly cx: number; readonly cy: number } | undefined
  let previousY: number | undefined
  for (const [at, value] of series.values.entries()) {
    if (value === null) {
      previousY = undefined
      continue
    }
    const [px, py] = [x(xs[at] as number), y.at(value)]
    const step = series.isStep && previousY !== undefined ? `L${round(px)} ${round(previousY)}` : ''
    path += previousY === undefined ? `M${round(px)} ${round(py)}` : `${step}L${round(px)} ${round(py)}`
    previousY = py
    end = { cx: px, cy: py }
  }
  const dot = end === undefined ? '' : element('circle', { ...end, r: 4, class: `${lineClass(index)} end` })
  return element('path', { d: path, class: lineClass(index) }) + dot
}

function bandOf(series: Series, index: number, xs: readonly number[], x: (value: number) => number, y: Scale): string {
  const { lows, highs, values } = series
  if (lows === null || highs === null) return ''
  const points = values.flatMap((value, at) => {
    if (value === null) return []
    const place = x(xs[at] as number)
    return [{ place, low: y.at(lows[at] ?? value), high: y.at(highs[at] ?? value) }]
  })
  const upper = points.map(({ place, high }) => `${round(place)} ${round(high)}`)
  const lower = points.map(({ place, low }) => `${round(place)} ${round(low)}`).reverse()
  return element('path', { d: `M${[...upper, ...lower].join('L')}Z`, class: `band ${lineClass(index)}` })
}

const round = (value: number): number => Math.round(value * 10) / 10
