// The full health report of the admin listener. Pure: figures in, JSON out. Times in ms, sizes in bytes, rates per second.
import type { HttpTotals, LoopReading, ProcessStats, StagesReading } from '@parley/telemetry'
import type { Readiness } from '../http/readiness.ts'
import type { PodSpeechStats } from '../pod-speech.ts'
import { type RecordsReport, recordsHealth } from '../records/records-report.ts'
import type { SessionStats } from '../sessions/session-service.ts'
import type { SpeechStatus } from '../speech/speech-port.ts'
import type { UdpStats } from '../udp/udp-port.ts'
import { stagesReport } from './stages-report.ts'

export interface ThroughputTotals {
  readonly audioFrames: number
  /** Those of them that came over UDP. */
  readonly audioFramesUdp: number
  readonly audioBytes: number
  readonly controlMessagesIn: number
  readonly messagesOut: number
  readonly bytesOut: number
  readonly partials: number
  readonly finals: number
  readonly httpRequests: number
}

export interface UdpFigures {
  /** Undefined while there is no socket. */
  readonly port: number | undefined
  readonly closedBecause: string | undefined
  readonly askedBufferBytes: number
  readonly stats: UdpStats
}

export interface HealthFigures {
  readonly readiness: Readiness
  readonly version: string
  readonly podId: string
  readonly uptimeMs: number
  readonly loop: LoopReading
  readonly stages: StagesReading
  readonly process: ProcessStats
  readonly sessions: SessionStats
  readonly connections: number
  readonly speech: SpeechStatus
  readonly speechStats: PodSpeechStats
  /** Undefined when UDP is switched off. */
  readonly udp: UdpFigures | undefined
  /** Undefined where none are kept. */
  readonly records: RecordsReport | undefined
  readonly rates: Readonly<Record<keyof ThroughputTotals, number>>
  readonly http: HttpTotals
}

export function healthReport(figures: HealthFigures) {
  const { readiness, loop, process, sessions, speech, speechStats, rates, http } = figures
  return {
    status: readiness.status,
    checks: readiness.checks,
    version: figures.version,
    podId: figures.podId,
    node: globalThis.process.version,
    pid: globalThis.process.pid,
    uptimeMs: Math.round(figures.uptimeMs),
    loop: {
      utilisationRatio: round(loop.utilisationRatio, 4),
      delayP50Ms: round(loop.delayP50Ms, 2),
      delayP99Ms: round(loop.delayP99Ms, 2),
      delayMaxMs: round(loop.delayMaxMs, 2),
    },
    stages: stagesReport(figures.stages),
    cpu: { userMs: Math.round(process.cpuUserMs), systemMs: Math.round(process.cpuSystemMs) },
    memory: {
      rssBytes: process.rssBytes,
      heapUsedBytes: process.heapUsedBytes,
      heapSizeBytes: process.heapSizeBytes,
      externalBytes: process.externalBytes,
    },
    sessions: {
      opening: sessions.opening,
      active: sessions.active,
      suspended: sessions.suspended,
      seats: sessions.seats,
      watchers: sessions.watchers,
      connections: figures.connections,
      createdTotal: sessions.createdTotal,
      refusedTotal: sessions.refusedTotal,
      closedTotal: sessions.closedTotal,
      resumedTotal: sessions.resumedTotal,
      replacedTotal: sessions.replacedTotal,
      truncatedTotal: sessions.truncatedTotal,
      historyBytes: sessions.historyBytes,
    },
    udp: udpReport(figures.udp),
    records: recordsHealth(figures.records),
    speech: {
      ready: speech.ready,
      workers: speech.workers,
      slots: speech.slots,
      slotsUsed: speech.slotsUsed,
      streams: speechStats.streams,
      streamsWaiting: speechStats.streamsWaiting,
      keptAudioBytes: speechStats.keptAudioBytes,
      engines: speech.engines,
    },
    throughput: {
      audioFramesPerSecond: round(rates.audioFrames, 1),
      audioFramesUdpPerSecond: round(rates.audioFramesUdp, 1),
      audioBytesPerSecond: Math.round(rates.audioBytes),
      controlMessagesInPerSecond: round(rates.controlMessagesIn, 1),
      messagesOutPerSecond: round(rates.messagesOut, 1),
      bytesOutPerSecond: Math.round(rates.bytesOut),
      partialsPerSecond: round(rates.partials, 2),
      finalsPerSecond: round(rates.finals, 2),
      requestsPerSecond: round(rates.httpRequests, 2),
    },
    http: { requestsTotal: http.requests, byStatus: http.byStatus },
  }
}

function udpReport(udp: UdpFigures | undefined) {
  if (!udp) return { isEnabled: false } as const
  const { stats } = udp
  return {
    isEnabled: true as const,
    port: udp.port,
    warning: udpWarning(udp),
    channels: stats.channels,
    receiveBufferBytes: stats.receiveBufferBytes,
    isReceiveBufferGranted: stats.isReceiveBufferGranted,
    ringBytes: stats.ringBytes,
    ringUsedBytes: stats.ringUsedBytes,
    ringPeakBytes: stats.ringPeakBytes,
    packetsTotal: stats.packetsTotal,
    framesTotal: stats.framesTotal,
    framesMissingTotal: stats.framesMissingTotal,
    framesReorderedTotal: stats.framesReorderedTotal,
    rebindsTotal: stats.rebindsTotal,
    droppedTotal: stats.droppedTotal,
    kernelDropsTotal: stats.kernelDropsTotal,
    threadCpuMs: Math.round(stats.threadCpuUs / 1000),
  }
}

/** A pod without UDP, or with little room for bursts, works: it is said, and nothing depends on it. */
function udpWarning({ closedBecause, askedBufferBytes, stats }: UdpFigures): string | undefined {
  if (closedBecause !== undefined) return `no audio over UDP, clients use WebSocket: ${closedBecause}`
  if (stats.isReceiveBufferGranted) return undefined
  return (
    `the kernel grants a UDP receive buffer of ${stats.receiveBufferBytes} bytes, ${askedBufferBytes} were asked for: ` +
    `bursts may be lost; as root: sysctl -w net.core.rmem_max=${askedBufferBytes}`
  )
}

export type HealthReport = ReturnType<typeof healthReport>

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
