// The recognition endpoint's messages, both ways. Names that the clients of comparable servers use are read too.
import { ABANDON_REASONS, ParleyError } from '@parley/protocol'
import { type Static, Type } from 'typebox'
import {
  EncodingField,
  LanguageField,
  OptionalRequestId,
  PingSchema,
  PongSchema,
  SampleRateField,
  ServerClosingSchema,
  ServerErrorSchema,
  ServerPingSchema,
  ServerPongSchema,
  strict,
  Unused,
} from './common-messages.ts'
import { MAX_MESSAGE_BYTES } from './limits.ts'
import { createMessageDecoder, messageKind } from './message-decoder.ts'
import type { Encoding, SampleRateHz } from './sample-format.ts'

export interface AsrConfig {
  readonly requestId?: string
  readonly encoding: Encoding
  readonly sampleRateHz: SampleRateHz
  /** Undefined: the platform's. */
  readonly language?: string
  readonly partials: boolean
  /** Fields that were given and are not used here. */
  readonly ignored: readonly string[]
}

/** What a client that sends audio without a word of configuration means. */
export const ASR_DEFAULTS: AsrConfig = { encoding: 'float32', sampleRateHz: 16_000, partials: true, ignored: [] }

export type AsrCommand =
  | { readonly type: 'config'; readonly config: AsrConfig }
  /** Recognise what was sent so far. */
  | { readonly type: 'flush'; readonly requestId?: string }
  /** The same, and no more will come. */
  | { readonly type: 'end'; readonly requestId?: string }
  /** Forget what was sent and not recognised. */
  | { readonly type: 'reset'; readonly requestId?: string }
  | { readonly type: 'ping'; readonly id?: number; readonly requestId?: string }
  | { readonly type: 'pong' }

const UNUSED_FIELDS = ['model', 'vad_threshold', 'beam_size'] as const

const ConfigSchema = Type.Object(
  {
    type: Type.Literal('config'),
    requestId: OptionalRequestId,
    encoding: Type.Optional(EncodingField),
    sampleRateHz: Type.Optional(SampleRateField),
    sample_rate: Type.Optional(SampleRateField),
    language: Type.Optional(LanguageField),
    partials: Type.Optional(Type.Boolean()),
    model: Unused,
    vad_threshold: Unused,
    enable_timestamps: Unused,
    beam_size: Unused,
  },
  strict,
)

function readConfig(value: Static<typeof ConfigSchema>): AsrCommand | ParleyError {
  const { requestId, encoding, sampleRateHz, sample_rate, language, partials } = value
  if (sampleRateHz !== undefined && sample_rate !== undefined && sampleRateHz !== sample_rate) {
    const message = `sampleRateHz says ${sampleRateHz} and sample_rate ${sample_rate}; send one of them`
    return new ParleyError('INVALID_FIELD', { field: 'sample_rate', message })
  }
  const config: AsrConfig = {
    encoding: encoding ?? ASR_DEFAULTS.encoding,
    sampleRateHz: sampleRateHz ?? sample_rate ?? ASR_DEFAULTS.sampleRateHz,
    partials: partials ?? true,
    ignored: UNUSED_FIELDS.filter((field) => value[field] !== undefined),
    ...(requestId === undefined ? {} : { requestId }),
    // "auto" asks a server to guess; here that is the platform's language.
    ...(language === undefined || language === 'auto' ? {} : { language }),
  }
  return { type: 'config', config }
}

function bare<const Type_ extends string>(type: Type_) {
  return Type.Object({ type: Type.Literal(type), requestId: OptionalRequestId }, strict)
}
const idOf = ({ requestId }: { readonly requestId?: string }) => (requestId === undefined ? {} : { requestId })

const command = <Name extends 'flush' | 'end' | 'reset'>(type: Name, wireType: string) =>
  messageKind<ReturnType<typeof bare>, AsrCommand>(bare(wireType), (value) => ({ type, ...idOf(value) }))

/** Reads one text message of a client. */
export const decodeAsrCommand = createMessageDecoder<AsrCommand>({
  config: messageKind(ConfigSchema, readConfig),
  flush: command('flush', 'flush'),
  finalize: command('flush', 'finalize'),
  end: command('end', 'end'),
  end_of_stream: command('end', 'end_of_stream'),
  eof: command('end', 'eof'),
  close: command('end', 'close'),
  reset: command('reset', 'reset'),
  ping: messageKind(PingSchema, ({ id, requestId }): AsrCommand => {
    return { type: 'ping', ...(id === undefined ? {} : { id }), ...(requestId === undefined ? {} : { requestId }) }
  }),
  pong: messageKind(PongSchema, (): AsrCommand => ({ type: 'pong' })),
})

const Utterance = Type.Integer({ minimum: 0 })
const Milliseconds = Type.Number({ minimum: 0 })

/** Everything the recognition endpoint says. */
export const ASR_SERVER_MESSAGES = {
  ready: Type.Object(
    {
      type: Type.Literal('ready'),
      requestId: OptionalRequestId,
      connectionId: Type.String(),
      encoding: EncodingField,
      sampleRateHz: SampleRateField,
      language: Type.String(),
      partials: Type.Boolean(),
      pingEveryMs: Type.Integer({ minimum: 1 }),
      maxMessageBytes: Type.Integer({ minimum: 1 }),
      ignored: Type.Optional(Type.Array(Type.String())),
    },
    strict,
  ),
  speech_start: Type.Object(
    { type: Type.Literal('speech_start'), requestId: OptionalRequestId, utterance: Utterance, startMs: Milliseconds },
    strict,
  ),
  partial: Type.Object(
    {
      type: Type.Literal('partial'),
      requestId: OptionalRequestId,
      utterance: Utterance,
      revision: Type.Integer({ minimum: 1 }),
      text: Type.String(),
      stable: Type.Integer({ minimum: 0 }),
      startMs: Milliseconds,
      endMs: Milliseconds,
    },
    strict,
  ),
  speech_end: Type.Object(
    {
      type: Type.Literal('speech_end'),
      requestId: OptionalRequestId,
      utterance: Utterance,
      startMs: Milliseconds,
      endMs: Milliseconds,
    },
    strict,
  ),
  final: Type.Object(
    {
      type: Type.Literal('final'),
      requestId: OptionalRequestId,
      utterance: Utterance,
      text: Type.String(),
      startMs: Milliseconds,
      endMs: Milliseconds,
      confidence: Type.Union([Type.Number(), Type.Null()]),
      words: Type.Array(
        Type.Object(
          {
            text: Type.String(),
            startMs: Type.Number(),
            endMs: Type.Number(),
            confidence: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
          },
          strict,
        ),
      ),
    },
    strict,
  ),
  abandoned: Type.Object(
    {
      type: Type.Literal('abandoned'),
      requestId: OptionalRequestId,
      utterance: Utterance,
      reason: Type.Enum([...ABANDON_REASONS]),
    },
    strict,
  ),
  flushed: Type.Object({ type: Type.Literal('flushed'), requestId: OptionalRequestId, audioMs: Milliseconds }, strict),
  reset_done: Type.Object(
    { type: Type.Literal('reset_done'), requestId: OptionalRequestId, audioMs: Milliseconds },
    strict,
  ),
  ended: Type.Object(
    {
      type: Type.Literal('ended'),
      requestId: OptionalRequestId,
      audioMs: Milliseconds,
      utterances: Type.Integer({ minimum: 0 }),
    },
    strict,
  ),
  state: Type.Object(
    { type: Type.Literal('state'), requestId: OptionalRequestId, speech: Type.Enum(['ready', 'waiting']) },
    strict,
  ),
  ping: ServerPingSchema,
  pong: ServerPongSchema,
  error: ServerErrorSchema,
  closing: ServerClosingSchema,
} as const
export type AsrServerMessage = Static<(typeof ASR_SERVER_MESSAGES)[keyof typeof ASR_SERVER_MESSAGES]>

export function readyMessage(
  { requestId, encoding, sampleRateHz, partials, ignored }: AsrConfig,
  language: string,
  connectionId: string,
  pingEveryMs: number,
): AsrServerMessage {
  return {
    type: 'ready',
    ...(requestId === undefined ? {} : { requestId }),
    connectionId,
    encoding,
    sampleRateHz,
    language,
    partials,
    pingEveryMs,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    ...(ignored.length === 0 ? {} : { ignored: [...ignored] }),
  }
}
