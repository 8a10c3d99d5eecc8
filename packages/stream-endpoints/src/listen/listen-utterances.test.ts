import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ListenMessage } from './listen-messages.ts'
import { ListenUtterances } from './listen-utterances.ts'

const WISHES = {
  hasInterim: true,
  endpointingMs: 10,
  utteranceEndMs: undefined,
  hasVadEvents: false,
  isPunctuated: true,
} as const
const partial = (index: number, startMs: number, endMs: number) => ({ index, text: 'Hello', stable: 0, startMs, endMs })
const final = (index: number, startMs: number, endMs: number) => ({
  index,
  text: 'Hello there.',
  startMs,
  endMs,
  words: [
    { text: 'Hello', startMs, endMs: startMs + 300, confidence: 0.9 },
    { text: 'there.', startMs: startMs + 310, endMs, confidence: 0.7 },
  ],
})

function brief(messages: readonly ListenMessage[]): unknown[] {
  return messages.map((message) => {
    if (message.type !== 'Results') return message.type
    const flags = [message.is_final && 'final', message.speech_final && 'end', message.from_finalize && 'finalize']
    return `${message.channel.alternatives[0]?.transcript}:${flags.filter(Boolean).join('+')}`
  })
}

test('[LSN3] a final has its words in seconds, and casing only where it is asked for', () => {
  const [cased] = new ListenUtterances(WISHES, 'r').onFinal(final(0, 1_000, 1_800))
  assert.ok(cased?.type === 'Results')
  assert.deepEqual([cased.start, cased.duration, cased.is_final, cased.metadata.request_id], [1, 0.8, true, 'r'])
  assert.deepEqual(cased.channel.alternatives, [
    {
      transcript: 'Hello there.',
      confidence: 0.8,
      words: [
        { word: 'hello', start: 1, end: 1.3, confidence: 0.9, punctuated_word: 'Hello' },
        { word: 'there', start: 1.31, end: 1.8, confidence: 0.7, punctuated_word: 'there.' },
      ],
    },
  ])
  const [plain] = new ListenUtterances({ ...WISHES, isPunctuated: false }, 'r').onFinal(final(0, 1_000, 1_800))
  assert.ok(plain?.type === 'Results')
  assert.equal(plain.channel.alternatives[0]?.transcript, 'hello there')
  assert.equal(plain.channel.alternatives[0]?.words[0]?.punctuated_word, undefined)
})

test('[LSN3] interim results only for who wants them, and what was shown in vain is taken back', () => {
  const utterances = new ListenUtterances(WISHES, 'r')
  assert.deepEqual(brief([utterances.onPartial(partial(0, 0, 100)).interim as ListenMessage]), ['Hello:'])
  assert.deepEqual(brief(utterances.onAbandoned()), [':final'])
  assert.deepEqual(brief(utterances.onAbandoned()), [])
  const silent = new ListenUtterances({ ...WISHES, hasInterim: false }, 'r')
  assert.equal(silent.onPartial(partial(0, 0, 100)).interim, undefined)
  assert.deepEqual(brief(silent.onAbandoned()), [])
})

test('[LSN4] a start before the first words, once an utterance', () => {
  const utterances = new ListenUtterances({ ...WISHES, hasVadEvents: true }, 'r')
  assert.deepEqual(utterances.onPartial(partial(0, 500, 700)).kept, [
    { type: 'SpeechStarted', channel: [0, 1], timestamp: 0.5 },
  ])
  assert.deepEqual(utterances.onPartial(partial(0, 500, 800)).kept, [])
  assert.deepEqual(brief(utterances.onFinal(final(0, 500, 900))), ['Hello there.:final+end'])
  assert.deepEqual(brief(utterances.onFinal(final(1, 2_000, 2_900))), ['SpeechStarted', 'Hello there.:final+end'])
})

test('[LSN4] endpointing: with the final, after so much silence, or never', () => {
  const patient = new ListenUtterances({ ...WISHES, endpointingMs: 800 }, 'r')
  assert.deepEqual(brief(patient.onFinal(final(0, 0, 900))), ['Hello there.:final'])
  assert.deepEqual(brief(patient.onSettled(1_600)), [])
  assert.deepEqual(brief(patient.onSettled(1_700)), [':final+end'])
  assert.deepEqual(brief(patient.onSettled(3_000)), [])
  // Who goes on speaking has not ended.
  patient.onFinal(final(1, 3_000, 3_900))
  patient.onPartial(partial(2, 4_300, 4_500))
  assert.deepEqual(brief(patient.onSettled(9_000)), [])
  const never = new ListenUtterances({ ...WISHES, endpointingMs: undefined }, 'r')
  assert.deepEqual(brief(never.onFinal(final(0, 0, 900))), ['Hello there.:final'])
  assert.deepEqual(brief(never.onSettled(60_000)), [])
})

test('[LSN4] UtteranceEnd once, after so much silence behind the last word, and not while somebody speaks', () => {
  const utterances = new ListenUtterances({ ...WISHES, utteranceEndMs: 1_000 }, 'r')
  assert.deepEqual(utterances.onSettled(5_000), [])
  utterances.onFinal(final(0, 5_000, 5_900))
  assert.deepEqual(utterances.onSettled(6_800), [])
  utterances.onPartial(partial(1, 6_900, 7_000))
  assert.deepEqual(utterances.onSettled(8_000), [])
  utterances.onFinal(final(1, 6_900, 7_400))
  assert.deepEqual(utterances.onSettled(8_500), [{ type: 'UtteranceEnd', channel: [0, 1], last_word_end: 7.4 }])
  assert.deepEqual(utterances.onSettled(9_500), [])
})

test('[LSN5] the last result before a Finalize is marked, an empty one when there is none', () => {
  const utterances = new ListenUtterances(WISHES, 'r')
  utterances.onFinalizing()
  assert.deepEqual(brief(utterances.onFinalized(100)), [':final+end+finalize'])
  utterances.onFinalizing()
  assert.deepEqual(brief(utterances.onFinal(final(0, 0, 900))), [])
  assert.deepEqual(brief(utterances.onFinal(final(1, 1_000, 1_900))), ['Hello there.:final+end'])
  assert.deepEqual(brief(utterances.onFinalized(2_000)), ['Hello there.:final+end+finalize'])
  assert.deepEqual(brief(utterances.onFinal(final(2, 3_000, 3_900))), ['Hello there.:final+end'])
})
