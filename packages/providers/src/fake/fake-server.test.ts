// The fake as a plain client sees it: fetch, and sockets by hand where that goes wrong.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { ok, systemClock } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { WebSocket } from 'ws'
import { ProviderHttp } from '../http/provider-http.ts'
import { testCertificate } from '../testing/certificate.ts'
import type { FakeBacking, FakeEars, FakeVoice } from './backing.ts'
import { type FakeProviderOptions, startFakeProvider } from './fake-server.ts'

const voice: FakeVoice = {
  voices: ['alloy'],
  async *speak({ text }) {
    for (const letter of text) yield Int16Array.of(letter.charCodeAt(0), 0)
  },
}
/** Hears one word for each tenth of a second, and ends what is said when it is asked to. */
const ears: FakeEars = {
  languages: ['en-US'],
  transcribe: async (wav) =>
    ok({ text: `${wav.length} bytes`, durationMs: 9, utterances: [{ text: 'x', startMs: 0, endMs: 9 }] }),
  async open(_, rateHz, listener) {
    let samples = 0
    const ms = () => (samples * 1000) / rateHz
    return ok({
      push(pushed) {
        samples += pushed.length
        listener.onPartial('word '.repeat(Math.floor(ms() / 100)).trim(), 0, ms())
      },
      flush() {
        if (samples > 0) listener.onFinal('word '.repeat(Math.floor(ms() / 100)).trim(), 0, ms())
        listener.onFlushed(ms())
      },
      close: async () => {},
    })
  },
}
const backing: FakeBacking = { chat: { answer: async ({ text, to }) => ok(`${to}: ${text}`) }, voice, ears }

async function started(t: TestContext, more: Partial<FakeProviderOptions> = {}) {
  const provider = await startFakeProvider({ clock: systemClock, backing, ...more })
  t.after(() => provider.close())
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${provider.url}${path}`, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers,
    })
  return { provider, post }
}

const task = JSON.stringify({ task: 'translate', from: 'en', to: 'es', text: 'good morning to you' })
const CHAT = { model: 'm', messages: [{ role: 'user', content: task }] }
const SPEECH = { model: 'v', voice: 'alloy', input: 'hello', response_format: 'pcm' }

interface ChatBody {
  readonly choices: { readonly message: { readonly content: string }; readonly delta?: { readonly content?: string } }[]
  readonly usage: {
    readonly prompt_tokens: number
    readonly completion_tokens: number
    readonly total_tokens: number
  } | null
}

test('[FPR4] chat answers the platform by its engine, others by an echo, with what it cost', async (t) => {
  const { post } = await started(t)
  const answer = (await (await post('/v1/chat/completions', CHAT)).json()) as ChatBody
  assert.deepEqual(JSON.parse(answer.choices[0]?.message.content ?? ''), { text: 'es: good morning to you' })
  const { prompt_tokens: input = 0, completion_tokens: output = 0, total_tokens: total } = answer.usage ?? {}
  assert.ok(input > 10 && output > 4 && total === input + output)
  const echo = { model: 'm', messages: [{ role: 'user', content: 'tell me a story' }] }
  const echoed = (await (await post('/v1/chat/completions', echo)).json()) as ChatBody
  assert.equal(echoed.choices[0]?.message.content, 'tell me a story')
})

test('[FPR4] chat streams as server-sent events, the usage last when it was asked for', async (t) => {
  const { post } = await started(t)
  const stream = async (more: object) => {
    const response = await post('/v1/chat/completions', { ...CHAT, stream: true, ...more })
    assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/)
    const lines = (await response.text()).split('\n\n').filter((line) => line !== '')
    assert.equal(lines.at(-1), 'data: [DONE]')
    return lines.slice(0, -1).map((line) => JSON.parse(line.slice('data: '.length)) as ChatBody)
  }
  const events = await stream({ stream_options: { include_usage: true } })
  assert.equal(
    events.map(({ choices }) => choices[0]?.delta?.content ?? '').join(''),
    '{"text":"es: good morning to you"}',
  )
  assert.ok(events.length > 5 && (events.at(-1)?.usage?.completion_tokens ?? 0) > 0)
  assert.ok((await stream({})).every(({ usage }) => !usage))
})

test('[FPR4] what is behind it and missing is refused in words', async (t) => {
  const { post } = await started(t, { backing: {} })
  const form = new FormData()
  form.set('model', 'm')
  form.set('file', new Blob([new Uint8Array(50)]), 'a.wav')
  for (const response of [await post('/v1/chat/completions', CHAT), await post('/v1/audio/speech', SPEECH)]) {
    assert.equal(response.status, 503)
    assert.match(await response.text(), /is behind this provider/)
  }
})

test('[FPR4] speech is audio as it is made; transcripts have the form that was asked for', async (t) => {
  const { post, provider } = await started(t)
  const spoken = await post('/v1/audio/speech', SPEECH)
  assert.equal(spoken.headers.get('content-type'), 'audio/pcm')
  assert.deepEqual(new Uint8Array(await spoken.arrayBuffer()).length, 20)
  const transcribe = async (format: string) => {
    const form = new FormData()
    form.set('model', 'm')
    form.set('response_format', format)
    form.set('file', new Blob([new Uint8Array(50)]), 'a.wav')
    return await fetch(`${provider.url}/v1/audio/transcriptions`, { method: 'POST', body: form })
  }
  assert.equal(await (await transcribe('text')).text(), '50 bytes')
  assert.deepEqual(await (await transcribe('json')).json(), { text: '50 bytes' })
  const verbose = (await (await transcribe('verbose_json')).json()) as { segments: object[]; duration: number }
  assert.deepEqual([verbose.segments.length, verbose.duration], [1, 0.009])
  assert.equal((await transcribe('srt')).status, 400)
})

test('[FPR2] limits are kept, said and lifted in time; the stats prove it', async (t) => {
  const clock = new ManualClock()
  const { post, provider } = await started(t, { clock, requestsPerMinute: 2, tokensPerMinute: 1_000 })
  const statuses = []
  for (let at = 0; at < 3; at++) statuses.push(await post('/v1/chat/completions', CHAT))
  assert.deepEqual(
    statuses.map(({ status }) => status),
    [200, 200, 429],
  )
  assert.equal(statuses[0]?.headers.get('x-ratelimit-remaining-requests'), '1')
  assert.equal(statuses[2]?.headers.get('retry-after'), '60')
  assert.match(await (statuses[2] as Response).text(), /rate_limit_exceeded/)
  clock.advance(60_000)
  assert.equal((await post('/v1/chat/completions', CHAT)).status, 200)
  const { chat } = provider.stats().routes
  assert.deepEqual([chat.requests, chat.answered, chat.limited, chat.inFlight], [4, 3, 1, 0])
  assert.equal(provider.stats().peakPerMinute.requests, 2)
  const read = (await (await fetch(`${provider.url}/fake/stats`)).json()) as ReturnType<typeof provider.stats>
  assert.deepEqual(read.routes.chat, chat)
})

test('[FPR3] each fault does what its name says, over HTTP/1.1 and HTTP/2, and is counted', async (t) => {
  const { cert, key } = await testCertificate()
  for (const tls of [undefined, { cert, key }]) {
    const { provider } = await started(t, tls ? { tls } : {})
    const clock = new ManualClock()
    const baseUrl = provider.url.replace('127.0.0.1', 'localhost')
    const http = new ProviderHttp({ clock, baseUrl, ca: cert })
    t.after(() => http.close())
    const call = {
      method: 'POST',
      path: '/v1/chat/completions',
      body: JSON.stringify(CHAT),
      firstByteMs: 5_000,
      wholeMs: 9_000,
      maxBytes: 99_999,
    } as const
    const outcome = async (fault: Parameters<typeof provider.failNext>[0]) => {
      provider.failNext(fault)
      const calling = http.call(call)
      await eventually(() => (provider.stats().faults[fault] === 1 ? undefined : 'not asked'))
      if (fault === 'hang') clock.advance(5_000)
      if (fault === 'slow') {
        // Half of what is left would be enough for an answer at any honest pace.
        await eventually(async () => {
          await clock.advanceAsync(1_000)
          return clock.pendingTimers > 0 ? 'not given up' : undefined
        })
      }
      const result = await calling
      return result.ok ? result.value.body.slice(0, 20) : result.error.kind
    }
    assert.equal(await outcome('429'), 'rate_limited')
    assert.equal(await outcome('429-silent'), 'rate_limited')
    assert.equal(await outcome('500'), 'server')
    assert.equal(await outcome('hang'), 'timeout')
    assert.equal(await outcome('slow'), 'timeout')
    assert.equal(await outcome('close'), 'broken')
    assert.equal(typeof (await outcome('nonsense')), 'string')
    const { chat } = provider.stats().routes
    await eventually(() => (provider.stats().routes.chat.inFlight === 0 ? undefined : 'still busy'))
    assert.equal(chat.requests, 7)
  }
})

test('[FPR3] faults are set while it runs, by its own door or for one request by a header', async (t) => {
  const { post, provider } = await started(t)
  assert.equal((await post('/v1/chat/completions', CHAT, { 'x-fake-fault': '500' })).status, 500)
  assert.equal((await post('/v1/chat/completions', CHAT)).status, 200)
  assert.equal((await post('/fake/faults', '500=100%')).status, 200)
  assert.equal((await post('/v1/chat/completions', CHAT)).status, 500)
  assert.equal((await post('/fake/faults', 'boom=1%')).status, 400)
  assert.equal((await post('/fake/faults', '')).status, 200)
  assert.equal((await post('/v1/chat/completions', CHAT)).status, 200)
  assert.deepEqual(provider.stats().faults, { 500: 2 })
})

test('[FPR5] what a real provider refuses is refused in its shape', async (t) => {
  const { post } = await started(t, { apiKey: 'right' })
  const authorised = { authorization: 'Bearer right' }
  const wrong = await post('/v1/chat/completions', CHAT, { authorization: 'Bearer wrong' })
  assert.equal(wrong.status, 401)
  assert.equal((await post('/v1/chat/completions', CHAT)).status, 401)
  const cases: [string, unknown, number, RegExp][] = [
    ['/v1/chat/completions', '{', 400, /not JSON/],
    ['/v1/chat/completions', {}, 400, /"param":"model"/],
    ['/v1/audio/speech', { ...SPEECH, voice: 'nobody' }, 400, /alloy/],
    ['/v1/audio/speech', { ...SPEECH, speed: 9 }, 400, /0\.25 to 4/],
    ['/v1/audio/speech', { ...SPEECH, input: 'x'.repeat(4_097) }, 400, /4096/],
    ['/v1/audio/speech', { ...SPEECH, response_format: 'mp3' }, 400, /pcm/],
    ['/v1/audio/transcriptions', {}, 400, /multipart/],
    ['/v1/other', {}, 404, /no POST/],
    ['/v1/chat/completions', 'x'.repeat(5 << 20), 413, /more than/],
  ]
  for (const [path, body, status, words] of cases) {
    const response = await post(path, body, authorised)
    assert.equal(response.status, status, path)
    assert.match(await response.text(), words)
  }
})

test('[FPR6] a request that is left is counted as such', async (t) => {
  const { provider } = await started(t, { latency: { p50Ms: 60_000, p95Ms: 60_000 } })
  const leaving = new AbortController()
  const asking = fetch(`${provider.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify(CHAT),
    signal: leaving.signal,
  })
  await eventually(() => (provider.stats().routes.chat.inFlight === 1 ? undefined : 'not asked'))
  leaving.abort()
  await assert.rejects(asking)
  await eventually(() => (provider.stats().routes.chat.abandoned === 1 ? undefined : 'not left'))
})

test('[FPR4] live recognition as the protocol has it: interim and final results, Finalize, CloseStream, Metadata', async (t) => {
  const { provider } = await started(t, { apiKey: 'right' })
  const url = `${provider.url.replace('http', 'ws')}/v1/listen?language=en&sample_rate=16000&interim_results=true&utterance_end_ms=1000&vad_events=true`
  const socket = new WebSocket(url, ['token', 'right'])
  const messages: Record<string, unknown>[] = []
  socket.on('message', (data) => messages.push(JSON.parse(String(data)) as Record<string, unknown>))
  const closed = new Promise<number>((resolve) => socket.on('close', resolve))
  await new Promise((resolve) => socket.on('open', resolve))
  socket.send(Buffer.alloc(2 * 8_000))
  socket.send('{"type":"KeepAlive"}')
  socket.send('{"type":"Finalize"}')
  await eventually(() => (messages.some(({ from_finalize: from }) => from === true) ? undefined : 'not finalised'))
  assert.deepEqual(
    messages.map(({ type, is_final: isFinal }) => (type === 'Results' ? `${type} ${isFinal}` : type)),
    ['SpeechStarted', 'Results false', 'Results true', 'UtteranceEnd', 'Results true'],
  )
  const { channel, start, duration } = messages[2] as {
    channel: { alternatives: { transcript: string; words: { start: number; end: number }[] }[] }
    start: number
    duration: number
  }
  const [best] = channel.alternatives
  assert.deepEqual([best?.transcript, best?.words.length, start, duration], ['word word word word word', 5, 0, 0.5])
  assert.equal(best?.words.at(-1)?.end, 0.5)
  socket.send('{"type":"CloseStream"}')
  assert.equal(await closed, 1000)
  assert.equal(messages.at(-1)?.type, 'Metadata')
  await eventually(() => (provider.stats().routes.listen.answered === 1 ? undefined : 'not in the books'))
})

test('[FPR5] live connections that a real provider refuses are refused', async (t) => {
  const { provider } = await started(t, { apiKey: 'right', requestsPerMinute: 1 })
  const attempt = (query: string, key = 'right') =>
    new Promise<number>((resolve) => {
      const socket = new WebSocket(`${provider.url.replace('http', 'ws')}/v1/${query}`, {
        headers: { authorization: `Token ${key}` },
      })
      socket.on('unexpected-response', (_, response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      })
      socket.on('open', () => {
        socket.close()
        resolve(101)
      })
      socket.on('error', () => {})
    })
  assert.equal(await attempt('listen', 'wrong'), 401)
  assert.equal(await attempt('listen?language=fr'), 400)
  assert.equal(await attempt('listen?encoding=opus'), 400)
  assert.equal(await attempt('speak'), 404)
  assert.equal(await attempt('listen'), 101)
  assert.equal(await attempt('listen'), 429)
})
