// The form of /v1/audio/transcriptions, in OpenAI's words -> what is to be done. Pure.
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError, shown } from '@parley/protocol'

export const TRANSCRIPTION_FORMATS = ['json', 'text', 'verbose_json', 'srt', 'vtt'] as const
export type TranscriptionFormat = (typeof TRANSCRIPTION_FORMATS)[number]
const GRANULARITIES = ['segment', 'word'] as const
type Granularity = (typeof GRANULARITIES)[number]

export interface TranscriptionRequest {
  readonly format: TranscriptionFormat
  /** BCP 47 tag; undefined: the platform's. */
  readonly language: string | undefined
  /** What verbose_json tells. */
  readonly granularities: ReadonlySet<Granularity>
  /** Events as it is recognised, in place of one answer. */
  readonly isStream: boolean
}

/** Accepted and not used: there is one model here, and nothing to prompt or to sample. */
const IGNORED: ReadonlySet<string> = new Set(['model', 'prompt', 'temperature', 'chunking_strategy', 'include'])
const FIELDS = ['file', 'language', 'response_format', 'stream', 'timestamp_granularities', ...IGNORED]
const MAX_LANGUAGE_CHARS = 35

type Pairs = readonly (readonly [name: string, value: string])[]

export function readTranscriptionForm(fields: Pairs): Result<TranscriptionRequest, ParleyError> {
  const unknown = fields.find(([name]) => !FIELDS.includes(name))
  if (unknown) {
    const field = shown(unknown[0])
    const message = `unknown field "${field}"; known: ${FIELDS.join(', ')}`
    return err(new ParleyError('UNKNOWN_FIELD', { field, allowed: FIELDS, message }))
  }
  const format = chosen(fields, 'response_format', TRANSCRIPTION_FORMATS)
  if (!format.ok) return format
  const granularities = chosen(fields, 'timestamp_granularities', GRANULARITIES)
  if (!granularities.ok) return granularities
  const stream = chosen(fields, 'stream', ['true', 'false'])
  if (!stream.ok) return stream
  const language = fields.findLast(([name]) => name === 'language')?.[1] ?? ''
  if (language.length > MAX_LANGUAGE_CHARS) return err(invalid('language', language, ['a BCP 47 tag such as en']))
  const request: TranscriptionRequest = {
    format: format.value.at(-1) ?? 'json',
    language: language === '' ? undefined : language,
    granularities: new Set(granularities.value.length === 0 ? ['segment'] : granularities.value),
    isStream: stream.value.at(-1) === 'true',
  }
  const refusal = unfit(request, granularities.value.length > 0)
  return refusal ? err(refusal) : ok(request)
}

/** The values of a field, all of them among `allowed`. */
function chosen<Value extends string>(
  fields: Pairs,
  field: string,
  allowed: readonly Value[],
): Result<Value[], ParleyError> {
  const values: Value[] = []
  for (const [name, value] of fields) {
    if (name !== field) continue
    const found = allowed.find((candidate) => candidate === value)
    if (!found) return err(invalid(field, value, allowed))
    values.push(found)
  }
  return ok(values)
}

function unfit({ format, isStream }: TranscriptionRequest, hasGranularities: boolean): ParleyError | undefined {
  if (hasGranularities && format !== 'verbose_json') {
    const message = 'timestamp_granularities needs response_format verbose_json'
    return new ParleyError('INVALID_FIELD', { field: 'timestamp_granularities', message })
  }
  if (!isStream || format === 'json' || format === 'text') return undefined
  return new ParleyError('INVALID_FIELD', { field: 'stream', message: `${format} cannot be streamed; use json` })
}

function invalid(field: string, value: string, allowed: readonly string[]): ParleyError {
  const message = `field "${field}" must be one of ${allowed.join(', ')}, got "${shown(value)}"`
  return new ParleyError('INVALID_FIELD', { field, value: shown(value), allowed, message })
}
