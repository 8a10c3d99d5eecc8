// The body of /v1/audio/speech, in OpenAI's words -> what is to be said, and how it is sent. Pure.
import { err, ok, type Result } from '@parley/kernel'
import { type CreateSpeech, CreateSpeechSchema, compileCheck, ParleyError, shown } from '@parley/protocol'
import { MAX_TEXT_BYTES } from '../limits.ts'

export const SPEECH_FORMATS = ['wav', 'pcm', 'opus'] as const
export type SpeechFormat = (typeof SPEECH_FORMATS)[number]

/** OpenAI's own voices: whoever asks for one of them means "some voice". */
const FOREIGN_VOICES: ReadonlySet<string> = new Set(
  'alloy ash ballad coral echo fable onyx nova sage shimmer verse marin cedar'.split(' '),
)
const MIN_SPEED = 0.5
const MAX_SPEED = 2

export interface SpeechRequest {
  readonly text: string
  readonly format: SpeechFormat
  /** Undefined: the platform's first. */
  readonly voice: string | undefined
  readonly language: string | undefined
  readonly rateRatio: number
}

const check = compileCheck<CreateSpeech>(CreateSpeechSchema)

/** `voices`: names of the voices there are. */
export function readSpeechRequest(body: Buffer, voices: ReadonlySet<string>): Result<SpeechRequest, ParleyError> {
  const parsed = parse(body)
  if (!parsed.ok) return parsed
  const checked = check(parsed.value)
  if (!checked.ok) return checked
  const { input, voice, response_format = 'wav', speed = 1, stream_format = 'audio', language } = checked.value
  const format = SPEECH_FORMATS.find((candidate) => candidate === response_format)
  if (!format) return err(invalid('response_format', response_format, SPEECH_FORMATS))
  if (stream_format !== 'audio') return err(invalid('stream_format', stream_format, ['audio']))
  if (speed < MIN_SPEED || speed > MAX_SPEED) {
    const message = `field "speed" must be ${MIN_SPEED} to ${MAX_SPEED}, got ${speed}`
    return err(new ParleyError('INVALID_FIELD', { field: 'speed', value: String(speed), message }))
  }
  const bytes = Buffer.byteLength(input)
  if (input.trim() === '' || bytes > MAX_TEXT_BYTES) {
    const message = `the text is ${bytes} bytes long; 1 to ${MAX_TEXT_BYTES} can be said at a time`
    return err(new ParleyError('TEXT_INVALID', { field: 'input', message }))
  }
  const named = typeof voice === 'object' ? voice.id : voice
  const isForeign = named !== undefined && FOREIGN_VOICES.has(named) && !voices.has(named)
  return ok({ text: input, format, voice: isForeign ? undefined : named, language, rateRatio: speed })
}

function parse(body: Buffer): Result<unknown, ParleyError> {
  try {
    return ok(JSON.parse(body.toString('utf8')))
  } catch {
    return err(new ParleyError('BAD_REQUEST', { message: 'the body is not valid JSON' }))
  }
}

function invalid(field: string, value: string, allowed: readonly string[]): ParleyError {
  const message = `field "${field}" must be one of ${allowed.join(', ')}, got "${shown(value)}"`
  return new ParleyError('INVALID_FIELD', { field, value: shown(value), allowed, message })
}
