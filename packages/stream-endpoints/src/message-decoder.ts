// Text of a client -> checked message, by a table of the types there are. Never throws.
import { err, ok, type Result } from '@parley/kernel'
import { compileCheck, ParleyError, shown } from '@parley/protocol'
import type { Static, TSchema } from 'typebox'

/** One type of message: its shape on the wire, and what becomes of it. `read` may refuse with an error of the catalogue. */
export interface MessageKind<Message> {
  readonly schema: TSchema
  read(value: never): Message | ParleyError
}

export function messageKind<Schema extends TSchema, Message>(
  schema: Schema,
  read: (value: Static<Schema>) => Message | ParleyError,
): MessageKind<Message> {
  return { schema, read: read as (value: never) => Message | ParleyError }
}

export type MessageDecoder<Message> = (text: string) => Result<Message, ParleyError>

/** A decoder of exactly `kinds`. Its errors name field, value and fix, and carry the message's requestId where it can be read. */
export function createMessageDecoder<Message>(
  kinds: Readonly<Record<string, MessageKind<Message>>>,
): MessageDecoder<Message> {
  const readers = new Map(Object.entries(kinds).map(([type, kind]) => [type, readerOf(kind)]))
  return (text) => {
    const parsed = parse(text)
    if (!parsed.ok) return parsed
    const { type, requestId } = parsed.value
    const echoed = typeof requestId === 'string' && requestId.length <= 64 ? { requestId } : {}
    if (typeof type !== 'string') {
      const message = 'field "type" must be a string'
      return err(new ParleyError('INVALID_FIELD', { field: 'type', message, ...echoed }))
    }
    const reader = readers.get(type)
    if (!reader) {
      const allowed = [...readers.keys()]
      const message = `unknown message type "${shown(type)}"; known: ${allowed.join(', ')}`
      return err(new ParleyError('UNKNOWN_MESSAGE', { field: 'type', value: shown(type), allowed, message, ...echoed }))
    }
    const read = reader(parsed.value)
    return read.ok ? read : err(new ParleyError(read.error.code, { ...read.error.details, ...echoed }))
  }
}

function readerOf<Message>(kind: MessageKind<Message>): (value: unknown) => Result<Message, ParleyError> {
  const check = compileCheck<never>(kind.schema)
  return (value) => {
    const checked = check(value)
    if (!checked.ok) return checked
    const message = kind.read(checked.value)
    return message instanceof ParleyError ? err(message) : ok(message)
  }
}

function parse(text: string): Result<Record<string, unknown>, ParleyError> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return err(new ParleyError('BAD_REQUEST', { message: 'the message is not valid JSON' }))
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return err(new ParleyError('BAD_REQUEST', { message: 'the message must be a JSON object' }))
  }
  return ok(value as Record<string, unknown>)
}
