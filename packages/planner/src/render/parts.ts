// Small pieces that the sections are made of.
import type { Quantity } from '../result.ts'
import {
  type Block,
  type Cell,
  type Column,
  type Inline,
  NONE,
  type Paragraph,
  type Table,
  type Tone,
} from './report.ts'

export const paragraph = (text: readonly Inline[], tone: Tone = 'plain'): Paragraph => ({
  kind: 'paragraph',
  tone,
  text,
})

export const strong = (text: string) => ({ strong: text }) as const

export const words = (text: string, tone: Tone = 'plain'): Cell => ({ text: text === '' ? NONE : text, tone })

export const start = (head: string, isExtra = false): Column => ({ head, align: 'start', isExtra })
export const end = (head: string, isExtra = false): Column => ({ head, align: 'end', isExtra })

/** A number with its unit. */
export function cellOf(quantity: Quantity | null | undefined, tone: Tone = 'plain'): Cell {
  if (!quantity) return { text: NONE, tone: 'soft' }
  const { text, standing } = quantity
  const bare = bareOf(quantity)
  return bare === undefined ? { text, standing, tone } : { text, standing, tone, bare }
}

const NUMBER = /^(\D{0,4}-?\d[\d,.]*(?:e[-+]?\d+)?)(\s?[^\s\d(][^(]*?)?( \(.*\))?$/

/** Text and unit apart: `186 sessions (130..280)` is `186 (130..280)` of sessions, `$40/month` is `$40` of `/month`. */
function bareOf({ text, unit }: Quantity): Cell['bare'] {
  const [, number, suffix, range = ''] = NUMBER.exec(text) ?? []
  if (number === undefined || suffix === undefined || suffix.trim() === '%') return undefined
  return { text: number + range, unit: suffix.startsWith('/') ? suffix : unit }
}

export interface TableForm {
  readonly keys?: 1 | 2
  readonly isBehindChart?: boolean
}

/**
 * A table without the columns that say nothing in any row, with units in the heads where a column has only one;
 * undefined when no row is left.
 */
export function tableOf(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  form: TableForm = {},
): Table | undefined {
  if (rows.length === 0) return undefined
  const saysSomething = (at: number) => rows.some((row) => ![undefined, NONE, ''].includes(row[at]?.text))
  const kept = columns.map((_, at) => at).filter((at) => at < (form.keys ?? 1) || saysSomething(at))
  const units = kept.map((at) => unitOf(rows.map((row) => row[at] as Cell)))
  return {
    kind: 'table',
    caption,
    columns: kept.map((at, index) => {
      const column = columns[at] as Column
      const unit = units[index]
      return unit === undefined || unit === column.head ? column : { ...column, unit }
    }),
    rows: rows.map((row) =>
      kept.map((at, index) => {
        const cell = row[at] as Cell
        return units[index] === undefined || cell.bare === undefined ? cell : { ...cell, text: cell.bare.text }
      }),
    ),
    ...form,
  }
}

/** The one unit of all numbers among the cells; undefined when there are several, or words, or only one number. */
function unitOf(cells: readonly Cell[]): string | undefined {
  const numbers = cells.filter(({ text }) => text !== NONE)
  const [first] = numbers
  if (numbers.length < 2 || first?.bare === undefined) return undefined
  return numbers.every(({ bare }) => bare?.unit === first.bare?.unit) ? first.bare.unit : undefined
}

/** Blocks without the ones that turned out empty. */
export const blocks = (...all: readonly (Block | undefined | false)[]): Block[] =>
  all.filter((block): block is Block => Boolean(block))

/** `a, b and c` */
export function listed(names: readonly string[]): string {
  if (names.length < 2) return names.join('')
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

/** `1 instance`, `3 instances` */
export const counted = (count: number, singular: string, plural = `${singular}s`): string =>
  `${count} ${count === 1 ? singular : plural}`

/** Ends a sentence that may already have its full stop. */
export const stopped = (sentence: string): string => (/[.!?:]$/.test(sentence) ? sentence : `${sentence}.`)

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** `at 40 sessions`, but `with at least 50 users`. */
export const atQuantity = (quantity: Quantity): Inline[] =>
  quantity.text.startsWith('at ') ? ['with ', quantity] : ['at ', quantity]
