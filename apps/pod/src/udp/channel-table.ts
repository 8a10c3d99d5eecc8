// What the UDP thread knows of each channel and needs for every packet, 64 bytes a channel beside each other: with a thousand
// channels taking turns, state spread over objects would cost more in cache misses than all that is done with it.

/** What of a session's audio format the thread needs to know. */
export interface FrameShape {
  readonly frameMs: number
  /** 0 = as many as its bytes say: PCM frames may be short, the other codecs' bytes do not tell. */
  readonly frameSamples: number
}

/** How much faster than real time a session may send, and for how long at once; its probes have room beside. */
const PACE_RATIO = 3
const BURST_SECONDS = 2
const PROBES_PER_SECOND = 10

const ROW_FLOATS = 8
const ROW_WORDS = 16
const FIRST_ROWS = 16
// Floats of a row.
const TOKENS = 0
const REFILLED_MS = 1
const NEXT_SEQ = 2
// Words of a row, after those floats.
const CHANNEL = 6
const HANDLE = 7
const SOURCE_HASH = 8
const SOURCE_PORT = 9
const END_MEDIA_TIME = 10
const FRAME_SAMPLES = 11
const PACKETS_PER_SECOND = 12
const UINT32 = 0x1_0000_0000

/** Rows are named by the caller, in small numbers. */
export class ChannelTable {
  #floats = new Float64Array(FIRST_ROWS * ROW_FLOATS)
  #words = new Uint32Array(this.#floats.buffer)

  /** A fresh row: bound nowhere, expecting seq 0, with all of its burst. */
  set(row: number, handle: number, channel: number, frame: FrameShape, nowMs: number): void {
    while (row * ROW_FLOATS >= this.#floats.length) this.#grow()
    const floats = row * ROW_FLOATS
    const words = row * ROW_WORDS
    this.#floats.fill(0, floats, floats + ROW_FLOATS)
    const packetsPerSecond = Math.ceil((PACE_RATIO * 1000) / frame.frameMs) + PROBES_PER_SECOND
    this.#words[words + PACKETS_PER_SECOND] = packetsPerSecond
    this.#floats[floats + TOKENS] = packetsPerSecond * BURST_SECONDS
    this.#floats[floats + REFILLED_MS] = nowMs
    this.#words[words + CHANNEL] = channel
    this.#words[words + HANDLE] = handle
    this.#words[words + FRAME_SAMPLES] = frame.frameSamples
  }

  channel = (row: number): number => this.#words[row * ROW_WORDS + CHANNEL] as number
  handle = (row: number): number => this.#words[row * ROW_WORDS + HANDLE] as number
  nextSeq = (row: number): number => this.#floats[row * ROW_FLOATS + NEXT_SEQ] as number
  setNextSeq(row: number, seq: number): void {
    this.#floats[row * ROW_FLOATS + NEXT_SEQ] = seq
  }

  /** The sample after the last frame handed on, modulo 2^32. */
  endMediaTime = (row: number): number => this.#words[row * ROW_WORDS + END_MEDIA_TIME] as number
  /** A frame was handed on. */
  advance(row: number, mediaTime: number, payloadBytes: number): void {
    const words = row * ROW_WORDS
    const samples = (this.#words[words + FRAME_SAMPLES] as number) || payloadBytes >>> 1
    this.#words[words + END_MEDIA_TIME] = (mediaTime + samples) % UINT32
  }

  /** True when the newest authentic packet came from there. Ports are never 0, so nothing is bound at first. */
  isBound(row: number, sourceHash: number, port: number): boolean {
    const words = row * ROW_WORDS
    return this.#words[words + SOURCE_PORT] === port && this.#words[words + SOURCE_HASH] === sourceHash
  }
  /** Binds to where a packet came from; true when it was bound elsewhere before. */
  bind(row: number, sourceHash: number, port: number): boolean {
    const words = row * ROW_WORDS
    const wasBound = this.#words[words + SOURCE_PORT] !== 0
    this.#words[words + SOURCE_HASH] = sourceHash
    this.#words[words + SOURCE_PORT] = port
    return wasBound
  }

  /** Refills the row's bucket; false when it holds no packet. */
  hasRate(row: number, nowMs: number): boolean {
    const floats = row * ROW_FLOATS
    const perSecond = this.#words[row * ROW_WORDS + PACKETS_PER_SECOND] as number
    const elapsedMs = nowMs - (this.#floats[floats + REFILLED_MS] as number)
    const tokens = Math.min(
      perSecond * BURST_SECONDS,
      (this.#floats[floats + TOKENS] as number) + (elapsedMs * perSecond) / 1000,
    )
    this.#floats[floats + TOKENS] = tokens
    this.#floats[floats + REFILLED_MS] = nowMs
    return tokens >= 1
  }
  /** Takes one packet, after `hasRate`. */
  takeRate(row: number): void {
    const tokens = row * ROW_FLOATS + TOKENS
    this.#floats[tokens] = (this.#floats[tokens] as number) - 1
  }

  #grow(): void {
    const before = this.#floats
    this.#floats = new Float64Array(before.length * 2)
    this.#floats.set(before)
    this.#words = new Uint32Array(this.#floats.buffer)
  }
}
