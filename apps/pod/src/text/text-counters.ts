// What the text desk counts, as plain numbers since start.
import { CALL_CLASSES, type CallClass, TEXT_FAIL_REASONS, type TextFailReason, type TextOutcome } from '@parley/text'

export interface ClassCounters {
  asked: number
  /** Answered by an engine, or by what another asked at the same time. */
  done: number
  cached: number
  /** Shared the call of another that had asked the same. */
  shared: number
  cancelled: number
  readonly skipped: { budget: number; failed: number }
  readonly failed: Record<TextFailReason, number>
  /** Had to wait longer than a partial may. */
  delayed: number
  /** From being asked to the outcome, cancelled ones left out. */
  outcomeMsTotal: number
}

export interface TextCounters extends Record<CallClass, ClassCounters> {
  /** Answers that were of no use: the source itself, far too long, in another language. */
  readonly refused: { same: number; long: number; language: number }
}

export function newTextCounters(): TextCounters {
  const [partial, final] = CALL_CLASSES.map(newClassCounters) as [ClassCounters, ClassCounters]
  return { partial, final, refused: { same: 0, long: 0, language: 0 } }
}

function newClassCounters(): ClassCounters {
  const failed = Object.fromEntries(TEXT_FAIL_REASONS.map((reason) => [reason, 0])) as Record<TextFailReason, number>
  const skipped = { budget: 0, failed: 0 }
  return { asked: 0, done: 0, cached: 0, shared: 0, cancelled: 0, skipped, failed, delayed: 0, outcomeMsTotal: 0 }
}

export function countOutcome(counters: ClassCounters, outcome: TextOutcome, tookMs: number): void {
  counters.outcomeMsTotal += tookMs
  switch (outcome.is) {
    case 'done':
      if (outcome.isCached) counters.cached++
      else counters.done++
      return
    case 'skipped':
      counters.skipped[outcome.reason]++
      return
    case 'failed':
      counters.failed[outcome.reason]++
      return
  }
}

/** By the code an engine refused its own answer with. */
export function countRefusal({ refused }: TextCounters, code: string): void {
  if (code === 'REFUSED_SAME') refused.same++
  else if (code === 'REFUSED_LONG') refused.long++
  else if (code === 'REFUSED_LANGUAGE') refused.language++
}
