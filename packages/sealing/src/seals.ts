// The two ends of a channel: the client's (SenderSeal) and the pod's (ReceiverSeal), each with what it may open and seal.
import { UDP_KINDS, UDP_PROBE_BYTES } from '@parley/protocol/udp-packet'
import type { OpenRefusal } from './opener-table.ts'
import { PacketOpener } from './packet-opener.ts'
import { PacketSealer } from './packet-sealer.ts'

function checkProbe(content: Uint8Array): void {
  if (content.byteLength !== UDP_PROBE_BYTES) throw new RangeError(`a probe carries ${UDP_PROBE_BYTES} bytes`)
}

/** The client's end: seals audio and probes, opens answers. One per offer (channel and key); `close` it with the attach. */
export class SenderSeal {
  readonly #sealer: PacketSealer
  readonly #opener: PacketOpener
  #lastSeq = -1
  #probes = 0

  /** `key` (32 bytes) is copied and wiped by `close`. */
  constructor(channel: number, key: Uint8Array) {
    this.#sealer = new PacketSealer(channel, key)
    this.#opener = new PacketOpener('sender', channel, key)
  }

  /**
   * Seals one frame into the beginning of `target` (MAX_UDP_PACKET_BYTES hold any) and returns the packet's length. `seq` must
   * be higher than that of any frame sealed before (else a RangeError: its nonce is used up); gaps are frames sent otherwise.
   * `mediaTime` is the whole sample count. Payloads beyond MAX_UDP_PAYLOAD_BYTES and empty ones are a RangeError.
   */
  sealAudio(target: Uint8Array, seq: number, mediaTime: number, payload: Uint8Array): number {
    if (!(seq > this.#lastSeq)) throw new RangeError(`seq ${seq} does not rise above ${this.#lastSeq}`)
    if (payload.byteLength === 0) throw new RangeError('a frame is not empty')
    const length = this.#sealer.seal(target, UDP_KINDS.audio, seq, mediaTime, payload)
    this.#lastSeq = seq
    return length
  }

  /** Seals the next probe with `content` (UDP_PROBE_BYTES, echoed by the answer); its number is `probesSealed - 1`. */
  sealProbe(target: Uint8Array, content: Uint8Array): number {
    checkProbe(content)
    const length = this.#sealer.seal(target, UDP_KINDS.probe, this.#probes, 0, content)
    this.#probes++
    return length
  }

  /** Probes sealed so far; the next one's number. */
  get probesSealed(): number {
    return this.#probes
  }

  /** Why `packet` is not the first answer to a probe of this channel, or undefined: then `answer...` tell about it. */
  openAnswer(packet: Uint8Array): OpenRefusal | undefined {
    return this.#opener.open(packet)
  }

  /** Number of the probe that was answered. */
  get answerCounter(): number {
    return this.#opener.counter
  }
  /** The sample after the last frame the pod received, modulo 2^32 (extend it with extendUint32). */
  get answerMediaTime(): number {
    return this.#opener.mediaTime
  }
  /** The probe's content. A view, valid until the next packet is opened or sealed. */
  get answerContent(): Uint8Array {
    return this.#opener.payload
  }

  close(): void {
    this.#sealer.close()
    this.#opener.close()
  }
}

/** The pod's end: opens audio and probes, seals one answer per probe. */
export class ReceiverSeal {
  readonly #sealer: PacketSealer
  readonly #opener: PacketOpener
  #unanswered = -1

  /** `key` (32 bytes) is copied and wiped by `close`. */
  constructor(channel: number, key: Uint8Array) {
    this.#sealer = new PacketSealer(channel, key)
    this.#opener = new PacketOpener('receiver', channel, key)
  }

  /** Why `packet` is refused, or undefined: then `isProbe`, `counter`, `mediaTime`, `payload`, `isNewest` tell about it. */
  open(packet: Uint8Array): OpenRefusal | undefined {
    const refusal = this.#opener.open(packet)
    if (refusal === undefined && this.isProbe) this.#unanswered = this.#opener.counter
    return refusal
  }

  get isProbe(): boolean {
    return this.#opener.kind === UDP_KINDS.probe
  }
  /** Audio: the seq, extended. */
  get counter(): number {
    return this.#opener.counter
  }
  get mediaTime(): number {
    return this.#opener.mediaTime
  }
  get isNewest(): boolean {
    return this.#opener.isNewest
  }
  /** A view, valid until the next packet is opened or sealed in this thread. */
  get payload(): Uint8Array {
    return this.#opener.payload
  }

  /**
   * Seals the answer to the probe opened last, once, exactly as long as it. `content` is the probe's payload; `mediaTime` the
   * sample after the last frame received. An Error when there is no such probe: a second answer would use its nonce again.
   */
  sealAnswer(target: Uint8Array, content: Uint8Array, mediaTime: number): number {
    if (this.#unanswered < 0) throw new Error('there is no probe to answer')
    checkProbe(content)
    const length = this.#sealer.seal(target, UDP_KINDS.probeAnswer, this.#unanswered, mediaTime, content)
    this.#unanswered = -1
    return length
  }

  close(): void {
    this.#unanswered = -1
    this.#sealer.close()
    this.#opener.close()
  }
}
