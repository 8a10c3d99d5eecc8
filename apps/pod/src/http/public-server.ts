// The public listener put together: limits, gate, routes, page, upgrades. Owns the server and everything on it.
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ResolvedConfig } from '@parley/config'
import type { Clock } from '@parley/kernel'
import type { StreamEndpoints } from '@parley/stream-endpoints'
import { type HttpSample, type Logger, NO_STAGES, type StageTimer } from '@parley/telemetry'
import type { TextService } from '@parley/text'
import type { FastifyInstance } from 'fastify'
import type { Identity } from '../identity/identity.ts'
import type { PodRecords } from '../records/pod-records.ts'
import type { SessionService } from '../sessions/session-service.ts'
import type { SpeakPort, SpeechPort } from '../speech/speech-port.ts'
import { AddressBuckets } from './address-limits.ts'
import { createApp } from './app.ts'
import { createGate } from './authentication.ts'
import { type ClientResolver, createClientResolver } from './client-address.ts'
import type { FleetOfRoutes } from './fleet-of-routes.ts'
import { listen } from './listen.ts'
import { createListener, DEFAULT_TIMEOUTS, type ListenerTimeouts, type TlsCredentials } from './listener.ts'
import { createHandlers } from './operations.ts'
import { createOriginPolicy, type OriginPolicy } from './origins.ts'
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
  readonly fleet?: FleetOfRoutes | undefined
  readonly speech: Pick<SpeechPort, 'languages'> & Pick<SpeakPort, 'voices'>
  readonly text?: Pick<TextService, 'targets'> | undefined
  readonly identity: Identity
  readonly phase: () => PodPhase
  readonly readiness: () => Readiness
  readonly pageFolder: string
  readonly tls: TlsCredentials | undefined
  readonly timeouts?: Partial<ListenerTimeouts>
  readonly onAnswered: (sample: HttpSample) => void
  /** Undefined where none are kept. */
  readonly records?: PodRecords | undefined
  /** Stream endpoints on this listener; none unless told. */
  readonly mountStreams?: MountStreams | undefined
  /** Of this loop; nobody measures unless told. */
  readonly stages?: StageTimer
  readonly logger: Logger
}

/** What the stream endpoints need to know of the listener they are on. */
export interface StreamsHost {
  readonly origins: OriginPolicy
  readonly clientOf: ClientResolver
  /** Wrong credentials of an address (`Client.network`), those presented over REST included. */
  readonly failures: {
    /** 0, or how long even a right one is refused. */
    waitMs(network: string): number
    count(network: string): void
  }
}

export type MountStreams = (host: StreamsHost) => StreamEndpoints | undefined

export interface PublicServer {
  /** Starts to listen; answers with the port bound. Throws StartFailure. */
  listen(): Promise<number>
  /** Stops taking connections; requests under way go on. */
  stopListening(): void
  /** Cuts what is left. Idempotent. */
  close(): Promise<void>
  readonly server: Server
  /** All WebSockets, those at the stream endpoints included. */
  readonly connections: number
  readonly counters: PublicServerCounters
  readonly streams: StreamEndpoints | undefined
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
  const origins = createOriginPolicy(config.server.allowedOrigins, config.server.publicUrl, options.fleet?.pageOrigins)
  const clientOf = createClientResolver(config.server.trustedProxies)
  const failures = new AddressBuckets(clock, FAILED_AUTHENTICATIONS_PER_MINUTE)
  const onFailure = () => counters.authenticationFailuresTotal++
  const onLimited = () => counters.authenticationsLimitedTotal++
  const gate = createGate({
    authenticator: options.identity.authenticator,
    origins,
    failures,
    onFailure,
    onLimited,
  })
  const streams = options.mountStreams?.({
    origins,
    clientOf,
    failures: {
      waitMs(network) {
        const waitMs = failures.waitMs(network)
        if (waitMs > 0) onLimited()
        return waitMs
      },
      count(network) {
        onFailure()
        failures.takeOrWaitMs(network)
      },
    },
  })
  const app = await createApp({
    ...options,
    clientOf,
    origins,
    gate,
    requests: new AddressBuckets(clock, config.limits.requestsPerMinute),
    handlers: createHandlers({ ...options, gate, origins }),
    streams,
    createServer: (handler) =>
      createListener(timedHandler(options.stages ?? NO_STAGES, handler), {
        tls: options.tls,
        timeouts: { ...DEFAULT_TIMEOUTS, ...options.timeouts },
        maxTcpConnections: config.limits.connections + EXTRA_TCP_CONNECTIONS,
      }),
    onRateLimited: () => counters.requestsLimitedTotal++,
    logger,
  })
  const upgrades = handleUpgrades(app.server, { ...options, clientOf, origins, streams })
  return assemble(app, upgrades, streams, counters, config.server)
}

function assemble(
  app: FastifyInstance,
  upgrades: Upgrades,
  streams: StreamEndpoints | undefined,
  counters: Omit<PublicServerCounters, 'upgradesRefusedTotal'>,
  { host, port }: ResolvedConfig['server'],
): PublicServer {
  const { server } = app
  let closing: Promise<void> | undefined
  return {
    server,
    streams,
    get connections() {
      return upgrades.connections
    },
    get counters() {
      const upgradesRefusedTotal = sumOf(upgrades.refusedTotal, streams?.stats().refusedTotal ?? {})
      return { ...counters, upgradesRefusedTotal }
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

type Counts = Readonly<Record<string, number>>

function sumOf(one: Counts, other: Counts): Counts {
  const sum: Record<string, number> = { ...one }
  for (const [name, count] of Object.entries(other)) sum[name] = (sum[name] ?? 0) + count
  return sum
}
