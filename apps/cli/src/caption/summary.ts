// What is said at the end: words, finals, lag, and whether everything sent was answered. Pure.
import type { ReceivedCaption } from '@parley/client'
import { nearestRank } from './nearest-rank.ts'
import type { RefinedSummary } from './refined-tally.ts'

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
  /** Times the connection broke and was made anew. */
  readonly interruptions: number
  /** Speech that had to be sent again or late because of it. */
  readonly resentMs: number
  /** How the audio travelled in the end. */
  readonly transport: 'udp' | 'ws'
  /** Of the finals; absent without any. */
  readonly lagP50Ms?: number
  readonly lagP95Ms?: number
  /** What became of everything asked for beside captions; absent when nothing was. */
  readonly refined?: RefinedSummary
}

export type SummaryWay = Pick<CaptionSummary, 'interruptions' | 'resentMs' | 'transport' | 'refined'>

/** Keeps count while captions arrive. Holds one number per final. */
export class SummaryCounter {
  readonly #lagsMs: number[] = []
  readonly #open = new Set<number>()
  #words = 0
  #finals = 0
  #abandoned = 0
  #givenUp = 0
  #missed = 0

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
    // It is heard again as another one.
    if (reason === 'moved') return
    this.#abandoned++
    // No speech is an answer; every other reason means that something said was lost.
    if (reason !== 'no_speech') this.#givenUp++
  }

  /** Events that can be had no more: as many utterances whose words never came. */
  missed(events: number): void {
    this.#missed += events
  }

  result(audioMs: number, droppedMs: number, way: SummaryWay): CaptionSummary {
    const sorted = this.#lagsMs.toSorted((a, b) => a - b)
    const p50 = nearestRank(sorted, 0.5)
    const p95 = nearestRank(sorted, 0.95)
    return {
      words: this.#words,
      finals: this.#finals,
      abandoned: this.#abandoned,
      unanswered: this.#open.size + this.#givenUp + this.#missed,
      audioMs: Math.round(audioMs),
      droppedMs: Math.round(droppedMs),
      interruptions: way.interruptions,
      resentMs: Math.round(way.resentMs),
      transport: way.transport,
      ...(p50 === undefined ? {} : { lagP50Ms: Math.round(p50) }),
      ...(p95 === undefined ? {} : { lagP95Ms: Math.round(p95) }),
      ...(way.refined === undefined ? {} : { refined: way.refined }),
    }
  }
}
