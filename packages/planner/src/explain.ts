// Why a number is what it is: its formula with every value in it, then the same for each of those, down to what is written.
import { err, ok, type Result } from '@parley/kernel'
import { Quantities } from './answer/quantities.ts'
import { parseExpression } from './expression/parse.ts'
import { CompileProblem } from './graph/compile-problem.ts'
import type { Because, Node, NodeId } from './graph/node.ts'
import type { Plan } from './plan.ts'
import type { PlanProblem, Why, WhyStep } from './result.ts'
import { nearest } from './units/nearest.ts'

/** A formula with the value behind each name: `glasses (1,000 wearers) * active (20% (10..50))`. */
function sentenceOf(quantities: Quantities, because: Because): string {
  const { graph } = quantities.built.model
  return because
    .map((part) => {
      if (typeof part === 'string') return part
      const node = graph.node(part)
      const { text } = quantities.ofNode(part)
      if (node.name !== '') return `${node.name} (${text})`
      return node.because.length > 0 ? sentenceOf(quantities, node.because) : text
    })
    .join('')
}

/** The named nodes that a formula mentions, through those without a name. */
function namedIn(quantities: Quantities, because: Because, found: NodeId[] = []): NodeId[] {
  const { graph } = quantities.built.model
  for (const part of because) {
    if (typeof part === 'string') continue
    const node = graph.node(part)
    if (node.name !== '') {
      if (!found.includes(part)) found.push(part)
    } else namedIn(quantities, node.because, found)
  }
  return found
}

const STANDING = { measured: 'measured', given: 'given by the plan', assumed: 'assumed' } as const

function stepOf(quantities: Quantities, node: Node, name: string): WhyStep {
  const { graph } = quantities.built.model
  const quantity = quantities.ofNode(node.id, name)
  const inputs = namedIn(quantities, node.because)
  const definition = quantities.built.model.definitions.get(node.name.split('@')[0] ?? '')
  const note = node.note ?? null
  const line = node.line ?? null
  const where = line === null ? '' : ` on line ${line}`
  const isWritten = node.op === 'input' || inputs.length === 0
  const formula = sentenceOf(quantities, node.because)
  const written =
    definition?.line === undefined && node.standing !== 'measured' ? '' : `${STANDING[node.standing]}${where}`
  const reason = isWritten
    ? [written, formula !== '' && node.op !== 'input' && formula !== quantity.text ? formula : '']
        .filter((text) => text !== '')
        .join(': ')
    : formula
  const remark = note === null ? '' : ` (${note})`
  return {
    quantity,
    sentence: `${name === '' ? formula : name} is ${quantity.text}${reason === '' ? '' : `: ${reason}`}${remark}.`,
    inputs: inputs.map((input) => graph.node(input).name),
    line,
    note,
  }
}

function stepsFrom(quantities: Quantities, start: NodeId, name: string): WhyStep[] {
  const { graph } = quantities.built.model
  const steps: WhyStep[] = []
  const seen = new Set<NodeId>([start])
  const queue: NodeId[] = [start]
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
    const node = graph.node(id)
    steps.push(stepOf(quantities, node, id === start ? name : node.name))
    for (const input of namedIn(quantities, node.because)) {
      if (seen.has(input)) continue
      seen.add(input)
      queue.push(input)
    }
  }
  return steps
}

const problem = (
  plan: Plan,
  name: string,
  code: PlanProblem['code'],
  message: string,
  near: string | null,
): PlanProblem => ({
  code,
  file: plan.path,
  line: 1,
  column: 1,
  path: name,
  message,
  nearest: near,
})

/** Why a number is what it is. Takes any name of the answer (`app.realistic`, `cost.total`, `app.instances@12`) or an expression. */
export function explain(plan: Plan, name: string): Result<Why, PlanProblem> {
  const { model, context } = plan.built
  const expr = parseExpression(name, context)
  if (!expr.ok) return err(problem(plan, name, expr.error.code, expr.error.message, expr.error.nearest))
  try {
    const quantities = new Quantities(plan.built)
    const { value } = expr
    const isName = value.kind === 'name'
    const id = model.expression(value)
    const target = isName
      ? id
      : model.graph.add({
          op: 'same',
          args: [id],
          dim: model.graph.node(id).dim,
          unit: model.graph.node(id).unit,
          because: model.rendered(value),
        })
    return ok({ name, steps: stepsFrom(quantities, target, name) })
  } catch (error) {
    if (!(error instanceof CompileProblem)) throw error
    const near = error.nearest ?? nearest(name, [...model.definitions.keys()]) ?? null
    return err(problem(plan, name, error.code, error.message, near))
  }
}
