// The value of a growing quantity in one month, as nodes.
import type { Expr } from '../expression/ast.ts'
import { common } from '../units/dimension.ts'
import { PLAIN } from '../units/unit.ts'
import { CompileProblem } from './compile-problem.ts'
import type { GrowthSpec } from './definition.ts'
import type { NodeId } from './node.ts'
import type { NodeMaker } from './node-maker.ts'

const number = (model: NodeMaker, value: number): NodeId =>
  model.graph.add({
    op: 'input',
    args: [],
    dim: {},
    low: value,
    typical: value,
    high: value,
    unit: PLAIN,
    standing: 'measured',
    because: [`${value}`],
  })

function compound(model: NodeMaker, growth: GrowthSpec, factor: Expr, month: number): NodeId {
  const { graph } = model
  const from = model.expression(growth.from)
  const periods = (month - 1) / growth.everyMonths
  const base = model.expression(factor)
  const grown = graph.add({ op: 'pow', args: [base], dim: {}, numbers: [periods], because: [] })
  const { dim, unit } = graph.node(from)
  const text = Number.isInteger(periods) ? `${periods}` : periods.toFixed(2)
  return graph.add({
    op: 'mul',
    args: [from, grown],
    dim,
    unit,
    monthly: true,
    because: [from, ' * ', base, `^${text}`],
  })
}

/** Share of the way from row a to row b. */
function between(model: NodeMaker, a: NodeId, b: NodeId, share: number, geometric: boolean): NodeId {
  const { graph } = model
  const [one, two] = [graph.node(a), graph.node(b)]
  const dim = common(one.dim, two.dim)
  if (dim === undefined)
    throw new CompileProblem('WRONG_DIMENSION', 'the rows of a growth table are of different kinds', 0)
  const part = (node: NodeId, weight: number): NodeId =>
    geometric
      ? graph.add({ op: 'pow', args: [node], dim: {}, numbers: [weight], because: [] })
      : graph.add({ op: 'mul', args: [node, number(model, weight)], dim, because: [] })
  const because = [a, ` and `, b, `, ${Math.round(share * 100)}% of the way${geometric ? ' (geometric)' : ''}`]
  const args = [part(a, 1 - share), part(b, share)]
  return graph.add({ op: geometric ? 'mul' : 'add', args, dim, unit: one.unit, monthly: true, because })
}

function fromTable(model: NodeMaker, growth: GrowthSpec, month: number): NodeId {
  const rows = growth.rows ?? []
  const above = rows.findIndex((row) => row.month > month)
  const at = above < 0 ? rows.length - 1 : Math.max(0, above - 1)
  const row = rows[at] as { month: number; value: Expr }
  const below = model.expression(row.value)
  const next = rows[at + 1]
  const { dim, unit } = model.graph.node(below)
  const isRow = above <= 0 || next === undefined || row.month === month || growth.between === 'step'
  if (isRow) {
    return model.graph.add({
      op: 'same',
      args: [below],
      dim,
      unit,
      monthly: true,
      because: [below, `, the row of month ${row.month}`],
    })
  }
  const share = (month - row.month) / (next.month - row.month)
  return between(model, below, model.expression(next.value), share, growth.between === 'geometric')
}

/** Value in a month; before the first and after the last row it stays what it is there. */
export function growthAt(model: NodeMaker, growth: GrowthSpec, month: number): NodeId {
  const { factor } = growth
  return factor === undefined ? fromTable(model, growth, month) : compound(model, growth, factor, month)
}
