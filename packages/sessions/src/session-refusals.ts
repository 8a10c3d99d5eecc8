// What a session refuses its owner, in words. Pure.
import { err, ok, type Result } from '@parley/kernel'
import { type AudioFormat, ParleyError } from '@parley/protocol'
import { MAX_PENDING_FLUSHES } from './awaited-ends.ts'

/** May a client that sends `format` and has seen events up to `seq` go on? `ahead`: so many it may have seen beyond the newest known here. */
export function resumeFault(
  agreed: AudioFormat,
  format: AudioFormat,
  seq: number,
  { newest, ahead }: { readonly newest: number; readonly ahead: number },
): Result<void, ParleyError> {
  for (const name of ['codec', 'sampleRateHz', 'frameMs'] as const) {
    if (format[name] === agreed[name]) continue
    const message = `field "audio.${name}" must be ${agreed[name]}, as the session began, got ${format[name]}`
    const details = { field: `audio.${name}`, value: String(format[name]), allowed: [agreed[name]], message }
    return err(new ParleyError('INVALID_FIELD', details))
  }
  if (seq <= newest + ahead) return ok(undefined)
  const message = `field "resume.seq" is ${seq}, but the newest event of the session is ${newest}`
  return err(new ParleyError('INVALID_FIELD', { field: 'resume.seq', value: String(seq), message }))
}

/** `arrived`: seq of the last frame that has. */
export function endFault(lastSeq: number, arrived: number): ParleyError {
  const message = `field "lastSeq" is ${lastSeq}, but the last frame that arrived is ${arrived}`
  return new ParleyError('INVALID_FIELD', { field: 'lastSeq', value: String(lastSeq), allowed: [arrived], message })
}

export function tooManyEnds(): ParleyError {
  const message = `${MAX_PENDING_FLUSHES} audio.end are waiting for their answer`
  return new ParleyError('RATE_LIMITED', { message, retryAfterMs: 1_000 })
}
