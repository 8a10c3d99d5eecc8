// What a client of /v1/listen is told of its utterances, and when: interim and final results, starts, ends, the answer to Finalize. Pure.
import type { RecognisedFinal, RecognisedPartial } from '../backends.ts'
import { secondsOf } from '../word-times.ts'
import {
  type Alternative,
  alternativeOf,
  CHANNEL,
  type ListenMessage,
  MODEL_INFO,
  MODEL_UUID,
} from './listen-messages.ts'
import type { ListenConfig } from './listen-query.ts'

/** A final comes after this much silence anyway (speech.endpointMs): it carries `speech_final` itself. */
const ENDPOINT_MS = 300

type Result = Extract<ListenMessage, { type: 'Results' }>
type Wishes = Pick<ListenConfig, 'hasInterim' | 'endpointingMs' | 'utteranceEndMs' | 'hasVadEvents' | 'isPunctuated'>

interface Flags {
  readonly is_final: boolean
  readonly speech_final?: boolean
  readonly from_finalize?: boolean
}

export class ListenUtterances {
  readonly #wishes: Wishes
  readonly #requestId: string
  #open: { readonly index: number; readonly startMs: number; wasShown: boolean } | undefined
  /** End of the last utterance whose `speech_final` is still to be said. */
  #unendedMs: number | undefined
  /** End of the last word whose UtteranceEnd is still to be said. */
  #lastWordEndMs: number | undefined
  /** Finalize commands that recognition has and has not answered. */
  #finalizing = 0
  /** The newest result while one is unanswered: the last of them is marked. */
  #held: Result | undefined

  constructor(wishes: Wishes, requestId: string) {
    this.#wishes = wishes
    this.#requestId = requestId
  }

  /** `interim` may be left out by a client that is behind, `kept` may not. */
  onPartial({ index, text, startMs, endMs }: RecognisedPartial): {
    readonly kept: readonly ListenMessage[]
    readonly interim: ListenMessage | undefined
  } {
    const kept = [...this.#release(false), ...this.#begin(index, startMs)]
    if (!this.#wishes.hasInterim || !this.#open) return { kept, interim: undefined }
    this.#open.wasShown = true
    const alternative = alternativeOf(text, [], this.#wishes.isPunctuated)
    return { kept, interim: this.#result(alternative, startMs, endMs, { is_final: false }) }
  }

  onFinal({ index, text, startMs, endMs, words = [] }: RecognisedFinal): readonly ListenMessage[] {
    const { endpointingMs, isPunctuated } = this.#wishes
    const said = [...this.#release(false), ...this.#begin(index, startMs)]
    this.#open = undefined
    this.#lastWordEndMs = words.at(-1)?.endMs ?? endMs
    const isEnd = endpointingMs !== undefined && endpointingMs <= ENDPOINT_MS
    this.#unendedMs = endpointingMs === undefined || isEnd ? undefined : endMs
    const alternative = alternativeOf(text, words, isPunctuated)
    const result = this.#result(alternative, startMs, endMs, { is_final: true, speech_final: isEnd })
    if (this.#finalizing === 0) return [...said, result]
    this.#held = result
    return said
  }

  /** It had no words, or its stream broke: what was shown of it is taken back. */
  onAbandoned(): readonly ListenMessage[] {
    const open = this.#open
    this.#open = undefined
    if (!open?.wasShown) return []
    return [...this.#release(false), this.#empty(open.startMs, { is_final: true, speech_final: false })]
  }

  /** All audio before `mediaMs` is recognised, and no utterance is open. */
  onSettled(mediaMs: number): readonly ListenMessage[] {
    if (this.#open) return []
    const { endpointingMs = 0, utteranceEndMs } = this.#wishes
    const said: ListenMessage[] = []
    if (this.#unendedMs !== undefined && mediaMs >= this.#unendedMs + endpointingMs) {
      said.push(...this.#release(false), this.#empty(this.#unendedMs, { is_final: true, speech_final: true }))
      this.#unendedMs = undefined
    }
    const lastWordEndMs = this.#lastWordEndMs
    if (utteranceEndMs !== undefined && lastWordEndMs !== undefined && mediaMs >= lastWordEndMs + utteranceEndMs) {
      said.push(...this.#release(false))
      said.push({ type: 'UtteranceEnd', channel: CHANNEL, last_word_end: secondsOf(lastWordEndMs) })
      this.#lastWordEndMs = undefined
    }
    return said
  }

  /** Recognition has been asked for all that was sent before a Finalize. */
  onFinalizing(): void {
    this.#finalizing++
  }

  /** Everything before a Finalize is final; `audioMs` is where that was. */
  onFinalized(audioMs: number): readonly ListenMessage[] {
    this.#finalizing = Math.max(0, this.#finalizing - 1)
    this.#unendedMs = undefined
    const held = this.#release(true)
    if (held.length > 0) return held
    return [this.#empty(audioMs, { is_final: true, speech_final: true, from_finalize: true })]
  }

  #begin(index: number, startMs: number): ListenMessage[] {
    if (this.#open?.index === index) return []
    this.#open = { index, startMs, wasShown: false }
    this.#unendedMs = undefined
    if (!this.#wishes.hasVadEvents) return []
    return [{ type: 'SpeechStarted', channel: CHANNEL, timestamp: secondsOf(startMs) }]
  }

  #release(isFromFinalize: boolean): Result[] {
    const held = this.#held
    this.#held = undefined
    if (!held) return []
    return [isFromFinalize ? { ...held, speech_final: true, from_finalize: true } : held]
  }

  #empty(atMs: number, flags: Flags): Result {
    return this.#result({ transcript: '', confidence: 0, words: [] }, atMs, atMs, flags)
  }

  #result(alternative: Alternative, startMs: number, endMs: number, flags: Flags): Result {
    return {
      type: 'Results',
      channel_index: CHANNEL,
      duration: secondsOf(endMs - startMs),
      start: secondsOf(startMs),
      speech_final: false,
      from_finalize: false,
      ...flags,
      channel: { alternatives: [alternative] },
      metadata: { request_id: this.#requestId, model_info: MODEL_INFO, model_uuid: MODEL_UUID },
    }
  }
}
