// The public catalogue of errors: one row per code, the only place that says what a code means, how it maps to HTTP and
// whether trying again can help. `docs/errors.md` is generated from it. A retired code is never used again.

/** Where the failure arose. */
export const HOPS = ['client', 'pod', 'worker', 'app', 'provider'] as const
export type Hop = (typeof HOPS)[number]

export interface ErrorEntry {
  readonly hop: Hop
  /** Status when the error answers an HTTP request. */
  readonly httpStatus: number
  /** True when the same request may succeed later without a change. */
  readonly retryable: boolean
  /** One sentence that stays the same; the details (field, value) are in the message of each occurrence. */
  readonly title: string
  /** What whoever sees it can do. */
  readonly fix: string
}

const entry = (hop: Hop, httpStatus: number, retryable: boolean, title: string, fix: string): ErrorEntry => ({
  hop,
  httpStatus,
  retryable,
  title,
  fix,
})

export const ERRORS = {
  BAD_REQUEST: entry('client', 400, false, 'The request could not be read.', 'Send valid JSON that fits the schema.'),
  INVALID_FIELD: entry('client', 400, false, 'A field has a value it may not have.', 'Send one of the values named.'),
  UNKNOWN_FIELD: entry('client', 400, false, 'A field is not part of the protocol.', 'Remove or rename the field.'),
  UNKNOWN_MESSAGE: entry('client', 400, false, 'The message type is not known.', 'Send one of the types named.'),
  UNEXPECTED_MESSAGE: entry(
    'client',
    409,
    false,
    'The message is not valid at this point.',
    'Send hello first, and once.',
  ),
  MESSAGE_TOO_LARGE: entry('client', 413, false, 'The message exceeds the size limit.', 'Send smaller messages.'),
  RATE_LIMITED: entry('client', 429, true, 'Too many requests or messages.', 'Wait for retryAfterMs, then go slower.'),
  BAD_AUDIO_FRAME: entry(
    'client',
    400,
    false,
    'A binary message is not a frame of the agreed format.',
    'Send one frame per message as described in docs/protocol.md.',
  ),
  AUDIO_FORMAT_UNSUPPORTED: entry(
    'client',
    400,
    false,
    'The audio format is not supported.',
    'Use one of the combinations named.',
  ),
  AUDIO_LIMIT_EXCEEDED: entry(
    'client',
    429,
    false,
    'The session has sent more audio than it may.',
    'Send audio at true pace; end the session and open another.',
  ),
  LANGUAGE_UNSUPPORTED: entry(
    'client',
    422,
    false,
    'No engine of this platform recognises the language.',
    'Use one of the languages named.',
  ),
  UNAUTHENTICATED: entry(
    'client',
    401,
    false,
    'No valid credential was presented.',
    'Send an API key, a user token or a page session.',
  ),
  FORBIDDEN: entry(
    'client',
    403,
    false,
    'The credential does not permit this.',
    'Use a credential with the role named.',
  ),
  TICKET_INVALID: entry(
    'client',
    401,
    false,
    'The ticket is not valid here.',
    'Ask for a new one with POST /v1/sessions.',
  ),
  TICKET_EXPIRED: entry('client', 401, false, 'The ticket has expired.', 'Ask for a new one with POST /v1/sessions.'),
  TICKET_USED: entry('client', 401, false, 'The ticket was used before.', 'Ask for a new one with POST /v1/sessions.'),
  WATCH_LINK_INVALID: entry(
    'client',
    401,
    false,
    'The watch link is not valid, has expired or was revoked.',
    'Ask the owner for a new one.',
  ),
  CODE_INVALID: entry(
    'client',
    401,
    false,
    'The one-time code is not valid or was used before.',
    'Print a new page address with: parley link.',
  ),
  ORIGIN_REFUSED: entry(
    'client',
    403,
    false,
    'Pages of this origin may not connect.',
    'Add the origin to server.allowedOrigins.',
  ),
  SUBPROTOCOL_REQUIRED: entry(
    'client',
    400,
    false,
    'The WebSocket did not offer the subprotocol parley.v1.',
    'Offer parley.v1 in Sec-WebSocket-Protocol.',
  ),
  NOT_FOUND: entry(
    'client',
    404,
    false,
    'There is nothing at this address.',
    'See docs/openapi.json for the addresses there are.',
  ),
  METHOD_NOT_ALLOWED: entry(
    'client',
    405,
    false,
    'The address does not answer this method.',
    'Use a method the Allow header names.',
  ),
  UNSUPPORTED_MEDIA_TYPE: entry(
    'client',
    415,
    false,
    'The body is of a type that is not read here.',
    'Send JSON with Content-Type: application/json.',
  ),
  REQUEST_TIMEOUT: entry('client', 408, true, 'The request did not arrive in time.', 'Send it again, without pauses.'),
  HEADERS_TOO_LARGE: entry(
    'client',
    431,
    false,
    'The address and headers of the request are too long.',
    'Send fewer or shorter headers; 16 kB is the limit.',
  ),
  UPGRADE_REQUIRED: entry(
    'client',
    426,
    false,
    'This address speaks WebSocket.',
    'Connect with a WebSocket client and offer the subprotocol parley.v1.',
  ),
  MEMBER_UNKNOWN: entry(
    'pod',
    404,
    false,
    'No member of the fleet has that name.',
    'Use an id that `parley fleet status` shows.',
  ),
  DIRECTORY_AWAY: entry(
    'pod',
    503,
    true,
    'The directory of the fleet does not answer.',
    'Try again after retryAfterMs; look at its Redis if it lasts.',
  ),
  SESSION_UNKNOWN: entry(
    'client',
    404,
    false,
    'There is no such session on this platform.',
    'Start a new one with POST /v1/sessions.',
  ),
  SESSION_SUSPENDED: entry(
    'client',
    409,
    true,
    'The session is alive but its client is not connected.',
    'Connect again and resume.',
  ),
  WRONG_POD: entry('client', 421, true, 'The session lives on another pod.', 'Connect to the address in location.'),
  SESSION_REPLACED: entry(
    'client',
    409,
    false,
    'Another connection has taken this session over.',
    'Nothing, if that was you.',
  ),
  HELLO_TIMEOUT: entry(
    'client',
    408,
    true,
    'No hello came in time.',
    'Send hello as the first message after connecting.',
  ),
  TOO_MANY_CONNECTIONS: entry(
    'pod',
    429,
    true,
    'The limit of connections named is reached.',
    'Close some, or wait for retryAfterMs.',
  ),
  NO_SEAT: entry('pod', 503, true, 'Every seat for sessions is taken.', 'Try again after retryAfterMs.'),
  STATE_UNREADABLE: entry(
    'pod',
    503,
    true,
    'This pod cannot read the state of the session: a pod of another version has written it.',
    'Go to another pod; it is left to those that can.',
  ),
  ENDPOINT_FULL: entry(
    'worker',
    503,
    true,
    'This member holds as many stream connections as it may.',
    'Try again after retryAfterMs, or connect to another member.',
  ),
  VOICE_UNKNOWN: entry(
    'worker',
    422,
    false,
    'No speech worker has that voice.',
    'Use one of the voices named, or give only a language.',
  ),
  TEXT_INVALID: entry(
    'client',
    422,
    false,
    'The text cannot be spoken.',
    'Send plain text no longer than the bound named.',
  ),
  SPEAK_BUSY: entry(
    'pod',
    429,
    true,
    'More speeches wait in this session than it may have.',
    'Wait for speak.ended of an earlier one, or cancel one.',
  ),
  SYNTHESIS_FAILED: entry(
    'worker',
    502,
    true,
    'The speech broke off and could not be continued.',
    'Send the rest of the text again.',
  ),
  NO_SLOT: entry(
    'worker',
    503,
    true,
    'Every slot for speech is taken.',
    'Try again after retryAfterMs, or start more workers.',
  ),
  SPEECH_UNAVAILABLE: entry(
    'worker',
    503,
    true,
    'No speech worker is ready.',
    'Wait for retryAfterMs; see parley doctor if it lasts.',
  ),
  SPEECH_LOST: entry(
    'worker',
    503,
    true,
    'Recognition broke off; it goes on with what comes next.',
    'Send again what has no final, if it is still wanted.',
  ),
  SLOW_CONSUMER: entry(
    'client',
    503,
    true,
    'The client did not take what is sent to it fast enough.',
    'Connect again; read faster.',
  ),
  RECORDS_UNAVAILABLE: entry(
    'pod',
    503,
    true,
    'The database of records does not answer; sessions are not concerned.',
    'Try again after retryAfterMs; see the log of the pod if it lasts.',
  ),
  RECORDS_BUSY: entry(
    'pod',
    503,
    true,
    'Records are being archived or forgotten by another process.',
    'Send the same again after retryAfterMs: it goes on where it stopped.',
  ),
  DRAINING: entry('pod', 503, true, 'This pod admits no new sessions.', 'Try again after retryAfterMs.'),
  INTERNAL: entry(
    'pod',
    500,
    true,
    'Something failed inside; it has been logged.',
    'Try again; report the requestId if it lasts.',
  ),
  // Raised by the client library itself; the status is the nearest one, none of them ever answers a request.
  CONNECT_FAILED: entry(
    'client',
    503,
    true,
    'The platform could not be reached.',
    'Check the address, and that the platform runs there: ./parley up.',
  ),
  CONNECTION_LOST: entry(
    'client',
    503,
    true,
    'The connection to the platform broke.',
    'Check the network, then start a new session.',
  ),
  DEADLINE_EXCEEDED: entry(
    'client',
    504,
    true,
    'The answer did not come in time.',
    'Try again; look at the load of the platform if it lasts.',
  ),
  BAD_ANSWER: entry(
    'client',
    502,
    false,
    'The answer does not follow the protocol.',
    'Check that the address is that of a Parley platform of the same major version.',
  ),
  AUDIO_DROPPED: entry(
    'client',
    503,
    true,
    'Audio was dropped: the connection does not take it at the pace it is spoken.',
    'Use a faster connection or a codec that needs less of it, such as opus.',
  ),
  SESSION_CLOSED: entry('client', 409, false, 'The session is over.', 'Start a new one with POST /v1/sessions.'),
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof ERRORS
export const ERROR_CODES = Object.keys(ERRORS) as ErrorCode[]

export interface ErrorDetails {
  /** The sentence for this occurrence: names the field, the value and what would be right. */
  readonly message?: string
  readonly field?: string
  readonly value?: string
  readonly allowed?: readonly (string | number)[]
  readonly retryAfterMs?: number
  readonly requestId?: string
  /** Where to go instead (WRONG_POD). */
  readonly location?: string
  readonly cause?: unknown
}

/** A refusal or failure with a code of the catalogue. Thrown at the edges (HTTP handlers), a value everywhere else. */
export class ParleyError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(details.message ?? ERRORS[code].title, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'ParleyError'
    this.code = code
    this.details = details
  }

  get entry(): ErrorEntry {
    return ERRORS[this.code]
  }
}
