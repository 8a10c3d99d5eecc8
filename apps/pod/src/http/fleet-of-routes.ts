// What the routes of the public listener ask of the fleet.
import type { Result } from '@parley/kernel'
import type { CreateSession, ParleyError, SessionCreated } from '@parley/protocol'
import type { Unicast } from '../fleet/unicast.ts'
import type { Principal } from '../identity/identity-port.ts'
import type { PublicUrls } from '../sessions/session-service.ts'

export interface FleetOfRoutes {
  readonly create: (wish: CreateWish) => Promise<Result<SessionCreated, ParleyError>>
  /** SESSION_UNKNOWN, or WRONG_POD with the address of the same call at the right pod. */
  readonly elsewhere: (sessionId: string, host: string | undefined, path: string) => Promise<ParleyError>
  /** To sessions wherever they are. */
  readonly messages: Unicast
  /** Origins of the pages of other pods, for a caller that came to `host`. */
  readonly pageOrigins: (host: string | undefined) => readonly string[]
  /** WebSocket address of another pod, if there is one of that id. */
  readonly socketUrlOf: (podId: string, host: string | undefined) => string | undefined
}

export interface CreateWish {
  readonly principal: Principal
  readonly body: CreateSession
  /** Addresses of this pod as the caller can reach them. */
  readonly urls: PublicUrls
  readonly host: string | undefined
}
