// The catalogue of metrics: one row per name, the only place that says what it is, its labels and its meaning.
// `docs/metrics.md` is generated from it. Base units only; no label ever names a session, user or address.

export type MetricType = 'counter' | 'gauge' | 'histogram'

export interface MetricEntry {
  readonly type: MetricType
  readonly labels: readonly string[]
  /** One sentence; the help text of the exposition. */
  readonly meaning: string
  /** Upper bounds of a histogram, in the unit of the name. */
  readonly buckets?: readonly number[]
}

const counter = <const Labels extends readonly string[]>(labels: Labels, meaning: string) =>
  ({ type: 'counter', labels, meaning }) as const
const gauge = <const Labels extends readonly string[]>(labels: Labels, meaning: string) =>
  ({ type: 'gauge', labels, meaning }) as const
const histogram = <const Labels extends readonly string[]>(
  labels: Labels,
  buckets: readonly number[],
  meaning: string,
) => ({ type: 'histogram', labels, buckets, meaning }) as const

const QUERY_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 10] as const
const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5] as const

export const METRICS = {
  // the process
  parley_build_info: gauge(['version', 'node', 'member'], 'Always 1; its labels say what runs.'),
  parley_process_start_time_seconds: gauge([], 'When the process started, seconds since the Unix epoch.'),
  parley_process_cpu_seconds_total: counter(['mode'], 'CPU time of the process, all threads, by mode (user, system).'),
  parley_process_resident_memory_bytes: gauge([], 'Physical memory of the process.'),
  parley_process_heap_used_bytes: gauge([], 'Live and not yet collected objects on the JavaScript heap.'),
  parley_process_heap_size_bytes: gauge([], 'Memory the JavaScript heap has taken from the system.'),
  parley_process_external_memory_bytes: gauge(
    [],
    'Memory outside the heap that JavaScript objects hold, buffers included.',
  ),
  parley_process_array_buffers_bytes: gauge([], 'The part of external memory that is array buffers.'),
  parley_process_open_handles: gauge(['kind'], 'Open handles and requests of the event loop, by kind.'),
  // the event loop
  parley_loop_utilisation_ratio: gauge([], 'Share of the last window that the event loop was not idle, 0 to 1.'),
  parley_loop_active_seconds_total: counter([], 'Time the event loop was not idle.'),
  parley_loop_idle_seconds_total: counter([], 'Time the event loop waited for something to do.'),
  parley_loop_delay_p50_seconds: gauge([], 'How late timers of the event loop were in the last window: the median.'),
  parley_loop_delay_p99_seconds: gauge(
    [],
    'How late timers of the event loop were in the last window: 99th percentile.',
  ),
  parley_loop_delay_max_seconds: gauge([], 'How late timers of the event loop were in the last window: the latest.'),
  // the event loop, by stage
  parley_loop_stage_seconds_total: counter(
    ['stage'],
    'Time the event loop was not idle, by stage; the stages sum to it. other: what is not explained.',
  ),
  parley_loop_stage_events_total: counter(['stage'], 'Events handled, by stage of the event loop.'),
  parley_loop_turns_total: counter([], 'Turns of the event loop.'),
  parley_loop_thread_cpu_seconds_total: counter([], 'CPU time of the thread of the event loop.'),
  parley_loop_cpu_difference_ratio: gauge(
    [],
    'Share of the last seconds that the event loop was not idle, less the CPU time of its thread; far from 0 one of the two is not to be trusted.',
  ),
  parley_loop_explained_ratio: gauge([], 'Share of busy time that handlers, collector and calibrated costs explain.'),
  parley_loop_machine_factor_ratio: gauge(
    [],
    'Cost of events on this machine, relative to the machine the costs were measured on.',
  ),
  parley_loop_session_cost_ratio: gauge([], 'Busy time of the event loop per session and second; 0 without sessions.'),
  parley_loop_headroom_ratio: gauge([], 'Share of the loop that is left below its ceiling of 0.8; negative beyond it.'),
  // sessions
  parley_sessions: gauge(['state'], 'Sessions of this pod by state (opening, active, suspended).'),
  parley_session_seats: gauge([], 'Sessions this pod admits.'),
  parley_fleet_member: gauge(
    ['state'],
    '1 for what this pod is in its fleet: joining, member, cut (the directory does not answer) or misconfigured, else 0.',
  ),
  parley_fleet_unlisted_sessions: gauge([], 'Sessions of this pod that the directory does not know.'),
  parley_fleet_watch_links: gauge(
    ['direction'],
    'Links between pods by which watchers follow a session of another: in = sessions here, out = watchers here.',
  ),
  parley_fleet_placed_total: counter(
    ['where'],
    'Sessions asked for at this pod by where they were opened: here, on another pod (there), or here without the directory (alone).',
  ),
  parley_fleet_handed_over_total: counter(
    ['how'],
    'Sessions that changed their pod: taken over from a pod that is gone (adopted), taken by another while they were still here (fenced), given away (moved), taken in (taken), not taken by the other pod (failed), ended because no pod could take them (left).',
  ),
  parley_fleet_journal_appends_total: counter(
    ['outcome'],
    'Appends of the states of sessions to the journal of the fleet: kept, or failed because it was away.',
  ),
  parley_fleet_journal_states_total: counter([], 'States of sessions that were kept in the journal.'),
  parley_sessions_created_total: counter([], 'Sessions admitted.'),
  parley_sessions_refused_total: counter(['code'], 'Sessions refused, by error code.'),
  parley_sessions_closed_total: counter(['reason'], 'Sessions closed, by close reason.'),
  parley_session_errors_total: counter(['code'], 'Errors told to clients over their connections, by error code.'),
  parley_sessions_resumed_total: counter([], 'Owners that came back to their suspended session.'),
  parley_connections_replaced_total: counter([], 'Connections that a newer one of the same owner took over from.'),
  parley_replays_truncated_total: counter([], 'Resumes that had missed more events than are sent again.'),
  parley_session_history_bytes: gauge([], 'Events kept for resumes and REST, all sessions together.'),
  parley_connections: gauge([], 'Open WebSocket connections, whether or not hello was said.'),
  parley_watchers: gauge([], 'Connections that follow a session by a watch link.'),
  parley_upgrades_refused_total: counter(
    ['code'],
    'WebSocket upgrades refused before a connection was made, by error code.',
  ),
  // throughput
  parley_backend_messages_total: counter(
    ['result'],
    'Messages of backends at sessions of this pod, by what became of them.',
  ),
  parley_audio_frames_total: counter([], 'Audio frames received from clients.'),
  parley_audio_frames_udp_total: counter([], 'Those of the audio frames that came over UDP.'),
  parley_audio_frames_refused_total: counter(
    ['reason'],
    'Audio frames not taken: duplicate (its audio was taken before), late (a newer one had come), too_fast (beyond the pace).',
  ),
  parley_audio_bytes_total: counter([], 'Encoded audio received from clients.'),
  parley_control_messages_received_total: counter([], 'Text messages received from clients.'),
  parley_messages_sent_total: counter([], 'Messages sent to clients and watchers.'),
  parley_sent_bytes_total: counter([], 'Payload sent to clients and watchers.'),
  parley_captions_total: counter(['kind'], 'Captions by kind (partial, final), counted once however many follow.'),
  parley_partials_coalesced_total: counter([], 'Partials replaced by a newer one before they were sent.'),
  parley_utterances_abandoned_total: counter([], 'Utterances that ended without a final.'),
  // udp
  parley_udp_channels: gauge([], 'Channels whose key opens packets.'),
  parley_udp_packets_total: counter([], 'Datagrams received.'),
  parley_udp_frames_total: counter([], 'Audio frames delivered from datagrams.'),
  parley_udp_probes_total: counter([], 'Probes answered.'),
  parley_udp_frames_missing_total: counter([], 'Audio frames that did not come in time over UDP.'),
  parley_udp_frames_reordered_total: counter([], 'Audio frames that came behind a newer one, in time.'),
  parley_udp_rebinds_total: counter([], 'Channels whose client went on from another address.'),
  parley_udp_dropped_total: counter(['reason'], 'Datagrams not delivered, by reason.'),
  parley_udp_kernel_drops_total: counter([], 'Datagrams the kernel dropped for want of receive buffer.'),
  parley_udp_receive_buffer_bytes: gauge([], 'Receive buffer of the UDP socket.'),
  parley_udp_receive_buffer_granted: gauge([], '1 when the kernel granted the receive buffer asked for, else 0.'),
  parley_udp_ring_bytes: gauge([], 'Room for opened packets that wait for the event loop.'),
  parley_udp_ring_used_bytes: gauge([], 'Opened packets that wait for the event loop.'),
  parley_udp_ring_peak_bytes: gauge([], 'The most that ever waited.'),
  parley_udp_thread_cpu_seconds_total: counter([], 'CPU time of the thread that receives datagrams.'),
  // speech
  parley_speech_ready: gauge([], '1 when speech can be recognised, else 0.'),
  parley_speech_workers: gauge([], 'Speech workers connected.'),
  parley_speech_slots: gauge([], 'Streams the connected workers take together.'),
  parley_speech_slots_used: gauge([], 'Slots held by streams and reservations.'),
  parley_speech_engine_ready: gauge(
    ['engine'],
    '1 when an engine of this name is ready on a connected worker, else 0.',
  ),
  parley_speech_streams: gauge([], 'Streams of this pod, with or without a worker at the moment.'),
  parley_speech_streams_waiting: gauge([], 'Streams that wait for a worker; their audio is kept.'),
  parley_speech_kept_audio_bytes: gauge(
    [],
    'Audio kept because its utterance is not settled yet, all sessions together.',
  ),
  parley_speech_frames_dropped_total: counter(
    ['reason'],
    'Audio frames not recognised: late (already taken), bound (no room to keep them), expired (waited too long for a worker).',
  ),
  parley_speech_failovers_total: counter([], 'Streams that went on at another worker.'),
  parley_speech_moves_total: counter(
    ['reason'],
    'Streams taken from a worker that could have gone on: it drains (draining), or had left them behind (behind).',
  ),
  parley_speech_workers_trusted: gauge(
    ['standing'],
    'Workers by what the health gate says: in (gets streams), out (gets none after failures), trial (due for one).',
  ),
  parley_speech_batches_total: counter([], 'Batches of audio sent to workers.'),
  parley_speech_batch_bytes_total: counter([], 'Bytes of the batches of audio sent to workers.'),
  parley_speech_link_losses_total: counter([], 'Links to workers that broke.'),
  parley_speech_link_faults_total: counter([], 'Messages of workers that did not follow the protocol.'),
  parley_speech_link_stalls_total: counter([], 'Times a worker did not take its next batch in time.'),
  // speech out
  parley_speeches: gauge([], 'Speeches of this pod, with or without a worker at the moment.'),
  parley_speeches_waiting: gauge([], 'Speeches that wait for a worker.'),
  parley_speech_synthesis_slots: gauge([], 'Speeches the connected workers make at a time, together.'),
  parley_speech_synthesis_slots_used: gauge([], 'Those of the slots for speeches that are held.'),
  parley_speeches_total: counter([], 'Texts that were to be said.'),
  parley_speeches_failed_total: counter([], 'Texts that were not said, or not to their end.'),
  parley_speech_setbacks_total: counter([], 'Times a speech lost its worker, or its worker failed it.'),
  parley_speech_audio_bytes_total: counter([], 'Audio of speeches received from workers.'),
  parley_translations_total: counter(
    ['kind'],
    'Translations told to sessions: partial, final, or failed (a final that will not be had in a language).',
  ),
  parley_polished_total: counter(['kind'], 'Captions of sessions that were mended, by kind (partial, final).'),
  parley_session_voices_total: counter(
    ['outcome'],
    'Finals said in a language somebody wants to hear, by outcome (ended, failed, skipped: too much waited, cancelled: nobody hears it any more, dropped with the session).',
  ),
  parley_session_speeches_total: counter(
    ['outcome'],
    'Speeches of sessions that are over, by outcome (ended, cancelled, failed, dropped with their connection).',
  ),
  parley_speech_frames_sent_total: counter([], 'Frames of speeches sent to clients.'),
  // texts: translation and polishing
  parley_text_asked_total: counter(
    ['class'],
    'Texts that were to be translated or polished, by class (partial, final).',
  ),
  parley_text_shared_total: counter(['class'], 'Those of them that shared the call of another that asked the same.'),
  parley_text_outcomes_total: counter(
    ['class', 'outcome'],
    'Texts by what became of them: done (an engine answered), cached, cancelled; skipped and failed ones are counted with their reasons.',
  ),
  parley_text_outcome_seconds_total: counter(['class'], 'Time from being asked to the outcome, all texts together.'),
  parley_text_partials_skipped_total: counter(
    ['reason'],
    'Partials that came to nothing: budget (it would have waited too long), failed (no engine, or none that could).',
  ),
  parley_text_finals_failed_total: counter(['reason'], 'Finals that came to nothing, by reason.'),
  parley_text_finals_delayed_total: counter([], 'Finals that had to wait longer than a partial may.'),
  parley_text_jobs: gauge(['state'], 'Texts under way: called, waiting (for a turn), parked (for a change), resting.'),
  parley_text_engine_ready: gauge(
    ['kind', 'engine'],
    '1 when the engine is asked, 0 when it is not ready or left alone.',
  ),
  parley_text_answers_total: counter(['kind', 'engine'], 'Answers of engines that were used.'),
  parley_text_call_failures_total: counter(
    ['kind', 'engine', 'code'],
    'Calls that came to nothing, by code; LINK_LOST: with the link to their worker.',
  ),
  parley_text_refused_total: counter(
    ['reason'],
    'Answers that were of no use: same (the text itself), long (far too much), language (in another).',
  ),
  parley_text_cache_hits_total: counter(['class'], 'Texts whose answer was known.'),
  parley_text_cache_misses_total: counter(['class'], 'Texts whose answer was not known.'),
  parley_text_other_pods_total: counter(
    ['outcome'],
    'Finals looked for among those of other pods, by what came of it (passed: not answered in time), and those kept for them.',
  ),
  parley_text_cache_bytes: gauge(['class'], 'Memory of the answers that are kept.'),
  parley_budget_used_ratio: gauge(
    ['provider', 'resource'],
    "Share of this pod's part of a budget that is used: requests and tokens of the last minute, calls under way.",
  ),
  parley_budget_waiting: gauge(['provider', 'class'], 'Texts that wait for a budget.'),
  parley_budget_calls_total: counter(['provider'], 'Calls made on a budget.'),
  parley_budget_rate_limited_total: counter(['provider'], 'Calls the provider refused for its own limits.'),
  parley_budget_paused: gauge(['provider'], '1 while the provider wants to be left alone, else 0.'),
  parley_budget_store_lost: gauge(['provider'], '1 while the store of shared budgets does not answer, else 0.'),
  // the speech worker
  parley_worker_state: gauge(
    ['state'],
    '1 for the state the worker is in (loading, ready, draining, overloaded), else 0.',
  ),
  parley_worker_links: gauge([], 'Links of pods to this worker.'),
  parley_worker_links_refused_total: counter(
    ['reason'],
    'Links refused: missing, expired, other_worker or not_of_this_fleet credentials, version, too_many_links.',
  ),
  parley_worker_connections: gauge([], 'WebSocket connections at the stream endpoints of this worker.'),
  parley_worker_slots: gauge(
    ['role'],
    'Streams this worker takes, by role (recognise, synthesise), and texts at a time (translate, polish).',
  ),
  parley_worker_slots_used: gauge(['role'], 'Slots held by streams and texts, by role.'),
  parley_worker_engine_ready: gauge(['role', 'engine'], '1 when the engine of a role is ready, else 0.'),
  parley_worker_decoders_warm: gauge([], 'Decoders loaded and waiting for a stream.'),
  parley_worker_streams_total: counter(
    ['role', 'outcome'],
    'Streams asked for over links, by role and outcome (opened, refused, failed: broke after it was opened).',
  ),
  parley_worker_audio_frames_total: counter([], 'Audio frames received over links.'),
  parley_worker_dropped_total: counter(
    ['reason'],
    'What was not used: frame_corrupt, frame_late (heard before), frame_stray (of no open stream), partial_unread (the pod does not read); and what must stay 0: audio_overflow (a stream was given more than it holds).',
  ),
  parley_worker_gap_seconds_total: counter(
    ['filling'],
    'Audio that never came, by what stands for it (repeat, silence).',
  ),
  parley_worker_backlog_seconds: gauge([], 'Audio that waits to be recognised, all streams together.'),
  parley_worker_backlog_age_seconds: gauge(
    ['role'],
    'For how long the oldest has waited: audio to be recognised, speeches for their next audio.',
  ),
  parley_worker_speech_seconds_total: counter([], 'Audio of speeches given to pods.'),
  parley_worker_speech_stalls_total: counter([], 'Times a pod did not read the audio of its speeches.'),
  parley_worker_texts_total: counter(
    ['kind', 'outcome'],
    'Texts pods asked for, by kind (translate, polish) and outcome: answered, or the code of the failure in small letters (busy, deadline, refused_same ...).',
  ),
  parley_worker_texts_waiting: gauge(['kind'], 'Texts that wait for a slot, by kind (translate, polish).'),
  parley_worker_text_seconds_total: counter(['kind'], 'Time engines took for the texts they answered, by kind.'),
  // http
  parley_http_requests_total: counter(
    ['method', 'route', 'status'],
    'REST and page requests answered, by method, route and status.',
  ),
  parley_http_request_duration_seconds: histogram(
    ['route', 'status'],
    REQUEST_SECONDS,
    'From the first byte of a request read to its answer written, by route and status.',
  ),
  parley_authentication_failures_total: counter([], 'Requests whose credential was presented and not valid.'),
  parley_rate_limited_total: counter(
    ['limit'],
    'Requests refused by a limit per address (requests, failed_authentications).',
  ),
  // records
  parley_records_queued: gauge([], 'Records in memory that wait to be written.'),
  parley_records_written_total: counter([], 'Records written to the database.'),
  parley_records_spilled_total: counter([], 'Records put on disk because the database was lost.'),
  parley_records_spill_records: gauge([], 'Records that wait on disk for the database.'),
  parley_records_spill_bytes: gauge([], 'Size of the records that wait on disk.'),
  parley_records_dropped_total: counter(
    ['reason'],
    'Records not kept: lost (queue_full, spill_full, unreadable, invalid), or left out on purpose (not_kept: the tenant keeps no texts; forgotten: of a user who was forgotten).',
  ),
  parley_records_database_lost_seconds: gauge(
    [],
    'For how long the database of records has been lost; 0 while it answers.',
  ),
  parley_records_connections: gauge(
    ['state'],
    'Connections to the database of records: open, in_use of them, and waiting: requests that have none.',
  ),
  parley_records_queries_failed_total: counter(['query'], 'Queries of records that failed, by name.'),
  parley_records_query_duration_seconds: histogram(
    ['query'],
    QUERY_SECONDS,
    'How long queries of records took, waiting for a connection included, by name.',
  ),
  // log
  parley_log_lines_dropped_total: counter([], 'Log lines dropped because the log could not be written fast enough.'),
} as const satisfies Record<string, MetricEntry>

export type MetricName = keyof typeof METRICS
export const METRIC_NAMES = Object.keys(METRICS) as MetricName[]

/** What only a speech worker exposes. A pod exposes everything else. */
export const WORKER_METRIC_NAMES: readonly MetricName[] = METRIC_NAMES.filter((name) =>
  name.startsWith('parley_worker_'),
)

/** Histograms whose values are read at scrape time. */
export type CollectedHistogramName = 'parley_records_query_duration_seconds'
/** Metrics whose value is read at scrape time: every other one but the HTTP pair, which is recorded per request. */
export type CollectedName = Exclude<
  MetricName,
  'parley_http_requests_total' | 'parley_http_request_duration_seconds' | CollectedHistogramName
>
export type LabelOf<Name extends MetricName> = (typeof METRICS)[Name]['labels'][number]
