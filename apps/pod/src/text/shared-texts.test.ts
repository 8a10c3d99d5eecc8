// What pods of a fleet share of texts: finals, and budgets.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { err, ok } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import { type BudgetStore, LOOK_MS, MemoryBudgetStore, type SharedTextStore } from '@parley/text'
import { APERTIUM, deskRig, OPENAI, OPENAI_PROVIDER } from '../testing/text/desk-rig.ts'

class Shared implements SharedTextStore {
  readonly values = new Map<string, string>()
  isSilent = false

  get(key: string): ReturnType<SharedTextStore['get']> {
    return this.isSilent ? new Promise(() => {}) : Promise.resolve(ok(this.values.get(key)))
  }

  async set(key: string, value: string): ReturnType<SharedTextStore['set']> {
    this.values.set(key, value)
    return ok(undefined)
  }
}

test('[TS18] a final that one pod had done the other does not ask for again; partials are asked, and not kept', async (t) => {
  const sharedTexts = new Shared()
  const settings = { providers: [OPENAI_PROVIDER], sharedTexts }
  const [a, b] = [await deskRig(t, settings, OPENAI), await deskRig(t, settings, OPENAI)]
  const asked = a.ask({ to: 'de' })
  await a.pass(0)
  a.workers.last.answer('hallo')
  const partial = a.ask({ to: 'de', text: 'good', isFinal: false })
  a.workers.last.answer('gut')
  await a.pass(0)
  assert.deepEqual([asked.word, partial.word, sharedTexts.values.size], ['hallo', 'gut', 1])
  const again = [b.ask({ to: 'de' }), b.ask({ to: 'de', sessionId: 'ses_b' })]
  await b.pass(0)
  for (const each of again)
    assert.deepEqual(each.outcomes, [{ is: 'done', text: 'hallo', engine: 'openai', isCached: true }])
  assert.equal(b.workers.calls.length, 0)
  const foreign = b.ask({ to: 'de', tenant: 'other' })
  await b.pass(0)
  b.workers.last.answer('andere')
  assert.equal(foreign.word, 'andere')
  const { hits, misses } = b.desk.report().cache.shared ?? { hits: 0, misses: 0 }
  assert.deepEqual([hits, misses], [1, 1])
})

test('[TS18] a store that is silent holds a final up for LOOK_MS; who leaves meanwhile leaves nothing; a partial waits for nothing', async (t) => {
  const sharedTexts = new Shared()
  sharedTexts.isSilent = true
  const rig = await deskRig(t, { providers: [OPENAI_PROVIDER], sharedTexts }, OPENAI)
  const left = rig.ask({ to: 'de', text: 'left' })
  left.cancel()
  await rig.pass(LOOK_MS)
  assert.equal(rig.workers.calls.length, 0)
  await rig.pass(1_000)
  const final = rig.ask({ to: 'de' })
  rig.ask({ to: 'de', text: 'partial', isFinal: false })
  assert.equal(rig.workers.calls.length, 1, 'the partial')
  await rig.pass(LOOK_MS)
  assert.equal(rig.workers.calls.length, 2)
  rig.workers.last.answer('hallo')
  assert.equal(final.word, 'hallo')
  rig.workers.calls[0]?.answer('teil')
  const next = rig.ask({ to: 'de', text: 'next' })
  await rig.pass(0)
  rig.workers.last.answer('weiter')
  assert.equal(next.word, 'weiter')
})

test('[TS18] where no provider does texts nothing is shared: an engine of this machine answers sooner', async (t) => {
  const sharedTexts = new Shared()
  const { workers, ask, desk } = await deskRig(t, { sharedTexts }, APERTIUM)
  ask()
  workers.last.answer('hola')
  assert.deepEqual([sharedTexts.values.size, desk.report().cache.shared], [0, null])
})

test('[TS19] two pods share one budget; without its store each takes half, health and report say so, and it heals', async (t) => {
  const clock = new ManualClock()
  const memory = new MemoryBudgetStore(clock)
  let isThere = true
  const store: BudgetStore = {
    renew: async (key, request) =>
      isThere ? memory.renew(key, request) : err({ code: 'STORE_UNAVAILABLE', message: 'cut' }),
    release: async () => {},
  }
  const settings = { providers: [{ ...OPENAI_PROVIDER, requestsPerMinute: 100 }], store, sharers: () => 2, clock }
  const a = await deskRig(t, settings, OPENAI)
  const budget = () => a.desk.report().budgets[0]
  assert.deepEqual([budget()?.slice.requestsPerMinute, budget()?.sharedAmong, a.desk.isStoreLost], [90, null, false])
  isThere = false
  await a.pass(1_000)
  assert.deepEqual([budget()?.slice.requestsPerMinute, budget()?.sharedAmong, a.desk.isStoreLost], [45, 2, true])
  isThere = true
  await a.pass(1_000)
  assert.deepEqual([budget()?.slice.requestsPerMinute, budget()?.sharedAmong, a.desk.isStoreLost], [90, null, false])
  const alone = await deskRig(t, { providers: [OPENAI_PROVIDER] }, OPENAI)
  assert.equal(alone.desk.isStoreLost, undefined)
})
