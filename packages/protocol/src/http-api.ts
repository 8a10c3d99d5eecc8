// The REST surface as data: the pod registers its routes from this table and docs/openapi.json is generated from it.
import { type Static, type TSchema, Type } from 'typebox'
import { ERROR_CODES, type ErrorCode, HOPS } from './error-codes.ts'
import { MAX_MESSAGE_DATA_BYTES, MAX_METADATA_VALUE_CHARS } from './limits.ts'

const strict = { additionalProperties: false } as const

/** RFC 9457 problem details with our members. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String({ description: 'https://parley.dev/errors/<code>; an identifier, not a page' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.Enum([...ERROR_CODES]),
    hop: Type.Enum([...HOPS]),
    retryable: Type.Boolean(),
    retryAfterMs: Type.Optional(Type.Integer()),
    requestId: Type.String(),
    field: Type.Optional(Type.String()),
    value: Type.Optional(Type.String()),
    allowed: Type.Optional(Type.Array(Type.Union([Type.String(), Type.Number()]))),
    location: Type.Optional(Type.String()),
  },
  { $id: 'Problem', description: 'Error answer, application/problem+json.' },
)
export type Problem = Static<typeof ProblemSchema>

export const CreateSessionSchema = Type.Object(
  {
    language: Type.Optional(Type.String({ minLength: 2, maxLength: 35, description: 'BCP 47 tag; "en" unless told' })),
    user: Type.Optional(
      Type.String({ minLength: 1, maxLength: 128, description: 'For whom; only with a key of role backend or admin' }),
    ),
    metadata: Type.Optional(
      Type.Record(
        Type.String({ pattern: '^[A-Za-z0-9_.-]{1,64}$' }),
        Type.String({ maxLength: MAX_METADATA_VALUE_CHARS }),
        {
          maxProperties: 16,
          description: 'Kept with the session and returned by GET; never interpreted',
        },
      ),
    ),
  },
  { ...strict, $id: 'CreateSession' },
)
export type CreateSession = Static<typeof CreateSessionSchema>

export const SessionCreatedSchema = Type.Object(
  {
    sessionId: Type.String(),
    ticket: Type.String({ description: 'Goes into hello; works once' }),
    ticketExpiresAtMs: Type.Number(),
    url: Type.String({ description: 'WebSocket address; offer the subprotocol parley.v1' }),
    language: Type.String(),
  },
  { $id: 'SessionCreated' },
)
export type SessionCreated = Static<typeof SessionCreatedSchema>

export const SessionViewSchema = Type.Object(
  {
    sessionId: Type.String(),
    podId: Type.String(),
    state: Type.Enum(['opening', 'active', 'suspended']),
    language: Type.String(),
    user: Type.String(),
    createdAtMs: Type.Number(),
    connectedAtMs: Type.Optional(Type.Number()),
    suspendedUntilMs: Type.Optional(
      Type.Number({ description: 'While suspended: how long it waits for its client; ms since the Unix epoch' }),
    ),
    audioMs: Type.Number({ description: 'Audio received, milliseconds' }),
    audioTransport: Type.Enum(['none', 'ws', 'udp'], { description: 'The way the last audio came' }),
    finals: Type.Integer(),
    watchers: Type.Integer(),
    metadata: Type.Record(Type.String(), Type.String()),
  },
  { $id: 'Session' },
)
export type SessionView = Static<typeof SessionViewSchema>

export const HistorySchema = Type.Object(
  {
    sessionId: Type.String(),
    firstSeq: Type.Integer({ description: 'seq of the oldest event still kept; 0 = none yet' }),
    lastSeq: Type.Integer({ description: 'seq of the newest event' }),
    events: Type.Array(Type.Unknown(), {
      description: 'Finals, abandoned and audio.ended after afterSeq, oldest first, as they were sent',
    }),
    more: Type.Boolean({ description: 'Ask again with afterSeq = seq of the last event' }),
  },
  { $id: 'History' },
)
export type History = Static<typeof HistorySchema>
export const HistoryQuerySchema = Type.Object(
  {
    afterSeq: Type.Optional(Type.Integer({ minimum: 0, description: 'Events after this one; 0 unless told' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Events at most; 200 unless told' })),
  },
  strict,
)
export type HistoryQuery = Static<typeof HistoryQuerySchema>

export const CreateWatchLinkSchema = Type.Object(
  {
    lifetimeMs: Type.Optional(Type.Integer({ minimum: 1_000, maximum: 86_400_000, description: '1 hour unless told' })),
  },
  { ...strict, $id: 'CreateWatchLink' },
)
export const WatchLinkSchema = Type.Object(
  {
    linkId: Type.String(),
    token: Type.String({ description: 'Goes into hello on the WebSocket address' }),
    url: Type.String({ description: 'WebSocket address' }),
    pageUrl: Type.String({ description: 'The page a person opens; the token is in its fragment' }),
    expiresAtMs: Type.Number(),
  },
  { $id: 'WatchLink' },
)
export type WatchLink = Static<typeof WatchLinkSchema>

export const CreateUserTokenSchema = Type.Object(
  {
    user: Type.String({ minLength: 1, maxLength: 128 }),
    lifetimeMs: Type.Optional(Type.Integer({ minimum: 1_000, maximum: 86_400_000, description: '1 hour unless told' })),
  },
  { ...strict, $id: 'CreateUserToken' },
)
export const UserTokenSchema = Type.Object(
  { token: Type.String(), user: Type.String(), expiresAtMs: Type.Number() },
  { $id: 'UserToken' },
)
export type UserToken = Static<typeof UserTokenSchema>

export const UserForgottenSchema = Type.Object(
  {
    sessionsEnded: Type.Integer({ description: 'Sessions of the user that this pod held' }),
    sessions: Type.Integer({ description: 'Records of sessions deleted from the database' }),
    finals: Type.Integer({ description: 'Texts deleted from the database' }),
    acts: Type.Integer({ description: 'Administrative acts of or about the user, kept under another name' }),
    waiting: Type.Integer({ description: 'Records deleted or renamed that waited on disk' }),
    archived: Type.Integer({ description: 'Records taken out of archives' }),
    remarks: Type.Array(Type.String(), { description: 'What is left to the operator' }),
  },
  { $id: 'UserForgotten' },
)
export type UserForgotten = Static<typeof UserForgottenSchema>

export const SendMessageSchema = Type.Object(
  {
    data: Type.Record(Type.String({ maxLength: 256 }), Type.Unknown(), {
      description: `An object of at most ${MAX_MESSAGE_DATA_BYTES} bytes as JSON; never interpreted`,
    }),
  },
  { ...strict, $id: 'SendMessage' },
)
export type SendMessage = Static<typeof SendMessageSchema>
/** What becomes of a message at one session. */
export const MESSAGE_RESULTS = ['delivered', 'suspended', 'opening', 'limited', 'unreachable'] as const
export type MessageResult = (typeof MESSAGE_RESULTS)[number]
export const MessageSentSchema = Type.Object(
  {
    messageId: Type.String(),
    sessions: Type.Array(
      Type.Object({
        sessionId: Type.String(),
        podId: Type.String(),
        result: Type.Enum([...MESSAGE_RESULTS], {
          description:
            'delivered: handed to the connection; suspended: the client is away; opening: it has not come yet; limited: too many messages; unreachable: its pod did not answer, nobody knows',
        }),
      }),
      { description: 'Live sessions it was for; none: nobody is there' },
    ),
    unreachablePods: Type.Array(Type.String(), {
      description: 'Pods that did not answer: sessions there may or may not have got it',
    }),
  },
  { $id: 'MessageSent' },
)
export type MessageSent = Static<typeof MessageSentSchema>
export type SessionDelivery = MessageSent['sessions'][number]

export const PageSessionSchema = Type.Object(
  { code: Type.String({ minLength: 1, maxLength: 128 }) },
  { ...strict, $id: 'PageSession' },
)
export const PageInfoSchema = Type.Object(
  {
    authenticated: Type.Boolean(),
    languages: Type.Array(Type.String(), { description: 'Languages that are recognised' }),
    targets: Type.Record(Type.String(), Type.Array(Type.String()), {
      description: 'Languages each of them can be translated into now',
    }),
    version: Type.String(),
    socketUrl: Type.Optional(
      Type.String({ description: 'WebSocket address of the pod that answers: where the page takes a watch token' }),
    ),
  },
  { $id: 'PageInfo' },
)
export type PageInfo = Static<typeof PageInfoSchema>

export const VoicesSchema = Type.Object(
  {
    voices: Type.Array(
      Type.Object({
        name: Type.String({ description: 'Goes into speak' }),
        language: Type.String({ description: 'BCP 47 tag' }),
        engine: Type.String(),
      }),
    ),
  },
  { $id: 'Voices' },
)
export type Voices = Static<typeof VoicesSchema>

export const ShortHealthSchema = Type.Object(
  {
    status: Type.Enum(['ok', 'degraded', 'starting', 'draining']),
    checks: Type.Record(Type.String(), Type.Enum(['ok', 'failing'])),
  },
  { $id: 'ShortHealth' },
)

export type Credential = 'none' | 'key-backend' | 'any' | 'page'

export interface Operation {
  readonly id: string
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Path with `{name}` parameters, as OpenAPI writes them. */
  readonly path: string
  readonly summary: string
  /** Who may call: nobody needs a credential / backend or admin key / key, user token or page session / page session. */
  readonly credential: Credential
  readonly body?: TSchema
  /** Checked strictly, like a body; numbers are read from their text. */
  readonly query?: TSchema
  readonly responses: Readonly<Record<number, { readonly description: string; readonly schema?: TSchema }>>
  readonly errors: readonly ErrorCode[]
}

export const OPERATIONS = {
  createSession: {
    id: 'createSession',
    method: 'POST',
    path: '/v1/sessions',
    summary:
      'Reserve a seat and a slot, on whichever pod has room; answers with a ticket and the address to connect to.',
    credential: 'any',
    body: CreateSessionSchema,
    responses: { 201: { description: 'Reserved', schema: SessionCreatedSchema } },
    errors: [
      'BAD_REQUEST',
      'INVALID_FIELD',
      'UNKNOWN_FIELD',
      'UNAUTHENTICATED',
      'FORBIDDEN',
      'LANGUAGE_UNSUPPORTED',
      'RATE_LIMITED',
      'TOO_MANY_CONNECTIONS',
      'NO_SEAT',
      'NO_SLOT',
      'SPEECH_UNAVAILABLE',
      'DRAINING',
    ],
  },
  getSession: {
    id: 'getSession',
    method: 'GET',
    path: '/v1/sessions/{sessionId}',
    summary: 'State of one session of the caller.',
    credential: 'any',
    responses: { 200: { description: 'The session', schema: SessionViewSchema } },
    errors: ['UNAUTHENTICATED', 'FORBIDDEN', 'SESSION_UNKNOWN', 'WRONG_POD'],
  },
  deleteSession: {
    id: 'deleteSession',
    method: 'DELETE',
    path: '/v1/sessions/{sessionId}',
    summary: 'End one session of the caller; its sockets are told why.',
    credential: 'any',
    responses: { 204: { description: 'Ended' } },
    errors: ['UNAUTHENTICATED', 'FORBIDDEN', 'SESSION_UNKNOWN', 'WRONG_POD'],
  },
  getHistory: {
    id: 'getHistory',
    method: 'GET',
    path: '/v1/sessions/{sessionId}/history',
    summary: 'Events of one session of the caller, page by page: what a resume that came too late reads.',
    credential: 'any',
    query: HistoryQuerySchema,
    responses: { 200: { description: 'A page of the history', schema: HistorySchema } },
    errors: ['INVALID_FIELD', 'UNKNOWN_FIELD', 'UNAUTHENTICATED', 'FORBIDDEN', 'SESSION_UNKNOWN', 'WRONG_POD'],
  },
  createWatchLink: {
    id: 'createWatchLink',
    method: 'POST',
    path: '/v1/sessions/{sessionId}/watch-links',
    summary: 'Issue a read-only, expiring link to follow the captions of a session.',
    credential: 'any',
    body: CreateWatchLinkSchema,
    responses: { 201: { description: 'Issued', schema: WatchLinkSchema } },
    errors: ['INVALID_FIELD', 'UNAUTHENTICATED', 'FORBIDDEN', 'SESSION_UNKNOWN', 'WRONG_POD'],
  },
  revokeWatchLink: {
    id: 'revokeWatchLink',
    method: 'DELETE',
    path: '/v1/sessions/{sessionId}/watch-links/{linkId}',
    summary: 'Revoke a watch link; whoever follows by it is disconnected.',
    credential: 'any',
    responses: { 204: { description: 'Revoked' } },
    errors: ['UNAUTHENTICATED', 'FORBIDDEN', 'SESSION_UNKNOWN', 'WRONG_POD', 'NOT_FOUND'],
  },
  sendToSession: {
    id: 'sendToSession',
    method: 'POST',
    path: '/v1/sessions/{sessionId}/messages',
    summary: 'Hand a message to the client of one session, on whichever pod it is; any pod answers.',
    credential: 'key-backend',
    body: SendMessageSchema,
    responses: { 200: { description: 'What became of it', schema: MessageSentSchema } },
    errors: [
      'INVALID_FIELD',
      'UNKNOWN_FIELD',
      'MESSAGE_TOO_LARGE',
      'UNAUTHENTICATED',
      'FORBIDDEN',
      'SESSION_UNKNOWN',
      'WRONG_POD',
    ],
  },
  sendToUser: {
    id: 'sendToUser',
    method: 'POST',
    path: '/v1/users/{user}/messages',
    summary: 'Hand a message to every live session of a user, on whichever pods they are; any pod answers.',
    credential: 'key-backend',
    body: SendMessageSchema,
    responses: { 200: { description: 'What became of it at each session', schema: MessageSentSchema } },
    errors: ['INVALID_FIELD', 'UNKNOWN_FIELD', 'MESSAGE_TOO_LARGE', 'UNAUTHENTICATED', 'FORBIDDEN'],
  },
  createUserToken: {
    id: 'createUserToken',
    method: 'POST',
    path: '/v1/tokens',
    summary: "Mint a short-lived token for one user; called by the tenant's backend.",
    credential: 'key-backend',
    body: CreateUserTokenSchema,
    responses: { 201: { description: 'Minted', schema: UserTokenSchema } },
    errors: ['INVALID_FIELD', 'UNAUTHENTICATED', 'FORBIDDEN'],
  },
  forgetUser: {
    id: 'forgetUser',
    method: 'DELETE',
    path: '/v1/users/{user}',
    summary: 'End the sessions of a user on this pod and delete its records, whatever waits or is archived included.',
    credential: 'key-backend',
    responses: { 200: { description: 'Forgotten; done again it finds nothing', schema: UserForgottenSchema } },
    errors: ['INVALID_FIELD', 'UNAUTHENTICATED', 'FORBIDDEN', 'RECORDS_UNAVAILABLE', 'RECORDS_BUSY'],
  },
  listVoices: {
    id: 'listVoices',
    method: 'GET',
    path: '/v1/voices',
    summary: 'Voices of the connected speech workers; empty while none of them speaks.',
    credential: 'any',
    responses: { 200: { description: 'The voices, by language and name', schema: VoicesSchema } },
    errors: ['UNAUTHENTICATED', 'FORBIDDEN'],
  },
  openPageSession: {
    id: 'openPageSession',
    method: 'POST',
    path: '/v1/page/session',
    summary: 'Exchange a one-time code for an HttpOnly page session.',
    credential: 'none',
    body: PageSessionSchema,
    responses: { 200: { description: 'The cookie is set', schema: PageInfoSchema } },
    errors: ['CODE_INVALID', 'RATE_LIMITED', 'ORIGIN_REFUSED'],
  },
  getPageInfo: {
    id: 'getPageInfo',
    method: 'GET',
    path: '/v1/page',
    summary: 'What the page needs to know before it starts.',
    credential: 'none',
    responses: { 200: { description: 'Whether the page session is valid, and the languages', schema: PageInfoSchema } },
    errors: [],
  },
  livez: {
    id: 'livez',
    method: 'GET',
    path: '/livez',
    summary: 'The process answers. Depends on nothing else.',
    credential: 'none',
    responses: { 200: { description: 'Alive' } },
    errors: [],
  },
  readyz: {
    id: 'readyz',
    method: 'GET',
    path: '/readyz',
    summary: 'New sessions can be admitted; 503 otherwise.',
    credential: 'none',
    responses: { 200: { description: 'Ready' }, 503: { description: 'Not ready' } },
    errors: [],
  },
  health: {
    id: 'health',
    method: 'GET',
    path: '/health',
    summary: 'Status and named checks; 503 when not ready or draining.',
    credential: 'none',
    responses: {
      200: { description: 'Ready', schema: ShortHealthSchema },
      503: { description: 'Not ready or draining', schema: ShortHealthSchema },
    },
    errors: [],
  },
} as const satisfies Record<string, Operation>
export type OperationId = keyof typeof OPERATIONS
