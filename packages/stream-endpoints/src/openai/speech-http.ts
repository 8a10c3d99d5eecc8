// POST /v1/audio/speech: a text in, its audio out while it is made, as fast as the client takes it.
import { type Clock, Scope } from '@parley/kernel'
import type { Logger } from '@parley/telemetry'
import type { SynthesiseBackend } from '../backends.ts'
import type { HttpExchange } from '../http-exchange.ts'
import { MAX_JSON_BYTES, STALL_MS } from '../limits.ts'
import { SpeechOutlet } from '../speech-outlet.ts'
import type { SpeakCommand } from '../tts-messages.ts'
import { TtsSpeech } from '../tts-speech.ts'
import { readBody, type UploadShare } from '../upload.ts'
import { openEncoding, SPEECH_RATE_HZ, type SpeechEncoding } from './speech-encoding.ts'
import { readSpeechRequest, type SpeechRequest } from './speech-request.ts'

export interface SpeechEndpointContext {
  readonly clock: Clock
  readonly logger: Logger
  readonly connectionId: string
  readonly backend: SynthesiseBackend
  readonly share: UploadShare
}

/** Resolves when the answer is written, or nobody waits for it any more; the slot is free then. */
export async function serveSpeech(exchange: HttpExchange, context: SpeechEndpointContext): Promise<void> {
  const { clock, share, backend } = context
  const body = await readBody(exchange.request, { clock, share, maxBytes: MAX_JSON_BYTES })
  if (!body) return
  if (!body.ok) return exchange.fail(body.error)
  const request = readSpeechRequest(body.value, new Set(backend.voices().map(({ name }) => name)))
  if (!request.ok) return exchange.fail(request.error)
  const encoding = await openEncoding(request.value.format)
  if (!encoding.ok) return exchange.fail(encoding.error)
  const scope = new Scope(clock)
  try {
    await say(exchange, context, request.value, encoding.value, scope)
  } finally {
    encoding.value.close()
    await scope.close()
  }
}

async function say(
  exchange: HttpExchange,
  { clock, logger, connectionId, backend }: SpeechEndpointContext,
  request: SpeechRequest,
  encoding: SpeechEncoding,
  scope: Scope,
): Promise<void> {
  const { response, signal } = exchange
  const outlet = new SpeechOutlet({
    clock,
    scope,
    bufferedBytes: () => response.writableLength,
    stallMs: STALL_MS,
    onStalled: () => response.destroy(),
  })
  const write = (bytes: Uint8Array) => {
    if (bytes.byteLength > 0) response.write(bytes, () => outlet.wake())
  }
  /** Nothing is said before the first audio: what goes wrong until then has a status of its own. */
  const begin = () => {
    if (exchange.isBegun) return
    exchange.begin(encoding.contentType)
    write(encoding.head())
  }
  const send = (pcm: Uint8Array) => {
    begin()
    write(encoding.encode(pcm))
  }
  const speech = new TtsSpeech(commandOf(request), 0, { clock, logger, connectionId, backend, outlet, send })
  signal.addEventListener('abort', () => speech.cancel(), { once: true })
  if (signal.aborted) return
  const outcome = await speech.say(() => {})
  if (signal.aborted) return
  if (outcome.kind === 'failed') return exchange.fail(outcome.error)
  begin()
  write(encoding.end())
  response.end()
}

function commandOf({ text, voice, language, rateRatio }: SpeechRequest): SpeakCommand {
  return {
    type: 'speak',
    text,
    rateRatio,
    encoding: 'int16',
    sampleRateHz: SPEECH_RATE_HZ,
    framing: 'none',
    ignored: [],
    ...(voice === undefined ? {} : { voice }),
    ...(language === undefined ? {} : { language }),
  }
}
