// The public listener put together: limits, gate, routes, page, upgrades. Owns the server and everything on it.
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ResolvedConfig } from '@parley/config'
import type { Clock } from '@parley/kernel'
import { type HttpSample, type Logger, NO_STAGES, type StageTimer } from '@parley/telemetry'
import type { FastifyInstance } from 'fastify'
import type { Identity } from '../identity/identity.ts'
import type { SessionService } from '../sessions/session-service.ts'
import type { SpeakPort, SpeechPort } from '../speech/speech-port.ts'
import { AddressBuckets } from './address-limits.ts'
import { createApp } from './app.ts'
import { createGate } from './authentication.ts'
import { createClientResolver } from './client-address.ts'
import { listen } from './listen.ts'
import { createListener, DEFAULT_TIMEOUTS, type ListenerTimeouts, type TlsCredentials } from './listener.ts'
import { createHandlers } from './operations.ts'
import { createOriginPolicy } from './origins.ts'
import type { PodPhase, Readiness } from './readiness.ts'
import { timedHandler } from './timed-handler.ts'
import { handleUpgrades, type Upgrades } from './upgrade.ts'

/** Wrong credentials and codes one address may present per minute before right ones are refused too. */
export const FAILED_AUTHENTICATIONS_PER_MINUTE = 30
/** Room beside the WebSockets for requests and idle keep-alive connections. */
const EXTRA_TCP_CONNECTIONS = 1_000

export interface PublicServerOptions {
  readonly clock: Clock
  readonly config: Pick<ResolvedConfig, 'server' | 'tls' | 'limits'>
  readonly podId: string
  readonly version: string
  readonly sessions: SessionService
  readonly speech: Pick<SpeechPort, 'languages'> & Pick<SpeakPort, 'voices'>
  readonly identity: Identity
  readonly phase: () => PodPhase
  readonly readiness: () => Readiness
  readonly pageFolder: string
  readonly tls: TlsCredentials | undefined
  readonly timeouts?: Partial<ListenerTimeouts>
  readonly onAnswered: (sample: HttpSample) => void
  /** Of this loop; nobody measures unless told. */
  readonly stages?: StageTimer
  readonly logger: Logger
}

export interface PublicServer {
  /** Starts to listen; answers with the port bound. Throws StartFailure. */
  listen(): Promise<number>
  /** Stops taking connections; requests under way go on. */
  stopListening(): void
  /** Cuts what is left. Idempotent. */
  close(): Promise<void>
  readonly server: Server
  readonly connections: number
  readonly counters: PublicServerCounters
}

export interface PublicServerCounters {
  readonly upgradesRefusedTotal: Readonly<Record<string, number>>
  readonly authenticationFailuresTotal: number
  readonly requestsLimitedTotal: number
  readonly authenticationsLimitedTotal: number
}

export async function createPublicServer(options: PublicServerOptions): Promise<PublicServer> {
  const { clock, config, logger } = options
  const counters = { authenticationFailuresTotal: 0, requestsLimitedTotal: 0, authenticationsLimitedTotal: 0 }
  const origins = createOriginPolicy(config.server.allowedOrigins, config.server.publicUrl)
  const clientOf = createClientResolver(config.server.trustedProxies)
  const gate = createGate({
    authenticator: options.identity.authenticator,
    origins,
    failures: new AddressBuckets(clock, FAILED_AUTHENTICATIONS_PER_MINUTE),
    onFailure: () => counters.authenticationFailuresTotal++,
    onLimited: () => counters.authenticationsLimitedTotal++,
  })
  const app = await createApp({
    ...options,
    clientOf,
    origins,
    gate,
    requests: new AddressBuckets(clock, config.limits.requestsPerMinute),
    handlers: createHandlers({ ...options, gate, origins }),
    createServer: (handler) =>
      createListener(timedHandler(options.stages ?? NO_STAGES, handler), {
        tls: options.tls,
        timeouts: { ...DEFAULT_TIMEOUTS, ...options.timeouts },
        maxTcpConnections: config.limits.connections + EXTRA_TCP_CONNECTIONS,
      }),
    onRateLimited: () => counters.requestsLimitedTotal++,
    logger,
  })
  const upgrades = handleUpgrades(app.server, { ...options, clientOf, origins })
  return assemble(app, upgrades, counters, config.server)
}

function assemble(
  app: FastifyInstance,
  upgrades: Upgrades,
  counters: Omit<PublicServerCounters, 'upgradesRefusedTotal'>,
  { host, port }: ResolvedConfig['server'],
): PublicServer {
  const { server } = app
  let closing: Promise<void> | undefined
  return {
    server,
    get connections() {
      return upgrades.connections
    },
    get counters() {
      return { ...counters, upgradesRefusedTotal: upgrades.refusedTotal }
    },
    async listen() {
      await listen(server, { kind: 'tcp', host, port, setting: 'server.port (--port)' })
      return (server.address() as AddressInfo).port
    },
    stopListening() {
      server.close()
      server.closeIdleConnections()
    },
    close() {
      closing ??= (async () => {
        server.close()
        server.closeAllConnections()
        upgrades.destroyAll()
        await app.close()
      })()
      return closing
    },
  }
}
