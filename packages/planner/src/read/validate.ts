// Compares data with the schema of the plan file: keys, kinds, required parts. Whether quantities make sense is not decided here.
import { type Dimension, PlanFileSchema } from '../plan-file.ts'
import type { PlanProblemCode } from '../result.ts'
import { nearest } from '../units/nearest.ts'
import { joinPath, keyPlace } from './document.ts'

/** What of a JSON schema this reads. */
export interface SchemaNode {
  readonly type?: string
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>
  readonly required?: readonly string[]
  readonly items?: SchemaNode
  readonly anyOf?: readonly SchemaNode[]
  readonly const?: unknown
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly quantity?: Dimension
  readonly parts?: boolean
  readonly description?: string
}

export interface Mistake {
  readonly code: PlanProblemCode
  readonly path: string
  /** Key of `places`; the path unless it is about a key. */
  readonly place: string
  readonly message: string
  readonly nearest: string | null
}

type Report = (
  code: PlanProblemCode,
  path: string,
  message: string,
  more?: { place?: string; nearest?: string },
) => void

const isMapping = (data: unknown): data is Record<string, unknown> =>
  typeof data === 'object' && data !== null && !Array.isArray(data)

const SOURCED = ['given', 'assumed', 'measured', 'typical', 'note', 'source']

/** A mapping that is a value with its standing, not parts or options. */
export const isSourced = (data: unknown): data is Record<string, unknown> =>
  isMapping(data) && ['given', 'assumed', 'measured'].some((key) => key in data)

const shown = (data: unknown): string => {
  const text = typeof data === 'string' ? data : JSON.stringify(data)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

function checkBare(data: unknown, path: string, report: Report): void {
  if (typeof data === 'string' || typeof data === 'number') return
  if (Array.isArray(data)) {
    const fits = data.length === 2 && data.every((end) => typeof end === 'string' || typeof end === 'number')
    if (!fits) report('BAD_VALUE', path, `${path} is ${shown(data)}; a range is [lowest, highest]`)
    return
  }
  const what = data === null || data === undefined ? 'empty' : shown(data)
  report('BAD_VALUE', path, `${path} is ${what}; write a value with its unit (50 MB), a range (5..10 MB) or a formula`)
}

function checkSourced(data: Record<string, unknown>, path: string, report: Report): void {
  const standings = ['given', 'assumed', 'measured'].filter((key) => key in data)
  if (standings.length !== 1) {
    report('BAD_VALUE', path, `${path} has ${standings.join(' and ')}; a value is one of given, assumed and measured`)
  }
  for (const [key, part] of Object.entries(data)) {
    const at = joinPath(path, key)
    if (!SOURCED.includes(key)) unknownKey(key, SOURCED, path, report)
    else if (key === 'note' || key === 'source') {
      if (typeof part !== 'string') report('BAD_VALUE', at, `${at} must be a text`)
    } else checkBare(part, at, report)
  }
}

function unknownKey(key: string, valid: readonly string[], path: string, report: Report): void {
  const at = joinPath(path, key)
  const near = nearest(key, valid)
  const help = near === undefined ? `known here: ${valid.join(', ')}` : `did you mean ${near}?`
  const where = path === '' ? 'of a plan' : `of ${path}`
  report('UNKNOWN_KEY', at, `${key} is not a key ${where}; ${help}`, {
    place: keyPlace(at),
    ...(near === undefined ? {} : { nearest: near }),
  })
}

function checkValue(schema: SchemaNode, data: unknown, path: string, report: Report): void {
  if (isSourced(data)) {
    checkSourced(data, path, report)
    return
  }
  if (!isMapping(data)) {
    checkBare(data, path, report)
    return
  }
  if (schema.parts === true) {
    for (const [part, value] of Object.entries(data)) {
      const at = joinPath(path, part)
      checkName(part, '^[A-Za-z][A-Za-z0-9_]*(-[A-Za-z0-9_]+)*$', at, report)
      checkValue({}, value, at, report)
    }
    return
  }
  const near = Object.keys(data).map((key) => nearest(key, SOURCED))[0]
  report(
    'BAD_VALUE',
    path,
    `${path} is ${shown(data)}; write a value, or {given: ...}, {assumed: ...} or {measured: ...}`,
    {
      ...(near === undefined ? {} : { nearest: near }),
    },
  )
}

/** In { } and [ ] of YAML a comma ends a value: `$1,000` there is `$1` and a key `000`. */
const COMMA = /^\d{3}(\D.*)?$/

function checkName(name: string, pattern: string, path: string, report: Report): void {
  if (new RegExp(pattern).test(name)) return
  if (COMMA.test(name)) {
    report(
      'BAD_VALUE',
      path,
      `${name} stands alone: inside { } a comma ends a value; leave it out of the number or quote it`,
      { place: keyPlace(path) },
    )
    return
  }
  const rule = pattern.startsWith('^[0-9')
    ? 'a number'
    : pattern.startsWith('^[A-Z]{3}')
      ? 'a currency code of three capital letters'
      : pattern.startsWith('^[0-9]{4}')
        ? 'a month as 2027-01'
        : 'a letter first, then letters, digits and hyphens between them'
  report('BAD_VALUE', path, `${name} cannot be a name here: it must be ${rule}`, { place: keyPlace(path) })
}

function notMapping(schema: SchemaNode, data: unknown, path: string): string {
  const keys = Object.keys(schema.properties ?? {})
  const listed = `keys (${keys.slice(0, 8).join(', ')}${keys.length > 8 ? ' ...' : ''})`
  const holds = keys.length > 0 ? listed : 'names with values'
  return `${path || 'the file'} is ${data === null ? 'empty' : shown(data)}; it must hold ${holds}`
}

function checkMapping(schema: SchemaNode, data: unknown, path: string, report: Report): void {
  if (!isMapping(data)) {
    report('BAD_VALUE', path, notMapping(schema, data, path))
    return
  }
  const properties = schema.properties ?? {}
  const pattern = Object.entries(schema.patternProperties ?? {})[0]
  for (const [key, part] of Object.entries(data)) {
    const at = joinPath(path, key)
    const known = Object.hasOwn(properties, key) ? properties[key] : undefined
    if (known) check(known, part, at, report)
    else if (pattern) {
      checkName(key, pattern[0], at, report)
      check(pattern[1], part, at, report)
    } else unknownKey(key, Object.keys(properties), path, report)
  }
  for (const key of (schema.required ?? []).filter((each) => !(each in data))) {
    const what = properties[key]?.description ?? ''
    report('MISSING_KEY', path, `${path === '' ? 'the plan' : path} has no ${key}: ${what}`, { nearest: key })
  }
}

const kindOf = (data: unknown): string =>
  Array.isArray(data) ? 'array' : data === null ? 'null' : typeof data === 'object' ? 'object' : typeof data

function accepts(schema: SchemaNode, data: unknown): boolean {
  if (schema.quantity !== undefined) return !isMapping(data) || isSourced(data)
  if (schema.const !== undefined) return schema.const === data
  if (schema.type === 'integer') return typeof data === 'number' && Number.isInteger(data)
  return schema.type === kindOf(data)
}

function checkScalar(schema: SchemaNode, data: unknown, path: string, report: Report): void {
  const fail = (rule: string) => report('BAD_VALUE', path, `${path} is ${shown(data)}; it must be ${rule}`)
  if (schema.type === 'string') {
    if (typeof data !== 'string') fail('a text')
    else if (schema.pattern !== undefined && !new RegExp(schema.pattern).test(data)) {
      fail(
        schema.pattern.startsWith('^[0-9]{4}')
          ? 'a month as 2027-01'
          : 'a letter first, then letters, digits and hyphens between them',
      )
    }
    return
  }
  const { minimum = -Infinity, maximum = Infinity } = schema
  const whole = schema.type === 'integer'
  if (typeof data !== 'number' || (whole && !Number.isInteger(data)) || data < minimum || data > maximum) {
    const top = maximum === Infinity ? '' : `, at most ${maximum}`
    fail(`a ${whole ? 'whole ' : ''}number${minimum === -Infinity ? '' : `, at least ${minimum}`}${top}`)
  }
}

function checkOneOf(
  alternatives: readonly SchemaNode[],
  schema: SchemaNode,
  data: unknown,
  path: string,
  report: Report,
): void {
  const alternative = alternatives.find((each) => accepts(each, data))
  if (alternative) {
    check(alternative, data, path, report)
    return
  }
  const words = alternatives.flatMap((each) => (each.const === undefined ? [] : [String(each.const)]))
  const near = typeof data === 'string' ? nearest(data, words) : undefined
  const rule = words.length > 0 ? `one of ${words.join(', ')}` : (schema.description ?? 'something else')
  const message = `${path} is ${data === null ? 'empty' : shown(data)}; it must be ${rule}`
  report('BAD_VALUE', path, message, near === undefined ? {} : { nearest: near })
}

function checkList(schema: SchemaNode, data: unknown, path: string, report: Report): void {
  if (!Array.isArray(data)) {
    report('BAD_VALUE', path, `${path} must be a list`)
    return
  }
  const least = schema.minItems ?? 0
  if (data.length < least) report('BAD_VALUE', path, `${path} must have at least ${least} entries`)
  for (const [index, item] of data.entries()) check(schema.items ?? {}, item, joinPath(path, index), report)
}

/** Reports where data differs from the schema. */
function check(schema: SchemaNode, data: unknown, path: string, report: Report): void {
  if (schema.quantity !== undefined) checkValue(schema, data, path, report)
  else if (schema.anyOf) checkOneOf(schema.anyOf, schema, data, path, report)
  else if (schema.type === 'object') checkMapping(schema, data, path, report)
  else if (schema.type === 'array') checkList(schema, data, path, report)
  else checkScalar(schema, data, path, report)
}

/** Every mistake of the shape; empty when `data` is a PlanFile. */
export function shapeMistakes(data: unknown): Mistake[] {
  const mistakes: Mistake[] = []
  check(PlanFileSchema as unknown as SchemaNode, data, '', (code, path, message, more) =>
    mistakes.push({ code, path, place: more?.place ?? path, message, nearest: more?.nearest ?? null }),
  )
  return mistakes
}
