import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { ok, systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { EXIT } from '../exit-codes.ts'
import type { Output } from '../output/index.ts'
import { type BackingEngines, createBacking } from './engines.ts'
import { type FakeIo, type FakeRunOptions, runFakeProvider, summaryLines } from './fake-run.ts'
import { parseFail, parseLatency, parsePerMinute } from './values.ts'

function rig(engines?: Partial<BackingEngines>) {
  const lines: string[] = []
  const jsons: Record<string, unknown>[] = []
  const plain = new Proxy({}, { get: () => (text: string) => text })
  const output = {
    line: (text: string) => void lines.push(text),
    warn: (text: string) => void lines.push(`warning: ${text}`),
    json: (value: Record<string, unknown>) => void jsons.push(value),
    out: plain,
  } as unknown as Output
  let interrupt = () => {}
  let closed = 0
  const io: FakeIo = {
    output,
    clock: systemClock,
    createBacking: async () => ({
      backing: { chat: { answer: async () => ok('hola') } },
      lines: ['translates one pair (test)'],
      close: async () => void closed++,
      ...engines,
    }),
    onInterrupt: (fn) => {
      interrupt = fn
      return () => {}
    },
  }
  return { io, lines, jsons, interrupt: () => interrupt(), closed: () => closed }
}

const options = (more: Partial<FakeRunOptions> = {}): FakeRunOptions => ({
  protocol: 'openai',
  listen: { host: '127.0.0.1', port: 0 },
  requestsPerMinute: undefined,
  tokensPerMinute: undefined,
  latency: undefined,
  faults: {},
  seed: 1,
  apiKey: undefined,
  json: false,
  forMs: undefined,
  ...more,
})

const ask = (baseUrl: string) =>
  fetch(`${baseUrl}/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({
      model: 'm',
      messages: [{ role: 'user', content: JSON.stringify({ task: 'translate', from: 'en', to: 'es', text: 'hello' }) }],
    }),
  })

test('[FPC1] it says where it is and what is behind it, and at the end what it was asked', async () => {
  const { io, lines, interrupt, closed } = rig()
  const running = runFakeProvider(options({ requestsPerMinute: 1, tokensPerMinute: 9_000 }), io)
  await eventually(() => (lines.length < 4 ? 'not started' : undefined))
  const baseUrl = /http:\/\/127\.0\.0\.1:\d+\/v1/.exec(lines[0] ?? '')?.[0] ?? ''
  assert.equal(lines[1], '  translates one pair (test)')
  assert.match(lines[2] ?? '', /1 requests and 9000 tokens in any minute/)
  assert.equal((await ask(baseUrl)).status, 200)
  assert.equal((await ask(baseUrl)).status, 429)
  interrupt()
  assert.equal(await running, EXIT.ok)
  assert.match(lines.join('\n'), /chat: 2 asked, 1 answered, 1 over the limit/)
  assert.match(lines.join('\n'), /most in a minute: 1 requests/)
  assert.equal(closed(), 1)
})

test('[FPC1] [FPC2] in JSON: ready, summary, and the settings it has', async () => {
  const { io, jsons, interrupt } = rig()
  const more = {
    json: true,
    faults: parseFail('500=100%'),
    latency: parseLatency('1ms'),
    apiKey: 'k',
    seed: 7,
    forMs: 60_000,
  }
  const running = runFakeProvider(options(more), io)
  await eventually(() => (jsons.length < 1 ? 'not started' : undefined))
  const { type, baseUrl, faults, latency, seed } = jsons[0] as Record<string, unknown>
  assert.deepEqual([type, faults, latency, seed], ['ready', { 500: 1 }, { p50Ms: 1, p95Ms: 1 }, 7])
  assert.equal((await ask(String(baseUrl))).status, 401)
  const headers = { authorization: 'Bearer k' }
  const failing = await fetch(`${baseUrl}/chat/completions`, { method: 'POST', body: '{}', headers })
  assert.equal(failing.status, 500)
  interrupt()
  assert.equal(await running, EXIT.interrupted)
  const { type: last, why, faults: went } = jsons.at(-1) as Record<string, unknown>
  assert.deepEqual([last, why, went], ['summary', 'interrupted', { 500: 1 }])
})

test('[FPC2] what cannot be read is refused with the right form', () => {
  assert.deepEqual(parseLatency('300ms,1s'), { p50Ms: 300, p95Ms: 1_000 })
  assert.throws(() => parseLatency('900ms,300ms'), /below the median/)
  assert.throws(() => parseLatency('300'), /a time with its unit/)
  assert.throws(() => parseLatency('1ms,2ms,3ms'), /median and the 95th/)
  assert.throws(() => parsePerMinute('many'), /whole number per minute/)
  assert.throws(() => parseFail('boom=1%'), /"boom" is not a kind of fault; there are 429/)
  assert.throws(() => parseFail('500=99%,hang=2%'), /101% together/)
})

test('[FPC3] a port that is taken is told, and nothing is left running', async (t) => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  t.after(() => taken.close())
  const { io, closed } = rig()
  const { port } = taken.address() as AddressInfo
  await assert.rejects(
    runFakeProvider(options({ listen: { host: '127.0.0.1', port } }), io),
    /is taken; give another port/,
  )
  assert.equal(closed(), 1)
})

test('[FPC4] the real engines say what they can, or the command that installs them', async (t) => {
  const { backing, lines, close } = await createBacking('openai', systemClock)
  t.after(close)
  assert.equal(lines.length, 4)
  for (const line of lines) assert.match(line, /^(translates|polishes|speaks|hears) ./)
  assert.ok(backing.voice?.voices.includes('alloy'))
})

test('[FPC1] a run in which nothing was asked says so', () => {
  const lines = summaryLines({
    routes: {} as never,
    faults: {},
    connections: { opened: 0, open: 0 },
    peakPerMinute: { requests: 0, tokens: 0 },
  })
  assert.equal(lines[0], 'nothing was asked')
})
