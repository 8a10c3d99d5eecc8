// Reads what a claim says: `102 sessions`, `50..60 sessions`, `~ $3,000/month`, `at most $0.10/call-hour`.
import { err, ok, type Result } from '@parley/kernel'
import type { Expr, ExpressionProblem } from '../expression/ast.ts'
import { parseExpression } from '../expression/parse.ts'
import { toBase, type Unit, type UnitContext } from '../units/unit.ts'
import { type Claimed, exactnessOf } from './compare.ts'
import { placesOf, type Rounding, type Written } from './written.ts'

export interface ClaimValue {
  readonly claimed: Claimed
  readonly unit: Unit
  /** As it is written. */
  readonly text: string
}

export interface ReadingOptions {
  readonly context: UnitContext
  /** Worth of one unit of another currency in the plan's. */
  readonly worthOf: (currency: string) => number
  readonly rounding: Rounding
  readonly tolerance: number | undefined
}

/** A value as a file holds it. */
export type BareValue = string | number | readonly (string | number)[]

const PREFIX = /^\s*(at most|at least|~|about)\s*/i
const NUMERAL = /(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.(?!\.)\d+)?(?:[eE][+-]?\d+(?![A-Za-z]))?(?:[kKM](?![A-Za-z]))?/g

export const textOf = (value: BareValue): string =>
  typeof value === 'string' ? value : typeof value === 'number' ? `${value}` : value.join('..')

interface Prefixed {
  readonly bound: Claimed['bound']
  readonly approximate: boolean
  readonly rest: string
}

function withoutPrefixes(text: string): Prefixed {
  let rest = text
  let bound: Claimed['bound'] = 'is'
  let approximate = false
  for (let found = PREFIX.exec(rest); found; found = PREFIX.exec(rest)) {
    const word = (found[1] as string).toLowerCase()
    if (word === 'at most') bound = 'atMost'
    else if (word === 'at least') bound = 'atLeast'
    else approximate = true
    rest = rest.slice(found[0].length)
  }
  return { bound, approximate, rest }
}

type Literal = Extract<Expr, { kind: 'literal' }>

function literalOf(expr: Expr): { literal: Literal; sign: 1 | -1 } | undefined {
  if (expr.kind === 'literal') return { literal: expr, sign: 1 }
  return expr.kind === 'negate' && expr.of.kind === 'literal' ? { literal: expr.of, sign: -1 } : undefined
}

const problem = (message: string): ExpressionProblem => ({ code: 'BAD_EXPRESSION', message, offset: 0, nearest: null })

/** One written end in base units. A range of two units (`500 MB..1 GB`) has the places of the unit of its end. */
function writtenOf(value: number, numeral: string, unit: Unit, worth: number): Written {
  const { place, coarse } = placesOf(numeral)
  const base = (number: number) => toBase(number, unit) * worth
  return { value: base(value), place: base(place), coarse: base(coarse) }
}

/** Reads the value of a claim; the problem says how to write it. */
export function readClaimValue(value: BareValue, options: ReadingOptions): Result<ClaimValue, ExpressionProblem> {
  const text = textOf(value)
  const { bound, approximate, rest } = withoutPrefixes(text)
  const expr = parseExpression(rest, options.context)
  if (!expr.ok) return expr
  const found = literalOf(expr.value)
  if (!found)
    return err(problem(`"${rest}" is a formula; a claim says a value: 102 sessions, 50..60 sessions, at most $5/h`))
  const { literal, sign } = found
  const isRange = literal.low !== literal.high
  if (sign < 0 && isRange) return err(problem(`"${rest}" is a range below zero; write its ends as a list`))
  const numerals = rest.match(NUMERAL) ?? []
  const { unit } = literal
  const worth = unit.foreign === undefined ? 1 : options.worthOf(unit.foreign)
  const low = writtenOf(sign * literal.low, numerals[0] ?? '0', unit, worth)
  const high = isRange ? writtenOf(literal.high, numerals[1] ?? '0', unit, worth) : low
  const exactness = exactnessOf(approximate, options.rounding, options.tolerance)
  return ok({ claimed: { bound, low, high, isRange, exactness }, unit, text })
}
