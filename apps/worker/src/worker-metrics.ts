// The worker's rows of the metric catalogue: where each number comes from.
import { TEXT_FAILURE_CODES, TEXT_KINDS, type TextKind } from '@parley/protocol'
import type { Metrics } from '@parley/telemetry'
import { dropsOf, type HealthFigures } from './health-report.ts'
import type { TextStatus } from './text-host.ts'

const STATES = ['loading', 'ready', 'draining', 'overloaded'] as const

export function collectWorkerMetrics(metrics: Metrics, read: () => HealthFigures): void {
  metrics.collect('parley_worker_state', () => {
    const { state } = read()
    return STATES.map((each) => ({ labels: { state: each }, value: each === state ? 1 : 0 }))
  })
  metrics.collect('parley_worker_links', () => read().links)
  metrics.collect('parley_worker_links_refused_total', () =>
    Object.entries(read().linksRefused).map(([reason, value]) => ({ labels: { reason }, value })),
  )
  metrics.collect('parley_worker_connections', () => read().connections)
  metrics.collect('parley_worker_slots', () => byRole(read(), ({ ready, slots }) => (ready ? slots : 0)))
  metrics.collect('parley_worker_slots_used', () => byRole(read(), ({ slotsUsed }) => slotsUsed))
  metrics.collect('parley_worker_engine_ready', () => engines(read()))
  metrics.collect('parley_worker_decoders_warm', () => read().recognition?.decodersWarm ?? 0)
  metrics.collect('parley_worker_streams_total', () => outcomes(read()))
  metrics.collect('parley_worker_audio_frames_total', () => read().counters.framesTotal)
  metrics.collect('parley_worker_dropped_total', () => {
    const { counters, recognition } = read()
    return Object.entries(dropsOf(counters, recognition)).map(([reason, value]) => ({ labels: { reason }, value }))
  })
  metrics.collect('parley_worker_gap_seconds_total', () => {
    const { gapsRepeatedMsTotal, gapsSilentMsTotal } = read().counters
    return [
      { labels: { filling: 'repeat' }, value: gapsRepeatedMsTotal / 1000 },
      { labels: { filling: 'silence' }, value: gapsSilentMsTotal / 1000 },
    ]
  })
  metrics.collect('parley_worker_backlog_seconds', () => (read().recognition?.backlog?.audioMs ?? 0) / 1000)
  metrics.collect('parley_worker_backlog_age_seconds', () => {
    const { recognition, speechWaitMs } = read()
    return [
      { labels: { role: 'recognise' }, value: (recognition?.backlog?.oldestMs ?? 0) / 1000 },
      { labels: { role: 'synthesise' }, value: speechWaitMs / 1000 },
    ]
  })
  metrics.collect('parley_worker_speech_seconds_total', () => read().counters.speechAudioMsTotal / 1000)
  metrics.collect('parley_worker_speech_stalls_total', () => read().counters.speechStallsTotal)
  metrics.collect('parley_worker_texts_total', () => textOutcomes(read()))
  metrics.collect('parley_worker_texts_waiting', () =>
    textKinds(read().texts).map(([kind, { waiting }]) => ({ labels: { kind }, value: waiting })),
  )
  metrics.collect('parley_worker_text_seconds_total', () =>
    textKinds(read().texts).map(([kind, { counters }]) => ({ labels: { kind }, value: counters.engineMsTotal / 1000 })),
  )
}

interface RoleStatus {
  readonly ready: boolean
  readonly slots: number
  readonly slotsUsed: number
}

function byRole({ recognition, synthesis, texts }: HealthFigures, value: (status: RoleStatus) => number) {
  const roles = [
    ['recognise', recognition],
    ['synthesise', synthesis],
    ['translate', texts.translate && { ...texts.translate, ready: true }],
    ['polish', texts.polish && { ...texts.polish, ready: true }],
  ] as const
  return roles.flatMap(([role, status]) => (status ? [{ labels: { role }, value: value(status) }] : []))
}

function engines({ recognition, synthesis, texts }: HealthFigures) {
  const row = (role: string, { name, ready }: { name: string; ready: boolean }) => ({
    labels: { role, engine: name },
    value: ready ? 1 : 0,
  })
  return [
    ...(recognition ? [row('recognise', recognition)] : []),
    ...(synthesis ? [row('synthesise', synthesis)] : []),
    ...textKinds(texts).flatMap(([kind, status]) => status.engines.map((engine) => row(kind, engine))),
  ]
}

function textKinds(texts: HealthFigures['texts']): [TextKind, TextStatus][] {
  return TEXT_KINDS.flatMap((kind): [TextKind, TextStatus][] => {
    const status = texts[kind]
    return status ? [[kind, status]] : []
  })
}

function textOutcomes({ texts }: HealthFigures) {
  return textKinds(texts).flatMap(([kind, { counters }]) => [
    { labels: { kind, outcome: 'answered' }, value: counters.answeredTotal },
    ...TEXT_FAILURE_CODES.map((code) => ({
      labels: { kind, outcome: code.toLowerCase() },
      value: counters.failedTotal[code] ?? 0,
    })),
  ])
}

function outcomes({ counters }: HealthFigures) {
  const row = (role: string, outcome: string, value: number) => ({ labels: { role, outcome }, value })
  return [
    row('recognise', 'opened', counters.streamsOpenedTotal),
    row('recognise', 'refused', counters.streamsRefusedTotal),
    row('recognise', 'failed', counters.streamsFailedTotal),
    row('synthesise', 'opened', counters.speechesOpenedTotal),
    row('synthesise', 'refused', counters.speechesRefusedTotal),
    row('synthesise', 'failed', counters.speechesFailedTotal),
  ]
}
