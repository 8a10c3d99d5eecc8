// Tables for a terminal: columns side by side where they fit, then without what is extra, then in
// several parts below each other, then one line per value.
import type { Standing } from '../plan-file.ts'
import { type Cell, type Column, NONE, sharedStanding, type Table } from './report.ts'
import { clean, painter, standingMark, type TerminalOptions, wrap } from './terminal-words.ts'

const GAP = '  '
/** Of the bar of a ratio, brackets not counted; fewer where the window is narrower than `WIDE_COLUMNS`. */
const METER_CELLS = { wide: 16, narrow: 8 } as const
const WIDE_COLUMNS = 110
/** Set in by this much from the section's title. */
const INDENT_COLUMNS = 2

/** Before the values of a record. */
const RECORD_INDENT = '  '

interface Shown {
  readonly text: string
  readonly paint: (text: string) => string
}

export function layOut(table: Table, options: TerminalOptions): string[] {
  const room = options.columns - INDENT_COLUMNS
  const all = table.columns.map((_, at) => at)
  const whole = grid(table, all, options)
  if (whole.width <= room) return whole.lines
  const needed = all.filter((at) => !table.columns[at]?.isExtra)
  const least = grid(table, needed, options)
  if (least.width <= room) return least.lines
  return sideways(table, needed, options, room) ?? records(table, options)
}

/** Too wide for one table: several below each other, each with the names of the rows. Undefined when a column alone is too wide. */
function sideways(table: Table, kept: readonly number[], options: TerminalOptions, room: number): string[] | undefined {
  const keys = kept.slice(0, table.keys ?? 1)
  const lines: string[] = []
  let rest = kept.slice(keys.length)
  while (rest.length > 0) {
    let count = rest.length
    let part = grid(table, [...keys, ...rest], options)
    while (part.width > room && count > 1) part = grid(table, [...keys, ...rest.slice(0, --count)], options)
    if (part.width > room) return undefined
    if (lines.length > 0) lines.push('')
    lines.push(...part.lines)
    rest = rest.slice(count)
  }
  return lines
}

function grid(table: Table, kept: readonly number[], options: TerminalOptions): { lines: string[]; width: number } {
  const shared = kept.map((at) => sharedStanding(table, at))
  const heads = kept.map((at, index) => headLines(table.columns[at] as Column, shared[index]))
  const rows = table.rows.map((row) =>
    kept.map((at, index) => cellText(row[at] as Cell, shared[index] !== undefined, options)),
  )
  const widths = heads.map((head, index) =>
    Math.max(...head.map((text) => text.length), ...rows.map((row) => (row[index] as Shown).text.length)),
  )
  const line = (cells: readonly Shown[]): string =>
    cells
      .map((cell, index) =>
        padded(cell, widths[index] as number, table.columns[kept[index] as number]?.align === 'end'),
      )
      .join(GAP)
      .trimEnd()
  const width = widths.reduce((sum, one) => sum + one, 0) + GAP.length * (widths.length - 1)
  const headRows = [0, 1]
    .map((at) => heads.map((head): Shown => ({ text: head[at] as string, paint: options.paint.dim })))
    .filter((cells) => cells.some(({ text }) => text !== ''))
  return { lines: [...headRows, ...rows].map(line), width }
}

/** The name, and below it what all numbers of the column have in common: unit and standing. */
function headLines({ head, unit = '' }: Column, standing: Standing | undefined): [string, string] {
  const mark = standing === undefined ? '' : standingMark(standing)
  return [clean(head), [clean(unit), mark].filter((text) => text !== '').join(' ')]
}

function padded({ text, paint }: Shown, width: number, atEnd: boolean): string {
  const space = ' '.repeat(Math.max(0, width - text.length))
  return atEnd ? space + paint(text) : paint(text) + space
}

function cellText(cell: Cell, isSaidByHead: boolean, { paint, columns }: TerminalOptions): Shown {
  const mark =
    cell.standing === undefined || isSaidByHead || cell.text === NONE ? '' : ` ${standingMark(cell.standing)}`
  const text = cell.text === NONE || cell.isRepeat ? '' : clean(cell.text)
  const meter =
    cell.meterRatio === undefined
      ? ''
      : `${meterText(cell.meterRatio, columns < WIDE_COLUMNS ? METER_CELLS.narrow : METER_CELLS.wide)} `
  return { text: `${meter}${text}${mark}`, paint: painter(cell.tone, paint) }
}

function meterText(ratio: number, cells: number): string {
  const full = Math.round(Math.min(1, Math.max(0, ratio)) * cells)
  return `[${'#'.repeat(full)}${'-'.repeat(cells - full)}]`
}

/** Each row as its name and a line per value: for windows that hold no table. */
function records(table: Table, options: TerminalOptions): string[] {
  const { paint } = options
  const room = Math.max(20, options.columns - INDENT_COLUMNS)
  return table.rows.flatMap((row) => {
    const [name, ...cells] = row.map((cell) => cellText(cell, false, options))
    const lines = name === undefined || name.text === '' ? [] : wrap(name.text, room).map((line) => paint.bold(line))
    for (const [index, cell] of cells.entries()) {
      if (cell.text === '') continue
      const { head = '', unit = '' } = table.columns[index + 1] ?? {}
      const label = clean(unit === '' ? `${head}: ` : `${head}, ${unit}: `)
      const [first = '', ...rest] = wrap(`${label}${cell.text}`, room - RECORD_INDENT.length)
      const value = first.startsWith(label) ? first.slice(label.length) : ''
      lines.push(value === '' ? paint.dim(RECORD_INDENT + first) : RECORD_INDENT + paint.dim(label) + cell.paint(value))
      for (const line of rest) lines.push(RECORD_INDENT + cell.paint(line))
    }
    return lines
  })
}
