// What the wire permits. Deployments tighten some of these in their configuration; none may exceed them.

/** A text message from a client; hello with a ticket is the longest there is. */
export const MAX_CONTROL_MESSAGE_BYTES = 16_384
/** Text of one `speak`: what fits a control message, escapes and other fields included. Longer texts are said in several. */
export const MAX_SPEAK_TEXT_CHARS = 4_000
/** Speeches of one session that are said or wait; one more is refused (SPEAK_BUSY). */
export const MAX_SPEECHES = 8
/** How far audio of a speech may be asked for ahead of its being heard: as fast as it is made. */
export const MAX_SPEAK_LEAD_MS = 3_600_000
/** A binary message from a client: the longest frame (60 ms of 48 kHz pcm16) and its header. */
export const MAX_AUDIO_MESSAGE_BYTES = 5_770
/** Body of a REST request. */
export const MAX_HTTP_BODY_BYTES = 65_536
/** A message on the link between a pod and a speech worker. */
export const MAX_LINK_MESSAGE_BYTES = 1_048_576
/** From the socket's opening to a valid hello. */
export const HELLO_DEADLINE_MS = 5_000
/** How often each side of a client connection asks the other whether it is there. */
export const PING_INTERVAL_MS = 2_000
/** Silence after which the other side counts as gone. */
export const DEAD_AFTER_MS = 4_000
/** Lifetime of a session ticket: from POST /v1/sessions to hello. */
export const TICKET_LIFETIME_MS = 60_000
/** `data` of a message to a user or session, as JSON. */
export const MAX_MESSAGE_DATA_BYTES = 8_192
/** Messages that one session is handed, on average and at once; more are answered as `limited`. */
export const MESSAGES_PER_SECOND = 10
export const MESSAGE_BURST = 30
/** Longest metadata value and count of a session. */
export const MAX_METADATA_ENTRIES = 16
export const MAX_METADATA_VALUE_CHARS = 256
