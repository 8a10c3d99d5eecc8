// What all streams of a pod share.
import type { Clock } from '@parley/kernel'
import type { SessionFence } from '@parley/protocol'
import type { Logger, StageTimer } from '@parley/telemetry'
import type { AudioPool } from './audio-pool.ts'

export interface StreamCounters {
  framesTotal: number
  frameBytesTotal: number
  /** Frames at or before one already taken. */
  framesLateTotal: number
  /** Frames given up because a bound on kept audio was reached. */
  framesDroppedTotal: number
  framesExpiredTotal: number
  failoversTotal: number
}

export interface SpeechStreamContext<Stream> {
  readonly clock: Clock
  readonly pool: AudioPool
  readonly logger: Logger
  readonly counters: StreamCounters
  readonly workerWaitMs: number
  readonly stages: StageTimer
  /** 0.5 to 1.5, another for each stream: what was lost together is not tried again together. */
  nextSpreadRatio(): number
  /** Token of a session, as of now; undefined where there is none. */
  fenceOf(sessionId: string): SessionFence | undefined
  /** A worker has seen a greater one. */
  onFenced(sessionId: string): void
  /** The stream has no worker and would take one. */
  onWaiting(stream: Stream): void
  onClosed(stream: Stream): void
}
