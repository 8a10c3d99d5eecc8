// What the calls carry that pods make to each other, and the limits of both their ends.
import { type Static, Type } from 'typebox'
import { CreateSessionSchema } from './http-api.ts'

const strict = { additionalProperties: false } as const
const text = (maxLength: number) => Type.String({ minLength: 1, maxLength })

export const POD_OPEN_PATH = '/fleet/v1/sessions'

/** Open this session: a seat for it is reserved with you. Answered with what its client is told. */
export const PodOpenCallSchema = Type.Object(
  {
    sessionId: text(64),
    /** Of the reservation. */
    token: Type.Object({ epoch: Type.Integer({ minimum: 0 }), counter: Type.Integer({ minimum: 0 }) }, strict),
    /** Who asks, as the other pod has authenticated them. */
    principal: Type.Object(
      {
        tenant: text(64),
        role: Type.Enum(['admin', 'backend', 'user', 'page']),
        user: Type.Optional(text(256)),
        keyId: Type.Optional(text(64)),
      },
      strict,
    ),
    body: CreateSessionSchema,
    /** Addresses of the called pod as the client can reach them. */
    wsUrl: text(512),
    pageUrl: text(512),
  },
  strict,
)
export type PodOpenCall = Static<typeof PodOpenCallSchema>

/** A body of the REST interface, and what is put around it; of calls that do not say otherwise. */
export const MAX_POD_CALL_BYTES = 72 * 1024
export const MAX_POD_ANSWER_BYTES = 64 * 1024
/** Of the whole call, unless it says otherwise: a client waits for it. */
export const POD_CALL_DEADLINE_MS = 3_000

/** A message for a user, or one session, of a tenant. Answered with what became of it there, as the REST interface answers. */
export const POD_MESSAGES_PATH = '/fleet/v1/messages'
const MessageContentSchema = Type.Object({
  messageId: text(64),
  sentAtMs: Type.Number(),
  data: Type.Record(Type.String(), Type.Unknown()),
})
export type MessageContent = Static<typeof MessageContentSchema>
/** One of `user` and `sessionId`. */
export const PodMessageSchema = Type.Object({
  tenant: text(64),
  user: Type.Optional(text(256)),
  sessionId: Type.Optional(text(64)),
  content: MessageContentSchema,
})
export type PodMessage = Static<typeof PodMessageSchema>

/** Behind it the id of a session: a WebSocket by which watchers at one pod follow a session of another. */
export const POD_WATCH_PATH = '/fleet/v1/watch'

/** What was revoked: told at once, and compared from time to time. Answered with what the called pod knows, when that is another. */
export const POD_REVOCATIONS_PATH = '/fleet/v1/revocations'
const RevokedSchema = Type.Array(
  Type.Object({ kind: Type.Enum(['key', 'link']), id: text(64), untilMs: Type.Number() }),
  { maxItems: 4_000 },
)
export const PodRevocationsSchema = Type.Object({
  /** Of all that its sender knows, after what is in here. */
  digest: text(64),
  revoked: RevokedSchema,
})
export type PodRevocations = Static<typeof PodRevocationsSchema>
/** 4,000 entries of 64 characters, and what is around them. */
export const MAX_POD_REVOCATIONS_BYTES = 512 * 1024
