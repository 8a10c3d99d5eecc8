import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createResampler } from '@parley/audio'
import { type AudioDecoder, CodecError, createDecoder } from '@parley/audio/codecs'
import { type AudioFormat, samplesPerFrame } from '@parley/protocol'
import { MediaFeed } from './media-feed.ts'

interface Block {
  readonly mediaMs: number
  readonly samples: Int16Array
}

async function feedOf(format: AudioFormat, settledMs = 0, decoder?: AudioDecoder) {
  const made = await createDecoder(format)
  assert.ok(made.ok)
  const blocks: Block[] = []
  const counters = {
    framesTotal: 0,
    framesCorruptTotal: 0,
    framesLateTotal: 0,
    gapsRepeatedMsTotal: 0,
    gapsSilentMsTotal: 0,
  }
  const feed = new MediaFeed({
    format,
    decoder: decoder ?? made.value,
    resampler: await createResampler(format.sampleRateHz, 16_000),
    settledMs,
    counters,
    onSamples: (mediaMs, samples) => blocks.push({ mediaMs, samples }),
  })
  /** Blocks that touch are one stretch: where it begins and how many ms it has. */
  const stretches = () => {
    const found: { fromMs: number; ms: number }[] = []
    for (const { mediaMs, samples } of blocks) {
      const last = found.at(-1)
      const ms = samples.length / 16
      if (last && Math.abs(last.fromMs + last.ms - mediaMs) < 0.2) last.ms += ms
      else found.push({ fromMs: mediaMs, ms })
    }
    return found
  }
  return { feed, blocks, counters, stretches }
}

const PCM: AudioFormat = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 }
const pcm = (value: number, samples = 320) => new Uint8Array(new Int16Array(samples).fill(value).buffer)

test('[WK2] contiguous frames are one stretch of samples with exact media time', async () => {
  const { feed, blocks, stretches } = await feedOf(PCM)
  for (let n = 0; n < 50; n++) feed.push(32_000 + n * 320, pcm(n))
  assert.deepEqual(stretches(), [{ fromMs: 2_000, ms: 1_000 }])
  assert.equal(blocks[7]?.samples[0], 7)
  feed.close()
})

test('[WK2] every rate comes out as 16 kHz, of the same length, at the same media time', async () => {
  for (const sampleRateHz of [8_000, 24_000, 48_000]) {
    const format: AudioFormat = { codec: 'pcm16', sampleRateHz, frameMs: 20 }
    const { feed, stretches } = await feedOf(format)
    const frame = samplesPerFrame(format)
    for (let n = 0; n < 50; n++) feed.push(n * frame, pcm(1_000, frame))
    feed.flush()
    for (let n = 50; n < 75; n++) feed.push(n * frame, pcm(1_000, frame))
    feed.flush()
    assert.deepEqual(stretches(), [{ fromMs: 0, ms: 1_500 }], `${sampleRateHz}`)
    feed.close()
  }
})

test('[WK2] a gap stays a gap: no samples stand for silence that was not sent', async () => {
  const { feed, stretches } = await feedOf({ codec: 'pcm16', sampleRateHz: 48_000, frameMs: 20 })
  for (let n = 0; n < 10; n++) feed.push(n * 960, pcm(5, 960))
  for (let n = 60; n < 70; n++) feed.push(n * 960, pcm(5, 960))
  feed.flush()
  assert.deepEqual(stretches(), [
    { fromMs: 0, ms: 200 },
    { fromMs: 1_200, ms: 200 },
  ])
  feed.close()
})

test('[WK11] a short gap is the sound before it, repeated and fading, of the exact length; nothing shifts', async () => {
  for (const lost of [1, 5, 10]) {
    const { feed, blocks, counters, stretches } = await feedOf(PCM)
    for (let n = 0; n < 10; n++) feed.push(n * 320, pcm(1_000))
    for (let n = 10 + lost; n < 20 + lost; n++) feed.push(n * 320, pcm(2_000))
    assert.deepEqual(stretches(), [{ fromMs: 0, ms: 400 + lost * 20 }])
    const heard = blocks.flatMap(({ samples }) => [...samples])
    const filled = heard.slice(3_200, 3_200 + lost * 320)
    assert.equal(filled[0], 1_000)
    assert.ok((filled.at(-1) as number) <= 1_000 / 2 ** (lost - 1) + 1, `${filled.at(-1)} after ${lost}`)
    assert.equal(heard[3_200 + lost * 320], 2_000)
    assert.deepEqual([counters.gapsRepeatedMsTotal, counters.gapsSilentMsTotal], [lost * 20, 0])
    feed.close()
  }
})

test('[WK11] a longer gap, and one in which nothing came before, is silence', async () => {
  const { feed, counters, stretches } = await feedOf(PCM)
  feed.push(0, pcm(1_000))
  feed.push(12 * 320, pcm(1_000))
  feed.flush()
  assert.deepEqual(stretches(), [
    { fromMs: 0, ms: 20 },
    { fromMs: 240, ms: 20 },
  ])
  assert.deepEqual([counters.gapsRepeatedMsTotal, counters.gapsSilentMsTotal], [0, 220])
  feed.close()
})

test('[WK11] at other rates too a concealed gap has its exact length', async () => {
  const { feed, stretches } = await feedOf({ codec: 'pcm16', sampleRateHz: 48_000, frameMs: 20 })
  for (const n of [0, 1, 2, 5, 6, 7, 9, 10]) feed.push(n * 960, pcm(500, 960))
  feed.flush()
  assert.deepEqual(stretches(), [{ fromMs: 0, ms: 220 }])
  feed.close()
})

test('[WK2] the media time of the link wraps at 2^32 and goes on here', async () => {
  const { feed, stretches } = await feedOf(PCM)
  const start = 0x1_0000_0000 - 5 * 320
  for (let n = 0; n < 10; n++) feed.push((start + n * 320) % 0x1_0000_0000, pcm(1))
  assert.deepEqual(stretches(), [{ fromMs: start / 16, ms: 200 }])
  feed.close()
})

test('[WK2] what was fed already is not fed again, be it a whole frame or part of one', async () => {
  const { feed, counters, blocks } = await feedOf(PCM)
  feed.push(0, pcm(1))
  feed.push(0, pcm(9))
  feed.push(160, pcm(2))
  assert.equal(counters.framesLateTotal, 1)
  assert.deepEqual(
    blocks.map(({ mediaMs, samples }) => [mediaMs, samples.length, samples[0]]),
    [
      [0, 320, 1],
      [20, 160, 2],
    ],
  )
  feed.close()
})

test('[WK3] frames that cannot be decoded are counted and are silence of their length', async () => {
  const opus: AudioFormat = { codec: 'opus', sampleRateHz: 48_000, frameMs: 20 }
  const { feed, counters, stretches, blocks } = await feedOf(opus)
  for (let n = 0; n < 10; n++) feed.push(n * 960, new Uint8Array([0xff, 0xff, 0xff]))
  feed.flush()
  assert.equal(counters.framesCorruptTotal, 10)
  assert.deepEqual(stretches(), [{ fromMs: 0, ms: 200 }])
  assert.ok(blocks.every(({ samples }) => samples.every((sample) => sample === 0)))
  feed.close()
})

test('[WK4] a fault that is not a bad frame is not hidden', async () => {
  const decoder: AudioDecoder = {
    format: PCM,
    decode() {
      throw new Error('out of memory')
    },
    close() {},
  }
  const { feed } = await feedOf(PCM, 0, decoder)
  assert.throws(() => feed.push(0, pcm(1)), /out of memory/)
  assert.ok(!(new Error('x') instanceof CodecError))
})

test('[WK6] audio before the settled point is decoded and not fed', async () => {
  const { feed, blocks, stretches } = await feedOf(PCM, 1_010)
  for (let n = 46; n < 56; n++) feed.push(n * 320, pcm(n))
  assert.deepEqual(stretches(), [{ fromMs: 1_010, ms: 110 }])
  assert.equal(blocks[0]?.samples.length, 160)
  feed.close()
})
