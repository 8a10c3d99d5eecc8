import type { PlanProblemCode } from '../result.ts'

/** Why an expression has no node. Thrown inside the compiler, turned into a problem with its place at its edge. */
export class CompileProblem extends Error {
  readonly code: PlanProblemCode
  readonly offset: number
  readonly nearest: string | null
  /** Names that would have to be defined. */
  readonly missing: readonly string[]
  /** True when the cause lies in another definition, which reports it. */
  readonly consequence: boolean

  constructor(
    code: PlanProblemCode,
    message: string,
    offset: number,
    more: { nearest?: string | null; missing?: readonly string[]; consequence?: boolean } = {},
  ) {
    super(message)
    this.name = 'CompileProblem'
    this.code = code
    this.offset = offset
    this.nearest = more.nearest ?? null
    this.missing = more.missing ?? []
    this.consequence = more.consequence === true
  }
}
