// A SpeakPort whose speeches say what a test tells them to, and nothing else.
import type { ParleyError, VoiceInfo } from '@parley/protocol'
import type { Speaking, SpeakListener, SpeakPort, SpeakRequest } from '../../speech/speech-port.ts'

const TONE: VoiceInfo = { name: 'tone', language: 'en-US', engine: 'manual' }
const FRAME_SAMPLES = 320

export class ManualSpeaking implements Speaking {
  readonly request: SpeakRequest
  readonly #listener: SpeakListener
  creditMs: number
  isCancelled = false
  #samples: number

  constructor(request: SpeakRequest, listener: SpeakListener) {
    this.request = request
    this.#listener = listener
    this.creditMs = request.creditMs
    this.#samples = request.fromSample ?? 0
  }

  grant(creditMs: number): void {
    this.creditMs = creditMs
  }
  cancel(): void {
    this.isCancelled = true
  }

  start(): this {
    this.#listener.onStarted({ sampleRateHz: 16_000, voice: TONE })
    return this
  }
  /** `frames` more of 20 ms; every byte of a frame is the low byte of its number. */
  say(frames: number): this {
    for (let n = 0; n < frames; n++) {
      const payload = new Uint8Array(2 * FRAME_SAMPLES).fill((this.#samples / FRAME_SAMPLES) & 0xff)
      this.#listener.onAudio(this.#samples, payload)
      this.#samples += FRAME_SAMPLES
    }
    return this
  }
  /** Frames of 20 ms until all that is allowed has come. */
  sayAllowed(): number {
    const frames = Math.max(0, Math.floor((this.creditMs * 16 - this.#samples) / FRAME_SAMPLES))
    this.say(frames)
    return frames
  }
  end(): void {
    this.#listener.onEnded(this.#samples)
  }
  fail(error: ParleyError): void {
    this.#listener.onFailed(error)
  }
}

export class ManualSpeak implements SpeakPort {
  readonly speeches: ManualSpeaking[] = []
  known: readonly VoiceInfo[] = [TONE]
  readonly #listeners = new Set<() => void>()

  /** The one that was to be said last; throws when there was none. */
  get last(): ManualSpeaking {
    const last = this.speeches.at(-1)
    if (!last) throw new Error('nothing was to be said yet')
    return last
  }
  voices(): readonly VoiceInfo[] {
    return this.known
  }
  onVoicesChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
  get listenerCount(): number {
    return this.#listeners.size
  }
  /** Other voices from now on. */
  change(known: readonly VoiceInfo[]): void {
    this.known = known
    for (const listener of this.#listeners) listener()
  }
  speak(request: SpeakRequest, listener: SpeakListener): Speaking {
    const speaking = new ManualSpeaking(request, listener)
    this.speeches.push(speaking)
    return speaking
  }
}
