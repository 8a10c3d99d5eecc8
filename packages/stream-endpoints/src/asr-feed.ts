// The audio of one client on its way to recognition: bytes to samples, to the backend's rate, with exact media time, within the window.
import type { Resampler } from '@parley/audio'
import type { ParleyError } from '@parley/protocol'
import type { AudioReader } from './audio-reader.ts'
import { AudioWindow } from './audio-window.ts'
import { BACKEND_RATE_HZ, type RecogniseStream } from './backends.ts'
import { AUDIO_AHEAD_MS } from './limits.ts'

const OUT_PER_MS = BACKEND_RATE_HZ / 1000

/** What audio is given to. */
export interface FeedTarget {
  readonly stream: RecogniseStream
  readonly resampler: Resampler
}

export class AsrFeed {
  readonly reader: AudioReader
  readonly #window: AudioWindow
  /** Samples since the beginning, of the client and of the backend's rate. */
  #samplesIn = 0
  #samplesOut = 0

  constructor(reader: AudioReader, nowMs: number) {
    this.reader = reader
    this.#window = new AudioWindow(AUDIO_AHEAD_MS, nowMs)
  }

  /** Audio taken so far. */
  get audioMs(): number {
    return (this.#samplesIn * 1000) / this.reader.sampleRateHz
  }

  /** Audio that may be given now, ms; none when <= 0. */
  roomMs(nowMs: number): number {
    return this.#window.roomMs(nowMs)
  }

  /** Audio before `mediaMs` is recognised. */
  reach(mediaMs: number, nowMs: number): void {
    this.#window.reach(mediaMs, nowMs)
  }

  /** Answers with why the bytes cannot be read. */
  push(target: FeedTarget, bytes: Uint8Array, nowMs: number): ParleyError | undefined {
    const read = this.reader.read(bytes)
    if (!read.ok) return read.error
    const samples = read.value
    this.#samplesIn += samples.length
    this.#window.hand((samples.length * 1000) / this.reader.sampleRateHz, nowMs)
    this.#give(target, target.resampler.process(samples))
    return undefined
  }

  /** Gives out what the resampler still holds. */
  flush(target: FeedTarget): void {
    this.#give(target, target.resampler.flush())
  }

  /** A new resampler holds nothing of what the one before it held back. */
  align(): void {
    this.#samplesOut = Math.round((this.#samplesIn * BACKEND_RATE_HZ) / this.reader.sampleRateHz)
  }

  /** `bytes` that are not to be heard: they take their time all the same. */
  skip(bytes: number): void {
    this.#samplesIn += this.reader.skip?.(bytes) ?? 0
    this.align()
  }

  #give({ stream }: FeedTarget, samples: Int16Array): void {
    if (samples.length === 0) return
    const mediaMs = this.#samplesOut / OUT_PER_MS
    this.#samplesOut += samples.length
    stream.push(mediaMs, samples)
  }
}
