// An expression as text with its names as nodes, so that an explanation can put values beside them.
import type { Expr } from '../expression/ast.ts'
import type { Because, NodeId } from './node.ts'
import type { NodeMaker } from './node-maker.ts'

const LEVEL: Readonly<Record<string, number>> = { '+': 1, '-': 1, '*': 2, '/': 2, '^': 3 }

const join = (parts: readonly (string | NodeId)[]): (string | NodeId)[] => {
  const joined: (string | NodeId)[] = []
  for (const part of parts) {
    const last = joined.at(-1)
    if (typeof part === 'string' && typeof last === 'string') joined[joined.length - 1] = last + part
    else joined.push(part)
  }
  return joined
}

function render(expr: Expr, model: NodeMaker, month: number | undefined, level: number): (string | NodeId)[] {
  switch (expr.kind) {
    case 'literal':
      return [expr.text]
    case 'name':
      return [model.node(expr.name, expr.month ?? month)]
    case 'negate':
      return ['-', ...render(expr.of, model, month, 3)]
    case 'call': {
      const at = expr.name === 'at' && expr.args[1]?.kind === 'literal' ? expr.args[1].low : month
      const args = expr.args.flatMap((arg, index) => [index === 0 ? '' : ', ', ...render(arg, model, at, 0)])
      return [`${expr.name}(`, ...args, ')']
    }
    case 'binary': {
      const own = LEVEL[expr.op] as number
      const inner = [
        ...render(expr.left, model, month, own),
        ` ${expr.op} `,
        ...render(expr.right, model, month, own + (expr.op === '-' || expr.op === '/' ? 1 : 0)),
      ]
      return own < level ? ['(', ...inner, ')'] : inner
    }
  }
}

export const renderExpression = (expr: Expr, model: NodeMaker, month: number | undefined): Because =>
  join(render(expr, model, month, 0))
