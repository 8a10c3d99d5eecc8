import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { SENTENCES } from '@parley/audio/testing'
import { type Clock, systemClock } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { startFakeProvider } from '@parley/providers/fake'
import { SynthesisError } from '../../synthesiser.ts'
import { engineSubject } from '../../testing/engine-subject.ts'
import { providerSubject } from '../../testing/provider-subject.ts'
import { allOf, synthesiserContract } from '../../testing/synthesiser-contract.ts'
import { OpenAiSynthesiser, openAiSpeechEngine } from './openai-synthesiser.ts'
import { providerVoices } from './provider-voices.ts'

const fake = await providerSubject({ hasVoice: true })
after(() => fake.close())

synthesiserContract('a provider of the OpenAI protocol', {
  async create(clock, slots) {
    const lease = fake.lease()
    const options = { clock, slots, lease }
    return engineSubject(
      openAiSpeechEngine(lease.client),
      options,
      (maker) => void maker.close(),
      (engine) => new OpenAiSynthesiser(options, engine),
    )
  },
  voices: ['fake-alloy', 'fake-echo'],
  unknownLanguage: 'fr',
  sentences: SENTENCES.map((sentence) => `${sentence}.`),
})

async function started(more: Parameters<typeof providerSubject>[0] = {}, clientClock: Clock = systemClock) {
  const subject = await providerSubject({ hasVoice: true, ...more })
  const clock = new ManualClock()
  const synthesiser = new OpenAiSynthesiser({ clock, slots: 4, lease: subject.lease(clientClock) })
  await synthesiser.start()
  const speak = (text: string, voice = 'fake-alloy') => {
    const asked = synthesiser.speak({ requestId: 'r', text, voice })
    if (!asked.ok) throw new Error(asked.error.message)
    return asked.value
  }
  const close = async () => {
    await synthesiser.close()
    await subject.close()
  }
  return { ...subject, synthesiser, speak, close }
}

test('[OA1] voices are named after the provider; one that speaks several languages is there once for each', () => {
  const voices = providerVoices('acme', ['alloy', 'alloy:es', ' nova : ca ', 'alloy', ':es', ''])
  assert.deepEqual(
    voices.map(({ name, id, language, engine }) => [name, id, language, engine]),
    [
      ['acme-alloy', 'alloy', 'en', 'acme'],
      ['acme-alloy-es', 'alloy', 'es', 'acme'],
      ['acme-nova-ca', 'nova', 'ca', 'acme'],
    ],
  )
})

test('[OA2] nothing is said, and paid for, before somebody asks', async (t) => {
  const { provider, close, speak } = await started()
  t.after(close)
  assert.equal(provider.stats().routes.speech.requests, 0)
  assert.ok((await allOf(speak('hello.'))).length > 5_000)
  assert.equal(provider.stats().routes.speech.requests, 1)
})

test('[OA3] each way to fail under a speech is told as such; the next speech works', async (t) => {
  const clock = new ManualClock()
  const { provider, close, speak, settings } = await started({}, clock)
  t.after(close)
  for (const [fault, message] of [
    ['429', /answers 429/],
    ['429-silent', /answers 429/],
    ['500', /answers 500/],
    ['hang', /not begun to answer/],
    ['slow', /not (begun|finished) (to|its) answer/],
    ['close', /broke off/],
    ['nonsense', /where audio should be/],
  ] as const) {
    provider.failNext(fault)
    const speaking = allOf(speak('one two three.'))
    const told = assert.rejects(speaking, (error: Error) => {
      assert.ok(error instanceof SynthesisError, fault)
      assert.match(error.message, message, fault)
      assert.doesNotMatch(error.message, /key-of-the-tests/)
      return true
    })
    if (fault === 'hang' || fault === 'slow') {
      await eventually(() => (provider.stats().faults[fault] === 1 ? undefined : 'nothing was asked'))
      clock.advance(settings.timeoutMs ?? 0)
    }
    await told
    assert.ok((await allOf(speak('four.'))).length > 0, fault)
  }
})

test('[OA4] cancelled, the call ends at the provider too', async (t) => {
  const { provider, close, speak } = await started({ fake: { latency: { p50Ms: 60_000, p95Ms: 60_000 } } })
  t.after(close)
  const speech = speak('one two three.')
  const pending = speech.next()
  await eventually(() => (provider.stats().routes.speech.inFlight === 0 ? 'nothing was asked' : undefined))
  speech.cancel()
  assert.equal(await pending, undefined)
  await eventually(() => (provider.stats().routes.speech.abandoned === 0 ? 'the call goes on' : undefined))
})

test('[OA5] a provider that is away is a status and a refusal, and is used again when it is back', async (t) => {
  const { lease, close } = await started({ settings: { apiKey: 'another' } })
  t.after(close)
  const wrongKey = new OpenAiSynthesiser({ clock: new ManualClock(), slots: 1, lease: lease() })
  await wrongKey.start()
  const { ready, problem } = wrongKey.status()
  assert.equal(ready, false)
  assert.match(problem ?? '', /fake: .*answers 401.*apiKey/)
  assert.doesNotMatch(problem ?? '', /another/)
  const refused = wrongKey.speak({ requestId: 'r', text: 'x' })
  assert.ok(!refused.ok && refused.error.code === 'SPEECH_UNAVAILABLE' && (refused.error.retryAfterMs ?? 0) > 0)
  await wrongKey.close()
})

test('[OA5] a provider that went away and came back is used again', async (t) => {
  const { provider, synthesiser, lease, settings, close } = await started()
  t.after(close)
  const lent = lease()
  const other = lent.client
  const own = new OpenAiSynthesiser({ clock: new ManualClock(), slots: 1, lease: lent })
  await own.start()
  assert.equal(own.status().ready, true)
  await provider.close()
  await other.check()
  assert.match(own.status().problem ?? '', /accepts no connection/)
  const refused = own.speak({ requestId: 'r', text: 'x' })
  assert.ok(!refused.ok && refused.error.code === 'SPEECH_UNAVAILABLE')
  const port = Number(new URL(settings.baseUrl).port)
  const back = await startFakeProvider({ clock: systemClock, port, backing: {} })
  t.after(() => back.close())
  await other.check()
  assert.deepEqual([own.status().ready, own.status().problem], [true, undefined])
  await own.close()
  assert.equal(synthesiser.status().slotsUsed, 0)
})
