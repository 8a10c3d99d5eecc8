// Encoded frames of one stream in, blocks of 16 kHz samples with their media time out. Owns the decoder, the resampler and
// the clock of the client's samples; it knows neither the link nor the recogniser.
import type { Resampler } from '@parley/audio'
import { type AudioDecoder, CodecError } from '@parley/audio/codecs'
import { type AudioFormat, extendUint32, samplesPerFrame } from '@parley/protocol'

/** Samples per ms on the way out. */
const OUT_PER_MS = 16

export interface FeedCounters {
  framesTotal: number
  /** Frames that could not be decoded and became silence. */
  framesCorruptTotal: number
  /** Frames that held nothing after what was already fed. */
  framesLateTotal: number
}

export interface MediaFeedOptions {
  readonly format: AudioFormat
  readonly decoder: AudioDecoder
  readonly resampler: Resampler
  /** Audio before this media time is decoded and not fed. */
  readonly settledMs: number
  readonly counters: FeedCounters
  /** Takes samples at 16 kHz that begin at `mediaMs`. */
  readonly onSamples: (mediaMs: number, samples: Int16Array) => void
}

export class MediaFeed {
  readonly #options: MediaFeedOptions
  readonly #frameSamples: number
  /** Sample of the client at which the present run of contiguous audio began; undefined before the first frame. */
  #runMedia: number | undefined
  /** Sample after the last one decoded. */
  #nextMedia = 0
  /** 16 kHz samples put out since the run began. */
  #runOut = 0

  constructor(options: MediaFeedOptions) {
    this.#options = options
    this.#frameSamples = samplesPerFrame(options.format)
  }

  /**
   * One frame at `mediaTime` (samples modulo 2^32). A frame that cannot be decoded counts as silence of its length; what
   * overlaps audio already fed is left out; a gap begins a new run, so that its length is never filled with sound.
   * Throws only what is no CodecError: the stream is broken then.
   */
  push(mediaTime: number, payload: Uint8Array): void {
    const { counters, format } = this.#options
    const isFirst = this.#runMedia === undefined
    const media = isFirst ? mediaTime : extendUint32(mediaTime, this.#nextMedia)
    const frameSamples = format.codec === 'pcm16' ? payload.byteLength >>> 1 : this.#frameSamples
    counters.framesTotal++
    if (!isFirst && media + frameSamples <= this.#nextMedia) {
      counters.framesLateTotal++
      return
    }
    const samples = this.#decode(payload)
    if (isFirst || media > this.#nextMedia) this.#beginRun(media)
    const overlap = this.#nextMedia - media
    this.#nextMedia = media + samples.length
    this.#put(this.#options.resampler.process(overlap > 0 ? samples.subarray(overlap) : samples))
  }

  /** The audio so far is complete: gives out what the resampler still holds. */
  flush(): void {
    if (this.#runMedia === undefined) return
    this.#put(this.#options.resampler.flush())
    this.#runMedia = this.#nextMedia
    this.#runOut = 0
  }

  close(): void {
    this.#options.decoder.close()
    this.#options.resampler.close()
  }

  #beginRun(media: number): void {
    if (this.#runMedia !== undefined) this.#put(this.#options.resampler.flush())
    this.#runMedia = media
    this.#nextMedia = media
    this.#runOut = 0
  }

  #decode(payload: Uint8Array): Int16Array {
    try {
      return this.#options.decoder.decode(payload)
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      this.#options.counters.framesCorruptTotal++
      return new Int16Array(this.#frameSamples)
    }
  }

  #put(samples: Int16Array): void {
    if (samples.length === 0) return
    const { format, settledMs, onSamples } = this.#options
    const startMs = ((this.#runMedia ?? 0) * 1000) / format.sampleRateHz + this.#runOut / OUT_PER_MS
    this.#runOut += samples.length
    const settled = Math.ceil((settledMs - startMs) * OUT_PER_MS)
    if (settled >= samples.length) return
    if (settled <= 0) onSamples(startMs, samples)
    else onSamples(startMs + settled / OUT_PER_MS, samples.subarray(settled))
  }
}
