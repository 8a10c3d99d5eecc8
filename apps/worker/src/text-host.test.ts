// Who gets a slot, who waits, who is turned away; and the same over a link, from a worker in this process.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import type { PodToWorker, TextKind } from '@parley/protocol'
import { ScriptedSynthesiser } from '@parley/speech/testing'
import type { Translator } from '@parley/text'
import { ScriptedPolisher, type ScriptedTextOptions, ScriptedTranslator } from '@parley/text/testing'
import { until, workerRig } from './testing/worker-rig.ts'
import { TextHost, type TextHostOptions, type TextQuestion, type TextReply } from './text-host.ts'

const PAIRS = [{ from: 'en', to: 'es' }]

function hostRig(options: Partial<TextHostOptions> = {}, script: Partial<ScriptedTextOptions> = {}) {
  const clock = new ManualClock()
  const engine = new ScriptedTranslator({ clock, pairs: PAIRS, isHeld: true, ...script })
  let changes = 0
  const host = new TextHost({
    clock,
    engines: [engine],
    slots: { translate: 2 },
    refusal: () => undefined,
    onSlotsChanged: () => changes++,
    ...options,
  })
  const replies = new Map<string, TextReply>()
  const ask = (text: string, more: Partial<TextQuestion> = {}) =>
    host.ask(
      {
        requestId: text,
        kind: 'translate',
        engine: 'scripted',
        text,
        from: 'en',
        to: 'es',
        isFinal: true,
        deadlineMs: 5_000,
        ...more,
      },
      (reply) => {
        assert.equal(replies.has(text), false, 'answered twice')
        replies.set(text, reply)
      },
    )
  const outcome = (text: string) => {
    const reply = replies.get(text)
    return reply?.ok ? reply.value.text : reply?.error.code
  }
  return { clock, engine, host, ask, replies, outcome, changeCount: () => changes }
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

test('[WK33] as many texts at a time as there are slots; finals go before partials, each in their order', async () => {
  const { engine, host, ask, outcome } = hostRig()
  for (const text of ['a', 'b', 'p1', 'p2', 'f1', 'f2']) ask(text, { isFinal: !text.startsWith('p') })
  assert.deepEqual(engine.asked, ['a', 'b'])
  assert.deepEqual(host.load('translate'), { slots: 2, slotsUsed: 2 })
  assert.equal(host.status('translate')?.waiting, 4)
  for (let turn = 0; turn < 6; turn++) {
    engine.release(1)
    await settle()
  }
  assert.deepEqual(engine.asked, ['a', 'b', 'f1', 'f2', 'p1', 'p2'])
  assert.equal(outcome('p2'), '[es] p2')
  assert.deepEqual(host.load('translate'), { slots: 2, slotsUsed: 0 })
})

test('[WK33] beyond the queue they are turned away with advice; a final takes the place of the partial that came last', async () => {
  const { engine, host, ask, outcome, replies } = hostRig()
  for (let at = 0; at < 66; at++) ask(`p${at}`, { isFinal: false })
  ask('one more', { isFinal: false })
  ask('final')
  await settle()
  const busy = replies.get('one more')
  assert.ok(busy && !busy.ok && busy.error.code === 'BUSY' && (busy.error.retryAfterMs ?? 0) > 0)
  assert.equal(outcome('p65'), 'BUSY')
  assert.equal(replies.size, 2)
  engine.release()
  await settle()
  await until('all answered', () => host.size === 0)
  assert.equal(outcome('final'), '[es] final')
  for (let at = 0; at < 64; at++) ask(`f${at}`)
  assert.equal(host.status('translate')?.counters.failedTotal.BUSY, 2)
})

test('[WK33] the deadline holds for the waiting, too; its slot is free then', async () => {
  const { clock, engine, host, ask, outcome } = hostRig({ slots: { translate: 1 } })
  ask('under way', { deadlineMs: 300 })
  ask('waiting', { deadlineMs: 200 })
  ask('patient', { deadlineMs: 1_000 })
  clock.advance(200)
  assert.equal(outcome('waiting'), 'DEADLINE')
  clock.advance(100)
  assert.equal(outcome('under way'), 'DEADLINE')
  await settle()
  assert.deepEqual(engine.asked, ['under way', 'patient'])
  engine.release()
  await settle()
  assert.equal(outcome('patient'), '[es] patient')
  assert.equal(clock.pendingTimers, 0)
  assert.equal(host.size, 0)
})

test('[WK33] left, a text is not worked on any more and nothing is said about it', async () => {
  const { engine, host, ask, replies, clock } = hostRig({ slots: { translate: 1 } })
  const leaveFirst = ask('a')
  const leaveSecond = ask('b')
  ask('c')
  leaveSecond()
  leaveFirst()
  leaveFirst()
  await settle()
  assert.deepEqual(engine.asked, ['a', 'c'])
  engine.release()
  await settle()
  assert.deepEqual([...replies.keys()], ['c'])
  assert.deepEqual(host.status('translate')?.counters.failedTotal, { CANCELLED: 2 })
  assert.deepEqual([clock.pendingTimers, host.load('translate')?.slotsUsed], [0, 0])
})

test('[WK34] what cannot be done is refused by name, later and once', async () => {
  const refused = { code: 'NO_SLOT', message: 'this worker is draining', retryAfterMs: 2_000 } as const
  let isDraining = false
  const { ask, replies, outcome } = hostRig({ refusal: () => (isDraining ? refused : undefined) })
  ask('unknown engine', { engine: 'deepl' })
  ask('unknown kind', { kind: 'polish' })
  ask('no target', { to: undefined } as unknown as Partial<TextQuestion>)
  assert.equal(replies.size, 0)
  isDraining = true
  ask('draining')
  await settle()
  assert.deepEqual(['unknown engine', 'unknown kind', 'no target', 'draining'].map(outcome), [
    'ENGINE_UNAVAILABLE',
    'ENGINE_UNAVAILABLE',
    'TEXT_INVALID',
    'BUSY',
  ])
  const told = [...replies.values()].map((reply) => (reply.ok ? '' : reply.error.message))
  assert.match(told[0] ?? '', /no engine "deepl" to translate; it has scripted/)
  assert.match(told[1] ?? '', /does not polish/)
})

test('[WK34] an engine that throws has failed under this text alone; one that is not ready offers no slots', async () => {
  const clock = new ManualClock()
  const scripted = new ScriptedTranslator({ clock, pairs: PAIRS })
  const broken: Translator = {
    name: 'scripted',
    kind: 'translate',
    status: () => scripted.status(),
    onChange: (listener) => scripted.onChange(listener),
    start: () => scripted.start(),
    close: () => scripted.close(),
    translate: async (request) => {
      if (request.text === 'bad') throw new Error('thrown on demand')
      return scripted.translate(request)
    },
  }
  const { host, ask, outcome } = hostRig({ engines: [broken] })
  ask('bad')
  ask('good')
  await settle()
  assert.deepEqual([outcome('bad'), outcome('good')], ['ENGINE_FAILED', '[es] good'])
  scripted.become('not installed')
  assert.deepEqual(host.load('translate'), { slots: 0, slotsUsed: 0 })
})

test('[WK34] closed, it fails what there is and refuses what comes', async () => {
  const { host, ask, outcome, clock } = hostRig({ slots: { translate: 1 } })
  ask('a')
  ask('b')
  await Promise.all([host.close(), host.close()])
  ask('c')
  await settle()
  assert.deepEqual(['a', 'b', 'c'].map(outcome), ['ENGINE_UNAVAILABLE', 'ENGINE_UNAVAILABLE', 'ENGINE_UNAVAILABLE'])
  assert.equal(clock.pendingTimers, 0)
})

function textParts(script: Partial<ScriptedTextOptions> = {}) {
  const translator = new ScriptedTranslator({ clock: systemClock, pairs: PAIRS, ...script })
  const polisher = new ScriptedPolisher({ clock: systemClock, languages: ['en'], ...script })
  return { translator, polisher, texts: { engines: [translator, polisher], slots: { translate: 2, polish: 1 } } }
}

const question = (id: number, text: string, kind: TextKind = 'translate', more: object = {}) =>
  ({
    type: 'text.ask',
    id,
    kind,
    engine: 'scripted',
    text,
    from: 'en',
    ...(kind === 'translate' ? { to: 'es' } : {}),
    isFinal: true,
    deadlineMs: 5_000,
    ...more,
  }) satisfies PodToWorker

test('[WK32] a pod is told the engines behind the hello and on each change, and has texts answered', async (t) => {
  const { translator, texts } = textParts()
  const { connect } = await workerRig(t, { texts })
  const pod = await connect()
  const told = await pod.got('worker.text')
  assert.deepEqual(told.engines, [
    { name: 'scripted', kind: 'translate', ready: true, pairs: PAIRS },
    { name: 'scripted', kind: 'polish', ready: true, languages: ['en'] },
  ])
  pod.send(question(1, 'hello'))
  pod.send(question(2, 'hello', 'polish'))
  pod.send(question(3, 'hello', 'translate', { engine: 'nobody' }))
  await until('answers', () => pod.of('text.answered').length === 2 && pod.of('text.failed').length === 1)
  const [first, second] = pod.of('text.answered').sort((one, other) => one.id - other.id)
  assert.deepEqual([first?.id, first?.text, typeof first?.engineMs], [1, '[es] hello', 'number'])
  assert.deepEqual([second?.id, second?.text, second?.changedWords], [2, 'hello.', 1])
  assert.deepEqual([pod.of('text.failed')[0]?.id, pod.of('text.failed')[0]?.code], [3, 'ENGINE_UNAVAILABLE'])
  const before = pod.of('worker.text').length
  translator.become('it is gone')
  await until('told', () => pod.of('worker.text').length === before + 1)
  assert.deepEqual(pod.of('worker.text').at(-1)?.engines[0]?.problem, 'it is gone')
  await until('no slots', () => pod.of('worker.load').at(-1)?.roles?.translate?.slots === 0)
  assert.deepEqual(pod.of('worker.load').at(-1)?.roles?.polish, { slots: 1, slotsUsed: 0 })
})

test('[WK32] a worker that does nothing with texts says that it has no engines', async (t) => {
  const { connect } = await workerRig(t)
  const pod = await connect()
  assert.deepEqual((await pod.got('worker.text')).engines, [])
  pod.send(question(1, 'hello'))
  await until('refused', () => pod.of('text.failed').length === 1)
  assert.match(pod.of('text.failed')[0]?.message ?? '', /does not translate/)
  assert.equal('translate' in (pod.of('worker.load').at(-1)?.roles ?? {}), false)
})

test("[WK32] cancelled texts are not answered; texts of a link that is lost are nobody's", async (t) => {
  const { translator, texts } = textParts({ isHeld: true })
  const { connect, worker } = await workerRig(t, { texts })
  const [pod, other] = [await connect('pod_a'), await connect('pod_b')]
  pod.send(question(1, 'a'))
  pod.send(question(2, 'b'))
  other.send(question(1, 'c'))
  await until('three texts', () => worker.usage().texts === 3)
  pod.send({ type: 'text.cancel', id: 1 })
  pod.send({ type: 'text.cancel', id: 99 })
  await until('two texts', () => worker.usage().texts === 2)
  pod.end()
  await until('one text', () => worker.usage().texts === 1)
  await until('asked', () => translator.waiting === 1)
  translator.release()
  await until('answered', () => other.of('text.answered').length === 1)
  assert.deepEqual(
    other.of('text.answered').map(({ id, text }) => [id, text]),
    [[1, '[es] c']],
  )
  assert.equal(pod.of('text.answered').length + pod.of('text.failed').length, 0)
})

test('[LK3] a number of a text that is under way ends the link when it is used again', async (t) => {
  const { texts } = textParts({ isHeld: true })
  const { connect } = await workerRig(t, { texts })
  const pod = await connect()
  pod.send(question(1, 'a'))
  pod.send(question(1, 'b'))
  assert.equal(await pod.closed(), 4009)
})

test('[WK35] told to drain, it finishes the texts it has and refuses new ones by that name', async (t) => {
  const { translator, texts } = textParts({ isHeld: true })
  const { connect, worker } = await workerRig(t, { texts })
  const pod = await connect()
  pod.send(question(1, 'a'))
  await until('asked', () => translator.waiting === 1)
  worker.drain()
  pod.send(question(2, 'b'))
  await until('refused', () => pod.of('text.failed').length === 1)
  const refused = pod.of('text.failed')[0]
  assert.deepEqual([refused?.code, refused?.message, refused?.retryAfterMs], ['BUSY', 'this worker is draining', 2_000])
  translator.release()
  await until('answered', () => pod.of('text.answered').length === 1)
  worker.undrain()
  pod.send(question(3, 'c'))
  await until('answered', () => pod.of('text.answered').length === 2)
})

test('[LK9] voices are told once to a pod that keeps them, and when they change; always to one that does not', async (t) => {
  const synthesiser = new ScriptedSynthesiser({ clock: systemClock, slots: 1 })
  const { connect, worker, address, pods } = await workerRig(t, { synthesiser })
  const pod = await connect()
  const { ManualPod } = await import('./testing/manual-pod.ts')
  const keeping = await ManualPod.connect(address, { podId: 'pod_b', keepsVoices: true })
  pods.push(keeping)
  for (let turn = 0; turn < 3; turn++) {
    const before = keeping.of('worker.load').length
    worker.access.onSlotsChanged()
    await until('told', () => keeping.of('worker.load').length > before)
  }
  assert.ok(pod.of('worker.load').every(({ voices }) => (voices?.length ?? 0) > 0))
  const [first, ...more] = keeping.of('worker.load')
  assert.ok((first?.voices?.length ?? 0) > 0)
  assert.ok(more.length >= 3 && more.every(({ voices }) => voices === undefined))
  assert.ok(more.every(({ roles }) => roles?.synthesise?.slots === 1))
})
