// What both endpoints say in the same words.
import { CLOSE_REASON_NAMES, ERROR_CODES, HOPS } from '@parley/protocol'
import { Type } from 'typebox'
import { ENCODINGS, SAMPLE_RATES_HZ } from './sample-format.ts'

export const strict = { additionalProperties: false } as const

export const RequestId = Type.String({ minLength: 1, maxLength: 64 })
export const OptionalRequestId = Type.Optional(RequestId)
export const EncodingField = Type.Enum([...ENCODINGS])
export const SampleRateField = Type.Enum([...SAMPLE_RATES_HZ])
export const LanguageField = Type.String({ minLength: 1, maxLength: 35 })
export const VoiceField = Type.String({ minLength: 1, maxLength: 64 })
/** Kept for clients of other servers; what it says is not used, and that is told. */
export const Unused = Type.Optional(Type.Unknown())

export const PingSchema = Type.Object(
  { type: Type.Literal('ping'), id: Type.Optional(Type.Integer({ minimum: 0 })), requestId: OptionalRequestId },
  strict,
)
export const PongSchema = Type.Object(
  { type: Type.Literal('pong'), id: Type.Optional(Type.Integer({ minimum: 0 })), requestId: OptionalRequestId },
  strict,
)

export const ServerPingSchema = Type.Object({ type: Type.Literal('ping'), id: Type.Integer({ minimum: 1 }) }, strict)
export const ServerPongSchema = PongSchema
export const ServerErrorSchema = Type.Object(
  {
    type: Type.Literal('error'),
    code: Type.Enum([...ERROR_CODES]),
    hop: Type.Enum([...HOPS]),
    message: Type.String(),
    retryable: Type.Boolean(),
    recoverable: Type.Boolean(),
    retryAfterMs: Type.Optional(Type.Integer({ minimum: 0 })),
    requestId: OptionalRequestId,
    field: Type.Optional(Type.String()),
    value: Type.Optional(Type.String()),
    allowed: Type.Optional(Type.Array(Type.Union([Type.String(), Type.Number()]))),
  },
  strict,
)
export const ServerClosingSchema = Type.Object(
  { type: Type.Literal('closing'), reason: Type.Enum([...CLOSE_REASON_NAMES]), message: Type.String() },
  strict,
)

export interface ServerMessage {
  readonly type: string
}
