// Samples as telephones send them (ITU-T G.711): one byte each, mu-law in North America and Japan, A-law elsewhere. Decoding only.

export type Companding = 'mulaw' | 'alaw'

const TABLES: Readonly<Record<Companding, Int16Array>> = {
  mulaw: Int16Array.from({ length: 256 }, (_, byte) => fromMulaw(byte)),
  alaw: Int16Array.from({ length: 256 }, (_, byte) => fromAlaw(byte)),
}

/** One sample for each byte, in an array of the caller's own. */
export function decodeG711(bytes: Uint8Array, companding: Companding): Int16Array {
  const table = TABLES[companding]
  const samples = new Int16Array(bytes.length)
  for (let index = 0; index < bytes.length; index += 1) samples[index] = table[bytes[index] as number] as number
  return samples
}

/** Sent with all bits inverted: sign, three bits of segment, four of step. */
function fromMulaw(sent: number): number {
  const byte = ~sent & 0xff
  const magnitude = ((((byte & 0x0f) << 3) + 0x84) << ((byte >>> 4) & 0x07)) - 0x84
  return byte & 0x80 ? -magnitude : magnitude
}

/** Sent with every other bit inverted; a set sign bit is positive. */
function fromAlaw(sent: number): number {
  const byte = sent ^ 0x55
  const segment = (byte >>> 4) & 0x07
  const step = ((byte & 0x0f) << 4) + 8
  const magnitude = segment === 0 ? step : (step + 0x100) << (segment - 1)
  return byte & 0x80 ? magnitude : -magnitude
}
