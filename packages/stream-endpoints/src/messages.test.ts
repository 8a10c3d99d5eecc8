// What clients may say to both endpoints, decoded without a socket.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERRORS, ParleyError } from '@parley/protocol'
import fc from 'fast-check'
import { decodeAsrCommand } from './asr-messages.ts'
import { MAX_TEXT_BYTES } from './limits.ts'
import { decodeTtsCommand } from './tts-messages.ts'

const asr = (message: unknown) => decodeAsrCommand(JSON.stringify(message))
const tts = (message: unknown) => decodeTtsCommand(JSON.stringify(message))

function commandOf<T>(decoded: { ok: true; value: T } | { ok: false; error: ParleyError }): T {
  assert.ok(decoded.ok, decoded.ok ? '' : decoded.error.message)
  return decoded.value
}
function errorIn(decoded: { ok: true } | { ok: false; error: ParleyError }): ParleyError {
  assert.ok(!decoded.ok)
  return decoded.error
}

test('[SA1] a configuration has the defaults of a client that says nothing', () => {
  assert.deepEqual(commandOf(asr({ type: 'config' })), {
    type: 'config',
    config: { encoding: 'float32', sampleRateHz: 16_000, partials: true, ignored: [] },
  })
})

test('[SA1, SA10] a configuration of comparable servers is read, and what it asks in vain is remembered', () => {
  const message = {
    type: 'config',
    sample_rate: 8_000,
    language: 'auto',
    model: 'large-v3',
    vad_threshold: 0.5,
    enable_timestamps: true,
    beam_size: 5,
  }
  assert.deepEqual(commandOf(asr(message)), {
    type: 'config',
    config: {
      encoding: 'float32',
      sampleRateHz: 8_000,
      partials: true,
      ignored: ['model', 'vad_threshold', 'beam_size'],
    },
  })
})

test('[SA5] names of other servers for flush and end are read alike', () => {
  for (const type of ['flush', 'finalize']) assert.equal(commandOf(asr({ type })).type, 'flush')
  for (const type of ['end', 'end_of_stream', 'eof', 'close']) {
    assert.deepEqual(commandOf(asr({ type, requestId: 'r' })), { type: 'end', requestId: 'r' })
  }
})

test('[SE4] an error names field, value and fix, and repeats the requestId', () => {
  const rate = errorIn(asr({ type: 'config', sampleRateHz: 44_100, requestId: 'r7' }))
  assert.equal(rate.code, 'INVALID_FIELD')
  assert.equal(rate.details.field, 'sampleRateHz')
  assert.equal(rate.details.value, '44100')
  assert.equal(rate.details.requestId, 'r7')
  const two = errorIn(asr({ type: 'config', sampleRateHz: 16_000, sample_rate: 8_000 }))
  assert.match(two.message, /16000 .*8000/)
  const unknown = errorIn(asr({ type: 'cofnig' }))
  assert.equal(unknown.code, 'UNKNOWN_MESSAGE')
  assert.ok(unknown.details.allowed?.includes('config'))
  assert.equal(errorIn(asr({ type: 'config', rate: 1 })).code, 'UNKNOWN_FIELD')
  assert.equal(errorIn(tts({ type: 'speak', text: 'x' })).details.field, 'requestId')
  assert.equal(errorIn(tts({ type: 'speak', requestId: 'r', text: 'x', rateRatio: 3 })).details.field, 'rateRatio')
  assert.equal(errorIn(tts({ type: 'register_voice', voice_id: 'v', reference_audio: '' })).code, 'UNKNOWN_MESSAGE')
})

test('[SYE6] a request of comparable servers is read: default voice, rate by its other name, the rest in vain', () => {
  const message = {
    type: 'synthesize',
    text: 'hello',
    voice_id: 'default',
    sample_rate: 16_000,
    chunk_size: 50,
    exaggeration: 0.5,
    voice_path: null,
  }
  assert.deepEqual(commandOf(tts(message)), {
    type: 'speak',
    text: 'hello',
    encoding: 'float32',
    sampleRateHz: 16_000,
    framing: 'none',
    ignored: ['chunk_size', 'exaggeration'],
  })
  assert.equal((commandOf(tts({ ...message, voice_id: 'slt' })) as { voice?: string }).voice, 'slt')
})

test('[SYE5] a text is bounded in bytes, and an empty one without an id is refused', () => {
  const long = 'ü'.repeat(MAX_TEXT_BYTES / 2 + 1)
  const error = errorIn(tts({ type: 'speak', requestId: 'r', text: long }))
  assert.equal(error.code, 'TEXT_INVALID')
  assert.match(error.message, new RegExp(String(MAX_TEXT_BYTES)))
  assert.equal(errorIn(tts({ type: 'synthesize', text: ' \n' })).code, 'TEXT_INVALID')
  assert.equal(commandOf(tts({ type: 'speak', requestId: 'r', text: '' })).type, 'speak')
})

test('[SE4] whatever is sent, decoding gives a command or an error of the catalogue', () => {
  const names = ['type', 'requestId', 'text', 'language', 'sampleRateHz', 'encoding', 'id', 'voice', '__proto__', 'x']
  const types = ['config', 'flush', 'end', 'reset', 'ping', 'pong', 'speak', 'synthesize', 'cancel', 'voices']
  const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(...types, 16_000, 'int16', 'r'))
  const entries = fc.array(fc.tuple(fc.constantFrom(...names), value), { maxLength: 8 })
  const object = entries.map((list) => JSON.stringify(Object.fromEntries(list)))
  fc.assert(
    fc.property(fc.oneof(object, fc.json(), fc.string()), (text) => {
      for (const decode of [decodeAsrCommand, decodeTtsCommand]) {
        const decoded = decode(text)
        if (decoded.ok) continue
        assert.ok(decoded.error instanceof ParleyError)
        assert.ok(Object.hasOwn(ERRORS, decoded.error.code))
      }
    }),
    { numRuns: 500 },
  )
})
