import assert from 'node:assert/strict'
import { test } from 'node:test'
import { floatToPcm16 } from '@parley/audio'
import fc from 'fast-check'
import { BYTES_PER_SAMPLE, ENCODINGS, encodeSamples, SampleReader } from './sample-format.ts'

/** `bytes` cut at the given places. */
function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const parts: Uint8Array[] = []
  let at = 0
  for (const size of sizes) {
    parts.push(bytes.subarray(at, at + size))
    at += size
  }
  return [...parts, bytes.subarray(at)]
}

test('[SA2, SP2] however bytes are cut, the samples are those of the whole', () => {
  const samples = fc.int16Array({ maxLength: 200 })
  const sizes = fc.array(fc.nat({ max: 9 }), { maxLength: 60 })
  fc.assert(
    fc.property(samples, sizes, fc.constantFrom(...ENCODINGS), (wanted, cuts, encoding) => {
      const reader = new SampleReader(encoding)
      const bytes = encodeSamples(wanted, encoding)
      const read = cut(bytes, cuts).flatMap((part) => [...reader.read(part)])
      assert.deepEqual(read, [...wanted])
      assert.equal(reader.restBytes, 0)
    }),
  )
})

test('[SA2] a cut sample waits for its other bytes, in memory of its own', () => {
  const reader = new SampleReader('int16')
  const piece = new Uint8Array([0x34, 0x12, 0x78])
  assert.deepEqual([...reader.read(piece)], [0x1234])
  assert.equal(reader.restBytes, 1)
  // The socket's buffer may be written over meanwhile.
  piece.fill(0)
  assert.deepEqual([...reader.read(new Uint8Array([0x56]))], [0x5678])
})

test('[SA2] floats beyond full scale are clipped, and what is no number is silence', () => {
  const floats = new Float32Array([0, 1, -1, 7, -7, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
  const read = new SampleReader('float32').read(new Uint8Array(floats.buffer))
  assert.deepEqual([...read], [0, 32_767, -32_768, 32_767, -32_768, 0, 32_767, -32_768])
  assert.deepEqual([...read], [...floatToPcm16(floats)])
})

test('[SA2] any bytes at all are samples', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.constantFrom(...ENCODINGS), (bytes, encoding) => {
      const reader = new SampleReader(encoding)
      const read = reader.read(bytes)
      assert.equal(read.length, Math.floor(bytes.length / BYTES_PER_SAMPLE[encoding]))
      assert.equal(reader.restBytes, bytes.length % BYTES_PER_SAMPLE[encoding])
    }),
  )
})
