import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import { ScriptedSynthesiser } from '../testing/scripted-synthesiser.ts'
import { synthesiserContract } from '../testing/synthesiser-contract.ts'
import { SynthesiserSet } from './synthesiser-set.ts'

const PROBLEM = 'other is not installed: apt-get install other'

function setOf(options: { readonly slots?: number; readonly isOtherMissing?: boolean } = {}) {
  const clock = new ManualClock()
  const english = new ScriptedSynthesiser({
    clock,
    slots: 100,
    voices: [{ name: 'one', language: 'en-US', engine: 'english' }],
  })
  const other = new ScriptedSynthesiser({
    clock,
    slots: 100,
    voices: options.isOtherMissing
      ? []
      : [
          { name: 'two', language: 'es', engine: 'other' },
          { name: 'three', language: 'en-GB', engine: 'other' },
        ],
    ...(options.isOtherMissing ? { problem: PROBLEM } : {}),
  })
  return new SynthesiserSet({ engines: [english, other], slots: options.slots ?? 2 })
}

const SENTENCES = Array.from(
  { length: 9 },
  (_, at) => `${'abcdefghi'[at]} sentence of number ${at}, which takes a while to say.`,
)

synthesiserContract('a set of two', {
  async create(clock, slots) {
    const engines = ['en-US', 'es'].map(
      (language) =>
        new ScriptedSynthesiser({
          clock,
          slots: 100,
          voices: [{ name: `speaks-${language}`, language, engine: language }],
        }),
    )
    const synthesiser = new SynthesiserSet({ engines, slots })
    return { synthesiser, breakDown: (requestId) => engines.forEach((engine) => void engine.fail(requestId)) }
  },
  voices: ['speaks-en-US', 'speaks-es'],
  unknownLanguage: 'fr',
  sentences: SENTENCES,
})

const speaker = (set: SynthesiserSet, request: { readonly voice?: string; readonly language?: string }) => {
  const asked = set.speak({ requestId: 'r', text: 'abc', ...request })
  if (!asked.ok) return asked.error.code
  asked.value.cancel()
  return asked.value.voice.name
}

test('[SY40] the name of a voice picks its engine, else the first engine that has the language', () => {
  const set = setOf()
  assert.equal(speaker(set, { voice: 'two' }), 'two')
  assert.equal(speaker(set, {}), 'one')
  assert.equal(speaker(set, { language: 'en' }), 'one')
  assert.equal(speaker(set, { language: 'es-MX' }), 'two')
  assert.equal(speaker(set, { language: 'en-GB' }), 'three')
  assert.equal(speaker(set, { language: 'en-AU' }), 'one')
  assert.equal(speaker(set, { language: 'fr' }), 'LANGUAGE_UNSUPPORTED')
  assert.equal(speaker(set, { voice: 'nobody' }), 'VOICE_UNKNOWN')
})

test('[SY41] slots are shared by all engines and can be made more or fewer', () => {
  const set = setOf({ slots: 1 })
  const first = set.speak({ requestId: 'r', text: 'abc', voice: 'one' })
  assert.ok(first.ok)
  assert.equal(speaker(set, { voice: 'two' }), 'NO_SLOT')
  set.resize(2)
  assert.equal(speaker(set, { voice: 'two' }), 'two')
  set.resize(0)
  assert.deepEqual([set.status().slots, set.status().slotsUsed], [0, 1])
  first.value.cancel()
  assert.equal(speaker(set, { voice: 'one' }), 'NO_SLOT')
})

test('[SY42] a set with an engine missing is ready with the rest, and says what is missing', () => {
  const set = setOf({ isOtherMissing: true })
  const { ready, problem, languages } = set.status()
  assert.deepEqual({ ready, problem, languages }, { ready: true, problem: PROBLEM, languages: ['en-US'] })
  assert.equal(speaker(set, {}), 'one')
  const refused = set.speak({ requestId: 'r', text: 'abc', language: 'es' })
  assert.ok(!refused.ok && refused.error.code === 'LANGUAGE_UNSUPPORTED')
  assert.ok(refused.error.message.includes(PROBLEM))
  const none = new SynthesiserSet({
    engines: [new ScriptedSynthesiser({ clock: new ManualClock(), slots: 1, voices: [], problem: PROBLEM })],
    slots: 1,
  })
  assert.equal(none.status().ready, false)
  const unavailable = none.speak({ requestId: 'r', text: 'abc' })
  assert.ok(!unavailable.ok && unavailable.error.code === 'SPEECH_UNAVAILABLE')
  assert.equal(unavailable.error.message, PROBLEM)
})

test('[SY42] a set says that more voices may come while one of its engines is loading, not when one is broken', async () => {
  const clock = new ManualClock()
  const quick = new ScriptedSynthesiser({ clock, slots: 1, voices: [{ name: 'a', language: 'en', engine: 'quick' }] })
  const slow = new ScriptedSynthesiser({ clock, slots: 1, voices: [{ name: 'b', language: 'es', engine: 'slow' }] })
  const load = Promise.withResolvers<void>()
  let slowStatus: { readonly ready: boolean; readonly problem?: string } = { ready: false }
  slow.start = () => load.promise
  const status = slow.status.bind(slow)
  slow.status = () => ({ ...status(), voices: [], ...slowStatus })
  const set = new SynthesiserSet({ engines: [quick, slow], slots: 1 })
  const starting = set.start()
  assert.equal(set.status().isLoading, true)
  slowStatus = { ready: false, problem: 'not installed' }
  assert.equal(set.status().isLoading, false)
  slowStatus = { ready: true }
  load.resolve()
  await starting
  assert.equal(set.status().isLoading, false)
  await set.close()
})

test('[SY44] an order for a language says who may speak it and who is asked first', () => {
  const clock = new ManualClock()
  const engine = (name: string, language: string) => {
    const made = new ScriptedSynthesiser({
      clock,
      slots: 9,
      voices: [{ name: `${name}-voice`, language, engine: name }],
    })
    return Object.defineProperty(made, 'name', { value: name })
  }
  const engines = [engine('first', 'en-US'), engine('second', 'en-GB'), engine('third', 'en')]
  const order = (language: string) => (language === 'en' ? ['nobody', 'second', 'first'] : undefined)
  const set = new SynthesiserSet({ engines, slots: 9, order })
  assert.equal(speaker(set, {}), 'second-voice')
  assert.equal(speaker(set, { language: 'en-US' }), 'first-voice')
  assert.equal(speaker(set, { voice: 'third-voice' }), 'third-voice')
  const none = new SynthesiserSet({ engines, slots: 9, order: () => ['nobody'] })
  assert.equal(speaker(none, {}), 'LANGUAGE_UNSUPPORTED')
})
