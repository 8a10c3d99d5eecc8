// What comes out of a lane: for each text a WAV of unknown length (or nothing at all), then a line with the lane's token and the exit
// code. Bytes arrive cut anywhere. Pure.
import { parseWavHeader, pcm16FromBytes } from '@parley/audio'
import { ESPEAK_RATE_HZ } from './espeak-voices.ts'

export interface LaneSink {
  onAudio(samples: Int16Array): void
  /** The text is said; `problem` if what came was not what it should be. */
  onEnd(exitCode: number, problem: string | undefined): void
}

const SAMPLE_BYTES = 2
/** A header is 44 bytes; what goes on for longer without one is something else. */
const MAX_HEADER_BYTES = 4_096

export class LaneOutput {
  readonly #token: Buffer
  readonly #sink: LaneSink
  /** Not yet understood: the beginning of a header or of a token, half a sample. */
  #held: Buffer = Buffer.alloc(0)
  #hasHeader = false
  #problem: string | undefined

  /** `token` must not occur in audio: make it long and random. */
  constructor(token: string, sink: LaneSink) {
    this.#token = Buffer.from(token)
    this.#sink = sink
  }

  push(bytes: Buffer): void {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes])
    while (this.#takeText()) {}
  }

  /** All audio there is of the text under way, and its end if that is there too: then there may be more. */
  #takeText(): boolean {
    const tokenAt = this.#held.indexOf(this.#token)
    const isEnded = tokenAt >= 0
    // Without an end, the last bytes may be the beginning of one.
    const audioLength = isEnded ? tokenAt : Math.max(0, this.#held.length - this.#token.length)
    const used = this.#takeAudio(audioLength)
    this.#held = this.#held.subarray(used)
    if (!isEnded) return false
    const codeAt = tokenAt - used + this.#token.length
    const lineEnd = this.#held.indexOf('\n', codeAt)
    if (lineEnd < 0) return false
    const exitCode = Number(this.#held.toString('latin1', codeAt, lineEnd))
    const problem = this.#problem
    this.#held = this.#held.subarray(lineEnd + 1)
    this.#hasHeader = false
    this.#problem = undefined
    this.#sink.onEnd(exitCode, problem)
    return true
  }

  /** Passes on the whole samples among the first `length` bytes held; says how many bytes are understood. */
  #takeAudio(length: number): number {
    const headerLength = this.#hasHeader ? 0 : this.#readHeader(length)
    if (headerLength === undefined) return 0
    const end = length - ((length - headerLength) % SAMPLE_BYTES)
    if (end > headerLength && this.#problem === undefined) {
      this.#sink.onAudio(pcm16FromBytes(this.#held.subarray(headerLength, end)))
    }
    return end
  }

  /** Its length; undefined while it is not all there. */
  #readHeader(length: number): number | undefined {
    const header = parseWavHeader(this.#held.subarray(0, Math.min(length, MAX_HEADER_BYTES)))
    if (!header.ok) {
      const isToCome = header.error.code === 'truncated' && length < MAX_HEADER_BYTES
      if (!isToCome) this.#problem ??= header.error.message
      if (!isToCome) this.#hasHeader = true
      return isToCome ? undefined : 0
    }
    const { sampleRateHz, blockBytes, dataOffset } = header.value
    if (sampleRateHz !== ESPEAK_RATE_HZ || blockBytes !== SAMPLE_BYTES) {
      this.#problem ??= `it speaks at ${sampleRateHz} Hz in blocks of ${blockBytes} bytes`
    }
    this.#hasHeader = true
    return dataOffset
  }
}
