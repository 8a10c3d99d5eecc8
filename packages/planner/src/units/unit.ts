// Reads and writes units: `requests/min`, `USD/participant-hour`, `% cpu`.
import { err, ok, type Result } from '@parley/kernel'
import { type Dim, nounKey, over, times } from './dimension.ts'
import { nearest } from './nearest.ts'
import { ALIASES, NOUNS, pluralOf, UNITS } from './unit-table.ts'

/** A unit as written. A value of it is `value * num / den` base units. */
export interface Unit {
  readonly dim: Dim
  readonly num: number
  readonly den: number
  /** As it is shown; empty for plain numbers. */
  readonly text: string
  /** Code of a currency other than the plan's, in which the money of it is counted. */
  readonly foreign?: string
}

/** What a plan decides about units. */
export interface UnitContext {
  readonly monthSeconds: number
  readonly currency: string
  /** Further currencies with a rate. */
  readonly foreign: ReadonlySet<string>
  /** Word (singular or plural) to singular, besides the known ones. */
  readonly nouns: ReadonlyMap<string, string>
}

export const PLAIN: Unit = { dim: {}, num: 1, den: 1, text: '' }
/** 365 days / 12. */
export const DEFAULT_MONTH_SECONDS = 730 * 3_600

export const toBase = (value: number, unit: Unit): number => (value * unit.num) / unit.den
export const fromBase = (base: number, unit: Unit): number => (base * unit.den) / unit.num

export interface UnitProblem {
  readonly message: string
  readonly nearest: string | null
}

interface Word {
  readonly dim: Dim
  readonly num: number
  readonly den: number
  readonly foreign?: string
}

function lookUp(word: string, context: UnitContext): Word | undefined {
  const name = ALIASES[word] ?? word
  const known = Object.hasOwn(UNITS, name) ? UNITS[name] : undefined
  if (known) return known
  if (name === 'month') return { dim: { time: 1 }, num: context.monthSeconds, den: 1 }
  if (name === 'year') return { dim: { time: 1 }, num: 12 * context.monthSeconds, den: 1 }
  if (name === context.currency) return { dim: { money: 1 }, num: 1, den: 1 }
  if (context.foreign.has(name)) return { dim: { money: 1 }, num: 1, den: 1, foreign: name }
  const singular = context.nouns.get(word) ?? NOUNS.get(word)
  return singular === undefined ? undefined : { dim: { [nounKey(singular)]: 1 }, num: 1, den: 1 }
}

const multiply = (a: Word, b: Word): Word => {
  const foreign = a.foreign ?? b.foreign
  const product = { dim: times(a.dim, b.dim), num: a.num * b.num, den: a.den * b.den }
  return foreign === undefined ? product : { ...product, foreign }
}

const divide = (a: Word, b: Word): Word => {
  const quotient = { dim: over(a.dim, b.dim), num: a.num * b.den, den: a.den * b.num }
  return a.foreign === undefined ? quotient : { ...quotient, foreign: a.foreign }
}

/** Every word that may stand in a unit, for suggestions. */
const words = (context: UnitContext): string[] => [
  ...Object.keys(UNITS),
  ...Object.keys(ALIASES),
  'month',
  'year',
  context.currency,
  ...context.foreign,
  ...NOUNS.keys(),
  ...context.nouns.keys(),
]

function unknown(word: string, context: UnitContext): UnitProblem {
  if (/^[A-Z]{3}$/.test(word)) {
    return {
      message: `${word} is not the currency of the plan; give its worth under exchange: {${word}: 1 ${context.currency}}`,
      nearest: null,
    }
  }
  const near = nearest(word, words(context)) ?? null
  const help =
    near === null ? `name it under nouns ({${word}: ${word}s}) if it is something counted` : `did you mean ${near}?`
  return { message: `${word} is not a unit; ${help}`, nearest: near }
}

/** One part between slashes: a word, or words joined by hyphens that are multiplied. */
function factor(part: string, context: UnitContext): Result<Word, UnitProblem> {
  const whole = lookUp(part, context)
  if (whole) return ok(whole)
  let product: Word = { dim: {}, num: 1, den: 1 }
  for (const word of part.split('-')) {
    const found = lookUp(word, context)
    if (!found) return err(unknown(word, context))
    product = multiply(product, found)
  }
  return ok(product)
}

/** Reads a unit as it stands behind a number; everything after the first slash is below the line. */
export function parseUnit(text: string, context: UnitContext): Result<Unit, UnitProblem> {
  if (text === '') return ok(PLAIN)
  const [above = '', ...below] = text.split('/')
  let unit: Word = { dim: {}, num: 1, den: 1 }
  if (above !== '') {
    const top = factor(above, context)
    if (!top.ok) return top
    unit = top.value
  }
  for (const part of below) {
    const bottom = factor(part, context)
    if (!bottom.ok) return bottom
    if (bottom.value.foreign !== undefined) return err(unknown(bottom.value.foreign, context))
    unit = divide(unit, bottom.value)
  }
  return ok({ ...unit, text })
}

/** Plural of a noun as the plan has it. */
export function pluralIn(context: UnitContext, singular: string): string {
  for (const [word, of] of context.nouns) if (of === singular && word !== singular) return word
  if (singular === 'query' || singular === 'process' || singular === 'person') {
    return { query: 'queries', process: 'processes', person: 'people' }[singular]
  }
  return pluralOf(singular)
}
