// What the pod as a whole asks of its links to speech workers, beyond what sessions ask of speech.
import type { WorkerAddress } from '@parley/fleet'
import type { SpeakPort, SpeechPort } from './speech/speech-port.ts'
import type { WorkerView } from './speech/worker-view.ts'

export interface PodSpeech extends SpeechPort, SpeakPort {
  /** Desired state: the whole set of workers; an empty set means none. */
  setWorkers(workers: readonly WorkerAddress[]): void
  /** Calls `listener` when engines or slots change; returns the function that stops it. */
  onChange(listener: () => void): () => void
  stats(): PodSpeechStats
  /** Every worker there should be a link to, whether it is up or not. */
  workers(): readonly WorkerView[]
  /** See SpeechLinks. */
  drainWorker(workerId: string, withinMs: number | undefined): boolean
}

/** Plain counters since start, and sizes at the time of asking. */
export interface PodSpeechStats {
  readonly streams: number
  readonly streamsWaiting: number
  readonly keptAudioBytes: number
  readonly framesLateTotal: number
  readonly framesDroppedTotal: number
  readonly framesExpiredTotal: number
  readonly failoversTotal: number
  readonly batches: number
  readonly batchBytes: number
  readonly stalls: number
  readonly linkLosses: number
  readonly linkFaults: number
  readonly speeches: number
  readonly speechesWaiting: number
  readonly speechSlots: number
  readonly speechSlotsUsed: number
  readonly speechesTotal: number
  readonly speechesFailedTotal: number
  readonly speechSetbacksTotal: number
  readonly speechAudioBytesTotal: number
  readonly movedBehindTotal: number
  readonly movedDrainingTotal: number
}
