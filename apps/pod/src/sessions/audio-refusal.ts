// The words for an audio format nobody here understands.
import { type AudioFormatProblem, CODECS, type ErrorDetails, type ParleyError } from '@parley/protocol'

export function unsupportedFormat({ field, value, allowed }: AudioFormatProblem): ErrorDetails {
  const message = `audio.${field} ${value} is not supported; use one of ${allowed.join(', ')}`
  return { field: `audio.${field}`, value: String(value), allowed, message }
}

/**
 * A codec that is not in the schema is no malformed message but a format we do not take: same code and words as for an
 * unsupported rate. Undefined when `error` is about something else.
 */
export function unknownCodec(error: ParleyError): ErrorDetails | undefined {
  const { field, value, requestId } = error.details
  if (error.code !== 'INVALID_FIELD' || field !== 'audio.codec' || value === undefined) return undefined
  return {
    ...unsupportedFormat({ field: 'codec', value, allowed: CODECS }),
    ...(requestId === undefined ? {} : { requestId }),
  }
}
