import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SENTENCES, synthesise } from '@parley/audio/testing'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { SynthesisError, type Synthesiser } from '../../synthesiser.ts'
import { engineSubject } from '../../testing/engine-subject.ts'
import { allOf, synthesiserContract } from '../../testing/synthesiser-contract.ts'
import { createFliteSynthesiser, fliteEngine } from './flite-synthesiser.ts'

synthesiserContract('flite', {
  create: async (clock, slots) => engineSubject(fliteEngine({ threads: 2 }), { clock, slots }),
  voices: ['slt', 'kal'],
  unknownLanguage: 'fr',
  sentences: SENTENCES.map((sentence) => `${sentence}.`),
})

const TROUBLE = new URL('../../testing/trouble-thread.ts', import.meta.url)

const speak = (synthesiser: Synthesiser, text: string, voice = 'slt') => {
  const asked = synthesiser.speak({ requestId: 'r', text, voice })
  assert.ok(asked.ok)
  return asked.value
}

test('[FL2] each voice says what flite says, at its own rate', async (t) => {
  const synthesiser = createFliteSynthesiser({ clock: new ManualClock(), slots: 1, threads: 1 })
  t.after(() => synthesiser.close())
  await synthesiser.start()
  for (const voice of ['slt', 'rms', 'awb', 'kal16'] as const) {
    const speech = speak(synthesiser, 'short and good', voice)
    assert.equal(speech.sampleRateHz, 16_000)
    assert.deepEqual(await allOf(speech), await synthesise('short and good', voice))
  }
  const phone = speak(synthesiser, 'short and good', 'kal')
  assert.equal(phone.sampleRateHz, 8_000)
  const seconds = (await allOf(phone)).length / 8_000
  assert.ok(seconds > 0.5 && seconds < 3, `${seconds} s`)
})

test('[FL3] a thread that ends or throws under a piece fails that speech only; another takes its place', async (t) => {
  const clock = new ManualClock()
  const subject = engineSubject(fliteEngine({ threads: 1, threadUrl: TROUBLE }), { clock, slots: 2 })
  const { synthesiser, makers } = subject
  t.after(() => synthesiser.close())
  await synthesiser.start()
  assert.equal(synthesiser.status().ready, true)
  for (const [text, message] of [
    ['please exit', /its thread ended/],
    ['please throw', /thrown on demand/],
    ['please refuse', /refused on demand/],
  ] as const) {
    await assert.rejects(allOf(speak(synthesiser, text)), (error) => {
      assert.ok(error instanceof SynthesisError)
      assert.match(error.message, message)
      return true
    })
    assert.ok((await allOf(speak(synthesiser, 'hello'))).length > 0)
  }
  // A thread that only refused a text goes on.
  assert.equal(makers.length, 3)
})

test('[FL3] a thread that hangs is ended at the deadline of its piece and replaced', async (t) => {
  const clock = new ManualClock()
  const { synthesiser, makers } = engineSubject(fliteEngine({ threads: 1, threadUrl: TROUBLE }), { clock, slots: 2 })
  t.after(() => synthesiser.close())
  await synthesiser.start()
  const stuck = speak(synthesiser, 'please hang')
  const pending = stuck.next()
  const waiting = allOf(speak(synthesiser, 'hello'))
  clock.advance(60_000)
  await assert.rejects(pending, SynthesisError)
  assert.ok((await waiting).length > 0)
  assert.equal(makers.length, 2)
  await synthesiser.close()
  await eventually(() => (clock.pendingTimers > 0 ? 'a timer is left' : undefined))
})

test('[FL3] threads that cannot start are a status, not a crash, and are tried again', async (t) => {
  const clock = new ManualClock()
  const synthesiser = createFliteSynthesiser({
    clock,
    slots: 1,
    threads: 2,
    threadUrl: new URL('./no-such-thread.ts', import.meta.url),
  })
  t.after(() => synthesiser.close())
  await synthesiser.start()
  const { ready, problem } = synthesiser.status()
  assert.equal(ready, false)
  assert.match(problem ?? '', /no-such-thread/)
  const refused = synthesiser.speak({ requestId: 'r', text: 'x' })
  assert.ok(!refused.ok && refused.error.code === 'SPEECH_UNAVAILABLE' && refused.error.retryAfterMs === 15_000)
  clock.advance(15_000)
  synthesiser.speak({ requestId: 'r', text: 'x' })
  assert.equal(synthesiser.status().problem, undefined)
  await synthesiser.start()
  assert.match(synthesiser.status().problem ?? '', /no-such-thread/)
})

test('[SY14] closed while it is loading, it never becomes ready and leaves nobody waiting', async () => {
  const clock = new ManualClock()
  const early = createFliteSynthesiser({ clock, slots: 1, threads: 2 })
  const starting = early.start()
  await early.close()
  await starting
  const late = createFliteSynthesiser({ clock, slots: 1, threads: 2 })
  const loading = late.start()
  await eventually(() => (clock.pendingTimers === 0 ? 'its threads are not at work yet' : undefined))
  await late.close()
  await loading
  assert.deepEqual([early.status().ready, late.status().ready, clock.pendingTimers], [false, false, 0])
})
