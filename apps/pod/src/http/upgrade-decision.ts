// May this HTTP request become a WebSocket? Pure; upgrade.ts executes the answer.
import { err, ok, type Result } from '@parley/kernel'
import { CLIENT_SUBPROTOCOL, ParleyError } from '@parley/protocol'
import type { OriginPolicy } from './origins.ts'
import type { PodPhase } from './readiness.ts'

const WS_PATH = /^\/p\/([^/]+)\/v1\/ws$/
/** How long a refused client should wait when connections are what is short. */
const CONNECTION_RETRY_MS = 5_000

export interface UpgradeRequest {
  readonly method: string
  /** As in the request line, with its query. */
  readonly url: string
  readonly host: string | undefined
  readonly origin: string | undefined
  readonly webSocketKey: string | undefined
  readonly webSocketVersion: string | undefined
  readonly subprotocols: string | undefined
}

export interface UpgradeContext {
  readonly podId: string
  readonly phase: PodPhase
  readonly origins: OriginPolicy
  readonly connections: number
  readonly connectionsOfAddress: number
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  /** WebSocket address of another pod of the fleet, for who came to `host`; nobody else is there unless told. */
  readonly socketUrlOf?: ((podId: string, host: string | undefined) => string | undefined) | undefined
}

/** Id of the pod a WebSocket address names; undefined when the path is not one. */
export function podIdOfPath(url: string): string | undefined {
  return WS_PATH.exec(url.split('?', 1)[0] ?? '')?.[1]
}

/** `location`: where the pod that was asked for is now, if anywhere. */
export function wrongPod(asked: string, podId: string, location: string | undefined): ParleyError {
  const message = `this is ${podId}; the address names ${asked.slice(0, 40)}, which is not here (any more)`
  return new ParleyError('WRONG_POD', { message, ...(location === undefined ? {} : { location }) })
}

/** Nothing, or the refusal. Checked from the address inwards; what costs others most (limits) comes last. */
export function decideUpgrade(request: UpgradeRequest, context: UpgradeContext): Result<void, ParleyError> {
  const refusal =
    addressRefusal(request, context) ??
    handshakeRefusal(request) ??
    originRefusal(request, context) ??
    subprotocolRefusal(request) ??
    limitRefusal(context)
  return refusal ? err(refusal) : ok(undefined)
}

function addressRefusal(
  { url, method, host }: UpgradeRequest,
  { podId, socketUrlOf }: UpgradeContext,
): ParleyError | undefined {
  const asked = podIdOfPath(url)
  if (asked === undefined) return new ParleyError('NOT_FOUND', { message: 'there is no WebSocket at this address' })
  if (asked !== podId) {
    const location = socketUrlOf?.(asked, host)
    // An address of a pod that the fleet does not know (any more), from a client that knows no newer one: its token says which session it is.
    if (location !== undefined || !socketUrlOf) return wrongPod(asked, podId, location)
  }
  return method === 'GET' ? undefined : new ParleyError('METHOD_NOT_ALLOWED')
}

function handshakeRefusal({ webSocketKey, webSocketVersion }: UpgradeRequest): ParleyError | undefined {
  if (webSocketVersion !== '13') {
    return new ParleyError('BAD_REQUEST', {
      message: 'Sec-WebSocket-Version must be 13',
      field: 'sec-websocket-version',
    })
  }
  if (!/^[+/0-9A-Za-z]{22}==$/.test(webSocketKey ?? '')) {
    const message = 'Sec-WebSocket-Key must be 16 bytes in base64'
    return new ParleyError('BAD_REQUEST', { message, field: 'sec-websocket-key' })
  }
  return undefined
}

/** No Origin header means no browser: only browsers carry other people's authority around. */
function originRefusal({ origin, host }: UpgradeRequest, { origins }: UpgradeContext): ParleyError | undefined {
  if (origin === undefined || origins.isAllowed(origin, host)) return undefined
  return originRefused(origin)
}

export function originRefused(origin: string): ParleyError {
  const shown = origin.slice(0, 80)
  const message = `pages of ${shown} may not connect; add it to server.allowedOrigins`
  return new ParleyError('ORIGIN_REFUSED', { message, value: shown })
}

function subprotocolRefusal({ subprotocols }: UpgradeRequest): ParleyError | undefined {
  const offered = (subprotocols ?? '').split(',').map((name) => name.trim())
  return offered.includes(CLIENT_SUBPROTOCOL) ? undefined : new ParleyError('SUBPROTOCOL_REQUIRED')
}

/** Of a connection at a stream endpoint: what else there is to decide, the endpoint decides itself. */
export function decideStreamUpgrade(context: UpgradeContext): Result<void, ParleyError> {
  const refusal = limitRefusal(context)
  return refusal ? err(refusal) : ok(undefined)
}

function limitRefusal(context: UpgradeContext): ParleyError | undefined {
  if (context.phase === 'draining') return new ParleyError('DRAINING', { retryAfterMs: CONNECTION_RETRY_MS })
  if (context.connections >= context.maxConnections) return tooMany('in all', context.maxConnections)
  if (context.connectionsOfAddress >= context.maxConnectionsPerAddress) {
    return tooMany('from one address', context.maxConnectionsPerAddress)
  }
  return undefined
}

function tooMany(what: string, limit: number): ParleyError {
  const message = `the limit of ${limit} connections ${what} is reached`
  return new ParleyError('TOO_MANY_CONNECTIONS', { message, retryAfterMs: CONNECTION_RETRY_MS })
}
