// Speech that hears nothing: takes every frame, keeps none, answers each flush at once. For benchmarks and leak tests of
// what surrounds speech; on request it says synthetic captions at a steady rate.
import { type Clock, Scope } from '@parley/kernel'
import type {
  OpenSpeechOptions,
  SlotReservation,
  SpeechListener,
  SpeechPort,
  SpeechStream,
} from '../../speech/speech-port.ts'
import { SlotCounter } from './slot-counter.ts'

export interface NullSpeechOptions {
  readonly clock: Clock
  /** 100,000 unless told. */
  readonly slots?: number
  /** `en` unless told. */
  readonly languages?: readonly string[]
  /** Captions per stream and second, partials and finals together; 0 (none) unless told. */
  readonly captionsPerSecond?: number
  /** Every how-many-th caption is a final; 3 unless told. */
  readonly captionsPerUtterance?: number
}

export interface NullSpeech extends SpeechPort {
  /** Since start. */
  readonly counts: {
    readonly frames: number
    readonly bytes: number
    readonly captions: number
    readonly opened: number
  }
  readonly openStreams: number
}

const WORDS = ['so', 'what', 'we', 'saw', 'last', 'week', 'was', 'nothing', 'like', 'the', 'week', 'before', 'it']
const TICK_MS = 20

export function createNullSpeech(options: NullSpeechOptions): NullSpeech {
  return new NullSpeechPort(options)
}

class NullSpeechPort implements NullSpeech {
  readonly #scope: Scope
  readonly #clock: Clock
  readonly #slots: SlotCounter
  readonly #streams: NullStream[] = []
  readonly #captionsPerTick: number
  readonly #captionsPerUtterance: number
  #dueCaptions = 0
  #next = 0
  readonly counts = { frames: 0, bytes: 0, captions: 0, opened: 0 }

  constructor(options: NullSpeechOptions) {
    const { clock, slots = 100_000, languages = ['en'], captionsPerSecond = 0, captionsPerUtterance = 3 } = options
    this.#clock = clock
    this.#scope = new Scope(clock)
    this.#slots = new SlotCounter('null', slots, languages)
    this.#captionsPerTick = (captionsPerSecond * TICK_MS) / 1000
    this.#captionsPerUtterance = captionsPerUtterance
    if (captionsPerSecond > 0) this.#scope.every(TICK_MS, () => this.#tick())
  }

  get openStreams(): number {
    return this.#streams.length
  }
  languages() {
    return this.#slots.languages
  }
  status() {
    return this.#slots.status()
  }
  reserve(language: string) {
    return this.#slots.reserve(language)
  }

  open(reservation: SlotReservation, options: OpenSpeechOptions, listener: SpeechListener): SpeechStream {
    const giveBack = this.#slots.take(reservation)
    const stream: NullStream = new NullStream(options, listener, this.counts, () => {
      giveBack()
      const place = this.#streams.indexOf(stream)
      if (place >= 0) this.#streams.splice(place, 1)
    })
    this.#streams.push(stream)
    this.counts.opened++
    return stream
  }

  async close(): Promise<void> {
    for (const stream of [...this.#streams]) stream.close()
    await this.#scope.close()
  }

  /** One timer serves all streams, each tick its share of them, so that captions come evenly and not in bursts. */
  #tick(): void {
    this.#dueCaptions += this.#streams.length * this.#captionsPerTick
    for (; this.#dueCaptions >= 1 && this.#streams.length > 0; this.#dueCaptions--) {
      this.#next %= this.#streams.length
      this.#streams[this.#next++]?.say(this.#clock.wallMs(), this.#captionsPerUtterance)
    }
  }
}

class NullStream implements SpeechStream {
  readonly #options: OpenSpeechOptions
  readonly #listener: SpeechListener
  readonly #counts: { frames: number; bytes: number; captions: number }
  readonly #onClose: () => void
  #index: number
  #said = 0
  #mediaTime = 0
  #startMs = 0
  #receivedAtMs = 0
  #isClosed = false

  constructor(
    options: OpenSpeechOptions,
    listener: SpeechListener,
    counts: { frames: number; bytes: number; captions: number },
    onClose: () => void,
  ) {
    this.#options = options
    this.#listener = listener
    this.#counts = counts
    this.#onClose = onClose
    this.#index = options.firstIndex
    queueMicrotask(() => {
      if (!this.#isClosed) listener.onState('ready')
    })
  }

  push(mediaTime: number, payload: Uint8Array, receivedAtWallMs: number): void {
    this.#counts.frames++
    this.#counts.bytes += payload.byteLength
    this.#mediaTime = mediaTime
    this.#receivedAtMs = receivedAtWallMs
  }

  flush(flushId: number): void {
    queueMicrotask(() => {
      if (!this.#isClosed) this.#listener.onFlushed(flushId)
    })
  }

  hold(): void {}

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#onClose()
  }

  /** One caption: partials that grow, then the final, then the next utterance. */
  say(wallMs: number, captionsPerUtterance: number): void {
    this.#counts.captions++
    this.#said++
    const endMs = (this.#mediaTime * 1000) / this.#options.format.sampleRateHz
    const words = Math.ceil((WORDS.length * this.#said) / captionsPerUtterance)
    const text = WORDS.slice(0, words).join(' ')
    const common = { index: this.#index, text, startMs: this.#startMs, endMs }
    if (this.#said < captionsPerUtterance) {
      this.#listener.onPartial({ ...common, stable: Math.floor(text.length / 2) })
      return
    }
    const marks = { receivedAtMs: this.#receivedAtMs || wallMs, endOfSpeechMs: wallMs, finalAtMs: wallMs }
    this.#said = 0
    this.#index++
    this.#startMs = endMs
    this.#listener.onFinal({ ...common, marks })
    if (!this.#isClosed) this.#listener.onSettled(this.#mediaTime)
  }
}
