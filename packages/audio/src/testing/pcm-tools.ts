// Small pieces of sound to put tests together from: silence, joins, seeded noise.
import assert from 'node:assert/strict'
import { seededRandom } from '@parley/kernel'

/** Rate of everything in ./testing. */
export const SPEECH_RATE_HZ = 16_000

/** `durationMs` of digital silence at 16 kHz. */
export function silence(durationMs: number): Int16Array {
  return new Int16Array(Math.round((SPEECH_RATE_HZ * durationMs) / 1000))
}

export function concat(...parts: readonly Int16Array[]): Int16Array {
  const whole = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** A sine of `frequencyHz` and `peak` (0..32767). */
export function tone(durationMs: number, frequencyHz: number, peak = 8_000, rateHz = SPEECH_RATE_HZ): Int16Array {
  const step = (2 * Math.PI * frequencyHz) / rateHz
  return Int16Array.from({ length: Math.round((rateHz * durationMs) / 1000) }, (_, n) =>
    Math.round(peak * Math.sin(step * n)),
  )
}

/**
 * A copy of `samples` with white noise `signalToNoiseDb` below the mean power of the whole of it (pauses included).
 * The same seed gives the same noise. Silence stays silent.
 */
export function withNoise(samples: Int16Array, signalToNoiseDb: number, seed = 1): Int16Array {
  let energy = 0
  for (const sample of samples) energy += sample * sample
  const rms = Math.sqrt(energy / Math.max(1, samples.length)) * 10 ** (-signalToNoiseDb / 20)
  // A uniform distribution on [-a, a] has an rms of a / sqrt(3).
  const peak = rms * Math.sqrt(3)
  const random = seededRandom(seed)
  return samples.map((sample) => {
    const noisy = Math.round(sample + (2 * random() - 1) * peak)
    return Math.max(-32_768, Math.min(32_767, noisy))
  })
}

/** Fails naming the first sample that differs: node's own comparison takes minutes to print a second of sound. */
export function assertSameSamples(actual: Int16Array, expected: Int16Array): void {
  const first = expected.findIndex((sample, n) => sample !== actual[n])
  if (first >= 0) assert.fail(`sample ${first} is ${actual[first]}, not ${expected[first]}`)
  assert.equal(actual.length, expected.length)
}
