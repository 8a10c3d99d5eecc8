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
  /** It runs because something woke the loop, and takes its share of the cost of wakes and turns. */
  readonly isWaking: boolean
  /** What woke the loop was a descriptor, whose cost it shares too; a timer is none. */
  readonly isPolled: boolean
  /** One in so many is timed when it is the outermost; 1: every one. Rare or batched spans are timed always. */
  readonly timeOneIn: number
}

/** Numbered by their place: `SPAN.wsIn` is an index into every table of spans. */
const SPAN_TABLE = {
  /** One emptying of the ring that the receiving thread fills, mostly by a timer; its items are frames. */
  udpDrain: { stage: 'udp', isWaking: true, isPolled: false, timeOneIn: 1 },
  /** One message of a client or watcher. */
  wsIn: { stage: 'ws-in', isWaking: true, isPolled: true, timeOneIn: 8 },
  /** One message handed to a client's or watcher's socket. */
  wsOut: { stage: 'ws-out', isWaking: false, isPolled: false, timeOneIn: 4 },
  /** Decoding and encoding of messages. */
  json: { stage: 'json', isWaking: false, isPolled: false, timeOneIn: 4 },
  /** Keeping one frame for the worker. */
  linkKeep: { stage: 'speech-link', isWaking: false, isPolled: false, timeOneIn: 8 },
  /** One message of a speech worker. */
  linkIn: { stage: 'speech-link', isWaking: true, isPolled: true, timeOneIn: 2 },
  /** One message to a speech worker, or one round of gathering a batch of audio; its items are KiB of audio. */
  linkOut: { stage: 'speech-link', isWaking: false, isPolled: false, timeOneIn: 1 },
  /** One caption or event on its way to everybody who follows the session. */
  fanOut: { stage: 'fan-out', isWaking: false, isPolled: false, timeOneIn: 4 },
  /** One HTTP request, as far as it is handled at once. */
  http: { stage: 'http', isWaking: true, isPolled: true, timeOneIn: 1 },
  /** One beat of a timer that serves all sessions. */
  timer: { stage: 'timers', isWaking: true, isPolled: false, timeOneIn: 1 },
} as const satisfies Record<string, SpanEntry>

export type SpanName = keyof typeof SPAN_TABLE
export const SPAN_NAMES = Object.keys(SPAN_TABLE) as SpanName[]
export const SPAN_ENTRIES: readonly SpanEntry[] = SPAN_NAMES.map((name) => SPAN_TABLE[name])
export const SPAN_COUNT = SPAN_NAMES.length
export const SPAN = Object.fromEntries(SPAN_NAMES.map((name, index) => [name, index])) as Readonly<
  Record<SpanName, number>
>
