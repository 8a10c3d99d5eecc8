// Packets of one UDP channel for load: sealed as a client seals them, or of the same length and unsealed for the bare reference. The
// first eight bytes of the payload say when the packet was due.
import {
  MAX_UDP_PACKET_BYTES,
  UDP_HEADER_BYTES,
  UDP_KINDS,
  UDP_NONCE_BYTES,
  UDP_TAG_BYTES,
  writeUdpHeader,
  writeUdpNonce,
} from '@parley/protocol'
import sodium from 'sodium-native'

/** Packets handed to the kernel and perhaps still referred to. */
const SLOTS = 64

export class PacketWriter {
  /** Length of every packet. */
  readonly bytes: number
  readonly #channel: number
  readonly #key: Buffer | undefined
  readonly #payload: Buffer
  readonly #nonce = Buffer.alloc(UDP_NONCE_BYTES)
  readonly #header = Buffer.alloc(UDP_HEADER_BYTES)
  readonly #packets: readonly Buffer[]
  readonly #bodies: readonly Buffer[]
  #next = 0

  constructor(channel: number, key: Buffer | undefined, payloadBytes: number) {
    const bytes = UDP_HEADER_BYTES + payloadBytes + UDP_TAG_BYTES
    if (bytes > MAX_UDP_PACKET_BYTES) throw new RangeError(`a packet may have ${MAX_UDP_PACKET_BYTES} bytes`)
    this.bytes = bytes
    this.#channel = channel
    this.#key = key
    this.#payload = Buffer.alloc(payloadBytes, 7)
    this.#packets = Array.from({ length: SLOTS }, () => Buffer.alloc(bytes))
    this.#bodies = this.#packets.map((packet) => packet.subarray(UDP_HEADER_BYTES))
  }

  /** Good until SLOTS more were asked for. */
  packet(seq: number, mediaTime: number, dueAtWallMs: number): Buffer {
    const slot = this.#next++ % SLOTS
    const packet = this.#packets[slot] as Buffer
    this.#payload.writeDoubleBE(dueAtWallMs)
    writeUdpHeader(this.#header, UDP_KINDS.audio, this.#channel, seq, mediaTime)
    this.#header.copy(packet)
    if (!this.#key) {
      this.#payload.copy(packet, UDP_HEADER_BYTES)
      return packet
    }
    writeUdpNonce(this.#nonce, UDP_KINDS.audio, seq)
    const body = this.#bodies[slot] as Buffer
    sodium.crypto_aead_chacha20poly1305_ietf_encrypt(body, this.#payload, this.#header, null, this.#nonce, this.#key)
    return packet
  }
}
