import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CaptionSink } from '@parley/sessions'
import { ManualSpeech } from '../testing/sessions/index.ts'
import { SlotToStream } from './slot-to-stream.ts'

const DEAF: CaptionSink = { partial() {}, final() {}, abandoned() {}, flushed() {}, settled() {}, speechState() {} }
const OPTIONS = {
  sessionId: 'ses_1',
  language: 'en',
  format: { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 },
  firstIndex: 0,
} as const

function held() {
  const speech = new ManualSpeech()
  const reserved = speech.reserve('en')
  assert.ok(reserved.ok)
  return { speech, slot: new SlotToStream(speech, reserved.value) }
}

test('[SES2] a slot that is never opened is given back, once', () => {
  const { speech, slot } = held()
  assert.equal(speech.slotsUsed, 1)
  slot.release()
  slot.release()
  assert.equal(speech.slotsUsed, 0)
})

test('[SES2] an opened slot belongs to its stream', () => {
  const { speech, slot } = held()
  const stream = slot.open(OPTIONS, DEAF)
  slot.release()
  assert.equal(speech.slotsUsed, 1)
  stream.push(320, new Uint8Array([7]), 1)
  assert.equal(speech.stream('ses_1').frames[0]?.mediaTime, 320)
  stream.close()
  assert.equal(speech.slotsUsed, 0)
})
