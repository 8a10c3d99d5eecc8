// What the words of a final say together. Pure.
import type { RecognisedWord } from '@parley/protocol'

/** Mean of the words' confidence, 0 to 1; undefined where there are no words or one of them has none. */
export function meanConfidence(words: readonly RecognisedWord[]): number | undefined {
  let sum = 0
  for (const { confidence } of words) {
    if (confidence === undefined) return undefined
    sum += confidence
  }
  return words.length === 0 ? undefined : sum / words.length
}

/** The word without the casing and punctuation that the caption gave it. */
export function bareWord({ text }: Pick<RecognisedWord, 'text'>): string {
  return text.replace(/[.?!,;:]+$/, '').toLowerCase()
}

/** Seconds as the endpoints of others count them, without the noise of division. */
export function secondsOf(ms: number): number {
  return Math.round(ms) / 1000
}
