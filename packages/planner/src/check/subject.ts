// What a claim is about, in a form that can be asked again after something in the plan was changed.
import type { ClaimLayout } from '../build/questions.ts'
import { type Expr, namesIn } from '../expression/ast.ts'
import { BoundsOf } from '../graph/bounds.ts'
import type { Definition } from '../graph/definition.ts'
import type { Model } from '../graph/model.ts'
import type { NodeId } from '../graph/node.ts'
import { common } from '../units/dimension.ts'
import type { Claimed } from './claim-value.ts'
import { hits, type Leniency, match, type Right } from './matching.ts'

export type Changes = ReadonlyMap<string, Definition>

/** A claim that was found wrong, as a question: would it be right if the plan were different? */
export interface Subject {
  readonly model: Model
  readonly month: number | undefined
  /** Of a claim with a value; for a comparison the left side. */
  readonly of: Expr
  readonly right: Right
  readonly claimed: Claimed | undefined
  readonly leniency: Leniency
  /** Whether what is claimed is what follows after the changes. */
  holdsWith(changes: Changes): boolean
  /** Whether what is claimed is the right value times a factor. */
  holdsTimes(factor: number): boolean
}

export function boundsIn(model: Model, expr: Expr, month: number | undefined): Right {
  return new BoundsOf(model.graph).of(model.expression(expr, month))
}

/** Left less right side, as a node. */
export function differenceNode(model: Model, left: Expr, right: Expr, month: number | undefined): NodeId {
  return model.expression({ kind: 'binary', op: '-', left, right, offset: 0 }, month)
}

/** Whether `difference op 0` over the whole range. */
export function comparisonHolds(difference: Right, op: string, scale: number, tolerance: number | undefined): boolean {
  const slack = (tolerance ?? 1e-9) * Math.max(scale, Number.MIN_VALUE)
  switch (op) {
    case '<=':
      return difference.high <= slack
    case '<':
      return difference.high < 0
    case '>=':
      return difference.low >= -slack
    case '>':
      return difference.low > 0
    default:
      return difference.high <= Math.max(slack, 1e-6 * scale) && difference.low >= -Math.max(slack, 1e-6 * scale)
  }
}

const attempt = (test: () => boolean): boolean => {
  try {
    return test()
  } catch {
    // A changed plan that cannot be computed explains nothing.
    return false
  }
}

export function subjectOf(
  model: Model,
  layout: ClaimLayout,
  claimed: Claimed | undefined,
  right: Right,
  leniency: Leniency,
  month: number | undefined,
): Subject {
  const { of, holds } = layout
  const target = of ?? (holds?.left as Expr)
  const holdsWith = (changes: Changes): boolean =>
    attempt(() => {
      const changed = model.with(changes)
      if (of !== undefined && claimed !== undefined) {
        const node = changed.expression(of, month)
        if (common(changed.graph.node(node).dim, claimed.dim) === undefined) return false
        const candidate = new BoundsOf(changed.graph).of(node)
        return claimed.bound === undefined
          ? hits(claimed, candidate, leniency)
          : match(claimed, candidate, leniency).kind === 'same'
      }
      if (holds === undefined) return false
      const difference = new BoundsOf(changed.graph).of(differenceNode(changed, holds.left, holds.right, month))
      return comparisonHolds(difference, holds.op, Math.abs(right.typical), leniency.tolerance)
    })
  const holdsTimes = (factor: number): boolean =>
    claimed !== undefined &&
    hits(claimed, { low: right.low * factor, typical: right.typical * factor, high: right.high * factor }, leniency)
  return { model, month, of: target, right, claimed, leniency, holdsWith, holdsTimes }
}

/** Names that the subject rests on, nearest first. */
export function restsOn(subject: Subject, also: readonly Expr[] = []): string[] {
  const { model, of } = subject
  const found: string[] = []
  const queue = [of, ...also].flatMap((expr) => namesIn(expr).map(({ name }) => name))
  while (queue.length > 0) {
    const name = queue.shift() as string
    const definition = model.definitions.get(name)
    if (definition === undefined || found.includes(name)) continue
    found.push(name)
    queue.push(...namesIn(definition.expr).map((used) => used.name))
    const { growth } = definition
    const grown = [growth?.factor, ...(growth?.rows ?? []).map((row) => row.value)]
    for (const expr of grown) if (expr) queue.push(...namesIn(expr).map((used) => used.name))
  }
  return found
}
