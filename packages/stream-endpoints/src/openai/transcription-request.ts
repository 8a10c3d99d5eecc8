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

export function readTranscriptionForm(
  fields: readonly (readonly [name: string, value: string])[],
): Result<TranscriptionRequest, ParleyError> {
  let format: TranscriptionFormat = 'json'
  let language: string | undefined
  let isStream = false
  const granularities = new Set<Granularity>()
  for (const [name, value] of fields) {
    if (name === 'response_format') {
      const found = TRANSCRIPTION_FORMATS.find((candidate) => candidate === value)
      if (!found) return err(invalid(name, value, TRANSCRIPTION_FORMATS))
      format = found
    } else if (name === 'timestamp_granularities') {
      const found = GRANULARITIES.find((candidate) => candidate === value)
      if (!found) return err(invalid(name, value, GRANULARITIES))
      granularities.add(found)
    } else if (name === 'stream') {
      if (value !== 'true' && value !== 'false') return err(invalid(name, value, ['true', 'false']))
      isStream = value === 'true'
    } else if (name === 'language') {
      if (value.length > MAX_LANGUAGE_CHARS) return err(invalid(name, value, ['a BCP 47 tag such as en']))
      language = value === '' ? undefined : value
    } else if (!IGNORED.has(name)) {
      const message = `unknown field "${shown(name)}"; known: ${FIELDS.join(', ')}`
      return err(new ParleyError('UNKNOWN_FIELD', { field: shown(name), allowed: FIELDS, message }))
    }
  }
  if (granularities.size > 0 && format !== 'verbose_json') {
    const message = 'timestamp_granularities needs response_format verbose_json'
    return err(new ParleyError('INVALID_FIELD', { field: 'timestamp_granularities', message }))
  }
  if (isStream && format !== 'json' && format !== 'text') {
    return err(new ParleyError('INVALID_FIELD', { field: 'stream', message: `${format} cannot be streamed; use json` }))
  }
  return ok({
    format,
    language,
    granularities: granularities.size === 0 ? new Set(['segment']) : granularities,
    isStream,
  })
}

function invalid(field: string, value: string, allowed: readonly string[]): ParleyError {
  const message = `field "${field}" must be one of ${allowed.join(', ')}, got "${shown(value)}"`
  return new ParleyError('INVALID_FIELD', { field, value: shown(value), allowed, message })
}
