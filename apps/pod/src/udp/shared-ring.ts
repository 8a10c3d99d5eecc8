// Opened frames on their way from the UDP thread to the main loop: a ring in shared memory with one writer and one reader.
//
//   record, 8-byte aligned: | payloadBytes u32 | handle u32 | seq f64 | receivedAtWallMs f64 | mediaTime u32 | - | payload ... |
//
// HEAD and TAIL are byte offsets; equal means empty. A record never wraps: where it does not fit, a mark sends the reader on to
// where the writer went. The writer goes back to the start at the end of the ring, and also when all has been read, so that an
// undisturbed ring touches only its first pages.

const HEAD = 0
const TAIL = 1
/** Bytes of records published and read since the start, modulo 2^32. */
const WRITTEN = 2
const READ = 3
const CONTROL_WORDS = 4

const RECORD_HEADER_BYTES = 32
/** In place of a length; where to go on follows. */
const MARK = 0xffff_ffff
const MARK_BYTES = 8
const NOWHERE = -1
/** An empty ring starts over once it has come so far. */
const REWIND_AT_BYTES = 65_536
/** How much the reader reads before it tells the writer. */
const PUBLISH_EVERY_BYTES = 65_536

export interface SharedRing {
  readonly control: Int32Array
  readonly bytes: Uint8Array
}

/** Room for `ringBytes` of records; a multiple of 8, at most 2^31 - 1. Pages are not touched before they are written. */
export function makeSharedRing(ringBytes: number): SharedRing {
  return {
    control: new Int32Array(new SharedArrayBuffer(CONTROL_WORDS * Int32Array.BYTES_PER_ELEMENT)),
    bytes: new Uint8Array(new SharedArrayBuffer(ringBytes - (ringBytes % 8))),
  }
}

/** Bytes of records that were published and not yet read. */
export function ringUsedBytes({ control }: SharedRing): number {
  return (Atomics.load(control, WRITTEN) - Atomics.load(control, READ)) >>> 0
}

const recordBytes = (payloadBytes: number): number => RECORD_HEADER_BYTES + ((payloadBytes + 7) & ~7)

/** The UDP thread's end. Records become visible with `publish`. */
export class RingWriter {
  readonly #ring: SharedRing
  readonly #words: Uint32Array
  readonly #floats: Float64Array
  #head = 0
  #publishedHead = 0
  #written = 0
  /** As last looked at; the reader may have come further. */
  #tail = 0
  /** Where the writer left an empty ring for its start: as long as TAIL is there, all behind it is free. */
  #rewoundAt = NOWHERE
  /** Where it went on behind that, with unread records at the start: until TAIL is there, the start is taken. */
  #resumedAt = NOWHERE

  constructor(ring: SharedRing) {
    this.#ring = ring
    this.#words = new Uint32Array(ring.bytes.buffer)
    this.#floats = new Float64Array(ring.bytes.buffer)
  }

  /** False when there is no room: the frame is the caller's to count. */
  write(handle: number, seq: number, mediaTime: number, payload: Uint8Array, receivedAtWallMs: number): boolean {
    const size = recordBytes(payload.byteLength)
    // Once per batch: has all been read, so that the ring can start over?
    if (this.#head === this.#publishedHead) this.#tail = Atomics.load(this.#ring.control, TAIL)
    if (!this.#makeRoom(size)) return false
    const word = this.#head >>> 2
    const float = this.#head >>> 3
    this.#words[word] = payload.byteLength
    this.#words[word + 1] = handle
    this.#floats[float + 1] = seq
    this.#floats[float + 2] = receivedAtWallMs
    this.#words[word + 6] = mediaTime
    this.#ring.bytes.set(payload, this.#head + RECORD_HEADER_BYTES)
    this.#head += size
    this.#written += size
    return true
  }

  /** Shows the reader what was written, wakes it if it waits, and returns the bytes in use. */
  publish(): number {
    const { control } = this.#ring
    if (this.#publishedHead !== this.#head) {
      this.#publishedHead = this.#head
      Atomics.store(control, WRITTEN, this.#written | 0)
      Atomics.store(control, HEAD, this.#head)
      Atomics.notify(control, HEAD)
    }
    return ringUsedBytes(this.#ring)
  }

  /** Moves #head to where `size` bytes fit; false when nowhere. */
  #makeRoom(size: number): boolean {
    if (this.#fits(size)) return true
    this.#tail = Atomics.load(this.#ring.control, TAIL)
    return this.#fits(size)
  }

  #fits(size: number): boolean {
    if (this.#tail >= this.#resumedAt) this.#resumedAt = NOWHERE
    // HEAD must not catch up with TAIL: that would look empty. Behind a record there is always room for a mark.
    if (this.#head < this.#tail) {
      if (this.#tail - this.#head > size + MARK_BYTES) return true
      return this.#tail === this.#rewoundAt && this.#resumeBehind(size)
    }
    const isEmptied = this.#head === this.#tail && this.#head >= REWIND_AT_BYTES
    if (!isEmptied && this.#hasRoomAt(this.#head, size)) return true
    if (this.#resumedAt !== NOWHERE || this.#tail <= size + MARK_BYTES) return false
    this.#rewoundAt = isEmptied ? this.#head : NOWHERE
    this.#goTo(0)
    return true
  }

  #hasRoomAt(offset: number, size: number): boolean {
    return this.#ring.bytes.byteLength - offset >= size + MARK_BYTES
  }

  /** The reader has not come to the start yet: go on behind where it stands. */
  #resumeBehind(size: number): boolean {
    const offset = this.#rewoundAt + MARK_BYTES
    if (!this.#hasRoomAt(offset, size)) return false
    this.#resumedAt = offset
    this.#goTo(offset)
    return true
  }

  #goTo(offset: number): void {
    const word = this.#head >>> 2
    this.#words[word] = MARK
    this.#words[word + 1] = offset
    this.#head = offset
  }
}

/** Takes one record. `payload` is valid until it returns. */
export type RingSink = (
  handle: number,
  seq: number,
  mediaTime: number,
  payload: Uint8Array,
  receivedAtWallMs: number,
) => void

/** The main loop's end. */
export class RingReader {
  readonly #ring: SharedRing
  readonly #words: Uint32Array
  readonly #floats: Float64Array
  #tail = 0
  #read = 0

  constructor(ring: SharedRing) {
    this.#ring = ring
    this.#words = new Uint32Array(ring.bytes.buffer)
    this.#floats = new Float64Array(ring.bytes.buffer)
  }

  /** Hands up to `maxRecords` to `sink` and returns how many there were. */
  drain(sink: RingSink, maxRecords: number): number {
    const { bytes } = this.#ring
    const head = Atomics.load(this.#ring.control, HEAD)
    let count = 0
    let unpublished = 0
    while (this.#tail !== head && count < maxRecords) {
      const word = this.#tail >>> 2
      const payloadBytes = this.#words[word] as number
      if (payloadBytes === MARK) {
        this.#tail = this.#words[word + 1] as number
        continue
      }
      const float = this.#tail >>> 3
      const start = this.#tail + RECORD_HEADER_BYTES
      sink(
        this.#words[word + 1] as number,
        this.#floats[float + 1] as number,
        this.#words[word + 6] as number,
        bytes.subarray(start, start + payloadBytes),
        this.#floats[float + 2] as number,
      )
      count++
      const size = recordBytes(payloadBytes)
      this.#tail += size
      this.#read += size
      unpublished += size
      if (unpublished >= PUBLISH_EVERY_BYTES) {
        unpublished = 0
        this.#publish()
      }
    }
    if (unpublished > 0) this.#publish()
    return count
  }

  #publish(): void {
    Atomics.store(this.#ring.control, TAIL, this.#tail)
    Atomics.store(this.#ring.control, READ, this.#read | 0)
  }

  /** Resolves when there is something to read, or undefined when there is already. Never rejects. */
  wait(): Promise<unknown> | undefined {
    const waiting = Atomics.waitAsync(this.#ring.control, HEAD, this.#tail)
    return waiting.async ? waiting.value : undefined
  }

  /** Ends a wait without anything to read. */
  wake(): void {
    Atomics.notify(this.#ring.control, HEAD)
  }
}
