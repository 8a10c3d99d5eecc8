// Both engines over a real server whose answers are the work of Apertium and harper, and over one that does what a test tells it.
import assert from 'node:assert/strict'
import { access } from 'node:fs/promises'
import { after, type TestContext, test } from 'node:test'
import { err, ok, systemClock } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { ProviderClients, type ProviderSettings } from '@parley/providers'
import type { FakeChat, FakeProviderOptions, FaultKind } from '@parley/providers/fake'
import { createTextChat } from '../../fake-provider/text-chat.ts'
import { guardedTranslator } from '../../guarded-engines.ts'
import { loadLanguageJudge } from '../../language-judge.ts'
import { API_KEY, chatSubject } from '../../testing/provider-subject.ts'
import { polisherContract, translatorContract } from '../../testing/text-engine-contract.ts'
import type { Polisher, TextAnswer, Translator } from '../../text-engine.ts'
import { ApertiumTranslator } from '../apertium/apertium-translator.ts'
import { HarperPolisher } from '../harper/harper-polisher.ts'
import { createProviderTextEngines } from './provider-text-engines.ts'

const skip = await access('/usr/share/apertium/modes/eng-spa.mode').then(
  () => undefined,
  () => 'apertium and its pairs are not installed',
)
const apertium = new ApertiumTranslator({ clock: systemClock })
const harper = new HarperPolisher({ clock: systemClock, maxChangedWords: 4 })
await Promise.all([apertium.start(), harper.start()])
const real = await chatSubject(createTextChat({ translators: [apertium], polishers: [harper] }))
after(async () => {
  await real.provider.close()
  await Promise.all([apertium.close(), harper.close()])
})

const breakDown = () => real.provider.dropConnections()

translatorContract('a chat model', {
  create: async (clock) => ({
    engine: real.engines(clock, { roles: ['translate'] }).translators[0] as Translator,
    breakDown,
  }),
  texts: [
    'Good morning.',
    'where is the train station',
    'I want a cup of coffee.',
    'The red house is old.',
    'My sister works in a hospital.',
    'Thank you very much!',
  ],
  pair: { from: 'en', to: 'es' },
  skip,
})

polisherContract('a chat model', {
  create: async (clock) => {
    const { translators, polishers } = real.engines(clock, { roles: ['polish'] })
    assert.equal(translators.length, 0)
    return { engine: polishers[0] as Polisher, breakDown }
  },
  texts: [
    'He go to work every day.',
    'She have a apple.',
    'They was late again.',
    'I could of gone there.',
    'This sentence is fine.',
    'We wants to see it.',
  ],
  language: 'en',
})

/** A model that knows a few sentences; each test may replace what it does. */
const PHRASES: Readonly<Record<string, string>> = {
  'Good morning, everyone.': 'Buenos d\u00edas a todos.',
  'The meeting starts at nine.': 'La reuni\u00f3n empieza a las nueve.',
}
const model: FakeChat = {
  answer: async ({ text, task }, isWrong) => {
    if (task === 'polish') return ok(text)
    if (isWrong) return ok('Die Sitzung beginnt um neun Uhr und dauert ungef\u00e4hr eine Stunde.')
    return ok(PHRASES[text] ?? `(${text})`)
  },
}

async function started(t: TestContext, more: Partial<FakeProviderOptions> = {}, chat = model) {
  const subject = await chatSubject(chat, more)
  const clock = new ManualClock()
  const { translators, polishers } = subject.engines(clock)
  const [translator, polisher] = [translators[0] as Translator, polishers[0] as Polisher]
  await translator.start()
  t.after(async () => {
    await Promise.all([translator.close(), polisher.close()])
    await subject.provider.close()
  })
  const translate = (text = 'Good morning, everyone.', deadlineMs = 30_000) =>
    translator.translate({ requestId: 'r', text, from: 'en', to: 'es', deadlineMs })
  return { ...subject, clock, translator, polisher, translate }
}

const CODES: readonly (readonly [FaultKind, string, RegExp])[] = [
  ['429', 'RATE_LIMITED', /answers 429/],
  ['429-silent', 'RATE_LIMITED', /answers 429/],
  ['500', 'ENGINE_FAILED', /answers 500/],
  ['close', 'ENGINE_FAILED', /broke off/],
  ['nonsense', 'ENGINE_FAILED', /answers|model/],
]

test('[OT10] refused, in trouble, cut off and nonsense are failures of their kinds; the next text is answered', async (t) => {
  const { provider, translate } = await started(t)
  for (const [fault, code, message] of CODES) {
    for (let round = 0; round < 4; round++) {
      provider.failNext(fault)
      const failed = await translate()
      assert.ok(!failed.ok, fault)
      assert.equal(failed.error.code, code)
      assert.match(failed.error.message, message)
      assert.doesNotMatch(failed.error.message, /key-of-the-tests|Good morning/)
      assert.equal(failed.error.retryAfterMs, fault === '429' ? 1_000 : undefined)
      const answered = await translate()
      assert.equal(answered.ok && answered.value.text, 'Buenos d\u00edas a todos.')
    }
  }
})

test('[OT10] a provider that hangs, or answers a byte a second, is too slow at the deadline or at its own limit', async (t) => {
  const { provider, clock, translate } = await started(t)
  for (const [fault, deadlineMs] of [
    ['hang', 2_000],
    ['slow', 2_000],
    ['hang', 600_000],
  ] as const) {
    const before = provider.stats().faults[fault] ?? 0
    provider.failNext(fault)
    const asking = translate('The meeting starts at nine.', deadlineMs)
    await eventually(() => ((provider.stats().faults[fault] ?? 0) > before ? undefined : 'nothing was asked'))
    clock.advance(Math.min(deadlineMs, 60_000))
    const late = await asking
    assert.equal(!late.ok && late.error.code, 'DEADLINE')
    assert.ok((await translate()).ok)
  }
})

test('[OT10] the wrong language is refused by the guards that stand over every engine', { skip }, async (t) => {
  const { provider, translator } = await started(t)
  const guarded = guardedTranslator(translator, await loadLanguageJudge())
  const request = { requestId: 'r', text: 'The meeting starts at nine.', from: 'en', to: 'es', deadlineMs: 10_000 }
  provider.failNext('wrong-language')
  const refused = await guarded.translate(request)
  assert.equal(!refused.ok && refused.error.code, 'REFUSED_LANGUAGE')
  assert.ok(!refused.ok && (refused.error.usage?.inputTokens ?? 0) > 0)
  assert.equal((await guarded.translate(request)).ok, true)
})

test('[OT11] what an answer cost is told, also of one that is of no use', async (t) => {
  let answer = 'Buenos d\u00edas.'
  const { translate, provider } = await started(t, {}, { answer: async () => ok(answer) })
  const good = await translate()
  const { inputTokens = 0, outputTokens = 0 } = (good.ok && good.value.usage) || {}
  const { chat } = provider.stats().routes
  assert.deepEqual([inputTokens, outputTokens], [chat.inputTokens, chat.outputTokens])
  assert.ok(inputTokens > 50 && inputTokens < 250, `${inputTokens} tokens of prompt`)
  answer = 'far too long '.repeat(2_000)
  const long = await translate()
  assert.equal(!long.ok && long.error.code, 'REFUSED_LONG')
  assert.ok(!long.ok && (long.error.usage?.outputTokens ?? 0) > 0)
})

test('[OT12] one text is one call, whatever its length', async (t) => {
  const { translate, provider } = await started(t)
  const long = 'This is a sentence of some length. '.repeat(2_900)
  const answered = await translate(long)
  assert.ok(answered.ok && answered.value.text.length > 100_000)
  assert.equal(provider.stats().routes.chat.requests, 1)
  const refused = await translate('x'.repeat(131_073))
  assert.equal(!refused.ok && refused.error.code, 'TEXT_INVALID')
  for (const text of ['', '...', '12:30', '\u{1f600}']) assert.deepEqual(await translate(text), ok({ text }))
  assert.equal(provider.stats().routes.chat.requests, 1)
})

test('[OT12] a text that a model takes no more of is invalid, not a broken engine', async (t) => {
  const { provider, translate } = await started(t)
  await provider.close()
  const { createServer } = await import('node:http')
  const body = {
    error: { message: "This model's maximum context length is 8192 tokens", code: 'context_length_exceeded' },
  }
  const server = createServer((_, reply) => void reply.writeHead(400).end(JSON.stringify(body)))
  await new Promise<void>((resolve) => server.listen(Number(new URL(provider.url).port), '127.0.0.1', resolve))
  t.after(() => server.close())
  const refused = await translate()
  assert.equal(!refused.ok && refused.error.code, 'TEXT_INVALID')
  server.closeAllConnections()
})

test('[OT13] a wrong or absent key, and no connection, are a status; it is ready again when they are mended', async (t) => {
  const { provider, settings } = await started(t)
  for (const apiKey of ['hunter2', undefined]) {
    const clock = new ManualClock()
    const keyed: ProviderSettings = { ...settings, apiKey, roles: ['translate'] }
    const [translator] = createProviderTextEngines([keyed], { clock }).translators
    assert.ok(translator)
    t.after(() => translator.close())
    await translator.start()
    const { ready, problem = '' } = translator.status()
    assert.equal(ready, false)
    assert.match(problem, /acme: .*answers 401.*apiKey/)
    assert.doesNotMatch(problem, /hunter2/)
    const refused = await translator.translate({
      requestId: 'r',
      text: 'hello',
      from: 'en',
      to: 'es',
      deadlineMs: 1_000,
    })
    assert.equal(!refused.ok && refused.error.code, 'ENGINE_UNAVAILABLE')
  }
  assert.equal(provider.stats().routes.chat.requests, 0)
  const clock = new ManualClock()
  const nowhere: ProviderSettings = { ...settings, baseUrl: 'http://no-such-host.invalid/v1', roles: ['translate'] }
  const { translators } = createProviderTextEngines([nowhere], { clock })
  await translators[0]?.start()
  assert.match(translators[0]?.status().problem ?? '', /no-such-host\.invalid is not known/)
  await translators[0]?.close()
  assert.equal(clock.pendingTimers, 0)
})

test('[OT13] a provider that goes away is noticed by who asks, looked for, and used again', async (t) => {
  const { provider, translate, translator, clock, settings } = await started(t)
  let changes = 0
  const forget = translator.onChange(() => changes++)
  await provider.close()
  const failed = await translate()
  assert.equal(!failed.ok && failed.error.code, 'ENGINE_UNAVAILABLE')
  assert.equal(translator.status().ready, false)
  assert.equal(changes, 1)
  const again = await chatSubject(model, { port: Number(new URL(settings.baseUrl).port) })
  t.after(() => again.provider.close())
  await eventually(async () => {
    await clock.advanceAsync(10_000)
    return translator.status().ready ? undefined : 'it is not ready'
  })
  assert.ok((await translate()).ok)
  forget()
})

test('[OT14] engines of one provider share its connections, which go with the last that uses them', async (t) => {
  const { settings, provider } = await chatSubject(model)
  t.after(() => provider.close())
  const clock = new ManualClock()
  const own = createProviderTextEngines([settings], { clock })
  const [translator, polisher] = [own.translators[0] as Translator, own.polishers[0] as Polisher]
  await Promise.all([translator.start(), polisher.start()])
  assert.equal(provider.stats().routes.models.requests, 2)
  await translator.close()
  const polish = { requestId: 'r', text: 'fine.', language: 'en', deadlineMs: 1_000 }
  const polished = (await polisher.polish(polish)) as { value: TextAnswer }
  assert.deepEqual([polished.value.text, polished.value.changedWords], ['fine.', 0])
  await polisher.close()
  assert.equal(clock.pendingTimers, 0)
  const clients = new ProviderClients({ clock, providers: [settings] })
  const elsewhere = clients.lease('acme')
  assert.equal(clients.lease('nobody'), undefined)
  const lent = createProviderTextEngines([settings, { ...settings, id: 'dg', protocol: 'deepgram' }], {
    clock,
    clients,
  })
  assert.deepEqual(
    [...lent.translators, ...lent.polishers].map(({ name, kind }) => `${name} ${kind}`),
    ['acme translate', 'acme polish'],
  )
  await lent.translators[0]?.start()
  await Promise.all([...lent.translators, ...lent.polishers].map((engine) => engine.close()))
  assert.ok(clock.pendingTimers > 0)
  await Promise.all([elsewhere?.release(), elsewhere?.release()])
  assert.equal(clock.pendingTimers, 0)
  await eventually(() => (provider.stats().connections.open > 0 ? 'connections are left' : undefined))
})

test('[OT15] pairs and languages are any that a tag can name', async (t) => {
  const { translator, polisher } = await started(t)
  assert.deepEqual(
    [translator.status().pairs, polisher.status().languages, translator.status().provider],
    [undefined, undefined, 'acme'],
  )
  for (const [from, to] of [
    ['en', 'en'],
    ['en', 'not a tag'],
    ['', 'es'],
  ] as const) {
    const refused = await translator.translate({ requestId: 'r', text: 'hello', from, to, deadlineMs: 1_000 })
    assert.equal(!refused.ok && refused.error.code, 'PAIR_UNSUPPORTED')
  }
  const polished = await polisher.polish({ requestId: 'r', text: 'hello', language: '?', deadlineMs: 1_000 })
  assert.equal(!polished.ok && polished.error.code, 'PAIR_UNSUPPORTED')
})

test('[FPR4] without an engine behind it the fake says so', async (t) => {
  const { translate } = await started(
    t,
    {},
    { answer: async () => err('apertium is not installed: apt-get install apertium') },
  )
  const failed = await translate()
  assert.ok(!failed.ok && /apertium is not installed/.test(failed.error.message))
  assert.equal(API_KEY.length > 0, true)
})
