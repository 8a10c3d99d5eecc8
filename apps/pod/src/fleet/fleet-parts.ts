// The parts of a pod that make it a member of a fleet, put together: directory, membership, calls of other pods, placement.
import { readFile } from 'node:fs/promises'
import { getCACertificates } from 'node:tls'
import type { ResolvedConfig } from '@parley/config'
import type { Clock, Scope } from '@parley/kernel'
import type { Logger } from '@parley/telemetry'
import type { FleetOfRoutes } from '../http/fleet-of-routes.ts'
import type { TlsCredentials } from '../http/listener.ts'
import type { SessionService } from '../sessions/session-service.ts'
import { directUrlOf, fleetUrlOf } from './addresses.ts'
import { startCallListener } from './call-listener.ts'
import { type PodLoad, startLoadMeter } from './load-meter.ts'
import { type OpenDirectory, openDirectory } from './open-directory.ts'
import { PeerCalls } from './peer-calls.ts'
import { Placer } from './placer.ts'
import { PodFleet } from './pod-fleet.ts'
import type { OpenPlace } from './pod-place.ts'
import { callKey } from './signed-call.ts'

export interface FleetOptions {
  readonly clock: Clock
  /** Closed with the pod. */
  readonly scope: Scope
  readonly config: ResolvedConfig
  readonly podId: string
  readonly fleetSecret: string
  readonly logger: Logger
}

export interface FleetPartsOptions extends FleetOptions {
  readonly fleet: PodFleet
  readonly sessions: SessionService
}

export interface StartOptions {
  /** Of the pod; closing it leaves the fleet. */
  readonly scope: Scope
  readonly publicUrl: string
  /** The public listener is bound to it. */
  readonly port: number
  readonly tls: TlsCredentials | undefined
  readonly load: () => PodLoad
}

export interface FleetParts {
  readonly fleet: PodFleet
  readonly routes: FleetOfRoutes
  /** Takes calls of other pods and joins. Throws StartFailure. */
  start(options: StartOptions): Promise<void>
  /** Idempotent; after it has left. */
  close(): Promise<void>
}

export interface OpenFleetOptions extends FleetOptions {
  readonly version: string
  /** The one the configuration names unless told. */
  readonly fleetDirectory?: OpenDirectory | undefined
  /** What is kept of this pod from start to start; nothing unless told. */
  readonly place?: OpenPlace | undefined
}

export async function openFleet(options: OpenFleetOptions): Promise<PodFleet> {
  const { clock, scope, config, podId, version, logger } = options
  const opened = options.fleetDirectory ?? (await openDirectory(clock, scope, config.fleet, logger))
  const { place } = options
  return new PodFleet({ clock, podId, version, ...opened, seats: config.sessions.seats, place, logger })
}

export function createFleetParts(options: FleetPartsOptions): FleetParts {
  const { clock, scope, config, podId, fleetSecret, fleet, sessions, logger } = options
  const key = callKey(fleetSecret)
  // Alone in its directory it calls nobody, and nobody calls it.
  const { isShared } = fleet
  const peers = isShared ? new PeerCalls({ clock, scope, key, ca: () => authorities(config) }) : undefined
  const placer = new Placer({ fleet, sessions, podId, placement: config.fleet.placement, peers, logger })
  return {
    fleet,
    routes: {
      create: ({ host, ...wish }) => placer.create({ ...wish, reach: { host } }),
      elsewhere: (sessionId, host, path) => fleet.elsewhere(sessionId, { host }, path),
      pageOrigins: (host) => fleet.pageOrigins(host),
      socketUrlOf: (id, host) => fleet.socketUrlOf(id, { host }),
    },
    close: () => scope.close(),
    async start({ scope: podScope, publicUrl, port, tls, load }) {
      const calls = isShared
        ? await startCallListener({ clock, scope, config, podId, key, tls, open: (call) => placer.open(call), logger })
        : undefined
      const { announcedHost, host } = config.fleet
      const callsUrl = calls && fleetUrlOf(announcedHost || host, calls.port, calls.isTls)
      const directUrl = directUrlOf(config, port)
      fleet.start(podScope, { publicUrl, directUrl, callsUrl, headroom: startLoadMeter(load) })
    },
  }
}

/** What vouches for other pods: the authorities of the system, and this pod's own certificate, which one machine's pods share. */
async function authorities({ tls }: ResolvedConfig): Promise<readonly string[]> {
  const own = tls.mode === 'off' ? [] : [await readFile(tls.certFile, 'utf8')]
  return [...getCACertificates('default'), ...own]
}
