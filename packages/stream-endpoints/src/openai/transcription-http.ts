// POST /v1/audio/transcriptions: a form with a file in, its text out.
import type { Clock } from '@parley/kernel'
import { ParleyError } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import { openAudioFile } from '../audio-file.ts'
import type { RecogniseBackend } from '../backends.ts'
import { recogniseFile } from '../file-recognition.ts'
import { readForm } from '../form-upload.ts'
import type { HttpExchange } from '../http-exchange.ts'
import { openAiError } from '../http-refusal.ts'
import type { UploadShare } from '../upload.ts'
import { textOf, transcriptionAnswer, usageOf } from './transcription-answer.ts'
import { readTranscriptionForm } from './transcription-request.ts'

export interface FileEndpointContext {
  readonly clock: Clock
  readonly logger: Logger
  readonly connectionId: string
  readonly backend: RecogniseBackend
  readonly share: UploadShare
}

/** Resolves when the answer is written, or nobody waits for it any more. */
export async function serveTranscription(exchange: HttpExchange, context: FileEndpointContext): Promise<void> {
  const { clock, share, logger, connectionId, backend } = context
  const form = await readForm(exchange.request, 'file', { clock, share })
  if (!form) return
  if (!form.ok) return exchange.fail(form.error)
  const request = readTranscriptionForm(form.value.fields)
  if (!request.ok) return exchange.fail(request.error)
  if (!form.value.file) {
    return exchange.fail(new ParleyError('INVALID_FIELD', { field: 'file', message: 'field "file" is missing' }))
  }
  const file = await openAudioFile(form.value.file)
  if (!file.ok) return exchange.fail(ofFile(file.error))
  const { isStream, language } = request.value
  const stream = new TranscriptStream(exchange)
  const { signal } = exchange
  const wish = { clock, logger, connectionId, backend, file: file.value, language, signal }
  const transcript = await recogniseFile({
    ...wish,
    ...(isStream ? { onFinal: ({ text }) => stream.delta(text) } : {}),
  })
  if (!transcript) return
  if (!transcript.ok) return isStream ? stream.fail(ofFile(transcript.error)) : exchange.fail(ofFile(transcript.error))
  if (isStream) return stream.done(textOf(transcript.value.finals), usageOf(transcript.value))
  const { contentType, body } = transcriptionAnswer(transcript.value, request.value)
  exchange.send(contentType, body)
}

/** What is wrong with the audio is wrong with this field. */
function ofFile(error: ParleyError): ParleyError {
  const isAudio = error.code === 'AUDIO_FORMAT_UNSUPPORTED' || error.code === 'MESSAGE_TOO_LARGE'
  return isAudio ? new ParleyError(error.code, { ...error.details, message: error.message, field: 'file' }) : error
}

/** The answer as server-sent events: each utterance when it is final. */
class TranscriptStream {
  readonly #exchange: HttpExchange
  #isFirst = true

  constructor(exchange: HttpExchange) {
    this.#exchange = exchange
  }

  delta(text: string): void {
    this.#say({ type: 'transcript.text.delta', delta: this.#isFirst ? text : ` ${text}` })
    this.#isFirst = false
  }

  done(text: string, usage: object): void {
    this.#say({ type: 'transcript.text.done', text, usage })
    this.#exchange.response.end('data: [DONE]\n\n')
  }

  fail(error: ParleyError): void {
    if (this.#exchange.isBegun) {
      this.#say(openAiError(error))
      this.#exchange.response.end()
    } else this.#exchange.fail(error)
  }

  /** Finals of one recording are far too few to fill a socket that is not read. */
  #say(event: object): void {
    if (!this.#exchange.isBegun) this.#exchange.begin('text/event-stream; charset=utf-8')
    this.#exchange.response.write(`data: ${JSON.stringify(event)}\n\n`)
  }
}
