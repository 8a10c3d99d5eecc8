// What became of everything asked for beside captions: translations by language, mended texts, voices; and which finals are still to be
// heard. Pure but for its counts.
import type { Unsaid } from '@parley/client'
import { nearestRank } from './nearest-rank.ts'

export interface LanguageTally {
  readonly finals: number
  readonly failed: number
  /** From the final to its translation; absent without any. */
  readonly p50Ms?: number
  readonly p95Ms?: number
}

export interface RefinedSummary {
  readonly translations: Readonly<Record<string, LanguageTally>>
  readonly polished: number
  readonly voices: { readonly said: number; readonly skipped: number; readonly failed: number }
}

interface Counting {
  failed: number
  finals: number
  readonly tookMs: number[]
}

export class RefinedTally {
  readonly #languages = new Map<string, Counting>()
  /** Languages that are to be heard. */
  readonly #heard: ReadonlySet<string>
  readonly #toHear = new Set<string>()
  #polished = 0
  readonly #voices = { said: 0, skipped: 0, failed: 0 }

  constructor(speak: readonly string[]) {
    this.#heard = new Set(speak)
  }

  /** Finals that are being said or will be. */
  get toHear(): number {
    return this.#toHear.size
  }
  /** Finals that did not become what was asked for, skipped voices apart: these are how live speech keeps up. */
  get failed(): number {
    let failed = this.#voices.failed
    for (const language of this.#languages.values()) failed += language.failed
    return failed
  }

  translated(language: string, utterance: number, text: string, tookMs: number | undefined): void {
    const counting = this.#of(language)
    counting.finals++
    if (tookMs !== undefined) counting.tookMs.push(tookMs)
    this.sayable(language, utterance, text)
  }

  /** A final is there in `language`. */
  sayable(language: string, utterance: number, text: string): void {
    if (this.#heard.has(language) && text.trim() !== '') this.#toHear.add(`${utterance} ${language}`)
  }

  translationFailed(language: string): void {
    this.#of(language).failed++
  }

  polished(): void {
    this.#polished++
  }

  voiceEnded(language: string, utterance: number, outcome: 'said' | Unsaid['reason']): void {
    this.#toHear.delete(`${utterance} ${language}`)
    this.#voices[outcome]++
  }

  /** The connection they would have come by is gone. */
  forgetVoices(): void {
    this.#voices.skipped += this.#toHear.size
    this.#toHear.clear()
  }

  result(): RefinedSummary {
    const translations: Record<string, LanguageTally> = {}
    for (const [language, { finals, failed, tookMs }] of this.#languages) {
      const sorted = tookMs.toSorted((a, b) => a - b)
      const [p50, p95] = [nearestRank(sorted, 0.5), nearestRank(sorted, 0.95)]
      const took = p50 === undefined || p95 === undefined ? {} : { p50Ms: Math.round(p50), p95Ms: Math.round(p95) }
      translations[language] = { finals, failed, ...took }
    }
    return { translations, polished: this.#polished, voices: { ...this.#voices } }
  }

  #of(language: string): Counting {
    const known = this.#languages.get(language)
    if (known) return known
    const counting = { finals: 0, failed: 0, tookMs: [] }
    this.#languages.set(language, counting)
    return counting
  }
}
