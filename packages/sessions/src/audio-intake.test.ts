import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AudioFormat, encodeAudioFrame } from '@parley/protocol'
import { AudioIntake } from './audio-intake.ts'

const PCM: AudioFormat = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 }
const OPUS: AudioFormat = { codec: 'opus', sampleRateHz: 48_000, frameMs: 60 }
const LIMITS = { paceRatio: 3, maxBytes: 1_000_000_000 }
const frame = (seq: number, mediaTime: number, bytes = 640): Uint8Array =>
  encodeAudioFrame(seq, mediaTime, new Uint8Array(bytes))

test('[IN1] repeated and backward seqs are late, gaps pass', () => {
  const intake = new AudioIntake(PCM, LIMITS, 0)
  assert.equal(intake.lastSeq, -1)
  assert.equal(intake.accept(frame(0, 0), 0), 'accepted')
  assert.equal(intake.accept(frame(0, 320), 0), 'late')
  assert.equal(intake.accept(frame(9, 320), 0), 'accepted')
  assert.equal(intake.accept(frame(8, 640), 0), 'late')
  assert.equal(intake.lastSeq, 9)
  assert.equal(intake.frames, 2)
})

test('[IN2] seq and media time go on past 2^32', () => {
  const intake = new AudioIntake(PCM, LIMITS, 0)
  assert.equal(intake.accept(frame(0xffff_ffff, 0xffff_ff00), 0), 'accepted')
  assert.equal(intake.accept(frame(0, 0x40), 0), 'accepted')
  assert.equal(intake.mediaTime, 0x1_0000_0040)
  assert.equal(intake.lastSeq, 0, 'as on the wire')
  assert.equal(intake.accept(frame(0xffff_ffff, 0x80), 0), 'late')
})

test('[IN6] audio that was accepted before is a duplicate, a pause passes', () => {
  const intake = new AudioIntake(PCM, LIMITS, 0)
  intake.accept(frame(0, 320), 0)
  assert.equal(intake.accept(frame(1, 320), 0), 'duplicate')
  assert.equal(intake.accept(frame(2, 0), 0), 'duplicate')
  assert.equal(intake.lastSeq, 2, 'it did arrive')
  assert.equal(intake.endMediaTime, 640)
  assert.equal(intake.accept(frame(3, 16_000 * 3_600), 0), 'accepted')
})

test('[IN6] a duplicate costs neither pace nor total', () => {
  const intake = new AudioIntake(PCM, { paceRatio: 1, maxBytes: 1_280 }, 0)
  intake.accept(frame(0, 0), 0)
  for (let seq = 1; seq < 5_000; seq++) assert.equal(intake.accept(frame(seq, 0), 0), 'duplicate')
  assert.equal(intake.accept(frame(5_000, 320), 0), 'accepted')
})

test('[IN2] the next attach counts from 0 again, media time goes on past 2^32', () => {
  const intake = new AudioIntake(PCM, LIMITS, 0)
  intake.accept(frame(70_000, 0xffff_ff00), 0)
  assert.equal(intake.endMediaTime, 0x1_0000_0040)
  intake.restart()
  assert.equal(intake.lastSeq, -1)
  assert.equal(intake.accept(frame(0, 0xffff_ff00), 0), 'duplicate', 'sent again to be sure')
  assert.equal(intake.accept(frame(1, 0x40), 0), 'accepted')
  assert.equal(intake.mediaTime, 0x1_0000_0040)
  const opus = new AudioIntake(OPUS, LIMITS, 0)
  opus.accept(frame(0, 100, 50), 0)
  assert.equal(opus.endMediaTime, 100 + 2_880)
})

test('[IN2] frames of both ways share order and media time', () => {
  const intake = new AudioIntake(PCM, LIMITS, 0)
  assert.equal(intake.acceptFrame(0, 0, 640, 0), 'accepted')
  assert.equal(intake.accept(frame(1, 320), 0), 'accepted')
  assert.equal(intake.acceptFrame(1, 320, 640, 0), 'late')
  assert.equal(intake.acceptFrame(2, 320, 640, 0), 'duplicate')
  assert.equal(intake.acceptFrame(3, 640, 641, 0), 'malformed')
})

test('[IN3] headers and lengths that are not of the format are malformed and explained', () => {
  const intake = new AudioIntake(PCM, LIMITS, 0)
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(3), /10-byte header/],
    [new Uint8Array(10), /10-byte header/],
    [new Uint8Array(12).fill(7), /byte 0 must be 1/],
    [Uint8Array.from([1, 4, ...new Uint8Array(12)]), /byte 1 must be 0/],
    [frame(1, 1, 641), /641 bytes cannot be one 20 ms frame/],
    [frame(2, 2, 642), /642 bytes/],
  ]
  for (const [message, why] of cases) {
    assert.equal(intake.accept(message, 0), 'malformed')
    assert.match(intake.explain(message), why)
  }
  assert.equal(intake.accept(frame(3, 3, 2), 0), 'accepted', 'a short last frame')
})

test('[IN4] a burst of the window passes, then only the allowed pace', () => {
  const intake = new AudioIntake(OPUS, LIMITS, 0)
  let accepted = 0
  for (let seq = 0; seq < 600; seq++) {
    if (intake.accept(frame(seq, seq * 2_880 + 1, 100), 0) === 'accepted') accepted++
  }
  assert.equal(accepted, 500, '30 s of audio at once')
  assert.equal(intake.accept(frame(700, 9_000_000, 100), 0), 'too_fast')
  assert.ok(intake.paceWaitMs(0) > 19 && intake.paceWaitMs(0) <= 20)
  assert.equal(intake.accept(frame(701, 9_000_000, 100), 20), 'accepted')
  assert.equal(intake.audioMs, 501 * 60)
})

test('[IN5] the total of the session is bounded', () => {
  const intake = new AudioIntake(PCM, { ...LIMITS, maxBytes: 1_300 }, 0)
  assert.equal(intake.accept(frame(0, 0), 0), 'accepted')
  assert.equal(intake.accept(frame(1, 320), 0), 'accepted')
  assert.equal(intake.accept(frame(2, 640), 0), 'over_limit')
  assert.equal(intake.bytes, 1_280)
})
