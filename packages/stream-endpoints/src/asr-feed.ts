// The audio of one client on its way to recognition: bytes to samples, to the backend's rate, with exact media time, within the window.
import type { Resampler } from '@parley/audio'
import type { AsrConfig } from './asr-messages.ts'
import { AudioWindow } from './audio-window.ts'
import { BACKEND_RATE_HZ, type RecogniseStream } from './backends.ts'
import { AUDIO_AHEAD_MS } from './limits.ts'
import { BYTES_PER_SAMPLE, SampleReader } from './sample-format.ts'

const OUT_PER_MS = BACKEND_RATE_HZ / 1000

/** What audio is given to. */
export interface FeedTarget {
  readonly stream: RecogniseStream
  readonly resampler: Resampler
}

export class AsrFeed {
  readonly config: AsrConfig
  readonly #window: AudioWindow
  #reader: SampleReader
  /** Samples since the beginning, of the client and of the backend's rate. */
  #samplesIn = 0
  #samplesOut = 0

  constructor(config: AsrConfig, nowMs: number) {
    this.config = config
    this.#window = new AudioWindow(AUDIO_AHEAD_MS, nowMs)
    this.#reader = new SampleReader(config.encoding)
  }

  get bytesPerMs(): number {
    return (this.config.sampleRateHz * BYTES_PER_SAMPLE[this.config.encoding]) / 1000
  }
  /** Audio taken so far. */
  get audioMs(): number {
    return (this.#samplesIn * 1000) / this.config.sampleRateHz
  }
  /** Bytes of a sample whose other bytes have not come. */
  get restBytes(): number {
    return this.#reader.restBytes
  }

  /** Audio that may be given now, ms; none when <= 0. */
  roomMs(nowMs: number): number {
    return this.#window.roomMs(nowMs)
  }

  /** Audio before `mediaMs` is recognised. */
  reach(mediaMs: number, nowMs: number): void {
    this.#window.reach(mediaMs, nowMs)
  }

  push(target: FeedTarget, bytes: Uint8Array, nowMs: number): void {
    const samples = this.#reader.read(bytes)
    this.#samplesIn += samples.length
    this.#window.hand((samples.length * 1000) / this.config.sampleRateHz, nowMs)
    this.#give(target, target.resampler.process(samples))
  }

  /** Gives out what the resampler still holds. */
  flush(target: FeedTarget): void {
    this.#give(target, target.resampler.flush())
  }

  /** A new resampler holds nothing of what the one before it held back. */
  align(): void {
    this.#samplesOut = Math.round((this.#samplesIn * BACKEND_RATE_HZ) / this.config.sampleRateHz)
  }

  /** `bytes` that are not to be heard: they take their time all the same. */
  skip(bytes: number): void {
    this.#samplesIn += Math.floor((bytes + this.#reader.restBytes) / BYTES_PER_SAMPLE[this.config.encoding])
    this.#reader = new SampleReader(this.config.encoding)
    this.align()
  }

  #give({ stream }: FeedTarget, samples: Int16Array): void {
    if (samples.length === 0) return
    const mediaMs = this.#samplesOut / OUT_PER_MS
    this.#samplesOut += samples.length
    stream.push(mediaMs, samples)
  }
}
