// Tables in the page: captioned, with heads for rows and columns, scrolling by themselves where the window is narrow.
import { element, escapeText } from './charts/markup.ts'
import { type Cell, type Column, NONE, sharedStanding, type Table } from './report.ts'

/** From so many columns on a table may be wider than a narrow window; it then takes the keyboard's focus to be scrolled. */
const WIDE_COLUMNS = 4
/** From so many on it is printed on a page laid sideways. */
const BROAD_COLUMNS = 10

/** `title` is that of the section: a caption that only repeats it is not shown. */
export function tableHtml(table: Table, id: string, title: string): string {
  const captionId = `${id}-caption`
  const shared = table.columns.map((_, at) => sharedStanding(table, at))
  const heads = table.columns.map(({ head, align, unit }, at) => {
    const standing = shared[at] === undefined ? '' : ` ${standingHtml(shared[at])}`
    return element(
      'th',
      { scope: 'col', class: align === 'end' ? 'at-end' : undefined },
      escapeText(head),
      unitOf(unit),
      standing,
    )
  })
  const rows = table.rows.map((row) =>
    element(
      'tr',
      {},
      ...row.map((cell, at) => cellHtml(cell, table.columns[at] as Column, at, shared[at] !== undefined)),
    ),
  )
  const body = element(
    'table',
    {},
    element(
      'caption',
      { id: captionId, class: table.caption === title ? 'unseen' : undefined },
      element('span', {}, escapeText(table.caption)),
    ),
    element('thead', {}, element('tr', {}, ...heads)),
    element('tbody', {}, ...rows),
  )
  const mayScroll = table.columns.length >= WIDE_COLUMNS
  const scroll = mayScroll ? { role: 'region', 'aria-labelledby': captionId, tabindex: '0' } : {}
  const isBroad = table.columns.length >= BROAD_COLUMNS
  const shown = element('div', { class: isBroad ? 'scroll broad' : 'scroll', ...scroll }, body)
  return table.isBehindChart
    ? element('details', {}, element('summary', {}, 'The numbers of this chart'), shown)
    : shown
}

const unitOf = (unit: string | undefined): string =>
  unit === undefined ? '' : ` ${element('span', { class: 'unit' }, escapeText(unit))}`

/** The word that says where a number comes from. */
export const standingHtml = (standing: string): string => element('small', { class: `standing ${standing}` }, standing)

/** A number that stays on one line, and its range, which may go to the next. */
function figureHtml(text: string): string {
  const at = text.indexOf(' (')
  const number = element('span', { class: 'figure' }, escapeText(at < 0 ? text : text.slice(0, at)))
  return at < 0 ? number : `${number} ${element('span', { class: 'in-brackets' }, escapeText(text.slice(at + 1)))}`
}

/** Longer texts may be broken into lines, and get room to be. */
const PROSE_LETTERS = 24

/** A bar is full at the limit, however far beyond it a number lies. */
const meterPercent = (ratio: number): number =>
  Number.isNaN(ratio) ? 0 : Math.round(Math.min(1, Math.max(0, ratio)) * 100)

function cellHtml(cell: Cell, column: Column, at: number, isSaidByHead: boolean): string {
  const isNone = cell.text === NONE
  const classes = [
    column.align === 'end' ? 'at-end' : '',
    isNone ? 'none' : cell.tone === undefined || cell.tone === 'plain' ? '' : cell.tone,
    column.align === 'start' && at > 0 && cell.text.length > PROSE_LETTERS ? 'prose' : '',
  ].filter((name) => name !== '')
  const meter =
    cell.meterRatio === undefined
      ? ''
      : `<span class="meter" aria-hidden="true"><i style="width:${meterPercent(cell.meterRatio)}%"></i></span>`
  const standing = cell.standing === undefined || isSaidByHead || isNone ? '' : ` ${standingHtml(cell.standing)}`
  const text = isNone
    ? '<span aria-hidden="true">-</span>'
    : column.align === 'end'
      ? figureHtml(cell.text)
      : escapeText(cell.text)
  const attributes = { class: classes.length > 0 ? classes.join(' ') : undefined }
  return at === 0
    ? element('th', { scope: 'row', ...attributes }, text)
    : element('td', attributes, meter, text, standing)
}
