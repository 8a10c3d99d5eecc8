// Numbers and units for people: a fitting unit for a kind and a size, and as many digits as say something.
import { type Dim, isNoun } from './dimension.ts'
import { fromBase, pluralIn, type Unit, type UnitContext } from './unit.ts'
import { NOUNS, UNITS } from './unit-table.ts'

interface Piece {
  readonly text: string
  readonly num: number
  readonly den: number
}

const table = (name: string): Piece => {
  const { num, den } = UNITS[name] as { num: number; den: number }
  return { text: name, num, den }
}

const pick = (names: readonly string[], size: number): Piece => {
  const fitting = names.map(table).filter(({ num, den }) => size >= (num / den) * 0.999)
  return fitting.at(-1) ?? table(names[0] as string)
}

const BYTES = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'] as const
const BITRATES = ['bps', 'kbps', 'Mbps', 'Gbps', 'Tbps'] as const
const TIMES = ['ms', 's', 'min', 'h', 'day'] as const

/** Time below the line: what happens a million times a month is not said per second. */
function perTime(size: number, money: boolean, perThing: boolean, monthSeconds: number): Piece {
  const month = { text: 'month', num: monthSeconds, den: 1 }
  if (money) return perThing ? { text: 'hour', num: 3_600, den: 1 } : month
  if (size >= 1 || size === 0) return table('s')
  if (size * 60 >= 1) return table('min')
  return size * 3_600 >= 1 ? table('h') : month
}

function repeat(piece: Piece, exponent: number): Piece {
  const count = Math.abs(exponent)
  return {
    text: count === 1 ? piece.text : `${piece.text}^${count}`,
    num: piece.num ** count,
    den: piece.den ** count,
  }
}

/** What a kind other than time (and other than a rate of data) is shown in. */
function pieceOf(key: string, exponent: number, size: number, context: UnitContext): Piece {
  if (key === 'data') return exponent === 1 ? pick(BYTES, size) : table('GB')
  if (key === 'core' || key === 'gpu') return table(key)
  if (key === 'money') return { text: context.currency, num: 1, den: 1 }
  return { text: key.slice(1), num: 1, den: 1 }
}

/** A unit that a value of this kind and size (in base units) is well shown in. */
export function fittingUnit(dim: Dim, baseSize: number, context: UnitContext): Unit {
  const size = Math.abs(baseSize)
  const above: Piece[] = []
  const below: Piece[] = []
  const { time = 0, ...left } = dim
  const isBitrate = left.data === 1 && time === -1
  if (isBitrate) above.push(pick(BITRATES, size))
  for (const [key, exponent] of Object.entries(left)) {
    if (isBitrate && key === 'data') continue
    const side = exponent > 0 ? above : below
    side.push(repeat(pieceOf(key, exponent, size, context), exponent))
  }
  if (time > 0) above.push(repeat(time === 1 && above.length === 0 ? pick(TIMES, size) : table('h'), time))
  if (time < 0 && !isBitrate) {
    const perThing = Object.entries(left).some(([key, exponent]) => isNoun(key) && exponent < 0)
    below.push(repeat(perTime(size, left.money !== undefined, perThing, context.monthSeconds), time))
  }
  return assemble(dim, above, below, context)
}

function assemble(dim: Dim, above: readonly Piece[], below: readonly Piece[], context: UnitContext): Unit {
  const plural = (text: string) =>
    NOUNS.has(text) || context.nouns.has(text) || text === 'core' ? pluralWord(text, context) : text
  const top = above.map(({ text }, index) => (index === above.length - 1 ? plural(text) : text)).join('-')
  const bottom = below.map(({ text }) => text).join('-')
  const product = (pieces: readonly Piece[], of: 'num' | 'den') => pieces.reduce((total, piece) => total * piece[of], 1)
  return {
    dim,
    num: product(above, 'num') * product(below, 'den'),
    den: product(above, 'den') * product(below, 'num'),
    text: bottom === '' ? top : `${top}/${bottom}`,
  }
}

const pluralWord = (word: string, context: UnitContext): string =>
  word === 'core' ? 'cores' : pluralIn(context, context.nouns.get(word) ?? NOUNS.get(word) ?? word)

/** `session` of `12 session/min` as `sessions`: what is counted above the line is shown in the plural. */
export function shownUnit(unit: Unit, context: UnitContext): string {
  const [top = '', ...bottom] = unit.text.split('/')
  const isCounted = NOUNS.has(top) || context.nouns.has(top) || top === 'core'
  return [isCounted ? pluralWord(top, context) : top, ...bottom].join('/')
}

/** Thousands apart: 1,234,567. */
const grouped = (whole: number): string => String(whole).replace(/\B(?=(\d{3})+$)/g, ',')

/** At most four digits that say something; whole numbers in full. */
export function showNumber(value: number): string {
  if (Number.isNaN(value)) return 'unknown'
  if (!Number.isFinite(value)) return value > 0 ? 'unlimited' : '-unlimited'
  const size = Math.abs(value)
  const near = Math.round(value) + 0
  if (size < 1e15 && Math.abs(value - near) <= 1e-9 * Math.max(1, size)) return grouped(near)
  if (size >= 1000 && size < 1e15) return grouped(near)
  return String(Number(value.toPrecision(size >= 100 ? 4 : 3)))
}

/** Money of ten units and more is shown without its hundredths, less with them. */
export function showMoney(value: number): string {
  const size = Math.abs(value)
  if (!Number.isFinite(value) || size < 0.995) return showNumber(value)
  if (size >= 100) return grouped(Math.round(value) + 0)
  return Number.isInteger(value) ? String(value) : value.toFixed(2)
}

const withUnit = (number: string, text: string): string =>
  text === '' ? number : text.startsWith('%') ? `${number}${text}` : `${number} ${text}`

const singularTop = (text: string, context: UnitContext): string => {
  const [top = '', ...bottom] = text.split('/')
  const singular = top === 'cores' ? 'core' : (context.nouns.get(top) ?? NOUNS.get(top) ?? top)
  return [singular, ...bottom].join('/')
}

export interface Shown {
  readonly low: number
  readonly typical: number
  readonly high: number
}

/** `186 sessions`, `20% (10%..50%)`, `at least 50 sessions`; values in base units. */
export function showRange(range: Shown, unit: Unit, context: UnitContext): string {
  const text = shownUnit(unit, context)
  const number = (base: number) => (unit.dim.money === undefined ? showNumber : showMoney)(fromBase(base, unit))
  const { low, typical, high } = range
  const one = (base: number) => withUnit(number(base), number(base) === '1' ? singularTop(text, context) : text)
  if (low === high || number(low) === number(high)) return one(typical)
  if (high === Infinity && low > -Infinity) {
    const middle = Number.isFinite(typical) ? `, typically ${number(typical)}` : ''
    return `at least ${one(low)}${middle}`
  }
  return `${one(typical)} (${number(low)}..${number(high)})`
}
