import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createEncoder, createOpusPacketDecoder } from './codecs/index.ts'
import { decodeG711 } from './g711.ts'
import { OggReader, OggWriter, writePage } from './ogg.ts'
import { GRANULES_PER_MS, OggOpusReader, OggOpusWriter, oggOpusTailSamples } from './ogg-opus.ts'
import { createResampler } from './resample.ts'
import { SENTENCES, SPEECH_RATE_HZ, synthesise, tone } from './testing/index.ts'

const SEED = 20267
const RATE_HZ = 24_000
const FRAME_SAMPLES = 480

test('[AU36] mu-law and A-law are decoded as the standard says', () => {
  // Values of the tables of ITU-T G.711, scaled to 16 bits.
  assert.deepEqual(
    [...decodeG711(Uint8Array.of(0x00, 0x80, 0xff, 0x7f, 0xf0, 0x70), 'mulaw')],
    [-32_124, 32_124, 0, 0, 120, -120],
  )
  assert.deepEqual(
    [...decodeG711(Uint8Array.of(0xd5, 0x55, 0xaa, 0x2a, 0x80, 0x00), 'alaw')],
    [8, -8, 32_256, -32_256, 5_504, -5_504],
  )
})

const packetsArbitrary = fc.array(fc.uint8Array({ maxLength: 1_200 }), { minLength: 1, maxLength: 12 })

function pagesOf(packets: readonly Uint8Array[]): Uint8Array[] {
  const writer = new OggWriter(7)
  return packets.map((packet, index) => writer.page([packet], index, index === packets.length - 1))
}

test('[AU37] packets are the same however the bytes are cut', () => {
  fc.assert(
    fc.property(packetsArbitrary, fc.infiniteStream(fc.integer({ min: 1, max: 500 })), (packets, sizes) => {
      const bytes = Buffer.concat(pagesOf(packets))
      const reader = new OggReader()
      const read = []
      for (let at = 0; at < bytes.length; ) {
        const size = sizes.next().value as number
        read.push(...reader.read(bytes.subarray(at, at + size)))
        at += size
      }
      assert.deepEqual(
        read.map((packet) => [...packet.bytes]),
        packets.map((packet) => [...packet]),
      )
      assert.equal(read.at(-1)?.isLast, true)
      assert.equal(reader.restBytes, 0)
    }),
    { seed: SEED, numRuns: 60 },
  )
})

test('[AU37] a packet over several pages is put together; with a page of it missing it is left out', () => {
  const long = Uint8Array.from({ length: 50_000 }, (_, at) => at % 251)
  const page = (sequence: number, isContinued: boolean, segments: number[], body: Uint8Array) =>
    writePage({ serial: 3, sequence, granule: 0, isContinued, isLast: false, segments, body })
  const full = Array.from({ length: 80 }, () => 255)
  const pages = [
    page(0, false, full, long.subarray(0, 20_400)),
    page(1, true, full, long.subarray(20_400, 40_800)),
    page(2, true, [...full.slice(0, 36), 20], long.subarray(40_800)),
    page(3, false, [2], Uint8Array.of(1, 2)),
  ]
  const lengthsOf = (...given: Uint8Array[]) =>
    new OggReader().read(Buffer.concat(given)).map(({ bytes }) => bytes.length)
  assert.deepEqual(new OggReader().read(Buffer.concat(pages))[0]?.bytes, Uint8Array.from(long))
  for (const missing of [0, 1, 2]) {
    const rest = pages.filter((_, at) => at !== missing)
    assert.deepEqual(lengthsOf(...rest), [2], `without page ${missing}`)
  }
})

test('[AU37] a packet that never ends is let go', () => {
  const reader = new OggReader()
  const segments = Array.from({ length: 255 }, () => 255)
  for (let sequence = 0; sequence < 20; sequence += 1) {
    const body = new Uint8Array(255 * 255)
    reader.read(
      writePage({ serial: 1, sequence, granule: 0, isContinued: sequence > 0, isLast: false, segments, body }),
    )
  }
  const end = { serial: 1, granule: 0, isLast: false }
  assert.deepEqual(
    reader.read(writePage({ ...end, sequence: 20, isContinued: true, segments: [0], body: new Uint8Array(0) })),
    [],
  )
  const next = reader.read(
    writePage({ ...end, sequence: 21, isContinued: false, segments: [1], body: Uint8Array.of(8) }),
  )
  assert.deepEqual([...(next[0]?.bytes ?? [])], [8])
})

test('[AU37] a damaged page takes only itself along, and nothing makes the reader throw', () => {
  const packets = Array.from({ length: 5 }, (_, at) => Uint8Array.of(at, at, at))
  const pages = pagesOf(packets)
  const damaged = Buffer.from(pages[2] as Uint8Array)
  damaged[29] = 99
  pages[2] = damaged
  const reader = new OggReader()
  const read = reader.read(Buffer.concat([Buffer.from('noise'), ...pages]))
  assert.deepEqual(
    read.map(({ bytes }) => bytes[0]),
    [0, 1, 3, 4],
  )
  assert.ok(reader.badPages > 0)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(3_000), (junk, at) => {
      const bytes = Buffer.concat(pagesOf(packets))
      bytes.set(junk.subarray(0, Math.max(0, bytes.length - at)), Math.min(at, bytes.length))
      new OggReader().read(Buffer.concat([junk, bytes]))
      new OggOpusReader().read(Buffer.concat([junk, bytes]))
    }),
    { seed: SEED, numRuns: 200 },
  )
})

async function encoded(samples: Int16Array): Promise<Uint8Array> {
  const encoder = await createEncoder({ codec: 'opus', sampleRateHz: RATE_HZ, frameMs: 20 }, { bitrateBps: 48_000 })
  assert.ok(encoder.ok)
  const writer = new OggOpusWriter({ serial: 9, packetMs: 20, inputRateHz: RATE_HZ })
  const pages: Uint8Array[] = [writer.headers()]
  const total = samples.length + oggOpusTailSamples(RATE_HZ)
  for (let at = 0; at < total; at += FRAME_SAMPLES) {
    const frame = new Int16Array(FRAME_SAMPLES)
    frame.set(samples.subarray(at, at + FRAME_SAMPLES))
    const page = writer.write(encoder.value.encode(frame))
    if (page) pages.push(page)
  }
  pages.push(writer.end(samples.length))
  encoder.value.close()
  return Buffer.concat(pages)
}

async function decoded(file: Uint8Array, pieceBytes: number): Promise<Int16Array> {
  const decoder = await createOpusPacketDecoder(RATE_HZ)
  const reader = new OggOpusReader()
  const heard: number[] = []
  for (let at = 0; at < file.length; at += pieceBytes) {
    const read = reader.read(file.subarray(at, at + pieceBytes))
    assert.ok(read.ok)
    for (const { bytes, skip, take } of read.value) {
      const perGranule = RATE_HZ / 1000 / GRANULES_PER_MS
      const samples = decoder.decode(bytes)
      heard.push(...samples.subarray(Math.round(skip * perGranule), Math.round((skip + take) * perGranule)))
    }
  }
  decoder.close()
  return Int16Array.from(heard)
}

test('[AU38, AU39] what is written is read again: as many samples, aligned with those that were encoded', async () => {
  const resampler = await createResampler(SPEECH_RATE_HZ, RATE_HZ)
  const speech = resampler.process(await synthesise(SENTENCES[0] as string))
  resampler.close()
  for (const count of [1, 479, 480, 10_000, 24_000]) {
    const samples = speech.subarray(8_000, 8_000 + count)
    const heard = await decoded(await encoded(samples), count % 2 ? 7 : 4_096)
    assert.equal(heard.length, count)
    if (count < 10_000) continue
    const correlation = (shift: number) => {
      let sum = 0
      for (let at = 1_000; at < 9_000; at += 1) sum += (samples[at] as number) * (heard[at + shift] as number)
      return sum
    }
    const shifts = Array.from({ length: 401 }, (_, at) => at - 200)
    const best = shifts.toSorted((a, b) => correlation(b) - correlation(a))[0]
    // The encoder's high-pass filter moves low voices by less than half a millisecond; 6.5 ms are taken out at the beginning.
    assert.ok(Math.abs(best as number) <= 12, `shifted by ${best} samples`)
  }
})

test('[AU38] what is not Opus of one or two channels is refused in words', () => {
  const refused = (packet: Uint8Array) => {
    const read = new OggOpusReader().read(new OggWriter(1).page([packet], 0))
    return read.ok ? 'taken' : read.error.message
  }
  assert.match(refused(Buffer.from('\x01vorbis')), /does not hold Opus/)
  const head = Buffer.alloc(19)
  head.write('OpusHead', 'latin1')
  head[8] = 1
  assert.equal(refused(head), 'taken')
  head[18] = 1
  assert.match(refused(head), /more than two channels/)
  assert.match(refused(head.subarray(0, 12)), /cannot be read/)
  const noise = new OggOpusReader().read(Buffer.alloc(100, 5))
  assert.match(noise.ok ? '' : noise.error.message, /no Ogg/)
})

test('[AU39] packets of any duration are decoded', async () => {
  for (const frameMs of [10, 20, 40, 60]) {
    const encoder = await createEncoder({ codec: 'opus', sampleRateHz: 16_000, frameMs })
    assert.ok(encoder.ok)
    const packet = encoder.value.encode(tone(frameMs, 440))
    const decoder = await createOpusPacketDecoder(16_000)
    assert.equal(decoder.decode(packet).length, 16 * frameMs)
    assert.throws(() => decoder.decode(new Uint8Array(0)), { fault: 'corrupt' })
    decoder.close()
    assert.throws(() => decoder.decode(packet), { fault: 'closed' })
  }
})
