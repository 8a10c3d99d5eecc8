// One pod: both listeners over its sessions and its speech, from start to stop. It makes neither (compose.ts does) and knows
// nothing of the process it runs in (main.ts does).
import type { ResolvedConfig } from '@parley/config'
import type { SupervisedMember, WorkerAddress } from '@parley/fleet'
import { type Clock, Scope, withDeadline } from '@parley/kernel'
import type { PodId } from '@parley/protocol'
import {
  collectProcessMetrics,
  collectStageMetrics,
  createMetrics,
  type Logger,
  type LoopMonitor,
  readProcessStats,
  StageClock,
  type StageMonitor,
  startLoopMonitor,
  startStageMonitor,
} from '@parley/telemetry'
import { type AdminServer, type MintedPageCode, startAdminServer } from './admin/admin-server.ts'
import { type FleetReport, fleetReport } from './admin/fleet-report.ts'
import { type HealthReport, healthReport, type ThroughputTotals, type UdpFigures } from './admin/health-report.ts'
import { createPodStreams } from './bridges/pod-streams.ts'
import type { FleetParts } from './fleet/fleet-parts.ts'
import type { PodLoad } from './fleet/load-meter.ts'
import { urlHost } from './http/listen.ts'
import type { ListenerTimeouts } from './http/listener.ts'
import { createPublicServer, type PublicServer } from './http/public-server.ts'
import { type PodPhase, readinessOf } from './http/readiness.ts'
import type { DataDirectory } from './identity/data-directory.ts'
import type { Identity } from './identity/identity.ts'
import { RevocationFile } from './identity/revocation-file.ts'
import { collectPodMetrics } from './pod-metrics.ts'
import type { PodSpeech } from './pod-speech.ts'
import type { PodText } from './pod-text.ts'
import type { PodUdp } from './pod-udp.ts'
import type { PodRecords } from './records/pod-records.ts'
import { recordsHealth } from './records/records-report.ts'
import type { SessionService } from './sessions/session-service.ts'
import { NO_TEXT_REPORT } from './text/text-metrics.ts'
import { startRates } from './throughput.ts'
import { loadCredentials, watchCredentials } from './tls/credentials.ts'
import { VERSION } from './version.ts'

/** Window of the rates and of the loop figures in the health report. */
const WINDOW_MS = 5_000
/** Sessions say goodbye within 2 s by contract; this is for a bug in that. */
const SESSIONS_CLOSE_MS = 2_200
const LISTENERS_CLOSE_MS = 600
/** Sessions are over by then; records that cannot be written go to disk. */
const RECORDS_CLOSE_MS = 600
/** Clients of the stream endpoints get so long to take their leave. */
const STREAMS_CLOSE_MS = 1_000

export interface PodOptions {
  readonly clock: Clock
  readonly config: ResolvedConfig
  readonly podId: PodId
  readonly sessions: SessionService
  readonly speech: PodSpeech
  /** Undefined: nothing is translated or polished. The pod's to close. */
  readonly text?: PodText | undefined
  /** Undefined when UDP is switched off. The pod's to close. */
  readonly udp?: PodUdp | undefined
  /** Undefined: nothing is kept of anybody. The pod's to close. */
  readonly records?: PodRecords | undefined
  readonly identity: Identity
  readonly directory: DataDirectory
  /** Undefined: this pod is in no fleet, and opens its sessions by itself. */
  readonly fleet?: FleetParts | undefined
  /** Folder of the built page; may be missing. */
  readonly pageFolder: string
  /** Of the public listener; the defaults unless told. */
  readonly timeouts?: Partial<ListenerTimeouts>
  /** Times the stages of this process's loop; given to whoever runs on it. */
  readonly stages?: StageClock
  readonly logger: Logger
  readonly droppedLogLines?: () => number
  /** Told of what an operator wants of a worker, so that its supervisor passes it on. */
  readonly onDrainWorker?: (workerId: string, withinMs: number | undefined) => void
  /** The same of a member, by its supervisor's name, that is to be ended and started again; nobody can unless told. */
  readonly onRestartMember?: (name: string) => void
}

export interface Pod {
  readonly podId: PodId
  /** Where people and clients reach it: http(s)://host:port, or server.publicUrl; no slash at the end. */
  readonly url: string
  /** The port the public listener is bound to. */
  readonly port: number
  readonly adminUrl: string
  readonly speech: PodSpeech
  setWorkers(workers: readonly WorkerAddress[]): void
  /** What the supervisor says of every process of the platform; a drain it knows of holds here too. */
  setMembers(members: readonly SupervisedMember[]): void
  mintPageCode(): MintedPageCode
  health(): HealthReport
  /** Its sessions go on at other pods, where there are any: before it stops for good. Within that time, whatever hangs. */
  handOver(withinMs: number): Promise<void>
  /** Tells every session why, closes everything. Resolves within 3 s, whatever hangs. Idempotent. */
  stop(): Promise<void>
}

/** Resolves when both listeners listen. Throws StartFailure; nothing is left open then. */
export async function startPod(options: PodOptions): Promise<Pod> {
  const scope = new Scope(options.clock)
  try {
    return await open(options, scope)
  } catch (error) {
    await scope.close()
    throw error
  }
}

async function open(options: PodOptions, scope: Scope): Promise<Pod> {
  const { config, podId, sessions, speech, identity, logger } = options
  // First registered, last closed: sessions have closed their channels by then.
  scope.own(() => options.records?.close())
  options.records?.onForgotten((tenant, sessionId) => {
    sessions.remove({ role: 'admin', tenant, user: undefined, keyId: undefined }, sessionId)
  })
  scope.own(() => options.udp?.close())
  scope.own(() => options.fleet?.close())
  scope.own(() => speech.close())
  scope.own(() => options.text?.close())
  const revocationFile = new RevocationFile(options.directory, identity.revocations, logger)
  await revocationFile.open(scope)
  const phases = trackPhase(scope, speech)
  const readiness = () => {
    const [records, isStoreLost] = [options.records?.report(), options.text?.isStoreLost]
    return readinessOf(phases.phase(), speech.status(), sessions.stats(), records, isStoreLost)
  }

  const metrics = createMetrics()
  const tls = await loadCredentials(config.tls)
  const publicServer = await createPublicServer({
    ...options,
    fleet: options.fleet?.routes,
    version: VERSION,
    phase: phases.phase,
    readiness,
    mountStreams: (host) => createPodStreams({ ...options, ...identity, host, phase: phases.phase }),
    tls,
    onAnswered: metrics.http,
  })
  scope.own(() => publicServer.close())
  await watchCredentials(scope, publicServer.server as never, config.tls, logger)

  const loop = startLoopMonitor(scope, { windowMs: WINDOW_MS })
  const health = startFigures(scope, options, publicServer, metrics, loop, readiness)
  // Known only once both listen; nobody asks before.
  let url = ''
  const mintPageCode = (): MintedPageCode => {
    const { code, expiresAtMs } = identity.pageCodes.mint()
    return { code, expiresAtMs, url: `${url}/#code=${code}` }
  }
  let supervised: readonly SupervisedMember[] = []
  const fleet = async (): Promise<FleetReport> => {
    const pods = await options.fleet?.fleet.members()
    const { opening, active, suspended, seats } = sessions.stats()
    const held = opening + active + suspended
    const [phase, workers] = [phases.phase(), speech.workers()]
    const records = recordsHealth(options.records?.report())
    const recordsProblem = 'warning' in records ? records.warning : undefined
    const known = { pods: pods?.ok ? pods.value : undefined, directory: options.fleet?.fleet.state, recordsProblem }
    return fleetReport({ podId, pid: process.pid, url, phase, sessions: held, seats, supervised, workers, ...known })
  }
  const drain = (workerId: string, withinMs: number | undefined): boolean => {
    if (!speech.drainWorker(workerId, withinMs)) return false
    options.onDrainWorker?.(workerId, withinMs)
    return true
  }
  const admin: AdminServer = await startAdminServer({
    config: config.admin,
    runPath: options.directory.runPath,
    metrics,
    acts: options.records?.acts,
    health,
    isReady: () => readiness().isReady,
    mintPageCode,
    sessions: () => sessions.list(),
    fleet: { report: fleet, drain, restart: options.onRestartMember, pods: options.fleet?.fleet },
    keys: { clock: options.clock, ...identity, file: revocationFile, spread: options.fleet?.revocations },
    texts: () => options.text?.report() ?? NO_TEXT_REPORT,
    stages: options.stages,
    logger,
  })
  scope.own(() => admin.close())
  const port = await publicServer.listen()
  url = publicUrlOf(config, port)
  await options.fleet?.start({ scope, publicUrl: url, port, tls, load: loadOf(options, publicServer, loop) })
  logger.info({ url, adminUrl: admin.url, version: VERSION }, 'pod listens')

  let stopping: Promise<void> | undefined
  return {
    podId,
    url,
    port,
    adminUrl: admin.url,
    speech,
    setWorkers: (workers) => speech.setWorkers(workers),
    setMembers(members) {
      supervised = members
      for (const { workerId, drainWithinMs } of members) {
        if (workerId !== undefined && drainWithinMs !== undefined) speech.drainWorker(workerId, drainWithinMs)
      }
    },
    mintPageCode() {
      options.records?.acts.supervised('page-code.mint')
      return mintPageCode()
    },
    health,
    async handOver(withinMs) {
      await options.fleet?.resume?.leave(withinMs)
    },
    stop() {
      stopping ??= stop(options, scope, publicServer, phases.drain)
      return stopping
    },
  }
}

/** Starting until speech was ready once: a pod whose workers are still coming up is not degraded. */
function trackPhase(scope: Scope, speech: PodSpeech): { phase: () => PodPhase; drain: () => void } {
  let wasReady = speech.status().ready
  let isDraining = false
  scope.own(
    speech.onChange(() => {
      wasReady ||= speech.status().ready
    }),
  )
  return {
    phase: () => (isDraining ? 'draining' : wasReady ? 'serving' : 'starting'),
    drain: () => {
      isDraining = true
    },
  }
}

function startFigures(
  scope: Scope,
  options: PodOptions,
  publicServer: PublicServer,
  metrics: ReturnType<typeof createMetrics>,
  loop: LoopMonitor,
  readiness: () => ReturnType<typeof readinessOf>,
): () => HealthReport {
  const { clock, sessions, speech, podId } = options
  const startedAtMs = clock.nowMs()
  const stages = startStages(scope, options, metrics)
  const rates = startRates(scope, clock, WINDOW_MS, () => totalsOf(sessions, metrics.httpTotals().requests))
  collectProcessMetrics(metrics, { version: VERSION, member: 'pod', startedAtWallMs: clock.wallMs(), loop })
  collectPodMetrics(metrics, {
    clock,
    sessions,
    speech,
    text: options.text,
    fleet: options.fleet?.fleet,
    resume: options.fleet?.resume,
    watchLinks: options.fleet?.watchLinks,
    udp: options.udp,
    records: options.records,
    http: publicServer,
    droppedLogLines: options.droppedLogLines ?? (() => 0),
  })
  return () =>
    healthReport({
      readiness: readiness(),
      version: VERSION,
      podId,
      uptimeMs: clock.nowMs() - startedAtMs,
      loop: loop.read(),
      stages: stages.read(),
      process: readProcessStats(),
      sessions: sessions.stats(),
      connections: publicServer.connections,
      speech: speech.status(),
      speechStats: speech.stats(),
      udp: udpFigures(options),
      records: options.records?.report(),
      rates: rates.read(),
      http: metrics.httpTotals(),
    })
}

function startStages(scope: Scope, options: PodOptions, metrics: ReturnType<typeof createMetrics>): StageMonitor {
  const { stages = new StageClock(), sessions } = options
  const monitor = startStageMonitor(scope, { stages, sessions: () => sessions.stats().active })
  collectStageMetrics(metrics, monitor)
  return monitor
}

function udpFigures({ udp, config }: PodOptions): UdpFigures | undefined {
  if (!udp) return undefined
  const { address, closedBecause } = udp
  return { port: address?.port, closedBecause, askedBufferBytes: config.udp.receiveBufferBytes, stats: udp.stats() }
}

/** What of this pod's resources is used, for its reports to the fleet. */
function loadOf(options: PodOptions, publicServer: PublicServer, loop: LoopMonitor): () => PodLoad {
  const { config, speech, udp } = options
  return () => {
    const { slots, slotsUsed } = speech.status()
    const stats = udp?.stats()
    return {
      loopUtilisationRatio: loop.read().utilisationRatio,
      sockets: publicServer.connections,
      maxSockets: config.limits.connections,
      slots,
      slotsUsed,
      udpPacketsTotal: stats?.packetsTotal ?? 0,
      udpLostTotal: (stats?.kernelDropsTotal ?? 0) + (stats?.droppedTotal.ring_full ?? 0),
    }
  }
}

function totalsOf(sessions: SessionService, httpRequests: number): ThroughputTotals {
  const stats = sessions.stats()
  return {
    audioFrames: stats.audioFramesTotal,
    audioFramesUdp: stats.audioFramesUdpTotal,
    audioBytes: stats.audioBytesTotal,
    controlMessagesIn: stats.controlMessagesInTotal,
    messagesOut: stats.messagesOutTotal,
    bytesOut: stats.bytesOutTotal,
    partials: stats.partialsTotal,
    finals: stats.finalsTotal,
    httpRequests,
  }
}

function publicUrlOf({ server, tls }: ResolvedConfig, port: number): string {
  if (server.publicUrl !== '') return server.publicUrl.replace(/\/+$/, '')
  return `${tls.mode === 'off' ? 'http' : 'https'}://${urlHost(server.host)}:${port}`
}

async function endStreams({ streams }: PublicServer): Promise<void> {
  await streams?.close('shutting_down', STREAMS_CLOSE_MS)
}

async function stop(options: PodOptions, scope: Scope, publicServer: PublicServer, drain: () => void): Promise<void> {
  const { clock, sessions, logger } = options
  drain()
  publicServer.stopListening()
  const step = async (what: string, limitMs: number, work: Promise<void>) => {
    try {
      await withDeadline(clock, limitMs, what, work)
    } catch (error) {
      logger.error({ err: error }, `${what} did not end well`)
    }
  }
  await Promise.all([
    step('closing the sessions', SESSIONS_CLOSE_MS, sessions.close('shutting_down')),
    step('closing stream connections', SESSIONS_CLOSE_MS, endStreams(publicServer)),
  ])
  await Promise.all([
    step('closing the listeners', LISTENERS_CLOSE_MS, scope.close()),
    step('closing the records', RECORDS_CLOSE_MS, options.records?.close() ?? Promise.resolve()),
  ])
  logger.info({}, 'pod stopped')
}
