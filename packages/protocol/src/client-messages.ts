// Everything that crosses the client's WebSocket as text, one screen. Binary messages: audio-frame.ts.
// What a client sends is checked strictly (unknown fields are refused by name); a client ignores fields it does not know.
import { type Static, Type } from 'typebox'
import { AudioFormatSchema } from './audio-format.ts'
import { ABANDON_REASONS, CLOSE_REASON_NAMES } from './close-codes.ts'
import { ERROR_CODES, HOPS } from './error-codes.ts'
import { MAX_SPEAK_LEAD_MS, MAX_SPEAK_TEXT_CHARS } from './limits.ts'

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

/** What a follower of a session may want. Everything there is unless it says otherwise. */
export const SUBSCRIPTION_STREAMS = ['captions.partial', 'captions.final'] as const
export type SubscriptionStream = (typeof SUBSCRIPTION_STREAMS)[number]
export const SubscriptionSetSchema = Type.Object(
  {
    version: Type.Integer({
      minimum: 1,
      maximum: 0xffff_ffff,
      description: 'Rises with each change; a set that is not newer than the one in force changes nothing',
    }),
    streams: Type.Array(Type.Enum([...SUBSCRIPTION_STREAMS]), {
      maxItems: 16,
      uniqueItems: true,
      description: 'The whole set that is wanted; empty means nothing',
    }),
  },
  { ...strict, description: 'Desired state of one connection: whole, versioned, idempotent.' },
)
export type SubscriptionSet = Static<typeof SubscriptionSetSchema>
export const ResumeSchema = Type.Object(
  {
    seq: Type.Integer({ minimum: 0, description: 'seq of the last event the client has seen; 0 = none' }),
    mediaMs: Type.Optional(
      Type.Number({
        minimum: 0,
        description:
          'End of the last final the client has seen, media time: where a pod that takes the session over goes on. Only after a welcome with resumesAnywhere',
      }),
    ),
  },
  { ...strict, description: 'Where a client that was here before goes on: what it last saw decides.' },
)
export const SubscribeSchema = Type.Object(
  {
    type: Type.Literal('subscribe'),
    requestId: RequestIdField,
    version: SubscriptionSetSchema.properties.version,
    streams: SubscriptionSetSchema.properties.streams,
  },
  { ...strict, description: 'Replaces what this connection wants. Answered by subscribed with what is in force.' },
)

/** When the raw text is mended: never; finals only; partials too. */
export const POLISH_MODES = ['off', 'finals', 'partials'] as const
const LanguageTag = Type.String({ pattern: '^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$', maxLength: 35 })
export const CaptionSetSchema = Type.Object(
  {
    version: Type.Integer({
      minimum: 1,
      maximum: 0xffff_ffff,
      description: 'Rises with each change; a set that is not newer than the one in force changes nothing',
    }),
    translateTo: Type.Array(LanguageTag, {
      maxItems: 8,
      uniqueItems: true,
      description: 'Languages (BCP 47) this connection wants captions in, beside the spoken one',
    }),
    polish: Type.Enum([...POLISH_MODES], {
      description:
        'Mended text as later revisions; of a watcher it counts only as wanting what the owner has asked for',
    }),
    speak: Type.Array(LanguageTag, {
      maxItems: 8,
      uniqueItems: true,
      description:
        'Finals this connection wants to hear said in these languages; one that is not in translateTo nor spoken is translated to be heard only',
    }),
  },
  {
    ...strict,
    description: 'Desired state of one connection: whole, versioned, idempotent. Never told: nothing of it.',
  },
)
export type CaptionSet = Static<typeof CaptionSetSchema>
export type PolishMode = (typeof POLISH_MODES)[number]

export const HelloSchema = Type.Object(
  {
    type: Type.Literal('hello'),
    requestId: RequestIdField,
    token: Type.String({ minLength: 1, maxLength: 4096, description: 'Session ticket, resume token or watch token' }),
    audio: Type.Optional(AudioFormatSchema),
    resume: Type.Optional(ResumeSchema),
    udp: Type.Optional(Type.Boolean({ description: 'The client can send its audio as sealed UDP packets' })),
    subscriptions: Type.Optional(SubscriptionSetSchema),
    captions: Type.Optional(CaptionSetSchema),
    client: Type.Optional(
      Type.Object({ name: Type.String({ maxLength: 64 }), version: Type.String({ maxLength: 32 }) }, strict),
    ),
  },
  {
    ...strict,
    description:
      'First message. `audio` is required with a session ticket and a resume token, absent with a watch token; `resume` goes with a resume token, and with a watch token after a welcome with catchesUp.',
  },
)
export const CaptionsSchema = Type.Object(
  {
    type: Type.Literal('captions'),
    requestId: RequestIdField,
    version: CaptionSetSchema.properties.version,
    translateTo: CaptionSetSchema.properties.translateTo,
    polish: CaptionSetSchema.properties.polish,
    speak: CaptionSetSchema.properties.speak,
  },
  {
    ...strict,
    description:
      'Replaces what this connection wants to be made of captions; from owner or watcher, at any time. Answered by captions.set. A session translates once per language, whoever wants it.',
  },
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
export const PongSchema = Type.Object(
  {
    type: Type.Literal('pong'),
    id: Type.Integer({ minimum: 0 }),
    lastSeq: Type.Optional(
      Type.Integer({
        minimum: -1,
        maximum: 0xffff_ffff,
        description:
          'From an owner: seq of the last frame it sent. Tells a pause in speaking from audio lost on the way.',
      }),
    ),
  },
  strict,
)
export const ByeSchema = Type.Object(
  { type: Type.Literal('bye') },
  { ...strict, description: 'The client leaves for good; the session is closed, not suspended.' },
)

export const SpeakSchema = Type.Object(
  {
    type: Type.Literal('speak'),
    requestId: Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'Names this speech in every answer; unique among those under way',
    }),
    text: Type.String({ maxLength: MAX_SPEAK_TEXT_CHARS, description: 'Plain text' }),
    voice: Type.Optional(
      Type.String({ maxLength: 64, description: 'Name of a voice; the first of the language unless told' }),
    ),
    language: Type.Optional(Type.String({ maxLength: 35, description: 'BCP 47 tag; en unless told' })),
    rateRatio: Type.Optional(Type.Number({ minimum: 0.5, maximum: 2, description: '1 = as the voice speaks' })),
    leadMs: Type.Optional(
      Type.Integer({
        minimum: 100,
        maximum: MAX_SPEAK_LEAD_MS,
        description: 'How far audio is sent ahead of its being heard, ms; 400 unless told. More, to have a file soon',
      }),
    ),
    fromSample: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 4_294_967_295,
        description: 'Samples that are here already, from before the connection broke: they are not sent again',
      }),
    ),
  },
  {
    ...strict,
    description:
      'Says a text to the owner. Answered by speak.started, binary speech frames and one of speak.ended, speak.cancelled and error with this requestId. Speeches of one session are said one after the other. They end with the connection: after a resume ask again, with fromSample.',
  },
)
export const SpeakCancelSchema = Type.Object(
  { type: Type.Literal('speak.cancel'), requestId: Type.String({ minLength: 1, maxLength: 64 }) },
  {
    ...strict,
    description: 'Stops a speech: no frame of it is sent after speak.cancelled. One that is over already is ignored.',
  },
)

export const CLIENT_MESSAGES = {
  hello: HelloSchema,
  subscribe: SubscribeSchema,
  captions: CaptionsSchema,
  speak: SpeakSchema,
  'speak.cancel': SpeakCancelSchema,
  'audio.end': AudioEndSchema,
  ping: PingSchema,
  pong: PongSchema,
  bye: ByeSchema,
} as const
export type ClientMessageType = keyof typeof CLIENT_MESSAGES
export type ClientMessage = { [Name in ClientMessageType]: Static<(typeof CLIENT_MESSAGES)[Name]> }[ClientMessageType]
export type Hello = Static<typeof HelloSchema>

// ---- pod -> client ----

/** Why there is no UDP for a connection: off in the configuration; the key would travel readable; frames too long; no socket. */
export const UDP_REFUSALS = ['disabled', 'insecure', 'format', 'unavailable'] as const
export const UdpOfferSchema = Type.Object(
  {
    host: Type.String({ description: 'Name or address to send to' }),
    port: Type.Integer({ minimum: 1, maximum: 65535 }),
    channel: Type.Integer({ minimum: 0, maximum: 0xffff_ffff, description: 'Goes into every packet' }),
    key: Type.String({ description: '32 bytes, base64; of this connection only' }),
    maxPayloadBytes: Type.Integer(),
  },
  { description: 'Where and how to send audio over UDP; probe first. Only over TLS or loopback.' },
)
export type UdpOffer = Static<typeof UdpOfferSchema>
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
    subscriptions: Type.Optional(SubscriptionSetSchema),
    replayTo: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: 'Events up to this seq, which follow at once, happened before this welcome',
      }),
    ),
    catchesUp: Type.Optional(
      Type.Boolean({
        description:
          'To watchers: the hello of the next connection may say in resume what was seen last; what came since is then sent again',
      }),
    ),
    /** The rest is for owners only. */
    resumed: Type.Optional(Type.Boolean({ description: 'The session went on from where this client left it' })),
    resumeToken: Type.Optional(Type.String({ description: 'For the hello of the next connection; secret' })),
    resumesAnywhere: Type.Optional(
      Type.Boolean({ description: 'Should this pod be lost, the session goes on at any other of entryUrls' }),
    ),
    microphone: Type.Optional(Type.Boolean({ description: 'Somebody wants what the microphone hears' })),
    receivedMediaTime: Type.Optional(
      Type.Number({
        minimum: 0,
        description: 'Sample after the last one that arrived: audio from here on is to be sent (again)',
      }),
    ),
    settledMediaTime: Type.Optional(
      Type.Number({ minimum: 0, description: 'Samples before this one need not be kept any more (UT4)' }),
    ),
    audioPaceRatio: Type.Optional(
      Type.Number({ description: 'How much faster than true pace audio may be sent again' }),
    ),
    udp: Type.Optional(UdpOfferSchema),
    udpRefused: Type.Optional(
      Type.Enum([...UDP_REFUSALS], { description: 'Why a client that asked for UDP got no offer' }),
    ),
  },
  { description: 'Answer to hello.' },
)
export const SubscribedSchema = Type.Object(
  {
    type: Type.Literal('subscribed'),
    requestId: RequestIdField,
    version: Type.Integer({ minimum: 0, description: '0 = never told: everything' }),
    streams: Type.Array(Type.String()),
  },
  { description: 'The set in force. A newer version than the one just sent: that one came too late.' },
)
export const MicrophoneSchema = Type.Object(
  { type: Type.Literal('microphone'), wanted: Type.Boolean() },
  { description: 'Whether anybody wants what the microphone hears, derived from all subscriptions; to the owner.' },
)
export const SettledSchema = Type.Object(
  { type: Type.Literal('settled'), mediaTime: Type.Number({ minimum: 0 }) },
  { description: 'Samples before mediaTime are recognised for good; the owner need not keep them (UT4).' },
)
export const TruncatedSchema = Type.Object(
  {
    type: Type.Literal('truncated'),
    firstSeq: Type.Integer({ minimum: 1, description: 'seq of the first event that follows here' }),
  },
  { description: 'More was missed than is sent again; events before firstSeq are read by REST (history).' },
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
export const CaptionsSetSchema = Type.Object(
  {
    type: Type.Literal('captions.set'),
    requestId: RequestIdField,
    version: Type.Integer({ minimum: 0, description: '0 = never told' }),
    translateTo: Type.Array(Type.String(), {
      description: 'What is in force for this connection, as canonical tags: translations are named by them',
    }),
    polish: Type.Enum([...POLISH_MODES]),
    speak: Type.Array(Type.String()),
    unavailable: Type.Array(
      Type.Object({
        language: Type.String(),
        stage: Type.Enum(['translate', 'polish', 'speak']),
        message: Type.String({ description: 'Why, and what could be had instead' }),
        retryable: Type.Boolean({ description: 'It may come by itself: an engine is being loaded, or away' }),
      }),
      { description: 'What is wanted and cannot be had now; it stays wanted' },
    ),
    via: Type.Array(Type.Object({ language: Type.String(), through: Type.Array(Type.String()) }), {
      description: 'Languages that are reached through others, which costs quality',
    }),
  },
  {
    description:
      'What is made of captions for this connection. Sent on request and when it can or cannot be had any more.',
  },
)
export const TranslationSchema = Type.Object(
  {
    type: Type.Literal('translation'),
    kind: Type.Enum(['partial', 'final']),
    utterance: UtteranceIdSchema,
    revision: Type.Integer({
      minimum: 1,
      description: 'Of the utterance; rises over captions, polished and translation',
    }),
    seq: Type.Optional(Type.Integer({ minimum: 1, description: 'Finals only: position in the session history' })),
    language: Type.String({ description: 'As captions.set names it' }),
    text: Type.String(),
    of: Type.Integer({ minimum: 1, description: 'Revision of the caption that was translated' }),
    startMs: MediaMs('Of the caption: first speech'),
    endMs: MediaMs('Of the caption: last speech'),
    translateMs: Type.Optional(Type.Number({ minimum: 0, description: 'Finals: from the final to this' })),
  },
  {
    description:
      'The text of an utterance in another language. A partial may be replaced; a final never changes (TX1).',
  },
)
export const TRANSLATION_FAIL_REASONS = [
  'unsupported',
  'unavailable',
  'budget',
  'refused',
  'deadline',
  'invalid',
  'closed',
] as const
export type TranslationFailReason = (typeof TRANSLATION_FAIL_REASONS)[number]
export const TranslationFailedSchema = Type.Object(
  {
    type: Type.Literal('translation.failed'),
    utterance: UtteranceIdSchema,
    seq: Type.Integer({ minimum: 1 }),
    language: Type.String(),
    reason: Type.Enum([...TRANSLATION_FAIL_REASONS], {
      description:
        'unsupported: no way from the spoken language; unavailable: its engine is away; budget, deadline: it took too long; refused: what came back could not be right; invalid: the text; closed: the session ended first',
    }),
  },
  { description: 'A final will not be had in this language; its partials are void and the spoken text stands (TX1).' },
)
export const PolishedSchema = Type.Object(
  {
    type: Type.Literal('polished'),
    utterance: UtteranceIdSchema,
    revision: Type.Integer({ minimum: 2, description: 'Of the utterance' }),
    seq: Type.Optional(Type.Integer({ minimum: 1, description: 'When a final was polished' })),
    of: Type.Integer({ minimum: 1, description: 'Revision of the caption that was mended' }),
    text: Type.String(),
    language: Type.String(),
  },
  { description: 'Mended text of an utterance (UT3). The raw caption stays what was recognised.' },
)
export const VoiceStartedSchema = Type.Object(
  {
    type: Type.Literal('voice.started'),
    speech: Type.Integer({ minimum: 0, description: 'Number of the speech in its binary frames' }),
    utterance: UtteranceIdSchema,
    language: Type.String(),
    sampleRateHz: Type.Integer({ minimum: 1, description: 'Of the pcm16 frames that follow' }),
    voice: Type.String(),
  },
  { description: 'A final is being said in a language this connection wants to hear; its frames follow.' },
)
export const VoiceEndedSchema = Type.Object(
  {
    type: Type.Literal('voice.ended'),
    speech: Type.Integer({ minimum: 0 }),
    utterance: UtteranceIdSchema,
    language: Type.String(),
    samples: Type.Integer({
      minimum: 0,
      description: 'That were said, those included that were left out for this connection',
    }),
    reason: Type.Enum(['said', 'skipped', 'failed'], {
      description: 'skipped: too much was waiting to be heard; failed: no voice, or it broke',
    }),
  },
  { description: 'No more frames of this speech. Of one that was skipped before its turn there was no voice.started.' },
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
export const MessageSchema = Type.Object(
  {
    type: Type.Literal('message'),
    messageId: Type.String({ description: 'The same at every session of the user' }),
    sentAtMs: WallMs('When it was sent'),
    data: Type.Record(Type.String(), Type.Unknown(), { description: 'As the backend sent it' }),
  },
  { description: "From the tenant's backend, to the owner. Not part of the history: who is away does not get it." },
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
export const MoveSchema = Type.Object(
  {
    type: Type.Literal('move'),
    url: Type.String({ description: 'Where the session goes on; one of entryUrls' }),
    withinMs: Type.Integer({ minimum: 0, description: 'At the latest then this connection is closed as moved' }),
  },
  {
    description:
      'The session is being handed to another pod. Open a connection there now, go on here until closing{moved}, then say hello there with the token you have.',
  },
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

export const SpeakStartedSchema = Type.Object(
  {
    type: Type.Literal('speak.started'),
    requestId: Type.String(),
    speech: Type.Integer({ minimum: 0, description: 'Number of the speech in its binary frames' }),
    sampleRateHz: Type.Integer({ minimum: 1, description: 'Of the pcm16 frames that follow' }),
    voice: Type.String(),
    language: Type.String(),
  },
  { description: 'The first audio of a speech follows.' },
)
export const SpeakEndedSchema = Type.Object(
  {
    type: Type.Literal('speak.ended'),
    requestId: Type.String(),
    samples: Type.Integer({ minimum: 0, description: 'Samples of the whole speech' }),
  },
  { description: 'Every frame of the speech has been sent.' },
)
export const SpeakCancelledSchema = Type.Object(
  {
    type: Type.Literal('speak.cancelled'),
    requestId: Type.String(),
    samples: Type.Integer({ minimum: 0, description: 'Samples that were sent' }),
  },
  { description: 'The speech was stopped by speak.cancel.' },
)

export const SERVER_MESSAGES = {
  welcome: WelcomeSchema,
  caption: CaptionSchema,
  'captions.set': CaptionsSetSchema,
  translation: TranslationSchema,
  'translation.failed': TranslationFailedSchema,
  polished: PolishedSchema,
  'voice.started': VoiceStartedSchema,
  'voice.ended': VoiceEndedSchema,
  abandoned: AbandonedSchema,
  'audio.ended': AudioEndedSchema,
  speech: SpeechStateSchema,
  subscribed: SubscribedSchema,
  microphone: MicrophoneSchema,
  settled: SettledSchema,
  truncated: TruncatedSchema,
  'speak.started': SpeakStartedSchema,
  'speak.ended': SpeakEndedSchema,
  'speak.cancelled': SpeakCancelledSchema,
  watchers: WatchersSchema,
  message: MessageSchema,
  ping: PingSchema,
  pong: PongSchema,
  error: ErrorSchema,
  move: MoveSchema,
  closing: ClosingSchema,
} as const
export type ServerMessageType = keyof typeof SERVER_MESSAGES
export type ServerMessage = { [Name in ServerMessageType]: Static<(typeof SERVER_MESSAGES)[Name]> }[ServerMessageType]
export type UtteranceId = Static<typeof UtteranceIdSchema>
export type Welcome = Static<typeof WelcomeSchema>
export type Caption = Static<typeof CaptionSchema>
export type CaptionsSet = Static<typeof CaptionsSetSchema>
export type Translation = Static<typeof TranslationSchema>
export type TranslationFailed = Static<typeof TranslationFailedSchema>
export type Polished = Static<typeof PolishedSchema>
export type VoiceStarted = Static<typeof VoiceStartedSchema>
export type VoiceEnded = Static<typeof VoiceEndedSchema>
export type CaptionMarks = Static<typeof MarksSchema>
export type UserMessage = Static<typeof MessageSchema>
export type ErrorMessage = Static<typeof ErrorSchema>
export type AudioEnded = Static<typeof AudioEndedSchema>
export type Abandoned = Static<typeof AbandonedSchema>
export type Speak = Static<typeof SpeakSchema>
export type SpeakStarted = Static<typeof SpeakStartedSchema>
export type SpeakEnded = Static<typeof SpeakEndedSchema>
export type SpeakCancelled = Static<typeof SpeakCancelledSchema>
export type Move = Static<typeof MoveSchema>
export type Closing = Static<typeof ClosingSchema>
