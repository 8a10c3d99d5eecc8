// One text that is being said, as its owner sees it: audio as events or to iterate over, and how it ended.
import { Emitter } from '@parley/kernel'
import { ParleyClientError } from './errors.ts'

export interface SpeechAudio {
  /** Sample count of the speech at the first sample; without a gap from one piece to the next. */
  readonly mediaTime: number
  /** Mono; yours to keep. */
  readonly samples: Int16Array
  readonly sampleRateHz: number
}

export interface SpeechStarted {
  readonly sampleRateHz: number
  /** Name of the voice that says it. */
  readonly voice: string
  /** BCP 47 tag. */
  readonly language: string
}

/** `samples`: what was delivered. */
export type SpeechOutcome =
  | { readonly kind: 'ended'; readonly samples: number }
  | { readonly kind: 'cancelled'; readonly samples: number }
  | { readonly kind: 'failed'; readonly samples: number; readonly error: ParleyClientError }

export interface SpeechEvents {
  started: SpeechStarted
  audio: SpeechAudio
}

export interface SpeakOptions {
  /** Name of a voice; the first of the language unless told. */
  readonly voice?: string
  /** BCP 47 tag; that of the voice unless told, else `en`. */
  readonly language?: string
  /** Speed, 0.5 to 2; 1 = as the voice speaks. */
  readonly rateRatio?: number
  /** How far audio may run ahead of its being heard, ms, 100 to 3,600,000; 400 unless told. The most gives a file soonest. */
  readonly leadMs?: number
}

/**
 * A text that is said. Its audio goes to the listeners of `audio` or, when there are none, to whoever iterates over it; it is kept
 * until then, 17 minutes at most. Iterating throws when it fails and just ends when it is cancelled.
 */
export interface ParleySpeech extends AsyncIterable<SpeechAudio> {
  readonly requestId: string
  /** Undefined before the first audio. */
  readonly started: SpeechStarted | undefined
  /** How it ended. Never rejects. */
  readonly done: Promise<SpeechOutcome>
  /** Subscribes; returns the function that unsubscribes. */
  on<Name extends keyof SpeechEvents>(name: Name, listener: (value: SpeechEvents[Name]) => void): () => void
  /** No audio is delivered after this, and the platform is told to stop. Idempotent, also after the end. */
  cancel(): void
}

/** Audio nobody took yet, samples. */
const MAX_HELD_SAMPLES = 16_777_216

export class SpokenText implements ParleySpeech {
  readonly requestId: string
  readonly options: SpeakOptions
  readonly done: Promise<SpeechOutcome>
  readonly #events = new Emitter<SpeechEvents>()
  readonly #outcome = Promise.withResolvers<SpeechOutcome>()
  readonly #onCancel: (speech: SpokenText) => void
  #started: SpeechStarted | undefined
  #result: SpeechOutcome | undefined
  #held: SpeechAudio[] = []
  #heldSamples = 0
  #samples = 0
  #wake: (() => void) | undefined

  constructor(requestId: string, options: SpeakOptions, onCancel: (speech: SpokenText) => void) {
    this.requestId = requestId
    this.options = options
    this.done = this.#outcome.promise
    this.#onCancel = onCancel
  }

  get started(): SpeechStarted | undefined {
    return this.#started
  }
  get isOver(): boolean {
    return this.#result !== undefined
  }
  /** Samples that came, delivered or kept. */
  get samples(): number {
    return this.#samples
  }

  on<Name extends keyof SpeechEvents>(name: Name, listener: (value: SpeechEvents[Name]) => void): () => void {
    const off = this.#events.on(name, listener)
    if (name === 'audio') {
      const held = this.#takeHeld()
      for (const audio of held) this.#events.emit('audio', audio)
    }
    return off
  }

  cancel(): void {
    if (this.#result) return
    this.finish({ kind: 'cancelled', samples: this.#samples - this.#heldSamples })
    this.#takeHeld()
    this.#onCancel(this)
  }

  async *[Symbol.asyncIterator](): AsyncIterableIterator<SpeechAudio> {
    for (;;) {
      const audio = this.#held.shift()
      if (audio) {
        this.#heldSamples -= audio.samples.length
        yield audio
        continue
      }
      if (this.#result?.kind === 'failed') throw this.#result.error
      if (this.#result) return
      await new Promise<void>((resolve) => {
        const wakeBefore = this.#wake
        this.#wake = () => {
          wakeBefore?.()
          resolve()
        }
      })
    }
  }

  // ---- what the platform says ----

  start(started: SpeechStarted): void {
    if (this.#started || this.#result) return
    this.#started = started
    this.#events.emit('started', started)
  }

  /** The next samples. */
  deliver(samples: Int16Array): void {
    if (this.#result || !this.#started) return
    const audio = { mediaTime: this.#samples, samples, sampleRateHz: this.#started.sampleRateHz }
    this.#samples += samples.length
    if (this.#events.listenerCount('audio') > 0) {
      this.#events.emit('audio', audio)
      return
    }
    this.#held.push(audio)
    this.#heldSamples += samples.length
    if (this.#heldSamples > MAX_HELD_SAMPLES) this.#giveUp()
    else this.#wakeUp()
  }

  /** The first outcome stands. */
  finish(result: SpeechOutcome): void {
    if (this.#result) return
    this.#result = result
    this.#outcome.resolve(result)
    this.#wakeUp()
  }

  fail(error: ParleyClientError): void {
    this.finish({ kind: 'failed', samples: this.#samples, error })
  }

  #giveUp(): void {
    const detail = `nobody took ${MAX_HELD_SAMPLES} samples of the speech: it is given up`
    const nextStep = 'Listen to its audio, or iterate over it, as it comes.'
    this.fail(new ParleyClientError('SLOW_CONSUMER', { detail, nextStep, requestId: this.requestId }))
    this.#takeHeld()
    this.#onCancel(this)
  }

  #takeHeld(): SpeechAudio[] {
    const held = this.#held
    this.#held = []
    this.#heldSamples = 0
    return held
  }

  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
