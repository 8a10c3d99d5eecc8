// What the address of a connection may say in place of a first message.
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError, shown } from '@parley/protocol'
import { type AsrConfig, decodeAsrCommand } from './asr-messages.ts'

/** For the host: it checks who comes. Never part of what an endpoint sees. */
const HOST_FIELDS: ReadonlySet<string> = new Set(['token'])
const TTS_FIELDS = ['voice', 'language'] as const
const MAX_VALUE_CHARS = 64

export type TtsWish = { readonly [Field in (typeof TTS_FIELDS)[number]]?: string }

/** The configuration in `?encoding=int16&sampleRateHz=8000&...`, undefined when there is none; the refusal names field and fix. */
export function asrConfigOf(query: URLSearchParams): Result<AsrConfig | undefined, ParleyError> {
  const fields = fieldsOf(query)
  if (fields.size === 0) return ok(undefined)
  const message: Record<string, unknown> = { type: 'config' }
  for (const [name, value] of fields) message[name] = typed(name, value)
  const decoded = decodeAsrCommand(JSON.stringify(message))
  if (!decoded.ok) return decoded
  return ok(decoded.value.type === 'config' ? decoded.value.config : undefined)
}

/** Voice and language in the address of a synthesis connection. */
export function ttsWishOf(query: URLSearchParams): Result<TtsWish, ParleyError> {
  const wish: { voice?: string; language?: string } = {}
  for (const [name, value] of fieldsOf(query)) {
    const field = TTS_FIELDS.find((candidate) => candidate === name)
    if (!field) {
      const message = `unknown field "${shown(name)}" in the address; remove it, or send it with each speech`
      return err(new ParleyError('UNKNOWN_FIELD', { field: shown(name), allowed: [...TTS_FIELDS], message }))
    }
    if (value === '' || value.length > MAX_VALUE_CHARS) {
      const message = `field "${field}" in the address must have 1 to ${MAX_VALUE_CHARS} characters`
      return err(new ParleyError('INVALID_FIELD', { field, value: shown(value), message }))
    }
    wish[field] = value
  }
  return ok(wish)
}

function fieldsOf(query: URLSearchParams): Map<string, string> {
  return new Map([...query].filter(([name]) => !HOST_FIELDS.has(name)))
}

/** An address has only text in it. */
function typed(name: string, value: string): unknown {
  if ((name === 'sampleRateHz' || name === 'sample_rate') && /^\d+$/.test(value)) return Number(value)
  if (name === 'partials' && (value === 'true' || value === 'false')) return value === 'true'
  return value
}
