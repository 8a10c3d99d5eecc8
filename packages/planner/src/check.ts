import type { Plan } from './plan.ts'
import type { CheckResult } from './result.ts'

export interface CheckOptions {
  readonly seed?: number
}

/** Recomputes every claim of the plan. */
export declare function checkPlan(plan: Plan, options?: CheckOptions): CheckResult
