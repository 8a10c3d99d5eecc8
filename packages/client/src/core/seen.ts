// What this client has seen of its session: the place from which a resume will ask to go on. Pure.
import type { UtteranceId } from '@parley/protocol'
import { isPartial, type SessionEvent } from './connection-port.ts'

export interface Seen {
  /** seq of the last event of the session's history that arrived here; 0 = none. */
  readonly seq: number
  /** Last utterance that is settled here (final or abandoned). */
  readonly utterance: UtteranceId | undefined
  /** End of the last final, media time in ms. */
  readonly mediaMs: number
  /** Events that a later seq went past: they never came, or were not wanted (other languages count too). */
  readonly missed: number
}

export const seenNothing = (seq = 0): Seen => ({ seq, utterance: undefined, mediaMs: 0, missed: 0 })

/** True when it is news: nothing of the history seen before, no partial of an utterance that is settled (UT2). */
export function isNews(seen: Seen, event: SessionEvent): boolean {
  if (event.type === 'audio.ended' || !isPartial(event)) return (event.seq ?? 0) > seen.seq
  return seen.utterance === undefined || isAfter(event.utterance, seen.utterance)
}

/** The history after `event`, which must be news and no partial. */
export function afterEvent(seen: Seen, event: SessionEvent): Seen {
  const seq = event.seq ?? seen.seq
  const missed = seen.missed + Math.max(0, seq - seen.seq - 1)
  if (event.type !== 'caption' && event.type !== 'abandoned') return { ...seen, seq, missed }
  const utterance = seen.utterance && isAfter(seen.utterance, event.utterance) ? seen.utterance : event.utterance
  const mediaMs = event.type === 'caption' ? Math.max(seen.mediaMs, event.endMs) : seen.mediaMs
  return { seq, utterance, mediaMs, missed }
}

/** The utterance that has partials and no end, after `event`, which must be news. */
export function openAfter(open: UtteranceId | undefined, event: SessionEvent): UtteranceId | undefined {
  if (event.type === 'caption' && event.kind === 'partial') return event.utterance
  const isSettling = event.type === 'caption' || event.type === 'abandoned'
  return isSettling && open && !isAfter(open, event.utterance) ? undefined : open
}

function isAfter(a: UtteranceId, b: UtteranceId): boolean {
  return a.epoch === b.epoch ? a.index > b.index : a.epoch > b.epoch
}
