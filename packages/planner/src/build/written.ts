// A value as it stands in the file, as an expression.
import { err, ok, type Result } from '@parley/kernel'
import type { Expr, ExpressionProblem } from '../expression/ast.ts'
import { parseExpression } from '../expression/parse.ts'
import { PLAIN, parseUnit, type Unit, type UnitContext } from '../units/unit.ts'

const bad = (message: string): Result<Expr, ExpressionProblem> =>
  err({ code: 'BAD_EXPRESSION', message, offset: 0, nearest: null })

const plain = (value: number): Expr => ({
  kind: 'literal',
  low: value,
  high: value,
  unit: PLAIN,
  text: String(value),
  offset: 0,
})

/** A number of this program in a unit of this program. */
export function literalOf(low: number, high: number, unitText: string, context: UnitContext): Expr {
  const unit = parseUnit(unitText, context)
  if (!unit.ok) throw new Error(unit.error.message)
  return { kind: 'literal', low, high, unit: unit.value, text: textOf(low, high, unit.value), offset: 0 }
}

const textOf = (low: number, high: number, unit: Unit): string => {
  const numbers = low === high ? `${low}` : `${low}..${high}`
  return unit.text === '' || unit.text.startsWith('%') ? `${numbers}${unit.text}` : `${numbers} ${unit.text}`
}

/** The number of a literal, with its sign; undefined for anything else or a range. */
function signed(expr: Expr): { value: number; unit: Unit } | undefined {
  if (expr.kind === 'negate') {
    const inner = signed(expr.of)
    return inner && { value: -inner.value, unit: inner.unit }
  }
  return expr.kind === 'literal' && expr.low === expr.high ? { value: expr.low, unit: expr.unit } : undefined
}

function rangeOf(low: Expr, high: Expr): Result<Expr, ExpressionProblem> {
  const [from, to] = [signed(low), signed(high)]
  if (!from || !to) return bad('the ends of a range must be values, not formulas')
  const unit = to.unit.text === '' ? from.unit : to.unit
  const fromUnit = from.unit.text === '' ? unit : from.unit
  if (JSON.stringify(fromUnit.dim) !== JSON.stringify(unit.dim) || fromUnit.foreign !== unit.foreign) {
    return bad('both ends of a range must be of the same kind')
  }
  const lowest = (from.value * fromUnit.num * unit.den) / (fromUnit.den * unit.num)
  if (lowest > to.value) return bad('a range starts with its lower end')
  return ok({ kind: 'literal', low: lowest, high: to.value, unit, text: textOf(lowest, to.value, unit), offset: 0 })
}

/** Reads `50 MB`, `50`, `[5 MB, 10 MB]`, `users * peak`. */
export function readExpression(
  written: string | number | readonly (string | number)[],
  context: UnitContext,
): Result<Expr, ExpressionProblem> {
  if (typeof written === 'number')
    return Number.isFinite(written) ? ok(plain(written)) : bad('a value must be a finite number')
  if (typeof written === 'string') return parseExpression(written, context)
  const [low, high] = written.map((end) => readExpression(end, context))
  if (low === undefined || high === undefined) return bad('a range is [lowest, highest]')
  if (!low.ok) return low
  return high.ok ? rangeOf(low.value, high.value) : high
}
