// What is known of one utterance at each point of its life. The rules between the arms are in utterance-transitions.ts.
import type { AbandonReason } from '@parley/protocol'

interface Common {
  /** Position in the stream's append-only history. */
  readonly index: number
  /** Media time of the first sample that belongs to it. */
  readonly startMs: number
}

/** Speech is going on. */
export type OpenUtterance = Common & { readonly kind: 'open' }
/** The speech is over; its words are being decided. */
export type EndedUtterance = Common & { readonly kind: 'ended'; readonly endMs: number; readonly endedAtMs: number }
/** The one outcome it will ever have. */
export type SettledUtterance = Common & { readonly kind: 'settled'; readonly outcome: 'final' | AbandonReason }

export type UtteranceState = OpenUtterance | EndedUtterance | SettledUtterance
