// WebSocket upgrades of the public listener: asks upgrade-decision.ts, refuses as plain HTTP on the raw socket, hands accepted
// sockets to sessions. It reads no message; hello is the sessions' affair.
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ResolvedConfig } from '@parley/config'
import { CLIENT_SUBPROTOCOL, ParleyError } from '@parley/protocol'
import type { StreamEndpoints } from '@parley/stream-endpoints'
import type { Logger } from '@parley/telemetry'
import { WebSocketServer } from 'ws'
import { CLIENT_SOCKET_OPTIONS } from '../sessions/client-socket.ts'
import type { SessionService } from '../sessions/session-service.ts'
import { ConnectionCounts } from './address-limits.ts'
import { type Client, type ClientResolver, mayCarryKeys } from './client-address.ts'
import type { FleetOfRoutes } from './fleet-of-routes.ts'
import type { OriginPolicy } from './origins.ts'
import { rawProblem } from './problem.ts'
import { publicUrlsOf } from './public-urls.ts'
import type { PodPhase } from './readiness.ts'
import { requestIdOf } from './request-id.ts'
import { decideStreamUpgrade, decideUpgrade, type UpgradeContext } from './upgrade-decision.ts'

export interface UpgradeOptions {
  readonly podId: string
  readonly config: Pick<ResolvedConfig, 'server' | 'limits'>
  readonly sessions: Pick<SessionService, 'attach'>
  readonly clientOf: ClientResolver
  readonly origins: OriginPolicy
  readonly phase: () => PodPhase
  readonly fleet?: Pick<FleetOfRoutes, 'socketUrlOf'> | undefined
  /** Takes the upgrades of the addresses it handles; nobody does unless told. */
  readonly streams?: Pick<StreamEndpoints, 'handles' | 'onUpgrade'> | undefined
  readonly logger: Logger
}

export interface Upgrades {
  readonly connections: number
  readonly refusedTotal: Readonly<Record<string, number>>
  /** Cuts every socket that was upgraded and is still open. */
  destroyAll(): void
}

/** Takes over the `upgrade` events of `server`. */
export function handleUpgrades(server: Server, options: UpgradeOptions): Upgrades {
  const { podId, config, sessions, logger } = options
  const counts = new ConnectionCounts()
  const sockets = new Set<Duplex>()
  const refusedTotal: Record<string, number> = {}
  const webSockets = new WebSocketServer({
    ...CLIENT_SOCKET_OPTIONS,
    noServer: true,
    handleProtocols: () => CLIENT_SUBPROTOCOL,
  })

  function refuse(socket: Duplex, error: ParleyError, requestId: string, client: Client): void {
    refusedTotal[error.code] = (refusedTotal[error.code] ?? 0) + 1
    logger.debug({ requestId, address: client.address, code: error.code }, 'upgrade refused')
    // The peer has no way to say anything we would still read: write, then cut.
    socket.once('finish', () => socket.destroy())
    socket.end(rawProblem(error, requestId))
  }

  function contextOf(client: Client): UpgradeContext {
    return {
      podId,
      phase: options.phase(),
      origins: options.origins,
      connections: counts.total,
      connectionsOfAddress: counts.of(client.network),
      maxConnections: config.limits.connections,
      maxConnectionsPerAddress: config.limits.connectionsPerAddress,
      socketUrlOf: options.fleet?.socketUrlOf,
    }
  }

  function count(socket: Duplex, client: Client): void {
    const uncount = counts.add(client.network)
    sockets.add(socket)
    socket.once('close', () => {
      uncount()
      sockets.delete(socket)
    })
  }

  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const requestId = requestIdOf(request.headers['x-request-id'])
    const client = options.clientOf(socket.remoteAddress, 'encrypted' in socket, request.headers)
    socket.on('error', ignore)
    if (options.streams?.handles(request.url ?? '')) {
      const decision = decideStreamUpgrade(contextOf(client))
      if (!decision.ok) return refuse(socket, decision.error, requestId, client)
      count(socket, client)
      socket.off('error', ignore)
      return void options.streams.onUpgrade(request, socket, head)
    }
    const decision = decideUpgrade(upgradeRequestOf(request), contextOf(client))
    if (!decision.ok) return refuse(socket, decision.error, requestId, client)
    const urls = publicUrlsOf(config.server.publicUrl, podId, client.isTls, request.headers.host)
    if (!urls) return refuse(socket, badHost(), requestId, client)

    count(socket, client)
    const peer = {
      address: client.address,
      requestId,
      wsUrl: urls.wsUrl,
      mayCarryKeys: mayCarryKeys(client, socket.remoteAddress, request.headers),
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('error', ignore)
      sessions.attach(webSocket, peer)
    })
  })

  // What `ws` itself finds wrong in a handshake that we let through; answered in the same form as our own refusals.
  webSockets.on('wsClientError', (cause, socket, request) => {
    const client = options.clientOf((socket as Socket).remoteAddress, 'encrypted' in socket, request.headers)
    const error = new ParleyError('BAD_REQUEST', { message: cause.message, cause })
    refuse(socket, error, requestIdOf(request.headers['x-request-id']), client)
  })

  return {
    get connections() {
      return counts.total
    },
    refusedTotal,
    destroyAll() {
      for (const socket of sockets) socket.destroy()
    },
  }
}

function upgradeRequestOf({ method, url, headers }: IncomingMessage) {
  return {
    method: method ?? '',
    url: url ?? '',
    host: headers.host,
    origin: headers.origin,
    webSocketKey: headers['sec-websocket-key'],
    webSocketVersion: headers['sec-websocket-version'],
    subprotocols: headers['sec-websocket-protocol'],
  }
}

export function badHost(): ParleyError {
  const message = 'the Host header must be the name or address you connect to'
  return new ParleyError('BAD_REQUEST', { field: 'host', message })
}

function ignore(): void {}
