// `parley fake-provider`: options and the terminal; the work is in fake-run.ts, the server itself in @parley/providers.
import process from 'node:process'
import type { Address } from '@parley/lab'
import type { FaultShares, Latency } from '@parley/providers/fake'
import { Argument, Command, Option } from 'commander'
import type { CliContext } from '../context.ts'
import { parseDurationMs, parseListen, parseSeed } from '../impair/values.ts'
import { createBacking, type FakeProtocol } from './engines.ts'
import { runFakeProvider } from './fake-run.ts'
import { parseFail, parseLatency, parsePerMinute } from './values.ts'

interface Flags {
  readonly listen: Address
  readonly port?: Address
  readonly rpm?: number
  readonly tpm?: number
  readonly latency?: Latency
  readonly fail: FaultShares
  readonly seed: number
  readonly key?: string
  readonly json: boolean
  readonly for?: number
}

function onInterrupt(fn: () => void): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, fn)
  return () => {
    for (const signal of signals) process.off(signal, fn)
  }
}

async function fakeProvider(context: CliContext, protocol: FakeProtocol, flags: Flags): Promise<void> {
  const { output, clock } = context
  const { rpm, tpm, latency, fail, seed, key, json, for: forMs } = flags
  const options = {
    protocol,
    listen: flags.port ?? flags.listen,
    requestsPerMinute: rpm,
    tokensPerMinute: tpm,
    latency,
    faults: fail,
    seed,
    apiKey: key,
    json,
    forMs,
  }
  process.exitCode = await runFakeProvider(options, { output, clock, createBacking, onInterrupt })
}

const HELP = `
What is behind it is real: chat answers the platform's own prompts by Apertium and harper (and echoes others), audio/speech is flite,
recognition is PocketSphinx. What is not installed is refused in words. Limits hold for any 60 seconds; refusals carry Retry-After.

Kinds of --fail: 429 429-silent 500 hang close nonsense wrong-language slow; a plain share is spread over 500, close and 429.

Examples:
  ./parley fake-provider openai --rpm 4500 --tpm 1800000 --latency 300ms,900ms
  ./parley fake-provider openai --rpm 60 --fail 2%             a small account on a bad day
  ./parley fake-provider openai --fail hang=1%,wrong-language=5% --seed 7
  ./parley fake-provider deepgram --listen 9300
  curl -d 'hang=100%' http://127.0.0.1:9200/fake/faults        from now on, while it runs
More in docs/fake-provider.md.

Exit codes: 0 ended by --for, or by Ctrl-C without --for; 2 usage, 3 port taken, 4 not permitted, 130 Ctrl-C before --for was over.`

export function createFakeProviderCommand(context: CliContext): Command {
  return new Command('fake-provider')
    .description('A provider that costs nothing: the protocols of OpenAI and Deepgram with limits, latency and faults.')
    .addArgument(new Argument('<protocol>', 'which protocol').choices(['openai', 'deepgram']))
    .addOption(
      new Option('--listen <port>', 'where clients connect; loopback unless an address is given, 0 = a free port')
        .argParser(parseListen)
        .default(parseListen('9200'), '127.0.0.1:9200'),
    )
    .addOption(new Option('--port <port>', 'as --listen').argParser(parseListen))
    .addOption(new Option('--rpm <n>', 'requests in any minute (default: no limit)').argParser(parsePerMinute))
    .addOption(new Option('--tpm <n>', 'tokens in any minute (default: no limit)').argParser(parsePerMinute))
    .addOption(
      new Option('--latency <p50,p95>', 'thinking time: median and 95th percentile, such as 300ms,900ms').argParser(
        parseLatency,
      ),
    )
    .addOption(
      new Option('--fail <share>', 'what goes wrong: 2%, or kinds such as 500=1%,hang=0.5%')
        .argParser(parseFail)
        .default({}, 'nothing'),
    )
    .addOption(new Option('--seed <n>', 'the same seed decides the same').argParser(parseSeed).default(1))
    .option('--key <key>', 'the only key it takes (default: any, or none)')
    .addOption(new Option('--for <time>', 'end after this long').argParser(parseDurationMs))
    .option('--json', 'one JSON object per line: ready, stats each second, summary', false)
    .addHelpText('after', HELP)
    .action((protocol: FakeProtocol, flags: Flags) => fakeProvider(context, protocol, flags))
}
