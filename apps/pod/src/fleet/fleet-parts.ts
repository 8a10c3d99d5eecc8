// The parts of a pod that make it a member of a fleet, put together: directory, membership, calls of other pods, placement.
import { readFile } from 'node:fs/promises'
import { getCACertificates } from 'node:tls'
import type { ResolvedConfig } from '@parley/config'
import type { Clock, Scope } from '@parley/kernel'
import type { Logger } from '@parley/telemetry'
import type { FleetOfRoutes } from '../http/fleet-of-routes.ts'
import type { TlsCredentials } from '../http/listener.ts'
import type { Revocations } from '../identity/revocations.ts'
import type { SessionService, SessionsOfFleet } from '../sessions/session-service.ts'
import { directUrlOf, fleetUrlOf } from './addresses.ts'
import { startCallListener } from './call-listener.ts'
import { type PodLoad, startLoadMeter } from './load-meter.ts'
import { type OpenDirectory, openDirectory } from './open-directory.ts'
import { PeerCalls } from './peer-calls.ts'
import { Placer } from './placer.ts'
import { answering, OPEN_SESSION } from './pod-call.ts'
import { PodFleet } from './pod-fleet.ts'
import type { OpenPlace } from './pod-place.ts'
import { ResumeAnywhere } from './resume-anywhere.ts'
import { answerRevocations, RevocationSpread } from './revocation-spread.ts'
import { callKey } from './signed-call.ts'
import { answerMessages, createUnicast } from './unicast.ts'
import { WatchHost } from './watch-host.ts'
import { PodWatchRelay } from './watch-relay.ts'

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
  readonly sessions: SessionService & SessionsOfFleet
  readonly revocations: Revocations
  /** Of `openFleet`. */
  readonly peers: PeerCalls | undefined
  readonly relay: PodWatchRelay | undefined
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

/** Links by which watchers follow sessions of other pods: of others to this one, and the reverse. */
export interface WatchLinkCounts {
  readonly in: number
  readonly out: number
}

export interface FleetParts {
  readonly fleet: PodFleet
  readonly routes: FleetOfRoutes
  /** Sessions go on at another pod when theirs is lost; undefined where there is none. */
  readonly resume: ResumeAnywhere | undefined
  /** Undefined: there is nobody to tell. */
  readonly revocations: Pick<RevocationSpread, 'tell' | 'pending'> | undefined
  readonly watchLinks: () => WatchLinkCounts
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

export interface OpenFleet {
  readonly seats: PodFleet
  /** What its pods share beside the directory. */
  readonly shared: OpenDirectory['shared']
  /** Undefined: alone in its directory it calls nobody, and nobody calls it. */
  readonly peers: PeerCalls | undefined
  /** By which its watchers follow sessions of other pods. */
  readonly relay: PodWatchRelay | undefined
}

export async function openFleet(options: OpenFleetOptions): Promise<OpenFleet> {
  const { clock, scope, config, podId, version, logger } = options
  const { place } = options
  const { kind, directory, journal, shared } =
    options.fleetDirectory ?? (await openDirectory(clock, scope, config.fleet, logger))
  const port = { kind, directory, journal }
  const seats = new PodFleet({ clock, podId, version, ...port, seats: config.sessions.seats, place, logger })
  const key = callKey(options.fleetSecret)
  const peers = seats.isShared ? new PeerCalls({ clock, scope, key, ca: () => authorities(config) }) : undefined
  const relay = peers && new PodWatchRelay({ clock, scope, fleet: seats, peers, logger })
  return { seats, shared, peers, relay }
}

export function createFleetParts(options: FleetPartsOptions): FleetParts {
  const { clock, scope, config, podId, fleetSecret, fleet, peers, relay, sessions, revocations, logger } = options
  const key = callKey(fleetSecret)
  const [{ placement }, { sessionsPerUser }] = [config.fleet, config.limits]
  const placer = new Placer({ fleet, sessions, podId, placement, sessionsPerUser, peers, logger })
  const { journal } = fleet
  const resume = journal && peers && new ResumeAnywhere({ ...options, journal, peers })
  const answered = [
    answering(OPEN_SESSION, (call) => placer.open(call)),
    answerRevocations(revocations),
    answerMessages(sessions.messages),
    ...(resume ? [resume.handOver.handler] : []),
  ]
  const { messages, watchers } = sessions
  const watchHost = new WatchHost({ clock, scope, watchers, logger })
  const unicast = createUnicast({ wallMs: () => clock.wallMs(), messages, fleet, peers, logger })
  const others = () => fleet.peers()
  const spread = peers && new RevocationSpread({ clock, scope, revocations, peers, others, logger })
  return {
    fleet,
    resume,
    revocations: spread,
    watchLinks: () => ({ in: watchHost.links, out: relay?.links ?? 0 }),
    routes: {
      create: ({ host, ...wish }) => placer.create({ ...wish, reach: { host } }),
      elsewhere: (sessionId, host, path) => fleet.elsewhere(sessionId, { host }, path),
      pageOrigins: (host) => fleet.pageOrigins(host),
      messages: unicast,
      socketUrlOf: (id, host) => fleet.socketUrlOf(id, { host }),
    },
    close: () => scope.close(),
    async start({ scope: podScope, publicUrl, port, tls, load }) {
      const calls = fleet.isShared
        ? await startCallListener({ clock, scope, config, podId, key, tls, calls: answered, watchHost, logger })
        : undefined
      const { announcedHost, host } = config.fleet
      const callsUrl = calls && fleetUrlOf(announcedHost || host, calls.port, calls.isTls)
      const directUrl = directUrlOf(config, port)
      fleet.start(podScope, { publicUrl, directUrl, callsUrl, headroom: startLoadMeter(load) })
      resume?.start(podScope)
    },
  }
}

/** What vouches for other pods: the authorities of the system, and this pod's own certificate, which one machine's pods share. */
async function authorities({ tls }: ResolvedConfig): Promise<readonly string[]> {
  const own = tls.mode === 'off' ? [] : [await readFile(tls.certFile, 'utf8')]
  return [...getCACertificates('default'), ...own]
}
