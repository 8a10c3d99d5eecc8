// POST /v1/listen: a recording in, its transcript out, in Deepgram's words.
import { createHash } from 'node:crypto'
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError } from '@parley/protocol'
import { type BareAudio, openAudioFile } from '../audio-file.ts'
import { type FileTranscript, recogniseFile } from '../file-recognition.ts'
import type { HttpExchange } from '../http-exchange.ts'
import { MAX_UPLOAD_BYTES } from '../limits.ts'
import type { FileEndpointContext } from '../openai/transcription-http.ts'
import { readBody } from '../upload.ts'
import { secondsOf } from '../word-times.ts'
import { alternativeOf, MODEL_INFO, MODEL_UUID, warningsOf } from './listen-messages.ts'
import type { ListenConfig } from './listen-query.ts'

/** Resolves when the answer is written, or nobody waits for it any more. */
export async function serveListenFile(
  exchange: HttpExchange,
  config: ListenConfig,
  context: FileEndpointContext,
): Promise<void> {
  const { clock, share, logger, connectionId, backend } = context
  const { signal, request } = exchange
  // The same path takes the address of a recording; whatever is at an address, this platform does not fetch it.
  if (/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    const message = 'recordings are not fetched from addresses; send the audio itself as the body'
    return exchange.fail(new ParleyError('UNSUPPORTED_MEDIA_TYPE', { field: 'url', message }))
  }
  const createdMs = clock.wallMs()
  const body = await readBody(request, { clock, share, maxBytes: MAX_UPLOAD_BYTES })
  if (!body) return
  if (!body.ok) return exchange.fail(body.error)
  const bare = bareAudio(config, body.value)
  if (!bare.ok) return exchange.fail(bare.error)
  const file = await openAudioFile(body.value, bare.value)
  if (!file.ok) return exchange.fail(file.error)
  const { language } = config
  const wish = { clock, logger, connectionId, backend, file: file.value, language, signal }
  const transcript = await recogniseFile(wish)
  if (!transcript) return
  if (!transcript.ok) return exchange.fail(transcript.error)
  const sha256 = createHash('sha256').update(body.value).digest('hex')
  exchange.json(listenAnswer(transcript.value, config, { requestId: exchange.requestId, sha256, createdMs }))
}

/** Undefined: it is in a container. Clients name an encoding for files that have a header too: the header is right. */
function bareAudio({ encoding, sampleRateHz }: ListenConfig, body: Buffer): Result<BareAudio | undefined, ParleyError> {
  const magic = body.toString('latin1', 0, 4)
  if (encoding === undefined || encoding === 'ogg-opus' || magic === 'RIFF' || magic === 'OggS') return ok(undefined)
  switch (encoding) {
    case 'linear16':
      return ok({ encoding: 'int16', sampleRateHz })
    case 'linear32':
      return ok({ encoding: 'float32', sampleRateHz })
    case 'mulaw':
    case 'alaw':
      return ok({ encoding, sampleRateHz })
    case 'opus': {
      const message = 'Opus packets need a container in a file; send them in Ogg'
      return err(new ParleyError('INVALID_FIELD', { field: 'encoding', value: encoding, message }))
    }
  }
}

interface AnswerFacts {
  readonly requestId: string
  readonly sha256: string
  readonly createdMs: number
}

/** Pure. */
export function listenAnswer(
  { finals, durationMs }: FileTranscript,
  config: Pick<ListenConfig, 'isPunctuated' | 'hasUtterances' | 'ignored' | 'tags'>,
  { requestId, sha256, createdMs }: AnswerFacts,
): object {
  const { isPunctuated, hasUtterances, ignored, tags } = config
  const text = finals.map((final) => final.text).join(' ')
  const utterances = finals.map(({ index, text: said, startMs, endMs, words = [] }) => ({
    id: `${requestId}-${index}`,
    start: secondsOf(startMs),
    end: secondsOf(endMs),
    channel: 0,
    ...alternativeOf(said, words, isPunctuated),
  }))
  const all = finals.flatMap(({ words = [] }) => words)
  return {
    metadata: {
      transaction_key: 'deprecated',
      request_id: requestId,
      sha256,
      created: new Date(createdMs).toISOString(),
      duration: secondsOf(durationMs),
      channels: 1,
      models: [MODEL_UUID],
      model_info: { [MODEL_UUID]: MODEL_INFO },
      ...(tags.length === 0 ? {} : { tags }),
      ...warningsOf(ignored),
    },
    results: {
      channels: [{ alternatives: [alternativeOf(text, all, isPunctuated)] }],
      ...(hasUtterances ? { utterances } : {}),
    },
  }
}
