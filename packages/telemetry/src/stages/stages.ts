// What the time of a pod's event loop is split into. A stage is what a person asks about; a span is a piece of code that is timed
// and counted, and belongs to one stage. The costs of what lies outside every span are in event-costs.ts.

export const STAGES = [
  'udp',
  'ws-in',
  'ws-out',
  'json',
  'speech-link',
  'fan-out',
  'http',
  'timers',
  'gc',
  'other',
] as const
/** `gc`: pauses of the collector; `other`: what neither spans nor calibrated costs explain. */
export type Stage = (typeof STAGES)[number]

interface SpanEntry {
  readonly stage: Stage
  /** The operating system woke the loop for it: it takes part in the cost of turns and of polled descriptors. */
  readonly isWaking: boolean
  /** One in so many is timed when it is the outermost; 1: every one. Rare or batched spans are timed always. */
  readonly timeOneIn: number
}

/** Numbered by their place: `SPAN.wsIn` is an index into every table of spans. */
const SPAN_TABLE = {
  /** One emptying of the ring that the receiving thread fills; its items are frames. */
  udpDrain: { stage: 'udp', isWaking: true, timeOneIn: 1 },
  /** One message of a client or watcher. */
  wsIn: { stage: 'ws-in', isWaking: true, timeOneIn: 8 },
  /** One message handed to a client's or watcher's socket. */
  wsOut: { stage: 'ws-out', isWaking: false, timeOneIn: 4 },
  /** Decoding and encoding of messages. */
  json: { stage: 'json', isWaking: false, timeOneIn: 4 },
  /** Keeping one frame for the worker. */
  linkKeep: { stage: 'speech-link', isWaking: false, timeOneIn: 8 },
  /** One message of a speech worker. */
  linkIn: { stage: 'speech-link', isWaking: true, timeOneIn: 2 },
  /** One message to a speech worker; a batch of audio is one. */
  linkOut: { stage: 'speech-link', isWaking: false, timeOneIn: 1 },
  /** One caption or event on its way to everybody who follows the session. */
  fanOut: { stage: 'fan-out', isWaking: false, timeOneIn: 4 },
  /** One HTTP request, as far as it is handled at once. */
  http: { stage: 'http', isWaking: true, timeOneIn: 1 },
  /** One beat of a timer that serves all sessions. */
  timer: { stage: 'timers', isWaking: true, timeOneIn: 1 },
} as const satisfies Record<string, SpanEntry>

export type SpanName = keyof typeof SPAN_TABLE
export const SPAN_NAMES = Object.keys(SPAN_TABLE) as SpanName[]
export const SPAN_ENTRIES: readonly SpanEntry[] = SPAN_NAMES.map((name) => SPAN_TABLE[name])
export const SPAN_COUNT = SPAN_NAMES.length
export const SPAN = Object.fromEntries(SPAN_NAMES.map((name, index) => [name, index])) as Readonly<
  Record<SpanName, number>
>
