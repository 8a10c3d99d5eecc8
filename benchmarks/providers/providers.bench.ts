// What a pool of connections that is opened beforehand and kept is worth, against a connection for each call: the time of one short chat call
// over TLS to a provider 20 ms away (10 ms each way, by the relay), both in turns in one run. And what a session costs at a provider: calls and
// tokens of a minute, counted by the provider.
import { SENTENCES } from '@parley/audio/testing'
import { systemClock } from '@parley/kernel'
import { startRelay } from '@parley/lab'
import { OpenAiClient, ProviderClients, type ProviderSettings } from '@parley/providers'
import type { FakeStats } from '@parley/providers/fake'
import { createProviderTextEngines } from '@parley/text/engines'
import type { BenchContext, Benchmark, BenchReport } from '../lib/benchmark.ts'
import { BenchChild } from '../lib/child.ts'
import { median, quantile, round } from '../lib/stats.ts'

const ONE_WAY_MS = 10
const HOLD_RATIO = 0.6
const REQUEST = {
  model: 'fake',
  system: 'Translate.',
  user: '{"task":"translate","from":"en","to":"es","text":"the train to the city leaves at half past seven"}',
  maxTokens: 100,
  schema: { name: 'caption', schema: { type: 'object' } },
}
/** Of a minute of one session: partials and finals, translated and polished. */
const MIX = { partials: 12, finals: 10 }

async function timed(client: OpenAiClient): Promise<number> {
  const startMs = systemClock.nowMs()
  const answered = await client.chat(REQUEST, { timeoutMs: 10_000 })
  if (!answered.ok) throw new Error(answered.error.message)
  return systemClock.nowMs() - startMs
}

/** Calls with a connection of their own and calls of a pool that stands, in turns. */
async function compare(settings: ProviderSettings, ca: string, rounds: number) {
  const create = (warmConnections: number) => new OpenAiClient({ clock: systemClock, settings, ca, warmConnections })
  const pooled = create(2)
  await pooled.start()
  const warmMs: number[] = []
  const coldMs: number[] = []
  try {
    // The first few of each meet code that is not compiled.
    for (let round = -3; round < rounds; round++) {
      const single = create(0)
      const cold = await timed(single)
      await single.close()
      const warm = await timed(pooled)
      if (round < 0) continue
      coldMs.push(cold)
      warmMs.push(warm)
    }
  } finally {
    await pooled.close()
  }
  return { warmMs, coldMs }
}

/** One minute of one session, as fast as it goes: 12 partials and 10 finals, each translated and polished. */
async function minuteOfSession(settings: ProviderSettings, ca: string): Promise<void> {
  const clients = new ProviderClients({ clock: systemClock, providers: [settings], ca })
  const { translators, polishers } = createProviderTextEngines([settings], { clock: systemClock, clients })
  const [translator, polisher] = [translators[0], polishers[0]]
  if (!translator || !polisher) throw new Error('no engines')
  await translator.start()
  const sentence = (at: number) => SENTENCES[at % SENTENCES.length] as string
  const half = (text: string) => text.slice(0, text.lastIndexOf(' ', text.length / 2 + 4))
  const texts = [
    ...Array.from({ length: MIX.partials }, (_, at) => half(sentence(at))),
    ...Array.from({ length: MIX.finals }, (_, at) => `${sentence(at)}.`),
  ]
  for (const text of texts) {
    const common = { requestId: 'bench', text, deadlineMs: 10_000 }
    const outcomes = await Promise.all([
      translator.translate({ ...common, from: 'en', to: 'es' }),
      polisher.polish({ ...common, language: 'en' }),
    ])
    for (const outcome of outcomes) if (!outcome.ok) throw new Error(outcome.error.message)
  }
  await Promise.all([translator.close(), polisher.close()])
}

async function run(context: BenchContext): Promise<BenchReport> {
  const child = new BenchChild(new URL('./provider-side.ts', import.meta.url).pathname)
  try {
    const { port, cert } = await child.ask<{ port: number; cert: string }>('start')
    const relay = await startRelay({
      clock: systemClock,
      seed: 1,
      impairment: { both: { delayMs: ONE_WAY_MS } },
      tcp: { listen: { host: '127.0.0.1', port: 0 }, to: { host: '127.0.0.1', port } },
    })
    const settings = (at: number): ProviderSettings => ({
      id: 'bench',
      protocol: 'openai',
      baseUrl: `https://localhost:${at}/v1`,
      roles: ['translate', 'polish'],
      chatModel: 'fake',
    })
    context.progress('one call at a time, cold and pooled in turns')
    const { warmMs, coldMs } = await compare(settings(relay.tcp?.port ?? 0), cert, context.quick ? 10 : 60)
    await relay.close()
    context.progress('a minute of one session')
    const before = await child.ask<FakeStats>('stats')
    await minuteOfSession(settings(port), cert)
    const { chat } = (await child.ask<FakeStats>('stats')).routes
    const calls = chat.requests - before.routes.chat.requests
    const inputTokens = chat.inputTokens - before.routes.chat.inputTokens
    const outputTokens = chat.outputTokens - before.routes.chat.outputTokens
    return report({ warmMs, coldMs, calls, inputTokens, outputTokens })
  } finally {
    await child.stop()
  }
}

function report(measured: {
  readonly warmMs: readonly number[]
  readonly coldMs: readonly number[]
  readonly calls: number
  readonly inputTokens: number
  readonly outputTokens: number
}): BenchReport {
  const { warmMs, coldMs, calls, inputTokens, outputTokens } = measured
  const ratio = median(warmMs) / median(coldMs)
  const data = {
    roundTripMs: 2 * ONE_WAY_MS,
    pooledMsP50: round(median(warmMs)),
    pooledMsP95: round(quantile(warmMs, 0.95)),
    coldMsP50: round(median(coldMs)),
    coldMsP95: round(quantile(coldMs, 0.95)),
    pooledToColdRatio: round(ratio, 3),
    callsPerSessionMinute: calls,
    inputTokensPerSessionMinute: inputTokens,
    outputTokensPerSessionMinute: outputTokens,
  }
  return {
    lines: [
      `one chat call over TLS, ${data.roundTripMs} ms away: pooled p50 ${data.pooledMsP50} p95 ${data.pooledMsP95} ms, cold p50 ` +
        `${data.coldMsP50} p95 ${data.coldMsP95} ms; ratio ${data.pooledToColdRatio} (to hold: <= ${HOLD_RATIO})`,
      `a minute of one session (${MIX.partials} partials, ${MIX.finals} finals, translated and polished): ${calls} calls, ` +
        `${inputTokens} + ${outputTokens} tokens`,
    ],
    data,
    held: ratio <= HOLD_RATIO,
  }
}

export const benchmark: Benchmark = {
  summary: 'calls to a provider over a kept pool against a connection each; calls and tokens of a session-minute',
  run,
}
