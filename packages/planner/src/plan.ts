import type { Result } from '@parley/kernel'
import type { PlanFile } from './plan-file.ts'
import type { PlanProblem } from './result.ts'

/** A plan that has been read and found whole: every name resolves, every dimension fits. Made by `parsePlan` only. */
export interface Plan {
  readonly name: string
  /** How the file is named in problems. */
  readonly path: string
  readonly file: PlanFile
}

export interface ParseOptions {
  /** How the file is named in problems: `plans/exam.yaml`. */
  readonly path: string
  /** Reads a lab verdict that the plan names; the path is as written in the plan. Without it a plan with verdicts is refused. */
  readonly readVerdict?: (path: string) => Result<string, string>
}

/** One `--set path=value`. */
export interface SetValue {
  /** Path in the file (`tiers.app.instances`) or the name of a quantity (`users`). */
  readonly path: string
  readonly value: string
}

/** Splits the argument of `--set`. */
export declare function setOfArgument(argument: string): Result<SetValue, PlanProblem>

/** Reads a plan; every problem is reported at once, in the order of the file. */
export declare function parsePlan(text: string, options: ParseOptions): Result<Plan, PlanProblem[]>

/** The plan with some values changed, as if the file had said so. */
export declare function withSet(plan: Plan, set: readonly SetValue[]): Result<Plan, PlanProblem[]>
