// Values as people write them, unit included: 5%, 200ms, 2Mbps, both@10s+3s. A wrong one is refused with the right form.
import { type Address, type Burst, CUT_TARGETS, type Cut, type CutTarget, type PeriodicCut } from '@parley/lab'
import { InvalidArgumentError } from 'commander'

const refuse = (text: string, right: string): InvalidArgumentError =>
  new InvalidArgumentError(`"${text}" is not ${right}.`)

function unitValue(text: string, units: Readonly<Record<string, number>>, right: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-zµ%]*)$/i.exec(text)
  const factor = match ? units[match[2] as string] : undefined
  if (!match || factor === undefined) throw refuse(text, right)
  // 0.1 + 0.2 and the like have no place in what is printed back.
  return Number((Number(match[1]) * factor).toPrecision(12))
}

/** `200ms`, `10s`, `2min`, to milliseconds. */
export const parseDurationMs = (text: string): number =>
  unitValue(text, { ms: 1, s: 1_000, min: 60_000, h: 3_600_000 }, 'a time with its unit, such as 200ms, 10s or 2min')

/** `5%`, to a ratio of at most `most`. */
export function parseShare(text: string, most = 1): number {
  const right = 'a share with its sign, such as 5% or 0.5%'
  const ratio = unitValue(text, { '%': 0.01 }, right)
  if (ratio > most) throw refuse(text, `${right}, at most ${most * 100}%`)
  return ratio
}

export const parseRate = (text: string): number =>
  unitValue(
    text,
    { bps: 1, kbps: 1e3, Mbps: 1e6, mbps: 1e6, Gbps: 1e9, gbps: 1e9 },
    'a rate with its unit, such as 64kbps or 2Mbps (bits per second)',
  )

export const parseBytes = (text: string): number =>
  unitValue(text, { B: 1, kB: 1e3, MB: 1e6, KiB: 1 << 10, MiB: 1 << 20 }, 'a size with its unit, such as 64KiB')

const BURST_FORM =
  'a burst such as 200ms/10s (one in every 10 s), 2%/200ms or 2%/5packets (2 % lost, in bursts of that mean)'

export function parseBurst(text: string): Burst {
  const [left = '', right = '', ...rest] = text.split('/')
  if (right === '' || rest.length > 0) throw refuse(text, BURST_FORM)
  if (!left.endsWith('%')) return { kind: 'periodic', burstMs: parseDurationMs(left), everyMs: parseDurationMs(right) }
  const lossRatio = parseShare(left)
  const packets = /^(\d+(?:\.\d+)?)\s*packets?$/.exec(right)?.[1]
  if (packets !== undefined) return { kind: 'randomPackets', lossRatio, meanBurstPackets: Number(packets) }
  return { kind: 'random', lossRatio, meanBurstMs: parseDurationMs(right) }
}

function parseSpan(text: string, right: string): { what: CutTarget; firstMs: number; forMs: number } {
  const match = /^(?:([a-z]+)@)?([^+@]+)\+([^+@]+)$/.exec(text)
  const what = (match?.[1] ?? 'both') as CutTarget
  if (!match || !CUT_TARGETS.includes(what)) throw refuse(text, right)
  return { what, firstMs: parseDurationMs(match[2] as string), forMs: parseDurationMs(match[3] as string) }
}

/** `both@10s+3s`: at 10 s, for 3 s. */
export function parseCut(text: string): Omit<Cut, 'how'> {
  const { what, firstMs, forMs } = parseSpan(
    text,
    'a cut such as both@10s+3s, udp@10s+3s or tcp@10s+3s (after 10 s, for 3 s)',
  )
  return { what, atMs: firstMs, forMs }
}

/** `15s+2s`: every 15 s, for 2 s. */
export function parsePeriodicCut(text: string): Omit<PeriodicCut, 'how'> {
  const { what, firstMs, forMs } = parseSpan(
    text,
    'a cut that comes again, such as 15s+2s or udp@15s+2s (every 15 s, for 2 s)',
  )
  return { what, everyMs: firstMs, forMs }
}

function parsePort(text: string, whole: string, right: string, least: number): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port < least || port > 65_535) throw refuse(whole, right)
  return port
}

const split = (text: string): { host: string | undefined; port: string } => {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text)
  return { host: match?.[1] ?? match?.[2], port: match?.[3] ?? text }
}

/** `9000` (loopback) or `0.0.0.0:9000`; port 0 is a free one. */
export function parseListen(text: string): Address {
  const { host, port } = split(text)
  return {
    host: host ?? '127.0.0.1',
    port: parsePort(port, text, 'a port such as 9000, or an address such as 0.0.0.0:9000', 0),
  }
}

export interface TargetAddress extends Address {
  readonly isTls: boolean
}

/** `localhost:8080`, `8080` or `https://host:8443`. */
export function parseTarget(text: string): TargetAddress {
  const right = 'an address such as 127.0.0.1:8080 or http://127.0.0.1:8080'
  const url = /^https?:/.test(text) ? URL.parse(text) : undefined
  if (url === null) throw refuse(text, right)
  if (url) {
    const isTls = url.protocol === 'https:'
    const host = url.hostname.replace(/^\[|\]$/g, '')
    return { host, port: url.port === '' ? (isTls ? 443 : 80) : Number(url.port), isTls }
  }
  const { host, port } = split(text)
  return { host: host ?? '127.0.0.1', port: parsePort(port, text, right, 1), isTls: false }
}

export function parseSeed(text: string): number {
  const seed = Number(text)
  if (!/^\d+$/.test(text) || seed > 0xffff_ffff) throw refuse(text, 'a whole number from 0 to 4294967295')
  return seed
}

/** A value for one direction or for both. */
export interface Directed<T> {
  readonly direction: 'both' | 'up' | 'down'
  readonly value: T
}

/** Lets `parse` be preceded by `up:` or `down:` and the option be given several times. */
export const directed =
  <T>(parse: (text: string) => T) =>
  (text: string, earlier: readonly Directed<T>[] = []): Directed<T>[] => {
    const match = /^(up|down):(.*)$/.exec(text)
    const direction = (match?.[1] ?? 'both') as Directed<T>['direction']
    return [...earlier, { direction, value: parse(match?.[2] ?? text) }]
  }

/** Lets an option be given several times. */
export const repeated =
  <T>(parse: (text: string) => T) =>
  (text: string, earlier: readonly T[] = []): T[] => [...earlier, parse(text)]
