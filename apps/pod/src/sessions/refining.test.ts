// What is made of captions, over real sockets: recognition, texts and voices by hand.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '@parley/kernel/testing'
import { decodeSpeechFrame, type ServerMessage } from '@parley/protocol'
import { DEADLINE_BELIEF_MS } from '@parley/sessions'
import { sessionConfig, startSessions, type TestClient } from '../testing/sessions/index.ts'

const until = (what: string, condition: () => boolean) => eventually(() => (condition() ? undefined : what))
const wish = (version: number, translateTo: string[], more: object = {}) => ({
  version,
  translateTo,
  polish: 'off',
  speak: [],
  ...more,
})
const captions = (version: number, translateTo: string[], more: object = {}) => ({
  type: 'captions',
  ...wish(version, translateTo, more),
})

async function rig(own: object | undefined, options: Parameters<typeof startSessions>[0] = {}) {
  const harness = await startSessions(options)
  const opened = await harness.open(own ? { captions: own } : {})
  const stream = harness.speech.stream(opened.created.sessionId)
  return { ...harness, ...opened, stream }
}

const finalTexts = (client: TestClient): string[] =>
  client.of('translation').flatMap(({ kind, text }) => (kind === 'final' ? [text] : []))

test('[RF1] [RF9] what is wanted comes with the hello or later, and what is in force is answered', async () => {
  const { client, text, close } = await rig(wish(3, ['ES', 'xx']))
  text.change(['es'])
  const first = await client.expect('captions.set')
  assert.deepEqual([first.version, first.translateTo, first.requestId], [3, ['es', 'xx'], undefined])
  client.send({ ...captions(4, ['xx']), requestId: 'r4' })
  client.send({ ...captions(4, ['es']), requestId: 'again' })
  const second = await client.expect('captions.set', 2)
  assert.deepEqual([second.version, second.translateTo, second.requestId], [4, ['xx'], 'r4'])
  assert.match(second.unavailable[0]?.message ?? '', /nothing translates en to xx; there is es/)
  assert.deepEqual((await client.expect('captions.set', 3)).translateTo, ['xx'], 'no newer version, nothing changes')
  await close()
})

test('[CM2] [CM6] before welcome nothing can be wanted; what is malformed is told by field', async () => {
  const { connect, client, close } = await rig(undefined)
  const stranger = await connect()
  stranger.send(captions(1, ['es']))
  assert.equal((await stranger.expect('error')).code, 'UNEXPECTED_MESSAGE')
  const wrong = [
    [captions(0, []), 'version'],
    [captions(1, ['not a tag']), 'translateTo.0'],
    [captions(1, [], { polish: 'all' }), 'polish'],
    [captions(1, ['es', 'es']), 'translateTo'],
    [captions(1, [], { speak: Array.from('abcdefghi', (letter) => `e${letter}`) }), 'speak'],
  ] as const
  for (const [n, [message, field]] of wrong.entries()) {
    client.send(message)
    const error = await client.expect('error', n + 1)
    assert.deepEqual([error.code, error.field?.replace('/', '.')], ['INVALID_FIELD', field])
  }
  await close()
})

test('[RF2] [RF4] owner and watchers get translations as they want them, made once', async () => {
  const { client, stream, text, watch, created, close } = await rig(wish(1, ['es'], { polish: 'finals' }))
  const watcher = await watch(created.sessionId, { captions: wish(1, ['es', 'ca']) })
  await watcher.expect('captions.set')
  stream.partial(0, 'good')
  await until('partials asked', () => text.open.length === 2)
  for (const ask of text.open) ask.done()
  stream.final(0, 'Good.')
  await until('finals asked', () => text.open.length === 3)
  for (const ask of text.open) ask.done()
  await watcher.expect('translation', 4)
  await client.expect('polished')
  assert.deepEqual(finalTexts(client), ['es: Good.'])
  assert.deepEqual(finalTexts(watcher), ['es: Good.', 'ca: Good.'])
  assert.deepEqual([client.of('translation').length, watcher.of('polished').length], [2, 0])
  assert.equal(text.asks.length, 5)
  await close()
})

test('[RF7] cut in mid-translation: who resumes hears its finals once, in order, and what it wanted is still in force', async () => {
  const { client, stream, text, resume, welcome, close } = await rig(wish(1, ['es']))
  stream.final(0, 'One.')
  stream.final(1, 'Two.')
  await until('asked', () => text.open.length === 2)
  text.open[0]?.done()
  const seen = await client.expect('translation')
  client.cut()
  await until('gone', () => client.socket.readyState === client.socket.CLOSED)
  text.open[0]?.done()
  const back = await resume(welcome, seen.seq ?? 0)
  assert.deepEqual((await back.expect('captions.set')).translateTo, ['es'])
  assert.deepEqual((await back.expect('translation')).text, 'es: Two.')
  assert.equal(
    back.messages.findIndex(({ type }) => type === 'captions.set'),
    1,
    'directly behind the welcome',
  )
  const newer = await resume(welcome, 0, { captions: wish(2, ['ca']) })
  assert.deepEqual((await newer.expect('captions.set')).translateTo, ['ca'])
  assert.deepEqual(newer.of('translation'), [])
  assert.equal(text.asks.length, 2)
  await close()
})

test('[RF7] the history that is read by REST has every language', async () => {
  const { stream, text, service, created, close } = await rig(wish(1, ['es', 'ca']))
  stream.final(0, 'One.')
  await until('asked', () => text.open.length === 2)
  for (const ask of text.open) ask.done()
  const admin = { tenant: 'default', role: 'admin', user: undefined, keyId: 'key-a' } as const
  const page = service.history(admin, created.sessionId, {})
  assert.ok(page.ok)
  const events = page.value.events.map((json) => JSON.parse(json) as ServerMessage)
  assert.deepEqual(
    events.map(({ type }) => type),
    ['caption', 'translation', 'translation'],
  )
  await close()
})

test('[RF5] [RF8] a service that never answers: the final fails in time, and then audio.ended is answered', async () => {
  const config = sessionConfig({ text: { finalDeadlineMs: 2_000 } })
  const { client, stream, text, pass, close } = await rig(wish(1, ['es']), { config })
  stream.final(0, 'One.')
  client.send({ type: 'audio.end', lastSeq: -1 })
  await until('flush', () => stream.flushes.length === 1)
  stream.flushed()
  for (let waited = 0; waited < 2_000 + DEADLINE_BELIEF_MS + 400; waited += 200) {
    client.send({ type: 'pong', id: 0 })
    await pass(200)
  }
  const failed = await client.expect('translation.failed')
  assert.deepEqual([failed.language, failed.reason], ['es', 'deadline'])
  const ended = await client.expect('audio.ended')
  assert.equal(ended.seq, failed.seq + 1)
  assert.equal(text.open.length, 0, 'it was called off')
  await close()
})

test('[RF6] changed a hundred times during speech: nothing strays, nothing is left', async () => {
  const config = sessionConfig({ limits: { controlMessagesPerSecond: 200 } })
  const { client, stream, text, close } = await rig(undefined, { config })
  text.answers = true
  const sets = [['es'], [], ['ca', 'fr'], ['es', 'ca']]
  for (let n = 0; n < 100; n++) {
    stream.partial(n, 'some words')
    client.send(captions(n + 1, sets[n % sets.length] as string[]))
    await client.expect('captions.set', n + 1)
    stream.partial(n, 'some words and more')
    stream.final(n, 'Some words.')
  }
  client.send({ type: 'audio.end', lastSeq: -1 })
  await until('flush', () => stream.flushes.length === 1)
  stream.flushed()
  await client.expect('audio.ended')
  let inForce: readonly string[] = []
  for (const message of client.messages) {
    if (message.type === 'captions.set') inForce = message.translateTo
    if (message.type === 'translation') assert.ok(inForce.includes(message.language))
  }
  const wanted = Array.from({ length: 100 }, (_, n) => (sets[n % sets.length] as string[]).length)
  const ends = finalTexts(client).length
  assert.ok(ends > 0 && ends <= wanted.reduce((sum, count) => sum + count, 0))
  assert.equal(text.open.length, 0)
  await close()
})

test('[RF9] languages and voices that come or go are told', async () => {
  const { client, text, speak, pass, close } = await rig(wish(1, ['es'], { speak: ['es'] }))
  const stage = ({ unavailable }: { unavailable: readonly { stage: string }[] }) => unavailable.map((one) => one.stage)
  assert.deepEqual(stage(await client.expect('captions.set')), ['speak'])
  await pass(1_200)
  speak.change([{ name: 'ana', language: 'es', engine: 'manual' }])
  client.send({ type: 'pong', id: 0 })
  await pass(2_400)
  assert.deepEqual(stage(await client.expect('captions.set', 2)), [])
  text.change([])
  client.send({ type: 'pong', id: 0 })
  await pass(1_200)
  assert.deepEqual(stage(await client.expect('captions.set', 3)), ['translate'])
  await close()
  assert.deepEqual([text.listenerCount, speak.listenerCount], [0, 0])
})

test('[VO1] [VO2] a watcher hears what is said in its language, the same frames as the owner', async () => {
  const { client, stream, text, speak, watch, created, close } = await rig(wish(1, ['es'], { speak: ['es'] }))
  const watcher = await watch(created.sessionId, { captions: wish(1, [], { speak: ['es'] }) })
  stream.final(0, 'One.')
  await until('asked', () => text.open.length === 1)
  text.open[0]?.done('Uno.')
  assert.deepEqual([speak.last.request.text, speak.last.request.language], ['Uno.', 'es'])
  speak.last.start().say(3).end()
  const ended = await watcher.expect('voice.ended')
  await client.expect('voice.ended')
  assert.deepEqual([ended.reason, ended.samples, ended.utterance.index], ['said', 960, 0])
  assert.deepEqual(watcher.frames, client.frames)
  assert.deepEqual(
    watcher.frames.map((frame) => decodeSpeechFrame(frame)?.mediaTime),
    [0, 320, 640],
  )
  assert.deepEqual(finalTexts(watcher), [], 'it reads none')
  await close()
})

test('[RF10] [OB3] a client that does not read gets every final of a translation, and of partials the newest', async () => {
  const { client, stream, text, pass, service, close } = await rig(wish(1, ['es']))
  text.answers = true
  client.socket.pause()
  const words = 'x'.repeat(4_000)
  let index = 0
  for (; service.stats().partialsCoalescedTotal < 20 && index < 200; index++) {
    for (let grown = 1; grown <= 4; grown++) {
      stream.partial(index, words.repeat(grown))
      client.send({ type: 'pong', id: 0 })
      await pass(400, 400)
    }
    if (index % 10 === 0) stream.final(index, `final ${index}`)
  }
  assert.ok(service.stats().partialsCoalescedTotal >= 20)
  client.socket.resume()
  const finals = Math.ceil(index / 10)
  await until('finals', () => finalTexts(client).length === finals)
  await close()
})
