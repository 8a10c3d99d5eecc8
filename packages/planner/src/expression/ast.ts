// An expression as it was written.
import type { Unit } from '../units/unit.ts'

export type BinaryOp = '+' | '-' | '*' | '/' | '^'
export type CompareOp = '<=' | '<' | '>=' | '>' | '='

/** `offset` is where in the text it starts. */
export type Expr =
  | {
      readonly kind: 'literal'
      /** In the unit, not in base units. */
      readonly low: number
      readonly high: number
      readonly unit: Unit
      readonly text: string
      readonly offset: number
    }
  | { readonly kind: 'name'; readonly name: string; readonly month: number | undefined; readonly offset: number }
  | { readonly kind: 'negate'; readonly of: Expr; readonly offset: number }
  | {
      readonly kind: 'binary'
      readonly op: BinaryOp
      readonly left: Expr
      readonly right: Expr
      readonly offset: number
    }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expr[]; readonly offset: number }

export interface Comparison {
  readonly left: Expr
  readonly op: CompareOp
  readonly right: Expr
}

export interface ExpressionProblem {
  readonly code: 'BAD_EXPRESSION' | 'BAD_UNIT'
  readonly message: string
  readonly offset: number
  readonly nearest: string | null
}

/** Names that an expression reads, with their months. */
export function namesIn(expr: Expr, found: { name: string; month: number | undefined }[] = []) {
  switch (expr.kind) {
    case 'name':
      found.push({ name: expr.name, month: expr.month })
      break
    case 'negate':
      namesIn(expr.of, found)
      break
    case 'binary':
      namesIn(expr.left, found)
      namesIn(expr.right, found)
      break
    case 'call':
      for (const arg of expr.args) namesIn(arg, found)
      break
    case 'literal':
      break
  }
  return found
}
