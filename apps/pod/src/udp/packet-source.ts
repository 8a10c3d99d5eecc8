// Where a packet came from, as the packet path needs it: 32 bits and a port to notice a change by, for every packet; the address in
// words only where somebody is new or is answered.
import { isIPv4 } from 'node:net'

export interface PacketSource {
  /**
   * 32 bits of the address that depend on `seed`, enough to notice that packets come from elsewhere: whoever hits upon another's 32 bits
   * escapes the limit per source and gains nothing else. The same for the same address, whichever way it was read.
   */
  hash(seed: number): number
  readonly port: number
  /** As node:dgram takes it. */
  address(): string
}

const IPV6_BYTES = 16
const IPV4_BYTES = 4
/** FNV-1a's prime; see http://www.isthe.com/chongo/tech/comp/fnv/ */
const FNV_PRIME = 0x0100_0193
const scratch = new Uint8Array(IPV6_BYTES)

/** Hash of an address of `length` bytes (4 or 16) in network order at `offset`. */
export function hashAddressBytes(bytes: Uint8Array, offset: number, length: number, seed: number): number {
  let hash = seed | 0
  for (let index = 0; index < length; index++) hash = Math.imul(hash ^ (bytes[offset + index] as number), FNV_PRIME)
  return hash >>> 0
}

/** The same of an address in words; what is none hashes as no bytes. */
export function hashAddress(address: string, seed: number): number {
  return hashAddressBytes(scratch, 0, writeAddress(address, scratch), seed)
}

/** Writes `address` in network order into `target` (16 bytes); returns its length, 0 when it is none. */
export function writeAddress(address: string, target: Uint8Array): number {
  if (!address.includes(':')) return writeIPv4(address, target, 0) ? IPV4_BYTES : 0
  const bare = address.split('%', 1)[0] as string
  const [left = '', right] = bare.split('::')
  const head = groupsOf(left)
  const tail = right === undefined ? [] : groupsOf(right)
  const length = head.length + tail.length
  if (right === undefined ? length !== IPV6_BYTES : length > IPV6_BYTES) return 0
  target.fill(0, 0, IPV6_BYTES)
  target.set(head, 0)
  target.set(tail, IPV6_BYTES - tail.length)
  return IPV6_BYTES
}

function groupsOf(text: string): number[] {
  if (text === '') return []
  const bytes: number[] = []
  for (const group of text.split(':')) {
    if (isIPv4(group)) bytes.push(...group.split('.').map(Number))
    else {
      const value = Number.parseInt(group, 16)
      bytes.push((value >>> 8) & 0xff, value & 0xff)
    }
  }
  return bytes
}

function writeIPv4(address: string, target: Uint8Array, offset: number): boolean {
  let value = 0
  let at = offset
  for (let index = 0; index < address.length; index++) {
    const code = address.charCodeAt(index)
    if (code === 0x2e) {
      target[at++] = value
      value = 0
    } else value = value * 10 + code - 0x30
  }
  target[at] = value
  return at === offset + IPV4_BYTES - 1
}

/** An address in words, such as node:dgram names it or takes it: IPv4, IPv4 in IPv6 (::ffff:10.0.0.1), or all eight groups. */
export function addressText(bytes: Uint8Array, offset: number, length: number): string {
  const ipv4At = (at: number) => bytes.subarray(at, at + IPV4_BYTES).join('.')
  if (length === IPV4_BYTES) return ipv4At(offset)
  const isMapped =
    bytes.subarray(offset, offset + 10).every((byte) => byte === 0) &&
    bytes[offset + 10] === 0xff &&
    bytes[offset + 11] === 0xff
  if (isMapped) return `::ffff:${ipv4At(offset + 12)}`
  const groups: string[] = []
  for (let at = offset; at < offset + IPV6_BYTES; at += 2) {
    groups.push((((bytes[at] as number) << 8) | (bytes[at + 1] as number)).toString(16))
  }
  return groups.join(':')
}

/** What node:dgram tells of a packet; one object for all of them. */
export class DatagramSource implements PacketSource {
  #address = ''
  port = 0

  set({ address, port }: { readonly address: string; readonly port: number }): this {
    this.#address = address
    this.port = port
    return this
  }
  hash(seed: number): number {
    return hashAddress(this.#address, seed)
  }
  address(): string {
    return this.#address
  }
}
