// The audio format of a session: what was asked for, if there is such a one.
import { type AudioFormat, checkAudioFormat } from '@parley/protocol'
import { ParleyClientError } from './errors.ts'
import { DEFAULT_AUDIO, type SessionOptions } from './session-types.ts'

/** Throws AUDIO_FORMAT_UNSUPPORTED with what is possible. */
export function resolveAudio(options: SessionOptions): AudioFormat {
  const checked = checkAudioFormat(options.audio ?? DEFAULT_AUDIO)
  if (checked.ok) return checked.value
  const { field, value, allowed } = checked.error
  const detail = `audio.${field} ${value} is not supported; possible: ${allowed.join(', ')}`
  throw new ParleyClientError('AUDIO_FORMAT_UNSUPPORTED', { detail, field: `audio.${field}`, allowed })
}
