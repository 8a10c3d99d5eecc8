// Routes of the admin listener about API keys: which there are, and revoking one, here and at every other pod.
import { type Clock, withDeadline } from '@parley/kernel'
import { ParleyError } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { RevocationSpread } from '../fleet/revocation-spread.ts'
import type { ApiKeys, KeyView } from '../identity/api-keys.ts'
import type { RevocationFile } from '../identity/revocation-file.ts'
import { KEY_REVOKED_FOR_MS, type Revocations } from '../identity/revocations.ts'

/** An operator waits so long for other pods to confirm; they go on being told afterwards. */
const TELL_MS = 4_000

export interface KeyAdmin {
  readonly clock: Clock
  readonly apiKeys: ApiKeys
  readonly revocations: Revocations
  readonly file: Pick<RevocationFile, 'sync'> | undefined
  /** Undefined: there are no other pods. */
  readonly spread: Pick<RevocationSpread, 'tell' | 'pending'> | undefined
}

export interface KeyRevoked {
  readonly key: KeyView
  /** Pods that have not confirmed it yet; they are told again each second. */
  readonly pendingPods: readonly string[]
}

interface RevokeRequest {
  readonly Params: { readonly id: string }
  readonly Querystring: { readonly tenant?: string }
}

export function registerKeyRoutes(app: FastifyInstance, keys: KeyAdmin, logger: Logger): void {
  app.get('/keys', () => ({ keys: keys.apiKeys.list(), pendingPods: keys.spread?.pending() ?? [] }))
  app.post<RevokeRequest>('/keys/:id/revoke', async (request) => {
    const { id, tenant } = found(keys.apiKeys, request)
    const hash = keys.apiKeys.hashOf(tenant, id) as string
    const untilMs = keys.clock.wallMs() + KEY_REVOKED_FOR_MS
    keys.revocations.add([{ kind: 'key', id: hash, untilMs }])
    logger.info({ requestId: request.id, audit: true, tenant, keyId: id }, 'API key revoked')
    await keys.file?.sync()
    if (keys.spread) {
      await withDeadline(keys.clock, TELL_MS, 'telling other pods what is revoked', keys.spread.tell()).catch(() => {})
    }
    const revoked: KeyRevoked = {
      key: { ...found(keys.apiKeys, request), isRevoked: true },
      pendingPods: keys.spread?.pending() ?? [],
    }
    return revoked
  })
}

function found(apiKeys: ApiKeys, { params: { id }, query: { tenant } }: FastifyRequest<RevokeRequest>): KeyView {
  const named = apiKeys.list().filter((key) => key.id === id && (tenant === undefined || key.tenant === tenant))
  const [only] = named
  if (only && named.length === 1) return only
  const shown = id.slice(0, 40)
  if (named.length === 0) throw new ParleyError('NOT_FOUND', { message: `the configuration has no API key ${shown}` })
  const tenants = named.map((key) => key.tenant)
  const message = `several tenants have a key ${shown} (${tenants.join(', ')}); say which with tenant`
  throw new ParleyError('INVALID_FIELD', { field: 'tenant', message, allowed: tenants })
}
