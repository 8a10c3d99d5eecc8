// The text desk over real link sockets to scripted workers.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { TextEngineInfo } from '@parley/protocol'
import type { TextWish } from '@parley/text'
import { linksRig, until } from '../testing/speech/links-rig.ts'
import type { ManualWorker, ManualWorkerOptions } from '../testing/speech/manual-worker.ts'
import { APERTIUM, askOf, createDesk, type DeskSettings, HARPER, OPENAI } from '../testing/text/desk-rig.ts'
import type { TextDesk } from './text-desk.ts'

const ENGINES: readonly TextEngineInfo[] = [APERTIUM, HARPER]

async function rigOf(t: TestContext, settings: DeskSettings, ...workerOptions: ManualWorkerOptions[]) {
  let desk: TextDesk | undefined
  // Before the rig's own: with the links gone, and the desk too, no timer may be left.
  t.after(() => desk?.close())
  const all = workerOptions.length > 0 ? workerOptions : [{}]
  const rig = await linksRig(t, ...all.map((options) => ({ textEngines: ENGINES, ...options })))
  desk = createDesk(t, rig.speech.texts, rig.clock, settings)
  const made = desk
  await until('engines', () => rig.speech.texts.engines().length > 0)
  return { ...rig, desk: made, ask: (wish: Partial<TextWish> = {}) => askOf(made, rig.clock, wish) }
}

test('[TS17] the worker that would be asked is told what will be; what nobody can do nobody is told', async (t) => {
  const { worker, desk } = await rigOf(t, {})
  desk.warm('translate', 'en', 'xx')
  desk.warm('translate', 'en', 'ca')
  desk.warm('polish', 'en')
  await until('both', () => worker.warmed().length >= 2)
  assert.deepEqual(worker.warmed(), ['apertium en ca', 'harper en'])
})

const askedOf = (worker: ManualWorker, count: number) => until(`${count} asks`, () => worker.asks().length >= count)

test('[TS1, TS14] over a real link: asked, answered, counted; an answer nobody waits for is ignored', async (t) => {
  const { worker, desk, ask, speech } = await rigOf(t, {})
  const final = ask({ text: 'good morning', to: 'ca' })
  const polish = ask({ kind: 'polish', isFinal: false, text: 'i is here' })
  await askedOf(worker, 2)
  const [first, second] = worker.asks()
  assert.deepEqual(first, {
    type: 'text.ask',
    id: 1,
    kind: 'translate',
    engine: 'apertium',
    text: 'good morning',
    from: 'en',
    to: 'ca',
    isFinal: true,
    deadlineMs: 10_000,
  })
  assert.deepEqual([second?.kind, second?.to, second?.deadlineMs], ['polish', undefined, 5_000])
  worker.answerText(99, 'of nobody')
  worker.answerText(2, 'I am here', { changedWords: 1 })
  worker.answerText(1, 'bon dia', { via: ['es'] })
  worker.answerText(1, 'twice')
  await until('answers', () => final.outcomes.length + polish.outcomes.length === 2)
  assert.deepEqual(final.outcomes, [{ is: 'done', text: 'bon dia', engine: 'apertium', via: ['es'], isCached: false }])
  assert.deepEqual(polish.outcomes[0], {
    is: 'done',
    text: 'I am here',
    engine: 'harper',
    changedWords: 1,
    isCached: false,
  })
  assert.deepEqual([speech.texts.size, speech.stats().linkFaults], [0, 0])
  assert.deepEqual(desk.support('translate', 'en', 'ca'), { is: 'supported', engine: 'apertium', via: ['es'] })
})

test('[TS1] a cancel reaches the worker, and frees its slot for the next at once', async (t) => {
  const { worker, ask } = await rigOf(t, {}, { textSlots: 1 })
  const one = ask({ text: 'one' })
  ask({ text: 'two' })
  await askedOf(worker, 1)
  one.cancel()
  await askedOf(worker, 2)
  assert.deepEqual([worker.cancelledTexts(), worker.asks()[1]?.text], [[1], 'two'])
})

test('[TS14] never more than the slots there are, over two workers; translations and polishes apart', async (t) => {
  const { workers, ask } = await rigOf(t, {}, { textSlots: 2 }, { textSlots: 3 })
  const all = Array.from({ length: 12 }, (_, n) => ask({ text: `text ${n}` }))
  const polish = ask({ kind: 'polish', text: 'i is' })
  const [a, b] = workers as [ManualWorker, ManualWorker]
  await until('asks', () => a.asks().length + b.asks().length === 6)
  const kinds = (worker: ManualWorker) => worker.asks().filter(({ kind }) => kind === 'translate').length
  assert.deepEqual([kinds(a), kinds(b)], [2, 3])
  const answered = new Map<ManualWorker, number>([
    [a, 0],
    [b, 0],
  ])
  const next = (worker: ManualWorker) => {
    const done = answered.get(worker) ?? 0
    const waiting = worker.asks().slice(done)
    answered.set(worker, worker.asks().length)
    for (const { id, text } of waiting) worker.answerText(id, `${text}!`)
  }
  await until('all answered', () => {
    next(a)
    next(b)
    return [...all, polish].every(({ outcomes }) => outcomes.length === 1)
  })
  assert.deepEqual(
    all.map(({ word }) => word),
    all.map((_, n) => `text ${n}!`),
  )
})

test('[TS14] a worker that is busy after all gets nothing before its next report', async (t) => {
  const { worker, ask, pass } = await rigOf(t, {}, { textSlots: 4 })
  const final = ask()
  await askedOf(worker, 1)
  worker.failText(1, 'BUSY')
  await until('busy', () => final.word === '-' && worker.asks().length === 1)
  for (let n = 0; n < 20; n++) await pass(20)
  assert.equal(worker.asks().length, 1)
  worker.load(0)
  await askedOf(worker, 2)
  worker.answerText(2, 'hola')
  await until('answer', () => final.word === 'hola')
})

test('[TS7] a link that dies in mid-flight: asked again on the other worker, answered once', async (t) => {
  const { workers, ask } = await rigOf(t, {}, {}, {})
  const all = Array.from({ length: 6 }, (_, n) => ask({ text: `text ${n}`, isFinal: n % 2 === 0 }))
  const [a, b] = workers as [ManualWorker, ManualWorker]
  await until('asks', () => a.asks().length === 3 && b.asks().length === 3)
  a.answerText(1, 'first')
  await until('one', () => all.some(({ word }) => word === 'first'))
  a.cut()
  await askedOf(b, 5)
  for (const { id, text } of b.asks()) b.answerText(id, `${text}!`)
  await until('all', () => all.every(({ outcomes }) => outcomes.length === 1))
  assert.equal(all.filter(({ word }) => word.endsWith('!')).length, 5)
})

test('[TS7] the only worker dies and comes back: finals wait for it', async (t) => {
  const { worker, desk, ask, pass } = await rigOf(t, {})
  const final = ask()
  await askedOf(worker, 1)
  worker.cut()
  await until('down', () => desk.support('translate', 'en', 'es').is === 'unavailable')
  await until('back', () => {
    void pass(20)
    return worker.asks().length === 2
  })
  worker.answerText(worker.asks()[1]?.id ?? -1, 'hola')
  await until('answer', () => final.word === 'hola')
})

test('[TS8] a worker that hangs past the deadline: the other one is asked', async (t) => {
  const { workers, ask, pass } = await rigOf(
    t,
    { providers: [{ id: 'openai', roles: ['translate'], timeoutMs: 1_000 }] },
    { textEngines: [OPENAI] },
    { textEngines: [OPENAI] },
  )
  const final = ask({ to: 'de' })
  const [a, b] = workers as [ManualWorker, ManualWorker]
  await until('ask', () => a.asks().length + b.asks().length === 1)
  const [hanging, other] = a.asks().length === 1 ? [a, b] : [b, a]
  await pass(2_000)
  assert.deepEqual(
    await until('cancel', () => hanging.cancelledTexts().length === 1).then(() => other.asks().length),
    0,
    'all engines have failed: it rests first',
  )
  await pass(600)
  await askedOf(other, 1)
  other.answerText(1, 'hallo')
  await until('answer', () => final.word === 'hallo')
})

test('[TS13] engines that a worker gets, loses or cannot use are known within a message', async (t) => {
  const { worker, desk } = await rigOf(t, {})
  let told = 0
  desk.onChange(() => void told++)
  worker.tellTextEngines([{ ...APERTIUM, ready: false, problem: 'apertium died' }])
  await until('told', () => told === 1)
  const support = desk.support('translate', 'en', 'es')
  assert.ok(support.is === 'unavailable' && support.message.includes('apertium died'))
  worker.tellTextEngines([APERTIUM])
  await until('told', () => told === 2)
  assert.equal(desk.support('translate', 'en', 'es').is, 'supported')
  assert.deepEqual(desk.targets('en'), ['ca', 'es'])
})

test('[TS14] a worker that drains gets no new texts, and may finish what it has', async (t) => {
  const { workers, ask, clock } = await rigOf(t, {}, {}, {})
  const [a, b] = workers as [ManualWorker, ManualWorker]
  const first = [ask({ text: 'one' }), ask({ text: 'two' })]
  await until('asks', () => a.asks().length === 1 && b.asks().length === 1)
  a.load(0, 4, 'draining')
  await clock.advanceAsync(0)
  let probes = 0
  await until('draining', () => {
    const before = a.asks().length
    ask({ text: `probe ${probes++}` }).cancel()
    return a.asks().length === before && b.asks().length > 1
  })
  const asksOfA = a.asks().length
  const more = Array.from({ length: 4 }, (_, n) => ask({ text: `more ${n}` }))
  await until('at b', () => more.every((_, n) => b.asks().some(({ text }) => text === `more ${n}`)))
  assert.equal(a.asks().length, asksOfA)
  for (const { id } of a.asks()) a.answerText(id, 'done')
  await until('finished', () => first.some(({ word }) => word === 'done'))
})
