// Everything that crosses the client's WebSocket as text, one screen. Binary messages: audio-frame.ts.
// What a client sends is checked strictly (unknown fields are refused by name); a client ignores fields it does not know.
import { type Static, Type } from 'typebox'
import { AudioFormatSchema } from './audio-format.ts'
import { ABANDON_REASONS, CLOSE_REASON_NAMES } from './close-codes.ts'
import { ERROR_CODES, HOPS } from './error-codes.ts'

const strict = { additionalProperties: false } as const
const RequestIdField = Type.Optional(
  Type.String({ maxLength: 64, description: 'Echoed in the answer or error of this message' }),
)
const MediaMs = (description: string) => Type.Number({ minimum: 0, description: `${description}; media time, ms` })
const WallMs = (description: string) => Type.Number({ description: `${description}; ms since the Unix epoch` })

export const UtteranceIdSchema = Type.Object(
  {
    epoch: Type.Integer({ minimum: 1, description: 'Rises with each change of owner of the session' }),
    index: Type.Integer({ minimum: 0, description: 'Rises by one per utterance of the epoch' }),
  },
  strict,
)

// ---- client -> pod ----

export const HelloSchema = Type.Object(
  {
    type: Type.Literal('hello'),
    requestId: RequestIdField,
    token: Type.String({ minLength: 1, maxLength: 4096, description: 'Session ticket or watch token' }),
    audio: Type.Optional(AudioFormatSchema),
    client: Type.Optional(
      Type.Object({ name: Type.String({ maxLength: 64 }), version: Type.String({ maxLength: 32 }) }, strict),
    ),
  },
  { ...strict, description: 'First message. `audio` is required with a session ticket, absent with a watch token.' },
)
export const AudioEndSchema = Type.Object(
  {
    type: Type.Literal('audio.end'),
    requestId: RequestIdField,
    lastSeq: Type.Integer({ minimum: -1, maximum: 0xffff_ffff, description: 'seq of the last frame sent; -1 = none' }),
  },
  { ...strict, description: 'No more frames for now. Answered by audio.ended when every utterance is settled (UT6).' },
)
export const PingSchema = Type.Object(
  { type: Type.Literal('ping'), id: Type.Integer({ minimum: 0 }) },
  { ...strict, description: 'Answered at once by pong with the same id.' },
)
export const PongSchema = Type.Object({ type: Type.Literal('pong'), id: Type.Integer({ minimum: 0 }) }, strict)
export const ByeSchema = Type.Object(
  { type: Type.Literal('bye') },
  { ...strict, description: 'The client leaves for good; the session is closed, not suspended.' },
)

export const CLIENT_MESSAGES = {
  hello: HelloSchema,
  'audio.end': AudioEndSchema,
  ping: PingSchema,
  pong: PongSchema,
  bye: ByeSchema,
} as const
export type ClientMessageType = keyof typeof CLIENT_MESSAGES
export type ClientMessage = { [Name in ClientMessageType]: Static<(typeof CLIENT_MESSAGES)[Name]> }[ClientMessageType]
export type Hello = Static<typeof HelloSchema>

// ---- pod -> client ----

export const WelcomeSchema = Type.Object(
  {
    type: Type.Literal('welcome'),
    requestId: RequestIdField,
    protocolVersion: Type.Integer(),
    role: Type.Enum(['owner', 'watcher']),
    sessionId: Type.String(),
    podId: Type.String(),
    epoch: Type.Integer({ minimum: 1 }),
    language: Type.String({ description: 'BCP 47 tag of the speech recognised' }),
    audio: Type.Optional(AudioFormatSchema),
    /** seq of the last event sent before this connection; the next one is seq + 1. */
    seq: Type.Integer({ minimum: 0 }),
    speech: Type.Enum(['ready', 'waiting']),
    pingIntervalMs: Type.Integer(),
    deadAfterMs: Type.Integer(),
    graceMs: Type.Integer({ description: 'How long the session is kept for a client that lost its socket' }),
    entryUrls: Type.Array(Type.String(), { description: 'Where to knock when this pod is gone' }),
  },
  { description: 'Answer to hello.' },
)
export const MarksSchema = Type.Object(
  {
    receivedAtMs: WallMs("when the frame with the utterance's last speech reached the pod"),
    endOfSpeechMs: WallMs('when the worker decided that the speech had ended'),
    finalAtMs: WallMs('when the pod sent the final'),
  },
  { description: 'Named instants of one utterance on the clock of the pod.' },
)
export const CaptionSchema = Type.Object(
  {
    type: Type.Literal('caption'),
    kind: Type.Enum(['partial', 'final']),
    utterance: UtteranceIdSchema,
    revision: Type.Integer({ minimum: 1, description: 'Rises with every caption of the utterance' }),
    seq: Type.Optional(Type.Integer({ minimum: 1, description: 'Finals only: position in the session history' })),
    text: Type.String(),
    stable: Type.Integer({
      minimum: 0,
      description: 'Leading characters (UTF-16 units) that later partials repeat; all of them in a final',
    }),
    startMs: MediaMs('First speech'),
    endMs: MediaMs('Last speech so far; in a final the last speech frame, hangover subtracted'),
    language: Type.String(),
    marks: Type.Optional(MarksSchema),
  },
  { description: 'A partial may be replaced by the next caption of its utterance; a final never changes (UT1, UT2).' },
)
export const AbandonedSchema = Type.Object(
  {
    type: Type.Literal('abandoned'),
    utterance: UtteranceIdSchema,
    seq: Type.Integer({ minimum: 1 }),
    reason: Type.Enum([...ABANDON_REASONS]),
  },
  { description: 'The utterance ended without a final; whatever partials were shown are void (UT1).' },
)
export const AudioEndedSchema = Type.Object(
  {
    type: Type.Literal('audio.ended'),
    requestId: RequestIdField,
    lastSeq: Type.Integer({ minimum: -1 }),
    seq: Type.Integer({ minimum: 1 }),
    finals: Type.Integer({ minimum: 0, description: 'Finals of the session so far' }),
    abandoned: Type.Integer({ minimum: 0 }),
  },
  { description: 'Everything up to lastSeq has been recognised; every utterance has its final or is abandoned.' },
)
export const SpeechStateSchema = Type.Object(
  {
    type: Type.Literal('speech'),
    state: Type.Enum(['ready', 'waiting']),
    reason: Type.Optional(Type.Enum(['worker_lost', 'no_worker'])),
  },
  { description: 'Recognition is going on, or waits for a worker; audio is kept meanwhile.' },
)
export const WatchersSchema = Type.Object(
  { type: Type.Literal('watchers'), count: Type.Integer({ minimum: 0 }) },
  { description: 'How many watchers follow the session; to the owner.' },
)
export const ErrorSchema = Type.Object(
  {
    type: Type.Literal('error'),
    code: Type.Enum([...ERROR_CODES]),
    hop: Type.Enum([...HOPS]),
    message: Type.String(),
    retryable: Type.Boolean(),
    retryAfterMs: Type.Optional(Type.Integer({ minimum: 0 })),
    requestId: RequestIdField,
    field: Type.Optional(Type.String()),
    value: Type.Optional(Type.String()),
    allowed: Type.Optional(Type.Array(Type.Union([Type.String(), Type.Number()]))),
    location: Type.Optional(Type.String()),
  },
  { description: 'Something was refused or failed. The connection goes on unless `closing` follows.' },
)
export const ClosingSchema = Type.Object(
  {
    type: Type.Literal('closing'),
    reason: Type.Enum([...CLOSE_REASON_NAMES]),
    message: Type.String(),
    mayResume: Type.Boolean(),
  },
  { description: 'Last message before the pod closes the socket.' },
)

export const SERVER_MESSAGES = {
  welcome: WelcomeSchema,
  caption: CaptionSchema,
  abandoned: AbandonedSchema,
  'audio.ended': AudioEndedSchema,
  speech: SpeechStateSchema,
  watchers: WatchersSchema,
  ping: PingSchema,
  pong: PongSchema,
  error: ErrorSchema,
  closing: ClosingSchema,
} as const
export type ServerMessageType = keyof typeof SERVER_MESSAGES
export type ServerMessage = { [Name in ServerMessageType]: Static<(typeof SERVER_MESSAGES)[Name]> }[ServerMessageType]
export type UtteranceId = Static<typeof UtteranceIdSchema>
export type Welcome = Static<typeof WelcomeSchema>
export type Caption = Static<typeof CaptionSchema>
export type CaptionMarks = Static<typeof MarksSchema>
export type ErrorMessage = Static<typeof ErrorSchema>
export type AudioEnded = Static<typeof AudioEndedSchema>
export type Abandoned = Static<typeof AbandonedSchema>
export type Closing = Static<typeof ClosingSchema>
