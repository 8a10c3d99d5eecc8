import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import type { AudioFormat } from '@parley/protocol'
import { isOpusPacketStereo } from '../opus-packet.ts'
import { levelDbfs } from '../pcm.ts'
import { opusDigest } from '../testing/codec-thread.ts'
import { assertSameSamples, concat, SENTENCES, synthesise, tone } from '../testing/index.ts'
import { CodecError } from './audio-codec.ts'
import { createOpusDecoder, createOpusEncoder } from './opus-codec.ts'
import { type OpusBuild, OpusLibrary, opusLibrary } from './opus-library.ts'

const FORMAT: AudioFormat = { codec: 'opus', sampleRateHz: 16_000, frameMs: 20 }
const CTL_SET_BITRATE = 4002
const CTL_SET_FORCE_CHANNELS = 4022
const BUILDS: readonly OpusBuild[] = ['native', 'wasm']

/** Frames of two channels, as a careless client might send them. */
async function stereoPackets(mono: Int16Array): Promise<Uint8Array[]> {
  const { Encoder } = await rawLibrary('native')
  const options = { channels: 2 as 1, sample_rate: 16_000, application: 'voip' } as const
  const encoder = new Encoder(options)
  encoder.ctl(CTL_SET_FORCE_CHANNELS, 2)
  encoder.ctl(CTL_SET_BITRATE, 64_000)
  const stereo = new Int16Array(2 * mono.length)
  // Not the same on both sides, or the encoder saves itself the second channel.
  mono.forEach((sample, n) => {
    stereo[2 * n] = sample
    stereo[2 * n + 1] = n % 2 === 0 ? sample : sample >> 1
  })
  return Array.from({ length: Math.floor(mono.length / 320) }, (_, n) =>
    encoder.encode(stereo.subarray(640 * n, 640 * (n + 1))),
  )
}

for (const build of BUILDS) {
  test(`[AU13] ${build}: a packet of another duration is refused by what it claims, before decoding`, async () => {
    const library = await opusLibrary(build)
    for (const frameMs of [10, 20, 40, 60]) {
      const encoder = createOpusEncoder(library, { ...FORMAT, frameMs }, {})
      const payload = encoder.encode(tone(frameMs, 440))
      encoder.close()
      for (const agreedMs of [10, 20, 40, 60]) {
        const decoder = createOpusDecoder(library, { ...FORMAT, frameMs: agreedMs })
        if (agreedMs === frameMs) assert.equal(decoder.decode(payload).length, 16 * frameMs)
        else {
          assert.throws(
            () => decoder.decode(payload),
            (thrown) =>
              thrown instanceof CodecError && thrown.fault === 'duration' && thrown.message.includes(`${frameMs} ms`),
          )
        }
        decoder.close()
      }
    }
  })

  test(`[AU13] ${build}: stereo packets are mixed down to mono`, async () => {
    const mono = tone(400, 440)
    const packets = await stereoPackets(mono)
    assert.ok(packets.every(isOpusPacketStereo))
    const decoder = createOpusDecoder(await opusLibrary(build), FORMAT)
    const heard = packets.map((packet) => decoder.decode(packet))
    decoder.close()
    assert.ok(heard.every((samples) => samples.length === 320))
    assert.ok(Math.abs(levelDbfs(concat(...heard)) - levelDbfs(mono)) < 4)
  })

  test(`[AU15] ${build}: a state used again has nothing of the speaker before`, async () => {
    const { Decoder, Encoder } = await rawLibrary(build)
    // A library of its own, so that the states that wait are exactly those this test returned.
    const library = new OpusLibrary(build, { Decoder, Encoder })
    const speech = await synthesise(SENTENCES[7] as string)
    const others = tone(1_000, 700, 30_000)
    const roundTrip = (samples: Int16Array) => {
      const encoder = createOpusEncoder(library, FORMAT, {})
      const decoder = createOpusDecoder(library, FORMAT)
      const out: Int16Array[] = []
      for (let at = 0; at + 320 <= samples.length; at += 320) {
        out.push(decoder.decode(encoder.encode(samples.subarray(at, at + 320))))
      }
      encoder.close()
      decoder.close()
      return concat(...out)
    }
    const fresh = roundTrip(speech)
    roundTrip(others)
    assertSameSamples(roundTrip(speech), fresh)
  })
}

async function rawLibrary(build: OpusBuild) {
  const { default: raw } =
    build === 'native' ? await import('@evan/opus/node/index.js') : await import('@evan/opus/wasm/index.js')
  return raw
}

test('[AU15] native states are kept for the next stream instead of piling up', async () => {
  const { Decoder, Encoder } = await rawLibrary('native')
  let made = 0
  class Counted extends Decoder {
    constructor(options: { readonly channels: 1; readonly sample_rate: number }) {
      super(options)
      made += 1
    }
  }
  const library = new OpusLibrary('native', { Decoder: Counted, Encoder })
  for (let turn = 0; turn < 2_000; turn += 1) createOpusDecoder(library, FORMAT).close()
  assert.equal(made, 1)
  for (let turn = 0; turn < 20; turn += 1) {
    const open = Array.from({ length: 200 }, () => createOpusDecoder(library, FORMAT))
    for (const decoder of open) decoder.close()
    assert.equal(made, 200)
  }
})

test('[AU16] threads use the wasm build, and two at once each hear themselves', async () => {
  const inThread = (frequencyHz: number) =>
    new Promise<{ provider: string; digest: string }>((resolve, reject) => {
      const worker = new Worker(new URL('../testing/codec-thread.ts', import.meta.url), { workerData: { frequencyHz } })
      worker.once('message', resolve)
      worker.once('error', reject)
    })
  const alone = [await inThread(300), await inThread(500)]
  const [left, right] = await Promise.all([inThread(300), inThread(500), opusDigest(400)])
  assert.deepEqual([left, right], alone)
  assert.equal(left?.provider, 'libopus (wasm)')
  assert.notEqual(left?.digest, right?.digest)
})
