// Audio on its way out: re-blocks samples into frames, counts media time, numbers frames, and keeps what may have to be sent
// (again). Knows nothing of connections; what it may send to are sinks.
import { type Clock, TokenBucket } from '@parley/kernel'
import {
  AUDIO_FRAME_HEADER_BYTES,
  type AudioFormat,
  isFrameLength,
  samplesPerFrame,
  writeAudioFrameHeader,
  writeUint32,
} from '@parley/protocol'
import { ParleyClientError } from './errors.ts'
import { KeptAudio, type KeptFrame } from './kept-audio.ts'
import { SendWindow } from './send-window.ts'

/** Encodes one frame of exactly `frameMs`; the array returned may be reused by the next call. */
export interface FrameEncoder {
  encode(samples: Int16Array): Uint8Array
}

export interface AudioSink {
  /** False while there is no socket that takes audio. */
  isOpen(): boolean
  bufferedBytes(): number
  send(message: Uint8Array): void
}

/** A path beside the socket: takes a frame or says that it does not fit. */
export type DatagramSink = (seq: number, mediaTime: number, payload: Uint8Array) => boolean

/** Where frames go: the socket, nowhere while the path is being changed, the datagram path. */
export type AudioRoute = 'ws' | 'held' | 'udp'

export interface AudioOutOptions {
  readonly encoder?: FrameEncoder
  /** Audio kept at most, sent or not, ms. */
  readonly keptMs: number
  readonly clock: Clock
}

/** Kept beyond the settled media time: what is said in a minute without network is lost to nobody. */
export const KEPT_AUDIO_MS = 60_000
/** Of a session that does not resume: more would only arrive too late. */
export const MAX_HELD_AUDIO_MS = 2_000
/** Kept at most, in bytes: a minute of the widest format there is. */
export const KEPT_AUDIO_BYTES = 6_291_456
/** In the socket's own buffer at most, where nothing can be dropped any more, ms. */
const MAX_SOCKET_AUDIO_MS = 500
/** Of the pace the platform allows, so that its limit is never met. */
const PACE_SHARE = 0.8
const PACE_BURST_MS = 5_000

export class AudioOut {
  readonly format: AudioFormat
  readonly #sink: AudioSink
  readonly #encoder: FrameEncoder | undefined
  readonly #clock: Clock
  readonly #frameSamples: number
  readonly #socketFrames: number
  readonly #kept: KeptAudio
  readonly #window: SendWindow
  readonly #block: Int16Array
  #datagrams: DatagramSink | undefined
  #pace: TokenBucket | undefined
  #paceRatio = 0
  /** There is a backlog that came from an attach or a repetition; until all of it has gone the window counts. */
  #isCatchingUp = false
  #blockFill = 0
  #mediaTime = 0
  #isWanted = true
  /** Of this attach. */
  #nextSeq = 0
  #route: AudioRoute = 'ws'
  #sentEnd = 0
  #sentAtMs = Number.NEGATIVE_INFINITY
  #sentFrames = 0

  constructor(format: AudioFormat, sink: AudioSink, { encoder, keptMs, clock }: AudioOutOptions) {
    this.format = format
    this.#sink = sink
    this.#encoder = encoder
    this.#clock = clock
    this.#frameSamples = samplesPerFrame(format)
    this.#socketFrames = Math.max(1, Math.floor(MAX_SOCKET_AUDIO_MS / format.frameMs))
    this.#kept = new KeptAudio({ frames: Math.max(1, Math.floor(keptMs / format.frameMs)), bytes: KEPT_AUDIO_BYTES })
    this.#window = new SendWindow(format.sampleRateHz, format.frameMs)
    this.#block = new Int16Array(this.#frameSamples)
  }

  /** Samples accepted so far, skipped ones included: the media time of the next sample. */
  get mediaTime(): number {
    return this.#mediaTime + this.#blockFill
  }
  /** seq of the last frame sent since the attach, -1 before the first; wraps as the wire does. */
  get lastSeq(): number {
    return this.#nextSeq === 0 ? -1 : (this.#nextSeq - 1) % 0x1_0000_0000
  }
  /** Sample after the last one sent since the attach (received before it), and when that was, monotonic ms. */
  get sentEnd(): number {
    return this.#sentEnd
  }
  get sentAtMs(): number {
    return this.#sentAtMs
  }
  /** Frames sent, each time they were. */
  get sentFrames(): number {
    return this.#sentFrames
  }
  get heldFrames(): number {
    return this.#kept.unsent
  }
  /** seq of the last frame there is: of a backlog the one it will end with. A pause in sending it is no pause in speaking. */
  get promisedSeq(): number {
    const frames = this.#nextSeq + (this.#isCatchingUp ? this.#kept.unsent : 0)
    return frames === 0 ? -1 : (frames - 1) % 0x1_0000_0000
  }
  get keptFrames(): number {
    return this.#kept.length
  }
  get droppedFrames(): number {
    return this.#kept.dropped
  }
  get route(): AudioRoute {
    return this.#route
  }

  /** One encoded frame of the agreed format. Throws BAD_AUDIO_FRAME when its length cannot be one. */
  sendFrame(payload: Uint8Array): void {
    if (!isFrameLength(this.format, payload.byteLength)) {
      const { codec, sampleRateHz, frameMs } = this.format
      const detail = `${payload.byteLength} bytes cannot be one frame of ${codec} ${sampleRateHz} Hz ${frameMs} ms`
      throw new ParleyClientError('BAD_AUDIO_FRAME', { detail })
    }
    this.#emit(payload, this.#frameSamples)
  }

  /** Samples at the format's rate, any number of them; whole frames leave at once, the rest waits for more. */
  sendPcm(samples: Int16Array): void {
    let taken = 0
    while (taken < samples.length) {
      const count = Math.min(samples.length - taken, this.#frameSamples - this.#blockFill)
      this.#block.set(samples.subarray(taken, taken + count), this.#blockFill)
      this.#blockFill += count
      taken += count
      if (this.#blockFill === this.#frameSamples) this.#emitBlock(this.#frameSamples)
    }
  }

  /** Media time goes on by `samples` that are not sent (mute). A frame begun is completed with silence first. */
  skip(samples: number): void {
    let left = samples
    if (this.#blockFill > 0) {
      const padding = Math.min(left, this.#frameSamples - this.#blockFill)
      this.#block.fill(0, this.#blockFill, this.#blockFill + padding)
      this.#blockFill += padding
      left -= padding
      if (this.#blockFill === this.#frameSamples) this.#emitBlock(this.#frameSamples)
    }
    // With samples left over, the frame begun has been completed: the block is empty here.
    this.#mediaTime += left
  }

  /** Sends a frame begun: short in pcm16, completed with silence in other codecs. */
  flush(): void {
    if (this.#blockFill === 0) return
    if (this.format.codec !== 'pcm16') this.#block.fill(0, this.#blockFill)
    this.#emitBlock(this.format.codec === 'pcm16' ? this.#blockFill : this.#frameSamples)
  }

  /** Unwanted, media time goes on and nothing is sent, nor kept to be sent later. */
  want(isWanted: boolean): void {
    this.#isWanted = isWanted
  }

  /** What is sent, backlog or not, stays below the pace the platform allows; undefined = it names none. */
  setPace(ratio: number | undefined): void {
    if (ratio === undefined || ratio === this.#paceRatio) return
    this.#paceRatio = ratio
    const allowed = ratio * PACE_SHARE
    this.#pace = new TokenBucket(allowed * 1_000, allowed * PACE_BURST_MS, this.#clock.nowMs())
  }

  settle(mediaTime: number): void {
    this.#kept.settle(mediaTime)
    this.#window.settle(mediaTime)
  }

  /**
   * A new attach: numbers begin at 0, over the socket, with the first sample the platform has not received. Gives what is sent
   * again and what cannot be, in samples. Without `settledMediaTime` no window counts until the platform settles something.
   */
  attach(receivedMediaTime: number, settledMediaTime?: number): { readonly again: number; readonly lost: number } {
    if (settledMediaTime !== undefined) this.#kept.settle(settledMediaTime)
    this.#window.attach(settledMediaTime)
    this.#nextSeq = 0
    this.#sentEnd = receivedMediaTime
    this.#route = 'ws'
    return this.#rewind(receivedMediaTime)
  }

  /** Frames after `mediaTime` are sent again on this attach, under new numbers; samples sent again. */
  repeatFrom(mediaTime: number): number {
    return this.#rewind(mediaTime).again
  }

  setDatagrams(sink: DatagramSink | undefined): void {
    this.#datagrams = sink
  }

  setRoute(route: AudioRoute): void {
    this.#route = route
  }

  /** Sends held frames while there is room. True when nothing is held any more. */
  pump(): boolean {
    for (let frame = this.#kept.next; frame; frame = this.#kept.next) {
      if (!this.#send(frame)) return false
    }
    this.#isCatchingUp = false
    return true
  }

  #rewind(mediaTime: number): { readonly again: number; readonly lost: number } {
    const rewound = this.#kept.rewind(mediaTime)
    this.#isCatchingUp = this.#kept.unsent > 0
    return rewound
  }

  #emitBlock(samples: number): void {
    const block = this.#block.subarray(0, samples)
    this.#blockFill = 0
    if (!this.#isWanted) this.#mediaTime += samples
    else this.#emit(this.#encoder ? this.#encoder.encode(block) : pcmBytes(block), samples)
  }

  #emit(payload: Uint8Array, samples: number): void {
    const start = this.#mediaTime
    this.#mediaTime += samples
    if (!this.#isWanted) return
    const message = new Uint8Array(AUDIO_FRAME_HEADER_BYTES + payload.byteLength)
    // seq is written when the frame leaves: frames dropped here leave no hole in the numbers, only in media time, where the
    // platform reads a hole as silence that was not sent.
    writeAudioFrameHeader(message, 0, start)
    message.set(payload, AUDIO_FRAME_HEADER_BYTES)
    this.#kept.push({ message, start, end: this.#mediaTime })
    this.pump()
  }

  #send(frame: KeptFrame): boolean {
    if (this.#route === 'held') return false
    const { message } = frame
    const isDatagram = this.#route === 'udp' && this.#datagrams !== undefined
    if (!isDatagram && !this.#hasRoom(message.byteLength)) return false
    const nowMs = this.#clock.nowMs()
    if (this.#isCatchingUp && !this.#window.admits(this.#kept.sentSamples, nowMs)) return false
    if (this.#pace && !this.#pace.take(this.format.frameMs, nowMs)) return false
    const seq = this.#nextSeq % 0x1_0000_0000
    if (!isDatagram || !this.#datagrams?.(this.#nextSeq, frame.start, message.subarray(AUDIO_FRAME_HEADER_BYTES))) {
      // Too long for a datagram while there is no socket: it waits for one.
      if (!this.#sink.isOpen()) return false
      writeUint32(message, 2, seq)
      this.#sink.send(message)
    }
    this.#nextSeq++
    this.#sentFrames++
    this.#sentEnd = frame.end
    this.#sentAtMs = nowMs
    this.#kept.advance()
    return true
  }

  #hasRoom(messageBytes: number): boolean {
    return this.#sink.isOpen() && this.#sink.bufferedBytes() < this.#socketFrames * messageBytes
  }
}

/** Bytes of samples as the wire wants them: little endian, whatever the machine is. */
function pcmBytes(samples: Int16Array): Uint8Array {
  if (isLittleEndian) return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)
  const bytes = new Uint8Array(samples.byteLength)
  const view = new DataView(bytes.buffer)
  for (let index = 0; index < samples.length; index++) view.setInt16(index * 2, samples[index] as number, true)
  return bytes
}

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
