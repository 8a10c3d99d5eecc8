// What this package calls of sodium-native and its published types leave out. The cipher and the message may share memory.
import 'sodium-native'

declare module 'sodium-native' {
  /** Throws when the tag does not fit. `message` is 16 bytes shorter than `cipher`. */
  export function crypto_aead_chacha20poly1305_ietf_decrypt(
    message: Uint8Array,
    secretNonce: null,
    cipher: Uint8Array,
    associatedData: Uint8Array | null,
    nonce: Uint8Array,
    key: Uint8Array,
  ): void
  export function crypto_aead_chacha20poly1305_ietf_encrypt(
    cipher: Uint8Array,
    message: Uint8Array,
    associatedData: Uint8Array | null,
    secretNonce: null,
    nonce: Uint8Array,
    key: Uint8Array,
  ): number
}
