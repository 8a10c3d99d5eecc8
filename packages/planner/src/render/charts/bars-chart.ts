// Parts of a sum as bars from 0, each with its words above it.
import type { BarsChart } from '../report.ts'
import { frame, label, linearScale, type Picture, xGrid } from './frame.ts'
import { element, fitted, LETTER_PX } from './markup.ts'

const EDGE_PX = 8
const BAR_PX = 14

export function barsSvg(chart: BarsChart, picture: Picture): string {
  const { widthPx } = picture
  const most = Math.max(...chart.rows.map(({ before }) => before))
  const scale = linearScale(0, most, EDGE_PX, widthPx - EDGE_PX, widthPx > 500 ? 6 : 4)
  const rows: string[] = []
  let y = 4
  for (const { label: name, text, value, before } of chart.rows) {
    const room = widthPx - 2 * EDGE_PX
    const isLong = (name.length + text.length + 3) * LETTER_PX > room
    rows.push(label(EDGE_PX, y + 15, fitted(name, room), 'name'))
    if (isLong) rows.push(label(EDGE_PX, y + 33, fitted(text, room), 'value'))
    else rows.push(label(widthPx - EDGE_PX, y + 15, text, 'value', 'end'))
    const top = y + (isLong ? 40 : 22)
    const [zero, end, whole] = [scale.at(0), scale.at(value), scale.at(before)]
    if (whole > end + 0.5) rows.push(bar(end, top, whole - end, 'saved'))
    rows.push(bar(zero, top, Math.max(1, end - zero), 'kept'))
    y = top + BAR_PX + 12
  }
  const parts = [...xGrid(scale, 4, y, widthPx), ...rows, label(widthPx - EDGE_PX, y + 36, chart.axis, 'tick', 'end')]
  return frame(picture, y + 44, parts)
}

const bar = (x: number, y: number, width: number, name: string): string =>
  element('rect', { x, y, width, height: BAR_PX, class: `bar ${name}` })
