// Endpoints that clients of others speak to, as data: the members serve them by packages/stream-endpoints, docs/openapi.json lists them.
// Names and shapes are those of the protocols they come from.
import { type Static, type TSchema, Type } from 'typebox'
import type { ErrorCode } from './error-codes.ts'

const strict = { additionalProperties: false } as const
const Seconds = Type.Number({ minimum: 0 })
const Confidence = Type.Number({ minimum: 0, maximum: 1 })

export const CreateSpeechSchema = Type.Object(
  {
    input: Type.String({ description: 'Plain text' }),
    model: Type.Optional(Type.String({ maxLength: 256, description: 'Accepted, not used' })),
    voice: Type.Optional(
      Type.Union([Type.String({ maxLength: 64 }), Type.Object({ id: Type.String({ maxLength: 64 }) }, strict)], {
        description: "A name of GET /v1/voices; OpenAI's own names mean the platform's first voice",
      }),
    ),
    response_format: Type.Optional(
      Type.String({ description: 'wav (unless told), pcm (16 bit, 24 kHz, mono) or opus (in Ogg)' }),
    ),
    speed: Type.Optional(Type.Number({ description: '0.5 to 2; 1 unless told' })),
    stream_format: Type.Optional(Type.String({ description: 'audio' })),
    instructions: Type.Optional(Type.String({ description: 'Accepted, not used' })),
    language: Type.Optional(
      Type.String({ minLength: 1, maxLength: 35, description: 'BCP 47 tag, where no voice is named' }),
    ),
  },
  { ...strict, $id: 'CreateSpeech' },
)
export type CreateSpeech = Static<typeof CreateSpeechSchema>

const CreateTranscriptionSchema = Type.Object(
  {
    file: Type.String({ format: 'binary', description: 'WAV, or Opus in Ogg; at most 25 MiB and one hour' }),
    model: Type.Optional(Type.String({ description: 'Accepted, not used' })),
    language: Type.Optional(Type.String({ description: 'BCP 47 tag' })),
    response_format: Type.Optional(Type.Enum(['json', 'text', 'verbose_json', 'srt', 'vtt'])),
    'timestamp_granularities[]': Type.Optional(Type.Array(Type.Enum(['segment', 'word']))),
    stream: Type.Optional(Type.Boolean({ description: 'Server-sent events as it is recognised' })),
  },
  { $id: 'CreateTranscription' },
)

const TranscriptionSchema = Type.Object(
  {
    text: Type.String(),
    task: Type.Optional(Type.Literal('transcribe')),
    language: Type.Optional(Type.String()),
    duration: Type.Optional(Seconds),
    segments: Type.Optional(
      Type.Array(
        Type.Object({
          id: Type.Integer(),
          seek: Type.Integer(),
          start: Seconds,
          end: Seconds,
          text: Type.String(),
          tokens: Type.Array(Type.Integer()),
          temperature: Type.Number(),
          avg_logprob: Type.Optional(Type.Number({ description: "Mean logarithm of the words' own probabilities" })),
        }),
      ),
    ),
    words: Type.Optional(Type.Array(Type.Object({ word: Type.String(), start: Seconds, end: Seconds }))),
    usage: Type.Object({ type: Type.Literal('duration'), seconds: Type.Number() }),
  },
  { $id: 'Transcription', description: 'json; verbose_json has the optional fields too.' },
)

const ListenAlternative = Type.Object({
  transcript: Type.String(),
  confidence: Confidence,
  words: Type.Array(
    Type.Object({
      word: Type.String(),
      start: Seconds,
      end: Seconds,
      confidence: Confidence,
      punctuated_word: Type.Optional(Type.String()),
    }),
  ),
})

const ListenResponseSchema = Type.Object(
  {
    metadata: Type.Object({
      request_id: Type.String(),
      sha256: Type.String(),
      created: Type.String(),
      duration: Seconds,
      channels: Type.Literal(1),
    }),
    results: Type.Object({ channels: Type.Array(Type.Object({ alternatives: Type.Array(ListenAlternative) })) }),
  },
  { $id: 'ListenResponse' },
)

const ListenQuerySchema = Type.Object({
  encoding: Type.Optional(
    Type.Enum(['linear16', 'linear32', 'mulaw', 'alaw', 'ogg-opus'], { description: 'Of audio without a container' }),
  ),
  sample_rate: Type.Optional(Type.Integer({ minimum: 8_000, maximum: 48_000 })),
  language: Type.Optional(Type.String({ description: 'BCP 47 tag' })),
  punctuate: Type.Optional(Type.Boolean({ description: 'Casing and punctuation; smart_format asks for them too' })),
  utterances: Type.Optional(Type.Boolean()),
})

const OpenAiErrorSchema = Type.Object(
  {
    error: Type.Object({
      message: Type.String(),
      type: Type.String(),
      param: Type.Union([Type.String(), Type.Null()]),
      code: Type.String(),
    }),
  },
  { $id: 'OpenAiError' },
)
const DeepgramErrorSchema = Type.Object(
  { err_code: Type.String(), err_msg: Type.String(), request_id: Type.String() },
  { $id: 'DeepgramError' },
)

/** Bodies by media type. */
type Bodies = Readonly<Record<string, TSchema>>

export interface SpeechOperation {
  readonly id: string
  readonly path: string
  readonly summary: string
  readonly query?: TSchema
  readonly request: Bodies
  readonly response: Bodies
  /** What refusals look like. */
  readonly problem: TSchema
  readonly errors: readonly ErrorCode[]
}

const Binary = Type.String({ format: 'binary' })
const COMMON_ERRORS = [
  'BAD_REQUEST',
  'INVALID_FIELD',
  'UNKNOWN_FIELD',
  'UNAUTHENTICATED',
  'ORIGIN_REFUSED',
  'REQUEST_TIMEOUT',
  'MESSAGE_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'TOO_MANY_CONNECTIONS',
  'RATE_LIMITED',
  'NO_SLOT',
  'SPEECH_UNAVAILABLE',
  'DRAINING',
] as const satisfies ErrorCode[]

/** All are POST. */
export const SPEECH_OPERATIONS: readonly SpeechOperation[] = [
  {
    id: 'listenFile',
    path: '/v1/listen',
    summary: "Text of a recording, as Deepgram's clients ask for it. The same path is a WebSocket for live audio.",
    query: ListenQuerySchema,
    request: { 'audio/*': Binary, 'application/octet-stream': Binary },
    response: { 'application/json': ListenResponseSchema },
    problem: DeepgramErrorSchema,
    errors: [...COMMON_ERRORS, 'AUDIO_FORMAT_UNSUPPORTED', 'LANGUAGE_UNSUPPORTED', 'SPEECH_LOST'],
  },
  {
    id: 'createSpeech',
    path: '/v1/audio/speech',
    summary: "A text as audio, while it is made; as OpenAI's clients ask for it.",
    request: { 'application/json': CreateSpeechSchema },
    response: { 'audio/wav': Binary, 'audio/pcm': Binary, 'audio/ogg': Binary },
    problem: OpenAiErrorSchema,
    errors: [...COMMON_ERRORS, 'VOICE_UNKNOWN', 'LANGUAGE_UNSUPPORTED', 'TEXT_INVALID', 'SYNTHESIS_FAILED'],
  },
  {
    id: 'createTranscription',
    path: '/v1/audio/transcriptions',
    summary: "Text of a recording, as OpenAI's clients ask for it.",
    request: { 'multipart/form-data': CreateTranscriptionSchema },
    response: {
      'application/json': TranscriptionSchema,
      'text/plain': Type.String(),
      'text/event-stream': Type.String(),
    },
    problem: OpenAiErrorSchema,
    errors: [...COMMON_ERRORS, 'AUDIO_FORMAT_UNSUPPORTED', 'LANGUAGE_UNSUPPORTED', 'SPEECH_LOST'],
  },
]
