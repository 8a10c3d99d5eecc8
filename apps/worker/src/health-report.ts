// What the worker says of itself over HTTP: a word for everyone, everything for who may know it. Pure: figures in, JSON out. Times in ms,
// sizes in bytes.
import type { TextKind, WorkerState } from '@parley/protocol'
import type { RecogniserStatus, SynthesiserStatus } from '@parley/speech'
import type { LoopReading, ProcessStats } from '@parley/telemetry'
import type { EndpointsReport } from './endpoints-port.ts'
import type { StreamCounters } from './host-context.ts'
import type { RefusalReason } from './link-refusals.ts'
import type { TextStatus } from './text-host.ts'

export interface HealthFigures {
  readonly state: WorkerState
  readonly workerId: string
  readonly version: string
  readonly uptimeMs: number
  readonly links: number
  readonly linkStreams: number
  readonly linksRefused: Readonly<Record<RefusalReason, number>>
  /** WebSocket connections at the stream endpoints. */
  readonly connections: number
  readonly endpoints?: EndpointsReport | undefined
  readonly recognition: RecogniserStatus | undefined
  readonly synthesis: SynthesiserStatus | undefined
  readonly texts: Readonly<Record<TextKind, TextStatus | undefined>>
  readonly speechesWaiting: number
  readonly speechWaitMs: number
  readonly counters: Readonly<StreamCounters>
  readonly loop: LoopReading
  readonly process: ProcessStats
}

/** What a load balancer needs: `status` is `ok`, or why nothing new should be sent here. */
export interface ShortHealth {
  readonly status: 'ok' | Exclude<WorkerState, 'ready'>
}

export const shortHealth = (state: WorkerState): ShortHealth => ({ status: state === 'ready' ? 'ok' : state })

export function healthReport(figures: HealthFigures) {
  const { recognition, synthesis, texts, counters, loop, process: stats } = figures
  return {
    ...shortHealth(figures.state),
    workerId: figures.workerId,
    version: figures.version,
    node: process.version,
    pid: process.pid,
    uptimeMs: Math.round(figures.uptimeMs),
    active_connections: figures.connections,
    ...(figures.endpoints ? { endpoints: figures.endpoints } : {}),
    links: { open: figures.links, streams: figures.linkStreams, refusedTotal: figures.linksRefused },
    roles: {
      ...(recognition ? { recognise: recogniseReport(recognition, counters) } : {}),
      ...(synthesis ? { synthesise: synthesiseReport(synthesis, counters) } : {}),
      ...(texts.translate ? { translate: textReport(texts.translate) } : {}),
      ...(texts.polish ? { polish: textReport(texts.polish) } : {}),
    },
    queues: {
      recognise: {
        waitingAudioMs: Math.round(recognition?.backlog?.audioMs ?? 0),
        oldestMs: Math.round(recognition?.backlog?.oldestMs ?? 0),
      },
      synthesise: { waitingSpeeches: figures.speechesWaiting, oldestMs: Math.round(figures.speechWaitMs) },
      translate: { waitingTexts: texts.translate?.waiting ?? 0 },
      polish: { waitingTexts: texts.polish?.waiting ?? 0 },
    },
    dropped: dropsOf(counters, recognition),
    loop: {
      utilisationRatio: round(loop.utilisationRatio, 4),
      delayP50Ms: round(loop.delayP50Ms, 2),
      delayP99Ms: round(loop.delayP99Ms, 2),
      delayMaxMs: round(loop.delayMaxMs, 2),
    },
    cpu: { userMs: Math.round(stats.cpuUserMs), systemMs: Math.round(stats.cpuSystemMs) },
    memory: { rssBytes: stats.rssBytes, heapUsedBytes: stats.heapUsedBytes, externalBytes: stats.externalBytes },
  }
}

export type HealthReport = ReturnType<typeof healthReport>

/** By reason, since the start. */
export function dropsOf(counters: Readonly<StreamCounters>, recognition: RecogniserStatus | undefined) {
  return {
    frame_corrupt: counters.framesCorruptTotal,
    frame_late: counters.framesLateTotal,
    frame_stray: counters.framesStrayTotal,
    partial_unread: counters.partialsDroppedTotal,
    // Must stay 0. Blocks of 20 ms; each loss broke its stream, and its pod sent the audio to another worker.
    audio_overflow: Math.round((recognition?.backlog?.lostMsTotal ?? 0) / 20),
  }
}

function recogniseReport(status: RecogniserStatus, counters: Readonly<StreamCounters>) {
  return {
    engine: status.name,
    languages: status.languages,
    ready: status.ready,
    ...(status.problem === undefined ? {} : { problem: status.problem }),
    slots: status.slots,
    slotsUsed: status.slotsUsed,
    decodersWarm: status.decodersWarm,
    openedTotal: counters.streamsOpenedTotal,
    refusedTotal: counters.streamsRefusedTotal,
    failedTotal: counters.streamsFailedTotal,
    framesTotal: counters.framesTotal,
    gapsRepeatedMsTotal: Math.round(counters.gapsRepeatedMsTotal),
    gapsSilentMsTotal: Math.round(counters.gapsSilentMsTotal),
  }
}

function synthesiseReport(status: SynthesiserStatus, counters: Readonly<StreamCounters>) {
  return {
    engine: status.name,
    ready: status.ready,
    ...(status.problem === undefined ? {} : { problem: status.problem }),
    slots: status.slots,
    slotsUsed: status.slotsUsed,
    voices: status.voices.length,
    openedTotal: counters.speechesOpenedTotal,
    refusedTotal: counters.speechesRefusedTotal,
    failedTotal: counters.speechesFailedTotal,
    audioMsTotal: Math.round(counters.speechAudioMsTotal),
    stallsTotal: counters.speechStallsTotal,
  }
}

function textReport({ slots, slotsUsed, engines, counters }: TextStatus) {
  return {
    ready: slots > 0,
    slots,
    slotsUsed,
    engines: engines.map(({ name, ready, problem, pairs }) => ({
      name,
      ready,
      ...(problem === undefined ? {} : { problem }),
      ...(pairs === undefined ? {} : { pairs: pairs.length }),
    })),
    answeredTotal: counters.answeredTotal,
    engineMsTotal: Math.round(counters.engineMsTotal),
    failedTotal: counters.failedTotal,
  }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
