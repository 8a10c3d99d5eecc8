// `parley impair`: options and the terminal; the work is in impair-run.ts, the network itself in @parley/lab.
import process from 'node:process'
import { type Address, CUT_MANNERS, JITTER_SHAPES } from '@parley/lab'
import { Command, Option } from 'commander'
import { addConfigOptions } from '../config-options.ts'
import type { CliContext } from '../context.ts'
import { findRunning, type RunningOptions } from '../platform/running.ts'
import { type ImpairFlags, impairmentOf } from './impair-options.ts'
import { type ImpairIo, type ImpairTarget, runImpair } from './impair-run.ts'
import {
  directed,
  parseBurst,
  parseBytes,
  parseCut,
  parseDurationMs,
  parseListen,
  parsePeriodicCut,
  parseRate,
  parseSeed,
  parseShare,
  parseTarget,
  repeated,
  type TargetAddress,
} from './values.ts'

interface Flags extends ImpairFlags, RunningOptions {
  readonly listen: Address
  readonly to?: TargetAddress
  readonly udpTo?: TargetAddress
  readonly udp: boolean
  readonly seed: number
  readonly json: boolean
  readonly for?: number
}

/** What is relayed: what was typed, else the platform that runs here, with the UDP port that its health names. */
async function targetsOf(context: CliContext, flags: Flags): Promise<{ to: ImpairTarget; udpTo: Address | undefined }> {
  if (flags.to) return { to: flags.to, udpTo: flags.udp ? (flags.udpTo ?? flags.to) : undefined }
  const running = await findRunning(context, flags)
  const url = parseTarget(running.run.url)
  // A platform on every address is reached by the loopback one.
  const host = url.host.replace(/^(0\.0\.0\.0|::)$/, '127.0.0.1')
  const { caFile } = running.run
  const to: ImpairTarget = { ...url, host, ...(caFile === undefined ? {} : { caFile }) }
  if (!flags.udp || flags.udpTo) return { to, udpTo: flags.udp ? flags.udpTo : undefined }
  const { body } = await running.call('GET', '/health')
  const port = (body as { udp?: { port?: unknown } } | undefined)?.udp?.port
  if (typeof port === 'number' && port > 0) return { to, udpTo: { host, port } }
  context.output.warn('the platform takes no audio over UDP: only TCP is relayed (--udp-to relays UDP all the same)')
  return { to, udpTo: undefined }
}

function onInterrupt(fn: () => void): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, fn)
  return () => {
    for (const signal of signals) process.off(signal, fn)
  }
}

function onKey(fn: (key: string) => void): () => void {
  const { stdin } = process
  const onData = (data: Buffer) => {
    for (const key of data.toString()) fn(key)
  }
  stdin.setRawMode(true)
  stdin.on('data', onData)
  stdin.resume()
  return () => {
    stdin.off('data', onData)
    stdin.setRawMode(false)
    stdin.pause()
  }
}

async function impair(context: CliContext, flags: Flags): Promise<void> {
  const { output, clock } = context
  const impairment = impairmentOf(flags)
  const { to, udpTo } = await targetsOf(context, flags)
  const isLive = !flags.json && process.stderr.isTTY === true
  const io: ImpairIo = {
    output,
    clock,
    isLive,
    onKey: isLive && process.stdin.isTTY === true ? onKey : undefined,
    onInterrupt,
  }
  const { listen, how, seed, json, for: forMs } = flags
  process.exitCode = await runImpair({ listen, to, udpTo, impairment, how, seed, json, forMs }, io)
}

const HELP = `
Values carry their unit: 5%, 40ms, 10s, 2Mbps, 64KiB. Those of the network hold both ways, or one way as in up:5% (up is towards the
platform), and may be given once for each. Loss, reordering and doubling are for UDP; TCP gets what would be lost later instead.

Keys on a terminal: c cuts and heals, r changes the address (new UDP port, TCP connections reset), q quits.

Examples:
  ./parley impair --loss 5% --reorder 20% --duplicate 2%    the running platform, behind poor Wi-Fi
  ./parley impair --delay 60ms --jitter 30ms --cut-every 15s+2s    a train
  ./parley impair --cut both@10s+30s                        a lift, ten seconds from now
  ./parley impair --how reset                               only cuts by hand (c)
  ./parley impair --listen 9000 --to 127.0.0.1:8080 --rate down:256kbps --for 60s --json
More in docs/impair.md.

Exit codes: 0 ended by q, by --for, or by Ctrl-C without --for; 2 usage, 3 port taken, 4 not permitted, 5 no platform runs,
130 Ctrl-C before --for was over.`

export function createImpairCommand(context: CliContext): Command {
  const command = new Command('impair')
    .description(
      'A bad network between clients and the platform: loss, delay, reordering, a rate, cuts. TCP and UDP on one port.',
    )
    .addOption(
      new Option('--listen <port>', 'where clients connect; loopback unless an address is given, 0 = a free port')
        .argParser(parseListen)
        .default(parseListen('9000'), '127.0.0.1:9000'),
    )
    .addOption(
      new Option('--to <host:port>', 'what is relayed (default: the platform that runs here)').argParser(parseTarget),
    )
    .addOption(new Option('--udp-to <host:port>', 'where UDP goes (default: as --to)').argParser(parseTarget))
    .option('--no-udp', 'relay TCP only')
    .addOption(new Option('--url <url>', 'which platform, when several run and --to is not given'))
  for (const option of networkOptions()) command.addOption(option)
  command
    .addOption(new Option('--seed <n>', 'the same seed decides the same').argParser(parseSeed).default(1))
    .addOption(new Option('--for <time>', 'end after this long').argParser(parseDurationMs))
    .option('--json', 'one JSON object per line: ready, cut, healed, status each second, summary', false)
    .addHelpText('after', HELP)
    .action((flags: Flags) => impair(context, flags))
  return addConfigOptions(command)
}

function networkOptions(): Option[] {
  const time = directed(parseDurationMs)
  const part = directed((text) => parseShare(text))
  // Never two in a row are held back, so that each has a next one to be overtaken by.
  const half = directed((text) => parseShare(text, 0.5))
  return [
    new Option('--loss <share>', 'packets lost, such as 5%').argParser(part),
    new Option('--burst <burst>', 'bursts of loss: 200ms/10s, 2%/200ms or 2%/5packets').argParser(directed(parseBurst)),
    new Option('--delay <time>', 'added to everything, such as 40ms').argParser(time),
    new Option('--jitter <time>', 'delay that varies; order is kept').argParser(time),
    new Option('--jitter-shape <shape>', 'how it varies (default: uniform)').choices([...JITTER_SHAPES]),
    new Option('--reorder <share>', 'packets held back so that others overtake, at most 50%').argParser(half),
    new Option('--reorder-by <time>', 'for how long (default: 30ms)').argParser(time),
    new Option('--duplicate <share>', 'packets that come twice').argParser(part),
    new Option('--rate <rate>', 'such as 2Mbps or 64kbps').argParser(directed(parseRate)),
    new Option('--queue <size>', 'what waits for the rate before packets are dropped (default: 64KiB)').argParser(
      directed(parseBytes),
    ),
    new Option('--retransmit <time>', 'how much later TCP gets what would be lost (default: 200ms)').argParser(time),
    new Option('--cut <cut>', 'both@10s+3s: after 10 s, for 3 s; also tcp@ and udp@; repeatable').argParser(
      repeated(parseCut),
    ),
    new Option('--cut-every <cut>', '15s+2s: every 15 s, for 2 s; also tcp@ and udp@; repeatable').argParser(
      repeated(parsePeriodicCut),
    ),
    new Option('--how <manner>', 'cuts say nothing (silent) or reset connections and refuse new ones (reset)')
      .choices([...CUT_MANNERS])
      .default('silent'),
  ]
}
