// Text message -> checked value, with an error that names the field, the value and the fix.
import { err, ok, type Result } from '@parley/kernel'
import { type TObject, type TSchema, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { CLIENT_MESSAGES, type ClientMessage, type ClientMessageType, type ErrorMessage } from './client-messages.ts'
import { ERRORS, type ErrorCode, type ErrorDetails, ParleyError } from './error-codes.ts'

const MAX_SHOWN_CHARS = 80

/** A value cut to what fits in an error message. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  return text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}...` : text
}

interface Validator {
  Check(value: unknown): boolean
  Errors(value: unknown): { keyword: string; instancePath: string; params: object; message: string }[]
}

/** Compiled check of `schema` that answers with the first problem in the words of the catalogue. */
export function compileCheck<T>(schema: TSchema): (value: unknown) => Result<T, ParleyError> {
  const validator = Compile(schema) as unknown as Validator
  return (value) => (validator.Check(value) ? ok(value as T) : err(describe(validator.Errors(value), value)))
}

/** As `compileCheck`, for what a member one version ahead may have said: fields of the object that are not known are let pass. */
export function compileLooseCheck<T>(schema: TObject): (value: unknown) => Result<T, ParleyError> {
  return compileCheck<T>(Type.Object(schema.properties))
}

function describe(problems: ReturnType<Validator['Errors']>, value: unknown): ParleyError {
  const unknown = problems.find((problem) => problem.keyword === 'additionalProperties')
  if (unknown) {
    const names = (unknown.params as { additionalProperties?: string[] }).additionalProperties ?? []
    const field = joinPath(unknown.instancePath, names[0] ?? '')
    return new ParleyError('UNKNOWN_FIELD', { field, message: `unknown field "${field}"; remove it` })
  }
  const required = problems.find((problem) => problem.keyword === 'required')
  if (required) {
    const names = (required.params as { requiredProperties?: string[] }).requiredProperties ?? []
    const field = joinPath(required.instancePath, names[0] ?? '')
    return new ParleyError('INVALID_FIELD', { field, message: `field "${field}" is missing` })
  }
  const first = problems.find((problem) => problem.keyword !== 'boolean') ?? problems[0]
  const field = joinPath(first?.instancePath ?? '', '')
  const actual = shown(at(value, first?.instancePath ?? ''))
  return new ParleyError('INVALID_FIELD', {
    field,
    value: actual,
    message: `field "${field || 'message'}" ${first?.message ?? 'is invalid'}, got ${actual}`,
  })
}

function joinPath(instancePath: string, last: string): string {
  return [...instancePath.split('/').filter(Boolean), last].filter(Boolean).join('.')
}

function at(value: unknown, instancePath: string): unknown {
  let current = value
  for (const key of instancePath.split('/').filter(Boolean)) {
    if (typeof current !== 'object' || current === null) return undefined
    current = (current as Record<string, unknown>)[key]
  }
  return current
}

const clientChecks = Object.fromEntries(
  Object.entries(CLIENT_MESSAGES).map(([name, schema]) => [name, compileCheck<ClientMessage>(schema)]),
) as Record<ClientMessageType, (value: unknown) => Result<ClientMessage, ParleyError>>

/** Parses and checks one text message of a client. Never throws; the error carries the message's requestId if readable. */
export function decodeClientMessage(text: string): Result<ClientMessage, ParleyError> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return err(new ParleyError('BAD_REQUEST', { message: 'the message is not valid JSON' }))
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return err(new ParleyError('BAD_REQUEST', { message: 'the message must be a JSON object' }))
  }
  const { type, requestId } = value as { type?: unknown; requestId?: unknown }
  const echoed = typeof requestId === 'string' && requestId.length <= 64 ? { requestId } : {}
  if (typeof type !== 'string') {
    return err(new ParleyError('INVALID_FIELD', { field: 'type', message: 'field "type" must be a string', ...echoed }))
  }
  if (!Object.hasOwn(clientChecks, type)) {
    const allowed = Object.keys(CLIENT_MESSAGES)
    const message = `unknown message type "${shown(type)}"; known: ${allowed.join(', ')}`
    return err(new ParleyError('UNKNOWN_MESSAGE', { field: 'type', value: shown(type), allowed, message, ...echoed }))
  }
  const checked = clientChecks[type as ClientMessageType](value)
  if (checked.ok) return checked
  return err(new ParleyError(checked.error.code, { ...checked.error.details, ...echoed }))
}

/** The wire form of an error; `requestId` falls back to the one given. */
export function errorMessage(code: ErrorCode, details: ErrorDetails = {}): ErrorMessage {
  const { hop, retryable, title } = ERRORS[code]
  const message: ErrorMessage = { type: 'error', code, hop, message: details.message ?? title, retryable }
  if (details.retryAfterMs !== undefined) message.retryAfterMs = Math.ceil(details.retryAfterMs)
  if (details.requestId !== undefined) message.requestId = details.requestId
  if (details.field !== undefined) message.field = details.field
  if (details.value !== undefined) message.value = details.value
  if (details.allowed !== undefined) message.allowed = [...details.allowed]
  if (details.location !== undefined) message.location = details.location
  return message
}
