// Packets of one UDP channel for load: sealed as a client seals them, or of the same length and unsealed for the bare reference. The
// first eight bytes of the payload say when the packet was due.
import { UDP_HEADER_BYTES, UDP_KINDS, writeUdpHeader } from '@parley/protocol'
import { packetBytes, SenderSeal } from '@parley/sealing'

/** Packets handed to the kernel and perhaps still referred to. */
const SLOTS = 64

export class PacketWriter {
  /** Length of every packet. */
  readonly bytes: number
  readonly #channel: number
  readonly #seal: SenderSeal | undefined
  readonly #payload: Buffer
  readonly #packets: readonly Buffer[]
  #next = 0

  constructor(channel: number, key: Buffer | undefined, payloadBytes: number) {
    this.bytes = packetBytes(payloadBytes)
    this.#channel = channel
    this.#seal = key && new SenderSeal(channel, key)
    this.#payload = Buffer.alloc(payloadBytes, 7)
    this.#packets = Array.from({ length: SLOTS }, () => Buffer.alloc(this.bytes))
  }

  /** Good until SLOTS more were asked for. */
  packet(seq: number, mediaTime: number, dueAtWallMs: number): Buffer {
    const packet = this.#packets[this.#next++ % SLOTS] as Buffer
    this.#payload.writeDoubleBE(dueAtWallMs)
    if (this.#seal) this.#seal.sealAudio(packet, seq, mediaTime, this.#payload)
    else {
      writeUdpHeader(packet, UDP_KINDS.audio, this.#channel, seq, mediaTime)
      this.#payload.copy(packet, UDP_HEADER_BYTES)
    }
    return packet
  }
}
