// What a plan asks: what to show by month, where one way becomes cheaper than another, objectives, claims.
import type { Comparison, Expr } from '../expression/ast.ts'
import { parseExpression } from '../expression/parse.ts'
import type { PlanFile } from '../plan-file.ts'
import type { PlanProblemCode } from '../result.ts'
import type { Builder } from './builder.ts'

export interface BreakEvenLayout {
  readonly name: string
  readonly label: string
  readonly over: string
  readonly options: readonly string[]
}

export interface ObjectiveLayout {
  readonly name: string
  readonly label: string
  readonly comparison: 'atMost' | 'atLeast'
  readonly note: string | undefined
}

export interface ShowLayout {
  readonly text: string
  readonly name: string
}

export function addShown(builder: Builder): ShowLayout[] {
  return (builder.file.growth?.show ?? []).flatMap((text, index) => {
    const name = `show.${index + 1}`
    return builder.value(name, text, `growth.show.${index}`) ? [{ text, name }] : []
  })
}

export function addBreakEvens(builder: Builder): BreakEvenLayout[] {
  return Object.entries(builder.file.breakEven ?? {}).flatMap(([name, each]) => {
    const path = `breakEven.${name}`
    const full = `breakEven.${name}`
    if (!builder.oneOf(each.over, [...builder.definitions.keys()], `${path}.over`, 'a quantity of the plan')) return []
    const ends = builder.value(`${full}.from`, each.from, `${path}.from`, { like: each.over })
    builder.value(`${full}.to`, each.to, `${path}.to`, { like: each.over })
    const options = Object.entries(each.options).flatMap(([option, value]) =>
      builder.value(`${full}.${option}`, value, `${path}.options.${option}`, {
        expect: 'moneyRate',
        as: { money: 1, time: -1 },
      })
        ? [option]
        : [],
    )
    if (options.length < 2)
      builder.problem('BAD_VALUE', `${path}.options`, `${path}.options must be two or more ways to compare`)
    return ends ? [{ name, label: each.label ?? name, over: each.over, options }] : []
  })
}

export function addObjectives(builder: Builder): ObjectiveLayout[] {
  return Object.entries(builder.file.objectives ?? {}).flatMap(([name, objective]) => {
    const path = `objectives.${name}`
    const full = `objective.${name}`
    const bounds = (['atMost', 'atLeast'] as const).filter((key) => objective[key] !== undefined)
    const [comparison] = bounds
    if (comparison === undefined || bounds.length !== 1) {
      builder.problem('MISSING_KEY', path, `${path} must have exactly one of atMost and atLeast`, { nearest: 'atMost' })
      return []
    }
    const value = builder.value(full, objective.value, `${path}.value`)
    const bound = builder.value(`${full}.bound`, objective[comparison], `${path}.${comparison}`, { like: full })
    return value && bound ? [{ name, label: objective.label ?? name, comparison, note: objective.note }] : []
  })
}

type Claim = NonNullable<PlanFile['claims']>[number]

/** A claim with its expressions read. Names are resolved when it is checked: an unknown one makes it not derivable. */
export interface ClaimLayout {
  readonly number: number
  readonly claim: Claim
  readonly path: string
  readonly line: number
  readonly of: Expr | undefined
  readonly holds: Comparison | undefined
}

function readOf(builder: Builder, text: string, path: string): Expr | undefined {
  const expr = parseExpression(text, builder.context)
  if (expr.ok) return expr.value
  const { code, message, offset, nearest } = expr.error
  builder.problem(code as PlanProblemCode, path, `${path}: ${message}`, { offset, nearest })
  return undefined
}

export function readClaims(builder: Builder): ClaimLayout[] {
  return (builder.file.claims ?? []).map((claim, index) => {
    const path = `claims.${index}`
    const forms = [
      claim.of !== undefined && claim.value !== undefined,
      claim.holds !== undefined,
      claim.about !== undefined && claim.value !== undefined,
    ]
    if (!forms.some((form) => form)) {
      builder.problem('MISSING_KEY', path, `${path} must have of and value, or holds, or about and value`, {
        nearest: 'value',
      })
    }
    if (claim.stage !== undefined) {
      const stages = (builder.file.stages ?? []).map((stage) => stage.name)
      builder.oneOf(claim.stage, stages, `${path}.stage`, 'a stage of the plan')
    }
    return {
      number: index + 1,
      claim,
      path,
      line: builder.lineOf(path) ?? 1,
      of: claim.of === undefined ? undefined : readOf(builder, claim.of, `${path}.of`),
      holds: claim.holds === undefined ? undefined : builder.comparison(claim.holds, `${path}.holds`),
    }
  })
}
