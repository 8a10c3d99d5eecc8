import type { Result } from '@parley/kernel'
import type { Plan } from './plan.ts'
import type { PlanProblem, Why } from './result.ts'

/** Why a number is what it is. Takes any name of the answer (`app.realistic`, `cost.total`, `app.instances@12`) or an expression. */
export declare function explain(plan: Plan, name: string): Result<Why, PlanProblem>
