// What a sentence says, as numbers: a value or a range with the last digit that was written, a bound, or an "about".
import { err, ok, type Result } from '@parley/kernel'
import type { Expr, ExpressionProblem } from '../expression/ast.ts'
import { parseExpression } from '../expression/parse.ts'
import type { Dim } from '../units/dimension.ts'
import { toBase, type Unit, type UnitContext } from '../units/unit.ts'

export interface Claimed {
  /** Base units. */
  readonly low: number
  readonly high: number
  /** What one step of the last written digit is, at each end, in base units. */
  readonly lowStep: number
  readonly highStep: number
  readonly unit: Unit
  readonly dim: Dim
  /** A bound instead of a value: all that is right must be at most (at least) this. */
  readonly bound: 'atMost' | 'atLeast' | undefined
  /** Written with ~ or about. */
  readonly about: boolean
  readonly text: string
}

const AT_MOST = /^(?:<=|<|\u2264|at most|less than|under|below|up to)\s*/i
const AT_LEAST = /^(?:>=|>|\u2265|at least|more than|over|above)\s*/i
const ABOUT = /^(?:~|\u2248|about|circa|ca\.)\s*/i
/** `50-60 sessions` is how people write a range; in a formula it would be a difference. */
const DASH = /^([^\d\s]?\s?[\d.,]+[kKM]?(?:\s?%)?)\s*[-\u2013]\s*(?=[^\d\s]?\s?\d)/

/** Size of one step of the last digit of a written number: 1 for 10,714, 0.01 for 0.15, 1,000 for 4k. */
function stepOf(text: string): number {
  const match = /([\d,]+)(?:\.(\d+))?([kKM])?(?![A-Za-z])/.exec(text)
  const size = match?.[3] === 'M' ? 1e6 : match?.[3] === undefined ? 1 : 1e3
  return size * 10 ** -(match?.[2]?.length ?? 0)
}

function literal(expr: Expr): { low: number; high: number; unit: Unit } | undefined {
  if (expr.kind === 'literal') return expr
  if (expr.kind !== 'negate') return undefined
  const inner = literal(expr.of)
  return inner && { low: -inner.high, high: -inner.low, unit: inner.unit }
}

const bad = (message: string): Result<Claimed, ExpressionProblem> =>
  err({ code: 'BAD_EXPRESSION', message, offset: 0, nearest: null })

function textOf(value: string | number | readonly (string | number)[]): string {
  if (!Array.isArray(value)) return String(value)
  const [low, high] = value.map(String)
  return `${low}..${high}`
}

/** Reads the value of a claim. */
export function readClaimed(
  value: string | number | readonly (string | number)[],
  context: UnitContext,
): Result<Claimed, ExpressionProblem> {
  const text = textOf(value).trim()
  let rest = text
  let bound: Claimed['bound']
  let about = false
  const strip = (pattern: RegExp) => {
    const found = pattern.test(rest)
    rest = rest.replace(pattern, '')
    return found
  }
  about = strip(ABOUT)
  if (strip(AT_MOST)) bound = 'atMost'
  else if (strip(AT_LEAST)) bound = 'atLeast'
  else if (/^\D?\s?[\d.,]+[kKM]?\+/.test(rest)) {
    bound = 'atLeast'
    rest = rest.replace('+', '')
  }
  about = strip(ABOUT) || about
  rest = rest.replace(DASH, '$1..')
  const expr = parseExpression(rest, context)
  if (!expr.ok) return expr
  const read = literal(expr.value)
  if (!read) return bad(`${text} must be a value or a range, not a formula; put the formula under of`)
  const [first = '', second] = rest.split('..')
  const { unit } = read
  return ok({
    low: toBase(read.low, unit),
    high: toBase(read.high, unit),
    lowStep: toBase(stepOf(first), unit),
    highStep: toBase(stepOf(second ?? first), unit),
    unit,
    dim: unit.dim,
    bound,
    about,
    text,
  })
}
