// What the recognition endpoint finds wrong, in words.
import { ParleyError } from '@parley/protocol'
import { BYTES_PER_SAMPLE, type Encoding } from './sample-format.ts'

export function configTooLate(): ParleyError {
  const message = 'config comes once, before any audio; connect again for other settings'
  return new ParleyError('UNEXPECTED_MESSAGE', { field: 'type', value: 'config', message })
}

/** `when`: after or before what. */
export function audioUnused(bytes: number, when: 'after the end of the stream' | 'before a config that was accepted') {
  return new ParleyError('UNEXPECTED_MESSAGE', { message: `${bytes} bytes of audio came ${when}; they were not used` })
}

export function audioOverflow(): ParleyError {
  return new ParleyError('AUDIO_LIMIT_EXCEEDED', { message: 'more audio was sent than can wait here' })
}

export function cutSample(restBytes: number, encoding: Encoding): ParleyError {
  const message = `the audio ends within a sample: ${restBytes} bytes of the ${BYTES_PER_SAMPLE[encoding]} of one (${encoding}) have come`
  return new ParleyError('BAD_AUDIO_FRAME', { field: 'encoding', value: encoding, message })
}

export function flushUnanswered(kind: 'flush' | 'end', withinMs: number): ParleyError {
  return new ParleyError('SPEECH_LOST', { message: `recognition did not answer ${kind} within ${withinMs} ms` })
}

export function streamBroke(audioMs: number): ParleyError {
  const message = `recognition broke off; what is not final of the audio before ${Math.round(audioMs)} ms was not recognised`
  return new ParleyError('SPEECH_LOST', { message })
}

export function streamNotOpened(): ParleyError {
  return new ParleyError('SPEECH_UNAVAILABLE', { message: 'the stream could not be opened', retryAfterMs: 1_000 })
}
