// One value of one key: from text, checked against the schema, masked for show. Pure.
import { err, ok, type Result } from '@parley/kernel'
import { Check, Errors } from 'typebox/value'
import type { ConfigKey } from './keys.ts'
import { nearest } from './mistakes.ts'

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, false: false, 1: true, 0: false }

/** What `text` of an environment variable or flag stands for; left as text when it does not fit, for the check to name. */
export function parseText(key: ConfigKey, text: string): unknown {
  switch (key.kind) {
    case 'integer':
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
    case 'boolean':
      return BOOLEANS[text.toLowerCase()] ?? text
    case 'strings':
      if (text.trimStart().startsWith('[')) return fromJson(text)
      return text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '')
    case 'objects':
      return text.trim() === '' ? [] : fromJson(text)
    default:
      return text
  }
}

/** `auth.keys[0].rol` from a JSON pointer `/0/rol`. */
const pointed = (key: ConfigKey, pointer: string): string =>
  key.path + pointer.replaceAll(/\/(\d+)/g, '[$1]').replaceAll('/', '.')

interface SchemaError {
  readonly keyword: string
  readonly instancePath: string
  readonly message: string
  readonly params: Readonly<Record<string, unknown>>
}

function fieldsOf(key: ConfigKey): string[] {
  const items = (key.schema as { items?: { properties?: object } }).items
  return Object.keys(items?.properties ?? {})
}

function describeError(key: ConfigKey, error: SchemaError): string {
  const where = pointed(key, error.instancePath)
  if (error.keyword === 'additionalProperties') {
    const unknown = (error.params.additionalProperties as readonly string[] | undefined) ?? []
    return unknown
      .map((name) => {
        const meant = nearest(name, fieldsOf(key))
        const help = meant === undefined ? `fields: ${fieldsOf(key).join(', ')}` : `did you mean ${meant}?`
        return `${where}.${name} is not a field; ${help}`
      })
      .join('; ')
  }
  if (error.keyword === 'enum') {
    return `${where} must be one of ${(error.params.allowedValues as readonly string[]).join(', ')}`
  }
  return `${where} ${error.message}`
}

/** `value` when it is what `key` may hold; otherwise the sentence that says what is wrong and what is allowed. */
export function checkValue(key: ConfigKey, value: unknown): Result<unknown, string> {
  if (Check(key.schema, value)) return ok(value)
  if (key.kind !== 'objects' || !Array.isArray(value)) {
    const unit = key.unit === undefined ? '' : ` (${key.unit})`
    const emptiness = key.kind === 'string' && value === '' ? ' that is not empty' : ''
    return err(`${key.path} is ${showValue(key, value)}; it must be ${key.allowed}${emptiness}${unit}`)
  }
  const errors = (Errors(key.schema, value) as unknown as SchemaError[]).filter((error) => error.keyword !== 'boolean')
  return err([...new Set(errors.map((error) => describeError(key, error)))].join('; '))
}

/** A value as a person reads it; secrets become `(set)` or `(empty)` unless `reveal`. */
export function showValue(key: ConfigKey, value: unknown, reveal = false): string {
  if (key.isSecret && !reveal) return value === '' ? '(empty)' : HIDDEN
  if (value === '') return '(empty)'
  if (key.secretFields.length > 0 && !reveal && !Array.isArray(value)) return '(hidden)'
  if (Array.isArray(value) && value.length === 0) return '(none)'
  if (typeof value === 'string') return value
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value.join(', ')
  return JSON.stringify(reveal ? value : maskedValue(key, value))
}

const HIDDEN = '(set, hidden)'

/** `value` with the secrets of `key` replaced by words; what does not look like its objects is hidden whole. */
export function maskedValue(key: ConfigKey, value: unknown): unknown {
  if (key.isSecret) return value === '' ? '' : HIDDEN
  if (key.secretFields.length === 0) return value
  if (!Array.isArray(value)) return HIDDEN
  return value.map((item: unknown) => {
    if (typeof item !== 'object' || item === null) return HIDDEN
    const masked = key.secretFields.filter((field) => field in item).map((field) => [field, HIDDEN])
    return { ...item, ...Object.fromEntries(masked) }
  })
}
