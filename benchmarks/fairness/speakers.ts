// Sessions that speak, as the text service sees them: per minute ten utterances, each with a final to translate and to polish, and twelve
// partials to translate and to polish, of which the newest counts. That is the 44 calls per session and minute of the live-translation brief.
import type { Clock, Random } from '@parley/kernel'
import type { TextKind } from '@parley/protocol'
import type { TextOutcome, TextService } from '@parley/text'

const UTTERANCE_MS = 6_000
const PARTIAL_MS = 5_000

export interface Tally {
  asked: number
  done: number
  readonly finalMs: number[]
  finalsAsked: number
  finalsLost: number
  partialsAsked: number
  partialsDone: number
}

export const newTally = (): Tally => ({
  asked: 0,
  done: 0,
  finalMs: [],
  finalsAsked: 0,
  finalsLost: 0,
  partialsAsked: 0,
  partialsDone: 0,
})

/** One who speaks in `sessionId`; several may in one. Counts what was asked from `fromMs` to `toMs`. */
export class Speaker {
  readonly #clock: Clock
  readonly #texts: TextService
  readonly #sessionId: string
  readonly #name: string
  readonly #tally: Tally
  readonly #window: readonly [fromMs: number, toMs: number]
  readonly #partials = new Map<TextKind, { cancel(): void }>()
  #count = 0

  constructor(
    clock: Clock,
    texts: TextService,
    [sessionId, name]: readonly [string, string],
    tally: Tally,
    window: readonly [number, number],
  ) {
    this.#clock = clock
    this.#texts = texts
    this.#sessionId = sessionId
    this.#name = name
    this.#tally = tally
    this.#window = window
  }

  start(random: Random): void {
    const soon = (periodMs: number) => periodMs * (0.7 + 0.6 * random())
    const repeat = (periodMs: number, say: () => void): void => {
      this.#clock.after(soon(periodMs), () => {
        say()
        repeat(periodMs, say)
      })
    }
    this.#clock.after(random() * UTTERANCE_MS, () => repeat(UTTERANCE_MS, () => this.#say(true)))
    this.#clock.after(random() * PARTIAL_MS, () => repeat(PARTIAL_MS, () => this.#say(false)))
  }

  #say(isFinal: boolean): void {
    const text = `${this.#name} says sentence ${this.#count++} of what there is to be said`
    for (const kind of ['translate', 'polish'] as const) {
      // Whatever partial of it still waits has been overtaken.
      this.#partials.get(kind)?.cancel()
      this.#partials.delete(kind)
      const handle = this.#ask(kind, isFinal, text)
      if (!isFinal) this.#partials.set(kind, handle)
    }
  }

  #ask(kind: TextKind, isFinal: boolean, text: string): { cancel(): void } {
    const askedAtMs = this.#clock.nowMs()
    const [fromMs, toMs] = this.#window
    const tally = askedAtMs >= fromMs && askedAtMs < toMs ? this.#tally : newTally()
    tally.asked++
    if (isFinal) tally.finalsAsked++
    else tally.partialsAsked++
    const target = kind === 'translate' ? { to: 'es' } : {}
    const wish = { tenant: 'bench', sessionId: this.#sessionId, kind, isFinal, text, from: 'en', ...target }
    return this.#texts.ask(wish, (outcome: TextOutcome) => {
      if (outcome.is === 'failed') tally.finalsLost++
      if (outcome.is !== 'done') return
      tally.done++
      if (!isFinal) tally.partialsDone++
      else if (kind === 'translate') tally.finalMs.push(this.#clock.nowMs() - askedAtMs)
    })
  }
}
