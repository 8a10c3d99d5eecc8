// Plays a speech aloud: its pieces are put end to end on the clock of an AudioContext as they come. Stopped, it is silent at once.
import type { ParleySpeech, SpeechAudio, SpeechOutcome } from '../core/index.ts'

/** Between the first piece's arrival and its being heard, s: what the pieces after it may come late. */
const START_DELAY_S = 0.06

export interface PlaySpeechOptions {
  /**
   * Where it is played; one of its own unless told, with the rate of the speech, made at its first audio. A browser starts it only after
   * a click or a key on the page.
   */
  readonly context?: AudioContext
}

export interface SpeechPlayback {
  /** Resolves when the last of it was heard, or it was stopped, or it failed. Never rejects. */
  readonly done: Promise<SpeechOutcome>
  /** Silence at once; the speech is cancelled. Idempotent. */
  stop(): void
}

/** Plays `speech` from its beginning, whatever of it has come already. */
export function playSpeech(speech: ParleySpeech, options: PlaySpeechOptions = {}): SpeechPlayback {
  return new Playback(speech, options)
}

class Playback implements SpeechPlayback {
  readonly done: Promise<SpeechOutcome>
  readonly #speech: ParleySpeech
  readonly #given: AudioContext | undefined
  readonly #off: () => void
  readonly #heard = Promise.withResolvers<void>()
  readonly #sources = new Set<AudioBufferSourceNode>()
  #context: AudioContext | undefined
  #volume: GainNode | undefined
  /** Where the next piece begins, s on the context's clock. */
  #nextAtS = 0
  #isAllHere = false

  constructor(speech: ParleySpeech, { context }: PlaySpeechOptions) {
    this.#speech = speech
    this.#given = context
    this.#off = speech.on('audio', (audio) => this.#play(audio))
    this.done = this.#finish()
  }

  stop(): void {
    this.#speech.cancel()
    this.#volume?.disconnect()
    for (const source of this.#sources) source.stop()
    this.#sources.clear()
    this.#heard.resolve()
  }

  async #finish(): Promise<SpeechOutcome> {
    const outcome = await this.#speech.done
    this.#off()
    this.#isAllHere = true
    if (outcome.kind === 'ended' && this.#sources.size > 0) await this.#heard.promise
    // Of a speech that was cancelled nothing more is heard, whoever cancelled it.
    if (outcome.kind === 'cancelled') this.stop()
    if (this.#context && !this.#given) await this.#context.close().catch(() => {})
    return outcome
  }

  #play({ samples, sampleRateHz }: SpeechAudio): void {
    const context = this.#contextFor(sampleRateHz)
    const buffer = context.createBuffer(1, samples.length, sampleRateHz)
    const channel = buffer.getChannelData(0)
    for (let n = 0; n < samples.length; n++) channel[n] = (samples[n] as number) / 32_768
    const source = context.createBufferSource()
    source.buffer = buffer
    source.connect(this.#volume as GainNode)
    // Whatever came too late is heard late: nothing is skipped.
    this.#nextAtS = Math.max(this.#nextAtS, context.currentTime + (this.#sources.size === 0 ? START_DELAY_S : 0))
    source.start(this.#nextAtS)
    this.#nextAtS += samples.length / sampleRateHz
    this.#sources.add(source)
    source.onended = () => {
      this.#sources.delete(source)
      if (this.#isAllHere && this.#sources.size === 0) this.#heard.resolve()
    }
  }

  #contextFor(sampleRateHz: number): AudioContext {
    if (this.#context) return this.#context
    // With the rate of the speech no piece is resampled by itself, and none is heard to begin.
    const context = this.#given ?? new AudioContext({ sampleRate: sampleRateHz })
    this.#context = context
    this.#volume = context.createGain()
    this.#volume.connect(context.destination)
    if (context.state === 'suspended') context.resume().catch(() => {})
    return context
  }
}
