// The synthesis endpoint's messages, both ways. Names that the clients of comparable servers use are read too.
import { ParleyError } from '@parley/protocol'
import { type Static, Type } from 'typebox'
import {
  EncodingField,
  LanguageField,
  OptionalRequestId,
  PingSchema,
  PongSchema,
  RequestId,
  SampleRateField,
  ServerClosingSchema,
  ServerErrorSchema,
  ServerPingSchema,
  ServerPongSchema,
  strict,
  Unused,
  VoiceField,
} from './common-messages.ts'
import { MAX_TEXT_BYTES } from './limits.ts'
import { createMessageDecoder, messageKind } from './message-decoder.ts'
import type { Encoding, SampleRateHz } from './sample-format.ts'

/** `none`: binary messages are samples and nothing else. `header`: each begins with ten bytes that say whose they are. */
export const FRAMINGS = ['none', 'header'] as const
export type Framing = (typeof FRAMINGS)[number]

export interface SpeakCommand {
  readonly type: 'speak'
  /** Undefined only in the plain dialect. */
  readonly requestId?: string
  readonly text: string
  readonly voice?: string
  readonly language?: string
  readonly rateRatio?: number
  readonly encoding: Encoding
  readonly sampleRateHz: SampleRateHz
  readonly framing: Framing
  /** How far audio is sent ahead of the pace it is heard at, ms; undefined: as fast as it is made. */
  readonly leadMs?: number
  readonly ignored: readonly string[]
}

export type TtsCommand =
  | SpeakCommand
  /** One speech, or all of this connection. */
  | { readonly type: 'cancel'; readonly requestId?: string }
  | { readonly type: 'voices'; readonly requestId?: string; readonly isPlain: boolean }
  /** No more will come: closes when everything has been said. */
  | { readonly type: 'end'; readonly requestId?: string }
  | { readonly type: 'ping'; readonly id?: number; readonly requestId?: string }
  | { readonly type: 'pong' }

export const TTS_DEFAULTS = { encoding: 'float32', sampleRateHz: 24_000 } as const

const UNUSED_FIELDS = ['voice_path', 'chunk_size', 'exaggeration', 'cfg_weight', 'streaming'] as const

const speakFields = {
  text: Type.String({ maxLength: MAX_TEXT_BYTES }),
  voice: Type.Optional(VoiceField),
  language: Type.Optional(LanguageField),
  rateRatio: Type.Optional(Type.Number({ minimum: 0.5, maximum: 2 })),
  encoding: Type.Optional(EncodingField),
  sampleRateHz: Type.Optional(SampleRateField),
  framing: Type.Optional(Type.Enum([...FRAMINGS])),
  leadMs: Type.Optional(Type.Integer({ minimum: 40, maximum: 60_000 })),
}

const SpeakSchema = Type.Object({ type: Type.Literal('speak'), requestId: RequestId, ...speakFields }, strict)

const SynthesizeSchema = Type.Object(
  {
    type: Type.Literal('synthesize'),
    requestId: OptionalRequestId,
    ...speakFields,
    voice_id: Type.Optional(VoiceField),
    sample_rate: Type.Optional(SampleRateField),
    voice_path: Unused,
    chunk_size: Unused,
    exaggeration: Unused,
    cfg_weight: Unused,
    streaming: Unused,
  },
  strict,
)

type Wire = Static<typeof SpeakSchema> | Static<typeof SynthesizeSchema>

function readSpeak(value: Wire): TtsCommand | ParleyError {
  const bytes = Buffer.byteLength(value.text)
  if (bytes > MAX_TEXT_BYTES) {
    const message = `the text is ${bytes} bytes long in UTF-8; at most ${MAX_TEXT_BYTES}: send it in several requests`
    return new ParleyError('TEXT_INVALID', { field: 'text', message })
  }
  // A server that speaks without request ids has no other way to say that there was nothing to say.
  if (value.requestId === undefined && value.text.trim() === '') {
    return new ParleyError('TEXT_INVALID', { field: 'text', message: 'the text is empty' })
  }
  const given = 'voice_id' in value || 'sample_rate' in value ? value : undefined
  const voice = value.voice ?? (given?.voice_id === 'default' ? undefined : given?.voice_id)
  return {
    type: 'speak',
    text: value.text,
    encoding: value.encoding ?? TTS_DEFAULTS.encoding,
    sampleRateHz: value.sampleRateHz ?? given?.sample_rate ?? TTS_DEFAULTS.sampleRateHz,
    framing: value.framing ?? 'none',
    ignored: UNUSED_FIELDS.filter((field) => (value as Readonly<Record<string, unknown>>)[field] != null),
    ...defined({ requestId: value.requestId, voice, language: value.language }),
    ...defined({ rateRatio: value.rateRatio, leadMs: value.leadMs }),
  }
}

type Defined<Fields> = { readonly [Name in keyof Fields]?: Exclude<Fields[Name], undefined> }

function defined<Fields extends object>(fields: Fields): Defined<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<Fields>
}

function bare(type: string) {
  return Type.Object({ type: Type.Literal(type), requestId: OptionalRequestId }, strict)
}
type Bare = Static<ReturnType<typeof bare>>
const idOf = ({ requestId }: Bare) => (requestId === undefined ? {} : { requestId })

const RegisterVoiceSchema = Type.Object({ type: Type.Literal('register_voice') }, { additionalProperties: true })

/** Reads one text message of a client. */
export const decodeTtsCommand = createMessageDecoder<TtsCommand>({
  speak: messageKind(SpeakSchema, readSpeak),
  synthesize: messageKind(SynthesizeSchema, readSpeak),
  cancel: messageKind(bare('cancel'), (value: Bare): TtsCommand => ({ type: 'cancel', ...idOf(value) })),
  voices: messageKind(
    bare('voices'),
    (value: Bare): TtsCommand => ({ type: 'voices', isPlain: false, ...idOf(value) }),
  ),
  list_voices: messageKind(
    bare('list_voices'),
    (value: Bare): TtsCommand => ({ type: 'voices', isPlain: true, ...idOf(value) }),
  ),
  register_voice: messageKind(RegisterVoiceSchema, (): TtsCommand | ParleyError => {
    const message = 'voices cannot be added here; ask for those there are with {"type":"voices"}'
    return new ParleyError('UNKNOWN_MESSAGE', { field: 'type', value: 'register_voice', message })
  }),
  end: messageKind(bare('end'), (value: Bare): TtsCommand => ({ type: 'end', ...idOf(value) })),
  close: messageKind(bare('close'), (value: Bare): TtsCommand => ({ type: 'end', ...idOf(value) })),
  ping: messageKind(PingSchema, ({ id, requestId }): TtsCommand => ({ type: 'ping', ...defined({ id, requestId }) })),
  pong: messageKind(PongSchema, (): TtsCommand => ({ type: 'pong' })),
})

const Count = Type.Integer({ minimum: 0 })

const speechEnd = <const Name extends string>(type: Name) =>
  Type.Object(
    { type: Type.Literal(type), requestId: RequestId, speech: Type.Optional(Count), chunks: Count, samples: Count },
    strict,
  )

/** Everything the synthesis endpoint says. */
export const TTS_SERVER_MESSAGES = {
  started: Type.Object(
    {
      type: Type.Literal('started'),
      requestId: RequestId,
      speech: Count,
      voice: Type.String(),
      language: Type.String(),
      encoding: EncodingField,
      sampleRateHz: SampleRateField,
      framing: Type.Enum([...FRAMINGS]),
      ignored: Type.Optional(Type.Array(Type.String())),
    },
    strict,
  ),
  done: speechEnd('done'),
  cancelled: speechEnd('cancelled'),
  synthesis_complete: Type.Object(
    {
      type: Type.Literal('synthesis_complete'),
      chunk_id: Count,
      chunks: Count,
      chunks_sent: Count,
      total_duration_ms: Type.Number({ minimum: 0 }),
    },
    strict,
  ),
  synthesis_cancelled: Type.Object({ type: Type.Literal('synthesis_cancelled'), chunks: Count }, strict),
  voices: Type.Object(
    {
      type: Type.Literal('voices'),
      requestId: OptionalRequestId,
      voices: Type.Array(Type.Object({ name: Type.String(), language: Type.String(), engine: Type.String() }, strict)),
    },
    strict,
  ),
  voice_list: Type.Object(
    {
      type: Type.Literal('voice_list'),
      voices: Type.Array(
        Type.Object({ voice_id: Type.String(), description: Type.String(), is_custom: Type.Boolean() }, strict),
      ),
    },
    strict,
  ),
  ended: Type.Object({ type: Type.Literal('ended'), requestId: OptionalRequestId, speeches: Count }, strict),
  ping: ServerPingSchema,
  pong: ServerPongSchema,
  error: ServerErrorSchema,
  closing: ServerClosingSchema,
} as const
export type TtsServerMessage = Static<(typeof TTS_SERVER_MESSAGES)[keyof typeof TTS_SERVER_MESSAGES]>
