// A recogniser that knows beforehand what will be said: utterances on the audio clock. Pure; the fake pod sends what it tells.

export interface ScriptedUtterance {
  readonly text: string
  /** Media time of the first and the last speech, ms. */
  readonly startMs: number
  readonly endMs: number
}

export type ScriptedEvent =
  | {
      readonly kind: 'partial' | 'final'
      readonly index: number
      readonly revision: number
      readonly text: string
      readonly stable: number
      readonly startMs: number
      readonly endMs: number
    }
  | { readonly kind: 'abandoned'; readonly index: number }

/** One utterance after another, a second of speech and a second of silence each. */
export function scriptOf(texts: readonly string[], firstMs = 200): ScriptedUtterance[] {
  return texts.map((text, index) => ({
    text,
    startMs: firstMs + index * 2_000,
    endMs: firstMs + 1_000 + index * 2_000,
  }))
}

/** Partials word by word while the audio passes an utterance, the final `endpointMs` after its end. */
export class ScriptedSpeech {
  readonly #script: readonly ScriptedUtterance[]
  readonly #endpointMs: number
  #index = 0
  #words = 0
  #revision = 0

  constructor(script: readonly ScriptedUtterance[], endpointMs = 300) {
    this.#script = script
    this.#endpointMs = endpointMs
  }

  /** What is recognised once audio up to `mediaMs` has been heard. */
  hear(mediaMs: number): ScriptedEvent[] {
    const events: ScriptedEvent[] = []
    for (let next = this.#current; next; next = this.#current) {
      if (mediaMs < next.startMs) break
      this.#partials(next, mediaMs, events)
      if (mediaMs < next.endMs + this.#endpointMs) break
      events.push(this.#final(next, next.endMs))
    }
    return events
  }

  /** The audio has ended at `mediaMs`: the utterance that has begun gets its final, with the words said so far. */
  flush(mediaMs: number): ScriptedEvent[] {
    const events = this.hear(mediaMs)
    const open = this.#current
    if (open && mediaMs > open.startMs) events.push(this.#final(open, Math.min(mediaMs, open.endMs)))
    return events
  }

  /** Gives up the utterance that has begun, if any. */
  abandon(): ScriptedEvent[] {
    if (this.#words === 0) return []
    const index = this.#index
    this.#next()
    return [{ kind: 'abandoned', index }]
  }

  get #current(): ScriptedUtterance | undefined {
    return this.#script[this.#index]
  }

  #partials(utterance: ScriptedUtterance, mediaMs: number, events: ScriptedEvent[]): void {
    const words = wordsAt(utterance, mediaMs)
    if (words.length === 0 || words.length === this.#words) return
    this.#words = words.length
    this.#revision++
    const text = words.join(' ')
    const { startMs } = utterance
    const endMs = Math.min(mediaMs, utterance.endMs)
    // The last word may still change: all but it is stable.
    const stable = words.slice(0, -1).join(' ').length
    events.push({ kind: 'partial', index: this.#index, revision: this.#revision, text, stable, startMs, endMs })
  }

  #final(utterance: ScriptedUtterance, endMs: number): ScriptedEvent {
    const text = endMs >= utterance.endMs ? utterance.text : wordsAt(utterance, endMs).join(' ')
    const { startMs } = utterance
    const revision = this.#revision + 1
    const event: ScriptedEvent = {
      kind: 'final',
      index: this.#index,
      revision,
      text,
      stable: text.length,
      startMs,
      endMs,
    }
    this.#next()
    return event
  }

  #next(): void {
    this.#index++
    this.#words = 0
    this.#revision = 0
  }
}

function wordsAt(utterance: ScriptedUtterance, mediaMs: number): string[] {
  const words = utterance.text.split(' ')
  const ratio = (mediaMs - utterance.startMs) / (utterance.endMs - utterance.startMs)
  return words.slice(0, Math.ceil(words.length * Math.min(1, Math.max(0, ratio))))
}
