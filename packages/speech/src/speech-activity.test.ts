import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@parley/kernel'
import { levelOf, SILENT_DBFS, SpeechActivity, type VoiceActivity } from './speech-activity.ts'

/** Takes everything for speech: what is left is the floor's judgement. */
const credulous: VoiceActivity = { isSpeech: () => true, reset() {}, close() {} }
const random = seededRandom(5)
const noise = (dbfs: number) => {
  const peak = 32_768 * 10 ** (dbfs / 20) * Math.sqrt(3)
  return Int16Array.from({ length: 320 }, () => (2 * random() - 1) * peak)
}
const voicedAmong = (activity: SpeechActivity, count: number, dbfs: number) => {
  let voiced = 0
  for (let at = 0; at < count; at++) if (activity.next(noise(dbfs)).isVoiced) voiced++
  return voiced
}

test('[EP4] steady sound is the room, however loud; what rises above it is heard', () => {
  for (const roomDbfs of [-70, -50, -40, -32]) {
    const activity = new SpeechActivity(credulous)
    assert.equal(voicedAmong(activity, 500, roomDbfs), 0, `room of ${roomDbfs} dBFS`)
    assert.equal(voicedAmong(activity, 20, Math.max(-50, roomDbfs + 15)), 20, `speech in a room of ${roomDbfs} dBFS`)
  }
})

test('[EP4] a new hum becomes part of the room within two seconds', () => {
  const activity = new SpeechActivity(credulous)
  voicedAmong(activity, 200, -70)
  assert.ok(voicedAmong(activity, 101, -45) > 40)
  assert.equal(voicedAmong(activity, 500, -45), 0)
})

test('[EP4] loud speech is heard even by somebody who never pauses, and the inaudible never is', () => {
  const activity = new SpeechActivity(credulous)
  voicedAmong(activity, 300, -18)
  assert.equal(voicedAmong(activity, 100, -18), 100)
  assert.equal(voicedAmong(new SpeechActivity({ ...credulous }), 100, -75), 0)
})

test('[UT7] restarted with a floor it judges like one that goes on from there', () => {
  let resets = 0
  const activity = new SpeechActivity({ ...credulous, reset: () => resets++ })
  voicedAmong(activity, 200, -50)
  const floorDbfs = activity.floorDbfs
  activity.restart(floorDbfs)
  assert.equal(resets, 1)
  assert.equal(activity.floorDbfs, floorDbfs)
})

test('[EP4] levels are dB below full scale', () => {
  assert.equal(levelOf(new Int16Array(320)), SILENT_DBFS)
  const square = (peak: number, offset = 0) =>
    Int16Array.from({ length: 320 }, (_, n) => offset + (n % 2 ? peak : -peak))
  assert.ok(Math.abs(levelOf(square(32_767))) < 0.01)
  assert.ok(Math.abs(levelOf(square(3_277)) + 20) < 0.01)
  assert.ok(Math.abs(levelOf(square(3_277, 12_000)) + 20) < 0.01)
  assert.equal(levelOf(new Int16Array(320).fill(8_000)), SILENT_DBFS)
})
