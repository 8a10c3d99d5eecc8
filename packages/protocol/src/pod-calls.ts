// What the calls carry that pods make to each other, and the limits of both their ends. Pods of a fleet may be one version apart (rules OV1 to OV4 of
// the fleet, apps/pod/src/fleet/SPEC.md): fields that are not known are let pass, new ones are optional, and of words that are not known each call says what becomes of them.
import { type Static, Type } from 'typebox'
import { CreateSessionSchema, MESSAGE_RESULTS, type MessageSent, MessageSentSchema } from './http-api.ts'

const text = (maxLength: number) => Type.String({ minLength: 1, maxLength })

export const POD_OPEN_PATH = '/fleet/v1/sessions'

/** Open this session: a seat for it is reserved with you. Answered with what its client is told. */
export const PodOpenCallSchema = Type.Object({
  sessionId: text(64),
  /** Of the reservation. */
  token: Type.Object({ epoch: Type.Integer({ minimum: 0 }), counter: Type.Integer({ minimum: 0 }) }),
  /** Who asks, as the other pod has authenticated them. */
  principal: Type.Object({
    tenant: text(64),
    role: Type.Enum(['admin', 'backend', 'user', 'page']),
    user: Type.Optional(text(256)),
    keyId: Type.Optional(text(64)),
  }),
  /** The pod that was asked has checked it as strictly as its own version says. */
  body: Type.Object(CreateSessionSchema.properties),
  /** Addresses of the called pod as the client can reach them. */
  wsUrl: text(512),
  pageUrl: text(512),
})
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

/** As MessageSentSchema, with results of a version that may be newer. */
export const PodMessageAnswerSchema = Type.Object({
  ...MessageSentSchema.properties,
  sessions: Type.Array(Type.Object({ sessionId: Type.String(), podId: Type.String(), result: Type.String() })),
})
/** What became of a message in words that this version does not know, nobody here knows. */
export function messageSentOf(answer: Static<typeof PodMessageAnswerSchema>): MessageSent {
  const sessions = answer.sessions.map(({ sessionId, podId, result }) => {
    const known = MESSAGE_RESULTS.find((each) => each === result)
    return { sessionId, podId, result: known ?? ('unreachable' as const) }
  })
  return { ...answer, sessions }
}

/** Behind it the id of a session: a WebSocket by which watchers at one pod follow a session of another. */
export const POD_WATCH_PATH = '/fleet/v1/watch'

/** What was revoked: told at once, and compared from time to time. Answered with what the called pod knows, when that is another. */
export const POD_REVOCATIONS_PATH = '/fleet/v1/revocations'
const RevokedSchema = Type.Array(
  Type.Object({
    kind: Type.String({ minLength: 1, maxLength: 32, description: 'key or link; others are kept and passed on' }),
    id: text(64),
    untilMs: Type.Number(),
  }),
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
