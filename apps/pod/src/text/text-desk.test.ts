import assert from 'node:assert/strict'
import { test } from 'node:test'
import { APERTIUM, deskRig, HARPER, OPENAI, OPENAI_PROVIDER } from '../testing/text/desk-rig.ts'

const LIMITED = { ...OPENAI_PROVIDER, requestsPerMinute: 67 } // 60 are used

test('[TS1] a text is answered once, with the engine and how; a partial too', async (t) => {
  const { workers, ask, pass } = await deskRig(t, {}, APERTIUM, HARPER)
  const final = ask({ text: 'good morning', to: 'ca' })
  assert.deepEqual(workers.last.ask.need, { kind: 'translate', from: 'en', to: 'ca' })
  assert.deepEqual([workers.last.ask.isFinal, workers.last.ask.engine], [true, 'apertium'])
  workers.last.answer('bon dia')
  workers.last.answer('again')
  const partial = ask({ kind: 'polish', isFinal: false, text: 'i is here' })
  workers.last.answer('I am here')
  await pass(60_000)
  assert.deepEqual(final.outcomes, [{ is: 'done', text: 'bon dia', engine: 'apertium', isCached: false }])
  assert.equal(partial.word, 'I am here')
})

test('[TS1] after cancel nothing is told, whatever the state: waiting, under way, known already, refused', async (t) => {
  const { workers, ask, pass } = await deskRig(t, {}, APERTIUM)
  const known = ask()
  workers.last.answer()
  workers.slots = 1
  const underWay = ask({ text: 'one' })
  const all = [underWay, ask({ text: 'two' }), ask(), ask({ text: '' }), ask({ isFinal: false, text: 'three' })]
  for (const each of all) each.cancel()
  for (const each of all) each.cancel()
  assert.equal(workers.size, 0)
  await pass(60_000)
  assert.deepEqual(
    all.flatMap(({ outcomes }) => outcomes),
    [],
  )
  assert.equal(known.outcomes.length, 1)
})

test('[TS1] everything cancelled a hundred times in the middle of everything leaves nothing behind', async (t) => {
  const { desk, workers, ask, pass } = await deskRig(t, { providers: [LIMITED] }, OPENAI, APERTIUM)
  for (let round = 0; round < 100; round++) {
    const all = Array.from({ length: 20 }, (_, n) =>
      ask({ text: `text ${round} ${n}`, isFinal: n % 2 === 0, sessionId: `ses_${n % 3}` }),
    )
    workers.open()[0]?.answer()
    workers.open()[0]?.fail('ENGINE_FAILED')
    await pass(30)
    for (const each of all) each.cancel()
    assert.deepEqual([workers.size, desk.report().jobs], [0, { called: 0, waiting: 0, parked: 0, resting: 0 }])
  }
  const [budget] = desk.report().budgets
  assert.deepEqual([budget?.used.partials, budget?.used.finals], [0, 0])
})

test('[TS2, TS12] asked at the same time it is one call, afterwards it is known; another tenant asks for itself', async (t) => {
  const { desk, workers, ask, pass } = await deskRig(t, {}, APERTIUM)
  const same = [ask(), ask({ sessionId: 'ses_b' }), ask({ text: ' hello ' })]
  const other = ask({ tenant: 'other' })
  assert.equal(workers.calls.length, 2)
  workers.calls[0]?.answer('hola')
  workers.calls[1]?.answer('hola, otro')
  const [later, otherLater] = [ask(), ask({ tenant: 'other' })]
  assert.equal(workers.calls.length, 2)
  await pass(0)
  assert.deepEqual(
    [...same, later].map(({ word }) => word),
    ['hola', 'hola', 'hola', 'hola'],
  )
  assert.deepEqual([other.word, otherLater.word], ['hola, otro', 'hola, otro'])
  assert.equal(later.outcomes[0]?.is === 'done' && later.outcomes[0].isCached, true)
  assert.deepEqual([desk.report().counters.final.shared, desk.report().cache.final.hits], [2, 2])
})

test('[TS2] a partial whose text turns out to be final waits as a final, and is tried again as one', async (t) => {
  const { workers, ask, pass } = await deskRig(t, {}, APERTIUM)
  const partial = ask({ isFinal: false })
  const final = ask({ isFinal: true })
  assert.equal(workers.calls.length, 1)
  workers.last.fail('ENGINE_FAILED')
  await pass(2_000, 100)
  assert.deepEqual([workers.calls.length, workers.last.ask.isFinal, partial.word], [2, true, '-'])
  workers.last.answer('hola')
  assert.deepEqual([partial.word, final.word], ['hola', 'hola'])
})

test('[TS2] when the one it waited for is gone, it waits for the other; when both are, it is cancelled', async (t) => {
  const { workers, ask, pass } = await deskRig(t, {}, APERTIUM)
  workers.slots = 1
  ask({ text: 'first' })
  const [one, other] = [ask({ sessionId: 'ses_a' }), ask({ sessionId: 'ses_b', isFinal: false })]
  one.cancel()
  workers.last.answer()
  assert.deepEqual([workers.last.ask.text, workers.last.ask.isFinal], ['hello', false])
  other.cancel()
  assert.equal(workers.cancelled, 1)
  await pass(0)
})

test('[TS3] the first that is ready is asked; one whose budget would take too long is passed over while another is there', async (t) => {
  const { workers, ask, pass } = await deskRig(t, { providers: [LIMITED] }, OPENAI, APERTIUM)
  const engines: string[] = []
  workers.onCall = (call) => {
    engines.push(call.ask.engine)
    queueMicrotask(() => call.answer())
  }
  const all = Array.from({ length: 12 }, (_, n) => ask({ text: `text ${n}`, to: 'es' }))
  await pass(3_000, 100)
  assert.ok(all.every(({ outcomes }) => outcomes[0]?.is === 'done'))
  assert.equal(engines[0], 'openai')
  assert.ok(engines.filter((engine) => engine === 'apertium').length >= 6, engines.join(' '))
  const german = Array.from({ length: 4 }, (_, n) => ask({ text: `text ${n}`, to: 'de' }))
  await pass(10_000, 100)
  assert.ok(
    german.every(({ outcomes }) => outcomes[0]?.is === 'done'),
    'what only one can do waits for it',
  )
  assert.equal(engines.slice(-4).join(), 'openai,openai,openai,openai')
})

test('[TS3, TS4] without room a partial is skipped after its wait, one under way may still come, a final waits on', async (t) => {
  const { desk, workers, ask, pass } = await deskRig(t, {}, APERTIUM)
  workers.slots = 1
  const underWay = ask({ text: 'slow', isFinal: false })
  const [partial, final] = [ask({ text: 'b', isFinal: false }), ask({ text: 'c' })]
  await pass(1_999)
  assert.equal(partial.word, '-')
  await pass(1)
  assert.equal(partial.word, 'skipped budget')
  await pass(1_000)
  workers.calls[0]?.answer()
  workers.last.answer('c!')
  assert.deepEqual([underWay.word, final.word], ['slow (es)', 'c!'])
  assert.equal(desk.report().counters.final.delayed, 1)
})

test('[TS3] while nothing is known of any engine partials are skipped, finals wait and are answered when one comes', async (t) => {
  const { workers, ask, pass } = await deskRig(t, {})
  const [partial, final] = [ask({ isFinal: false }), ask()]
  await pass(10_000)
  assert.deepEqual([partial.word, final.word], ['skipped failed', '-'])
  workers.setEngines({ ...APERTIUM, ready: false })
  assert.equal(workers.calls.length, 0)
  workers.setEngines(APERTIUM)
  workers.last.answer('hola')
  assert.equal(final.word, 'hola')
})

test('[TS4] a final that waits long for a busy engine goes to the next in the order', async (t) => {
  const { workers, ask, pass } = await deskRig(t, { providers: [OPENAI_PROVIDER] }, OPENAI, APERTIUM)
  const hanging = [ask({ text: 'a' }), ask({ text: 'b' })]
  const final = ask({ text: 'c' })
  assert.equal(workers.size, 2, 'two finals at a time')
  await pass(2_000)
  assert.deepEqual([workers.size, workers.last.ask.engine, workers.last.ask.text], [3, 'apertium', 'c'])
  workers.last.answer()
  assert.equal(final.word, 'c (es)')
  for (const each of hanging) each.cancel()
})

for (const [what, limits] of Object.entries({
  requests: { requestsPerMinute: 0 },
  tokens: { tokensPerMinute: 0 },
  places: { partialConcurrency: 0, finalConcurrency: 0 },
  everything: { requestsPerMinute: 0, tokensPerMinute: 0, partialConcurrency: 0, finalConcurrency: 0 },
})) {
  test(`[TS10] with a budget of no ${what}: partials are skipped at once, finals fail as budget at their deadline`, async (t) => {
    const { desk, workers, ask, pass } = await deskRig(t, { providers: [{ ...OPENAI_PROVIDER, ...limits }] }, OPENAI)
    const [partial, final] = [ask({ isFinal: false }), ask({ text: 'final' })]
    await pass(0)
    assert.deepEqual([partial.word, final.word], ['skipped budget', '-'])
    await pass(30_000, 1_000)
    assert.deepEqual([final.word, final.told, workers.calls.length], ['failed budget', [30_000], 0])
    assert.equal(desk.report().budgets[0]?.skipped, 1)
  })
}

test('[TS11] what cannot be asked at all is said at once', async (t) => {
  const { workers, ask, pass } = await deskRig(t, {}, APERTIUM)
  const wrong = [
    ask({ text: ' \n' }),
    ask({ text: 'x'.repeat(131_073) }),
    ask({ to: 'en-GB' }),
    ask({ to: 'ja' }),
    ask({ kind: 'translate', to: undefined } as never),
    ask({ kind: 'polish' }),
    ask({ text: '', isFinal: false }),
  ]
  await pass(0)
  assert.deepEqual(
    wrong.map(({ word }) => word),
    [
      'failed invalid',
      'failed invalid',
      'failed unsupported',
      'failed unsupported',
      'failed invalid',
      '-',
      'skipped failed',
    ],
  )
  const [japanese] = wrong[3]?.outcomes ?? []
  assert.ok(japanese?.is === 'failed' && /from en there are ca, es/.test(japanese.message), JSON.stringify(japanese))
  await pass(30_000)
  assert.equal(wrong[5]?.word, 'failed unavailable')
  assert.equal(workers.calls.length, 0)
})

test('[TS12] what a second-best engine said is used for a minute only', async (t) => {
  const { workers, ask, pass } = await deskRig(t, { providers: [OPENAI_PROVIDER] }, OPENAI, APERTIUM)
  ask()
  workers.last.fail('ENGINE_FAILED')
  workers.last.answer('gist')
  await pass(59_999)
  const soon = ask()
  await pass(1)
  const later = ask()
  workers.last.answer('well said')
  assert.deepEqual([soon.word, later.word, workers.last.ask.engine], ['gist', 'well said', 'openai'])
})

test('[TS13] support and targets follow what there is, and whoever listens is told', async (t) => {
  const { desk, workers } = await deskRig(t, { providers: [OPENAI_PROVIDER] })
  let told = 0
  const stop = desk.onChange(() => void told++)
  assert.match((desk.support('translate', 'en', 'es') as { message: string }).message, /openai: no worker/)
  workers.setEngines(APERTIUM, HARPER)
  assert.deepEqual(desk.support('translate', 'en-US', 'ca'), { is: 'supported', engine: 'apertium', via: ['es'] })
  assert.equal(desk.support('polish', 'en').is, 'supported')
  assert.equal(desk.support('translate', 'en', 'ja').is, 'unavailable', 'the provider could')
  assert.deepEqual(desk.targets('en'), ['ca', 'es'])
  workers.changed()
  assert.equal(told, 1)
  workers.setEngines(APERTIUM, OPENAI)
  assert.deepEqual(desk.support('translate', 'en', 'ca'), { is: 'supported', engine: 'openai', via: [] })
  assert.ok(desk.targets('en').length > 30 && !desk.targets('en').includes('en'))
  workers.setEngines({ ...APERTIUM, ready: false, problem: 'apt-get install apertium' })
  assert.match((desk.support('translate', 'en', 'es') as { message: string }).message, /apt-get install apertium/)
  assert.equal(told, 3)
  stop()
})

test('[TS15] a listener that throws harms nobody else, and may ask again while it is told', async (t) => {
  const { clock, desk, workers, ask, pass } = await deskRig(t, {}, APERTIUM)
  const again: string[] = []
  desk.ask(
    { tenant: 'acme', sessionId: 's', kind: 'translate', isFinal: true, text: 'hello', from: 'en', to: 'es' },
    () => {
      ask({ text: 'more' })
      again.push('asked')
      throw new Error('broken listener')
    },
  )
  const other = ask()
  workers.last.answer('hola')
  assert.deepEqual([other.word, again.length, workers.last.ask.text], ['hola', 1, 'more'])
  workers.last.answer()
  await pass(0)
  assert.ok(clock.nowMs() >= 0)
})
