import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { err } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { RECOGNISER_BLOCK_SAMPLES, type Recogniser } from './recogniser.ts'
import { RecogniserSet, type RecogniserSetOptions } from './recogniser-set.ts'
import { ListenerLog } from './testing/listener-log.ts'
import { ScriptedRecogniser, type ScriptedRecogniserOptions } from './testing/scripted-recogniser.ts'

const clock = () => new ManualClock()

function engine(name: string, more: Partial<ScriptedRecogniserOptions> = {}): Recogniser {
  const script = [{ startMs: 0, endMs: 400, words: [name] }]
  const recogniser = new ScriptedRecogniser({ clock: new ManualClock(), slots: 2, script: () => script, ...more })
  return Object.defineProperty(recogniser, 'name', { value: name })
}

function setOf(t: TestContext, engines: readonly Recogniser[], more: Partial<RecogniserSetOptions> = {}) {
  const set = new RecogniserSet({ clock: clock(), engines, ...more })
  t.after(() => set.close())
  return set
}

async function open(set: RecogniserSet, language = 'en') {
  const log = new ListenerLog()
  const opened = await set.openStream({ language, firstIndex: 0 }, log)
  return { log, opened }
}

/** Name of the engine that hears a stream. */
async function heardBy(set: RecogniserSet, language = 'en'): Promise<string> {
  const { log, opened } = await open(set, language)
  if (!opened.ok) return opened.error.code
  for (let at = 0; at < 25; at++) opened.value.push(at * 20, new Int16Array(RECOGNISER_BLOCK_SAMPLES))
  opened.value.flush(1)
  await eventually(() => (log.isFlushed(1) ? undefined : 'not flushed'))
  await opened.value.close()
  return log.transcript.join(' ')
}

test('[RSE1] the first that knows the language hears the stream; with an order, the first of that', async (t) => {
  const engines = [engine('cloud', { languages: ['es'] }), engine('one'), engine('two')]
  const set = setOf(t, engines)
  await set.start()
  assert.equal(await heardBy(set, 'es-MX'), 'Cloud.')
  assert.equal(await heardBy(set, 'en-GB'), 'One.')
  assert.equal(await heardBy(set, 'fr'), 'LANGUAGE_UNSUPPORTED')
  const ordered = setOf(t, engines, { order: (language) => (language === 'en' ? ['two', 'nobody', 'one'] : undefined) })
  assert.equal(await heardBy(ordered), 'Two.')
  assert.equal(await heardBy(ordered, 'en-US'), 'One.')
  const { opened } = await open(set, 'fr')
  assert.match(opened.ok ? '' : opened.error.message, /"fr".*es, en-US, en/)
})

test('[RSE2] the next is asked when one has no room or is out of order; slots are those of all, or what is told', async (t) => {
  const full = engine('full', { slots: 1 })
  const set = setOf(t, [full, engine('next', { slots: 1 })])
  const first = await open(set)
  assert.equal(await heardBy(set), 'Next.')
  const second = await open(set)
  const third = await open(set)
  assert.deepEqual([first.opened.ok, second.opened.ok], [true, true])
  assert.ok(!third.opened.ok && third.opened.error.code === 'NO_SLOT' && (third.opened.error.retryAfterMs ?? 0) > 0)
  const { slots, slotsUsed, ready, languages } = set.status()
  assert.deepEqual(
    { slots, slotsUsed, ready, languages },
    { slots: 2, slotsUsed: 2, ready: true, languages: ['en-US', 'en'] },
  )
  const broken = setOf(t, [engine('broken', { script: () => undefined }), engine('sound')])
  assert.equal(await heardBy(broken), 'Sound.')
  const told = setOf(t, [engine('one'), engine('two')], { slots: 1 })
  await open(told)
  assert.equal(await heardBy(told), 'NO_SLOT')
})

test('[RSE3] one whose stream broke is asked last for half a minute', async (t) => {
  const time = clock()
  const set = setOf(t, [engine('flaky', { failAtMs: 100 }), engine('sound')], { clock: time })
  assert.equal(await heardFirst(set), 'failed')
  assert.equal(await heardBy(set), 'Sound.')
  time.advance(30_000)
  assert.equal(await heardFirst(set), 'failed')
})

async function heardFirst(set: RecogniserSet): Promise<string> {
  const { log, opened } = await open(set)
  assert.ok(opened.ok)
  for (let at = 0; at < 25; at++) opened.value.push(at * 20, new Int16Array(RECOGNISER_BLOCK_SAMPLES))
  await eventually(() => (log.told.at(-1)?.type === 'failed' ? undefined : 'it has not failed'))
  await opened.value.close()
  return log.told.at(-1)?.type ?? ''
}

test('[RSE4] it is ready when one is, says what is wrong with the others, and waits for none that hangs', async (t) => {
  const hanging = Object.assign(engine('hanging'), { start: () => new Promise<void>(() => {}) })
  const set = setOf(t, [hanging, engine('sound')])
  await set.start()
  const sick: Recogniser = {
    name: 'sick',
    status: () => ({
      name: 'sick',
      languages: ['de'],
      ready: false,
      problem: 'sick: no key',
      slots: 0,
      slotsUsed: 0,
      decodersWarm: 0,
    }),
    start: async () => {},
    openStream: async () => err({ code: 'SPEECH_UNAVAILABLE', message: 'sick: no key' }),
    close: async () => {},
  }
  const mixed = setOf(t, [sick, engine('sound')])
  await mixed.start()
  assert.deepEqual(
    [mixed.status().ready, mixed.status().problem, mixed.status().languages],
    [true, 'sick: no key', ['en-US', 'en']],
  )
  assert.equal(await heardBy(mixed, 'de'), 'SPEECH_UNAVAILABLE')
  const alone = setOf(t, [sick])
  await alone.start()
  assert.equal(alone.status().ready, false)
  assert.deepEqual(
    mixed.engineStatuses().map(({ name }) => name),
    ['sick', 'sound'],
  )
})
