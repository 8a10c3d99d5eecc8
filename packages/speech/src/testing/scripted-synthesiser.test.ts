import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import { SynthesisError } from '../synthesiser.ts'
import { SCRIPTED_CHAR_MS, ScriptedSynthesiser, scriptedTone } from './scripted-synthesiser.ts'
import { allOf, synthesiserContract } from './synthesiser-contract.ts'

const SENTENCES = Array.from(
  { length: 9 },
  (_, at) => `${'abcdefghi'[at]} sentence that is number ${at} of a few and takes a while to say.`,
)

synthesiserContract('the scripted synthesiser', {
  async create(clock, slots) {
    const synthesiser = new ScriptedSynthesiser({ clock, slots })
    return { synthesiser, breakDown: (requestId) => synthesiser.fail(requestId) }
  },
  voices: ['scripted', 'guion'],
  unknownLanguage: 'fr',
  sentences: SENTENCES,
})

test('[SY3] the double says a tone for each letter and silence for the rest', async () => {
  const synthesiser = new ScriptedSynthesiser({ clock: new ManualClock(), slots: 1 })
  const speech = synthesiser.speak({ requestId: 'r', text: 'a b' })
  assert.ok(speech.ok)
  const tones = ['a', ' ', 'b'].flatMap((character) => [...scriptedTone(character)])
  assert.deepEqual([...(await allOf(speech.value))], tones)
  await synthesiser.close()
})

test('[SY12] the double takes its time and breaks when told to, with and without somebody waiting', async () => {
  const clock = new ManualClock()
  const options = { clock, slots: 2, chunkDelayMs: SCRIPTED_CHAR_MS }
  const synthesiser = new ScriptedSynthesiser({
    ...options,
    failAfterChunks: ({ requestId }) => (requestId === 'short' ? 1 : undefined),
  })
  const asked = synthesiser.speak({ requestId: 'r', text: 'abc' })
  assert.ok(asked.ok)
  const first = asked.value.next()
  clock.advance(SCRIPTED_CHAR_MS)
  assert.ok(await first)
  const second = asked.value.next()
  synthesiser.fail('r', 'pulled the plug')
  await assert.rejects(second, { name: 'SynthesisError', message: 'pulled the plug' })
  assert.equal(await asked.value.next(), undefined)
  const short = synthesiser.speak({ requestId: 'short', text: 'abc' })
  assert.ok(short.ok)
  const only = short.value.next()
  clock.advance(SCRIPTED_CHAR_MS)
  await only
  const broken = short.value.next()
  clock.advance(SCRIPTED_CHAR_MS)
  await assert.rejects(broken, SynthesisError)
  const idle = synthesiser.speak({ requestId: 'idle', text: 'abc' })
  assert.ok(idle.ok)
  synthesiser.fail('idle')
  await assert.rejects(idle.value.next(), SynthesisError)
  assert.equal(synthesiser.status().slotsUsed, 0)
  await synthesiser.close()
  assert.equal(clock.pendingTimers, 0)
})

test('[SY1] a double whose engine is missing says so and refuses', () => {
  const synthesiser = new ScriptedSynthesiser({ clock: new ManualClock(), slots: 1, problem: 'not installed: do this' })
  assert.deepEqual([synthesiser.status().ready, synthesiser.status().problem], [false, 'not installed: do this'])
  const refused = synthesiser.speak({ requestId: 'r', text: 'abc' })
  assert.ok(!refused.ok && refused.error.code === 'SPEECH_UNAVAILABLE')
  assert.equal(refused.error.message, 'not installed: do this')
})
