// Recursive descent over the tokens: comparison, sum, product, power, unit. No evaluation, no names resolved.
import { err, ok, type Result } from '@parley/kernel'
import { parseUnit, type Unit, type UnitContext } from '../units/unit.ts'
import type { BinaryOp, CompareOp, Comparison, Expr, ExpressionProblem } from './ast.ts'
import { type Numeral, type Token, tokensOf } from './tokens.ts'

const MAX_DEPTH = 64
const COMPARE: readonly string[] = ['<=', '<', '>=', '>', '=']

class Stop extends Error {
  readonly problem: ExpressionProblem
  constructor(problem: ExpressionProblem) {
    super(problem.message)
    this.problem = problem
  }
}

class Parser {
  readonly #tokens: readonly Token[]
  readonly #context: UnitContext
  readonly #length: number
  #next = 0
  #depth = 0

  constructor(tokens: readonly Token[], context: UnitContext, length: number) {
    this.#tokens = tokens
    this.#context = context
    this.#length = length
  }

  fail(
    message: string,
    offset = this.offset(),
    code: ExpressionProblem['code'] = 'BAD_EXPRESSION',
    near: string | null = null,
  ): never {
    throw new Stop({ code, message, offset, nearest: near })
  }

  offset(): number {
    return this.#tokens[this.#next]?.offset ?? this.#length
  }

  #sign(...signs: readonly string[]): string | undefined {
    const token = this.#tokens[this.#next]
    if (token?.kind !== 'sign' || !signs.includes(token.sign)) return undefined
    this.#next += 1
    return token.sign
  }

  end(): void {
    const token = this.#tokens[this.#next]
    if (!token) return
    if (token.kind === 'sign' && COMPARE.includes(token.sign)) this.fail('a comparison may only stand in holds, once')
    const what = token.kind === 'sign' ? token.sign : token.kind === 'name' ? token.name : token.text
    this.fail(`"${what}" is not expected here; an operator (+ - * / ^) is missing before it`)
  }

  sum(): Expr {
    let left = this.#product()
    for (;;) {
      const offset = this.offset()
      const op = this.#sign('+', '-') as BinaryOp | undefined
      if (op === undefined) return left
      left = { kind: 'binary', op, left, right: this.#product(), offset }
    }
  }

  #product(): Expr {
    let left = this.#power()
    for (;;) {
      const offset = this.offset()
      const op = this.#sign('*', '/') as BinaryOp | undefined
      if (op === undefined) return left
      left = { kind: 'binary', op, left, right: this.#power(), offset }
    }
  }

  #power(): Expr {
    const offset = this.offset()
    if (this.#sign('-') !== undefined) return { kind: 'negate', of: this.#power(), offset }
    const base = this.#atom()
    const at = this.offset()
    return this.#sign('^') === undefined
      ? base
      : { kind: 'binary', op: '^', left: base, right: this.#power(), offset: at }
  }

  #atom(): Expr {
    const token = this.#tokens[this.#next]
    if (!token) this.fail('the expression ends too early')
    if (token.kind === 'number') {
      this.#next += 1
      return this.#literal(token)
    }
    if (token.kind === 'name') {
      this.#next += 1
      if (this.#sign('(') === undefined) return { ...token }
      return { kind: 'call', name: token.name, args: this.#arguments(), offset: token.offset }
    }
    if (this.#sign('(') === undefined) this.fail(`"${token.sign}" is not expected here; a value or a name is missing`)
    if (++this.#depth > MAX_DEPTH) this.fail(`more than ${MAX_DEPTH} brackets inside each other`)
    const inner = this.sum()
    if (this.#sign(')') === undefined) this.fail('a closing bracket is missing')
    this.#depth -= 1
    return inner
  }

  #arguments(): Expr[] {
    const args: Expr[] = []
    if (++this.#depth > MAX_DEPTH) this.fail(`more than ${MAX_DEPTH} brackets inside each other`)
    do args.push(this.sum())
    while (this.#sign(',') !== undefined)
    if (this.#sign(')') === undefined) this.fail('a closing bracket is missing')
    this.#depth -= 1
    return args
  }

  #unit(numeral: Numeral, text: string): Unit {
    const { currency, unitText, unitOffset } = numeral
    const joined =
      currency === undefined
        ? unitText
        : unitText.startsWith('/') || unitText === ''
          ? `${currency}${unitText}`
          : undefined
    if (joined === undefined)
      this.fail(`${text} has a currency and a unit; write a slash between them ($5/GB)`, unitOffset, 'BAD_UNIT')
    const unit = parseUnit(joined, this.#context)
    if (!unit.ok) this.fail(unit.error.message, unitOffset, 'BAD_UNIT', unit.error.nearest)
    return unit.value
  }

  #literal(token: Extract<Token, { kind: 'number' }>): Expr {
    const { low, high, text, offset } = token
    if (high === undefined) {
      return { kind: 'literal', low: low.value, high: low.value, unit: this.#unit(low, text), text, offset }
    }
    // The unit may stand once, at the end (5..10 MB), and the sign of a currency once, at the start ($5..10/GB).
    const currency = high.currency ?? (high.unitText === '' || high.unitText.startsWith('/') ? low.currency : undefined)
    const unit = this.#unit({ ...high, currency }, text)
    const own =
      low.unitText !== '' || (low.currency !== undefined && high.currency === undefined && currency !== low.currency)
    const lowUnit = own ? this.#unit(low, text) : unit
    if (lowUnit.text !== unit.text && JSON.stringify(lowUnit.dim) !== JSON.stringify(unit.dim)) {
      this.fail(`${text} goes from one kind of unit to another; both ends must be of the same kind`, offset, 'BAD_UNIT')
    }
    const lowest = (low.value * lowUnit.num * unit.den) / (lowUnit.den * unit.num)
    if (lowest > high.value) this.fail(`${text} starts above its end; write the lower end first`, offset)
    return { kind: 'literal', low: lowest, high: high.value, unit, text, offset }
  }

  comparison(): Comparison {
    const left = this.sum()
    const op = this.#sign(...COMPARE) as CompareOp | undefined
    if (op === undefined) this.fail('a comparison is missing: <=, <, >=, > or =')
    return { left, op, right: this.sum() }
  }
}

function run<T>(text: string, context: UnitContext, read: (parser: Parser) => T): Result<T, ExpressionProblem> {
  const tokens = tokensOf(text)
  if (!tokens.ok) return tokens
  try {
    const parser = new Parser(tokens.value, context, text.length)
    const value = read(parser)
    parser.end()
    return ok(value)
  } catch (error) {
    if (error instanceof Stop) return err(error.problem)
    throw error
  }
}

/** Reads an expression: `users * peak`, `50 MB`, `1..2% cpu`. */
export const parseExpression = (text: string, context: UnitContext): Result<Expr, ExpressionProblem> =>
  run(text, context, (parser) => parser.sum())

/** Reads a comparison: `reads <= 50,000 reads/s`. */
export const parseComparison = (text: string, context: UnitContext): Result<Comparison, ExpressionProblem> =>
  run(text, context, (parser) => parser.comparison())
