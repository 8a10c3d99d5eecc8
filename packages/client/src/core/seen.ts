// What this client has seen of its session: the place from which a resume will ask to go on. Pure.
import type { Abandoned, AudioEnded, Caption, UtteranceId } from '@parley/protocol'

export interface Seen {
  /** seq of the last event of the session's history that arrived here; 0 = none. */
  readonly seq: number
  /** Last utterance that is settled here (final or abandoned). */
  readonly utterance: UtteranceId | undefined
  /** End of the last final, media time in ms. */
  readonly mediaMs: number
  /** Events that were announced by a later seq and never came. */
  readonly missed: number
}

export const seenNothing = (seq = 0): Seen => ({ seq, utterance: undefined, mediaMs: 0, missed: 0 })

/** True when the caption is news: no final seen before, no partial of an utterance that is settled (UT2). */
export function isNews(seen: Seen, caption: Caption): boolean {
  if (caption.kind === 'final') return (caption.seq ?? 0) > seen.seq
  return seen.utterance === undefined || isAfter(caption.utterance, seen.utterance)
}

/** The history after `event`, which must be news. */
export function afterEvent(seen: Seen, event: Caption | Abandoned | AudioEnded): Seen {
  const seq = event.seq ?? seen.seq
  const missed = seen.missed + Math.max(0, seq - seen.seq - 1)
  if (event.type === 'audio.ended') return { ...seen, seq, missed }
  const utterance = seen.utterance && isAfter(seen.utterance, event.utterance) ? seen.utterance : event.utterance
  const mediaMs = event.type === 'caption' ? Math.max(seen.mediaMs, event.endMs) : seen.mediaMs
  return { seq, utterance, mediaMs, missed }
}

function isAfter(a: UtteranceId, b: UtteranceId): boolean {
  return a.epoch === b.epoch ? a.index > b.index : a.epoch > b.epoch
}
