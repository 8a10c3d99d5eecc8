import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeWav, parseWav, parseWavHeader, type WavProblemCode, wavDataToMono } from './wav.ts'

const SEED = 20262

interface Layout {
  readonly tag: number
  readonly bits: number
  readonly channels: number
  readonly rateHz: number
  readonly isExtensible: boolean
}

const le = (value: number, bytes: number) =>
  Uint8Array.from({ length: bytes }, (_, index) => Math.floor(value / 2 ** (8 * index)) % 256)
const text = (value: string) => Uint8Array.from(value, (char) => char.charCodeAt(0))

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}

/** A chunk with its padding byte; `claimedBytes` lies about the size. */
function chunk(id: string, body: Uint8Array, claimedBytes = body.byteLength): Uint8Array {
  return join(text(id), le(claimedBytes, 4), body, new Uint8Array(body.byteLength % 2))
}

function format({ tag, bits, channels, rateHz, isExtensible }: Layout, blockBytes = channels * Math.ceil(bits / 8)) {
  const head = join(
    le(isExtensible ? 0xfffe : tag, 2),
    le(channels, 2),
    le(rateHz, 4),
    le(rateHz * blockBytes, 4),
    le(blockBytes, 2),
    le(bits, 2),
  )
  if (!isExtensible) return chunk('fmt ', head)
  const guidRest = Uint8Array.from([0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71])
  return chunk('fmt ', join(head, le(22, 2), le(bits, 2), le(0, 4), le(tag, 2), guidRest))
}

const riff = (...chunks: readonly Uint8Array[]) => {
  const body = join(...chunks)
  return join(text('RIFF'), le(4 + body.byteLength, 4), text('WAVE'), body)
}

/** One sample as the layout stores it, from a 16-bit value. */
function stored(value: number, { tag, bits }: Layout): Uint8Array {
  const bytes = new Uint8Array(bits / 8)
  const view = new DataView(bytes.buffer)
  if (tag === 3 && bits === 32) view.setFloat32(0, value / 32_768, true)
  else if (tag === 3) view.setFloat64(0, value / 32_768, true)
  else if (bits === 8) view.setUint8(0, (value >> 8) + 128)
  else if (bits === 16) view.setInt16(0, value, true)
  else if (bits === 24) view.setInt16(1, value, true)
  else view.setInt32(0, value * 65_536, true)
  return bytes
}

const PCM16: Layout = { tag: 1, bits: 16, channels: 1, rateHz: 16_000, isExtensible: false }
const anyLayout = fc.record({
  kind: fc.constantFrom([1, 8], [1, 16], [1, 24], [1, 32], [3, 32], [3, 64]),
  channels: fc.integer({ min: 1, max: 8 }),
  rateHz: fc.constantFrom(1, 8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000),
  isExtensible: fc.boolean(),
})

test('[AU4] every rate, channel count and sample kind is read as the mean of the channels', () => {
  fc.assert(
    fc.property(anyLayout, fc.array(fc.integer({ min: -32_768, max: 32_767 }), { maxLength: 64 }), (shape, values) => {
      const [tag, bits] = shape.kind as [number, number]
      const layout: Layout = { ...shape, tag, bits }
      const grain = bits === 8 ? 256 : 1
      const blocks = Math.floor(values.length / layout.channels)
      const used = values.slice(0, blocks * layout.channels)
      const data = join(...used.map((value) => stored(value, layout)))
      const parsed = parseWav(riff(format(layout), chunk('data', data)))
      assert.ok(parsed.ok)
      assert.equal(parsed.value.sampleRateHz, layout.rateHz)
      assert.equal(parsed.value.header.channels, layout.channels)
      const expected = Array.from({ length: blocks }, (_, block) => {
        const one = used.slice(block * layout.channels, (block + 1) * layout.channels)
        const sum = one.reduce((total, value) => total + Math.floor(value / grain) * grain, 0)
        return Math.round(sum / layout.channels)
      })
      assert.deepEqual([...parsed.value.samples], expected)
    }),
    { seed: SEED, numRuns: 300 },
  )
})

test('[AU4] floats beyond full scale clip, NaN is silence', () => {
  const layout = { ...PCM16, tag: 3, bits: 32 }
  const data = join(...[3, -3, Number.NaN, Number.POSITIVE_INFINITY].map((value) => stored(value * 32_768, layout)))
  const parsed = parseWav(riff(format(layout), chunk('data', data)))
  assert.ok(parsed.ok)
  assert.deepEqual([...parsed.value.samples], [32_767, -32_768, 0, 32_767])
})

test('[AU4] bits that do not fill their bytes are taken from the top', () => {
  const layout = { ...PCM16, bits: 12 }
  const parsed = parseWav(riff(format(layout, 2), chunk('data', le(0x7ff0, 2))))
  assert.ok(parsed.ok)
  assert.deepEqual([...parsed.value.samples], [0x7ff0])
})

test('[AU5] unknown chunks are skipped, also those of odd size, before and after the samples', () => {
  const data = chunk('data', join(le(5, 2), le(6, 2)))
  const parsed = parseWav(
    riff(chunk('LIST', text('odd')), format(PCM16), chunk('note', text('x')), data, chunk('id3 ', text('tag'))),
  )
  assert.ok(parsed.ok)
  assert.deepEqual([...parsed.value.samples], [5, 6])
  assert.equal(parsed.value.isCutShort, false)
})

test('[AU6] a size the writer could not know means: up to the end', () => {
  const body = join(le(5, 2), le(6, 2), le(7, 2))
  for (const claimed of [0, 0xffff_ffff]) {
    const parsed = parseWav(riff(format(PCM16), chunk('data', body, claimed)))
    assert.ok(parsed.ok)
    assert.deepEqual([...parsed.value.samples], [5, 6, 7])
    assert.equal(parsed.value.header.dataBytes, undefined)
    assert.equal(parsed.value.isCutShort, false)
  }
})

test('[AU6] a data chunk of size 0 before other chunks is really empty', () => {
  const parsed = parseWav(riff(format(PCM16), chunk('data', new Uint8Array(0)), chunk('LIST', text('abcd'))))
  assert.ok(parsed.ok)
  assert.equal(parsed.value.samples.length, 0)
})

test('[AU6] a file shorter than it claims gives the samples that are there and says so', () => {
  const parsed = parseWav(riff(format(PCM16), chunk('data', join(le(5, 2), le(6, 2), le(1, 1)), 1_000)))
  assert.ok(parsed.ok)
  assert.deepEqual([...parsed.value.samples], [5, 6, 0x0001])
  assert.equal(parsed.value.isCutShort, true)
})

test('[AU6] RF64 files give their size in ds64', () => {
  const ds64 = chunk('ds64', join(le(0, 8), le(4, 8), le(2, 8), le(0, 4)))
  const file = riff(ds64, format(PCM16), chunk('data', join(le(5, 2), le(6, 2), le(7, 2)), 0xffff_ffff))
  file.set(text('RF64'))
  const parsed = parseWav(file)
  assert.ok(parsed.ok)
  assert.deepEqual([...parsed.value.samples], [5, 6])
})

const refusals: readonly (readonly [string, Uint8Array, WavProblemCode, RegExp])[] = [
  ['nothing', new Uint8Array(0), 'truncated', /12 bytes; there are 0/],
  ['text', text('hello, this is not sound'), 'not_riff', /does not begin with "RIFF"/],
  ['Ogg', text('OggS and so on'), 'not_riff', /an Ogg file/],
  ['FLAC', text('fLaC and so on'), 'not_riff', /a FLAC file/],
  ['MP3', text('ID3\x04 and so on'), 'not_riff', /an MP3 file/],
  ['AVI', join(text('RIFF'), le(4, 4), text('AVI ')), 'not_wave', /does not hold WAVE/],
  ['no fmt', riff(chunk('LIST', text('abcd'))), 'format_missing', /no "fmt " chunk/],
  ['data before fmt', riff(chunk('data', le(5, 2)), format(PCM16)), 'format_missing', /before any "fmt "/],
  ['no data', riff(format(PCM16)), 'data_missing', /no "data" chunk/],
  ['short fmt', riff(chunk('fmt ', le(1, 2))), 'format_invalid', /has 2 bytes; it needs 16/],
  ['cut in fmt', riff(format(PCM16)).subarray(0, 24), 'truncated', /ends inside its "fmt "/],
  ['cut in LIST', riff(format(PCM16), chunk('LIST', text('abcd'), 400)), 'truncated', /before its first sample/],
  ['no channels', riff(format({ ...PCM16, channels: 0 })), 'format_invalid', /0 channels/],
  ['no rate', riff(format({ ...PCM16, rateHz: 0 })), 'format_invalid', /0 Hz/],
  ['ADPCM', riff(format({ ...PCM16, tag: 0x11, bits: 4 })), 'encoding_unsupported', /IMA ADPCM \(format 0x0011\)/],
  ['MS ADPCM', riff(format({ ...PCM16, tag: 2, bits: 4 })), 'encoding_unsupported', /Microsoft ADPCM/],
  ['mu-law', riff(format({ ...PCM16, tag: 7, bits: 8 })), 'encoding_unsupported', /mu-law/],
  [
    'mu-law as an extension',
    riff(format({ ...PCM16, tag: 7, bits: 8, isExtensible: true })),
    'encoding_unsupported',
    /mu-law/,
  ],
  ['a tag nobody knows', riff(format({ ...PCM16, tag: 0x1234 })), 'encoding_unsupported', /0x1234/],
  ['16-bit floats', riff(format({ ...PCM16, tag: 3 })), 'encoding_unsupported', /16-bit float/],
  ['64-bit integers', riff(format({ ...PCM16, bits: 64 })), 'encoding_unsupported', /64-bit integer/],
]

for (const [what, bytes, code, message] of refusals) {
  test(`[AU7] ${what}: refused as ${code}, in a sentence`, () => {
    const parsed = parseWav(bytes)
    assert.ok(!parsed.ok)
    assert.equal(parsed.error.code, code)
    assert.match(parsed.error.message, message)
    assert.match(parsed.error.message, /\.$/)
  })
}

test('[AU7] no bytes make the parser throw or read beyond them', () => {
  const good = riff(chunk('LIST', text('odd')), format({ ...PCM16, isExtensible: true }), chunk('data', le(5, 2)))
  const mangled = fc.array(fc.tuple(fc.nat(good.byteLength - 1), fc.nat(255)), { maxLength: 8 }).map((changes) => {
    const bytes = good.slice()
    for (const [at, value] of changes) bytes[at] = value
    return bytes
  })
  const cut = fc.tuple(mangled, fc.nat(good.byteLength)).map(([bytes, length]) => bytes.subarray(0, length))
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mangled, cut), (bytes) => {
      const parsed = parseWav(bytes)
      if (parsed.ok) assert.ok(parsed.value.samples.length <= bytes.byteLength)
    }),
    { seed: SEED, numRuns: 3_000 },
  )
})

test('[AU8] what is written is read back', () => {
  fc.assert(
    fc.property(fc.int16Array(), fc.integer({ min: 1, max: 192_000 }), (samples, rateHz) => {
      const parsed = parseWav(encodeWav(samples, rateHz))
      assert.ok(parsed.ok)
      assert.deepEqual(parsed.value.samples, samples)
      assert.equal(parsed.value.sampleRateHz, rateHz)
    }),
    { seed: SEED },
  )
})

test('[AU9] the header of a stream is "truncated" until its first sample is in sight', () => {
  const file = riff(chunk('LIST', text('odd')), format(PCM16), chunk('data', le(5, 2), 0xffff_ffff))
  const dataOffset = file.byteLength - 2
  for (let length = 0; length < dataOffset; length += 1) {
    const parsed = parseWavHeader(file.subarray(0, length))
    assert.equal(parsed.ok ? 'read' : parsed.error.code, 'truncated', `after ${length} bytes`)
  }
  for (const length of [dataOffset, file.byteLength]) {
    const parsed = parseWavHeader(file.subarray(0, length))
    assert.ok(parsed.ok)
    assert.equal(parsed.value.dataOffset, dataOffset)
    assert.equal(parsed.value.dataBytes, undefined)
  }
})

test('[AU9] samples of a stream are converted in whole blocks', () => {
  const layout = { ...PCM16, channels: 2, bits: 24 }
  const header = parseWavHeader(riff(format(layout), chunk('data', le(0, 1))))
  assert.ok(header.ok)
  const block = join(stored(100, layout), stored(300, layout))
  assert.deepEqual([...wavDataToMono(header.value, join(block, block.subarray(0, 5)))], [200])
})
