import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { OpenAiClient } from './openai-client.ts'

const REQUEST = { model: 'm', system: 's', user: 'u', maxTokens: 9, schema: { name: 'n', schema: { type: 'object' } } }

async function serve(
  t: TestContext,
  onRequest: (path: string, body: string, ...rest: Parameters<RequestListener>) => void,
) {
  const server = createServer((request, reply) => {
    let body = ''
    request.on('data', (part) => {
      body += part
    })
    request.on('end', () => onRequest(request.url ?? '', body, request, reply))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const clock = new ManualClock()
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
  const client = new OpenAiClient({
    clock,
    settings: { id: 'x', protocol: 'openai', baseUrl, apiKey: 'k', roles: ['translate'] },
  })
  t.after(async () => {
    await client.close()
    server.closeAllConnections()
    server.close()
  })
  return { clock, client, server }
}

const chat = (client: OpenAiClient) => client.chat(REQUEST, { timeoutMs: 5_000 })
const GOOD = JSON.stringify({ choices: [{ message: { content: 'yes' }, finish_reason: 'stop' }] })

test('[PRV20] started it opens its connections, asks again when nobody has for 30 s, and never while calls go well', async (t) => {
  let models = 0
  const { clock, client } = await serve(t, (path, _, __, reply) => {
    if (path === '/v1/models') models++
    reply.end(path === '/v1/models' ? '{}' : GOOD)
  })
  assert.equal(client.reachability.is, 'unknown')
  await Promise.all([client.start(), client.start()])
  assert.deepEqual([client.reachability.is, models, client.connections.connected], ['reachable', 2, 2])
  clock.advance(30_000)
  await eventually(() => (models < 4 ? 'not asked again' : undefined))
  await eventually(() => (clock.pendingTimers === 1 ? undefined : 'it is still asking'))
  clock.advance(20_000)
  assert.ok((await chat(client)).ok)
  clock.advance(10_000)
  await eventually(() => (clock.pendingTimers === 1 ? undefined : 'it is asking'))
  assert.equal(models, 4)
})

test('[PRV20] what says wait, or has no such list, is reachable; what is in trouble or refuses the key is not', async (t) => {
  let status = 404
  const { client } = await serve(t, (_, __, ___, reply) => void reply.writeHead(status).end('{}'))
  for (const [next, is] of [
    [404, 'reachable'],
    [401, 'unreachable'],
    [429, 'reachable'],
    [503, 'unreachable'],
    [200, 'reachable'],
  ] as const) {
    status = next
    assert.equal((await client.check()).is, is, String(next))
  }
})

test('[PRV20] lost under a call it is looked for every 10 s, and who listens hears of both', async (t) => {
  let isBad = false
  let models = 0
  const { clock, client } = await serve(t, (path, _, __, reply) => {
    if (path === '/v1/models') models++
    reply.writeHead(isBad ? 401 : 200).end(GOOD)
  })
  await client.start()
  const heard: string[] = []
  const forget = client.onChange(() => heard.push(client.reachability.is))
  isBad = true
  const failed = await chat(client)
  assert.equal(!failed.ok && failed.error.kind, 'key_refused')
  assert.deepEqual(heard, ['unreachable'])
  clock.advance(10_000)
  await eventually(() => (models < 4 ? 'not asked again' : undefined))
  await eventually(() => (clock.pendingTimers === 1 ? undefined : 'it is still asking'))
  isBad = false
  await eventually(async () => {
    await clock.advanceAsync(1_000)
    return client.reachability.is === 'reachable' ? undefined : 'not found again'
  })
  assert.deepEqual(heard, ['unreachable', 'reachable'])
  forget()
})

test('[PRV21] a field that is refused costs one call, once', async (t) => {
  const bodies: Record<string, unknown>[] = []
  const { client } = await serve(t, (_, body, __, reply) => {
    const asked = JSON.parse(body) as Record<string, unknown>
    bodies.push(asked)
    const refused = ['response_format', 'max_completion_tokens', 'temperature'].find((field) => field in asked)
    if (refused === undefined) reply.end(GOOD)
    else reply.writeHead(400).end(JSON.stringify({ error: { message: `unknown ${refused}`, param: refused } }))
  })
  const first = await chat(client)
  assert.equal(first.ok && first.value.text, 'yes')
  // The schema, then the plain object, then the name of the limit, then the temperature.
  assert.equal(bodies.length, 5)
  assert.deepEqual(Object.keys(bodies.at(-1) ?? {}), ['model', 'messages', 'max_tokens'])
  assert.ok((await chat(client)).ok)
  assert.equal(bodies.length, 6)
})

test('[PRV21] a server that refuses everything is asked a few times, not for ever', async (t) => {
  let asked = 0
  const { client } = await serve(t, (_, __, ___, reply) => {
    asked++
    reply.writeHead(400).end('{"error":{"message":"temperature max_tokens response_format"}}')
  })
  const failed = await chat(client)
  assert.equal(!failed.ok && failed.error.kind, 'refused')
  assert.ok(asked <= 6, `${asked} calls`)
})

test('[PRV23] speech comes part by part; what is no audio is refused before any of it is passed on', async (t) => {
  let type = 'audio/pcm'
  const { client } = await serve(t, (_, body, __, reply) => {
    assert.deepEqual(JSON.parse(body), {
      model: 'v',
      voice: 'alloy',
      input: 'hello',
      speed: 1.5,
      response_format: 'pcm',
    })
    reply.writeHead(200, { 'content-type': type })
    reply.write('one')
    setImmediate(() => reply.end('two'))
  })
  const speak = async () => {
    const parts: string[] = []
    const request = { model: 'v', voice: 'alloy', text: 'hello', speed: 1.5 }
    return { result: await client.speech(request, (part) => void parts.push(String(part))), parts }
  }
  const good = await speak()
  assert.deepEqual([good.result.ok, good.parts.join('')], [true, 'onetwo'])
  for (const wrong of ['application/json', 'text/html; charset=utf-8']) {
    type = wrong
    const { result, parts } = await speak()
    assert.ok(!result.ok && result.error.kind === 'nonsense')
    assert.deepEqual(parts, [])
  }
})

test('[PRV22] [PRV24] a transcript is a text; anything else is nonsense', async (t) => {
  let answer = '{"text":" hello "}'
  let type = ''
  const { client } = await serve(t, (_, __, request, reply) => {
    type = String(request.headers['content-type'])
    reply.end(answer)
  })
  const transcribe = () => client.transcribe({ model: 'm', wav: new Uint8Array(10), language: 'en', timeoutMs: 1_000 })
  assert.deepEqual(await transcribe(), { ok: true, value: ' hello ' })
  assert.match(type, /^multipart\/form-data; boundary=/)
  for (const wrong of ['', '{}', '{"text":1}', 'null', '<html>']) {
    answer = wrong
    const failed = await transcribe()
    assert.equal(!failed.ok && failed.error.kind, 'nonsense', wrong)
  }
})
