/** From measured or claimed numbers to machines, stages and money; and whether what a plan says is so. Pure arithmetic. */
export { type CheckOptions, checkPlan } from './check.ts'
export { type EvaluateOptions, evaluatePlan } from './evaluate.ts'
export { explain } from './explain.ts'
export { type ParseOptions, type Plan, parsePlan, type SetValue, setOfArgument, withSet } from './plan.ts'
export { type PlanFile, PlanFileSchema, type PlanValue, STANDINGS, type Standing } from './plan-file.ts'
export * from './result.ts'
