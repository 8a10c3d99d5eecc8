// What every stream and speech on this worker is given: engines, clock, counters, and whether there is room for it.
import type { Clock } from '@parley/kernel'
import type { WorkerRole } from '@parley/protocol'
import type { Recogniser, Synthesiser } from '@parley/speech'
import type { Logger } from '@parley/telemetry'
import type { RoleRefusal } from './endpoints-port.ts'
import type { FeedCounters } from './media-feed.ts'
import type { GivesWay, SessionFences } from './session-fences.ts'
import type { TextHost } from './text-host.ts'
import type { WaitGauge } from './wait-gauge.ts'

export interface StreamCounters extends FeedCounters {
  streamsOpenedTotal: number
  streamsRefusedTotal: number
  streamsFailedTotal: number
  /** Frames for streams that were not open. */
  framesStrayTotal: number
  /** Partials not sent because the pod did not read. */
  partialsDroppedTotal: number
  speechesOpenedTotal: number
  speechesRefusedTotal: number
  speechesFailedTotal: number
  /** Audio of speeches given to pods. */
  speechAudioMsTotal: number
  /** Times a pod did not read the audio of its speeches. */
  speechStallsTotal: number
}

export interface HostContext {
  readonly clock: Clock
  readonly logger: Logger
  /** Undefined when this worker does not have the role. */
  readonly recogniser: Recogniser | undefined
  readonly synthesiser: Synthesiser | undefined
  /** Translates and polishes; has no kind of text work where the worker does none. */
  readonly texts: TextHost
  readonly counters: StreamCounters
  /** Of all links of the worker. */
  readonly fences: SessionFences<GivesWay>
  /** Speeches that wait for their next audio. */
  readonly speechWaits: WaitGauge
  /** Why no stream of `role` is taken now, whatever slots there are. */
  refusal(role: WorkerRole): RoleRefusal | undefined
  /** A slot was taken or given back. */
  onSlotsChanged(): void
}

export function newCounters(): StreamCounters {
  return {
    framesTotal: 0,
    framesCorruptTotal: 0,
    gapsRepeatedMsTotal: 0,
    gapsSilentMsTotal: 0,
    framesLateTotal: 0,
    framesStrayTotal: 0,
    partialsDroppedTotal: 0,
    streamsOpenedTotal: 0,
    streamsRefusedTotal: 0,
    streamsFailedTotal: 0,
    speechesOpenedTotal: 0,
    speechesRefusedTotal: 0,
    speechesFailedTotal: 0,
    speechAudioMsTotal: 0,
    speechStallsTotal: 0,
  }
}
