// Which API keys are valid and what each may do. Only hashes are kept; a key is revoked by removing it from the configuration.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { ResolvedConfig } from '@parley/config'
import type { Principal } from './identity-port.ts'

/** Tenant and name of the key that belongs to the machine itself. */
export const DEFAULT_TENANT = 'default'
export const DEFAULT_KEY_ID = 'default'

interface KnownKey {
  readonly hash: Buffer
  readonly principal: Principal
}

export interface ApiKeys {
  /** The caller that `key` stands for; undefined when it is none of ours. Takes the same time for every wrong key. */
  find(key: string): Principal | undefined
}

/** `apiKey` is the machine's own key, of role admin in tenant "default". */
export function createApiKeys(apiKey: string, keys: ResolvedConfig['auth']['keys']): ApiKeys {
  const own: Principal = { tenant: DEFAULT_TENANT, role: 'admin', user: undefined, keyId: DEFAULT_KEY_ID }
  const known: KnownKey[] = [{ hash: sha256(apiKey), principal: own }]
  for (const { id, tenant, role, sha256: hash } of keys) {
    // A key of role user is one user: itself. The prefix keeps it apart from users that a backend names.
    const user = role === 'user' ? `key:${id}` : undefined
    known.push({ hash: Buffer.from(hash, 'hex'), principal: { tenant, role, user, keyId: id } })
  }
  return {
    find(key) {
      const hash = sha256(key)
      let found: Principal | undefined
      for (const candidate of known) if (timingSafeEqual(candidate.hash, hash)) found = candidate.principal
      return found
    },
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
