// How a provisional caption lies on a terminal: broken into rows that never wrap, the stable part told from the tail. Pure.

export interface CaptionRow {
  readonly stable: string
  readonly tail: string
  /** Terminal cells the row takes. */
  readonly cells: number
}

const ELLIPSIS = '…'

/** Control characters, line ends and what turns text around are shown as spaces: a caption must not steer a terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, ' ')
}

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
const COMBINING = /^[\p{Mn}\p{Me}\p{Cf}]$/u

/** Terminal cells of one code point: 0, 1 or 2. */
function cellsOfPoint(point: string): number {
  if (COMBINING.test(point)) return 0
  return WIDE.test(point) ? 2 : 1
}

/** Terminal cells of a text without control characters. */
export function cellsOf(text: string): number {
  let cells = 0
  for (const point of text) cells += cellsOfPoint(point)
  return cells
}

/**
 * Rows of at most `columns - 1` cells (a full row would make some terminals wrap), broken at spaces where there are any. Only the
 * last `maxRows` are given, the first of them marked when something is missing before it. `stable` counts UTF-16 units of `text`.
 */
export function layOut(text: string, stable: number, columns: number, maxRows: number): CaptionRow[] {
  const width = Math.max(2, columns - 1)
  const rows: CaptionRow[] = []
  for (const [from, to] of breakRows(text, width)) {
    const split = Math.min(Math.max(stable, from), to)
    rows.push({ stable: text.slice(from, split), tail: text.slice(split, to), cells: cellsOf(text.slice(from, to)) })
  }
  if (rows.length <= maxRows) return rows
  const shown = rows.slice(rows.length - maxRows)
  const first = shown[0]
  if (first) shown[0] = markCut(first, width)
  return shown
}

/** Where each row begins and ends in `text`; the space it is broken at belongs to neither. */
function breakRows(text: string, width: number): [number, number][] {
  const rows: [number, number][] = []
  let from = 0
  let cells = 0
  let at = 0
  let space = -1
  for (const point of text) {
    const own = cellsOfPoint(point)
    if (cells + own > width) {
      const isAtSpace = point === ' '
      const to = isAtSpace ? at : space > from ? space : at
      rows.push([from, to])
      from = to === at && !isAtSpace ? at : to + 1
      cells = cellsOf(text.slice(from, at))
      space = -1
      if (isAtSpace) {
        at += 1
        from = at
        cells = 0
        continue
      }
    }
    if (point === ' ') space = at
    cells += own
    at += point.length
  }
  if (from < text.length) rows.push([from, text.length])
  return rows
}

function markCut(row: CaptionRow, width: number): CaptionRow {
  if (row.cells < width)
    return row.stable === '' ? prefixTail(row) : { ...row, stable: ELLIPSIS + row.stable, cells: row.cells + 1 }
  const points = [...(row.stable === '' ? row.tail : row.stable)]
  const [removed = ''] = points.splice(0, 1, ELLIPSIS)
  const text = points.join('')
  const cells = row.cells - cellsOfPoint(removed) + 1
  return row.stable === '' ? { ...row, tail: text, cells } : { ...row, stable: text, cells }
}

const prefixTail = (row: CaptionRow): CaptionRow => ({ ...row, tail: ELLIPSIS + row.tail, cells: row.cells + 1 })

/** Rows that lines of these many cells take on a terminal that has `columns` now: narrowed, it has wrapped them. */
export function rowsTaken(lineCells: readonly number[], columns: number): number {
  let rows = 0
  for (const cells of lineCells) rows += Math.max(1, Math.ceil(cells / Math.max(1, columns)))
  return rows
}
