// One run of `parley fake-provider`: starts the server, says how it is used, ends when told and says what it was asked.
import type { Clock } from '@parley/kernel'
import type { Address } from '@parley/lab'
import {
  type FakeProviderOptions,
  type FakeStats,
  type FaultShares,
  type Latency,
  startFakeProvider,
} from '@parley/providers/fake'
import { CliError, EXIT, type ExitCode } from '../exit-codes.ts'
import type { Output } from '../output/index.ts'
import type { BackingEngines, FakeProtocol } from './engines.ts'

export interface FakeRunOptions {
  readonly protocol: FakeProtocol
  readonly listen: Address
  readonly requestsPerMinute: number | undefined
  readonly tokensPerMinute: number | undefined
  readonly latency: Latency | undefined
  readonly faults: FaultShares
  readonly seed: number
  readonly apiKey: string | undefined
  readonly json: boolean
  /** Undefined: until told. */
  readonly forMs: number | undefined
}

export interface FakeIo {
  readonly output: Output
  readonly clock: Clock
  readonly createBacking: (protocol: FakeProtocol, clock: Clock) => Promise<BackingEngines>
  /** Calls `fn` at Ctrl-C and SIGTERM until the returned function is called. */
  onInterrupt(fn: () => void): () => void
}

const JSON_STATUS_EVERY_MS = 1_000

/** Resolves with the exit code when it has ended. Throws CliError when it cannot start. */
export async function runFakeProvider(options: FakeRunOptions, io: FakeIo): Promise<ExitCode> {
  const { output, clock } = io
  const engines = await io.createBacking(options.protocol, clock)
  const provider = await start(options, io, engines).catch(async (error: unknown) => {
    await engines.close()
    throw error
  })
  const { promise: ended, resolve: end } = Promise.withResolvers<'time' | 'interrupted'>()
  const { forMs } = options
  const timer = forMs === undefined ? undefined : clock.after(forMs, () => end('time'))
  const off = io.onInterrupt(() => end('interrupted'))
  greet(options, provider.url, engines.lines, output)
  const ticker = options.json
    ? clock.every(JSON_STATUS_EVERY_MS, () => output.json({ type: 'stats', ...provider.stats() }))
    : undefined
  const why = await ended
  timer?.cancel()
  ticker?.cancel()
  off()
  const stats = provider.stats()
  if (options.json) output.json({ type: 'summary', why, ...stats })
  else for (const line of summaryLines(stats)) output.line(line)
  await provider.close()
  await engines.close()
  return why === 'interrupted' && forMs !== undefined ? EXIT.interrupted : EXIT.ok
}

async function start(options: FakeRunOptions, { clock }: FakeIo, { backing }: BackingEngines) {
  const { listen, requestsPerMinute, tokensPerMinute, latency, faults, seed, apiKey } = options
  const asked: FakeProviderOptions = {
    clock,
    backing,
    ...listen,
    requestsPerMinute,
    tokensPerMinute,
    latency,
    faults,
    seed,
    apiKey,
  }
  try {
    return await startFakeProvider(asked)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const where = `${listen.host}:${listen.port}`
    if (code === 'EADDRINUSE')
      throw new CliError(`${where} is taken; give another port with --listen, or 0 for a free one`, EXIT.port)
    if (code === 'EACCES')
      throw new CliError(`this user may not listen on ${where}; give a port above 1023`, EXIT.permission)
    if (code === 'EADDRNOTAVAIL') throw new CliError(`this machine has no address ${listen.host}`, EXIT.usage)
    throw error
  }
}

function greet(options: FakeRunOptions, url: string, lines: readonly string[], output: Output): void {
  const { protocol, requestsPerMinute, tokensPerMinute, seed, faults, latency, json } = options
  const baseUrl = protocol === 'openai' ? `${url}/v1` : url.replace(/^http/, 'ws')
  if (json) {
    const limits = { requestsPerMinute: requestsPerMinute ?? null, tokensPerMinute: tokensPerMinute ?? null }
    output.json({
      type: 'ready',
      protocol,
      baseUrl,
      stats: `${url}/fake/stats`,
      ...limits,
      latency: latency ?? null,
      faults,
      seed,
    })
    return
  }
  output.line(
    `${output.out.bold(baseUrl)} speaks the protocol of ${protocol === 'openai' ? 'OpenAI' : 'Deepgram'}; seed ${seed}`,
  )
  for (const line of lines) output.line(`  ${line}`)
  const limits = [
    ...(requestsPerMinute === undefined ? [] : [`${requestsPerMinute} requests`]),
    ...(tokensPerMinute === undefined ? [] : [`${tokensPerMinute} tokens`]),
  ]
  output.line(`  ${limits.length === 0 ? 'no limits' : `${limits.join(' and ')} in any minute`}`)
  const wrong = Object.entries(faults).map(
    ([kind, share]) => `${kind} ${(share * 100).toFixed(2).replace(/\.?0+$/, '')}%`,
  )
  if (wrong.length > 0) output.line(`  goes wrong: ${wrong.join(', ')}`)
  output.line(`What it was asked: ${url}/fake/stats`)
  if (!/^https?:\/\/(127\.|localhost|\[::1\])/.test(url))
    output.warn('whoever reaches this address can use it: it is for tests')
}

/** What happened, a line for each kind of request that came. */
export function summaryLines({ routes, faults, peakPerMinute, connections }: FakeStats): string[] {
  const lines = Object.entries(routes)
    .filter(([route, { requests }]) => requests > 0 && route !== 'models')
    .map(([route, { requests, answered, limited, failed, abandoned, inputTokens, outputTokens, maxInFlight }]) => {
      const tokens = inputTokens + outputTokens > 0 ? `, ${inputTokens} + ${outputTokens} tokens` : ''
      return (
        `${route}: ${requests} asked, ${answered} answered, ${limited} over the limit, ${failed} failed, ${abandoned} left; ` +
        `at most ${maxInFlight} at once${tokens}`
      )
    })
  const wrong = Object.entries(faults).map(([kind, count]) => `${kind} ${count}`)
  return [
    ...(lines.length > 0 ? lines : ['nothing was asked']),
    `most in a minute: ${peakPerMinute.requests} requests, ${peakPerMinute.tokens} tokens; ${connections.opened} connections`,
    ...(wrong.length > 0 ? [`went wrong on purpose: ${wrong.join(', ')}`] : []),
  ]
}
