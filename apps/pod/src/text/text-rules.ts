// Small decisions of the text desk. Pure.
import {
  bareLanguage,
  isSameLanguage,
  MAX_TEXT_BYTES,
  type TextFailReason,
  type TextOutcome,
  type TextWish,
} from '@parley/text'
import type { JobState, TextJob } from './text-job.ts'

/** One call, unless the provider's `timeoutMs` says otherwise; short enough for another engine to be asked within a final's deadline. */
export const FINAL_CALL_MS = 10_000
/** A partial that takes longer has been replaced by what was said since. */
export const PARTIAL_CALL_MS = 5_000
/** A worker answers by the deadline of a call; after so much more it will not. */
export const ANSWER_GRACE_MS = 1_000
/** Before all engines are asked again: this, twice as long, and so on. */
export const REST = { firstMs: 500, maxMs: 5_000 } as const
/** Before an engine is asked again that had no room. */
export const BUSY_REST_MS = 100
/** A text under which so many workers were lost is not given to the next. */
export const MAX_LOSSES = 3

/** What is wrong with a wish whatever engines there are. */
export function wishProblem({ kind, text, from, to }: TextWish): (TextOutcome & { readonly is: 'failed' }) | undefined {
  const failed = (reason: TextFailReason, message: string) => ({ is: 'failed', reason, message }) as const
  if (text.trim() === '') return failed('invalid', 'text is empty; ask when there is something to be said')
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_TEXT_BYTES) return failed('invalid', `text has ${bytes} bytes; at most ${MAX_TEXT_BYTES} are taken`)
  if (kind === 'polish') return undefined
  if (to === undefined) return failed('invalid', 'to is missing; name the language to translate into')
  if (!isSameLanguage(from, to)) return undefined
  return failed('unsupported', `to is ${to}, the language of the text (${bareLanguage(from)}); name another`)
}

/** Time one call gets, ms; at least 1. */
export function callDeadlineMs(isFinal: boolean, timeoutMs: number | undefined, leftMs: number): number {
  const limitMs = isFinal ? (timeoutMs ?? FINAL_CALL_MS) : Math.min(timeoutMs ?? PARTIAL_CALL_MS, PARTIAL_CALL_MS)
  return Math.max(1, Math.round(isFinal ? Math.min(limitMs, leftMs) : limitMs))
}

/** Why a final has nothing when its time is over. */
export function deadlineReason(state: JobState, { lastReason }: TextJob): TextFailReason {
  if (state.is === 'parked') return lastReason ?? state.for
  if (state.is === 'waiting') return state.lane.isProvider ? 'budget' : (lastReason ?? 'deadline')
  return lastReason ?? 'deadline'
}
