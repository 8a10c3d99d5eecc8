// What the browser can encode: Opus by WebCodecs where it says so, samples as they are otherwise.
import type { AudioFormat } from '@parley/protocol'
import { DEFAULT_AUDIO } from '../core/index.ts'

const FRAME_MS = 20
/** Ample for one voice; beyond it recognition gains nothing. */
const BITRATE_BPS = 32_000
/** 48 kHz is what microphones deliver: nothing has to be resampled on the way. */
const OPUS_RATES_HZ = [48_000, 16_000]

function opusConfig(sampleRateHz: number): AudioEncoderConfig {
  return {
    codec: 'opus',
    sampleRate: sampleRateHz,
    numberOfChannels: 1,
    bitrate: BITRATE_BPS,
    opus: { frameDuration: FRAME_MS * 1000, format: 'opus' },
  }
}

/** The best format this browser can send: Opus if it can encode it, else PCM16 at 16 kHz. */
export async function preferredFormat(): Promise<AudioFormat> {
  if (typeof AudioEncoder === 'undefined') return DEFAULT_AUDIO
  for (const sampleRateHz of OPUS_RATES_HZ) {
    try {
      const { supported } = await AudioEncoder.isConfigSupported(opusConfig(sampleRateHz))
      if (supported) return { codec: 'opus', sampleRateHz, frameMs: FRAME_MS }
    } catch {
      // A browser that does not even know the name of the codec throws; the answer is the same.
    }
  }
  return DEFAULT_AUDIO
}

/** Where captured audio goes; a ParleySession is one. */
export interface CaptureSink {
  sendFrame(payload: Uint8Array): boolean
  sendPcm(samples: Int16Array): boolean
  skip(samples: number): void
  /** What was said so far is to be recognised now; more may follow. */
  endAudio?(): Promise<unknown>
}

/** Takes blocks of one frame each, in order, and gives them to a sink encoded. */
export interface CaptureEncoder {
  push(samples: Int16Array): void
  skip(samples: number): void
  /** Everything pushed has reached the sink. */
  flush(): Promise<void>
  close(): void
}

export function createCaptureEncoder(
  format: AudioFormat,
  sink: CaptureSink,
  onFailed: (error: unknown) => void,
): CaptureEncoder {
  if (format.codec === 'opus') return new OpusCaptureEncoder(format, sink, onFailed)
  return {
    push: (samples) => void sink.sendPcm(samples),
    skip: (samples) => sink.skip(samples),
    flush: async () => {},
    close() {},
  }
}

class OpusCaptureEncoder implements CaptureEncoder {
  readonly #format: AudioFormat
  readonly #sink: CaptureSink
  readonly #encoder: AudioEncoder
  /** What is under way, in order: 0 for a frame in the encoder, n for n samples to skip once the frames before are out. */
  readonly #underWay: number[] = []
  #samples = 0

  constructor(format: AudioFormat, sink: CaptureSink, onFailed: (error: unknown) => void) {
    this.#format = format
    this.#sink = sink
    this.#encoder = new AudioEncoder({ output: (chunk) => this.#onChunk(chunk), error: onFailed })
    this.#encoder.configure(opusConfig(format.sampleRateHz))
  }

  push(samples: Int16Array): void {
    if (this.#encoder.state !== 'configured') return
    const data = new AudioData({
      format: 's16',
      sampleRate: this.#format.sampleRateHz,
      numberOfFrames: samples.length,
      numberOfChannels: 1,
      timestamp: Math.round((this.#samples * 1_000_000) / this.#format.sampleRateHz),
      data: samples as Int16Array<ArrayBuffer>,
    })
    this.#samples += samples.length
    this.#underWay.push(0)
    this.#encoder.encode(data)
    data.close()
  }

  skip(samples: number): void {
    if (this.#underWay.length === 0) this.#sink.skip(samples)
    else if (this.#underWay.at(-1) === 0) this.#underWay.push(samples)
    else this.#underWay[this.#underWay.length - 1] = (this.#underWay.at(-1) ?? 0) + samples
  }

  async flush(): Promise<void> {
    if (this.#encoder.state === 'configured') await this.#encoder.flush()
  }

  close(): void {
    if (this.#encoder.state !== 'closed') this.#encoder.close()
  }

  #onChunk(chunk: EncodedAudioChunk): void {
    // The encoder looks ahead and may give one packet more than it was given blocks; it holds no new audio.
    if (this.#underWay.shift() === undefined) return
    const payload = new Uint8Array(chunk.byteLength)
    chunk.copyTo(payload)
    this.#sink.sendFrame(payload)
    for (let next = this.#underWay[0]; next !== undefined && next > 0; next = this.#underWay[0]) {
      this.#underWay.shift()
      this.#sink.skip(next)
    }
  }
}
