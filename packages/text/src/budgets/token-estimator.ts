// How many tokens a call will cost, before it is made: a guess from the length of the text, corrected by what a provider reports. Pure
// arithmetic; one estimator per provider and kind of work, since the instructions around the text are most of the cost.
import type { TextUsage } from '@parley/protocol'

/** Instructions around the text. Polishing takes more words to explain. */
const OVERHEAD_TOKENS = { translate: 100, polish: 200 } as const
/** English has about four bytes per token; the text goes in and comes out. */
const TOKENS_PER_BYTE = 2 / 4
/** The first reports count in full, later ones as a moving average over about this many. */
const MEMORY = 20
/** One odd report must not make every later call look free, or impossible. */
const CORRECTION = { min: 0.1, max: 10 } as const

export class TokenEstimator {
  readonly #kind: keyof typeof OVERHEAD_TOKENS
  #correction = 1
  #reports = 0

  constructor(kind: keyof typeof OVERHEAD_TOKENS) {
    this.#kind = kind
  }

  /** Tokens of a call with a text of `textBytes` bytes of UTF-8, in and out together, rounded up. */
  estimate(textBytes: number): number {
    return Math.ceil(this.#guess(textBytes) * this.#correction)
  }

  learn(textBytes: number, usage: TextUsage): void {
    const ratio = tokensOf(usage) / this.#guess(textBytes)
    const weight = 1 / Math.min(++this.#reports, MEMORY)
    const correction = this.#correction + (ratio - this.#correction) * weight
    this.#correction = Math.min(CORRECTION.max, Math.max(CORRECTION.min, correction))
  }

  #guess(textBytes: number): number {
    return OVERHEAD_TOKENS[this.#kind] + textBytes * TOKENS_PER_BYTE
  }
}

export const tokensOf = ({ inputTokens, outputTokens }: TextUsage): number => inputTokens + outputTokens
