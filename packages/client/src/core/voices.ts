// Finals that are said in a language this client wants to hear: each a voice with its audio, put together from frames of its connection.
// Speech is live: what was left out on the way is silence, and what breaks with the connection is over. Holds no socket and no timer.
import { decodeSpeechFrame, frameSeq, type UtteranceId, type VoiceEnded, type VoiceStarted } from '@parley/protocol'
import { ParleyClientError } from './errors.ts'
import { type ParleySpeech, SpokenText } from './spoken-text.ts'

/** One final said in one language: as any speech, and what it says. `cancel` makes it silent here only. */
export interface ParleyVoice extends ParleySpeech {
  readonly utterance: UtteranceId
  /** BCP 47 tag. */
  readonly language: string
}

/** A final that was to be heard and was not begun: too much was waiting, or nothing could say it. */
export interface Unsaid {
  readonly utterance: UtteranceId
  readonly language: string
  readonly reason: 'skipped' | 'failed'
}

/** Longest silence that stands for frames that were left out, s; more is not speech any more. */
const MAX_GAP_S = 60

class HeardVoice extends SpokenText implements ParleyVoice {
  readonly utterance: UtteranceId
  readonly language: string
  receivedSamples = 0

  constructor({ speech, utterance, language }: VoiceStarted) {
    super(`voice-${speech}`, {}, () => {})
    this.utterance = utterance
    this.language = language
  }
}

export interface VoicesListener {
  /** False: nobody listens to voices. */
  onVoice(voice: ParleyVoice): boolean
  onUnsaid(unsaid: Unsaid): void
}

export class Voices {
  readonly #listener: VoicesListener
  /** By number; one for each language at a time. */
  readonly #voices = new Map<number, HeardVoice>()

  constructor(listener: VoicesListener) {
    this.#listener = listener
  }

  onNotice(notice: VoiceStarted | VoiceEnded): void {
    if (notice.type === 'voice.started') this.#onStarted(notice)
    else this.#onEnded(notice)
  }

  #onStarted(started: VoiceStarted): void {
    const { speech, sampleRateHz, voice: name, language } = started
    const voice = new HeardVoice(started)
    this.#voices.set(speech, voice)
    voice.start({ sampleRateHz, voice: name, language })
    if (!this.#listener.onVoice(voice)) voice.cancel()
  }

  #onEnded({ speech, utterance, language, reason }: VoiceEnded): void {
    const voice = this.#voices.get(speech)
    this.#voices.delete(speech)
    if (!voice) {
      if (reason !== 'said') this.#listener.onUnsaid({ utterance, language, reason })
    } else if (reason === 'said') voice.finish({ kind: 'ended', samples: voice.samples })
    else if (reason === 'skipped') voice.cancel()
    else voice.fail(new ParleyClientError('SYNTHESIS_FAILED', { detail: `the voice of ${language} broke off` }))
  }

  /** Is a binary message a frame of a voice? */
  has(message: Uint8Array): boolean {
    return this.#voices.size > 0 && message.byteLength >= 6 && this.#voices.has(frameSeq(message))
  }

  /** What was wrong with a frame of a voice; undefined when nothing was. */
  onFrame(message: Uint8Array): string | undefined {
    const frame = decodeSpeechFrame(message)
    const voice = frame && this.#voices.get(frame.speech)
    if (!frame || !voice) return 'a binary message is no frame of a voice'
    const gapSamples = frame.mediaTime - voice.receivedSamples
    if (gapSamples < 0 || gapSamples > MAX_GAP_S * (voice.started?.sampleRateHz ?? 0)) {
      return 'a frame of a voice does not join on'
    }
    if (gapSamples > 0) voice.deliver(new Int16Array(gapSamples))
    voice.receivedSamples = frame.mediaTime + frame.samples.length
    voice.deliver(frame.samples)
    return undefined
  }

  /** The connection they came by is gone, or all is over. */
  failAll(error: ParleyClientError): void {
    for (const voice of this.#voices.values()) voice.fail(error)
    this.#voices.clear()
  }
}
