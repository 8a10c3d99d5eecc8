// The frames one stream keeps until the worker has settled them (UT4): a queue of encoded frames with two readers, the
// head (oldest kept) and the cursor (next to send). Bounded; the oldest go first. It knows nothing of links or workers.
//
//   dropped <- | head ......... cursor ......... pushed | <- push
//              |    sent, kept    |   still to send     |
//
// A frame lies in a chunk as: received u32 (wall ms, modulo 2^32), mediaTime u32, length u16, payload. From mediaTime on
// this is the record of the link without its stream number, so that sending is one copy.
import { type AudioFormat, LINK_RECORD_HEADER_BYTES, readUint32, samplesPerFrame, writeUint32 } from '@parley/protocol'
import type { AudioChunk, AudioPool } from './audio-pool.ts'

const HEADER_BYTES = 10
const STREAM_FIELD_BYTES = 4
/** What of our header precedes the part that goes onto the link. */
const LOCAL_FIELD_BYTES = 4

const COMPRESSED_BOUNDS = { chunkBytes: 4_096, maxBytes: 100_000 } as const
const PCM_BOUNDS = { chunkBytes: 16_384, maxBytes: 1_000_000 } as const

export class KeptAudio {
  readonly #pool: AudioPool
  readonly #chunkBytes: number
  readonly #maxBytes: number
  /** Samples in a frame; 0 = as many as its bytes say (pcm16). */
  readonly #frameSamples: number
  #chunks: AudioChunk[] = []
  #headOffset = 0
  #cursorChunk = 0
  #cursorOffset = 0
  #headNo = 0
  #cursorNo = 0
  #pushedNo = 0
  #bytes = 0
  #unsentBytes = 0
  #lastMedia = 0
  #lastReceivedMs = 0
  #endMedia = 0
  #droppedFrames = 0

  constructor(pool: AudioPool, format: AudioFormat) {
    const bounds = format.codec === 'pcm16' ? PCM_BOUNDS : COMPRESSED_BOUNDS
    this.#pool = pool
    this.#chunkBytes = bounds.chunkBytes
    this.#maxBytes = bounds.maxBytes
    this.#frameSamples = format.codec === 'pcm16' ? 0 : samplesPerFrame(format)
  }

  /** Frames ever pushed; the number of the next one. Positions in the queue are such numbers. */
  get pushedNo(): number {
    return this.#pushedNo
  }
  /** Number of the next frame to send. */
  get cursorNo(): number {
    return this.#cursorNo
  }
  get headNo(): number {
    return this.#headNo
  }
  /** Bytes held, ten of them per frame ours. */
  get bytes(): number {
    return this.#bytes
  }
  /** Bytes that lie beyond the cursor. */
  get unsentBytes(): number {
    return this.#unsentBytes
  }
  /** Frames given up because a bound was reached. */
  get droppedFrames(): number {
    return this.#droppedFrames
  }
  /** Media time of the last frame pushed. */
  get lastMedia(): number {
    return this.#lastMedia
  }
  /** Sample after the last one pushed. */
  get endMedia(): number {
    return this.#endMedia
  }

  /** Copies one frame in. `mediaTime` is the extended sample count and must not fall behind the frame before. */
  push(mediaTime: number, payload: Uint8Array, receivedAtWallMs: number): void {
    const size = HEADER_BYTES + payload.byteLength
    if (size > this.#chunkBytes) {
      this.#droppedFrames++
      return
    }
    while (this.#bytes + size > this.#maxBytes) this.#dropOldest()
    const chunk = this.#roomFor(size)
    if (!chunk) {
      this.#droppedFrames++
      return
    }
    const { bytes, end } = chunk
    const receivedMs = Math.round(receivedAtWallMs)
    writeUint32(bytes, end, receivedMs)
    writeUint32(bytes, end + 4, mediaTime)
    bytes[end + 8] = payload.byteLength >>> 8
    bytes[end + 9] = payload.byteLength & 0xff
    bytes.set(payload, end + HEADER_BYTES)
    chunk.end = end + size
    this.#bytes += size
    this.#unsentBytes += size
    this.#pushedNo++
    this.#lastMedia = mediaTime
    this.#lastReceivedMs = receivedMs
    this.#endMedia = mediaTime + (this.#frameSamples || payload.byteLength >>> 1)
  }

  /**
   * Writes the frame at the cursor as a link record of `stream` and moves the cursor on. Returns the offset after it, or
   * -1 when there is none before number `limitNo`, or when it does not fit.
   */
  writeNext(target: Buffer, offset: number, stream: number, limitNo: number): number {
    if (this.#cursorNo === this.#pushedNo || this.#cursorNo >= limitNo) return -1
    this.#settleCursor()
    const chunk = this.#chunks[this.#cursorChunk] as AudioChunk
    const start = this.#cursorOffset
    const length = payloadLength(chunk, start)
    const end = offset + LINK_RECORD_HEADER_BYTES + length
    if (end > target.byteLength) return -1
    writeUint32(target, offset, stream)
    chunk.bytes.copy(target, offset + STREAM_FIELD_BYTES, start + LOCAL_FIELD_BYTES, start + HEADER_BYTES + length)
    this.#cursorOffset = start + HEADER_BYTES + length
    this.#cursorNo++
    this.#unsentBytes -= HEADER_BYTES + length
    return end
  }

  /** Everything kept is to be sent again. */
  rewind(): void {
    this.#cursorChunk = 0
    this.#cursorOffset = this.#headOffset
    this.#cursorNo = this.#headNo
    this.#unsentBytes = this.#bytes
  }

  /** Extended media time of the oldest frame; undefined when nothing is kept. */
  headMedia(): number | undefined {
    if (this.#headNo === this.#pushedNo) return undefined
    return this.#mediaAt(this.#chunks[0] as AudioChunk, this.#headOffset)
  }

  /** Forgets the frames that end at or before `media`. */
  trim(media: number): void {
    while (this.#headNo < this.#pushedNo) {
      const chunk = this.#chunks[0] as AudioChunk
      if (this.#frameEnd(chunk, this.#headOffset, payloadLength(chunk, this.#headOffset)) > media) return
      this.#dropHead()
    }
  }

  /** Forgets the frames that were received at or before `wallMs`; returns how many. */
  dropReceivedBefore(wallMs: number): number {
    let dropped = 0
    while (this.#headNo < this.#pushedNo) {
      if (this.#receivedAt(this.#chunks[0] as AudioChunk, this.#headOffset) > wallMs) break
      this.#dropHead()
      dropped++
    }
    return dropped
  }

  /** Wall ms at which the frame holding the sample before `media` was received; the nearest kept frame if it is gone. */
  receivedAtMs(media: number): number | undefined {
    let chunkIndex = 0
    let offset = this.#headOffset
    for (let left = this.#pushedNo - this.#headNo; left > 0; left--) {
      let chunk = this.#chunks[chunkIndex] as AudioChunk
      if (offset === chunk.end) {
        chunk = this.#chunks[++chunkIndex] as AudioChunk
        offset = 0
      }
      const length = payloadLength(chunk, offset)
      if (left === 1 || this.#frameEnd(chunk, offset, length) >= media) return this.#receivedAt(chunk, offset)
      offset += HEADER_BYTES + length
    }
    return undefined
  }

  /** Forgets everything and gives the memory back. */
  clear(): void {
    for (const chunk of this.#chunks) this.#pool.give(chunk)
    this.#chunks = []
    this.#headOffset = 0
    this.#cursorChunk = 0
    this.#cursorOffset = 0
    this.#headNo = this.#pushedNo
    this.#cursorNo = this.#pushedNo
    this.#bytes = 0
    this.#unsentBytes = 0
  }

  #roomFor(size: number): AudioChunk | undefined {
    const tail = this.#chunks.at(-1)
    if (tail && tail.end + size <= this.#chunkBytes) return tail
    let chunk = this.#pool.take(this.#chunkBytes)
    if (!chunk) {
      // The pod's cap is reached: room comes from this stream's own oldest chunk, never from another stream.
      const oldest = this.#chunks[0]
      if (!oldest) return undefined
      while (this.#bytes > 0 && this.#chunks[0] === oldest) this.#dropOldest()
      const left = this.#chunks.at(-1)
      if (left && left.end + size <= this.#chunkBytes) return left
      chunk = this.#pool.take(this.#chunkBytes)
    }
    if (chunk) this.#chunks.push(chunk)
    return chunk
  }

  /** At the end of one chunk the next frame is the first of the following one. */
  #settleCursor(): void {
    const chunk = this.#chunks[this.#cursorChunk] as AudioChunk
    if (this.#cursorOffset < chunk.end) return
    this.#cursorChunk++
    this.#cursorOffset = 0
  }

  #dropOldest(): void {
    this.#dropHead()
    this.#droppedFrames++
  }

  #dropHead(): void {
    const chunk = this.#chunks[0] as AudioChunk
    const size = HEADER_BYTES + payloadLength(chunk, this.#headOffset)
    this.#headOffset += size
    this.#headNo++
    this.#bytes -= size
    const wasUnsent = this.#cursorNo < this.#headNo
    if (wasUnsent) {
      this.#cursorNo = this.#headNo
      this.#unsentBytes -= size
    }
    if (this.#headOffset === chunk.end) {
      this.#headOffset = 0
      if (this.#chunks.length > 1) {
        this.#chunks.shift()
        this.#pool.give(chunk)
        this.#cursorChunk = Math.max(0, this.#cursorChunk - 1)
      } else {
        chunk.end = 0
      }
    }
    if (this.#cursorNo === this.#headNo) {
      this.#cursorChunk = 0
      this.#cursorOffset = this.#headOffset
    }
  }

  // Wrapped fields become whole again relative to the last frame pushed, which is never older than what is kept.
  #mediaAt(chunk: AudioChunk, offset: number): number {
    return this.#lastMedia - ((this.#lastMedia - readUint32(chunk.bytes, offset + 4)) >>> 0)
  }

  #frameEnd(chunk: AudioChunk, offset: number, length: number): number {
    return this.#mediaAt(chunk, offset) + (this.#frameSamples || length >>> 1)
  }

  #receivedAt(chunk: AudioChunk, offset: number): number {
    const ageMs = (this.#lastReceivedMs - readUint32(chunk.bytes, offset)) | 0
    return this.#lastReceivedMs - ageMs
  }
}

function payloadLength(chunk: AudioChunk, offset: number): number {
  return ((chunk.bytes[offset + 8] as number) << 8) | (chunk.bytes[offset + 9] as number)
}
