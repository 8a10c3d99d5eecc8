// What the stream endpoints permit. Deployments choose the number of connections; the rest is the protocol's.

/** Longest message of a client, text or audio: 5.4 s of float32 at 48 kHz. `ws` closes with 1009 beyond it. */
export const MAX_MESSAGE_BYTES = 1_048_576
/** Longest text of one speech, in UTF-8 bytes. */
export const MAX_TEXT_BYTES = 131_072
/** Connections of one member, all endpoints together, unless told. */
export const DEFAULT_CONNECTIONS = 50
/** How long a client that found no room should wait. */
export const FULL_RETRY_MS = 1_000

/** How often a client is asked whether it is there; keeps proxies from taking an idle connection for a dead one. */
export const PING_EVERY_MS = 15_000
/** Questions in a row that may stay without any sign of life. */
export const MAX_UNANSWERED_PINGS = 3

/** Text messages per second on average, and at once. */
export const MESSAGES_PER_SECOND = 20
export const MESSAGE_BURST = 100
/** Messages beyond the rate, or that make no sense, within MISCONDUCT_WINDOW_MS until the connection is closed. */
export const MAX_EXCESS_MESSAGES = 100
export const MAX_INVALID_MESSAGES = 20
export const MISCONDUCT_WINDOW_MS = 10_000

/** A client that does not read gets no partials beyond this much unsent; the next one replaces them anyway. */
export const MAX_PARTIAL_BACKLOG_BYTES = 65_536
/** What else it must be told is never dropped: beyond this much unsent it is disconnected. */
export const MAX_BACKLOG_BYTES = 1_048_576

/** Audio that may run ahead of what is known to be recognised, ms; beyond it audio is taken at the pace it is spoken. */
export const AUDIO_AHEAD_MS = 10_000
/** Audio and commands read and not yet handed on. Reading stops long before, so that reaching it is a fault of ours. */
export const MAX_PENDING_BYTES = 4_194_304

/** Speeches that may wait on one connection. */
export const MAX_WAITING_SPEECHES = 8
/** Audio of a speech is made only while less than this is unsent. */
export const SPEECH_BACKLOG_BYTES = 32_768
/** A speech whose audio the client does not take for this long is given up, with the connection. */
export const STALL_MS = 60_000

/** Longest body of a request with a file, form fields included: what OpenAI takes. */
export const MAX_UPLOAD_BYTES = 26_214_400
/** Bodies of all requests of a member that are being read or recognised; beyond it the next is told to come again. */
export const MAX_UPLOADS_BYTES = 134_217_728
/** Longest audio of one file, ms: at the pace of one decoder its recognition takes minutes. */
export const MAX_FILE_AUDIO_MS = 3_600_000
/** A body has to be here within this time. */
export const UPLOAD_DEADLINE_MS = 60_000
/** Longest JSON body. */
export const MAX_JSON_BYTES = 262_144
/** Form fields beside the file: how many, and how long each may be. */
export const MAX_FORM_FIELDS = 32
export const MAX_FORM_FIELD_BYTES = 16_384
