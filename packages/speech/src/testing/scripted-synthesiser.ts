// A synthesiser whose audio is made up of the text: a short tone for each character, silence for what is not a letter or a digit.
// Keeps the whole port, so that what is built on a synthesiser can be tested and loaded without an engine; two texts sound different,
// the same text always the same.
import { type Clock, err, ok, type Result, Scope } from '@parley/kernel'
import type { VoiceInfo } from '@parley/protocol'
import { readSpeakRequest, type SpeakOrder } from '../synthesis/speak-request.ts'
import {
  type SpeakRequest,
  type Speech,
  SynthesisError,
  type Synthesiser,
  type SynthesiserRefusal,
  type SynthesiserStatus,
} from '../synthesiser.ts'

/** Audio of one character at rate 1; a chunk is one character. */
export const SCRIPTED_CHAR_MS = 20
const RATE_HZ = 16_000
const RETRY_AFTER_MS = 1_000
const PEAK = 8_000
const LOWEST_HZ = 200
const TONES = 97
const TONE_STEP_HZ = 25
const VOICE_STEP_HZ = 1
const VOICE_PITCHES = 25

export interface ScriptedSynthesiserOptions {
  readonly clock: Clock
  readonly slots: number
  /** "scripted" (en-US) and "guion" (es-ES) unless told. */
  readonly voices?: readonly VoiceInfo[]
  /** Time on the clock that each chunk takes to be made; 0 unless told. */
  readonly chunkDelayMs?: number
  /** Chunks after which this speech breaks off with a SynthesisError; never unless told. */
  readonly failAfterChunks?: (request: SpeakRequest) => number | undefined
  /** The engine is missing: nothing can be said, and `status` says this. */
  readonly problem?: string
}

const VOICES: readonly VoiceInfo[] = [
  { name: 'scripted', language: 'en-US', engine: 'scripted' },
  { name: 'guion', language: 'es-ES', engine: 'scripted' },
]

/** Samples of `character` at `rateRatio`: what the double says for it. Voices of other names are a little higher or lower. */
export function scriptedTone(character: string, rateRatio = 1, voice = 'scripted'): Int16Array {
  const samples = new Int16Array(Math.round((RATE_HZ * SCRIPTED_CHAR_MS) / 1000 / rateRatio))
  if (!/[\p{L}\p{N}]/u.test(character)) return samples
  const tone = ((character.codePointAt(0) as number) % TONES) * TONE_STEP_HZ
  const frequencyHz = LOWEST_HZ + pitchOf(voice) * VOICE_STEP_HZ + tone
  const step = (2 * Math.PI * frequencyHz) / RATE_HZ
  return samples.map((_, n) => Math.round(PEAK * Math.sin(step * n)))
}

const pitchOf = (voice: string): number =>
  [...voice].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % VOICE_PITCHES

export class ScriptedSynthesiser implements Synthesiser {
  readonly name = 'scripted'
  readonly #options: ScriptedSynthesiserOptions
  readonly #voices: readonly VoiceInfo[]
  readonly #scope: Scope
  readonly #speeches = new Set<ScriptedSpeech>()
  #isClosed = false

  constructor(options: ScriptedSynthesiserOptions) {
    this.#options = options
    this.#voices = options.voices ?? VOICES
    this.#scope = new Scope(options.clock)
  }

  status(): SynthesiserStatus {
    const { slots, problem } = this.#options
    const languages = [...new Set(this.#voices.map((voice) => voice.language))]
    return {
      name: this.name,
      languages,
      voices: this.#voices,
      ready: problem === undefined && !this.#isClosed,
      slots,
      slotsUsed: this.#speeches.size,
      ...(problem === undefined ? {} : { problem }),
    }
  }

  async start(): Promise<void> {}

  speak(request: SpeakRequest): Result<Speech, SynthesiserRefusal> {
    const { slots, problem } = this.#options
    if (this.#isClosed || problem !== undefined) {
      return err({ code: 'SPEECH_UNAVAILABLE', message: problem ?? 'closed', retryAfterMs: RETRY_AFTER_MS })
    }
    const order = readSpeakRequest(request, this.#voices)
    if (!order.ok) return order
    if (this.#speeches.size >= slots) {
      return err({ code: 'NO_SLOT', message: `all ${slots} slots are taken`, retryAfterMs: RETRY_AFTER_MS })
    }
    const speech: ScriptedSpeech = new ScriptedSpeech(order.value, this.#scope.child(), {
      chunkDelayMs: this.#options.chunkDelayMs ?? 0,
      failAfterChunks: this.#options.failAfterChunks?.(request) ?? Number.POSITIVE_INFINITY,
      onOver: () => this.#speeches.delete(speech),
    })
    this.#speeches.add(speech)
    return ok(speech)
  }

  /** Breaks every speech asked for as `requestId`, now: a `next` that waits rejects, otherwise the following one does. */
  fail(requestId: string, message = 'broken on command'): void {
    for (const speech of this.#speeches) if (speech.requestId === requestId) speech.fail(message)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const speech of this.#speeches) speech.cancel()
    await this.#scope.close()
  }
}

interface ScriptedSpeechOptions {
  readonly chunkDelayMs: number
  readonly failAfterChunks: number
  readonly onOver: () => void
}

class ScriptedSpeech implements Speech {
  readonly requestId: string
  readonly voice: VoiceInfo
  readonly sampleRateHz = RATE_HZ
  readonly #scope: Scope
  readonly #rateRatio: number
  readonly #options: ScriptedSpeechOptions
  /** Walked as it is asked for. */
  readonly #characters: Iterator<string>
  #chunks = 0
  #failure: SynthesisError | undefined
  #pending: PromiseWithResolvers<undefined> | undefined
  #isOver = false

  constructor(order: SpeakOrder, scope: Scope, options: ScriptedSpeechOptions) {
    this.requestId = order.requestId
    this.voice = order.voice
    this.#rateRatio = order.rateRatio
    this.#scope = scope
    this.#options = options
    this.#characters = /[\p{L}\p{N}]/u.test(order.text) ? order.text[Symbol.iterator]() : [].values()
  }

  async next(): Promise<Int16Array | undefined> {
    if (this.#pending) throw new Error('one call at a time: the chunk asked for before has not come yet')
    this.#throwFailure()
    if (this.#isOver) return undefined
    await this.#delay()
    this.#throwFailure()
    if (this.#isOver) return undefined
    if (this.#chunks >= this.#options.failAfterChunks) {
      this.fail('the script says so')
      this.#throwFailure()
    }
    const { value, done } = this.#characters.next()
    if (done === true) {
      this.#end()
      return undefined
    }
    this.#chunks++
    return scriptedTone(value, this.#rateRatio, this.voice.name)
  }

  cancel(): void {
    this.#end()
  }

  fail(message: string): void {
    if (this.#isOver) return
    this.#failure = new SynthesisError(message)
    this.#end()
  }

  /** Told once; what is asked for after it is over like any other speech. */
  #throwFailure(): void {
    const failure = this.#failure
    this.#failure = undefined
    if (failure) throw failure
  }

  async #delay(): Promise<void> {
    const pending = Promise.withResolvers<undefined>()
    this.#pending = pending
    const { chunkDelayMs } = this.#options
    // Never within the call: what comes right after it, a cancel say, comes before the audio, as with a real engine.
    if (chunkDelayMs > 0) this.#scope.after(chunkDelayMs, () => pending.resolve(undefined))
    else queueMicrotask(() => pending.resolve(undefined))
    await pending.promise
    this.#pending = undefined
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    void this.#scope.close()
    this.#options.onOver()
    this.#pending?.resolve(undefined)
  }
}
