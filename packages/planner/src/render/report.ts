// What an answer says to people, before it has a form: sections of sentences, tables and charts. Made from a result by the files
// in sections/, shown by terminal.ts, markdown.ts and html.ts, so that all three say the same.
import type { Standing } from '../plan-file.ts'
import type { Quantity } from '../result.ts'

/** A piece of a sentence; a quantity is shown as its text, marked with its standing. */
export type Inline = string | Quantity | { readonly strong: string } | { readonly name: string }

/** What a line or a cell means, beside its words; never told by colour alone. */
export type Tone = 'plain' | 'strong' | 'soft' | 'good' | 'warn' | 'bad'

export interface Paragraph {
  readonly kind: 'paragraph'
  readonly tone: Tone
  readonly text: readonly Inline[]
}

export interface Bullets {
  readonly kind: 'bullets'
  readonly items: readonly { readonly tone: Tone; readonly text: readonly Inline[] }[]
}

export interface Cell {
  readonly text: string
  readonly standing?: Standing
  /** For a number: its unit, and its text without it. */
  readonly bare?: { readonly text: string; readonly unit: string }
  readonly tone?: Tone
  /** 0..1, drawn as a bar before the text. */
  readonly meterRatio?: number
  /** The row above says the same: a terminal leaves it out. */
  readonly isRepeat?: boolean
}

export interface Column {
  readonly head: string
  /** Of all its numbers, which then come without it. */
  readonly unit?: string
  readonly align: 'start' | 'end'
  /** Left out where there is no room for it; markdown and HTML have room. */
  readonly isExtra?: boolean
}

/** The first cell of each row names the row, with `keys` 2 the first two together. */
export interface Table {
  readonly kind: 'table'
  readonly keys?: 1 | 2
  readonly caption: string
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly Cell[])[]
  /** True for the numbers behind a chart: the terminal leaves it out, HTML folds it away. */
  readonly isBehindChart?: boolean
}

/** Limits as ranges on a logarithmic axis: they lie orders of magnitude apart. */
export interface LimitsChart {
  readonly form: 'limits'
  readonly axis: string
  readonly rows: readonly {
    readonly label: string
    readonly low: number
    readonly typical: number
    readonly high: number
    readonly text: string
    readonly isBinding: boolean
  }[]
  readonly marks: readonly { readonly label: string; readonly at: number }[]
}

/** Bars from 0; with `before`, what it was before something was taken away. */
export interface BarsChart {
  readonly form: 'bars'
  readonly axis: string
  readonly rows: readonly {
    readonly label: string
    readonly value: number
    readonly before: number
    readonly text: string
  }[]
  /** What value and before are called in the legend; null when nothing was taken away. */
  readonly names: { readonly value: string; readonly before: string } | null
}

/** Lines over a common axis. */
export interface LinesChart {
  readonly form: 'lines'
  readonly axis: string
  readonly xAxis: string
  readonly xs: readonly number[]
  /** For ticks whose place is no plain number: `2027-01`. By index of `xs`. */
  readonly xLabels: readonly string[] | null
  readonly series: readonly {
    readonly name: string
    readonly values: readonly (number | null)[]
    /** Ends of the range at each x; null without one. */
    readonly lows: readonly (number | null)[] | null
    readonly highs: readonly (number | null)[] | null
    readonly isStep: boolean
  }[]
  readonly marks: readonly { readonly label: string; readonly x: number }[]
}

export interface Chart {
  readonly kind: 'chart'
  readonly title: string
  /** For those who do not see it: what it shows, in one or two sentences. */
  readonly description: string
  readonly chart: LimitsChart | BarsChart | LinesChart
}

/** Something found, with what there is to say about it on lines of its own. */
export interface Finding {
  readonly kind: 'finding'
  readonly tone: Tone
  /** One word for it: `wrong`. */
  readonly mark: string
  readonly head: readonly Inline[]
  readonly lines: readonly (readonly Inline[])[]
}

export type Block = Paragraph | Bullets | Table | Chart | Finding

export interface Section {
  /** Stable, for links into the page. */
  readonly id: string
  readonly title: string
  readonly blocks: readonly Block[]
}

export interface Report {
  readonly title: string
  readonly note: string | null
  /** What breaks first, why, and what it comes to. */
  readonly lead: readonly Paragraph[]
  readonly sections: readonly Section[]
}

export const STANDING_WORDS: Readonly<Record<Standing, string>> = {
  measured: 'from a measurement',
  given: 'as the plan gives it',
  assumed: 'rests on an assumption',
}

/** The plain words of a sentence. */
export const textOf = (pieces: readonly Inline[]): string => pieces.map(wordsOf).join('')

export function wordsOf(piece: Inline): string {
  if (typeof piece === 'string') return piece
  if ('strong' in piece) return piece.strong
  return 'text' in piece ? piece.text : piece.name
}

/** The standing that all cells of a column share, so that its head can say it once; undefined when they differ. */
export function sharedStanding(table: Table, column: number): Standing | undefined {
  const seen = new Set<Standing>()
  let filled = 0
  for (const row of table.rows) {
    const cell = row[column]
    if (cell === undefined || cell.text === '' || cell.text === NONE) continue
    filled++
    if (cell.standing === undefined) return undefined
    seen.add(cell.standing)
  }
  const [first] = seen
  return seen.size === 1 && filled > 1 ? first : undefined
}

/** What stands where there is no number. */
export const NONE = '-'
