// Memory for the audio that all streams of a pod keep, in chunks handed round between them: one cap for the pod, and no
// allocation per frame. It does not know what is in a chunk.

export interface AudioChunk {
  readonly bytes: Buffer
  /** Bytes written so far. */
  end: number
}

/** Chunks handed back stay ready for the next stream up to this many bytes; beyond it they are left to the collector. */
const MAX_FREE_BYTES = 4 * 1024 * 1024

export class AudioPool {
  readonly #capBytes: number
  readonly #free = new Map<number, AudioChunk[]>()
  #usedBytes = 0
  #freeBytes = 0

  /** @param capBytes bound on the bytes of all chunks handed out. */
  constructor(capBytes: number) {
    this.#capBytes = capBytes
  }

  /** Bytes of all chunks handed out, whether filled or not. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /** An empty chunk, or undefined when the cap is reached: the caller gives up its own oldest audio. */
  take(chunkBytes: number): AudioChunk | undefined {
    if (this.#usedBytes + chunkBytes > this.#capBytes) return undefined
    this.#usedBytes += chunkBytes
    const chunk = this.#free.get(chunkBytes)?.pop()
    if (!chunk) return { bytes: Buffer.allocUnsafeSlow(chunkBytes), end: 0 }
    this.#freeBytes -= chunkBytes
    chunk.end = 0
    return chunk
  }

  give(chunk: AudioChunk): void {
    const chunkBytes = chunk.bytes.byteLength
    this.#usedBytes -= chunkBytes
    if (this.#freeBytes + chunkBytes > MAX_FREE_BYTES) return
    this.#freeBytes += chunkBytes
    const free = this.#free.get(chunkBytes)
    if (free) free.push(chunk)
    else this.#free.set(chunkBytes, [chunk])
  }
}
