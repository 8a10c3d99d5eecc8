// Branded identifiers with a visible prefix, so that a pod id is never passed where a session id is due.

declare const brand: unique symbol
export type Id<Prefix extends string> = string & { readonly [brand]: Prefix }

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz' // Crockford base 32: no i, l, o, u

/** Asking the system costs the same for one byte and for thousands: they are drawn together, each used once and wiped. */
const POOL_BYTES = 4_096
const pool = new Uint8Array(POOL_BYTES)
let used = POOL_BYTES

function nextByte(): number {
  if (used === POOL_BYTES) {
    crypto.getRandomValues(pool)
    used = 0
  }
  const byte = pool[used] as number
  pool[used++] = 0
  return byte
}

/** Random characters from a 32-letter alphabet, 5 bits each, from the system's cryptographic source. */
export function randomToken(length: number): string {
  let token = ''
  for (let n = 0; n < length; n++) token += ALPHABET[nextByte() & 31]
  return token
}

/** `prefix_` and 20 random characters (100 bits): unguessable and unique without coordination. */
export function newId<Prefix extends string>(prefix: Prefix): Id<Prefix> {
  return `${prefix}_${randomToken(20)}` as Id<Prefix>
}
