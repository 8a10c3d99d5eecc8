import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { floatToPcm16, levelDbfs, pcm16FromBytes, pcm16ToBytes, pcm16ToFloat, SILENCE_DBFS } from './pcm.ts'
import { tone } from './testing/index.ts'

const SEED = 20261

test('[AU1] samples are read little endian from bytes at any offset; an odd last byte is left out', () => {
  fc.assert(
    fc.property(
      fc.int16Array({ maxLength: 400 }),
      fc.integer({ min: 0, max: 3 }),
      fc.boolean(),
      (samples, shift, odd) => {
        const bytes = pcm16ToBytes(samples)
        const shared = new Uint8Array(shift + bytes.byteLength + 1)
        shared.set(bytes, shift)
        const read = pcm16FromBytes(shared.subarray(shift, shift + bytes.byteLength + (odd ? 1 : 0)))
        assert.deepEqual(read, samples)
      },
    ),
    { seed: SEED },
  )
  assert.deepEqual([...pcm16FromBytes(Uint8Array.of(0x01, 0x80, 0xff))], [-32_767])
})

test('[AU1] the arrays handed out are the caller’s own', () => {
  const bytes = Uint8Array.of(1, 0, 2, 0)
  const samples = pcm16FromBytes(bytes)
  bytes.fill(9)
  assert.deepEqual([...samples], [1, 2])
  const back = pcm16ToBytes(samples)
  samples.fill(7)
  assert.deepEqual([...back], [1, 0, 2, 0])
})

test('[AU2] floats are rounded and clipped, NaN is silence', () => {
  const values = Float32Array.of(0, 1, -1, 1.5, -7, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 0.5)
  assert.deepEqual([...floatToPcm16(values)], [0, 32_767, -32_768, 32_767, -32_768, 32_767, -32_768, 0, 16_384])
})

test('[AU2] samples survive the way through floats', () => {
  fc.assert(
    fc.property(fc.int16Array(), (samples) => {
      assert.deepEqual(floatToPcm16(pcm16ToFloat(samples)), samples)
    }),
    { seed: SEED },
  )
})

test('[AU3] the level is dBFS of the root mean square, between the floor and 0', () => {
  assert.equal(levelDbfs(new Int16Array(0)), SILENCE_DBFS)
  assert.equal(levelDbfs(new Int16Array(320)), SILENCE_DBFS)
  assert.equal(levelDbfs(new Int16Array(320).fill(-32_768)), 0)
  assert.ok(Math.abs(levelDbfs(tone(1000, 1000, 32_767)) + 3.01) < 0.02)
  assert.ok(Math.abs(levelDbfs(tone(1000, 1000, 3_277)) + 23.01) < 0.02)
})
