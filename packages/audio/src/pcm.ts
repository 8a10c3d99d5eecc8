// Samples as numbers: conversions between bytes, 16-bit integers and floats, and how loud they are. Mono throughout.

/** True on every machine Node runs on today; the slow path below keeps the format right on the others. */
const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/** Level given for digital silence: what one quantisation step would be rounded down from. */
export const SILENCE_DBFS = -100

/**
 * Little-endian PCM16 bytes as samples, in a fresh array: the bytes may lie at an odd offset of a shared buffer, where
 * a view would be refused. A trailing odd byte is left out.
 */
export function pcm16FromBytes(bytes: Uint8Array): Int16Array {
  const samples = new Int16Array(bytes.byteLength >>> 1)
  if (IS_LITTLE_ENDIAN) {
    new Uint8Array(samples.buffer).set(bytes.subarray(0, samples.byteLength))
    return samples
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let index = 0; index < samples.length; index += 1) samples[index] = view.getInt16(2 * index, true)
  return samples
}

/** Samples as little-endian bytes, in a fresh array. */
export function pcm16ToBytes(samples: Int16Array): Uint8Array {
  const bytes = new Uint8Array(samples.byteLength)
  if (IS_LITTLE_ENDIAN) {
    bytes.set(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength))
    return bytes
  }
  const view = new DataView(bytes.buffer)
  for (let index = 0; index < samples.length; index += 1) view.setInt16(2 * index, samples[index] as number, true)
  return bytes
}

/** One float (nominally -1..1) as a 16-bit sample: rounded, clipped, NaN taken as silence. */
export function floatToPcm16Sample(value: number): number {
  const scaled = Math.round(value * 32_768)
  if (scaled > 32_767) return 32_767
  if (scaled < -32_768) return -32_768
  return Number.isNaN(scaled) ? 0 : scaled
}

/** Floats (nominally -1..1) as 16-bit samples, clipped. */
export function floatToPcm16(values: Float32Array | Float64Array): Int16Array {
  const samples = new Int16Array(values.length)
  for (let index = 0; index < values.length; index += 1) samples[index] = floatToPcm16Sample(values[index] as number)
  return samples
}

/** 16-bit samples as floats in [-1, 1); `floatToPcm16` gives the same samples back. */
export function pcm16ToFloat(samples: Int16Array): Float32Array {
  const values = new Float32Array(samples.length)
  for (let index = 0; index < samples.length; index += 1) values[index] = (samples[index] as number) / 32_768
  return values
}

/**
 * Root-mean-square level relative to a full-scale square wave, in dBFS: 0 is as loud as it gets, a full-scale sine is
 * -3, SILENCE_DBFS is the floor and the answer for no samples.
 */
export function levelDbfs(samples: Int16Array): number {
  let energy = 0
  for (let index = 0; index < samples.length; index += 1) {
    const sample = samples[index] as number
    energy += sample * sample
  }
  if (energy === 0) return SILENCE_DBFS
  return Math.max(SILENCE_DBFS, Math.min(0, 20 * Math.log10(Math.sqrt(energy / samples.length) / 32_768)))
}
