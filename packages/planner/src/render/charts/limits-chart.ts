// Limits by resource: a range and a point for each, on a logarithmic axis.
import type { LimitsChart } from '../report.ts'
import { frame, label, line, logScale, mark, type Picture, type Scale, xGrid } from './frame.ts'
import { element, fitted, LETTER_PX } from './markup.ts'

const EDGE_PX = 8
const MARK_PX = 22
const BAR_PX = 10

export function limitsSvg(chart: LimitsChart, picture: Picture): string {
  const { widthPx } = picture
  const values = [...chart.rows.flatMap(({ low, high }) => [low, high]), ...chart.marks.map(({ at }) => at)]
  const scale = logScale(Math.min(...values), Math.max(...values), EDGE_PX, widthPx - EDGE_PX)
  const top = chart.marks.length > 0 ? MARK_PX : 4
  const rows: string[] = []
  let y = top
  for (const row of chart.rows) {
    const drawn = rowOf(row, scale, y, widthPx)
    rows.push(drawn.svg)
    y += drawn.heightPx
  }
  const bottom = y + 4
  const parts = [
    ...xGrid(scale, top, bottom, widthPx),
    ...chart.marks.map(({ at, label: text }) => mark(scale.at(at), top - 8, bottom, text, widthPx, 12)),
    ...rows,
    label(widthPx - EDGE_PX, bottom + 36, `${chart.axis}, each step ten times the one before`, 'tick', 'end'),
  ]
  return frame(picture, bottom + 44, parts)
}

function rowOf(row: LimitsChart['rows'][number], scale: Scale, y: number, widthPx: number) {
  const name = row.isBinding ? `${row.label}: breaks first` : row.label
  const isLong = (name.length + row.text.length + 3) * LETTER_PX > widthPx - 2 * EDGE_PX
  const room = widthPx - 2 * EDGE_PX
  const texts = isLong
    ? [label(EDGE_PX, y + 16, fitted(name, room), 'name'), label(EDGE_PX, y + 34, fitted(row.text, room), 'value')]
    : [label(EDGE_PX, y + 16, name, 'name'), label(widthPx - EDGE_PX, y + 16, row.text, 'value', 'end')]
  const middle = y + (isLong ? 48 : 30)
  const [from, to, at] = [scale.at(row.low), scale.at(row.high), scale.at(row.typical)]
  const colour = row.isBinding ? 'binding' : 'free'
  const svg = [
    line(EDGE_PX, middle, widthPx - EDGE_PX, middle, 'track'),
    element('rect', {
      x: from - 1,
      y: middle - BAR_PX / 2,
      width: Math.max(2, to - from + 2),
      height: BAR_PX,
      rx: 3,
      class: `range ${colour}`,
    }),
    element('circle', { cx: at, cy: middle, r: 6, class: `point ${colour}` }),
    ...texts,
  ]
  return { svg: svg.join(''), heightPx: isLong ? 66 : 48 }
}
