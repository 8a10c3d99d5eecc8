import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AUDIO_FORMATS, type AudioFormat, CODECS, isFrameLength, samplesPerFrame } from '@parley/protocol'
import fc from 'fast-check'
import { levelDbfs, pcm16ToBytes } from '../pcm.ts'
import { createResampler } from '../resample.ts'
import { assertSameSamples, concat, SENTENCES, synthesise, tone } from '../testing/index.ts'
import { type AudioDecoder, type AudioEncoder, CodecError, type CodecFault } from './audio-codec.ts'
import { type Codecs, createCodecs } from './codec-factory.ts'
import { codecAvailability, createDecoder, createEncoder } from './index.ts'
import { LC3_FIX, loadLc3 } from './lc3-library.ts'
import { opusLibrary } from './opus-library.ts'

const SEED = 20265

const missing = new Set((await codecAvailability()).filter((codec) => !codec.isAvailable).map(({ codec }) => codec))
const needs = (codec: AudioFormat['codec']) =>
  missing.has(codec) ? `${codec} is not installed (parley doctor)` : false

const formats: readonly AudioFormat[] = CODECS.flatMap((codec) =>
  AUDIO_FORMATS[codec].sampleRatesHz.flatMap((sampleRateHz) =>
    AUDIO_FORMATS[codec].framesMs.map((frameMs) => ({ codec, sampleRateHz, frameMs })),
  ),
)
const OPUS_20: AudioFormat = { codec: 'opus', sampleRateHz: 16_000, frameMs: 20 }
const LC3: AudioFormat = { codec: 'lc3', sampleRateHz: 16_000, frameMs: 10 }
/** One format per codec that works on this machine. */
const anyFormatOfEachCodec = [{ ...OPUS_20, codec: 'pcm16' } as const, OPUS_20, LC3].filter(
  ({ codec }) => !missing.has(codec),
)
const nameOf = (format: AudioFormat) => `${format.codec} ${format.sampleRateHz} Hz ${format.frameMs} ms`

const wasmCodecs = createCodecs({ opus: () => opusLibrary('wasm'), lc3: () => loadLc3('libnone.so.0') })
const nativeCodecs: Codecs = { createDecoder, createEncoder, codecAvailability }

async function decoderFor(format: AudioFormat, codecs = nativeCodecs): Promise<AudioDecoder> {
  const decoder = await codecs.createDecoder(format)
  assert.ok(decoder.ok)
  return decoder.value
}

async function encoderFor(format: AudioFormat, bitrateBps?: number, codecs = nativeCodecs): Promise<AudioEncoder> {
  const encoder = await codecs.createEncoder(format, bitrateBps === undefined ? {} : { bitrateBps })
  assert.ok(encoder.ok)
  return encoder.value
}

function framesOf(samples: Int16Array, frameSamples: number): Int16Array[] {
  const count = Math.floor(samples.length / frameSamples)
  return Array.from({ length: count }, (_, n) => samples.subarray(n * frameSamples, (n + 1) * frameSamples))
}

const fault = (expected: CodecFault) => (thrown: unknown) =>
  thrown instanceof CodecError && thrown.fault === expected && thrown.code === 'BAD_AUDIO_FRAME'

for (const [build, codecs] of [
  ['', nativeCodecs],
  [' (wasm build)', wasmCodecs],
] as const) {
  for (const format of formats) {
    if (codecs === wasmCodecs && format.codec !== 'opus') continue
    test(`[AU10] ${nameOf(format)}${build}: whole frames in, whole frames out, at the same loudness`, {
      skip: needs(format.codec),
    }, async () => {
      const resampler = await createResampler(16_000, format.sampleRateHz)
      const speech = concat(resampler.process(await synthesise(SENTENCES[0] as string)), resampler.flush())
      resampler.close()
      const encoder = await encoderFor(format, undefined, codecs)
      const decoder = await decoderFor(format, codecs)
      assert.equal(encoder.frameSamples, samplesPerFrame(format))
      const heard = framesOf(speech, encoder.frameSamples).map((frame) => {
        const payload = encoder.encode(frame)
        assert.ok(isFrameLength(format, payload.byteLength))
        const samples = decoder.decode(payload)
        assert.equal(samples.length, encoder.frameSamples)
        return samples
      })
      encoder.close()
      decoder.close()
      const lossDb = levelDbfs(speech) - levelDbfs(concat(...heard))
      assert.ok(Math.abs(lossDb) < 2.5, `${lossDb} dB`)
    })
  }
}

test('[AU10] what is outside the closed list is refused, naming the field and what it may be', async () => {
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ ...OPUS_20, sampleRateHz: 44_100 }, /sampleRateHz 44100 .*8000, 16000, 24000, 48000/],
    [{ ...OPUS_20, frameMs: 30 }, /frameMs 30 .*10, 20, 40, 60/],
    [{ ...OPUS_20, codec: 'mp3' }, /codec mp3 .*pcm16, opus, lc3/],
    [{ ...LC3, sampleRateHz: 48_000 }, /sampleRateHz 48000 .*16000/],
  ]
  for (const [format, message] of cases) {
    for (const made of [await createDecoder(format as AudioFormat), await createEncoder(format as AudioFormat)]) {
      assert.ok(!made.ok)
      assert.equal(made.error.code, 'AUDIO_FORMAT_UNSUPPORTED')
      assert.equal(made.error.reason, 'not_in_list')
      assert.match(made.error.message, message)
    }
  }
})

test('[AU11] whatever is encoded at whatever bit rate fits into a frame of the protocol', async () => {
  const encoded = formats.filter(({ codec }) => codec !== 'pcm16' && !missing.has(codec))
  const loud = fc.int16Array({ minLength: 2_880, maxLength: 2_880 })
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...encoded),
      fc.integer({ min: -1, max: 2_000_000 }),
      loud,
      async (format, bps, noise) => {
        const encoder = await encoderFor(format, bps)
        for (let turn = 0; turn < 3; turn += 1) {
          const payload = encoder.encode(noise.subarray(0, encoder.frameSamples))
          assert.ok(isFrameLength(format, payload.byteLength), `${payload.byteLength} bytes`)
        }
        encoder.close()
      },
    ),
    { seed: SEED, numRuns: 150 },
  )
})

test('[AU11] the bit rate asked for is about what comes', async () => {
  const speech = await synthesise(SENTENCES[5] as string)
  for (const [format, bitrateBps] of [
    [OPUS_20, 12_000],
    [OPUS_20, 32_000],
    [LC3, 32_000],
    [LC3, 64_000],
  ] as const) {
    if (missing.has(format.codec)) continue
    const encoder = await encoderFor(format, bitrateBps)
    const frames = framesOf(speech, encoder.frameSamples)
    const bytes = frames.reduce((sum, frame) => sum + encoder.encode(frame).byteLength, 0)
    encoder.close()
    const measuredBps = (bytes * 8_000) / (frames.length * format.frameMs)
    assert.ok(measuredBps > bitrateBps * 0.6 && measuredBps < bitrateBps * 1.25, `${nameOf(format)}: ${measuredBps}`)
  }
})

test('[AU11] an encoder refuses anything but one frame', async () => {
  for (const format of anyFormatOfEachCodec) {
    const encoder = await encoderFor(format)
    assert.throws(() => encoder.encode(new Int16Array(0)), fault('length'))
    assert.throws(() => encoder.encode(new Int16Array(encoder.frameSamples + 1)), fault('length'))
    encoder.close()
  }
})

test('[AU12] a PCM16 frame may be short, never empty, odd or too long', async () => {
  const decoder = await decoderFor({ codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 })
  assert.deepEqual([...decoder.decode(pcm16ToBytes(Int16Array.of(1, -2)))], [1, -2])
  for (const length of [0, 1, 639, 642]) {
    assert.throws(() => decoder.decode(new Uint8Array(length)), fault('length'))
  }
})

test('[AU12] an encoded frame has a length the protocol allows', async () => {
  for (const [format, lengths] of [
    [OPUS_20, [0, 1_276]],
    [LC3, [0, 19, 401]],
  ] as const) {
    if (missing.has(format.codec)) continue
    const decoder = await decoderFor(format)
    for (const length of lengths)
      assert.throws(() => decoder.decode(new Uint8Array(length).fill(0x48)), fault('length'))
    decoder.close()
  }
})

test('[AU12] an LC3 frame that liblc3 can only conceal is corrupt', { skip: needs('lc3') }, async () => {
  const decoder = await decoderFor(LC3)
  assert.throws(() => decoder.decode(new Uint8Array(40).fill(0xff)), fault('corrupt'))
  decoder.close()
})

for (const [build, codecs] of [
  ['native', nativeCodecs],
  ['wasm', wasmCodecs],
] as const) {
  for (const frameMs of [10, 20, 40, 60]) {
    test(`[AU12] fuzz: Opus ${frameMs} ms, ${build} build: bad bytes are refused and good frames after them decode`, {
      skip: needs('opus'),
    }, async () => {
      const format: AudioFormat = { codec: 'opus', sampleRateHz: 16_000, frameMs }
      await fuzz(format, codecs, 1_500)
    })
  }
}

test('[AU12] fuzz: LC3: bad bytes are refused and good frames after them decode', { skip: needs('lc3') }, async () => {
  await fuzz(LC3, nativeCodecs, 5_000)
})

/** Noise, good frames with bits turned, and good frames cut or grown, all into one decoder. */
async function fuzz(format: AudioFormat, codecs: Codecs, numRuns: number): Promise<void> {
  const encoder = await encoderFor(format, undefined, codecs)
  const speech = (await synthesise(SENTENCES[6] as string)).subarray(4_000)
  const good = framesOf(speech, encoder.frameSamples).map((frame) => encoder.encode(frame))
  encoder.close()
  const anyGood = fc.constantFrom(...good)
  const turned = fc
    .tuple(anyGood, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }))
    .map(([frame, changes]) => {
      const bytes = frame.slice()
      for (const [at, value] of changes) bytes[at % bytes.byteLength] = value
      return bytes
    })
  const cut = fc.tuple(anyGood, fc.nat(1_300)).map(([frame, length]) => {
    const bytes = new Uint8Array(length)
    bytes.set(frame.subarray(0, length))
    return bytes
  })
  // Bytes that begin like a packet of the right duration get further into the decoder than noise does.
  const headed = fc.tuple(anyGood, fc.uint8Array({ maxLength: 1_300 })).map(([frame, rest]) => {
    return Uint8Array.of(frame[0] as number, ...rest)
  })
  const decoder = await decoderFor(format, codecs)
  fc.assert(
    fc.property(fc.oneof(turned, cut, headed, fc.uint8Array({ maxLength: 1_300 })), (payload) => {
      try {
        assert.equal(decoder.decode(payload).length, samplesPerFrame(format))
      } catch (thrown) {
        assert.ok(thrown instanceof CodecError, String(thrown))
      }
    }),
    { seed: SEED, numRuns },
  )
  for (const frame of good) assert.equal(decoder.decode(frame).length, samplesPerFrame(format))
  decoder.close()
}

test('[AU12] what was decoded is not overwritten by the next frame', async () => {
  for (const format of anyFormatOfEachCodec) {
    const encoder = await encoderFor(format)
    const decoder = await decoderFor(format)
    const [loud, quiet] = [tone(format.frameMs, 440, 20_000), tone(format.frameMs, 440, 10)]
    for (let turn = 0; turn < 3; turn += 1) decoder.decode(encoder.encode(loud))
    const payload = encoder.encode(loud)
    const kept = payload.slice()
    const samples = decoder.decode(payload)
    const copy = samples.slice()
    for (let turn = 0; turn < 3; turn += 1) decoder.decode(encoder.encode(quiet))
    assertSameSamples(samples, copy)
    assert.deepEqual(payload, kept)
    encoder.close()
    decoder.close()
  }
})

test('[AU14] a codec whose library is missing is refused with the command that mends it', async () => {
  const bare = createCodecs({ opus: () => Promise.reject(new Error('absent')), lc3: () => loadLc3('libnone.so.0') })
  for (const [format, fix] of [
    [LC3, LC3_FIX],
    [OPUS_20, 'npm ci'],
  ] as const) {
    for (const made of [await bare.createDecoder(format), await bare.createEncoder(format)]) {
      assert.ok(!made.ok)
      assert.equal(made.error.reason, 'library_missing')
      assert.equal(made.error.fix, fix)
      assert.ok(made.error.message.endsWith(fix))
    }
  }
  assert.match(LC3_FIX, /^apt-get install .*liblc3-0$/)
  const pcm16 = await bare.createDecoder({ ...OPUS_20, codec: 'pcm16' })
  assert.ok(pcm16.ok)
})

test('[AU14] each codec says whether it is there and what does the work', async () => {
  const bare = createCodecs({ opus: () => Promise.reject(new Error('absent')), lc3: () => loadLc3('libnone.so.0') })
  const report = await bare.codecAvailability()
  assert.deepEqual(
    report.map(({ codec, isAvailable, problem }) => [codec, isAvailable, problem?.reason]),
    [
      ['pcm16', true, undefined],
      ['opus', false, 'library_missing'],
      ['lc3', false, 'library_missing'],
    ],
  )
  const wasm = (await wasmCodecs.codecAvailability()).find(({ codec }) => codec === 'opus')
  assert.equal(wasm?.provider, 'libopus (wasm)')
})

test('[AU15] close is idempotent, and a closed codec says so', async () => {
  for (const format of anyFormatOfEachCodec) {
    const encoder = await encoderFor(format)
    const decoder = await decoderFor(format)
    const payload = encoder.encode(new Int16Array(encoder.frameSamples))
    for (let turn = 0; turn < 2; turn += 1) {
      encoder.close()
      decoder.close()
    }
    assert.throws(() => decoder.decode(payload), fault('closed'))
    assert.throws(() => encoder.encode(new Int16Array(encoder.frameSamples)), fault('closed'))
  }
})
