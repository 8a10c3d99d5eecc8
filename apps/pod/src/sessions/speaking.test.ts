// Speech out of sessions over real sockets, said by hand.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '@parley/kernel/testing'
import { decodeSpeechFrame, MAX_SPEAK_TEXT_CHARS, MAX_SPEECHES, ParleyError } from '@parley/protocol'
import { SPEECH_HIGH_WATER_BYTES } from '@parley/sessions'
import { sessionConfig, startSessions, type TestClient } from '../testing/sessions/index.ts'

const until = (what: string, condition: () => boolean) => eventually(() => (condition() ? undefined : what))
const speak = (requestId: string, more: object = {}) => ({ type: 'speak', requestId, text: 'hello', ...more })

async function rig() {
  const harness = await startSessions()
  const { client, welcome, created } = await harness.open()
  const { speak: port } = harness
  /** Says it and waits until it is being said. */
  const begin = async (requestId: string, more: object = {}) => {
    const before = port.speeches.length
    client.send(speak(requestId, more))
    await until('speech', () => port.speeches.length > before)
    return port.last
  }
  return { ...harness, client, welcome, created, port, begin }
}

const placesOf = (client: TestClient): (number | undefined)[] =>
  client.frames.map((frame) => decodeSpeechFrame(frame)?.mediaTime)

test('[SPK1] what an owner wants said comes back as frames between started and ended', async () => {
  const { client, begin, close } = await rig()
  const said = await begin('r1', { text: 'good morning', voice: 'tone', language: 'en', rateRatio: 0.5 })
  const { text, voice, language, rateRatio, creditMs } = said.request
  assert.deepEqual([text, voice, language, rateRatio, creditMs], ['good morning', 'tone', 'en', 0.5, 400])
  said.start().say(3).end()
  assert.deepEqual(await client.expect('speak.ended'), { type: 'speak.ended', requestId: 'r1', samples: 960 })
  const started = { speech: 0, sampleRateHz: 16_000, voice: 'tone', language: 'en-US' }
  assert.deepEqual(client.of('speak.started'), [{ type: 'speak.started', requestId: 'r1', ...started }])
  assert.deepEqual(placesOf(client), [0, 320, 640])
  await close()
})

test('[SPK3] the session clock lets audio come as it is heard', async () => {
  const { begin, pass, close } = await rig()
  const said = (await begin('r')).start()
  said.sayAllowed()
  await pass(1_000, 100)
  assert.equal(said.sayAllowed(), 50)
  await close()
})

test('[SPK2] limits are told by field, value and fix, and the connection goes on', async () => {
  const { client, begin, close } = await rig()
  const wrong = [
    [speak('r', { text: 'x'.repeat(MAX_SPEAK_TEXT_CHARS + 1) }), 'text'],
    [speak('r', { rateRatio: 3 }), 'rateRatio'],
    [speak('r', { leadMs: 1 }), 'leadMs'],
    [speak('x'.repeat(65)), 'requestId'],
    [{ type: 'speak', requestId: 'r' }, 'text'],
    [{ type: 'speak.cancel' }, 'requestId'],
  ] as const
  for (const [message, field] of wrong) {
    const count = client.of('error').length + 1
    client.send(message)
    const error = await client.expect('error', count)
    assert.deepEqual([error.code, error.field], ['INVALID_FIELD', field])
  }
  await begin('r0')
  for (let n = 1; n <= MAX_SPEECHES; n++) client.send(speak(`r${n}`))
  client.send(speak('r3'))
  const busy = await client.expect('error', wrong.length + 1)
  assert.deepEqual([busy.code, busy.requestId, busy.retryable], ['SPEAK_BUSY', `r${MAX_SPEECHES}`, true])
  const taken = await client.expect('error', wrong.length + 2)
  assert.deepEqual([taken.code, taken.field, taken.value], ['INVALID_FIELD', 'requestId', 'r3'])
  await close()
})

test('[SPK5] no frame follows speak.cancelled', async () => {
  const { client, begin, close } = await rig()
  const said = (await begin('r')).start().say(2)
  client.send({ type: 'speak.cancel', requestId: 'r' })
  client.send({ type: 'speak.cancel', requestId: 'unknown' })
  assert.deepEqual(await client.expect('speak.cancelled'), { type: 'speak.cancelled', requestId: 'r', samples: 640 })
  assert.equal(said.isCancelled, true)
  said.say(2)
  client.send({ type: 'ping', id: 7 })
  await client.expect('pong')
  assert.equal(client.frames.length, 2)
  await close()
})

test('[SPK6] a connection that breaks ends its speech; a resumed one asks for the rest and hears every sample once', async () => {
  const { client, begin, close, resume, welcome, port, service } = await rig()
  const said = (await begin('r')).start().say(3)
  await until('frames', () => client.frames.length === 3)
  client.socket.terminate()
  await until('cancelled', () => said.isCancelled)
  const back = await resume(welcome, 0)
  await back.expect('welcome')
  back.send(speak('r', { fromSample: 960, voice: 'tone' }))
  await until('again', () => port.speeches.length === 2)
  assert.equal(port.last.request.fromSample, 960)
  port.last.start().say(2).end()
  assert.equal((await back.expect('speak.ended')).samples, 1_600)
  assert.deepEqual(
    [placesOf(client), placesOf(back)],
    [
      [0, 320, 640],
      [960, 1_280],
    ],
  )
  assert.deepEqual(service.stats().speechesTotal, { dropped: 1, ended: 1 })
  await close()
})

test('[SPK6] a connection that another takes over from, and a session that ends, leave no speech behind', async () => {
  const { begin, close, resume, welcome, port, client } = await rig()
  const first = (await begin('r')).start()
  const newer = await resume(welcome, 0)
  await newer.expect('welcome')
  assert.equal(first.isCancelled, true)
  newer.send(speak('r'))
  await until('again', () => port.speeches.length === 2)
  newer.send({ type: 'bye' })
  await until('cancelled', () => port.last.isCancelled)
  assert.equal(client.of('speak.started').length, 1)
  await close()
})

test('[SPK7] a speech that fails is an error with its request id', async () => {
  const { client, begin, close } = await rig()
  const said = await begin('r')
  said.fail(
    new ParleyError('VOICE_UNKNOWN', { field: 'voice', value: 'x', allowed: ['tone'], message: 'no such voice' }),
  )
  const error = await client.expect('error')
  const { code, requestId, field, value, allowed, message } = error
  assert.deepEqual(
    { code, requestId, field, value, allowed, message },
    {
      code: 'VOICE_UNKNOWN',
      requestId: 'r',
      field: 'voice',
      value: 'x',
      allowed: ['tone'],
      message: 'no such voice',
    },
  )
  await close()
})

test('[WS1] a watcher may not have anything said and hears nothing of it; nor may anybody before welcome', async () => {
  const { client, begin, watch, created, connect, close } = await rig()
  const watcher = await watch(created.sessionId)
  watcher.send(speak('w'))
  watcher.send({ type: 'speak.cancel', requestId: 'w' })
  const refused = [await watcher.expect('error'), await watcher.expect('error', 2)]
  assert.deepEqual(
    refused.map(({ code, requestId }) => [code, requestId]),
    [
      ['FORBIDDEN', 'w'],
      ['FORBIDDEN', 'w'],
    ],
  )
  const stranger = await connect()
  stranger.send(speak('s'))
  assert.deepEqual((await stranger.expect('error')).code, 'UNEXPECTED_MESSAGE')
  const said = (await begin('r')).start().say(2)
  said.end()
  await client.expect('speak.ended')
  assert.deepEqual([watcher.frames.length, watcher.of('speak.started').length], [0, 0])
  await close()
})

test('[SPK4] a client that does not read: what is said waits at the worker, finals have the outbox, nothing is lost', async () => {
  const harness = await startSessions({ config: sessionConfig({ sessions: { outboxBytes: 16_384 } }) })
  const { client, created } = await harness.open()
  client.send(speak('r', { leadMs: 3_600_000 }))
  await until('speech', () => harness.speak.speeches.length === 1)
  const said = harness.speak.last.start()
  client.socket.pause()
  let frames = 0
  for (let idle = 0; idle < 10; ) {
    const more = said.sayAllowed()
    frames += more
    idle = more === 0 ? idle + 1 : 0
    client.send({ type: 'pong', id: 0 })
    await harness.pass(100, 100)
  }
  assert.ok(frames > SPEECH_HIGH_WATER_BYTES / 650, 'it was the wire that stopped it')
  harness.speech.stream(created.sessionId).final(0, 'not lost')
  said.end()
  client.socket.resume()
  await until('frames', () => client.frames.length > 0)
  for (let left = 100; left > 0 && client.of('speak.ended').length === 0; left--) {
    client.send({ type: 'pong', id: 0 })
    await harness.pass(100, 100)
  }
  assert.equal((await client.expect('caption')).text, 'not lost')
  assert.equal((await client.expect('speak.ended')).samples, frames * 320)
  assert.deepEqual(
    placesOf(client),
    Array.from({ length: frames }, (_, n) => n * 320),
  )
  await harness.close()
})
