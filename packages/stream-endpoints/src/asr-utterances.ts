// What a client is told of its utterances, in which order: speech_start, partials, speech_end, then one final; or abandoned. Pure.
import type { AbandonReason } from '@parley/protocol'
import type { AsrServerMessage } from './asr-messages.ts'
import type { RecognisedFinal, RecognisedPartial } from './backends.ts'
import { meanConfidence } from './word-times.ts'

export class AsrUtterances {
  readonly #tag: { readonly requestId?: string }
  readonly #hasPartials: boolean
  /** The utterance whose speech_start has been said. */
  #open: { readonly index: number; readonly startMs: number; endMs: number; revision: number } | undefined
  #nextIndex = 0

  /** `requestId` of the configuration is repeated in every message. */
  constructor(requestId: string | undefined, hasPartials: boolean) {
    this.#tag = requestId === undefined ? {} : { requestId }
    this.#hasPartials = hasPartials
  }

  /** Index of the utterance after the last one that has ended. */
  get nextIndex(): number {
    return this.#nextIndex
  }

  /** `partial` may be left out by a client that is behind, `start` may not. */
  onPartial({ index, text, stable, startMs, endMs }: RecognisedPartial): {
    readonly start: AsrServerMessage | undefined
    readonly partial: AsrServerMessage | undefined
  } {
    const start = this.#begin(index, startMs)
    const open = this.#open
    if (!open) return { start, partial: undefined }
    open.endMs = endMs
    if (!this.#hasPartials) return { start, partial: undefined }
    const revision = ++open.revision
    const times = { startMs, endMs }
    return {
      start,
      partial: { type: 'partial', ...this.#tag, utterance: index, revision, text, stable, ...times },
    }
  }

  onFinal({ index, text, startMs, endMs, words = [] }: RecognisedFinal): AsrServerMessage[] {
    const start = this.#begin(index, startMs)
    const times = { utterance: index, startMs, endMs }
    this.#end(index)
    return [
      ...(start ? [start] : []),
      { type: 'speech_end', ...this.#tag, ...times },
      // What the engine does not measure is said to be unknown, not made up.
      { type: 'final', ...this.#tag, ...times, text, confidence: meanConfidence(words) ?? null, words: [...words] },
    ]
  }

  onAbandoned(index: number, reason: AbandonReason): AsrServerMessage[] {
    const open = this.#open
    this.#end(index)
    const abandoned: AsrServerMessage = { type: 'abandoned', ...this.#tag, utterance: index, reason }
    if (open?.index !== index) return [abandoned]
    const { startMs, endMs } = open
    return [{ type: 'speech_end', ...this.#tag, utterance: index, startMs, endMs }, abandoned]
  }

  /** The stream of the open utterance is gone: it will have no final. */
  abandonOpen(reason: AbandonReason): AsrServerMessage[] {
    return this.#open ? this.onAbandoned(this.#open.index, reason) : []
  }

  #begin(index: number, startMs: number): AsrServerMessage | undefined {
    if (this.#open?.index === index) return undefined
    this.#open = { index, startMs, endMs: startMs, revision: 0 }
    return { type: 'speech_start', ...this.#tag, utterance: index, startMs }
  }

  #end(index: number): void {
    this.#open = undefined
    this.#nextIndex = index + 1
  }
}
