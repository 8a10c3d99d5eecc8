// One run of `parley impair`: starts the relay, tells what happens, obeys keys, ends by time, key or signal.
import type { Clock } from '@parley/kernel'
import {
  type Address,
  type CutChange,
  type CutManner,
  formatAddress,
  type ImpairmentOptions,
  type Relay,
  type RelayOptions,
  resolveImpairment,
  startRelay,
} from '@parley/lab'
import { CliError, EXIT, type ExitCode } from '../exit-codes.ts'
import type { Output } from '../output/index.ts'
import { cutWords, instant, networkLines, statusLine, summaryLines } from './words.ts'

export interface ImpairTarget extends Address {
  readonly isTls: boolean
  /** Of the target, when it is not on the well-known list of authorities. */
  readonly caFile?: string
}

export interface ImpairRunOptions {
  readonly listen: Address
  readonly to: ImpairTarget
  /** Undefined: UDP is not relayed. */
  readonly udpTo: Address | undefined
  readonly impairment: ImpairmentOptions
  /** Of cuts by hand. */
  readonly how: CutManner
  readonly seed: number
  readonly json: boolean
  /** Undefined: until told. */
  readonly forMs: number | undefined
}

export interface ImpairIo {
  readonly output: Output
  readonly clock: Clock
  /** A terminal that shows the line of status. */
  readonly isLive: boolean
  /** Calls `fn` with each key until the returned function is called; undefined when there is no keyboard. */
  readonly onKey: ((fn: (key: string) => void) => () => void) | undefined
  /** Calls `fn` at Ctrl-C and SIGTERM until the returned function is called. */
  onInterrupt(fn: () => void): () => void
}

type Ending = 'time' | 'key' | 'interrupted'

const STATUS_EVERY_MS = 500
const JSON_STATUS_EVERY_MS = 1_000
const CLOSE_LIMIT_MS = 500
const KEYS = 'c cuts and heals, r changes the address, q quits'

/** Resolves with the exit code when it has ended. Throws CliError when it cannot start. */
export async function runImpair(options: ImpairRunOptions, io: ImpairIo): Promise<ExitCode> {
  const relay = await start(options, io)
  const startMs = io.clock.nowMs()
  const elapsedMs = () => io.clock.nowMs() - startMs
  const { promise: ended, resolve: end } = Promise.withResolvers<Ending>()
  const offs = [
    io.onInterrupt(() => end('interrupted')),
    ...(options.json ? jsonEvents(relay, io, elapsedMs) : wordEvents(relay, io, elapsedMs)),
    ...(io.onKey ? [io.onKey((key) => obey(key, relay, options.how, end))] : []),
  ]
  const { forMs } = options
  const timer = forMs === undefined ? undefined : io.clock.after(forMs, () => end('time'))
  greet(relay, options, io)
  const why = await ended
  timer?.cancel()
  for (const off of offs) off()
  io.output.progress.clear()
  const report = relay.report()
  if (options.json) io.output.json({ type: 'summary', why, elapsedMs: Math.round(elapsedMs()), ...report })
  else for (const line of summaryLines(report, elapsedMs())) io.output.line(line)
  // What a socket is slow to give back goes with the process.
  await Promise.race([relay.close(), new Promise<void>((done) => void io.clock.after(CLOSE_LIMIT_MS, done))])
  return why === 'interrupted' && forMs !== undefined ? EXIT.interrupted : EXIT.ok
}

async function start(options: ImpairRunOptions, { clock }: ImpairIo): Promise<Relay> {
  const { listen, to, udpTo, impairment, seed } = options
  const ends: Pick<RelayOptions, 'tcp' | 'udp'> = {
    tcp: { listen, to },
    ...(udpTo === undefined ? {} : { udp: { listen: listen.port === 0 ? { host: listen.host } : listen, to: udpTo } }),
  }
  try {
    return await startRelay({ ...ends, impairment, seed, clock })
  } catch (error) {
    throw startFailure(error as NodeJS.ErrnoException, listen)
  }
}

function startFailure(error: NodeJS.ErrnoException, listen: Address): unknown {
  const where = formatAddress(listen)
  switch (error.code) {
    case 'EADDRINUSE':
      return new CliError(`${where} is taken; give another port with --listen, or 0 for a free one`, EXIT.port)
    case 'EACCES':
    case 'EPERM':
      return new CliError(`this user may not listen on ${where}; give a port above 1023 with --listen`, EXIT.permission)
    case 'EADDRNOTAVAIL':
      return new CliError(`this machine has no address ${listen.host}; give one that it has with --listen`, EXIT.usage)
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new CliError(
        `a host name is not known (${error.message}); look at --listen, --to and --udp-to`,
        EXIT.usage,
      )
    default:
      return error
  }
}

function obey(key: string, relay: Relay, how: CutManner, end: (why: Ending) => void): void {
  const isCut = relay.cutState.tcp !== 'open' || relay.cutState.udp !== 'open'
  if (key === 'c') {
    if (isCut) relay.heal()
    else relay.cut({ how })
  } else if (key === 'r') relay.rebind()
  else if (key === 'q') end('key')
  else if (key === '\u0003') end('interrupted')
}

function greet(relay: Relay, options: ImpairRunOptions, { output }: ImpairIo): void {
  const { to, udpTo, impairment, seed } = options
  const tcp = relay.tcp as Address
  const resolved = resolveImpairment(impairment)
  if (options.json) {
    const network = resolved.ok ? resolved.value : undefined
    output.json({ type: 'ready', tcp, udp: relay.udp ?? null, to, udpTo: udpTo ?? null, seed, impairment: network })
    return
  }
  const udpWords = udpTo === undefined ? 'UDP not relayed' : `UDP to ${formatAddress(udpTo)}`
  output.line(`${output.out.bold(formatAddress(tcp))} relays TCP to ${formatAddress(to)}, ${udpWords}; seed ${seed}`)
  for (const line of resolved.ok ? networkLines(resolved.value) : []) output.line(`  ${line}`)
  output.line(`Use it:  ${captionLine(tcp, relay.udp, to)}`)
  warnOfOpenDoor(tcp, to, output)
}

/** The line to paste; a relay on every address is reached by the loopback one. */
function captionLine(tcp: Address, udp: Address | undefined, to: ImpairTarget): string {
  const near = (address: Address): string =>
    formatAddress({ ...address, host: /^(0\.0\.0\.0|::)$/.test(address.host) ? '127.0.0.1' : address.host })
  const parts = [
    `parley caption FILE --url ${to.isTls ? 'https' : 'http'}://${near(tcp)}`,
    ...(udp ? [`--udp-endpoint ${near(udp)}`] : []),
    ...(to.caFile === undefined ? [] : [`--ca ${to.caFile}`]),
  ]
  return parts.join(' ')
}

function warnOfOpenDoor(tcp: Address, to: ImpairTarget, output: Output): void {
  if (/^(127\.|::1$)/.test(tcp.host)) return
  output.warn('whoever reaches this address reaches the platform as if from this machine')
  if (!to.isTls) output.warn('speech and keys travel readable to it: for a network you trust only')
}

function wordEvents(relay: Relay, { output, clock, isLive, onKey }: ImpairIo, elapsedMs: () => number): (() => void)[] {
  const keys = onKey === undefined ? '' : KEYS
  const draw = () => output.progress.update(statusLine(relay.report(), relay.cutState, elapsedMs(), keys))
  const told = new Set<string>()
  const offs = [
    relay.on('cut', (change) => output.line(cutWords(change))),
    relay.on('rebound', ({ udpFlows, tcpConnections }) =>
      output.line(
        `${instant(elapsedMs())}  new address: ${udpFlows} UDP sources moved, ${tcpConnections} TCP connections reset`,
      ),
    ),
    relay.on('problem', (message) => {
      // A client that tries again and again is told of once.
      if (!told.has(message)) output.warn(message)
      if (told.size < 100) told.add(message)
    }),
  ]
  if (!isLive) return offs
  const timer = clock.every(STATUS_EVERY_MS, draw)
  return [...offs, () => timer.cancel()]
}

function jsonEvents(relay: Relay, { output, clock }: ImpairIo, elapsedMs: () => number): (() => void)[] {
  const tell = (type: string, fields: object) =>
    output.json({ type, elapsedMs: Math.round(elapsedMs()), wallMs: Math.round(clock.wallMs()), ...fields })
  const tellCut = ({ kind, cut, atMs }: CutChange) => {
    const { what, how, origin, fromMs, untilMs } = cut
    const forMs = Number.isFinite(untilMs) ? Math.round(untilMs - fromMs) : null
    tell(kind === 'begun' ? 'cut' : 'healed', { what, how, by: origin, atMs: Math.round(atMs), forMs })
  }
  const timer = clock.every(JSON_STATUS_EVERY_MS, () => tell('status', { state: relay.cutState, ...relay.report() }))
  return [
    relay.on('cut', tellCut),
    relay.on('rebound', (event) => tell('rebound', event)),
    relay.on('problem', (message) => tell('problem', { message })),
    () => timer.cancel(),
  ]
}
