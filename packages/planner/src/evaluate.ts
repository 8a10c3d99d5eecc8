import type { Plan } from './plan.ts'
import type { PlanResult } from './result.ts'

export interface EvaluateOptions {
  /** Seed of the samples that tell how tight a range is. */
  readonly seed?: number
}

/** Everything the plan gives. Values changed with --set are put in before, by `withSet`. */
export declare function evaluatePlan(plan: Plan, options?: EvaluateOptions): PlanResult
