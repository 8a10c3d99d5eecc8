// Engines that fail, limit, hang, answer nonsense or vanish.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TextFailureCode } from '@parley/protocol'
import { APERTIUM, deskRig, OPENAI, OPENAI_PROVIDER } from '../testing/text/desk-rig.ts'

test('[TS5] when one fails the next is asked, when all have failed they are asked again after a pause', async (t) => {
  const { workers, ask, pass } = await deskRig(t, { providers: [OPENAI_PROVIDER] }, OPENAI, APERTIUM)
  const [final, partial] = [ask(), ask({ text: 'partial', isFinal: false })]
  for (let n = 0; n < 4; n++) workers.open()[0]?.fail('ENGINE_FAILED')
  assert.equal(partial.word, 'skipped failed')
  assert.deepEqual([workers.size, final.word], [0, '-'])
  await pass(500)
  assert.equal(workers.last.ask.engine, 'openai')
  workers.last.answer()
  assert.equal(final.word, 'hello (es)')
})

const REASONS: Partial<Record<TextFailureCode, string>> = {
  PAIR_UNSUPPORTED: 'failed unsupported',
  TEXT_INVALID: 'failed invalid',
  REFUSED_SAME: 'failed refused',
  REFUSED_LONG: 'failed refused',
  REFUSED_LANGUAGE: 'failed refused',
}

test('[TS5, TS11] what would fail again ends at once with its reason, after the others were asked', async (t) => {
  const { desk, workers, ask, pass } = await deskRig(t, { providers: [OPENAI_PROVIDER] }, OPENAI, APERTIUM)
  for (const [code, word] of Object.entries(REASONS) as [TextFailureCode, string][]) {
    const [final, partial] = [ask({ text: code }), ask({ text: `${code} partial`, isFinal: false })]
    while (workers.size > 0) workers.open()[0]?.fail(code)
    assert.deepEqual([final.word, partial.word], [word, 'skipped failed'])
  }
  assert.deepEqual(desk.report().counters.refused, { same: 4, long: 4, language: 4 })
  // Refused by the first and broken in the second: the second may come out right.
  const mixed = ask({ text: 'mixed' })
  workers.last.fail('REFUSED_SAME')
  workers.last.fail('ENGINE_FAILED')
  await pass(600)
  assert.equal(workers.last.ask.engine, 'apertium')
  workers.last.fail('REFUSED_LONG')
  assert.equal(mixed.word, 'failed refused')
})

test('[TS6] a provider that limits is left alone for as long as it says; finals go elsewhere or wait, partials are skipped', async (t) => {
  const { desk, workers, ask, pass } = await deskRig(t, { providers: [OPENAI_PROVIDER] }, OPENAI, APERTIUM)
  const german = ask({ to: 'de' })
  workers.last.fail('RATE_LIMITED', 20_000)
  const [spanish, partial] = [ask({ to: 'es' }), ask({ to: 'de', text: 'p', isFinal: false })]
  assert.equal(workers.last.ask.engine, 'apertium')
  workers.last.answer()
  await pass(19_999)
  assert.deepEqual([spanish.word, partial.word, german.word, workers.size], ['hello (es)', 'skipped budget', '-', 0])
  assert.equal(Math.round(desk.report().budgets[0]?.used.pausedForMs ?? 0), 1)
  await pass(1)
  workers.last.answer()
  assert.equal(german.word, 'hello (de)')
})

test('[TS6] without a time it is asked again after a second, then two; the final gives up as budget', async (t) => {
  const { workers, ask, pass } = await deskRig(t, { providers: [OPENAI_PROVIDER] }, OPENAI)
  const final = ask({ to: 'de' })
  const askedAtMs: number[] = []
  for (let nowMs = 0; nowMs < 30_000; nowMs += 500) {
    if (workers.size > 0) askedAtMs.push(nowMs)
    workers.open()[0]?.fail('RATE_LIMITED')
    await pass(500)
  }
  assert.deepEqual(askedAtMs, [0, 1_000, 3_000, 7_000, 15_000])
  assert.deepEqual([final.word, final.told], ['failed budget', [30_000]])
})

test('[TS7] what was under way with a link that died is asked again, and answered once', async (t) => {
  const { workers, ask, pass } = await deskRig(t, {}, APERTIUM)
  const [final, partial] = [ask(), ask({ text: 'partial', isFinal: false })]
  const lost = workers.open()
  for (const call of lost) call.lose()
  assert.equal(workers.size, 2)
  for (const call of lost) call.answer('too late')
  for (const call of workers.open()) call.answer()
  assert.deepEqual([final.word, partial.word], ['hello (es)', 'partial (es)'])
  await pass(0)
})

test('[TS7] a text under which three workers were lost is not given to a fourth', async (t) => {
  const { workers, ask } = await deskRig(t, {}, APERTIUM)
  const poison = ask()
  for (let n = 0; n < 3; n++) workers.last.lose()
  assert.deepEqual([poison.word, workers.calls.length, workers.size], ['failed unavailable', 3, 0])
})

test('[TS7] when no worker is left a final waits for one to come', async (t) => {
  const { workers, ask, pass } = await deskRig(t, {}, APERTIUM)
  const final = ask()
  workers.setEngines()
  workers.last.lose()
  await pass(5_000)
  workers.setEngines(APERTIUM)
  workers.last.answer()
  assert.equal(final.word, 'hello (es)')
})

test('[TS8] a worker that does not answer by the deadline of the call is given up on; the next engine answers', async (t) => {
  const { workers, ask, pass } = await deskRig(
    t,
    { providers: [{ ...OPENAI_PROVIDER, timeoutMs: 4_000 }] },
    OPENAI,
    APERTIUM,
  )
  const final = ask()
  assert.equal(workers.last.ask.deadlineMs, 4_000)
  await pass(4_999)
  assert.equal(workers.calls.length, 1)
  await pass(1)
  assert.deepEqual([workers.cancelled, workers.last.ask.engine], [1, 'apertium'])
  workers.last.answer()
  assert.equal(final.word, 'hello (es)')
})

test('[TS8, TS11] when everything hangs a final fails as deadline in its time, and a partial is skipped', async (t) => {
  const { workers, ask, pass } = await deskRig(t, {}, APERTIUM)
  const [final, partial] = [ask(), ask({ text: 'partial', isFinal: false })]
  await pass(30_000, 500)
  assert.deepEqual([final.word, final.told], ['failed deadline', [30_000]])
  assert.deepEqual([partial.word, partial.told], ['skipped failed', [6_000]])
  for (const { ask: made } of workers.calls) assert.ok(made.deadlineMs <= 10_000)
})

test('[TS9] an engine that keeps failing is left alone: what waits goes elsewhere, then one is tried, then all come back', async (t) => {
  const { desk, workers, ask, pass } = await deskRig(t, { providers: [OPENAI_PROVIDER] }, OPENAI, APERTIUM)
  for (let n = 0; n < 5; n++) {
    ask({ text: `text ${n}` })
    workers.last.fail('ENGINE_FAILED')
    workers.last.answer()
  }
  ask({ text: 'while open' })
  assert.equal(workers.last.ask.engine, 'apertium')
  workers.last.answer()
  const german = [
    ask({ text: 'a', to: 'de' }),
    ask({ text: 'b', to: 'de' }),
    ask({ text: 'p', to: 'de', isFinal: false }),
  ]
  assert.equal(desk.support('translate', 'en', 'de').is, 'unavailable')
  assert.deepEqual([workers.size, german[2]?.word], [0, '-'])
  await pass(5_000)
  assert.equal(german[2]?.word, 'skipped failed')
  assert.equal(workers.size, 1, 'the trial')
  workers.last.answer()
  assert.equal(workers.size, 1, 'the other one')
  workers.last.answer()
  assert.deepEqual([german[0]?.word, german[1]?.word], ['a (de)', 'b (de)'])
  assert.equal(desk.support('translate', 'en', 'de').is, 'supported')
})

test('[TS9] a trial that is cancelled leaves the trial to another', async (t) => {
  const { workers, ask, pass } = await deskRig(t, {}, APERTIUM)
  const first = ask({ text: 'poor' })
  for (let n = 0; n < 5; n++) {
    workers.last.fail('ENGINE_FAILED')
    await pass(5_000)
  }
  await pass(1_000)
  const others = [ask({ text: 'a' }), ask({ text: 'b' })]
  await pass(6_000, 100)
  assert.equal(workers.size, 1)
  const isFirst = workers.last.ask.text === 'poor'
  ;(isFirst ? first : others[0])?.cancel()
  await pass(0)
  assert.equal(workers.size, 1)
  workers.last.answer()
  while (workers.size > 0) workers.open()[0]?.answer()
  assert.equal(others[1]?.word, 'b (es)')
  first.cancel()
})
