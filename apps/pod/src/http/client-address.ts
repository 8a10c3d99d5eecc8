// Who is at the other end: the peer of the socket or, behind trusted proxies only, who those say it is. Pure.
import ipaddr from 'ipaddr.js'

type Headers = Readonly<Record<string, string | string[] | undefined>>

export interface Client {
  /** Canonical text of the address; IPv4 also when it came as ::ffff:a.b.c.d. */
  readonly address: string
  /** What limits per address count by: the address, of IPv6 its /64, since one host may use all of those. */
  readonly network: string
  /** Did the client speak TLS, with us or with a trusted proxy? */
  readonly isTls: boolean
}

export type ClientResolver = (remoteAddress: string | undefined, isTlsSocket: boolean, headers: Headers) => Client

type Address = ipaddr.IPv4 | ipaddr.IPv6

const UNKNOWN: Address = ipaddr.parse('::')
const MAX_HOPS = 20

/** `trustedProxies` are addresses or CIDR ranges; X-Forwarded-For and -Proto count only when they come from one. */
export function createClientResolver(trustedProxies: readonly string[]): ClientResolver {
  const ranges = trustedProxies.map(parseRange)
  const isTrusted = (address: Address) =>
    ranges.some(([base, bits]) => base.kind() === address.kind() && address.match(base, bits))

  return (remoteAddress, isTlsSocket, headers) => {
    const peer = parse(remoteAddress) ?? UNKNOWN
    if (ranges.length === 0 || !isTrusted(peer)) return clientOf(peer, isTlsSocket)
    const proto = lastOf(headers['x-forwarded-proto'])?.toLowerCase()
    const isTls = proto === undefined ? isTlsSocket : proto === 'https' || proto === 'wss'
    return clientOf(forwardedFor(peer, headers['x-forwarded-for'], isTrusted), isTls)
  }
}

const FORWARDING_HEADERS = /^(?:forwarded|via|x-real-ip|x-forwarded-.*)$/
const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i

/**
 * Can nobody read what is sent on this connection? TLS says so. Without it only a client on this very machine counts: from a
 * loopback address, to a loopback name, and with no sign of a proxy, because a proxy on this machine looks just like one.
 */
export function mayCarryKeys(client: Client, remoteAddress: string | undefined, headers: Headers): boolean {
  if (client.isTls) return true
  const peer = parse(remoteAddress)
  if (peer?.range() !== 'loopback' || !LOOPBACK_HOST.test(String(headers.host ?? ''))) return false
  return !Object.keys(headers).some((name) => FORWARDING_HEADERS.test(name))
}

/** From the nearest hop outwards: the first address that is not a trusted proxy. Whatever is left of it is hearsay. */
function forwardedFor(
  peer: Address,
  header: string | string[] | undefined,
  isTrusted: (a: Address) => boolean,
): Address {
  const hops = listOf(header).slice(-MAX_HOPS).reverse()
  let nearest = peer
  for (const hop of hops) {
    const address = parse(hop)
    if (!address) return nearest
    nearest = address
    if (!isTrusted(address)) return nearest
  }
  return nearest
}

function clientOf(address: Address, isTls: boolean): Client {
  const text = address.toString()
  return { address: text, network: address instanceof ipaddr.IPv6 ? networkOf(address) : text, isTls }
}

/** fd00:1:2:3::/64 */
function networkOf(address: ipaddr.IPv6): string {
  return `${address.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`
}

/** Accepts `[v6]:port` and `v4:port` too, as some proxies write them. */
function parse(text: string | undefined): Address | undefined {
  if (text === undefined) return undefined
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text
  return ipaddr.isValid(bare) ? ipaddr.process(bare) : undefined
}

function parseRange(text: string): [Address, number] {
  if (!text.includes('/')) {
    const address = ipaddr.process(text)
    return [address, address.kind() === 'ipv4' ? 32 : 128]
  }
  return ipaddr.parseCIDR(text)
}

function listOf(header: string | string[] | undefined): string[] {
  if (header === undefined) return []
  return (Array.isArray(header) ? header.join(',') : header).split(',').map((part) => part.trim())
}

function lastOf(header: string | string[] | undefined): string | undefined {
  return listOf(header).at(-1) || undefined
}
