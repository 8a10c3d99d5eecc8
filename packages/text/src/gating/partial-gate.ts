// When the text of an utterance that is still being spoken is worth asking about again: its beginning at once, then when it has grown or a
// clause ended, else after a while. Every question costs a call; a final is asked in any case and does not pass here. Pure.

export interface PartialGate {
  /** Between two questions about one utterance at least, ms. */
  readonly minGapMs: number
  /** A text that has changed at all is asked about after this, ms. */
  readonly maxGapMs: number
  /** A text of fewer characters is short: its first words tell most. */
  readonly shortChars: number
  /** Characters that have to be new, in a short text and in any other. */
  readonly shortGrowthChars: number
  readonly growthChars: number
  /** A question under way that is older than this has been overtaken, ms. */
  readonly overdueMs: number
}

export const PARTIAL_GATE: PartialGate = {
  minGapMs: 100,
  maxGapMs: 2_000,
  shortChars: 40,
  shortGrowthChars: 5,
  growthChars: 25,
  overdueMs: 2_000,
}

const CLAUSE_END = /[.!?,;:\u2026\u3001\u3002\uff01\uff0c\uff1f]["')\]\u00bb\u201d]?$/u

/** The question asked last about an utterance. */
export interface Asked {
  readonly text: string
  readonly atMs: number
}

/** Is `text` worth a question at `nowMs`? `asked`: the one before it about the same utterance, undefined = none yet. */
export function isDue(
  asked: Asked | undefined,
  text: string,
  nowMs: number,
  gate: PartialGate = PARTIAL_GATE,
): boolean {
  if (text.trim() === '' || text === asked?.text) return false
  if (!asked) return true
  const sinceMs = nowMs - asked.atMs
  if (sinceMs < gate.minGapMs) return false
  if (sinceMs >= gate.maxGapMs || CLAUSE_END.test(text)) return true
  const newChars = Math.max(text.length, asked.text.length) - commonPrefix(text, asked.text)
  return newChars >= (asked.text.length < gate.shortChars ? gate.shortGrowthChars : gate.growthChars)
}

/** Is a question under way not worth waiting for any more: overdue, or most of what it was about has been revised away? */
export function isOvertaken(asked: Asked, text: string, nowMs: number, gate: PartialGate = PARTIAL_GATE): boolean {
  return nowMs - asked.atMs >= gate.overdueMs || commonPrefix(text, asked.text) < asked.text.length / 2
}

function commonPrefix(a: string, b: string): number {
  const end = Math.min(a.length, b.length)
  let at = 0
  while (at < end && a.charCodeAt(at) === b.charCodeAt(at)) at++
  return at
}
