// The packet of the UDP audio channel: its layout and its nonce. Sealing is @parley/sealing's, order and loss are the receiver's.
//
//   0        1                5                9                13       14
//   +--------+----------------+----------------+----------------+--------+-------------------------+
//   | kind   | channel (u32)  | counter (u32)  | mediaTime(u32) | 0      | ciphertext, 16-byte tag |
//   +--------+----------------+----------------+----------------+--------+-------------------------+
//
// Big endian. The header travels readable and is authenticated as associated data. ChaCha20-Poly1305 (RFC 8439) under the key of
// the attach; the nonce is kind, three zero bytes and the 64-bit counter, of which the packet carries the low half: each kind
// counts for itself and each kind has one direction, so that no nonce is used twice and a packet sent back opens nowhere.
import { writeUint32 } from './audio-frame.ts'

/** The upper half of `kind` is the version of the packet. */
export const UDP_KINDS = {
  /** Client to pod: one frame of the agreed format. `counter` is its seq, from 0 in each attach; mediaTime as over WebSocket. */
  audio: 0x11,
  /** Client to pod: "does this path work, and what has arrived?" UDP_PROBE_BYTES of any content. */
  probe: 0x12,
  /** Pod to client, exactly as long: `counter` and content of the probe; `mediaTime` is the sample after the last frame received. */
  probeAnswer: 0x23,
} as const
export type UdpKind = (typeof UDP_KINDS)[keyof typeof UDP_KINDS]

export const UDP_HEADER_BYTES = 14
export const UDP_TAG_BYTES = 16
export const UDP_KEY_BYTES = 32
export const UDP_NONCE_BYTES = 12
/** Longest plain payload: no path of the internet has to fragment it. */
export const MAX_UDP_PAYLOAD_BYTES = 1_200
export const MAX_UDP_PACKET_BYTES = UDP_HEADER_BYTES + MAX_UDP_PAYLOAD_BYTES + UDP_TAG_BYTES
/** Content of a probe. */
export const UDP_PROBE_BYTES = 8
/** Packets that may arrive behind newer ones and still be told from repeated ones. */
export const UDP_REPLAY_WINDOW_PACKETS = 64
/** No attach lives to see it (one million years of audio); a sender that does connects anew, and with it the key. */
export const MAX_UDP_COUNTER = 2 ** 48

/** Fields are read with `packetChannel`, `packetCounter`, `packetMediaTime`: nothing is allocated on the way in. */
export function writeUdpHeader(
  target: Uint8Array,
  kind: UdpKind,
  channel: number,
  counter: number,
  mediaTime: number,
): void {
  target[0] = kind
  writeUint32(target, 1, channel)
  writeUint32(target, 5, counter % 0x1_0000_0000)
  writeUint32(target, 9, mediaTime % 0x1_0000_0000)
  target[13] = 0
}

const readAt = (packet: Uint8Array, offset: number): number =>
  (packet[offset] as number) * 0x1_00_00_00 +
  (((packet[offset + 1] as number) << 16) | ((packet[offset + 2] as number) << 8) | (packet[offset + 3] as number))

export const packetChannel = (packet: Uint8Array): number => readAt(packet, 1)
export const packetCounter = (packet: Uint8Array): number => readAt(packet, 5)
export const packetMediaTime = (packet: Uint8Array): number => readAt(packet, 9)

/** Writes the nonce of packet `counter` (0 to MAX_UDP_COUNTER, extended) of `kind` into the UDP_NONCE_BYTES of `target`. */
export function writeUdpNonce(target: Uint8Array, kind: UdpKind, counter: number): void {
  target[0] = kind
  target[1] = 0
  target[2] = 0
  target[3] = 0
  writeUint32(target, 4, Math.floor(counter / 0x1_0000_0000))
  writeUint32(target, 8, counter % 0x1_0000_0000)
}
