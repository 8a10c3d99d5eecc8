// Audio on its way out: re-blocks samples into frames, counts media time, numbers frames, and holds at most two seconds when
// the socket does not take them. Knows nothing of connections; what it may send to is a sink.
import { BoundedQueue } from '@parley/kernel'
import {
  AUDIO_FRAME_HEADER_BYTES,
  type AudioFormat,
  isFrameLength,
  samplesPerFrame,
  writeAudioFrameHeader,
  writeUint32,
} from '@parley/protocol'
import { ParleyClientError } from './errors.ts'

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

/** Audio held back at most, in all: in the socket's buffer and here. */
export const MAX_HELD_AUDIO_MS = 2_000
/** Of which the socket's own buffer, where nothing can be dropped any more. */
const MAX_SOCKET_AUDIO_MS = 500

export class AudioOut {
  readonly format: AudioFormat
  readonly #sink: AudioSink
  readonly #encoder: FrameEncoder | undefined
  readonly #frameSamples: number
  readonly #socketFrames: number
  readonly #held: BoundedQueue<Uint8Array>
  readonly #block: Int16Array
  #blockFill = 0
  #nextSeq = 0
  #mediaTime = 0

  constructor(format: AudioFormat, sink: AudioSink, encoder?: FrameEncoder) {
    this.format = format
    this.#sink = sink
    this.#encoder = encoder
    this.#frameSamples = samplesPerFrame(format)
    this.#socketFrames = Math.max(1, Math.floor(MAX_SOCKET_AUDIO_MS / format.frameMs))
    const heldFrames = Math.max(1, Math.floor((MAX_HELD_AUDIO_MS - MAX_SOCKET_AUDIO_MS) / format.frameMs))
    this.#held = new BoundedQueue({ capacity: heldFrames, overflow: 'drop-oldest' })
    this.#block = new Int16Array(this.#frameSamples)
  }

  /** Samples accepted so far, skipped ones included: the media time of the next sample. */
  get mediaTime(): number {
    return this.#mediaTime + this.#blockFill
  }
  /** seq of the last frame given to the socket, -1 before the first; wraps as the wire does. */
  get lastSeq(): number {
    return this.#nextSeq === 0 ? -1 : (this.#nextSeq - 1) % 0x1_0000_0000
  }
  get sentFrames(): number {
    return this.#nextSeq
  }
  get heldFrames(): number {
    return this.#held.length
  }
  get droppedFrames(): number {
    return this.#held.dropped
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

  /** Hands held frames to the sink while it has room. True when nothing is held any more. */
  pump(): boolean {
    for (let message = this.#held.peek(); message; message = this.#held.peek()) {
      if (!this.#hasRoom(message.byteLength)) return false
      this.#held.shift()
      this.#write(message)
    }
    return true
  }

  #emitBlock(samples: number): void {
    const block = this.#block.subarray(0, samples)
    this.#blockFill = 0
    this.#emit(this.#encoder ? this.#encoder.encode(block) : pcmBytes(block), samples)
  }

  #emit(payload: Uint8Array, samples: number): void {
    const message = new Uint8Array(AUDIO_FRAME_HEADER_BYTES + payload.byteLength)
    // seq is written when the frame leaves: frames dropped here leave no hole in the numbers, only in media time, where the
    // platform reads a hole as silence that was not sent.
    writeAudioFrameHeader(message, 0, this.#mediaTime)
    message.set(payload, AUDIO_FRAME_HEADER_BYTES)
    this.#mediaTime += samples
    if (this.pump() && this.#hasRoom(message.byteLength)) this.#write(message)
    else this.#held.push(message)
  }

  #hasRoom(messageBytes: number): boolean {
    return this.#sink.isOpen() && this.#sink.bufferedBytes() < this.#socketFrames * messageBytes
  }

  #write(message: Uint8Array): void {
    writeUint32(message, 2, this.#nextSeq % 0x1_0000_0000)
    this.#nextSeq++
    this.#sink.send(message)
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
