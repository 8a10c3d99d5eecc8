// Slots without workers, for the doubles of speech: counts what is reserved and open, refuses as the real port does.
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError, type WorkerEngine } from '@parley/protocol'
import { matchLanguage } from '../../speech/language-match.ts'
import type { SlotReservation, SpeechStatus } from '../../speech/speech-port.ts'

export class SlotCounter {
  readonly #name: string
  readonly #slots: number
  readonly languages: readonly string[]
  #used = 0

  constructor(name: string, slots: number, languages: readonly string[]) {
    this.#name = name
    this.#slots = slots
    this.languages = languages
  }

  get used(): number {
    return this.#used
  }

  status(): SpeechStatus {
    const engines: WorkerEngine[] = [{ name: this.#name, languages: this.languages, ready: true }]
    return { ready: true, workers: 1, slots: this.#slots, slotsUsed: this.#used, engines }
  }

  reserve(language: string): Result<SlotReservation, ParleyError> {
    if (matchLanguage(language, this.languages) === undefined) {
      const details = { field: 'language', value: language, allowed: this.languages }
      return err(new ParleyError('LANGUAGE_UNSUPPORTED', details))
    }
    if (this.#used >= this.#slots) return err(new ParleyError('NO_SLOT', { retryAfterMs: 1_000 }))
    this.#used++
    let isOver = false
    const release = () => {
      if (!isOver) this.#used--
      isOver = true
    }
    return ok({ language, release })
  }

  /** The reservation becomes a stream's; returns what gives the slot back, once. */
  take(reservation: SlotReservation): () => void {
    reservation.release()
    this.#used++
    let isOver = false
    return () => {
      if (!isOver) this.#used--
      isOver = true
    }
  }
}
