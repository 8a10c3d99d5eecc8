// A health answer as a pod with a hundred sessions gives it.
import type { StagesBlock, TopHealth } from '../snapshot.ts'

const row = (loopRatio: number, eventsPerSecond: number) => ({
  loopRatio,
  handlerRatio: loopRatio / 4,
  usPerSessionSecond: loopRatio * 1e4,
  eventsPerSecond,
})

export const SAMPLE_STAGES: StagesBlock = {
  windowMs: 5_000,
  loopActiveRatio: 0.2,
  explainedRatio: 0.97,
  machineFactor: 1.08,
  turnsPerSecond: 4_321,
  byStage: {
    udp: row(0, 0),
    'ws-in': row(0.12, 5_000),
    'ws-out': row(0.03, 600),
    json: row(0.01, 300),
    'speech-link': row(0.02, 5_050),
    'fan-out': row(0.005, 300),
    http: row(0, 0),
    timers: row(0.003, 5),
    gc: row(0.002, 0),
    other: row(0.01, 0),
  },
  usPerSessionSecond: 1_950,
  cpuUsPerSessionSecond: 2_400,
  headroom: { ceilingRatio: 0.8, headroomRatio: 0.75, sessionsThatFit: 307 },
  agreement: {
    loopActiveRatio: 0.2,
    cpuRatio: 0.19,
    differenceRatio: 0.01,
    verdict: 'agrees',
    meaning: 'busy time and CPU time agree',
  },
}

export const SAMPLE_HEALTH: TopHealth = {
  status: 'ok',
  version: '0.1.0',
  uptimeMs: 125_000,
  checks: { speech: 'ok', seats: 'ok' },
  loop: { utilisationRatio: 0.21, delayP50Ms: 0.2, delayP99Ms: 3.14, delayMaxMs: 9 },
  memory: { rssBytes: 140 << 20, heapUsedBytes: 40 << 20, heapSizeBytes: 60 << 20, externalBytes: 5 << 20 },
  sessions: { opening: 1, active: 100, suspended: 2, seats: 2_000, watchers: 30, connections: 131 },
  speech: { workers: 2, slots: 400, slotsUsed: 103 },
  throughput: { audioFramesPerSecond: 5_000, messagesOutPerSecond: 612.4 },
  stages: SAMPLE_STAGES,
}
