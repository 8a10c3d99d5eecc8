// The second line of defence against secrets and speech in logs. The first is not to log them; this catches slips.

const MASK = '[redacted]'
/** Field names that never reach a log, whatever their case and wherever they are nested. */
const SECRET_FIELDS = new Set([
  'token',
  'ticket',
  'key',
  'apikey',
  'secret',
  'fleetsecret',
  'password',
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'text',
  'pagecode',
])
/** API keys and signed tokens give themselves away by their shape. */
const SECRET_SHAPES = /\bpk_[0-9a-z]{12,}|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g
const MAX_DEPTH = 6

/** The text with whatever looks like a key or token masked. */
export function maskSecrets(text: string): string {
  return text.includes('pk_') || text.includes('eyJ') ? text.replace(SECRET_SHAPES, MASK) : text
}

/** A copy of `fields` fit for a log: secret fields masked, errors flattened, nesting beyond six levels cut. */
export function redact(fields: object): Record<string, unknown> {
  return redactObject(fields, MAX_DEPTH, new Set())
}

function redactObject(fields: object, depth: number, above: Set<object>): Record<string, unknown> {
  const clean: Record<string, unknown> = {}
  above.add(fields)
  for (const [name, value] of Object.entries(fields)) {
    clean[name] = SECRET_FIELDS.has(name.toLowerCase()) && value !== undefined ? MASK : redactValue(value, depth, above)
  }
  above.delete(fields)
  return clean
}

function redactValue(value: unknown, depth: number, above: Set<object>): unknown {
  if (typeof value === 'string') return maskSecrets(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth === 0 || above.has(value)) return '[deep]'
  if (value instanceof Error) return flattenError(value, depth, above)
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (Array.isArray(value)) return value.map((item) => redactValue(item, depth - 1, above))
  return redactObject(value, depth - 1, above)
}

/** Type, code, message, stack and cause only: other members of an error may hold what was sent. */
function flattenError(error: Error, depth: number, above: Set<object>): Record<string, unknown> {
  const { code } = error as { code?: unknown }
  above.add(error)
  const flat: Record<string, unknown> = {
    type: error.name,
    message: maskSecrets(error.message),
    stack: maskSecrets(error.stack ?? ''),
  }
  if (typeof code === 'string') flat.code = code
  if (error.cause !== undefined) flat.cause = redactValue(error.cause, depth - 1, above)
  if (error instanceof AggregateError) flat.errors = redactValue(error.errors, depth - 1, above)
  above.delete(error)
  return flat
}
