// Makes nodes out of definitions: resolves names, checks that kinds of numbers fit, copies what depends on the month.
import type { BinaryOp, Expr } from '../expression/ast.ts'
import { namesIn } from '../expression/ast.ts'
import { common, type Dim, hardOf, isEmpty, over, power, sameDim, times } from '../units/dimension.ts'
import { nearest } from '../units/nearest.ts'
import { toBase, type Unit, type UnitContext } from '../units/unit.ts'
import { CompileProblem } from './compile-problem.ts'
import type { Definition, TableSpec } from './definition.ts'
import { Evaluation, typicalOf } from './evaluate.ts'
import { checkedDim, describeDim } from './expectation.ts'
import { growthAt } from './growth.ts'
import type { Because, Graph, NodeDraft, NodeId, Op } from './node.ts'
import type { NodeMaker } from './node-maker.ts'
import { renderExpression } from './render.ts'

const ROUNDING: readonly string[] = ['ceil', 'floor', 'round']
const FUNCTIONS: readonly string[] = ['min', 'max', 'ceil', 'floor', 'round', 'abs', 'sqrt', 'at']
const BINARY: Readonly<Record<Exclude<BinaryOp, '^'>, Op>> = { '+': 'add', '-': 'sub', '*': 'mul', '/': 'div' }

export class Model implements NodeMaker {
  readonly graph: Graph
  readonly definitions: ReadonlyMap<string, Definition>
  readonly tables: ReadonlyMap<string, TableSpec>
  readonly context: UnitContext
  readonly #nodes = new Map<string, NodeId>()
  readonly #literals = new Map<Expr, NodeId>()
  readonly #failed = new Map<string, unknown>()
  readonly #stack: string[] = []
  readonly #monthly = new Map<string, boolean>()

  constructor(
    graph: Graph,
    definitions: ReadonlyMap<string, Definition>,
    tables: ReadonlyMap<string, TableSpec>,
    context: UnitContext,
  ) {
    this.graph = graph
    this.definitions = definitions
    this.tables = tables
    this.context = context
  }

  /** The same model with some definitions replaced. */
  with(changes: ReadonlyMap<string, Definition>): Model {
    return new Model(this.graph, new Map([...this.definitions, ...changes]), this.tables, this.context)
  }

  has(name: string): boolean {
    return this.definitions.has(name)
  }

  /** True when the value differs from month to month. */
  isMonthly(name: string): boolean {
    const known = this.#monthly.get(name)
    if (known !== undefined) return known
    const definition = this.definitions.get(name)
    this.#monthly.set(name, false)
    const monthly =
      definition !== undefined &&
      (definition.growth !== undefined ||
        namesIn(definition.expr).some((used) => used.month === undefined && this.isMonthly(used.name)))
    this.#monthly.set(name, monthly)
    return monthly
  }

  /** The node of a name. Throws a CompileProblem. */
  node(name: string, month?: number, offset = 0): NodeId {
    const definition = this.definitions.get(name)
    if (!definition) throw this.#unknown(name, offset)
    const at = month !== undefined && this.isMonthly(name) ? month : undefined
    const key = at === undefined ? name : `${name}@${at}`
    const known = this.#nodes.get(key)
    if (known !== undefined) return known
    if (this.#failed.has(key)) throw this.#again(key, name, offset)
    if (this.#stack.includes(key)) {
      const round = [...this.#stack.slice(this.#stack.indexOf(key)), key].join(' needs ')
      throw new CompileProblem('CYCLE', `${round}: a value cannot need itself`, offset)
    }
    this.#stack.push(key)
    try {
      const node = this.#define(definition, at, key)
      this.#nodes.set(key, node)
      return node
    } catch (error) {
      this.#failed.set(key, error)
      if (!(error instanceof CompileProblem) || this.#stack.length === 1) throw error
      throw consequenceOf(error, offset)
    } finally {
      this.#stack.pop()
    }
  }

  /** A name that failed before: asked for by itself it gives its own problem, otherwise that it has none to give. */
  #again(key: string, name: string, offset: number): unknown {
    const error = this.#failed.get(key)
    if (!(error instanceof CompileProblem) || this.#stack.length === 0) return error
    return consequenceOf(new CompileProblem(error.code, `${name} has no value`, offset, { missing: error.missing }), offset)
  }

  #unknown(name: string, offset: number): CompileProblem {
    const near = nearest(name, [...this.definitions.keys()]) ?? null
    const help = near === null ? 'give it under quantities' : `did you mean ${near}?`
    return new CompileProblem('UNKNOWN_NAME', `the plan has no ${name}; ${help}`, offset, {
      nearest: near,
      missing: [name],
    })
  }

  #define(definition: Definition, month: number | undefined, key: string): NodeId {
    const { growth, expr } = definition
    const value =
      growth !== undefined && month !== undefined
        ? growthAt(this, growth, month)
        : expr.kind === 'literal' && expr.unit.foreign === undefined
          ? this.#literal(expr, definition, key)
          : this.expression(expr, month)
    const made = this.graph.node(value)
    const dim = checkedDim(definition, made.dim, this.context)
    if (definition.like !== undefined) this.#requireLike(definition, dim, definition.like)
    if (made.op === 'input' && made.name === key && sameDim(made.dim, dim)) return value
    const because = growth !== undefined && month !== undefined ? made.because : renderExpression(expr, this, month)
    return this.graph.add({
      op: 'same',
      args: [value],
      dim,
      name: key,
      because,
      unit: this.#shownUnit(definition.unit ?? made.unit, dim),
      ...pickOptions(definition),
    })
  }

  #requireLike(definition: Definition, dim: Dim, like: string): void {
    const other = this.graph.node(this.node(like)).dim
    if (common(dim, other) !== undefined) return
    const [is, must] = [describeDim(dim, this.context), describeDim(other, this.context)]
    const at = definition.path ?? definition.name
    const fix = 'convert it, as in calls * 4 participants/call'
    throw new CompileProblem('WRONG_DIMENSION', `${at} is ${is}, but ${like} is ${must}; ${fix}`, 0)
  }

  /** A unit still fits after a noun was replaced only if it says no noun. */
  #shownUnit(unit: Unit | undefined, dim: Dim): Unit | undefined {
    return unit !== undefined && sameDim(unit.dim, dim) ? unit : undefined
  }

  #literal(expr: Extract<Expr, { kind: 'literal' }>, definition?: Definition, name = ''): NodeId {
    const known = this.#literals.get(expr)
    if (known !== undefined && definition === undefined) return known
    const { unit } = expr
    const [low, high] = [toBase(expr.low, unit), toBase(expr.high, unit)]
    const typical =
      definition?.typical === undefined ? (low + high) / 2 : this.#typical(definition, low, high, unit.dim)
    const node = this.graph.add({
      op: 'input',
      args: [],
      dim: unit.dim,
      name,
      low,
      high,
      typical,
      because: [expr.text],
      standing: definition?.standing ?? 'given',
      ...(unit.foreign === undefined ? { unit } : {}),
      ...(definition === undefined ? {} : pickOptions(definition)),
    })
    this.#literals.set(expr, node)
    return node
  }

  #typical(definition: Definition, low: number, high: number, dim: Dim): number {
    const node = this.expression(definition.typical as Expr)
    const value = new Evaluation(this.graph, typicalOf).value(node)
    const at = definition.path ?? definition.name
    if (common(this.graph.node(node).dim, dim) === undefined) {
      throw new CompileProblem('WRONG_DIMENSION', `${at}.typical is of another kind than its range`, 0)
    }
    if (value < low || value > high) throw new CompileProblem('BAD_VALUE', `${at}.typical is outside its range`, 0)
    return value
  }

  /** The node of an expression. Throws a CompileProblem. */
  expression(expr: Expr, month?: number): NodeId {
    switch (expr.kind) {
      case 'literal':
        return this.#money(expr)
      case 'name':
        return this.node(expr.name, expr.month ?? month, expr.offset)
      case 'negate': {
        const of = this.expression(expr.of, month)
        const { dim, unit } = this.graph.node(of)
        return this.#add('neg', [of], dim, unit)
      }
      case 'binary':
        return expr.op === '^' ? this.#power(expr, month) : this.#binary(expr, expr.op, month)
      case 'call':
        return this.#call(expr, month)
    }
  }

  #add(op: Op, args: readonly NodeId[], dim: Dim, unit?: Unit, more: Partial<NodeDraft> = {}): NodeId {
    return this.graph.add({ op, args, dim, because: [], unit, ...more })
  }

  /** Money of another currency is worth its rate. */
  #money(expr: Extract<Expr, { kind: 'literal' }>): NodeId {
    const amount = this.#literal(expr)
    const { foreign } = expr.unit
    if (foreign === undefined) return amount
    const rate = this.node(`exchange.${foreign}`, undefined, expr.offset)
    return this.#add('mul', [amount, rate], expr.unit.dim)
  }

  #binary(expr: Extract<Expr, { kind: 'binary' }>, op: Exclude<BinaryOp, '^'>, month?: number): NodeId {
    const [left, right] = [this.expression(expr.left, month), this.expression(expr.right, month)]
    const [a, b] = [this.graph.node(left), this.graph.node(right)]
    if (op === '+' || op === '-') {
      const dim = this.#sumDim(left, right, expr.offset, op === '+' ? 'added to' : 'taken from')
      return this.#add(
        BINARY[op],
        [left, right],
        dim,
        [a.unit, b.unit].find((unit) => unit && sameDim(unit.dim, dim)),
      )
    }
    const dim = op === '*' ? times(a.dim, b.dim) : over(a.dim, b.dim)
    const units = op === '*' ? [a.unit, b.unit] : [a.unit]
    const fitting = units.filter((unit) => unit !== undefined && sameDim(unit.dim, dim))
    return this.#add(BINARY[op], [left, right], dim, fitting.find((unit) => unit?.text === '') ?? fitting[0])
  }

  #isZero(node: NodeId): boolean {
    const { op, low, high, dim } = this.graph.node(node)
    return op === 'input' && low === 0 && high === 0 && isEmpty(dim)
  }

  #sumDim(left: NodeId, right: NodeId, offset: number, verb: string): Dim {
    const [a, b] = [this.graph.node(left).dim, this.graph.node(right).dim]
    if (this.#isZero(left)) return b
    if (this.#isZero(right)) return a
    const dim = common(a, b)
    if (dim !== undefined) return dim
    const [from, to] = [describeDim(a, this.context), describeDim(b, this.context)]
    throw new CompileProblem('WRONG_DIMENSION', `what is ${to} cannot be ${verb} what is ${from}`, offset)
  }

  #power(expr: Extract<Expr, { kind: 'binary' }>, month?: number): NodeId {
    const base = this.expression(expr.left, month)
    const exponent = this.expression(expr.right, month)
    const { dim } = this.graph.node(base)
    const value = this.#constant(exponent, 'an exponent', expr.offset)
    if (!isEmpty(hardOf(dim)) && !Number.isInteger(value)) {
      throw new CompileProblem('WRONG_DIMENSION', 'what has a unit can only be raised to a whole number', expr.offset)
    }
    return this.#add('pow', [base], power(dim, value), undefined, { numbers: [value] })
  }

  /** A plain number that no range touches. */
  #constant(node: NodeId, what: string, offset: number): number {
    const low = new Evaluation(this.graph, (input) => input.low).value(node)
    const high = new Evaluation(this.graph, (input) => input.high).value(node)
    if (low !== high || !isEmpty(this.graph.node(node).dim)) {
      throw new CompileProblem('BAD_EXPRESSION', `${what} must be one plain number`, offset)
    }
    return low
  }

  #call(expr: Extract<Expr, { kind: 'call' }>, month?: number): NodeId {
    const table = this.tables.get(expr.name)
    if (table) return this.#lookUp(table, expr, month)
    if (!FUNCTIONS.includes(expr.name)) {
      const near = nearest(expr.name, [...FUNCTIONS, ...this.tables.keys()]) ?? null
      const help = near === null ? `there are ${FUNCTIONS.join(', ')} and the tables` : `did you mean ${near}?`
      const problem = `${expr.name} is not a function; ${help}`
      throw new CompileProblem('UNKNOWN_NAME', problem, expr.offset, { nearest: near, missing: [expr.name] })
    }
    if (expr.name === 'at') return this.#at(expr)
    const args = expr.args.map((arg) => this.expression(arg, month))
    const first = args[0] as NodeId
    const { unit, dim: firstDim } = this.graph.node(first)
    if (expr.name !== 'min' && expr.name !== 'max') {
      if (args.length !== 1) throw new CompileProblem('BAD_EXPRESSION', `${expr.name} takes one value`, expr.offset)
      if (ROUNDING.includes(expr.name) && !isEmpty(hardOf(firstDim))) {
        const what = describeDim(firstDim, this.context)
        throw new CompileProblem('WRONG_DIMENSION', `${expr.name} is for counts; this is ${what}`, expr.offset)
      }
      const dim = expr.name === 'sqrt' ? power(firstDim, 0.5) : firstDim
      return this.#add(expr.name as Op, args, dim, unit)
    }
    const dim = args.slice(1).reduce((seen, arg) => {
      const joined = this.#isZero(arg)
        ? seen
        : isEmpty(seen) && this.#isZero(first)
          ? this.graph.node(arg).dim
          : common(seen, this.graph.node(arg).dim)
      if (joined === undefined) {
        const [a, b] = [describeDim(seen, this.context), describeDim(this.graph.node(arg).dim, this.context)]
        throw new CompileProblem('WRONG_DIMENSION', `${expr.name} of what is ${a} and what is ${b}`, expr.offset)
      }
      return joined
    }, firstDim)
    return this.#add(
      expr.name,
      args,
      dim,
      args.map((arg) => this.graph.node(arg).unit).find((each) => each && sameDim(each.dim, dim)),
    )
  }

  #at(expr: Extract<Expr, { kind: 'call' }>): NodeId {
    const [of, month] = expr.args
    if (of === undefined || month?.kind !== 'literal' || expr.args.length !== 2) {
      throw new CompileProblem('BAD_EXPRESSION', 'at takes a value and a month: at(users, 12)', expr.offset)
    }
    return this.expression(of, month.low)
  }

  #lookUp(table: TableSpec, expr: Extract<Expr, { kind: 'call' }>, month?: number): NodeId {
    const [arg] = expr.args
    if (arg === undefined || expr.args.length !== 1) {
      throw new CompileProblem(
        'BAD_EXPRESSION',
        `${expr.name} takes one value: ${expr.name}(10 ${table.of.text})`,
        expr.offset,
      )
    }
    const x = this.expression(arg, month)
    this.#requireKind(this.graph.node(x).dim, table.of.dim, expr.name, arg.offset)
    const rows = table.rows.map((row) => this.node(row.definition, undefined, expr.offset))
    const { dim, unit } = this.graph.node(rows[0] as NodeId)
    const numbers = table.rows.map((row) => toBase(row.at, table.of))
    return this.#add('lookup', [x, ...rows], dim, unit, { numbers, step: table.step })
  }

  #requireKind(dim: Dim, wanted: Dim, name: string, offset: number): void {
    if (common(dim, wanted) !== undefined || isEmpty(dim)) return
    const [is, must] = [describeDim(dim, this.context), describeDim(wanted, this.context)]
    throw new CompileProblem('WRONG_DIMENSION', `${name} is a table of what is ${must}, not ${is}`, offset)
  }

  /** An expression as text and nodes. */
  rendered(expr: Expr, month?: number): Because {
    return renderExpression(expr, this, month)
  }
}

const consequenceOf = ({ code, message, missing }: CompileProblem, offset: number): CompileProblem =>
  new CompileProblem(code, message, offset, { missing, consequence: true })

function pickOptions(definition: Definition): Partial<NodeDraft> {
  const { standing, underdetermined, note, line } = definition
  return {
    ...(standing === undefined ? {} : { standing }),
    ...(underdetermined === undefined ? {} : { underdetermined }),
    ...(note === undefined ? {} : { note }),
    ...(line === undefined ? {} : { line }),
  }
}
