// One speech of one client: a slot taken, audio pulled as the client takes it, resampled, encoded and sent, and one last word.
import { createResampler } from '@parley/audio'
import { type Clock, withDeadline } from '@parley/kernel'
import { AUDIO_FRAME_HEADER_BYTES, ParleyError, SPEECH_FRAME_KIND, writeUint32 } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import type { BackendSpeech, SynthesiseBackend } from './backends.ts'
import { encodeSamples } from './sample-format.ts'
import { waitForSlot } from './slot-wait.ts'
import type { SpeechOutlet } from './speech-outlet.ts'
import type { SpeakCommand } from './tts-messages.ts'

/** A synthesiser that says nothing for so long has broken. */
const CHUNK_DEADLINE_MS = 30_000

export interface SpeechSettings {
  readonly clock: Clock
  readonly logger: Logger
  readonly connectionId: string
  readonly backend: SynthesiseBackend
  readonly outlet: SpeechOutlet
  /** Sends one binary message. */
  readonly send: (bytes: Uint8Array) => void
}

export interface SpeechProgress {
  readonly chunks: number
  readonly samples: number
}

export type SpeechOutcome =
  | ({ readonly kind: 'done' | 'cancelled' } & SpeechProgress)
  | { readonly kind: 'failed'; readonly error: ParleyError }

export class TtsSpeech {
  readonly command: SpeakCommand
  /** Number of the speech on its connection, from 0. */
  readonly number: number
  readonly #settings: SpeechSettings
  #speech: BackendSpeech | undefined
  readonly #abort = new AbortController()
  #chunks = 0
  #samples = 0

  constructor(command: SpeakCommand, number: number, settings: SpeechSettings) {
    this.command = command
    this.number = number
    this.#settings = settings
  }

  get #isCancelled(): boolean {
    return this.#abort.signal.aborted
  }

  get progress(): SpeechProgress {
    return { chunks: this.#chunks, samples: this.#samples }
  }

  /** No audio is sent after this. Idempotent. */
  cancel(): void {
    this.#abort.abort()
    this.#speech?.cancel()
    this.#settings.outlet.wake()
  }

  /** Says it. `onStarted` is called before the first audio. Never rejects; the slot is free when it resolves. */
  async say(onStarted: (speech: BackendSpeech) => void): Promise<SpeechOutcome> {
    try {
      const refusal = await this.#begin()
      if (refusal) return { kind: 'failed', error: refusal }
      if (!this.#speech || this.#isCancelled) return { kind: 'cancelled', ...this.progress }
      onStarted(this.#speech)
      await this.#sendAll(this.#speech)
      return { kind: this.#isCancelled ? 'cancelled' : 'done', ...this.progress }
    } catch (error) {
      if (this.#isCancelled) return { kind: 'cancelled', ...this.progress }
      const { connectionId, logger } = this.#settings
      logger.error({ err: error, connectionId }, 'a speech broke off')
      if (error instanceof ParleyError) return { kind: 'failed', error }
      const message = `the speech broke off after ${this.#samples} samples`
      return { kind: 'failed', error: new ParleyError('SYNTHESIS_FAILED', { message, cause: error }) }
    } finally {
      this.#speech?.cancel()
    }
  }

  /** Takes a slot, waiting a little for one; the refusal if there is none. Neither: it was cancelled meanwhile. */
  async #begin(): Promise<ParleyError | undefined> {
    const { backend, clock, connectionId } = this.#settings
    const { requestId = connectionId, text, voice, language, rateRatio } = this.command
    const wish = {
      requestId,
      text,
      ...(voice === undefined ? {} : { voice }),
      ...(language === undefined ? {} : { language }),
      ...(rateRatio === undefined ? {} : { rateRatio }),
    }
    const isOver = () => this.#isCancelled
    const begun = await waitForSlot(clock, isOver, () => backend.speak(wish, this.#abort.signal))
    if (!begun) return undefined
    if (!begun.ok) return this.#isCancelled ? undefined : begun.error
    this.#speech = begun.value
    if (this.#isCancelled) begun.value.cancel()
    return undefined
  }

  async #sendAll(speech: BackendSpeech): Promise<void> {
    const { clock, outlet } = this.#settings
    const { encoding, sampleRateHz, leadMs } = this.command
    const resampler = await createResampler(speech.sampleRateHz, sampleRateHz)
    const startedMs = clock.nowMs()
    const isOver = () => this.#isCancelled
    try {
      for (;;) {
        const sentMs = (this.#samples * 1000) / sampleRateHz
        await outlet.room({ isOver, sentMs, startedMs, leadMs })
        if (this.#isCancelled) return
        const chunk = await withDeadline(clock, CHUNK_DEADLINE_MS, 'the next audio', speech.next())
        if (this.#isCancelled) return
        this.#send(chunk ? resampler.process(chunk) : resampler.flush(), encoding)
        if (!chunk) return
      }
    } finally {
      resampler.close()
    }
  }

  #send(samples: Int16Array, encoding: SpeakCommand['encoding']): void {
    if (samples.length === 0) return
    const payload = encodeSamples(samples, encoding)
    this.#settings.send(this.command.framing === 'header' ? this.#framed(payload) : payload)
    this.#chunks++
    this.#samples += samples.length
  }

  /** The layout of a speech frame of a session (audio-frame.ts), with samples of the encoding asked for. */
  #framed(payload: Uint8Array): Uint8Array {
    const framed = new Uint8Array(AUDIO_FRAME_HEADER_BYTES + payload.byteLength)
    framed[0] = SPEECH_FRAME_KIND
    writeUint32(framed, 2, this.number)
    writeUint32(framed, 6, this.#samples)
    framed.set(payload, AUDIO_FRAME_HEADER_BYTES)
    return framed
  }
}
