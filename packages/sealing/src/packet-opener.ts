// One direction's receiving side of one channel: what is wrong with a packet, or its content.
import { packetChannel, type UdpKind } from '@parley/protocol/udp-packet'
import { OpenerTable, type OpenRefusal, packetFault, type SealRole } from './opener-table.ts'

/** Opens the packets of one channel. After `open` has returned undefined its fields tell what was in the packet. */
export class PacketOpener {
  readonly #role: SealRole
  readonly #channel: number
  readonly #table = new OpenerTable()
  readonly #row: number
  #isClosed = false

  /** `key` is copied. A RangeError unless it has UDP_KEY_BYTES. */
  constructor(role: SealRole, channel: number, key: Uint8Array) {
    this.#role = role
    this.#channel = channel
    this.#row = this.#table.add(key)
  }

  get kind(): UdpKind {
    return this.#table.kind
  }
  /** Extended: for audio the seq, for probes and answers the number of the probe. */
  get counter(): number {
    return this.#table.counter
  }
  /** As on the wire: modulo 2^32. */
  get mediaTime(): number {
    return this.#table.mediaTime
  }
  /** The counter was higher than any accepted of its kind: the source of such a packet is where the sender is now. */
  get isNewest(): boolean {
    return this.#table.isNewest
  }
  /** A view, valid until the next packet is opened or sealed in this thread. */
  get payload(): Uint8Array {
    return this.#table.payload
  }

  /** Why `packet` is refused, or undefined: it is authentic, for this channel and direction, and never came before. */
  open(packet: Uint8Array): OpenRefusal | undefined {
    const fault = packetFault(this.#role, packet)
    if (fault !== undefined) return fault
    if (this.#isClosed || packetChannel(packet) !== this.#channel) return 'unknown_channel'
    return this.#table.open(this.#row, packet)
  }

  /** Wipes the key; nothing opens any more. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#table.remove(this.#row)
  }
}
