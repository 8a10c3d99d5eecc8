import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createResampler, type Resampler, resamplerUsage } from './resample.ts'
import { assertSameSamples, concat, tone } from './testing/index.ts'

const SEED = 20264
const RATES_HZ = [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000]

function all(resampler: Resampler, samples: Int16Array, sizes: readonly number[]): Int16Array {
  const parts: Int16Array[] = []
  let at = 0
  for (let turn = 0; at < samples.length; turn += 1) {
    const size = sizes[turn % sizes.length] as number
    parts.push(resampler.process(samples.subarray(at, at + size)))
    at += size
  }
  return concat(...parts, resampler.flush())
}

/** How far `samples` are above their difference from `reference`, in dB, away from the ends. */
function signalToErrorDb(samples: Int16Array, reference: Int16Array): number {
  let signal = 0
  let error = 0
  for (let n = 200; n < reference.length - 200; n += 1) {
    signal += (reference[n] as number) ** 2
    error += ((samples[n] as number) - (reference[n] as number)) ** 2
  }
  return 10 * Math.log10(signal / error)
}

test('[AU17] a stream comes out as long as the ratio says, to the sample', async () => {
  const anyRate = fc.constantFrom(...RATES_HZ)
  await fc.assert(
    fc.asyncProperty(anyRate, anyRate, fc.nat(9_000), fc.nat(10), async (fromHz, toHz, length, quality) => {
      const resampler = await createResampler(fromHz, toHz, quality)
      const out = all(resampler, new Int16Array(length).fill(1_000), [480])
      resampler.close()
      assert.equal(out.length, Math.round((length * toHz) / fromHz))
    }),
    { seed: SEED, numRuns: 200 },
  )
})

test('[AU18] the size of the pieces does not change the samples', async () => {
  const anyRate = fc.constantFrom(...RATES_HZ)
  const sizes = fc.array(fc.integer({ min: 1, max: 7_000 }), { minLength: 1, maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(anyRate, anyRate, sizes, async (fromHz, toHz, pieces) => {
      const samples = tone(200, 440, 12_000, fromHz)
      const resampler = await createResampler(fromHz, toHz)
      const whole = all(resampler, samples, [samples.length])
      // The same object again: flush has made it a new stream.
      const inPieces = all(resampler, samples, pieces)
      resampler.close()
      assertSameSamples(inPieces, whole)
    }),
    { seed: SEED, numRuns: 100 },
  )
})

test('[AU18] a tone stays the same tone, at the same place', async () => {
  for (const fromHz of RATES_HZ) {
    for (const toHz of RATES_HZ) {
      const resampler = await createResampler(fromHz, toHz)
      const out = all(resampler, tone(500, 440, 8_000, fromHz), [fromHz / 100])
      resampler.close()
      const distanceDb = signalToErrorDb(out, tone(500, 440, 8_000, toHz))
      assert.ok(distanceDb > 60, `${fromHz} to ${toHz} Hz: ${distanceDb} dB`)
    }
  }
})

test('[AU18] what the lower rate cannot hold is filtered out, not folded back', async () => {
  const resampler = await createResampler(48_000, 16_000)
  const out = all(resampler, tone(500, 11_000, 20_000, 48_000), [960])
  resampler.close()
  assert.ok(out.subarray(200, -200).every((sample) => Math.abs(sample) < 200))
})

test('[AU19] equal rates pass the samples through', async () => {
  const resampler = await createResampler(16_000, 16_000)
  const samples = tone(20, 440)
  assert.equal(resampler.process(samples), samples)
  assert.equal(resampler.flush().length, 0)
  resampler.close()
  assert.throws(() => resampler.process(samples), /closed/)
})

test('[AU20] 2,000 resamplers opened and closed leave no memory behind', async () => {
  const before = await resamplerUsage()
  for (let turn = 0; turn < 2_000; turn += 1) {
    // Long filters: 2,000 of them left behind would be several times what the module starts with.
    const resampler = await createResampler(192_000, 8_000, 10)
    resampler.process(new Int16Array(960))
    resampler.close()
    resampler.close()
  }
  assert.deepEqual(await resamplerUsage(), before)
})

test('[AU20] a closed resampler says so', async () => {
  const resampler = await createResampler(8_000, 16_000)
  resampler.close()
  assert.throws(() => resampler.process(new Int16Array(80)), /closed/)
  assert.throws(() => resampler.flush(), /closed/)
})

test('[AU21] two streams that take turns never hear each other', async () => {
  const alone = await createResampler(8_000, 16_000)
  const expected = all(alone, tone(200, 300, 8_000, 8_000), [160])
  alone.close()
  const mine = await createResampler(8_000, 16_000)
  const other = await createResampler(48_000, 16_000)
  const voice = tone(200, 300, 8_000, 8_000)
  const noise = tone(200, 900, 30_000, 48_000)
  const parts: Int16Array[] = []
  for (let turn = 0; turn < 10; turn += 1) {
    parts.push(mine.process(voice.subarray(160 * turn, 160 * (turn + 1))))
    other.process(noise.subarray(960 * turn, 960 * (turn + 1)))
  }
  parts.push(mine.flush())
  mine.close()
  other.close()
  assertSameSamples(concat(...parts), expected)
})

test('[AU21] rates and qualities that make no sense are refused', async () => {
  for (const [fromHz, toHz, quality] of [
    [0, 16_000, 3],
    [16_000.5, 16_000, 3],
    [16_000, Number.NaN, 3],
    [2_000_000, 16_000, 3],
    [1_000_000, 100, 3],
    [8_000, 16_000, 11],
  ] as const) {
    await assert.rejects(createResampler(fromHz, toHz, quality), RangeError)
  }
})
