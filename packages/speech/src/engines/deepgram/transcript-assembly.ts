// From the results of a live connection to utterances: parts that will not change are put together until the speech has ended. Pure.
import type { LiveResult } from '@parley/providers'

export interface AssembledUtterance {
  readonly text: string
  /** Leading UTF-16 units that will not change. */
  readonly stable: number
  readonly startMs: number
  readonly endMs: number
}

export class TranscriptAssembly {
  readonly #mediaMs: (connectionS: number) => number
  #parts: string[] = []
  #startMs: number | undefined
  #endMs = 0
  #hasWords = false

  /** `mediaMs` turns seconds of the connection into the client's time. */
  constructor(mediaMs: (connectionS: number) => number) {
    this.#mediaMs = mediaMs
  }

  /** Somebody is speaking, or it seemed so. */
  get isOpen(): boolean {
    return this.#startMs !== undefined
  }

  get startMs(): number {
    return this.#startMs ?? 0
  }

  /** Takes a result in; the utterance as it stands when it has changed. */
  take(result: LiveResult): AssembledUtterance | undefined {
    const { transcript, isFinal } = result
    if (transcript !== '') {
      const { startS, endS } = result.speech ?? result
      this.#startMs ??= this.#mediaMs(startS)
      this.#endMs = Math.max(this.#endMs, this.#startMs, this.#mediaMs(endS))
    }
    if (this.#startMs === undefined) return undefined
    const before = this.#parts.join(' ')
    if (isFinal && transcript !== '') {
      this.#parts.push(transcript)
      this.#hasWords = true
    }
    if (transcript === '') return undefined
    const text = before === '' ? transcript : `${before} ${transcript}`
    return { text, stable: isFinal ? text.length : before.length, startMs: this.#startMs, endMs: this.#endMs }
  }

  /** Whether what was heard was worth anything: words that will not change. */
  get hasWords(): boolean {
    return this.#hasWords
  }

  /** Ends the utterance; text is empty when nothing came of it. */
  end(): { readonly text: string; readonly endMs: number } {
    const ended = { text: this.#parts.join(' '), endMs: this.#endMs }
    this.#parts = []
    this.#startMs = undefined
    this.#endMs = 0
    this.#hasWords = false
    return ended
  }
}
