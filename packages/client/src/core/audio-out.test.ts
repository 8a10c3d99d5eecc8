import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import { type AudioFormat, frameMediaTime, frameSeq } from '@parley/protocol'
import { AudioOut } from './audio-out.ts'
import { ParleyClientError } from './errors.ts'
import { SEND_WINDOW_MS, WINDOW_STUCK_MS } from './send-window.ts'

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
  assert.equal(headers().length, 400, '8 s at once')
  clock.advance(1_000)
  assert.equal(out.pump(), false)
  assert.equal(headers().length, 480, 'then 1.6 s per second')
})

/** Held while away: `seconds` of audio after one second that was sent. */
function awayFor(seconds: number, skippedMs = 0) {
  const { sink, sent, headers } = fakeSink()
  const clock = new ManualClock()
  const out = new AudioOut(PCM, sink, { keptMs: 60_000, clock })
  for (let frame = 0; frame < 50; frame++) out.sendPcm(new Int16Array(320))
  sink.open = false
  out.skip(skippedMs * 16)
  for (let frame = 0; frame < seconds * 50; frame++) out.sendPcm(new Int16Array(320))
  sent.length = 0
  const comeBack = (settled: number | undefined) => {
    out.attach(16_000, settled)
    sink.open = true
    return out.pump()
  }
  return { out, clock, headers, sink, comeBack, sentMs: () => headers().length * 20 }
}

test('[CL104] a backlog runs no further than the window ahead of what is settled, and loses nothing', () => {
  const { out, headers, comeBack } = awayFor(50)
  assert.equal(comeBack(0), false)
  let settled = 0
  const aheadMs = () => ((headers().at(-1)?.[1] ?? 0) + 320 - settled) / 16
  assert.equal(aheadMs(), SEND_WINDOW_MS)
  assert.equal(out.promisedSeq, 2_499)
  assert.equal(out.pump(), false)
  for (settled = 3_333; out.heldFrames > 0; settled += 12_345) {
    out.settle(settled)
    out.pump()
    assert.ok(aheadMs() <= SEND_WINDOW_MS, `${aheadMs()} ms ahead of ${settled}`)
  }
  assert.deepEqual(
    headers(),
    Array.from({ length: 2_500 }, (_, index) => [index, 16_000 + index * 320, 640]),
  )
  assert.equal(out.promisedSeq, out.lastSeq)
})

test('[CL104] audio without a backlog does not wait, however little is settled', () => {
  const { out, sentMs, comeBack } = awayFor(10)
  assert.equal(comeBack(0), true)
  for (let frame = 0; frame < 2_000; frame++) out.sendPcm(new Int16Array(320))
  assert.equal(sentMs(), 50_000)
})

test('[CL104] said while a backlog waits, audio waits behind it', () => {
  const { out, headers, comeBack } = awayFor(30)
  comeBack(0)
  const before = headers().length
  out.sendPcm(new Int16Array(320))
  assert.equal(headers().length, before)
  out.settle(16_000 * 20)
  assert.equal(out.pump(), true)
  assert.deepEqual(headers().at(-1), [1_500, 16_000 * 31, 640])
})

test('[CL104] frames sent again after UDP fell silent wait as well', () => {
  const { out, sentMs, comeBack } = awayFor(0)
  comeBack(0)
  for (let frame = 0; frame < 2_000; frame++) out.sendPcm(new Int16Array(320))
  const before = sentMs()
  out.repeatFrom(16_000 * 5)
  assert.equal(out.pump(), false)
  assert.equal(sentMs() - before, SEND_WINDOW_MS - 5_000)
})

test('[CL104] no window where nothing is told of settled audio, until something is', () => {
  const { sentMs, comeBack } = awayFor(50)
  assert.equal(comeBack(undefined), true)
  assert.equal(sentMs(), 50_000)
  const other = awayFor(50)
  other.sink.buffered = 1_000_000
  other.comeBack(undefined)
  other.out.settle(16_000)
  other.sink.buffered = 0
  assert.equal(other.out.pump(), false)
  assert.equal(other.sentMs(), SEND_WINDOW_MS)
})

test('[CL104] muted time does not count: a platform that has settled all it heard is sent more', () => {
  const { headers, comeBack } = awayFor(5, 40_000)
  assert.equal(comeBack(16_000), true)
  assert.deepEqual(headers()[0], [0, 41 * 16_000, 640])
})

test('[CL104] when nothing is settled for 10 s the backlog goes on at true pace, until the window moves again', () => {
  const { out, clock, sentMs, comeBack } = awayFor(50)
  comeBack(16_000)
  assert.equal(sentMs(), SEND_WINDOW_MS)
  const pass = (ms: number) => {
    for (let left = ms; left > 0; left -= 250) {
      clock.advance(250)
      out.pump()
    }
    return sentMs() - SEND_WINDOW_MS
  }
  assert.equal(pass(WINDOW_STUCK_MS - 250), 0)
  const first = pass(250)
  assert.ok(first > 0 && first <= 500, `${first}`)
  const later = pass(5_000)
  assert.ok(later >= 4_900 && later <= 5_500, `${later}`)
  out.settle(16_000 + 320)
  assert.equal(pass(WINDOW_STUCK_MS - 250), later, 'it waits anew')
  pass(30_000)
  assert.equal(out.heldFrames, 0)
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
