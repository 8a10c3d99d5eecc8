// What is said at the end: words, finals, lag, and whether everything sent was answered. Pure.
import type { ReceivedCaption } from '@parley/client'

export interface CaptionSummary {
  readonly words: number
  readonly finals: number
  /** Utterances that ended without words: silence taken for speech, or given up. */
  readonly abandoned: number
  /** Utterances begun (a partial came, or they were given up) whose words never came. */
  readonly unanswered: number
  /** Audio sent, skipped parts included. */
  readonly audioMs: number
  readonly droppedMs: number
  /** Of the finals; absent without any. */
  readonly lagP50Ms?: number
  readonly lagP95Ms?: number
}

/** Value below which `ratio` of the sorted values lie (nearest rank); undefined of none. */
export function nearestRank(sorted: readonly number[], ratio: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(ratio * sorted.length) - 1)]
}

/** Keeps count while captions arrive. Holds one number per final. */
export class SummaryCounter {
  readonly #lagsMs: number[] = []
  readonly #open = new Set<number>()
  #words = 0
  #finals = 0
  #abandoned = 0
  #givenUp = 0

  partial(caption: ReceivedCaption): void {
    this.#open.add(caption.utterance.index)
  }

  final(caption: ReceivedCaption, lagMs: number | undefined): void {
    this.#open.delete(caption.utterance.index)
    this.#finals++
    this.#words += caption.text.split(/\s+/).filter((word) => word !== '').length
    if (lagMs !== undefined) this.#lagsMs.push(lagMs)
  }

  abandoned(utterance: number, reason: string): void {
    this.#open.delete(utterance)
    this.#abandoned++
    // No speech is an answer; every other reason means that something said was lost.
    if (reason !== 'no_speech') this.#givenUp++
  }

  result(audioMs: number, droppedMs: number): CaptionSummary {
    const sorted = this.#lagsMs.toSorted((a, b) => a - b)
    const p50 = nearestRank(sorted, 0.5)
    const p95 = nearestRank(sorted, 0.95)
    return {
      words: this.#words,
      finals: this.#finals,
      abandoned: this.#abandoned,
      unanswered: this.#open.size + this.#givenUp,
      audioMs: Math.round(audioMs),
      droppedMs,
      ...(p50 === undefined ? {} : { lagP50Ms: Math.round(p50) }),
      ...(p95 === undefined ? {} : { lagP95Ms: Math.round(p95) }),
    }
  }
}
