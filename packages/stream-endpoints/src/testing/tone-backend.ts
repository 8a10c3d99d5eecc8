// Synthesis made up of its text: 20 ms for each character, every sample of them its code. What belongs to which text is known exactly.
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError } from '@parley/protocol'
import type { BackendSpeech, EndpointVoice, SpeakRequest, SynthesiseBackend } from '../backends.ts'

export const TONE_RATE_HZ = 16_000
const CHARACTER_SAMPLES = 320

/** All samples of `text`. */
export function toneOf(text: string): Int16Array {
  const samples = new Int16Array(text.length * CHARACTER_SAMPLES)
  for (let index = 0; index < text.length; index++) {
    samples.fill(text.charCodeAt(index), index * CHARACTER_SAMPLES, (index + 1) * CHARACTER_SAMPLES)
  }
  return samples
}

export class ToneBackend implements SynthesiseBackend {
  readonly speeches: ToneSpeech[] = []
  slots = 1_000
  unavailable: ParleyError | undefined
  /** While set, speeches give out only what `letOut` allows. */
  isGated = false

  refusal(): ParleyError | undefined {
    return this.unavailable
  }

  voices(): readonly EndpointVoice[] {
    return [
      { name: 'tone', language: 'en-US', engine: 'tone' },
      { name: 'ton', language: 'de', engine: 'tone' },
    ]
  }

  get slotsUsed(): number {
    return this.speeches.filter((speech) => !speech.isOver).length
  }

  async speak(request: SpeakRequest): Promise<Result<BackendSpeech, ParleyError>> {
    const voices = this.voices()
    const voice =
      request.voice === undefined ? this.#ofLanguage(request.language) : voices.find((v) => v.name === request.voice)
    if (!voice) {
      const allowed = voices.map(({ name }) => name)
      return err(
        new ParleyError('VOICE_UNKNOWN', { field: 'voice', allowed, message: `no such voice; use ${allowed}` }),
      )
    }
    if (this.slotsUsed >= this.slots) return err(new ParleyError('NO_SLOT', { retryAfterMs: 100 }))
    const speech = new ToneSpeech(request, voice, this.isGated)
    this.speeches.push(speech)
    return ok(speech)
  }

  #ofLanguage(language = 'en-US'): EndpointVoice | undefined {
    return this.voices().find((voice) => voice.language === language)
  }
}

export class ToneSpeech implements BackendSpeech {
  readonly voice: EndpointVoice
  readonly sampleRateHz = TONE_RATE_HZ
  readonly request: SpeakRequest
  isOver = false
  /** Chunks that were asked for. */
  asked = 0
  readonly #samples: Int16Array
  #at = 0
  #allowed: number
  #pending: ((chunk: Int16Array | undefined) => void) | undefined
  #fail: ((error: Error) => void) | undefined

  constructor(request: SpeakRequest, voice: EndpointVoice, isGated: boolean) {
    this.request = request
    this.voice = voice
    this.#samples = toneOf(request.text)
    this.#allowed = isGated ? 0 : Number.POSITIVE_INFINITY
  }

  /** `count` more chunks may be given out. */
  letOut(count: number): void {
    this.#allowed += count
    this.#give()
  }

  break(): void {
    this.isOver = true
    this.#fail?.(new Error('told to'))
  }

  next(): Promise<Int16Array | undefined> {
    this.asked++
    return new Promise((resolve, reject) => {
      this.#pending = resolve
      this.#fail = reject
      this.#give()
    })
  }

  cancel(): void {
    this.isOver = true
    this.#settle(undefined)
  }

  #give(): void {
    if (!this.#pending) return
    if (this.isOver) this.#settle(undefined)
    else if (this.#at >= this.#samples.length) {
      this.isOver = true
      this.#settle(undefined)
    } else if (this.#allowed > 0) {
      this.#allowed--
      const chunk = this.#samples.slice(this.#at, this.#at + CHARACTER_SAMPLES)
      this.#at += chunk.length
      this.#settle(chunk)
    }
  }

  #settle(chunk: Int16Array | undefined): void {
    const pending = this.#pending
    this.#pending = undefined
    this.#fail = undefined
    pending?.(chunk)
  }
}
