// Which API keys are valid and what each may do. Only hashes are kept; a key ends when it is revoked, or with the configuration that names it.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { ResolvedConfig } from '@parley/config'
import type { Principal, Role } from './identity-port.ts'
import type { Revocations } from './revocations.ts'

/** Tenant and name of the key that belongs to the machine itself. */
export const DEFAULT_TENANT = 'default'
export const DEFAULT_KEY_ID = 'default'

interface KnownKey {
  readonly hash: Buffer
  readonly principal: Principal & { readonly keyId: string }
}

export interface KeyView {
  readonly id: string
  readonly tenant: string
  readonly role: Role
  readonly isRevoked: boolean
}

export interface ApiKeys {
  /** The caller that `key` stands for; undefined when it is none of ours, or revoked. Takes the same time for every wrong key. */
  find(key: string): Principal | undefined
  /** Those of the configuration, the machine's own first. */
  list(): readonly KeyView[]
  /** What a key is revoked by: its hash, so that another may take its name. Undefined: no key of that tenant has that id. */
  hashOf(tenant: string, id: string): string | undefined
}

/** `apiKey` is the machine's own key, of role admin in tenant "default". */
export function createApiKeys(
  apiKey: string,
  keys: ResolvedConfig['auth']['keys'],
  revocations: Pick<Revocations, 'has'>,
): ApiKeys {
  const own = { tenant: DEFAULT_TENANT, role: 'admin', user: undefined, keyId: DEFAULT_KEY_ID } as const
  const known: KnownKey[] = [{ hash: sha256(apiKey), principal: own }]
  for (const { id, tenant, role, sha256: hash } of keys) {
    // A key of role user is one user: itself. The prefix keeps it apart from users that a backend names.
    const user = role === 'user' ? `key:${id}` : undefined
    known.push({ hash: Buffer.from(hash, 'hex'), principal: { tenant, role, user, keyId: id } })
  }
  const isRevoked = ({ hash }: KnownKey): boolean => revocations.has('key', hash.toString('hex'))
  return {
    find(key) {
      const hash = sha256(key)
      let found: KnownKey | undefined
      for (const candidate of known) if (timingSafeEqual(candidate.hash, hash)) found = candidate
      return found && !isRevoked(found) ? found.principal : undefined
    },
    list: () =>
      known.map((key) => {
        const { keyId: id, tenant, role } = key.principal
        return { id, tenant, role, isRevoked: isRevoked(key) }
      }),
    hashOf(tenant, id) {
      const key = known.find(({ principal }) => principal.tenant === tenant && principal.keyId === id)
      return key?.hash.toString('hex')
    },
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
