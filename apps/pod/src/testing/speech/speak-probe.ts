// A listener of one speech that keeps what it is told, and whether the samples are the right ones.
import type { ParleyError, VoiceInfo } from '@parley/protocol'
import type { Speaking, SpeakListener, SpeakPort, SpeakRequest } from '../../speech/speech-port.ts'
import { sampleAt } from './manual-worker.ts'

export class SpeakProbe implements SpeakListener {
  /** `started tone 16000`, `ended 640`, `failed NO_SLOT`, in order. */
  readonly told: string[] = []
  error: ParleyError | undefined
  readonly #fromSample: number
  /** Samples that came. */
  count = 0
  /** Places at which another sample came than the one expected there. */
  wrong = 0
  speaking: Speaking | undefined
  /** Called with every piece of audio. */
  onHeard: (() => void) | undefined

  constructor(fromSample = 0) {
    this.#fromSample = fromSample
  }

  start(port: SpeakPort, request: Partial<SpeakRequest> = {}): this {
    this.speaking = port.speak({ requestId: 'r', text: 'hello', creditMs: 400, ...request }, this)
    return this
  }

  onStarted({ sampleRateHz, voice }: { readonly sampleRateHz: number; readonly voice: VoiceInfo }): void {
    this.told.push(`started ${voice.name} ${sampleRateHz}`)
  }
  onAudio(fromSample: number, payload: Uint8Array): void {
    if (fromSample !== this.#fromSample + this.count) this.wrong++
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
    for (let n = 0; n < payload.byteLength / 2; n++) {
      if (view.getInt16(2 * n, true) !== sampleAt(fromSample + n)) this.wrong++
    }
    this.count += payload.byteLength / 2
    this.onHeard?.()
  }
  onEnded(samples: number): void {
    this.told.push(`ended ${samples}`)
  }
  onFailed(error: ParleyError): void {
    this.error = error
    this.told.push(`failed ${error.code}`)
  }
}
