import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AudioFormat, encodeAudioFrame } from '@parley/protocol'
import { ASK_EVERY_MS, LULL_MS } from './lull-watch.ts'
import { END_WAIT_MS, OwnerAudio } from './owner-audio.ts'
import { newSessionCounters } from './session-counters.ts'
import { FakeSlot } from './testing/index.ts'

const PCM: AudioFormat = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 }
const PAYLOAD = new Uint8Array(640)

function path() {
  const channel = { closed: 0, close: () => void channel.closed++ }
  return channel
}

function setUp(channel = path()) {
  const counters = newSessionCounters()
  const speech = new FakeSlot()
  const audio = new OwnerAudio(PCM, { paceRatio: 3, maxBytes: 1_000_000_000 }, counters, 0)
  audio.attach(channel, 0)
  audio.open(speech)
  return {
    audio,
    counters,
    speech,
    channel,
    overUdp: (seq: number, nowMs = 0) => audio.datagram(seq, seq * 320, PAYLOAD, nowMs, 0),
    overSocket: (seq: number, nowMs = 0) => audio.message(encodeAudioFrame(seq, seq * 320, PAYLOAD), nowMs, 0),
  }
}

test('[IN2] frames of both ways go through one intake', () => {
  const { audio, overUdp, overSocket, counters, speech } = setUp()
  assert.equal(audio.transport, 'none')
  assert.equal(overUdp(0), 'accepted')
  assert.equal(audio.transport, 'udp')
  assert.equal(overSocket(1), 'accepted')
  assert.equal(audio.transport, 'ws')
  assert.equal(overUdp(1), 'late')
  assert.equal(overUdp(2), 'accepted')
  assert.equal(audio.datagram(3, 0, PAYLOAD, 0, 0), 'duplicate')
  assert.equal(speech.frames.length, 3)
  const { audioFramesTotal, audioFramesUdpTotal, audioFramesLateTotal, audioFramesDuplicateTotal } = counters
  assert.deepEqual(
    [audioFramesTotal, audioFramesUdpTotal, audioFramesLateTotal, audioFramesDuplicateTotal],
    [3, 2, 1, 1],
  )
})

test('[IN2] numbers that were extended on the way are taken as they were on the wire', () => {
  const { audio, speech } = setUp()
  assert.equal(audio.datagram(0xffff_ffff, 0xffff_ff00, PAYLOAD, 0, 0), 'accepted')
  assert.equal(audio.datagram(0x1_0000_0000, 0x1_0000_0040, PAYLOAD, 0, 0), 'accepted')
  assert.equal(speech.frames.at(-1)?.mediaTime, 0x1_0000_0040)
})

test('[CAP5] an audio.end that overtook frames waits for the last of them', () => {
  const { audio, overUdp, speech } = setUp()
  overUdp(0)
  assert.ok(audio.mayEndAt(3))
  audio.endAt(3, 7, 100)
  overUdp(1)
  audio.tick(100 + END_WAIT_MS - 1)
  assert.deepEqual(speech.flushes, [])
  overUdp(3)
  const told = speech.told.filter((what) => what.startsWith('f'))
  assert.deepEqual(told, ['frame 0', 'frame 320', 'frame 960', 'flush 7'])
  audio.tick(100 + END_WAIT_MS)
  assert.deepEqual(speech.flushes, [7], 'once')
})

test('[CAP5] what came after the end of the audio is not flushed with it', () => {
  const { audio, overUdp, speech } = setUp()
  overUdp(0)
  audio.endAt(2, 7, 0)
  overUdp(3)
  assert.deepEqual(speech.told, ['frame 0', 'flush 7', 'frame 960'])
})

test('[CAP5] after the wait what has come is flushed', () => {
  const { audio, overUdp, speech } = setUp()
  overUdp(0)
  audio.endAt(9, 7, 0)
  audio.tick(END_WAIT_MS)
  assert.deepEqual(speech.told, ['frame 0', 'flush 7'])
  overUdp(9)
  assert.deepEqual(speech.told.at(-1), 'frame 2880', 'and goes on')
})

test('[CAP5] a further audio.end, and a further attach, do not wait for the one before', () => {
  const { audio, overUdp, speech } = setUp()
  overUdp(0)
  audio.endAt(4, 1, 0)
  audio.endAt(8, 2, 0)
  assert.deepEqual(speech.flushes, [1])
  audio.attach(path(), 10)
  assert.deepEqual(speech.flushes, [1, 2])
  assert.ok(audio.mayEndAt(-1))
})

test('[CAP4] without UDP, and behind what came, lastSeq has to be right', () => {
  const { audio, overUdp, overSocket } = setUp()
  overUdp(5)
  assert.deepEqual(
    [audio.mayEndAt(4), audio.mayEndAt(-1), audio.mayEndAt(5), audio.mayEndAt(6)],
    [false, false, true, true],
  )
  audio.attach(undefined, 0)
  overSocket(6)
  assert.deepEqual([audio.mayEndAt(5), audio.mayEndAt(6), audio.mayEndAt(7)], [false, true, false])
})

test('[RES7] the way of an attach closes with the next attach or the end, and not before', () => {
  const { audio, channel, overUdp, speech } = setUp()
  overUdp(0)
  assert.equal(channel.closed, 0)
  const next = path()
  audio.attach(next, 0)
  assert.deepEqual([channel.closed, next.closed], [1, 0])
  audio.close()
  audio.close()
  assert.deepEqual([channel.closed, next.closed, speech.closed], [1, 1, 1])
})

test('[LU1] [LU2] a lull holds; the pause is confirmed; frames begin anew', () => {
  const { audio, overUdp, speech } = setUp()
  overUdp(0, 0)
  assert.equal(audio.tick(LULL_MS - 1), false)
  assert.equal(audio.tick(LULL_MS), true)
  assert.equal(audio.tick(LULL_MS + 100), false)
  assert.equal(audio.tick(LULL_MS + ASK_EVERY_MS), true)
  audio.answered(0)
  assert.deepEqual(speech.told, ['frame 0', 'hold', 'release'])
  overUdp(1, 5_000)
  audio.tick(5_000 + LULL_MS)
  audio.answered(undefined)
  assert.deepEqual(speech.told.slice(3), ['frame 320', 'hold', 'release'], 'a client that does not say is believed')
})

test('[LU3] [LU5] audio on its way stays held; the release comes behind the frame that ends the lull', () => {
  const { audio, overUdp, speech } = setUp()
  overUdp(0, 0)
  audio.tick(LULL_MS)
  audio.answered(9)
  assert.deepEqual(speech.told, ['frame 0', 'hold'])
  audio.attach(path(), 10_000)
  audio.tick(10_100)
  assert.deepEqual(speech.told, ['frame 0', 'hold'], 'also while the client is away and back')
  audio.datagram(0, 0, PAYLOAD, 10_150, 0)
  assert.equal(speech.told.length, 2, 'audio sent again is nothing new')
  audio.datagram(1, 320, PAYLOAD, 10_160, 0)
  assert.deepEqual(speech.told.slice(2), ['frame 320', 'release'])
})

test('[LU4] the end of the audio releases, then flushes; silence after it is expected', () => {
  const { audio, overUdp, speech } = setUp()
  overUdp(0, 0)
  audio.tick(LULL_MS)
  audio.endAt(0, 1, 400)
  assert.deepEqual(speech.told, ['frame 0', 'hold', 'release', 'flush 1'])
  assert.equal(audio.tick(60_000), false)
})
