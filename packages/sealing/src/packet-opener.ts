// One direction's receiving side: what is wrong with a packet, or its content. Each kind has a replay window of its own.
import {
  MAX_UDP_PACKET_BYTES,
  packetChannel,
  packetCounter,
  packetMediaTime,
  UDP_KEY_BYTES,
  UDP_KINDS,
  UDP_PROBE_BYTES,
  type UdpKind,
} from '@parley/protocol'
import { copyKey, openPacket, packetBytes } from './cipher.ts'
import { ReplayWindow } from './replay-window.ts'

/** Which end of the channel this is: the pod receives audio and probes, the client answers to probes. */
export type SealRole = 'receiver' | 'sender'

/** Why a packet was not opened, in the order of the checks. A closed opener knows no channel. */
export const OPEN_REFUSALS = [
  'too_short',
  'too_long',
  'unknown_kind',
  'wrong_direction',
  'unknown_channel',
  'replayed',
  'out_of_window',
  'not_authentic',
] as const
export type OpenRefusal = (typeof OPEN_REFUSALS)[number]

const EMPTY_PACKET_BYTES = packetBytes(0)
const PROBE_PACKET_BYTES = packetBytes(UDP_PROBE_BYTES)
const NOTHING = new Uint8Array(0)

/** What is wrong with `packet` for `role` before any channel or key is known: length, kind, direction. */
export function packetFault(role: SealRole, packet: Uint8Array): OpenRefusal | undefined {
  const length = packet.byteLength
  if (length <= EMPTY_PACKET_BYTES) return 'too_short'
  if (length > MAX_UDP_PACKET_BYTES) return 'too_long'
  const kind = packet[0]
  const isAudio = kind === UDP_KINDS.audio
  if (!isAudio && kind !== UDP_KINDS.probe && kind !== UDP_KINDS.probeAnswer) return 'unknown_kind'
  if ((kind === UDP_KINDS.probeAnswer) !== (role === 'sender')) return 'wrong_direction'
  // The last byte of the header belongs to a later version of the packet.
  if (packet[13] !== 0) return 'unknown_kind'
  if (!isAudio && length !== PROBE_PACKET_BYTES) return length < PROBE_PACKET_BYTES ? 'too_short' : 'too_long'
  return undefined
}

/** Opens the packets of one channel. After `open` has returned undefined its fields tell what was in the packet. */
export class PacketOpener {
  readonly #role: SealRole
  readonly #channel: number
  readonly #key: Buffer
  readonly #audio = new ReplayWindow()
  readonly #probes = new ReplayWindow()
  #isClosed = false
  #kind: UdpKind = UDP_KINDS.audio
  #counter = 0
  #mediaTime = 0
  #isNewest = false
  #payload: Uint8Array = NOTHING

  /** `key` is copied. A RangeError unless it has UDP_KEY_BYTES. */
  constructor(role: SealRole, channel: number, key: Uint8Array) {
    this.#role = role
    this.#channel = channel
    this.#key = copyKey(key, UDP_KEY_BYTES)
  }

  get kind(): UdpKind {
    return this.#kind
  }
  /** Extended: for audio the seq, for probes and answers the number of the probe. */
  get counter(): number {
    return this.#counter
  }
  /** As on the wire: modulo 2^32. */
  get mediaTime(): number {
    return this.#mediaTime
  }
  /** The counter was higher than any accepted of its kind: the source of such a packet is where the sender is now. */
  get isNewest(): boolean {
    return this.#isNewest
  }
  /** A view, valid until the next packet is opened or sealed in this thread. */
  get payload(): Uint8Array {
    return this.#payload
  }

  /** Why `packet` is refused, or undefined: it is authentic, for this channel and direction, and never came before. */
  open(packet: Uint8Array): OpenRefusal | undefined {
    const fault = packetFault(this.#role, packet)
    if (fault !== undefined) return fault
    if (this.#isClosed || packetChannel(packet) !== this.#channel) return 'unknown_channel'
    const kind = packet[0] as UdpKind
    const window = kind === UDP_KINDS.audio ? this.#audio : this.#probes
    const counter = window.extend(packetCounter(packet))
    const verdict = window.verdict(counter)
    if (verdict !== 'new') return verdict
    const payload = openPacket(this.#key, kind, counter, packet)
    if (payload === undefined) return 'not_authentic'
    this.#isNewest = counter > window.highest
    window.accept(counter)
    this.#kind = kind
    this.#counter = counter
    this.#mediaTime = packetMediaTime(packet)
    this.#payload = payload
    return undefined
  }

  /** Wipes the key; nothing opens any more. Idempotent. */
  close(): void {
    this.#isClosed = true
    this.#key.fill(0)
    this.#payload = NOTHING
  }
}
