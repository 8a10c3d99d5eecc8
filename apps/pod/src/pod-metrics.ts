// Where each metric of a pod comes from. Sources are read once per scrape: counting the states of all sessions walks them.
import type { Clock } from '@parley/kernel'
import type { Metrics } from '@parley/telemetry'
import type { WatchLinkCounts } from './fleet/fleet-parts.ts'
import type { PodFleet } from './fleet/pod-fleet.ts'
import type { ResumeAnywhere } from './fleet/resume-anywhere.ts'
import type { PublicServer } from './http/public-server.ts'
import type { PodSpeech } from './pod-speech.ts'
import type { PodText } from './pod-text.ts'
import type { PodRecords } from './records/pod-records.ts'
import { collectRecords, NO_RECORDS_REPORT } from './records/records-metrics.ts'
import type { SessionService } from './sessions/session-service.ts'
import { collectTexts, NO_TEXT_REPORT } from './text/text-metrics.ts'
import { UDP_DROP_REASONS, type UdpDropReason, type UdpPort, type UdpStats } from './udp/udp-port.ts'

/** A scrape reads its sources one after the other; what was read this recently is of the same scrape. */
const SAME_SCRAPE_MS = 200

const MEMBER_STATES = ['joining', 'member', 'cut', 'misconfigured'] as const

export interface PodMetricsSources {
  readonly clock: Clock
  readonly sessions: Pick<SessionService, 'stats' | 'messages'>
  readonly speech: Pick<PodSpeech, 'status' | 'stats' | 'workers'>
  /** Undefined of a pod in no fleet. */
  readonly fleet?: Pick<PodFleet, 'state' | 'placed' | 'seatBook'> | undefined
  /** Undefined where sessions live and die with their pod. */
  readonly resume?: Pick<ResumeAnywhere, 'journal' | 'adopter' | 'handOver' | 'fenced'> | undefined
  /** Undefined where nobody watches from pod to pod. */
  readonly watchLinks?: (() => WatchLinkCounts) | undefined
  /** Undefined where nothing is done about texts. */
  readonly text: Pick<PodText, 'report'> | undefined
  /** Undefined when UDP is switched off. */
  readonly udp: Pick<UdpPort, 'stats'> | undefined
  /** Undefined where none are kept. */
  readonly records?: Pick<PodRecords, 'report'> | undefined
  readonly http: Pick<PublicServer, 'connections' | 'counters'>
  readonly droppedLogLines: () => number
}

/** What is counted where nothing is received over UDP. */
export const NO_UDP_STATS: UdpStats = {
  channels: 0,
  packetsTotal: 0,
  framesTotal: 0,
  probesTotal: 0,
  framesMissingTotal: 0,
  framesReorderedTotal: 0,
  rebindsTotal: 0,
  droppedTotal: Object.fromEntries(UDP_DROP_REASONS.map((reason) => [reason, 0])) as Record<UdpDropReason, number>,
  kernelDropsTotal: 0,
  receiveBufferBytes: 0,
  isReceiveBufferGranted: false,
  ringBytes: 0,
  ringUsedBytes: 0,
  ringPeakBytes: 0,
  threadCpuUs: 0,
}

export function collectPodMetrics(metrics: Metrics, sources: PodMetricsSources): void {
  collectSessions(
    metrics,
    oncePerScrape(sources.clock, () => sources.sessions.stats()),
    sources.sessions,
  )
  collectUdp(
    metrics,
    oncePerScrape(sources.clock, () => sources.udp?.stats() ?? NO_UDP_STATS),
  )
  collectSpeech(metrics, sources)
  collectFleet(metrics, sources.fleet)
  collectResume(metrics, sources.resume)
  metrics.collect('parley_fleet_watch_links', () =>
    byLabel('direction', { ...(sources.watchLinks?.() ?? { in: 0, out: 0 }) }),
  )
  collectTexts(
    metrics,
    oncePerScrape(sources.clock, () => sources.text?.report() ?? NO_TEXT_REPORT),
  )
  collectRecords(
    metrics,
    oncePerScrape(sources.clock, () => sources.records?.report() ?? NO_RECORDS_REPORT),
  )
  const { http } = sources
  metrics.collect('parley_connections', () => http.connections)
  metrics.collect('parley_upgrades_refused_total', () => byLabel('code', http.counters.upgradesRefusedTotal))
  metrics.collect('parley_authentication_failures_total', () => http.counters.authenticationFailuresTotal)
  metrics.collect('parley_rate_limited_total', () => [
    { labels: { limit: 'requests' }, value: http.counters.requestsLimitedTotal },
    { labels: { limit: 'failed_authentications' }, value: http.counters.authenticationsLimitedTotal },
  ])
  metrics.collect('parley_log_lines_dropped_total', sources.droppedLogLines)
}

function collectSessions(
  metrics: Metrics,
  stats: () => ReturnType<SessionService['stats']>,
  sessions: Pick<SessionService, 'messages'>,
): void {
  metrics.collect('parley_sessions', () => {
    const { opening, active, suspended } = stats()
    return byLabel('state', { opening, active, suspended })
  })
  metrics.collect('parley_session_seats', () => stats().seats)
  metrics.collect('parley_sessions_created_total', () => stats().createdTotal)
  metrics.collect('parley_sessions_refused_total', () => byLabel('code', stats().refusedTotal))
  metrics.collect('parley_sessions_closed_total', () => byLabel('reason', stats().closedTotal))
  metrics.collect('parley_session_errors_total', () => byLabel('code', stats().errorsTotal))
  metrics.collect('parley_sessions_resumed_total', () => stats().resumedTotal)
  metrics.collect('parley_connections_replaced_total', () => stats().replacedTotal)
  metrics.collect('parley_replays_truncated_total', () => stats().truncatedTotal)
  metrics.collect('parley_session_history_bytes', () => stats().historyBytes)
  metrics.collect('parley_audio_frames_udp_total', () => stats().audioFramesUdpTotal)
  metrics.collect('parley_audio_frames_refused_total', () => {
    const { audioFramesDuplicateTotal, audioFramesLateTotal, audioFramesTooFastTotal } = stats()
    return byLabel('reason', {
      duplicate: audioFramesDuplicateTotal,
      late: audioFramesLateTotal,
      too_fast: audioFramesTooFastTotal,
    })
  })
  metrics.collect('parley_watchers', () => stats().watchers)
  metrics.collect('parley_backend_messages_total', () => byLabel('result', { ...sessions.messages.totals }))
  metrics.collect('parley_audio_frames_total', () => stats().audioFramesTotal)
  metrics.collect('parley_audio_bytes_total', () => stats().audioBytesTotal)
  metrics.collect('parley_control_messages_received_total', () => stats().controlMessagesInTotal)
  metrics.collect('parley_messages_sent_total', () => stats().messagesOutTotal)
  metrics.collect('parley_sent_bytes_total', () => stats().bytesOutTotal)
  metrics.collect('parley_captions_total', () =>
    byLabel('kind', { partial: stats().partialsTotal, final: stats().finalsTotal }),
  )
  metrics.collect('parley_partials_coalesced_total', () => stats().partialsCoalescedTotal)
  metrics.collect('parley_utterances_abandoned_total', () => stats().abandonedTotal)
  metrics.collect('parley_translations_total', () => byLabel('kind', stats().translationsTotal))
  metrics.collect('parley_polished_total', () => byLabel('kind', stats().polishedTotal))
  metrics.collect('parley_session_voices_total', () => byLabel('outcome', stats().voicesTotal))
  metrics.collect('parley_session_speeches_total', () => byLabel('outcome', stats().speechesTotal))
  metrics.collect('parley_speech_frames_sent_total', () => stats().speechFramesTotal)
}

function collectFleet(metrics: Metrics, fleet: PodMetricsSources['fleet']): void {
  metrics.collect('parley_fleet_member', () => {
    const now = fleet?.state.state
    return MEMBER_STATES.map((state) => ({ labels: { state }, value: Number(state === now) }))
  })
  metrics.collect('parley_fleet_unlisted_sessions', () => fleet?.seatBook.unlistedSeats ?? 0)
  metrics.collect('parley_fleet_placed_total', () =>
    byLabel('where', { ...(fleet?.placed ?? { here: 0, there: 0, alone: 0 }) }),
  )
}

function collectResume(metrics: Metrics, resume: PodMetricsSources['resume']): void {
  metrics.collect('parley_fleet_handed_over_total', () => {
    const { moved = 0, taken = 0, failed = 0, left = 0 } = resume?.handOver.counts ?? {}
    return byLabel('how', {
      adopted: resume?.adopter.counts.adopted ?? 0,
      fenced: resume?.fenced ?? 0,
      moved,
      taken,
      failed,
      left,
    })
  })
  metrics.collect('parley_fleet_journal_appends_total', () => {
    const { appends = 0, failures = 0 } = resume?.journal.counts ?? {}
    return byLabel('outcome', { kept: appends, failed: failures })
  })
  metrics.collect('parley_fleet_journal_states_total', () => resume?.journal.counts.states ?? 0)
}

function collectUdp(metrics: Metrics, stats: () => UdpStats): void {
  metrics.collect('parley_udp_channels', () => stats().channels)
  metrics.collect('parley_udp_packets_total', () => stats().packetsTotal)
  metrics.collect('parley_udp_frames_total', () => stats().framesTotal)
  metrics.collect('parley_udp_probes_total', () => stats().probesTotal)
  metrics.collect('parley_udp_frames_missing_total', () => stats().framesMissingTotal)
  metrics.collect('parley_udp_frames_reordered_total', () => stats().framesReorderedTotal)
  metrics.collect('parley_udp_rebinds_total', () => stats().rebindsTotal)
  metrics.collect('parley_udp_dropped_total', () => byLabel('reason', stats().droppedTotal))
  metrics.collect('parley_udp_kernel_drops_total', () => stats().kernelDropsTotal)
  metrics.collect('parley_udp_receive_buffer_bytes', () => stats().receiveBufferBytes)
  metrics.collect('parley_udp_receive_buffer_granted', () => Number(stats().isReceiveBufferGranted))
  metrics.collect('parley_udp_ring_bytes', () => stats().ringBytes)
  metrics.collect('parley_udp_ring_used_bytes', () => stats().ringUsedBytes)
  metrics.collect('parley_udp_ring_peak_bytes', () => stats().ringPeakBytes)
  metrics.collect('parley_udp_thread_cpu_seconds_total', () => stats().threadCpuUs / 1_000_000)
}

function collectSpeech(metrics: Metrics, { clock, speech }: PodMetricsSources): void {
  const status = oncePerScrape(clock, () => speech.status())
  const stats = oncePerScrape(clock, () => speech.stats())
  metrics.collect('parley_speech_ready', () => Number(status().ready))
  metrics.collect('parley_speech_workers', () => status().workers)
  metrics.collect('parley_speech_slots', () => status().slots)
  metrics.collect('parley_speech_slots_used', () => status().slotsUsed)
  metrics.collect('parley_speech_engine_ready', () =>
    status().engines.map(({ name, ready }) => ({ labels: { engine: name }, value: Number(ready) })),
  )
  metrics.collect('parley_speech_streams', () => stats().streams)
  metrics.collect('parley_speech_streams_waiting', () => stats().streamsWaiting)
  metrics.collect('parley_speech_kept_audio_bytes', () => stats().keptAudioBytes)
  metrics.collect('parley_speech_frames_dropped_total', () => {
    const { framesLateTotal, framesDroppedTotal, framesExpiredTotal } = stats()
    return byLabel('reason', { late: framesLateTotal, bound: framesDroppedTotal, expired: framesExpiredTotal })
  })
  metrics.collect('parley_speech_failovers_total', () => stats().failoversTotal)
  metrics.collect('parley_speech_moves_total', () => {
    const { movedDrainingTotal, movedBehindTotal } = stats()
    return byLabel('reason', { draining: movedDrainingTotal, behind: movedBehindTotal })
  })
  metrics.collect('parley_speech_workers_trusted', () => {
    const counts = { in: 0, out: 0, trial: 0 }
    for (const { standing } of speech.workers()) counts[standing]++
    return byLabel('standing', counts)
  })
  metrics.collect('parley_speech_batches_total', () => stats().batches)
  metrics.collect('parley_speech_batch_bytes_total', () => stats().batchBytes)
  metrics.collect('parley_speech_link_losses_total', () => stats().linkLosses)
  metrics.collect('parley_speech_link_faults_total', () => stats().linkFaults)
  metrics.collect('parley_speech_link_stalls_total', () => stats().stalls)
  metrics.collect('parley_speeches', () => stats().speeches)
  metrics.collect('parley_speeches_waiting', () => stats().speechesWaiting)
  metrics.collect('parley_speech_synthesis_slots', () => stats().speechSlots)
  metrics.collect('parley_speech_synthesis_slots_used', () => stats().speechSlotsUsed)
  metrics.collect('parley_speeches_total', () => stats().speechesTotal)
  metrics.collect('parley_speeches_failed_total', () => stats().speechesFailedTotal)
  metrics.collect('parley_speech_setbacks_total', () => stats().speechSetbacksTotal)
  metrics.collect('parley_speech_audio_bytes_total', () => stats().speechAudioBytesTotal)
}

function byLabel<Label extends string>(label: Label, table: Readonly<Partial<Record<string, number>>>) {
  return Object.entries(table).map(([name, value]) => ({
    labels: { [label]: name } as Record<Label, string>,
    value: value ?? 0,
  }))
}

function oncePerScrape<T>(clock: Clock, read: () => T): () => T {
  let last: { readonly value: T; readonly atMs: number } | undefined
  return () => {
    const nowMs = clock.nowMs()
    if (!last || nowMs - last.atMs > SAME_SCRAPE_MS) last = { value: read(), atMs: nowMs }
    return last.value
  }
}
