// Turns what a plan file says into definitions, and remembers what is wrong with it.

import type { Comparison, Expr } from '../expression/ast.ts'
import { parseComparison, parseExpression } from '../expression/parse.ts'
import type { Definition, TableSpec } from '../graph/definition.ts'
import type { Dimension, PlanFile, PlanValue, Standing } from '../plan-file.ts'
import { keyPlace, type Place } from '../read/document.ts'
import { isSourced } from '../read/validate.ts'
import type { PlanProblem, PlanProblemCode } from '../result.ts'
import { nearest } from '../units/nearest.ts'
import type { Unit, UnitContext } from '../units/unit.ts'
import type { Resource } from './resources.ts'
import { literalOf, readExpression } from './written.ts'

/** For shares: shown in per cent. */
export const PERCENT: Unit = { dim: {}, num: 1, den: 100, text: '%' }

export type DefineOptions = Partial<Omit<Definition, 'name' | 'expr'>>

export class Builder {
  readonly file: PlanFile
  readonly fileName: string
  readonly context: UnitContext
  readonly resources: ReadonlyMap<string, Resource>
  readonly definitions = new Map<string, Definition>()
  readonly tables = new Map<string, TableSpec>()
  readonly problems: PlanProblem[] = []
  readonly #places: ReadonlyMap<string, Place>

  constructor(
    file: PlanFile,
    fileName: string,
    places: ReadonlyMap<string, Place>,
    context: UnitContext,
    resources: ReadonlyMap<string, Resource>,
  ) {
    this.file = file
    this.fileName = fileName
    this.context = context
    this.resources = resources
    this.#places = places
  }

  lineOf(path: string): number | undefined {
    return this.#places.get(path)?.line
  }

  problem(
    code: PlanProblemCode,
    path: string,
    message: string,
    more: { offset?: number; nearest?: string | null; key?: boolean } = {},
  ): void {
    const place = this.#placeOf(more.key === true ? keyPlace(path) : path)
    const column = place.column + (more.offset ?? 0)
    this.problems.push({
      code,
      file: this.fileName,
      line: place.line,
      column,
      path,
      message,
      nearest: more.nearest ?? null,
    })
  }

  /** The place of a path, or of the nearest part around it that has one. */
  #placeOf(path: string): Place {
    for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
      const place = this.#places.get(at)
      if (place) return place
    }
    return this.#places.get('') ?? { line: 1, column: 1 }
  }

  add(definition: Definition): void {
    const { name, path = '' } = definition
    const taken = this.definitions.get(name)
    if (taken) {
      const by = taken.path === undefined ? 'something computed' : taken.path
      this.problem('NAME_TAKEN', path, `the name ${name} is taken by ${by}; choose another`, { key: true })
      return
    }
    this.definitions.set(name, definition)
  }

  /** Reads a value as it stands in the file; undefined (and a problem) when it cannot be read. */
  read(value: PlanValue, path: string): Expr | undefined {
    const written = isSourced(value)
      ? ((value.given ?? value.assumed ?? value.measured) as string | number | (string | number)[])
      : (value as string | number | (string | number)[])
    const expr = readExpression(written, this.context)
    if (expr.ok) return expr.value
    const { code, message, offset, nearest: near } = expr.error
    this.problem(code, path, `${path}: ${message}`, { offset, nearest: near })
    return undefined
  }

  /** Defines a name by a value of the file. */
  value(
    name: string,
    value: PlanValue | undefined,
    path: string,
    options: DefineOptions & { expect?: Dimension } = {},
  ): boolean {
    if (value === undefined) return false
    const expr = this.read(value, path)
    if (!expr) return false
    const line = this.lineOf(path)
    this.add({
      name,
      expr,
      path,
      ...(line === undefined ? {} : { line }),
      ...this.#sourced(value, expr, path),
      ...options,
    })
    return true
  }

  #sourced(value: PlanValue, expr: Expr, path: string): DefineOptions {
    if (!isSourced(value)) return {}
    const standing: Standing = 'measured' in value ? 'measured' : 'assumed' in value ? 'assumed' : 'given'
    const { note, source } = value as { note?: string; source?: string }
    const remark = [note, source === undefined ? undefined : `from ${source}`]
      .filter((text) => text !== undefined)
      .join('; ')
    const more: DefineOptions = { standing, ...(remark === '' ? {} : { note: remark }) }
    if (value.typical === undefined) return more
    if (expr.kind !== 'literal') {
      this.problem(
        'BAD_VALUE',
        `${path}.typical`,
        `${path}.typical is only for a range; a formula has the typical value of its inputs`,
      )
      return more
    }
    const typical = this.read(value.typical as PlanValue, `${path}.typical`)
    return typical ? { ...more, typical } : more
  }

  /** Defines a name by one value or by named parts that add up; each part is `<name>.<part>`. */
  parts(
    name: string,
    value: PlanValue | Record<string, PlanValue> | undefined,
    path: string,
    options: DefineOptions,
  ): boolean {
    if (value === undefined) return false
    const isMap = typeof value === 'object' && !Array.isArray(value) && !isSourced(value)
    if (!isMap) return this.value(name, value as PlanValue, path, options)
    const names: string[] = []
    for (const [part, each] of Object.entries(value as Record<string, PlanValue>)) {
      if (this.value(`${name}.${part}`, each, `${path}.${part}`, options)) names.push(`${name}.${part}`)
    }
    if (names.length === 0) return false
    this.computed(name, names.join(' + '), { ...options, path })
    return true
  }

  /** Defines a name by a formula of this program. */
  computed(name: string, formula: string, options: DefineOptions = {}): void {
    const expr = parseExpression(formula, this.context)
    if (!expr.ok) throw new Error(`${name} = ${formula}: ${expr.error.message}`)
    this.add({ name, expr: expr.value, ...options })
  }

  /** Defines a name by a number of this program. */
  number(
    name: string,
    range: { low: number; high?: number; typical?: number },
    unit: string,
    options: DefineOptions = {},
  ): void {
    const expr = literalOf(range.low, range.high ?? range.low, unit, this.context)
    const typical =
      range.typical === undefined ? {} : { typical: literalOf(range.typical, range.typical, unit, this.context) }
    this.add({ name, expr, ...typical, ...options })
  }

  comparison(text: string, path: string): Comparison | undefined {
    const read = parseComparison(text, this.context)
    if (read.ok) return read.value
    this.problem(read.error.code, path, `${path}: ${read.error.message}`, {
      offset: read.error.offset,
      nearest: read.error.nearest,
    })
    return undefined
  }

  /** A name that must be one of some; a problem and false otherwise. */
  oneOf(name: string, valid: readonly string[], path: string, what: string): boolean {
    if (valid.includes(name)) return true
    const near = nearest(name, valid) ?? null
    const help =
      near !== null ? `did you mean ${near}?` : valid.length > 0 ? `there are ${valid.join(', ')}` : `the plan has none`
    this.problem('UNKNOWN_NAME', path, `${name} is not ${what}; ${help}`, { nearest: near })
    return false
  }

  /** What a resource is counted in; a problem when there is no such resource. */
  resource(name: string, path: string): DefineOptions & { expect: Dimension } {
    const resource = this.resources.get(name)
    if (resource) return { expect: 'resource', as: resource.dim, example: resource.example }
    const near = nearest(name, [...this.resources.keys()]) ?? null
    const help = near === null ? `declare it under resources: {${name}: ${name}}` : `did you mean ${near}?`
    this.problem('UNKNOWN_NAME', path, `${name} is not a resource; ${help}`, { nearest: near, key: true })
    return { expect: 'any' }
  }
}
