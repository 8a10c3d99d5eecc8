// What helpers of the model need of it: nodes of names and expressions.
import type { Expr } from '../expression/ast.ts'
import type { Graph, NodeId } from './node.ts'

export interface NodeMaker {
  readonly graph: Graph
  /** The node of a name. Throws a CompileProblem. */
  node(name: string, month?: number, offset?: number): NodeId
  /** The node of an expression. Throws a CompileProblem. */
  expression(expr: Expr, month?: number): NodeId
}
