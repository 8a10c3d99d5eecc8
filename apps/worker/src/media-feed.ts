// Encoded frames of one stream in, blocks of 16 kHz samples with their media time out. Owns the decoder, the resampler and
// the clock of the client's samples; it knows neither the link nor the recogniser.
import type { Resampler } from '@parley/audio'
import { type AudioDecoder, CodecError } from '@parley/audio/codecs'
import { type AudioFormat, extendUint32, samplesPerFrame } from '@parley/protocol'

/** Samples per ms on the way out. */
const OUT_PER_MS = 16
/**
 * Concealment by repetition. With 5 % of the packets lost it costs recognition about half of what silence costs: the decoder hears a
 * vowel that lasts, not a word that breaks off. Discontinuous transmission leaves longer gaps.
 */
export const MAX_REPEATED_GAP_MS = 200
const TAIL_MS = 20
/** Each repetition of the tail is so much quieter than the one before (6 dB). */
const FADE_PER_REPEAT = 0.5

export interface FeedCounters {
  framesTotal: number
  /** Frames that could not be decoded and became silence. */
  framesCorruptTotal: number
  /** Audio that was lost on its way and stands as a fading repetition of what came before it, ms. */
  gapsRepeatedMsTotal: number
  /** Gaps too long for that: silence, be it mute or loss, ms. */
  gapsSilentMsTotal: number
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
  /** The last samples decoded, at most TAIL_MS of them: what a short gap is filled with. */
  readonly #tail: Int16Array
  #tailSamples = 0

  constructor(options: MediaFeedOptions) {
    this.#options = options
    this.#frameSamples = samplesPerFrame(options.format)
    this.#tail = new Int16Array((options.format.sampleRateHz * TAIL_MS) / 1000)
  }

  /**
   * One frame at `mediaTime` (samples modulo 2^32). A frame that cannot be decoded counts as silence of its length; what
   * overlaps audio already fed is left out; a gap of at most MAX_REPEATED_GAP_MS is concealed by repeating what came before it, fading; a
   * longer one begins a new run, so that its length is never filled with sound. Media time is exact throughout.
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
    if (isFirst) this.#beginRun(media)
    else if (media > this.#nextMedia) this.#bridge(media)
    const overlap = this.#nextMedia - media
    this.#nextMedia = media + samples.length
    const news = overlap > 0 ? samples.subarray(overlap) : samples
    this.#keepTail(news)
    this.#put(this.#options.resampler.process(news))
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

  /** What is missing before `media` was lost, or never sent: only its length tells. */
  #bridge(media: number): void {
    const { counters, format } = this.#options
    const gapSamples = media - this.#nextMedia
    const gapMs = (gapSamples * 1000) / format.sampleRateHz
    if (gapMs > MAX_REPEATED_GAP_MS || this.#tailSamples === 0) {
      counters.gapsSilentMsTotal += gapMs
      this.#beginRun(media)
      return
    }
    counters.gapsRepeatedMsTotal += gapMs
    this.#nextMedia = media
    this.#put(this.#options.resampler.process(repeatFading(this.#tail.subarray(0, this.#tailSamples), gapSamples)))
  }

  #keepTail(samples: Int16Array): void {
    const kept = samples.subarray(Math.max(0, samples.length - this.#tail.length))
    this.#tail.set(kept)
    this.#tailSamples = kept.length
  }

  #beginRun(media: number): void {
    if (this.#runMedia !== undefined) this.#put(this.#options.resampler.flush())
    this.#runMedia = media
    this.#nextMedia = media
    this.#runOut = 0
    this.#tailSamples = 0
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

/** `samples` samples made of `tail` over and over, every other time backwards so that the joints do not click, fading. */
function repeatFading(tail: Int16Array, samples: number): Int16Array {
  const filled = new Int16Array(samples)
  for (let at = 0; at < samples; at++) {
    const repeat = Math.floor(at / tail.length)
    const within = at - repeat * tail.length
    const source = repeat % 2 === 0 ? tail.length - 1 - within : within
    filled[at] = (tail[source] as number) * FADE_PER_REPEAT ** repeat
  }
  return filled
}
