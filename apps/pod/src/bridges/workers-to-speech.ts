// Where sessions meet the workers that speak: what a session wants said becomes a speech over a link, and its audio comes back. Nothing
// is kept here.
import type { ParleyError, VoiceInfo } from '@parley/protocol'
import type { Speaking, SpeechRequest, SpeechSink, SpeechSource } from '@parley/sessions'
import { wishRefusal } from '../speech/speak-wish.ts'
import type { SpeakListener, SpeakPort } from '../speech/speech-port.ts'

export class WorkersToSpeech implements SpeechSource {
  readonly #speak: SpeakPort

  constructor(speak: SpeakPort) {
    this.#speak = speak
  }

  unsayable(language: string): string | undefined {
    return wishRefusal(this.#speak.voices(), { language })?.message
  }

  speak(request: SpeechRequest, sink: SpeechSink): Speaking {
    return this.#speak.speak(request, new SinkOfSession(sink))
  }
}

class SinkOfSession implements SpeakListener {
  readonly #sink: SpeechSink

  constructor(sink: SpeechSink) {
    this.#sink = sink
  }

  onStarted({ sampleRateHz, voice }: { readonly sampleRateHz: number; readonly voice: VoiceInfo }): void {
    this.#sink.speechStarted({ sampleRateHz, voice: voice.name, language: voice.language })
  }
  onAudio(fromSample: number, payload: Uint8Array): void {
    this.#sink.speechAudio(fromSample, payload)
  }
  onEnded(samples: number): void {
    this.#sink.speechEnded(samples)
  }
  onFailed(error: ParleyError): void {
    this.#sink.speechFailed(error)
  }
}
