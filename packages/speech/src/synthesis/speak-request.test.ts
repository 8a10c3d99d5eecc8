import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { VoiceInfo } from '@parley/protocol'
import fc from 'fast-check'
import { languageFit, plainText, readSpeakRequest } from './speak-request.ts'

const voice = (name: string, language: string): VoiceInfo => ({ name, language, engine: 'test' })
const VOICES = [
  voice('us', 'en-US'),
  voice('uk', 'en-GB'),
  voice('es', 'es'),
  voice('latino', 'es-419'),
  voice('zh', 'zh'),
]

const chosen = (request: { readonly voice?: string; readonly language?: string }) => {
  const order = readSpeakRequest({ requestId: 'r', text: 'x', ...request }, VOICES)
  return order.ok ? order.value.voice.name : order.error.code
}

test('[SY7] a voice is found by its name, else by the language; the nearest wins, then the first', () => {
  assert.equal(chosen({}), 'us')
  assert.equal(chosen({ voice: 'uk' }), 'uk')
  assert.equal(chosen({ language: 'en' }), 'us')
  assert.equal(chosen({ language: 'EN-gb' }), 'uk')
  assert.equal(chosen({ language: 'en-AU' }), 'us')
  assert.equal(chosen({ language: 'es-MX' }), 'es')
  assert.equal(chosen({ language: 'es-419' }), 'latino')
  assert.equal(chosen({ language: 'cmn' }), 'zh')
  assert.equal(chosen({ voice: 'uk', language: 'en-US' }), 'uk')
  assert.equal(chosen({ voice: 'uk', language: 'es' }), 'LANGUAGE_UNSUPPORTED')
  assert.equal(chosen({ language: 'e' }), 'LANGUAGE_UNSUPPORTED')
  assert.equal(chosen({ language: '' }), 'LANGUAGE_UNSUPPORTED')
})

test('[SY7] tags fit by what they name', () => {
  assert.deepEqual(
    [languageFit('en-US', 'en-us'), languageFit('en-US', 'en'), languageFit('en-US', 'en-GB'), languageFit('en', 'es')],
    [3, 2, 1, 0],
  )
  assert.equal(languageFit('en', 'eng-not-a-tag-at-all'), 0)
})

test('[SY7] a long list is cut in the message, not in what is allowed', () => {
  const many = Array.from({ length: 100 }, (_, at) => voice(`v${at}`, 'en'))
  const order = readSpeakRequest({ requestId: 'r', text: 'x', voice: 'none' }, many)
  assert.ok(!order.ok)
  assert.equal(order.error.allowed?.length, 100)
  assert.match(order.error.message, /v39 and 60 more$/)
})

test('[SY8] what no engine is to see becomes a space each; the rest stays', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), (odd, plain) => {
      const text = plainText(`${odd}\0${plain}\ud800`)
      assert.equal(text.length, odd.length + 1 + plain.length + 1)
      assert.doesNotMatch(text, /\p{Cc}/u)
      assert.ok(text.isWellFormed())
    }),
  )
  assert.equal(plainText('\u{1f600} \u00e9 <b>&amp;</b>'), '\u{1f600} \u00e9 <b>&amp;</b>')
})
