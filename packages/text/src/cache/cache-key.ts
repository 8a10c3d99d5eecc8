// What one translation or polish is known by: nobody who holds a key can tell the text, nor whether two tenants said the same.
import { createHmac } from 'node:crypto'
import type { TextKind } from '@parley/protocol'

export interface CacheSubject {
  readonly kind: TextKind
  /** BCP 47 tags, in any case. */
  readonly from: string
  readonly to?: string | undefined
  readonly text: string
}

/** Tenants whose key is remembered; deriving one again costs two microseconds. */
const MAX_TENANT_KEYS = 1_000
/** 128 bits: two texts with the same key do not happen. */
const KEY_BYTES = 16

/**
 * The same text for this purpose: composed the same way (NFC), with single spaces. Case and punctuation count: they come out in the answer.
 */
export function normaliseText(text: string): string {
  return text.normalize('NFC').replace(/\s+/gu, ' ').trim()
}

/** Makes keys of texts: HMAC-SHA-256 under a key of the tenant, itself derived from `secret`. */
export class CacheKeys {
  readonly #secret: Uint8Array
  readonly #tenants = new Map<string, Buffer>()

  constructor(secret: Uint8Array) {
    this.#secret = secret
  }

  keyOf(tenant: string, { kind, from, to = '', text }: CacheSubject): string {
    // No tag holds a NUL, so that no two subjects are written alike.
    const subject = [kind, from.toLowerCase(), to.toLowerCase(), normaliseText(text)].join('\u0000')
    const mac = createHmac('sha256', this.#tenantKey(tenant)).update(subject).digest()
    return mac.toString('latin1', 0, KEY_BYTES)
  }

  #tenantKey(tenant: string): Buffer {
    let key = this.#tenants.get(tenant)
    if (!key) {
      key = createHmac('sha256', this.#secret).update(tenant).digest()
      if (this.#tenants.size >= MAX_TENANT_KEYS) this.#tenants.clear()
      this.#tenants.set(tenant, key)
    }
    return key
  }
}
