import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ScriptedSpeech, scriptOf } from './scripted-speech.ts'

const texts = (events: readonly { kind: string; text?: string }[]) =>
  events.map((event) => [event.kind, event.text].join(' ').trim())

test('[CL80] an utterance has partials word by word and exactly one end', () => {
  const speech = new ScriptedSpeech(scriptOf(['one two', 'three']), 300)
  assert.deepEqual(speech.hear(100), [])
  assert.deepEqual(texts(speech.hear(400)), ['partial one'])
  assert.deepEqual(texts(speech.hear(450)), [])
  assert.deepEqual(texts(speech.hear(1_500)), ['partial one two', 'final one two'])
  assert.deepEqual(texts(speech.hear(10_000)), ['partial three', 'final three'])
  assert.deepEqual(speech.hear(20_000), [])
})

test('[CL80] the end of the audio ends what has begun, with what was said by then', () => {
  const speech = new ScriptedSpeech(scriptOf(['one two']))
  assert.deepEqual(texts(speech.flush(600)), ['partial one', 'final one'])
  assert.deepEqual(speech.flush(700), [])
  const silent = new ScriptedSpeech(scriptOf(['one two']))
  assert.deepEqual(silent.flush(100), [])
  assert.deepEqual(silent.abandon(), [])
})

test('[CL80] an utterance can be given up, and the next one follows', () => {
  const speech = new ScriptedSpeech(scriptOf(['one', 'two']))
  speech.hear(300)
  assert.deepEqual(speech.abandon(), [{ kind: 'abandoned', index: 0 }])
  assert.deepEqual(texts(speech.hear(10_000)), ['partial two', 'final two'])
})
