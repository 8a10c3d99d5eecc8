// One packet, sealed or opened: ChaCha20-Poly1305 (RFC 8439) in the scratch memory of this thread. Nothing is allocated once a
// length has been seen. Which counter may be used, and whether one came before, is not decided here.
import {
  MAX_UDP_PACKET_BYTES,
  MAX_UDP_PAYLOAD_BYTES,
  UDP_HEADER_BYTES,
  UDP_NONCE_BYTES,
  UDP_TAG_BYTES,
  type UdpKind,
  writeUdpHeader,
  writeUdpNonce,
} from '@parley/protocol/udp-packet'
import sodium from 'sodium-native'

interface Views {
  readonly plain: Buffer
  readonly cipher: Buffer
  readonly packet: Buffer
}

const scratch = Buffer.alloc(MAX_UDP_PACKET_BYTES)
const header = scratch.subarray(0, UDP_HEADER_BYTES)
const nonce = Buffer.alloc(UDP_NONCE_BYTES)
const views: (Views | undefined)[] = new Array(MAX_UDP_PAYLOAD_BYTES + 1).fill(undefined)

// A view costs more than a short packet's cipher; one set per payload length is kept, at most some 300 KB.
function viewsOf(payloadBytes: number): Views {
  const known = views[payloadBytes]
  if (known) return known
  const cipherEnd = UDP_HEADER_BYTES + payloadBytes + UDP_TAG_BYTES
  const made: Views = {
    plain: scratch.subarray(UDP_HEADER_BYTES, UDP_HEADER_BYTES + payloadBytes),
    cipher: scratch.subarray(UDP_HEADER_BYTES, cipherEnd),
    packet: scratch.subarray(0, cipherEnd),
  }
  views[payloadBytes] = made
  return made
}

/** Bytes of the packet that carries `payloadBytes`. */
export const packetBytes = (payloadBytes: number): number => UDP_HEADER_BYTES + payloadBytes + UDP_TAG_BYTES

/**
 * The payload of `packet` (between packetBytes(0) and MAX_UDP_PACKET_BYTES long), or undefined when it was not sealed under
 * `key` with this header, kind and extended counter. The view is valid until the next packet is opened or sealed in this thread.
 */
export function openPacket(
  key: Uint8Array,
  kind: UdpKind,
  counter: number,
  packet: Uint8Array,
): Uint8Array | undefined {
  const { plain, cipher } = viewsOf(packet.byteLength - packetBytes(0))
  scratch.set(packet)
  writeUdpNonce(nonce, kind, counter)
  try {
    sodium.crypto_aead_chacha20poly1305_ietf_decrypt(plain, null, cipher, header, nonce, key)
    return plain
  } catch {
    return undefined
  }
}

/**
 * Seals into the beginning of `target` and returns the packet's length in bytes. `payload` may be a view handed out by
 * `openPacket`. A RangeError when the payload is too long or does not fit `target`.
 */
export function sealPacket(
  target: Uint8Array,
  key: Uint8Array,
  kind: UdpKind,
  channel: number,
  counter: number,
  mediaTime: number,
  payload: Uint8Array,
): number {
  const payloadBytes = payload.byteLength
  if (payloadBytes > MAX_UDP_PAYLOAD_BYTES) throw new RangeError(`a payload of ${payloadBytes} bytes fits no packet`)
  const { plain, cipher, packet } = viewsOf(payloadBytes)
  if (target.byteLength < packet.byteLength) {
    throw new RangeError(`${target.byteLength} bytes cannot hold a packet of ${packet.byteLength}`)
  }
  plain.set(payload)
  writeUdpHeader(header, kind, channel, counter, mediaTime)
  writeUdpNonce(nonce, kind, counter)
  sodium.crypto_aead_chacha20poly1305_ietf_encrypt(cipher, plain, header, null, nonce, key)
  target.set(packet)
  return packet.byteLength
}

/** A key of one's own to be wiped, not the caller's. A RangeError unless it is 32 bytes. */
export function copyKey(key: Uint8Array, bytes: number): Buffer {
  if (key.byteLength !== bytes) throw new RangeError(`a key has ${bytes} bytes, not ${key.byteLength}`)
  const copy = Buffer.alloc(bytes)
  copy.set(key)
  return copy
}
