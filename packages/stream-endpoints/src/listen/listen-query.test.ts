import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ParleyError } from '@parley/protocol'
import fc from 'fast-check'
import { decodeListenCommand } from './listen-messages.ts'
import { readListenQuery } from './listen-query.ts'

const read = (query: string) => readListenQuery(new URLSearchParams(query))
function accepted(query: string) {
  const config = read(query)
  assert.ok(config.ok, config.ok ? '' : config.error.message)
  return config.value
}
function refused(query: string) {
  const config = read(query)
  assert.ok(!config.ok, query)
  return [config.error.code, config.error.details.field]
}

test('[LSN1] an address without a word means a container, no interim results and plain text', () => {
  assert.deepEqual(accepted(''), {
    encoding: undefined,
    sampleRateHz: 8_000,
    language: undefined,
    hasInterim: false,
    endpointingMs: 10,
    utteranceEndMs: undefined,
    hasVadEvents: false,
    isPunctuated: false,
    hasUtterances: false,
    tags: [],
    ignored: [],
  })
})

test('[LSN1] what clients of Deepgram send is read, and what is not used is named', () => {
  const config = accepted(
    'model=nova-3&encoding=linear16&sample_rate=16000&channels=1&language=en-US&interim_results=true&punctuate=true' +
      '&smart_format=true&endpointing=500&utterance_end_ms=1000&vad_events=true&tag=a&tag=b&keyterm=x&keyterm=y' +
      '&diarize=false&multichannel=false&numerals=false&token=secret',
  )
  const { ignored, tags, endpointingMs, utteranceEndMs, isPunctuated, sampleRateHz } = config
  assert.deepEqual(ignored, ['model', 'smart_format', 'keyterm'])
  assert.deepEqual(tags, ['a', 'b'])
  assert.deepEqual([endpointingMs, utteranceEndMs, isPunctuated, sampleRateHz], [500, 1_000, true, 16_000])
  assert.equal(accepted('smart_format=true').isPunctuated, true)
  assert.equal(accepted('endpointing=false').endpointingMs, undefined)
  assert.equal(accepted('endpointing=true').endpointingMs, 10)
  assert.equal(accepted('encoding=mulaw').sampleRateHz, 8_000)
  const multi = accepted('language=multi')
  assert.deepEqual([multi.language, multi.ignored], [undefined, ['language']])
})

test('[LSN1] what cannot be done and would be missed is refused by name, as are wrong values and unknown fields', () => {
  for (const query of ['diarize=true', 'multichannel=true', 'redact=pci', 'callback=https://x.example', 'channels=2']) {
    assert.deepEqual(refused(query), ['INVALID_FIELD', query.split('=')[0]], query)
  }
  for (const [query, field] of [
    ['encoding=mp3', 'encoding'],
    ['encoding=linear16', 'sample_rate'],
    ['sample_rate=4000', 'sample_rate'],
    ['sample_rate=1e4', 'sample_rate'],
    ['interim_results=yes', 'interim_results'],
    ['endpointing=soon', 'endpointing'],
    ['utterance_end_ms=1000', 'utterance_end_ms'],
    ['utterance_end_ms=500&interim_results=true', 'utterance_end_ms'],
    ['language=en&language=de', 'language'],
  ] as const) {
    assert.deepEqual(refused(query), ['INVALID_FIELD', field], query)
  }
  assert.deepEqual(refused('colour=red'), ['UNKNOWN_FIELD', 'colour'])
  assert.deepEqual(refused('constructor=x'), ['UNKNOWN_FIELD', 'constructor'])
})

test('[LSN1] whatever the address or the message, the answer is a value or an error of the catalogue', () => {
  fc.assert(
    fc.property(fc.webQueryParameters(), (query) => {
      const config = read(query)
      if (!config.ok) assert.ok(config.error instanceof ParleyError)
    }),
    { seed: 5, numRuns: 60 },
  )
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      const command = decodeListenCommand(text)
      if (!command.ok) assert.ok(command.error instanceof ParleyError)
    }),
    { seed: 6, numRuns: 300 },
  )
})
