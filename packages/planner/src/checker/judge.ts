// One claim against one state of the plan in one month.
import { seededRandom } from '@parley/kernel'
import { type Expr, type Comparison as HoldsExpression, namesIn } from '../expression/ast.ts'
import type { BoundsOf } from '../graph/bounds.ts'
import { CompileProblem } from '../graph/compile-problem.ts'
import { Evaluation } from '../graph/evaluate.ts'
import type { Model } from '../graph/model.ts'
import type { Node, NodeId } from '../graph/node.ts'
import { common } from '../units/dimension.ts'
import type { Unit } from '../units/unit.ts'
import type { ClaimValue } from './claim-value.ts'
import { compare, type Right } from './compare.ts'

/** One state of the plan: as it is written, or with a claim's or a stage's values set. */
export interface State {
  readonly model: Model
  readonly bounds: BoundsOf
}

export type Holds = 'always' | 'never' | 'open'

export type Judgement =
  | {
      readonly verdict: 'ok' | 'wrong' | 'open'
      readonly kind: 'value'
      readonly root: NodeId
      readonly right: Right
      readonly factor: number | null
      /** How it is wrong. */
      readonly how: 'outside' | 'end' | 'narrower' | 'overlap' | undefined
      readonly wider: boolean
    }
  | {
      readonly verdict: 'ok' | 'wrong' | 'open'
      readonly kind: 'holds'
      /** Left side less right side, in the direction in which it must not be above nothing. */
      readonly difference: NodeId
      readonly left: NodeId
      readonly right: NodeId
      readonly op: HoldsExpression['op']
      /** True and nothing to spare. */
      readonly tight: boolean
    }
  | { readonly verdict: 'wrong'; readonly kind: 'unit'; readonly root: NodeId; readonly unit: Unit }
  | {
      readonly verdict: 'unknown'
      readonly kind: 'missing'
      readonly missing: readonly string[]
      readonly message: string
    }

const NOISE = 1e-9

export const unknown = (missing: readonly string[], message: string): Judgement => ({
  verdict: 'unknown',
  kind: 'missing',
  missing,
  message,
})

/** Names that the plan would have to give. */
function missingOf(model: Model, exprs: readonly Expr[]): string[] {
  const names = exprs.flatMap((expr) => namesIn(expr)).map(({ name }) => name)
  return [...new Set(names)].filter((name) => !model.has(name))
}

function compiled(model: Model, exprs: readonly Expr[], month: number | undefined): NodeId[] | Judgement {
  const missing = missingOf(model, exprs)
  if (missing.length > 0) return unknown(missing, `the plan does not give ${missing.join(', ')}`)
  try {
    return exprs.map((expr) => model.expression(expr, month))
  } catch (error) {
    if (!(error instanceof CompileProblem)) throw error
    return unknown(error.missing, error.message)
  }
}

const isJudgement = (value: NodeId[] | Judgement): value is Judgement => !Array.isArray(value)

export function rightOf({ model, bounds }: State, root: NodeId): Right {
  return { ...bounds.of(root), underdetermined: model.graph.node(root).underdetermined }
}

/** `of` and `value`. */
export function judgeValue(state: State, of: Expr, value: ClaimValue, month: number | undefined): Judgement {
  const { model } = state
  const nodes = compiled(model, [of], month)
  if (isJudgement(nodes)) return nodes
  const root = nodes[0] as NodeId
  if (common(model.graph.node(root).dim, value.unit.dim) === undefined) {
    return { verdict: 'wrong', kind: 'unit', root, unit: value.unit }
  }
  const right = rightOf(state, root)
  const outcome = compare(value.claimed, right)
  const { low, high, isRange } = value.claimed
  const wider = isRange && high.value - low.value > 3 * (right.high - right.low) && right.high > right.low
  const how = outcome.verdict === 'wrong' ? outcome.how : undefined
  return { verdict: outcome.verdict, kind: 'value', root, right, factor: outcome.factor, how, wider }
}

/** Whether the difference is on the right side of nothing. `scale` is how large a rounding error may be. */
export function holdsFor(op: HoldsExpression['op'], { low, high }: Right, scale: number): Holds {
  const noise = scale * NOISE
  if (op === '=') {
    if (Math.abs(low) <= noise && Math.abs(high) <= noise) return 'always'
    return low > noise || high < -noise ? 'never' : 'open'
  }
  const strict = op === '<' || op === '>'
  const edge = strict ? -noise : noise
  if (strict ? high < edge : high <= edge) return 'always'
  return (strict ? low >= edge : low > edge) ? 'never' : 'open'
}

const SAMPLES = 200

/** Where the range of a difference is only an enclosure, what samples show counts: an equation of ranges is never enclosed. */
function bySamples({ model }: State, difference: NodeId, op: HoldsExpression['op'], scale: number): Holds {
  const random = seededRandom(SAMPLES)
  const somewhere = ({ low, high }: Node): number => {
    const draw = random()
    if (draw < 1 / 6 || low === high) return low
    return draw < 1 / 3 ? high : low + (high - low) * random()
  }
  const seen = new Set<Holds>()
  for (let count = 0; count < SAMPLES; count += 1) {
    const value = new Evaluation(model.graph, somewhere).value(difference)
    if (Number.isFinite(value))
      seen.add(holdsFor(op, { low: value, typical: value, high: value, underdetermined: false }, scale))
  }
  const [only = 'open'] = seen
  return seen.size === 1 ? only : 'open'
}

/** `holds`. */
export function judgeHolds(state: State, holds: HoldsExpression, month: number | undefined): Judgement {
  const { model, bounds } = state
  const { op } = holds
  const nodes = compiled(model, [holds.left, holds.right], month)
  if (isJudgement(nodes)) return nodes
  const [left, right] = nodes as [NodeId, NodeId]
  const { graph } = model
  const dim = common(graph.node(left).dim, graph.node(right).dim)
  if (dim === undefined) return unknown([], 'the two sides are of different kinds')
  const args = op === '>=' || op === '>' ? [right, left] : [left, right]
  const difference = graph.add({ op: 'sub', args, dim, because: [] })
  const scale = Math.max(Math.abs(bounds.typical.value(left)), Math.abs(bounds.typical.value(right)))
  const range = rightOf(state, difference)
  const told = holdsFor(op, range, scale)
  const outcome = told === 'open' && !bounds.of(difference).exact ? bySamples(state, difference, op, scale) : told
  const verdict = outcome === 'always' ? 'ok' : outcome === 'never' ? 'wrong' : 'open'
  const tight = outcome === 'always' && op !== '=' && Math.abs(range.high) <= scale * NOISE
  return { verdict, kind: 'holds', difference, left, right, op, tight }
}
