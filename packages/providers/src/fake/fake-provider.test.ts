import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { ok, seededRandom } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { OpenAiClient } from '../openai/openai-client.ts'
import type { FakeBacking } from './backing.ts'
import { type FakeProviderOptions, startFakeProvider } from './fake-server.ts'
import { FAULT_KINDS, type FaultKind, nextFault, parseFaults } from './faults.ts'
import { nextLatencyMs } from './latency.ts'
import { RateLimits } from './rate-limits.ts'

/** A tone for a voice: what is said does not matter here. */
const backing: FakeBacking = {
  chat: { answer: async ({ text }, isWrong) => ok(isWrong ? 'falsch' : text.toUpperCase()) },
  voice: {
    voices: ['tone'],
    async *speak({ text }) {
      for (let part = 0; part < 3; part++) yield new Int16Array(240).fill(text.length + part)
    },
  },
}

async function started(t: TestContext, options: Partial<FakeProviderOptions> = {}) {
  const clock = new ManualClock()
  const provider = await startFakeProvider({ clock, backing, apiKey: 'sk-right', ...options })
  t.after(() => provider.close())
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${provider.url}${path}`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-right', 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  const chat = (text: string, more: object = {}) =>
    post('/v1/chat/completions', { model: 'm', messages: [{ role: 'user', content: text }], ...more })
  return { clock, provider, post, chat }
}

test('[FPR1] faults come by kind and share, and again with the same seed', () => {
  const shares = parseFaults('hang=10%, 500=20%')
  assert.ok(shares.ok)
  const run = (seed: number) => {
    const random = seededRandom(seed)
    return Array.from({ length: 2_000 }, () => nextFault(shares.value, random))
  }
  assert.deepEqual(run(7), run(7))
  assert.notDeepEqual(run(7), run(8))
  const share = (kind: FaultKind | undefined) => run(7).filter((each) => each === kind).length / 2_000
  assert.ok(Math.abs(share('hang') - 0.1) < 0.03 && Math.abs(share('500') - 0.2) < 0.03, `${share('hang')}`)
  const usual = parseFaults('3%')
  assert.ok(usual.ok && Math.abs(Object.values(usual.value).reduce((sum, each) => sum + each, 0) - 0.03) < 1e-9)
  for (const wrong of ['often', 'sleep=1%', '60%,500=50%']) assert.ok(!parseFaults(wrong).ok, wrong)
})

test('[FPR1] latencies have the median and the 95th percentile that were asked for, and again with the same seed', () => {
  const run = (seed: number) => {
    const random = seededRandom(seed)
    return Array.from({ length: 4_000 }, () => nextLatencyMs({ p50Ms: 200, p95Ms: 800 }, random))
  }
  assert.deepEqual(run(3), run(3))
  const sorted = run(3).sort((a, b) => a - b)
  const [median = 0, p95 = 0] = [sorted[2_000], sorted[3_800]]
  assert.ok(Math.abs(median / 200 - 1) < 0.15 && Math.abs(p95 / 800 - 1) < 0.2, `${median} ${p95}`)
  assert.equal(nextLatencyMs({ p50Ms: 0, p95Ms: 0 }, seededRandom(1)), 0)
})

test('[FPR2] no 60 s have more than the limits, and after the advice there is room', () => {
  const random = seededRandom(11)
  const limits = new RateLimits({ requestsPerMinute: 30, tokensPerMinute: 2_000 })
  const admitted: { atMs: number; tokens: number }[] = []
  let nowMs = 0
  for (let n = 0; n < 2_000; n++) {
    nowMs += Math.floor(random() * 900)
    const tokens = Math.floor(random() * 150)
    let answer = limits.admit(nowMs, tokens)
    if (!answer.isAdmitted) {
      nowMs += answer.retryAfterMs
      answer = limits.admit(nowMs, tokens)
      assert.ok(answer.isAdmitted, 'no room after the advice')
    }
    admitted.push({ atMs: nowMs, tokens })
    const window = admitted.filter(({ atMs }) => atMs > nowMs - 60_000)
    assert.ok(window.length <= 30 && window.reduce((sum, each) => sum + each.tokens, 0) <= 2_000)
  }
  assert.ok(admitted.length === 2_000)
})

test('[FPR2] tokens are put right by what an answer cost; every answer says what remains', async (t) => {
  const limits = new RateLimits({ tokensPerMinute: 100 })
  const first = limits.admit(0, 90)
  assert.ok(!limits.admit(1, 20).isAdmitted)
  first.admitted?.correct(10)
  assert.ok(limits.admit(2, 20).isAdmitted)
  const { chat, clock } = await started(t, { requestsPerMinute: 2 })
  const answers = [await chat('one'), await chat('two'), await chat('three')]
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 429],
  )
  assert.deepEqual(
    answers.map(({ headers }) => headers.get('x-ratelimit-remaining-requests')),
    ['1', '0', '0'],
  )
  const retryAfterMs = Number(answers[2]?.headers.get('retry-after-ms'))
  assert.ok(retryAfterMs > 0 && Number(answers[2]?.headers.get('retry-after')) >= retryAfterMs / 1000)
  clock.advance(retryAfterMs)
  assert.equal((await chat('four')).status, 200)
})

test('[FPR3] each kind of fault does on the wire what its name says, and is counted', async (t) => {
  const { provider, chat, clock } = await started(t)
  const status = async (kind: FaultKind) => {
    provider.failNext(kind)
    return await chat('hello there')
  }
  const limited = await status('429')
  assert.deepEqual([limited.status, limited.headers.has('retry-after')], [429, true])
  const silent = await status('429-silent')
  assert.deepEqual([silent.status, silent.headers.has('retry-after')], [429, false])
  assert.equal((await status('500')).status, 500)
  provider.failNext('close')
  await assert.rejects(async () => await (await chat('hello there')).text())
  provider.failNext('hang')
  const gone = AbortSignal.timeout(200)
  const hanging = fetch(`${provider.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-right' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x' }] }),
    signal: gone,
  })
  await assert.rejects(hanging, { name: 'TimeoutError' })
  provider.failNext('slow')
  const slow = await chat('a')
  const reader = slow.body?.getReader()
  let bytes = 0
  const reading = (async () => {
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) bytes += part.value.length
  })()
  await eventually(async () => {
    await clock.advanceAsync(1_000)
    return bytes >= 3 ? undefined : `${bytes} bytes`
  })
  assert.ok(bytes < 60, 'a byte at a time')
  await reader?.cancel()
  await reading
  const nonsense = await status('nonsense')
  assert.equal(nonsense.status, 200)
  const stats = provider.stats()
  for (const kind of FAULT_KINDS.filter((each) => each !== 'wrong-language')) assert.equal(stats.faults[kind], 1, kind)
})

test('[FPR5] what a real provider would refuse is refused in its shape', async (t) => {
  const { provider, post, chat } = await started(t)
  const problem = async (answer: Response) => {
    const { error } = (await answer.json()) as { error: { message: string; code?: string; param?: string } }
    assert.ok(error.message.length > 0)
    return { status: answer.status, code: error.code, param: error.param }
  }
  const unknown = await fetch(`${provider.url}/v1/models`, { headers: { authorization: 'Bearer sk-wrong' } })
  assert.deepEqual(await problem(unknown), { status: 401, code: 'invalid_api_key', param: null })
  assert.equal((await problem(await chat('x', { model: undefined }))).status, 400)
  const speech = { model: 'm', input: 'hello', voice: 'tone', response_format: 'pcm' }
  assert.equal((await problem(await post('/v1/audio/speech', { ...speech, voice: 'nobody' }))).param, 'voice')
  assert.equal((await problem(await post('/v1/audio/speech', { ...speech, input: 'x'.repeat(5_000) }))).param, 'input')
  const form = new FormData()
  form.set('file', new Blob([new Uint8Array(26 << 20)]), 'long.wav')
  form.set('model', 'm')
  const tooLarge = await fetch(`${provider.url}/v1/audio/transcriptions`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-right' },
    body: form,
  }).then(
    ({ status }) => status,
    // A server that ends the connection while the body is on its way is not always heard to say why.
    () => 413,
  )
  assert.equal(tooLarge, 413)
  assert.equal((await post('/v1/nowhere', {})).status, 404)
})

test('[FPR6] the statistics tell what was asked and what became of it', async (t) => {
  const { provider, chat, post, clock } = await started(t, { requestsPerMinute: 3, latency: { p50Ms: 50, p95Ms: 50 } })
  const asked = Promise.all([
    chat('one'),
    chat('two'),
    post('/v1/audio/speech', { model: 'm', input: 'hi', voice: 'tone', response_format: 'pcm' }),
  ])
  await eventually(async () => (provider.stats().routes.chat.requests === 2 ? undefined : 'not asked yet'))
  await eventually(async () => {
    await clock.advanceAsync(100)
    return provider.stats().routes.chat.answered === 2 ? undefined : 'not answered'
  })
  for (const answer of await asked) await answer.arrayBuffer()
  assert.equal((await chat('one too many')).status, 429)
  const stats = (await (await fetch(`${provider.url}/fake/stats`)).json()) as ReturnType<typeof provider.stats>
  const { requests, answered, limited, failed } = stats.routes.chat
  assert.deepEqual({ requests, answered, limited, failed }, { requests: 3, answered: 2, limited: 1, failed: 0 })
  assert.equal(stats.routes.speech.answered, 1)
})

const settings = (url: string, apiKey = 'sk-right') => ({
  id: 'fake',
  protocol: 'openai' as const,
  baseUrl: `${url}/v1`,
  apiKey,
  roles: ['synthesise' as const],
})

test('[PRV20] started, it knows whether the provider is there and takes its key, and asks again by itself', async (t) => {
  const { provider, clock } = await started(t)
  const client = new OpenAiClient({ clock, settings: settings(provider.url) })
  t.after(() => client.close())
  await client.start()
  assert.deepEqual(client.reachability, { is: 'reachable' })
  const asked = provider.stats().routes.models.requests
  assert.ok(asked >= 1)
  await clock.advanceAsync(30_000)
  await eventually(() => (provider.stats().routes.models.requests > asked ? undefined : 'not asked again'))
  const stranger = new OpenAiClient({ clock, settings: settings(provider.url, 'sk-wrong') })
  t.after(() => stranger.close())
  await stranger.start()
  assert.equal(stranger.reachability.is, 'unreachable')
  assert.doesNotMatch(JSON.stringify(stranger.reachability), /sk-wrong/)
})

test('[PRV23] speech comes part by part; an answer that is no audio is told before any of it is passed on', async (t) => {
  const { provider, clock } = await started(t)
  const client = new OpenAiClient({ clock, settings: settings(provider.url), warmConnections: 0 })
  t.after(() => client.close())
  const request = { model: 'm', voice: 'tone', text: 'abc', speed: 1 }
  let bytes = 0
  const onPart = (part: Buffer) => {
    bytes += part.byteLength
  }
  const speech = await client.speech(request, onPart)
  assert.ok(speech.ok, JSON.stringify(speech))
  assert.equal(bytes, 3 * 240 * 2)
  provider.failNext('nonsense')
  const wrong = await client.speech(request, onPart)
  assert.ok(!wrong.ok && wrong.error.kind === 'nonsense', JSON.stringify(wrong))
  assert.equal(bytes, 3 * 240 * 2)
})
