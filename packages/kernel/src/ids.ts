// Branded identifiers with a visible prefix, so that a pod id is never passed where a session id is due.

declare const brand: unique symbol
export type Id<Prefix extends string> = string & { readonly [brand]: Prefix }

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz' // Crockford base 32: no i, l, o, u

/** Random characters from a 32-letter alphabet, 5 bits each, from the system's cryptographic source. */
export function randomToken(length: number): string {
  const bytes = new Uint8Array(length)
  crypto.getRandomValues(bytes)
  let token = ''
  for (const byte of bytes) token += ALPHABET[byte & 31]
  return token
}

/** `prefix_` and 20 random characters (100 bits): unguessable and unique without coordination. */
export function newId<Prefix extends string>(prefix: Prefix): Id<Prefix> {
  return `${prefix}_${randomToken(20)}` as Id<Prefix>
}
