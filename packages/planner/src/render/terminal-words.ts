// How words look on a terminal: colour, marks of standing, lines of a width, nothing that would move the cursor.
import type { Standing } from '../plan-file.ts'
import { STANDING_WORDS, type Tone } from './report.ts'

/** Colour as functions, so that the same words come with it and without it. */
export interface Paint {
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
  green(text: string): string
  yellow(text: string): string
  cyan(text: string): string
}

const same = (text: string): string => text
export const NO_PAINT: Paint = { bold: same, dim: same, red: same, green: same, yellow: same, cyan: same }

export interface TerminalOptions {
  /** Characters per line; sentences are wrapped and tables folded to it. Infinity in a pipe: nothing is folded. */
  readonly columns: number
  readonly paint: Paint
}

const MARKS: Readonly<Record<Standing, string>> = { measured: '[m]', given: '[g]', assumed: '[a]' }
export const standingMark = (standing: Standing): string => MARKS[standing]

/** What the marks mean. */
export const legend = (): string =>
  (Object.keys(MARKS) as Standing[]).map((standing) => `${MARKS[standing]} ${STANDING_WORDS[standing]}`).join('; ')

/** Colour that goes with a tone. */
export function painter(tone: Tone | undefined, paint: Paint): (text: string) => string {
  switch (tone) {
    case 'strong':
      return (text) => paint.bold(text)
    case 'soft':
      return (text) => paint.dim(text)
    case 'good':
      return (text) => paint.green(text)
    case 'warn':
      return (text) => paint.yellow(text)
    case 'bad':
      return (text) => paint.red(text)
    default:
      return same
  }
}

/** Words on lines of at most `columns` characters; a word that is longer stays whole. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

/** Without what would move the cursor, colour or turn the text around: names come from files. */
export const clean = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, ' ')
