import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { DEFAULT_ENDPOINTING } from '../../endpointing.ts'
import { ListenerLog } from '../../testing/listener-log.ts'
import { say } from '../../testing/recogniser-contract.ts'
import { Decoder, DecoderFailure } from './decoder.ts'
import { INITIAL_CEPSTRUM } from './decoder-settings.ts'
import type { PocketSphinxLibrary, Pointer } from './library.ts'
import { PocketSphinxStream } from './pocketsphinx-stream.ts'

/** A library that answers what it is told to; its decoders are numbers. */
function fakeLibrary(answers: { processRaw?: () => Promise<number>; endUtterance?: () => Promise<boolean> } = {}) {
  const calls: string[] = []
  const fake: Partial<PocketSphinxLibrary> = {
    open: async () => 1n as Pointer,
    async free() {
      calls.push('free')
    },
    features: () => null,
    startStream: () => true,
    startUtterance: () => true,
    processRaw: answers.processRaw ?? (async () => 1),
    processRawHere: () => 1,
    endUtterance: answers.endUtterance ?? (async () => true),
    hypothesis: () => 'hello there',
    finalHypothesis: async () => 'hello there',
    firstSegment: async () => null,
  }
  return { library: fake as PocketSphinxLibrary, calls }
}
async function load(library: PocketSphinxLibrary): Promise<Decoder> {
  const loaded = await Decoder.load(library, {}, INITIAL_CEPSTRUM)
  assert.ok(loaded.ok)
  return loaded.value
}
const block = new Int16Array(320)

test('[PS9] a second call while one is running, or after the decoder was freed, is stopped before it reaches the library', async () => {
  const pending = Promise.withResolvers<number>()
  const { library, calls } = fakeLibrary({ processRaw: () => pending.promise })
  const decoder = await load(library)
  decoder.begin()
  const feeding = decoder.feed(block)
  assert.throws(() => decoder.hypothesis(), DecoderFailure)
  assert.throws(() => decoder.begin(), DecoderFailure)
  await assert.rejects(decoder.end(), DecoderFailure)
  await assert.rejects(decoder.free(), DecoderFailure)
  pending.resolve(1)
  await feeding
  assert.equal(decoder.hypothesis(), 'hello there')
  await decoder.free()
  await decoder.free()
  assert.throws(() => decoder.hypothesis(), DecoderFailure)
  assert.deepEqual(calls, ['free'])
})

test('[PS6] a decoder whose memory cannot be read serves one speaker and hands no state on', async () => {
  const decoder = await load(fakeLibrary().library)
  assert.equal(decoder.isReusable, false)
  assert.equal(decoder.speaker(), undefined)
  decoder.adoptSpeaker(INITIAL_CEPSTRUM)
  decoder.forgetSpeaker()
})

async function loud(decoder: Decoder) {
  const log = new ListenerLog()
  let released: boolean | undefined
  const stream = new PocketSphinxStream({
    clock: new ManualClock(),
    decoder,
    voice: { isSpeech: (heard) => heard[0] !== 0, reset() {}, close() {} },
    endpointing: DEFAULT_ENDPOINTING,
    firstIndex: 0,
    listener: log,
    async onReleased(isHealthy) {
      released = isHealthy
    },
  })
  say(stream, new Int16Array(9_600))
  const hum = Int16Array.from({ length: 16_000 }, (_, n) => (n % 2 === 0 ? 9_000 : -9_000))
  say(stream, hum, 600)
  return { log, stream, released: () => released }
}

for (const [what, answers] of [
  ['decode', { processRaw: async () => -1 }],
  ['decode, by throwing', { processRaw: async () => Promise.reject(new Error('no thread')) }],
  ['end', { endUtterance: async () => false }],
] as const) {
  test(`[PS3] a decoder that fails to ${what} breaks its stream once and comes back as broken`, async () => {
    const { log, stream, released } = await loud(await load(fakeLibrary(answers).library))
    stream.flush(1)
    await eventually(() => (released() === undefined ? 'not released' : undefined))
    assert.equal(released(), false)
    assert.deepEqual(
      log.told.map(({ type }) => type).filter((type) => type !== 'partial' && type !== 'settled'),
      ['failed'],
    )
    await stream.close()
    assert.equal(log.told.filter(({ type }) => type === 'failed').length, 1)
  })
}

test('[RC5] a stream closed while its decoder is at work gives it back when the work is done, between utterances', async () => {
  const pending = Promise.withResolvers<number>()
  const { log, stream, released } = await loud(await load(fakeLibrary({ processRaw: () => pending.promise }).library))
  await eventually(() => undefined)
  const closing = stream.close()
  assert.equal(released(), undefined)
  pending.resolve(1)
  await closing
  assert.equal(released(), true)
  assert.deepEqual(log.finals, [])
})

test('[UT7] a decoder that hands no state on gives finals without it', async () => {
  const { log, stream } = await loud(await load(fakeLibrary().library))
  stream.flush(1)
  await eventually(() => (log.isFlushed(1) ? undefined : 'not flushed'))
  assert.deepEqual(
    log.finals.map(({ text, adaptation }) => ({ text, adaptation })),
    [{ text: 'Hello there.', adaptation: undefined }],
  )
  await stream.close()
})
