// What was found out about one claim.
import { CompileProblem } from '../graph/compile-problem.ts'
import type { Quantity, Slip } from '../result.ts'
import { showNumber } from '../units/show.ts'

export interface Finding {
  readonly verdict: 'ok' | 'wrong' | 'not-derivable'
  readonly right: Quantity | null
  readonly factor: number | null
  readonly slips: readonly Slip[]
  /** The verdict for people, without the slip. */
  readonly sentence: string
  readonly missing: readonly string[]
  readonly failingMonths: readonly number[]
}

export const found = (verdict: Finding['verdict'], sentence: string, more: Partial<Finding> = {}): Finding => ({
  verdict,
  sentence,
  right: null,
  factor: null,
  slips: [],
  missing: [],
  failingMonths: [],
  ...more,
})

export const notDerivable = (why: string, missing: readonly string[], right: Quantity | null = null): Finding =>
  found('not-derivable', `Not derivable: ${why}.`, { missing, right })

/** Runs a check; a name that the plan does not have makes the claim not derivable. */
export function derivable(check: () => Finding): Finding {
  try {
    return check()
  } catch (error) {
    if (error instanceof CompileProblem) return notDerivable(error.message, error.missing)
    throw error
  }
}

/** `2.5 times too much`, `a third of what is right`. */
export function offBy(factor: number | null): string {
  if (factor === null || factor <= 0) return ''
  const size = factor >= 1 ? factor : 1 / factor
  const text = size >= 100 ? showNumber(Math.round(size)) : String(Number(size.toPrecision(3)))
  if (size < 1.0005) return ''
  return factor >= 1 ? `, ${text} times too much` : `, ${text} times too little`
}
