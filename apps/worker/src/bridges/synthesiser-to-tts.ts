// Where the synthesis endpoint meets this worker's own synthesiser.
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError } from '@parley/protocol'
import type { Speech, Synthesiser } from '@parley/speech'
import type { BackendSpeech, EndpointVoice, SpeakRequest, SynthesiseBackend } from '@parley/stream-endpoints'
import type { LocalAccess } from '../endpoints-port.ts'
import { asError, notReady } from './role-refusal.ts'

export class SynthesiserToTts implements SynthesiseBackend {
  readonly #access: LocalAccess
  readonly #synthesiser: Synthesiser
  readonly #said = new Set<LocalSpeech>()

  constructor(access: LocalAccess, synthesiser: Synthesiser) {
    this.#access = access
    this.#synthesiser = synthesiser
  }

  refusal(): ParleyError | undefined {
    return asError(this.#access.refusal('synthesise')) ?? notReady(this.#synthesiser.status())
  }

  voices(): readonly EndpointVoice[] {
    return this.#synthesiser.status().voices
  }

  async speak(request: SpeakRequest): Promise<Result<BackendSpeech, ParleyError>> {
    const refusal = this.refusal()
    if (refusal) return err(refusal)
    const begun = this.#synthesiser.speak(request)
    if (!begun.ok) {
      const { code, ...details } = begun.error
      return err(new ParleyError(code, details))
    }
    const speech = new LocalSpeech(begun.value, () => {
      this.#said.delete(speech)
      this.#access.onSlotsChanged()
    })
    this.#said.add(speech)
    this.#access.onSlotsChanged()
    return ok(speech)
  }

  /** Cancels what is being said; the slots are free when it returns. */
  close(): void {
    for (const speech of this.#said) speech.cancel()
  }
}

class LocalSpeech implements BackendSpeech {
  readonly #speech: Speech
  readonly #onOver: () => void
  #isOver = false

  constructor(speech: Speech, onOver: () => void) {
    this.#speech = speech
    this.#onOver = onOver
  }

  get voice(): EndpointVoice {
    return this.#speech.voice
  }
  get sampleRateHz(): number {
    return this.#speech.sampleRateHz
  }

  async next(): Promise<Int16Array | undefined> {
    try {
      const chunk = await this.#speech.next()
      if (!chunk) this.#end()
      return chunk
    } catch (error) {
      this.#end()
      throw error
    }
  }

  cancel(): void {
    this.#speech.cancel()
    this.#end()
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#onOver()
  }
}
