// Which implementation stands behind each port of a pod. The only file that knows them all.
import { join } from 'node:path'
import type { ResolvedConfig } from '@parley/config'
import { type Clock, err, Scope } from '@parley/kernel'
import { ParleyError, type PodId } from '@parley/protocol'
import { type Logger, StageClock } from '@parley/telemetry'
import { createFleetParts, type FleetParts, openFleet } from './fleet/fleet-parts.ts'
import type { OpenDirectory } from './fleet/open-directory.ts'
import type { OpenPlace } from './fleet/pod-place.ts'
import { openDataDirectory } from './identity/data-directory.ts'
import { createIdentity, tokenKey } from './identity/identity.ts'
import { type Pod, startPod } from './pod.ts'
import type { PodUdp } from './pod-udp.ts'
import { openPodRecords } from './records/pod-records.ts'
import type { Adoption } from './sessions/owner-greeting.ts'
import { createPodSessions } from './sessions/pod-sessions.ts'
import { createSpeechLinks } from './speech/speech-links.ts'
import { createTextDesk } from './text/create-text-desk.ts'
import { workerCertificates } from './tls/worker-certificates.ts'
import { createUdp } from './udp/create-udp.ts'
import { VERSION } from './version.ts'

/** Where `vite build` of apps/dashboard puts the page. */
export const PAGE_FOLDER = join(import.meta.dirname, '../../dashboard/dist')

export interface ComposeOptions {
  readonly clock: Clock
  readonly config: ResolvedConfig
  readonly podId: PodId
  /** Proves to workers that this pod belongs to the fleet, and the reverse. */
  readonly fleetSecret: string
  readonly logger: Logger
  readonly droppedLogLines?: () => number
  readonly onDrainWorker?: (workerId: string, withinMs: number | undefined) => void
  readonly onRestartMember?: (name: string) => void
  readonly pageFolder?: string
  /** What is kept of this pod from start to start; nothing unless told. */
  readonly place?: OpenPlace
  /** The directory of the fleet; the one the configuration names unless told. */
  readonly fleetDirectory?: OpenDirectory
  /** Times the stages of this process's loop; made here unless told. */
  readonly stages?: StageClock
}

/** A pod that listens. Throws StartFailure. */
export async function composePod(options: ComposeOptions): Promise<Pod> {
  const { clock, config } = options
  const directory = await openDataDirectory(config.data.dir)
  const isShared = (options.fleetDirectory?.kind ?? (config.fleet.redisUrl === '' ? 'memory' : 'redis')) !== 'memory'
  const fleetKey = isShared ? tokenKey(options.fleetSecret) : undefined
  const identity = await createIdentity(clock, config.auth, directory, fleetKey)
  const stages = options.stages ?? new StageClock()
  const records = await openPodRecords({ ...options, fenceOf: (sessionId) => seats.tokenOf(sessionId) })
  const udp = config.udp.enabled ? await openUdp({ ...options, stages }) : undefined
  const caCertificates = await workerCertificates(config.worker.tlsCaFile)
  const speech = createSpeechLinks({
    ...options,
    stages,
    caCertificates,
    fenceOf: (sessionId) => seats.tokenOf(sessionId),
    onFenced: (sessionId) => void fleet.resume?.check(sessionId),
  })
  const scope = new Scope(clock)
  const { seats, shared, peers, relay } = await openFleet({ ...options, scope, version: VERSION })
  const textsOfFleet = shared && { ...shared, fleetSecret: options.fleetSecret, sharers: () => seats.podsSeen }
  const text = createTextDesk({ ...options, workers: speech.texts, onUsage: records.texts }, textsOfFleet)
  const sessions = createPodSessions({
    ...options,
    stages,
    speech,
    speak: speech,
    text,
    onVoicesChange: (listener) => speech.onChange(listener),
    witness: records.sessions,
    tokens: identity.tokens,
    revocations: identity.revocations,
    udp: udp && { port: udp, announced: () => announcedOf(config, udp) },
    seats,
    ...(relay ? { relay } : {}),
    elsewhere: (sessionId, wsUrl) => seats.elsewhere(sessionId, { host: URL.parse(wsUrl)?.host }),
    entryUrls: (ownUrl) => seats.entryUrls(ownUrl),
    adopt: seats.journal && ((claims, wsUrl) => adoption(fleet, claims, wsUrl)),
  })
  const { revocations } = identity
  const parts = { ...options, fleet: seats, peers, relay, sessions, scope, revocations }
  const fleet: FleetParts = createFleetParts(parts)
  return startPod({
    pageFolder: PAGE_FOLDER,
    ...options,
    stages,
    directory,
    identity,
    speech,
    text,
    udp,
    records,
    sessions,
    fleet,
  })
}

/** Nobody comes before all is put together. */
async function adoption({ resume }: FleetParts, ...[claims, wsUrl]: Parameters<Adoption>): ReturnType<Adoption> {
  return resume?.adopt(claims, wsUrl) ?? err(new ParleyError('SESSION_UNKNOWN'))
}

function openUdp({ clock, config, logger, stages }: ComposeOptions & { readonly stages: StageClock }): Promise<PodUdp> {
  const { host: bindHost, port: preferredPort } = config.server
  return createUdp({ clock, udp: config.udp, bindHost, preferredPort, stages, logger })
}

function announcedOf({ udp: { announcedHost, announcedPort } }: ResolvedConfig, { address }: PodUdp) {
  return address && { host: announcedHost, port: announcedPort === 0 ? address.port : announcedPort }
}
