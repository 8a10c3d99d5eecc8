// The gate before every operation: who is it, may they do this, and is it really they who ask (cross-site requests).
import { assertNever } from '@parley/kernel'
import { type Operation, ParleyError } from '@parley/protocol'
import type { FastifyRequest } from 'fastify'
import { credentialOf } from '../identity/authenticator.ts'
import type { Authenticator, Principal } from '../identity/identity-port.ts'
import type { AddressBuckets } from './address-limits.ts'
import type { OriginPolicy } from './origins.ts'
import { originRefused } from './upgrade-decision.ts'

declare module 'fastify' {
  interface FastifyRequest {
    principal: Principal | undefined
  }
}

export interface GateOptions {
  readonly authenticator: Authenticator
  readonly origins: OriginPolicy
  /** Failed authentications per address. */
  readonly failures: AddressBuckets
  readonly onFailure: () => void
  readonly onLimited: () => void
}

export interface Gate {
  /** Sets `request.principal` for operations that need one; throws the ParleyError to answer with. */
  admit(operation: Operation, request: FastifyRequest): Promise<void>
  /** The caller if its credential is valid; nothing is counted. */
  peek(request: FastifyRequest): Promise<Principal | undefined>
  /** Counts a wrong code or credential against the address; throws RATE_LIMITED when there were too many. */
  checkFailures(request: FastifyRequest): void
  countFailure(request: FastifyRequest): void
}

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD'])

export function createGate(options: GateOptions): Gate {
  const { authenticator, origins, failures } = options

  function checkFailures({ client }: FastifyRequest): void {
    const retryAfterMs = failures.waitMs(client.network)
    if (retryAfterMs === 0) return
    options.onLimited()
    const message = 'too many failed authentications from this address'
    throw new ParleyError('RATE_LIMITED', { message, retryAfterMs })
  }

  function countFailure({ client }: FastifyRequest): void {
    options.onFailure()
    failures.takeOrWaitMs(client.network)
  }

  /** A cookie goes with every request the browser makes; only the Origin says which page made it. */
  function checkOrigin({ headers: { origin, host } }: FastifyRequest): void {
    if (origin === undefined) {
      const message = 'a page session needs an Origin header on requests that change something'
      throw new ParleyError('ORIGIN_REFUSED', { message })
    }
    if (!origins.isAllowed(origin, host)) throw originRefused(origin)
  }

  return {
    checkFailures,
    countFailure,
    async admit(operation, request) {
      if (operation.credential === 'none') return
      const presented = credentialOf(request).kind
      if (presented !== 'none') checkFailures(request)
      const authenticated = await authenticator.authenticate(request)
      if (!authenticated.ok) {
        if (presented !== 'none') countFailure(request)
        throw authenticated.error
      }
      const principal = authenticated.value
      checkRole(operation, principal)
      if (principal.role === 'page' && !SAFE_METHODS.has(request.method)) checkOrigin(request)
      request.principal = principal
    },
    async peek(request) {
      const authenticated = await authenticator.authenticate(request)
      return authenticated.ok ? authenticated.value : undefined
    },
  }
}

function checkRole({ credential }: Operation, { role }: Principal): void {
  switch (credential) {
    case 'none':
    case 'any':
      return
    case 'key-backend':
      if (role === 'admin' || role === 'backend') return
      throw new ParleyError('FORBIDDEN', { message: 'this needs an API key of role backend or admin' })
    case 'page':
      if (role === 'page') return
      throw new ParleyError('FORBIDDEN', { message: 'this needs a page session' })
    default:
      assertNever(credential)
  }
}
