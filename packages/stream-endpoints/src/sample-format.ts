// Samples on the wire: which encodings and rates there are, bytes of any cut to samples, samples to bytes. Mono, little endian.
import { floatToPcm16, pcm16FromBytes, pcm16ToBytes, pcm16ToFloat } from '@parley/audio'

export const ENCODINGS = ['float32', 'int16'] as const
export type Encoding = (typeof ENCODINGS)[number]
export const SAMPLE_RATES_HZ = [8_000, 16_000, 24_000, 48_000] as const
export type SampleRateHz = (typeof SAMPLE_RATES_HZ)[number]

export const BYTES_PER_SAMPLE: Readonly<Record<Encoding, number>> = { float32: 4, int16: 2 }

const EMPTY = new Uint8Array(0)
/** True on every machine Node runs on today; the slow path keeps the format right on the others. */
const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/**
 * Bytes that arrive in pieces cut anywhere, as 16-bit samples. What is left of a cut sample waits for the next piece. Floats are
 * nominally -1 to 1: clipped beyond, NaN is silence.
 */
export class SampleReader {
  readonly #encoding: Encoding
  #rest: Uint8Array = EMPTY

  constructor(encoding: Encoding) {
    this.#encoding = encoding
  }

  /** Bytes of a sample whose other bytes have not come. */
  get restBytes(): number {
    return this.#rest.byteLength
  }

  /** The whole samples so far, in an array of the caller's own. */
  read(bytes: Uint8Array): Int16Array {
    const size = BYTES_PER_SAMPLE[this.#encoding]
    const joined = this.#rest.byteLength === 0 ? bytes : join(this.#rest, bytes)
    const wholeBytes = joined.byteLength - (joined.byteLength % size)
    // A copy: what is kept must not hold on to, or change with, a buffer of the socket.
    this.#rest = wholeBytes === joined.byteLength ? EMPTY : joined.slice(wholeBytes)
    const whole = joined.subarray(0, wholeBytes)
    return this.#encoding === 'int16' ? pcm16FromBytes(whole) : floatToPcm16(floatsOf(whole))
  }
}

/** `samples` as bytes of `encoding`, in a fresh array. */
export function encodeSamples(samples: Int16Array, encoding: Encoding): Uint8Array {
  if (encoding === 'int16') return pcm16ToBytes(samples)
  const floats = pcm16ToFloat(samples)
  if (IS_LITTLE_ENDIAN) return new Uint8Array(floats.buffer)
  const bytes = new Uint8Array(floats.byteLength)
  const view = new DataView(bytes.buffer)
  for (let index = 0; index < floats.length; index += 1) view.setFloat32(4 * index, floats[index] as number, true)
  return bytes
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.byteLength + second.byteLength)
  joined.set(first)
  joined.set(second, first.byteLength)
  return joined
}

function floatsOf(bytes: Uint8Array): Float32Array {
  const floats = new Float32Array(bytes.byteLength / 4)
  if (IS_LITTLE_ENDIAN) {
    new Uint8Array(floats.buffer).set(bytes)
    return floats
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let index = 0; index < floats.length; index += 1) floats[index] = view.getFloat32(4 * index, true)
  return floats
}
