import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeClientMessage, MAX_CONTROL_MESSAGE_BYTES, MAX_SPEAK_TEXT_CHARS } from '@parley/protocol'
import fc from 'fast-check'
import { splitSpeech } from './split-speech.ts'

const messageOf = (text: string): string =>
  JSON.stringify({ type: 'speak', requestId: 'x'.repeat(64), text, voice: 'v' })

test('[CL140] a text that fits is one piece, whatever is in it; a long one is cut behind sentences', () => {
  for (const text of ['', ' ', 'Hello. How are you?', '.'.repeat(MAX_SPEAK_TEXT_CHARS)]) {
    assert.deepEqual(splitSpeech(text), [text])
  }
  const sentence = 'The quick brown fox jumps over the lazy dog. '
  const pieces = splitSpeech(sentence.repeat(300))
  assert.deepEqual(new Set(pieces.map((piece) => piece.length)), new Set([45 * 88, 45 * 36]))
  assert.ok(pieces.every((piece) => piece.endsWith('dog. ')))
})

test('[CL140] without an end of a sentence it is cut behind words, without words between characters', () => {
  const words = splitSpeech('word '.repeat(2_000))
  assert.ok(words.length === 3 && words.every((piece) => piece.endsWith('word ')))
  const family = '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}'
  const families = splitSpeech(family.repeat(1_000))
  assert.ok(families.length > 1 && families.every((piece) => piece.length % family.length === 0))
})

test('[CL140] property: nothing is lost or added, and every piece is a message that a pod takes', () => {
  const part = fc.oneof(
    { weight: 4, arbitrary: fc.lorem({ mode: 'sentences', maxCount: 4 }) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 200 }) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom('\u0000', '\ud800', '"', '\\', '\n', '\u4f60\u597d\u3002', 'x')
        .map((one) => one.repeat(3_000)),
    },
  )
  fc.assert(
    fc.property(fc.array(part, { maxLength: 40, size: 'max' }), (parts) => {
      const text = parts.join(' ')
      const pieces = splitSpeech(text)
      assert.equal(pieces.join(''), text)
      for (const piece of pieces) {
        const message = messageOf(piece)
        assert.ok(Buffer.byteLength(message) <= MAX_CONTROL_MESSAGE_BYTES)
        assert.ok(decodeClientMessage(message).ok)
      }
    }),
    { numRuns: 60 },
  )
})
