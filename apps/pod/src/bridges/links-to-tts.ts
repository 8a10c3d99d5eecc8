// Where the synthesis endpoint meets the workers: audio that comes as credit allows becomes audio that is asked for.
import { pcm16FromBytes } from '@parley/audio'
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError, type VoiceInfo } from '@parley/protocol'
import type { BackendSpeech, EndpointVoice, SpeakRequest, SynthesiseBackend } from '@parley/stream-endpoints'
import type { Speaking, SpeakListener, SpeakPort } from '../speech/speech-port.ts'

/** Audio a worker may send ahead of what was asked for: what a cancel wastes, and what hides the way between pod and worker. */
const LEAD_MS = 400

export interface LinksToTtsOptions {
  readonly speak: SpeakPort
  /** Why the pod takes no speech now. */
  readonly refusal: () => ParleyError | undefined
}

export class LinksToTts implements SynthesiseBackend {
  readonly #options: LinksToTtsOptions

  constructor(options: LinksToTtsOptions) {
    this.#options = options
  }

  refusal(): ParleyError | undefined {
    return this.#options.refusal()
  }

  voices(): readonly EndpointVoice[] {
    return this.#options.speak.voices()
  }

  speak(request: SpeakRequest, signal: AbortSignal): Promise<Result<BackendSpeech, ParleyError>> {
    return new Promise((resolve) => {
      const speech = new PulledSpeech(resolve)
      const speaking = this.#options.speak.speak({ ...request, creditMs: LEAD_MS }, speech)
      speech.began(speaking)
      signal.addEventListener('abort', () => speech.cancel(), { once: true })
      if (signal.aborted) speech.cancel()
    })
  }
}

interface Started {
  readonly sampleRateHz: number
  readonly voice: VoiceInfo
}

class PulledSpeech implements BackendSpeech, SpeakListener {
  readonly #onBegun: (begun: Result<BackendSpeech, ParleyError>) => void
  /** Bounded by the credit. */
  readonly #chunks: Int16Array[] = []
  #speaking: Speaking | undefined
  #started: Started | undefined
  #takenSamples = 0
  #end: 'ended' | 'cancelled' | ParleyError | undefined
  #pending: { resolve(chunk: Int16Array | undefined): void; reject(error: Error): void } | undefined

  constructor(onBegun: (begun: Result<BackendSpeech, ParleyError>) => void) {
    this.#onBegun = onBegun
  }

  began(speaking: Speaking): void {
    this.#speaking = speaking
  }

  // ---- asked by the endpoint ----

  get voice(): EndpointVoice {
    return this.#begun.voice
  }
  get sampleRateHz(): number {
    return this.#begun.sampleRateHz
  }
  get #begun(): Started {
    if (!this.#started) throw new Error('the speech has not begun')
    return this.#started
  }

  next(): Promise<Int16Array | undefined> {
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject }
      this.#give()
    })
  }

  cancel(): void {
    this.#end ??= 'cancelled'
    this.#chunks.length = 0
    this.#speaking?.cancel()
    if (!this.#started) this.#onBegun(err(new ParleyError('SYNTHESIS_FAILED', { message: 'it was cancelled' })))
    this.#give()
  }

  // ---- told by the workers ----

  onStarted(started: Started): void {
    this.#started = started
    this.#onBegun(ok(this))
  }

  onAudio(_fromSample: number, payload: Uint8Array): void {
    if (this.#end) return
    this.#chunks.push(pcm16FromBytes(payload))
    this.#give()
  }

  onEnded(): void {
    this.#end ??= 'ended'
    this.#give()
  }

  onFailed(error: ParleyError): void {
    this.#end ??= error
    if (!this.#started) this.#onBegun(err(error))
    this.#give()
  }

  #give(): void {
    const pending = this.#pending
    if (!pending) return
    const chunk = this.#chunks.shift()
    if (!chunk && this.#end === undefined) return
    this.#pending = undefined
    if (chunk) {
      this.#takenSamples += chunk.length
      this.#speaking?.grant((this.#takenSamples * 1000) / this.#begun.sampleRateHz + LEAD_MS)
      pending.resolve(chunk)
    } else if (this.#end instanceof ParleyError) pending.reject(this.#end)
    else pending.resolve(undefined)
  }
}
