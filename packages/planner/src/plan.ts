// Reading a plan and changing values of one: text to a checked model, with every problem at its place.
import { err, ok, type Result } from '@parley/kernel'
import { type Built, buildPlan } from './build/build-plan.ts'
import type { ReadVerdict } from './build/verdicts.ts'
import type { PlanFile } from './plan-file.ts'
import { keyPlace, type Place, readDocument, readScalar } from './read/document.ts'
import { setAt } from './read/set-path.ts'
import { shapeMistakes } from './read/validate.ts'
import type { PlanProblem } from './result.ts'

/** A plan that has been read and found whole: every name resolves, every dimension fits. Made by `parsePlan` and `withSet` only. */
export interface Plan {
  readonly name: string
  /** How the file is named in problems. */
  readonly path: string
  readonly file: PlanFile
  /** The file as a model; what evaluatePlan, checkPlan and explain work on. */
  readonly built: Built
  /** The plan as each of its stages changes it, in their order. */
  readonly stages: readonly Plan[]
  readonly source: PlanSource
}

interface PlanSource {
  readonly places: ReadonlyMap<string, Place>
  readonly readVerdict: ReadVerdict | undefined
}

export interface ParseOptions {
  /** How the file is named in problems: `plans/exam.yaml`. */
  readonly path: string
  /** Reads a lab verdict that the plan names; the path is as written in the plan. Without it a plan with verdicts is refused. */
  readonly readVerdict?: ReadVerdict
}

/** One `--set path=value`. */
export interface SetValue {
  /** Path in the file (`tiers.app.instances`) or the name of a quantity (`users`). */
  readonly path: string
  readonly value: string
}

const problemOf = (
  file: string,
  message: string,
  code: PlanProblem['code'],
  path = '',
  place: Place = { line: 1, column: 1 },
): PlanProblem => ({
  code,
  file,
  line: place.line,
  column: place.column,
  path,
  message,
  nearest: null,
})

/** Splits the argument of `--set`. */
export function setOfArgument(argument: string): Result<SetValue, PlanProblem> {
  const at = argument.indexOf('=')
  const path = argument.slice(0, Math.max(0, at)).trim()
  const value = argument.slice(at + 1).trim()
  if (path !== '' && value !== '') return ok({ path, value })
  return err(
    problemOf('--set', `${argument} must have the form path=value, as in users=500 users`, 'BAD_SET', argument),
  )
}

const inOrder = (problems: PlanProblem[]): PlanProblem[] =>
  problems.sort((a, b) => a.line - b.line || a.column - b.column)

/** What a place in the file is called when it was not in the file: the path that was set. */
function make(file: PlanFile, name: string, source: PlanSource, withStages: boolean): Result<Plan, PlanProblem[]> {
  const { built, problems } = buildPlan({
    file,
    fileName: name,
    places: source.places,
    readVerdict: source.readVerdict,
  })
  const stages: Plan[] = []
  if (withStages && problems.length === 0) {
    for (const [index, stage] of (file.stages ?? []).entries()) {
      const changed = changedBy(file, name, source, entriesOf(stage.set))
      if (changed.ok) stages.push(changed.value)
      else problems.push(...changed.error.map((problem) => inStage(problem, `stages.${index}.set`, source)))
    }
  }
  if (problems.length > 0) return err(inOrder(problems))
  return ok({ name: file.plan, path: name, file, built, stages, source })
}

function inStage(problem: PlanProblem, path: string, { places }: PlanSource): PlanProblem {
  const own = places.get(`${path}.${problem.path}`) ?? places.get(path)
  return {
    ...problem,
    ...(own ?? {}),
    path: `${path}.${problem.path}`,
    message: `with what the stage sets: ${problem.message}`,
  }
}

export const entriesOf = (set: Readonly<Record<string, unknown>>): { path: string; value: unknown }[] =>
  Object.entries(set).map(([path, value]) => ({ path, value }))

/** The file with some values replaced, read again without its stages. */
function changedBy(
  file: PlanFile,
  name: string,
  source: PlanSource,
  set: readonly { readonly path: string; readonly value: unknown }[],
  withStages = false,
): Result<Plan, PlanProblem[]> {
  const copy = structuredClone(file) as PlanFile
  for (const { path, value } of set) {
    const problem = setAt(copy, path, value)
    if (problem) return err([{ ...problemOf(name, problem.message, 'BAD_SET', path), nearest: problem.nearest }])
  }
  const mistakes = shapeMistakes(copy)
  if (mistakes.length > 0)
    return err(
      mistakes.map((mistake) => ({
        ...problemOf(name, mistake.message, mistake.code, mistake.path),
        nearest: mistake.nearest,
      })),
    )
  return make(copy, name, source, withStages)
}

/** Reads a plan; every problem is reported at once, in the order of the file. */
export function parsePlan(text: string, options: ParseOptions): Result<Plan, PlanProblem[]> {
  const { data, places, errors } = readDocument(text)
  if (errors.length > 0) {
    return err(
      errors.map(({ message, place }) => problemOf(options.path, `not valid YAML: ${message}`, 'NOT_YAML', '', place)),
    )
  }
  const mistakes = shapeMistakes(data)
  if (mistakes.length > 0) {
    return err(
      inOrder(
        mistakes.map(({ code, path, place, message, nearest }) => {
          const at = places.get(place) ?? places.get(keyPlace(path)) ?? around(places, path)
          return { ...problemOf(options.path, message, code, path, at), nearest }
        }),
      ),
    )
  }
  return make(data as PlanFile, options.path, { places, readVerdict: options.readVerdict }, true)
}

/** The place of the nearest part around a path that has one. */
function around(places: ReadonlyMap<string, Place>, path: string): Place {
  for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
    const place = places.get(at)
    if (place) return place
  }
  return { line: 1, column: 1 }
}

/** The plan with some values changed, as if the file had said so. */
export function withSet(plan: Plan, set: readonly SetValue[]): Result<Plan, PlanProblem[]> {
  const read = set.map(({ path, value }) => ({ path, value: readScalar(value) }))
  return changedBy(plan.file, plan.path, plan.source, read, true)
}

/** The plan as one of its claims changes it. */
export function withChanges(plan: Plan, set: Readonly<Record<string, unknown>>): Result<Plan, PlanProblem[]> {
  return changedBy(plan.file, plan.path, plan.source, entriesOf(set))
}
