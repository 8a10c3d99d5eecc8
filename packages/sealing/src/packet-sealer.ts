// One direction's sending side: no counter of a kind is ever sealed twice under one key.
import { MAX_UDP_COUNTER, UDP_KEY_BYTES, type UdpKind } from '@parley/protocol/udp-packet'
import { copyKey, sealPacket } from './cipher.ts'

/** Seals the packets of one channel, for one direction. */
export class PacketSealer {
  readonly #channel: number
  readonly #key: Buffer
  #isClosed = false

  /** `key` is copied. A RangeError unless it has UDP_KEY_BYTES. */
  constructor(channel: number, key: Uint8Array) {
    this.#channel = channel
    this.#key = copyKey(key, UDP_KEY_BYTES)
  }

  /**
   * Seals into the beginning of `target` and returns the packet's length in bytes. The caller vouches that `counter`
   * (0 to MAX_UDP_COUNTER) was not used for `kind` before; SenderSeal and ReceiverSeal do. A RangeError when counter or
   * payload are out of range or `target` is too short, an Error when closed: with the key wiped nothing may be sent.
   */
  seal(target: Uint8Array, kind: UdpKind, counter: number, mediaTime: number, payload: Uint8Array): number {
    if (this.#isClosed) throw new Error('this channel is closed')
    if (!(counter >= 0 && counter <= MAX_UDP_COUNTER)) throw new RangeError(`${counter} is no packet counter`)
    return sealPacket(target, this.#key, kind, this.#channel, counter, mediaTime, payload)
  }

  /** Wipes the key. Idempotent. */
  close(): void {
    this.#isClosed = true
    this.#key.fill(0)
  }
}
