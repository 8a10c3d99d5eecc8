import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import type { SpeechPort } from '../../speech/speech-port.ts'
import { createNullSpeech } from './null-speech.ts'
import { createScriptedSpeech } from './scripted-speech.ts'
import { SpeechProbe } from './speech-probe.ts'

const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

function doubles(): Record<string, SpeechPort> {
  const clock = new ManualClock()
  return {
    null: createNullSpeech({ clock, slots: 2, languages: ['en-US'] }),
    scripted: createScriptedSpeech({ clock, slots: 2, languages: ['en-US'], script: [] }),
  }
}

test('[FO2] doubles give out slots as the real port does', async () => {
  for (const [name, speech] of Object.entries(doubles())) {
    const probe = new SpeechProbe(() => 0).open(speech, 'ses_a')
    const reserved = speech.reserve('en')
    assert.ok(reserved.ok)
    const full = speech.reserve('en')
    assert.ok(!full.ok && full.error.code === 'NO_SLOT', name)
    reserved.value.release()
    reserved.value.release()
    probe.stream?.close()
    probe.stream?.close()
    assert.equal(speech.status().slotsUsed, 0, name)
    const unknown = speech.reserve('tlh')
    assert.ok(!unknown.ok && unknown.error.code === 'LANGUAGE_UNSUPPORTED', name)
    await speech.close()
  }
})

test('[FO10] doubles answer flushes, and say nothing once closed', async () => {
  for (const [name, speech] of Object.entries(doubles())) {
    const probe = new SpeechProbe(() => 0).open(speech, 'ses_a').words(1)
    probe.stream?.flush(4)
    await settle()
    assert.deepEqual([probe.flushed, probe.states], [[4], ['ready']], name)
    probe.stream?.flush(5)
    await speech.close()
    await settle()
    assert.ok(probe.flushed.length <= 2)
  }
})

test('null speech counts what it takes and says captions at the rate asked, evenly over streams', async () => {
  const clock = new ManualClock()
  const speech = createNullSpeech({ clock, captionsPerSecond: 3, captionsPerUtterance: 3 })
  const probes = [1, 2, 3, 4].map((n) => new SpeechProbe(() => clock.wallMs()).open(speech, `ses_${n}`))
  for (const probe of probes) probe.frames(0, 50)
  assert.deepEqual([speech.counts.frames, speech.counts.bytes], [200, 200 * 640])
  clock.advance(10_000)
  for (const probe of probes) {
    assert.ok(Math.abs(probe.finals.length - 10) <= 1, `${probe.finals.length} finals`)
    assert.ok(Math.abs(probe.partials.length - 20) <= 2, `${probe.partials.length} partials`)
    assert.deepEqual(
      probe.finals.map(({ index }) => index),
      probe.finals.map((_, n) => n),
    )
  }
  await speech.close()
  assert.equal(clock.pendingTimers, 0)
})

test('scripted speech says its lines when the audio comes to them', async () => {
  const clock = new ManualClock()
  const script = [
    { startMs: 100, endMs: 500, text: 'good morning to you' },
    { startMs: 1_000, endMs: 1_200, text: 'bye' },
  ]
  const speech = createScriptedSpeech({ clock, script, languages: ['en-US'] })
  const probe = new SpeechProbe(() => clock.wallMs()).open(speech, 'ses_a').frames(0, 35)
  assert.deepEqual(
    probe.partials.map(({ text }) => text),
    ['good', 'good morning', 'good morning to', 'good morning to you'],
  )
  assert.deepEqual(probe.finals, [])
  probe.frames(0, 10)
  assert.deepEqual(probe.said(), ['good morning to you'])
  probe.frames(0, 10)
  probe.stream?.flush(1)
  assert.deepEqual([probe.said(), probe.flushed], [['good morning to you', 'bye'], [1]])
  await speech.close()
})
