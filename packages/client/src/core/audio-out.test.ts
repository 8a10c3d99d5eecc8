import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import { type AudioFormat, frameMediaTime, frameSeq } from '@parley/protocol'
import { AudioOut } from './audio-out.ts'
import { ParleyClientError } from './errors.ts'

const PCM: AudioFormat = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 }
const OPUS: AudioFormat = { codec: 'opus', sampleRateHz: 48_000, frameMs: 20 }

const options = (keptMs = 2_000) => ({ keptMs, clock: new ManualClock() })

/** A sink that takes everything while open and not full. */
function fakeSink() {
  const sent: Uint8Array[] = []
  const sink = {
    open: true,
    buffered: 0,
    isOpen: () => sink.open,
    bufferedBytes: () => sink.buffered,
    send: (m: Uint8Array) => void sent.push(m),
  }
  const headers = () => sent.map((message) => [frameSeq(message), frameMediaTime(message), message.byteLength - 10])
  return { sink, sent, headers }
}

test('[CL30] samples of any length are cut into frames; media time counts samples', () => {
  const { sink, headers } = fakeSink()
  const out = new AudioOut(PCM, sink, options())
  for (const length of [1, 319, 500, 140, 33]) out.sendPcm(new Int16Array(length))
  assert.deepEqual(headers(), [
    [0, 0, 640],
    [1, 320, 640],
    [2, 640, 640],
  ])
  assert.equal(out.mediaTime, 993)
  out.flush()
  assert.deepEqual(headers()[3], [3, 960, 66])
  assert.equal(out.lastSeq, 3)
})

test('[CL30] samples arrive unchanged, little endian', () => {
  const { sink, sent } = fakeSink()
  const out = new AudioOut(PCM, sink, options())
  out.sendPcm(Int16Array.from({ length: 320 }, (_, index) => index * 100 - 16_000))
  const view = new DataView((sent[0] as Uint8Array).buffer)
  assert.equal(view.getInt16(10, true), -16_000)
  assert.equal(view.getInt16(12, true), -15_900)
})

test('[CL31] muted time passes without frames; a frame begun is completed with silence', () => {
  const { sink, headers } = fakeSink()
  const out = new AudioOut(PCM, sink, options())
  out.sendPcm(new Int16Array(100))
  out.skip(50)
  assert.equal(headers().length, 0)
  out.skip(1_000)
  assert.equal(out.mediaTime, 1_150)
  out.sendPcm(new Int16Array(320))
  assert.deepEqual(headers(), [
    [0, 0, 640],
    [1, 1_150, 640],
  ])
})

test('[CL32] an encoder gets whole frames only, the last one completed with silence', () => {
  const { sink, headers } = fakeSink()
  const lengths: number[] = []
  const encoder = {
    encode(samples: Int16Array) {
      lengths.push(samples.length)
      return new Uint8Array(60)
    },
  }
  const out = new AudioOut(OPUS, sink, { ...options(), encoder })
  out.sendPcm(new Int16Array(1_000))
  out.flush()
  assert.deepEqual(lengths, [960, 960])
  assert.deepEqual(headers(), [
    [0, 0, 60],
    [1, 960, 60],
  ])
})

test('[CL32] a payload that cannot be a frame is refused before it is sent', () => {
  const { sink, sent } = fakeSink()
  const out = new AudioOut(OPUS, sink, options())
  assert.throws(
    () => out.sendFrame(new Uint8Array(0)),
    (error) => error instanceof ParleyClientError && error.code === 'BAD_AUDIO_FRAME',
  )
  assert.throws(() => out.sendFrame(new Uint8Array(1_276)), ParleyClientError)
  assert.equal(sent.length, 0)
})

test('[CL33] what the socket does not take is held up to a bound, the oldest dropped and counted', () => {
  const { sink, headers } = fakeSink()
  const out = new AudioOut(PCM, sink, options())
  sink.buffered = 1_000_000
  for (let frame = 0; frame < 200; frame++) out.sendPcm(new Int16Array(320))
  assert.equal(headers().length, 0)
  assert.equal(out.heldFrames, 100)
  assert.equal(out.droppedFrames, 100)
  sink.buffered = 0
  assert.equal(out.pump(), true)
  // Numbers go on without a hole; media time shows what is missing.
  assert.deepEqual(headers()[0], [0, 100 * 320, 640])
  assert.deepEqual(headers().at(-1), [99, 199 * 320, 640])
})

test('[CL33] before there is a socket audio is held, and leaves in order', () => {
  const { sink, headers } = fakeSink()
  sink.open = false
  const out = new AudioOut(PCM, sink, options())
  out.sendPcm(new Int16Array(640))
  assert.equal(out.lastSeq, -1)
  sink.open = true
  out.sendPcm(new Int16Array(320))
  assert.deepEqual(
    headers().map(([seq]) => seq),
    [0, 1, 2],
  )
})

test('[CL100] a new attach numbers from 0 and sends again from the first sample that had not arrived', () => {
  const { sink, sent, headers } = fakeSink()
  const out = new AudioOut(PCM, sink, options(60_000))
  for (let frame = 0; frame < 10; frame++) out.sendPcm(new Int16Array(320))
  sink.open = false
  for (let frame = 0; frame < 5; frame++) out.sendPcm(new Int16Array(320))
  sent.length = 0
  assert.deepEqual(out.attach(7 * 320), { again: 8 * 320, lost: 0 })
  sink.open = true
  assert.equal(out.pump(), true)
  assert.deepEqual(
    headers(),
    Array.from({ length: 8 }, (_, index) => [index, (7 + index) * 320, 640]),
  )
  assert.equal(out.lastSeq, 7)
})

test('[CL100] a frame of which only a part has arrived is sent again whole', () => {
  const { sink, sent, headers } = fakeSink()
  const out = new AudioOut(PCM, sink, options(60_000))
  for (let frame = 0; frame < 3; frame++) out.sendPcm(new Int16Array(320))
  sent.length = 0
  out.attach(500)
  out.pump()
  assert.deepEqual(headers()[0], [0, 320, 640])
})

test('[CL101] what is settled is forgotten, what is not is kept up to the bound, and what was not kept is told as lost', () => {
  const { sink } = fakeSink()
  const out = new AudioOut(PCM, sink, options(1_000))
  for (let frame = 0; frame < 40; frame++) out.sendPcm(new Int16Array(320))
  assert.equal(out.keptFrames, 40)
  out.settle(30 * 320 + 100)
  assert.equal(out.keptFrames, 10)
  for (let frame = 0; frame < 100; frame++) out.sendPcm(new Int16Array(320))
  assert.equal(out.keptFrames, 50)
  assert.equal(out.droppedFrames, 0, 'it was sent once')
  assert.deepEqual(out.attach(80 * 320), { again: 50 * 320, lost: 10 * 320 })
})

test('[CL102] a backlog leaves no faster than the platform allows, with a burst to begin with', () => {
  const { sink, headers } = fakeSink()
  const clock = new ManualClock()
  const out = new AudioOut(PCM, sink, { keptMs: 60_000, clock })
  out.setPace(2)
  for (let frame = 0; frame < 2_000; frame++) out.sendPcm(new Int16Array(320))
  assert.equal(headers().length, 800, '16 s at once')
  clock.advance(1_000)
  assert.equal(out.pump(), false)
  assert.equal(headers().length, 880, 'then 1.6 s per second')
})

test('[CL105] while nobody wants the microphone media time goes on and nothing is sent or kept', () => {
  const { sink, headers } = fakeSink()
  const out = new AudioOut(PCM, sink, options())
  out.want(false)
  out.sendPcm(new Int16Array(400))
  assert.equal(out.mediaTime, 400)
  out.want(true)
  out.sendPcm(new Int16Array(560))
  assert.deepEqual(headers(), [
    [0, 320, 640],
    [1, 640, 640],
  ])
  assert.equal(out.keptFrames, 2)
})
