// Where a key belongs, and which of equals comes first. Pure.

/** FNV-1a over UTF-16 units, then the finaliser of MurmurHash3 (both public domain): 0 to 2^32 - 1. Not for secrets. */
export function hash32(text: string): number {
  let state = 0x811c9dc5
  for (let at = 0; at < text.length; at++) state = Math.imul(state ^ text.charCodeAt(at), 0x01000193)
  return mix32(state)
}

/** The finaliser of MurmurHash3 alone: spreads 32 bits over 32 bits. */
export function mix32(value: number): number {
  let state = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35)
  return (state ^ (state >>> 16)) >>> 0
}
