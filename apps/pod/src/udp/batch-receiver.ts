// Takes many datagrams from a socket with one system call (recvmmsg(2)), into memory that is used again: node:dgram makes a call, a
// buffer, an object and two strings of each, which costs more than everything else that is done with an audio packet. Linux only;
// the socket stays node:dgram's, which wakes the thread and goes on alone wherever this cannot be had.
import { endianness } from 'node:os'
import { addressText, hashAddressBytes, type PacketSource } from './packet-source.ts'

/** Datagrams of one call. */
export const BATCH_PACKETS = 64
/** Longer than any packet we take; what is cut to it is too long all the same. */
const SLOT_BYTES = 1_536

// struct mmsghdr, iovec and sockaddr of 64-bit Linux, little endian: <bits/socket.h>, <bits/types/struct_iovec.h>, <netinet/in.h>.
const MESSAGE_BYTES = 64
const IOVEC_BYTES = 16
const NAME_BYTES = 32
const NAME_LENGTH_AT = 8
const IOVEC_AT = 16
const IOVEC_COUNT_AT = 24
const RECEIVED_BYTES_AT = 56
const MSG_DONTWAIT = 0x40
const AF_INET6 = 10
const PORT_AT = 2
const IPV4_AT = 4
const IPV4_BYTES = 4
const IPV6_AT = 8
const IPV6_BYTES = 16
const SCOPE_AT = 24

interface LibC {
  /** Datagrams taken, or -1: none there now (or an error that the next call will show again). */
  receiveMany(fd: number, messages: Uint8Array, count: number): number
  addressOf(memory: Uint8Array): bigint
}

async function loadLibC(): Promise<LibC | undefined> {
  const isKnown = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch) && endianness() === 'LE'
  if (!isKnown) return undefined
  try {
    const { default: koffi } = await import('koffi')
    const signature = 'int recvmmsg(int fd, void *messages, uint32_t count, int flags, void *timeout)'
    const recvmmsg = koffi.load('libc.so.6').func(signature)
    return {
      receiveMany: (fd, messages, count) => recvmmsg(fd, messages, count, MSG_DONTWAIT, null) as number,
      addressOf: (memory) => koffi.address(memory),
    }
  } catch {
    return undefined // another C library, or no koffi for this machine
  }
}

/** For the socket `fd`, which stays the caller's and must outlive it. Undefined where there is no recvmmsg as this file knows it. */
export async function openBatchReceiver(fd: number): Promise<BatchReceiver | undefined> {
  const libc = await loadLibC()
  return libc && new BatchReceiver(libc, fd)
}

export class BatchReceiver implements PacketSource {
  readonly #libc: LibC
  readonly #fd: number
  readonly #memory: Buffer
  readonly #messages: Buffer
  readonly #names: Buffer
  readonly #slots: readonly Buffer[]
  /** The last view of each slot: packets of one kind are mostly of one length, and a view costs more than looking. */
  readonly #views: Buffer[]
  #name = 0

  constructor(libc: LibC, fd: number) {
    this.#libc = libc
    this.#fd = fd
    const namesAt = BATCH_PACKETS * MESSAGE_BYTES
    const iovecsAt = namesAt + BATCH_PACKETS * NAME_BYTES
    const slotsAt = iovecsAt + BATCH_PACKETS * IOVEC_BYTES
    // Its own allocation, which no collection moves.
    this.#memory = Buffer.from(new ArrayBuffer(slotsAt + BATCH_PACKETS * SLOT_BYTES))
    this.#messages = this.#memory.subarray(0, namesAt)
    this.#names = this.#memory.subarray(namesAt, iovecsAt)
    this.#slots = Array.from({ length: BATCH_PACKETS }, (_, index) => {
      const at = slotsAt + index * SLOT_BYTES
      return this.#memory.subarray(at, at + SLOT_BYTES)
    })
    this.#views = [...this.#slots]
    this.#link(libc.addressOf(this.#memory), namesAt, iovecsAt, slotsAt)
  }

  /** Takes what is there, up to BATCH_PACKETS; returns how many. Never waits. */
  receive(): number {
    return Math.max(0, this.#libc.receiveMany(this.#fd, this.#messages, BATCH_PACKETS))
  }

  /** Packet `index` of the last `receive`, valid until the next; the source is this object until another packet is asked for. */
  packet(index: number): Uint8Array {
    const message = index * MESSAGE_BYTES
    const length = this.#messages.readUInt32LE(message + RECEIVED_BYTES_AT)
    this.#messages.writeUInt32LE(NAME_BYTES, message + NAME_LENGTH_AT) // the kernel shortened it
    this.#name = index * NAME_BYTES
    const view = this.#views[index] as Buffer
    if (view.length === length) return view
    const other = (this.#slots[index] as Buffer).subarray(0, length)
    this.#views[index] = other
    return other
  }

  get port(): number {
    return this.#names.readUInt16BE(this.#name + PORT_AT)
  }

  hash(seed: number): number {
    return this.#isIPv6
      ? hashAddressBytes(this.#names, this.#name + IPV6_AT, IPV6_BYTES, seed)
      : hashAddressBytes(this.#names, this.#name + IPV4_AT, IPV4_BYTES, seed)
  }

  address(): string {
    if (!this.#isIPv6) return addressText(this.#names, this.#name + IPV4_AT, IPV4_BYTES)
    const scope = this.#names.readUInt32LE(this.#name + SCOPE_AT)
    const text = addressText(this.#names, this.#name + IPV6_AT, IPV6_BYTES)
    return scope === 0 ? text : `${text}%${scope}`
  }

  get #isIPv6(): boolean {
    return this.#names.readUInt16LE(this.#name) === AF_INET6
  }

  #link(base: bigint, namesAt: number, iovecsAt: number, slotsAt: number): void {
    for (let index = 0; index < BATCH_PACKETS; index++) {
      const message = index * MESSAGE_BYTES
      const iovec = iovecsAt + index * IOVEC_BYTES
      this.#memory.writeBigUInt64LE(base + BigInt(namesAt + index * NAME_BYTES), message)
      this.#memory.writeUInt32LE(NAME_BYTES, message + NAME_LENGTH_AT)
      this.#memory.writeBigUInt64LE(base + BigInt(iovec), message + IOVEC_AT)
      this.#memory.writeBigUInt64LE(1n, message + IOVEC_COUNT_AT)
      this.#memory.writeBigUInt64LE(base + BigInt(slotsAt + index * SLOT_BYTES), iovec)
      this.#memory.writeBigUInt64LE(BigInt(SLOT_BYTES), iovec + 8)
    }
  }
}
