// A recording instead of a microphone: fetched, resampled by the browser, sent at the pace it was spoken, aloud if wished.
import { type Clock, systemClock, type Timer } from '@parley/kernel'
import { type AudioFormat, samplesPerFrame } from '@parley/protocol'
import { ParleyClientError } from '../core/index.ts'
import { type CaptureEncoder, type CaptureSink, createCaptureEncoder } from './capture-codec.ts'

export interface PlaySampleOptions {
  /** The recording, in any format the browser can decode. */
  readonly url: string | URL
  /** What the session was opened with. */
  readonly format: AudioFormat
  readonly sink: CaptureSink
  /** Play it through the loudspeaker too. */
  readonly isAloud?: boolean
  /** Once per frame sent. */
  readonly onLevel?: (level: { readonly peakRatio: number; readonly rmsRatio: number }) => void
  readonly clock?: Clock
}

export interface SamplePlayback {
  readonly durationMs: number
  /** Resolves when the last frame is sent, or after `stop`. `endAudio` may follow. */
  readonly finished: Promise<void>
  stop(): void
}

const MAX_SAMPLE_BYTES = 50 * 1024 * 1024

/** Fetches and decodes first: rejects with ParleyClientError before anything is sent. */
export async function playSample(options: PlaySampleOptions): Promise<SamplePlayback> {
  const { format } = options
  const decoded = await fetchSample(options.url, format.sampleRateHz)
  return new Player(decoded, options)
}

async function fetchSample(url: string | URL, sampleRateHz: number): Promise<AudioBuffer> {
  const answer = await fetch(url, { credentials: 'same-origin' }).catch((thrown: unknown) => {
    throw new ParleyClientError('CONNECT_FAILED', { detail: 'the recording could not be fetched', cause: thrown })
  })
  if (!answer.ok) throw new ParleyClientError('BAD_ANSWER', { detail: `the recording answered ${answer.status}` })
  const bytes = await answer.arrayBuffer()
  if (bytes.byteLength > MAX_SAMPLE_BYTES)
    throw new ParleyClientError('BAD_ANSWER', { detail: 'the recording is too long' })
  // An offline context decodes to its own rate.
  return await new OfflineAudioContext(1, 1, sampleRateHz).decodeAudioData(bytes).catch((thrown: unknown) => {
    throw new ParleyClientError('BAD_ANSWER', { detail: 'the recording cannot be decoded', cause: thrown })
  })
}

class Player implements SamplePlayback {
  readonly durationMs: number
  readonly finished: Promise<void>
  readonly #samples: Int16Array
  readonly #options: PlaySampleOptions
  readonly #clock: Clock
  readonly #encoder: CaptureEncoder
  readonly #frameSamples: number
  readonly #startMs: number
  readonly #done = Promise.withResolvers<void>()
  readonly #aloud: AudioContext | undefined
  #frame = 0
  #timer: Timer | undefined

  constructor(decoded: AudioBuffer, options: PlaySampleOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#frameSamples = samplesPerFrame(options.format)
    this.#samples = toMono(decoded)
    this.durationMs = decoded.duration * 1000
    this.finished = this.#done.promise
    this.#encoder = createCaptureEncoder(options.format, options.sink, () => this.stop())
    this.#aloud = options.isAloud ? playAloud(decoded) : undefined
    this.#startMs = this.#clock.nowMs()
    this.#sendDue()
  }

  stop(): void {
    if (this.#frame === Number.POSITIVE_INFINITY) return
    this.#frame = Number.POSITIVE_INFINITY
    this.#timer?.cancel()
    void this.#aloud?.close().catch(() => {})
    void this.#encoder
      .flush()
      .catch(() => {})
      .then(() => {
        this.#encoder.close()
        this.#done.resolve()
      })
  }

  /** Frame k is due at start + k frames; a late timer sends all that have become due. */
  #sendDue(): void {
    const { frameMs } = this.#options.format
    const elapsedMs = this.#clock.nowMs() - this.#startMs
    while (this.#frame * frameMs <= elapsedMs) {
      const from = this.#frame * this.#frameSamples
      if (from >= this.#samples.length) {
        this.stop()
        return
      }
      this.#send(this.#samples.subarray(from, from + this.#frameSamples))
      this.#frame++
    }
    const dueMs = this.#startMs + this.#frame * frameMs
    this.#timer = this.#clock.after(dueMs - this.#clock.nowMs(), () => this.#sendDue())
  }

  #send(samples: Int16Array): void {
    // Encoders take whole frames only: the last one is completed with silence.
    const block = new Int16Array(this.#frameSamples)
    block.set(samples)
    this.#encoder.push(block)
    this.#options.onLevel?.(levelOf(samples))
  }
}

function toMono(decoded: AudioBuffer): Int16Array {
  const mono = new Float32Array(decoded.length)
  for (let channel = 0; channel < decoded.numberOfChannels; channel++) {
    const values = decoded.getChannelData(channel)
    for (let index = 0; index < mono.length; index++) {
      mono[index] = (mono[index] as number) + (values[index] as number) / decoded.numberOfChannels
    }
  }
  return Int16Array.from(mono, (value) => Math.round(Math.max(-1, Math.min(1, value)) * 32_767))
}

function levelOf(samples: Int16Array): { peakRatio: number; rmsRatio: number } {
  let peak = 0
  let energy = 0
  for (const sample of samples) {
    peak = Math.max(peak, Math.abs(sample))
    energy += sample * sample
  }
  return { peakRatio: peak / 32_768, rmsRatio: Math.sqrt(energy / samples.length) / 32_768 }
}

function playAloud(decoded: AudioBuffer): AudioContext {
  const context = new AudioContext()
  const source = new AudioBufferSourceNode(context, { buffer: decoded })
  source.connect(context.destination)
  source.start()
  return context
}
