// What is true of one speech on its way from a worker, per state.
import type { ParleyError, VoiceInfo } from '@parley/protocol'

/** The voice as the first worker chose it: the next one has to go on with the same. */
export interface ChosenVoice {
  readonly voice: VoiceInfo
  readonly sampleRateHz: number
}

export interface SpeakCommon {
  /** Where the listener wanted it to begin. */
  readonly fromSample: number
  /** Samples up to here have been passed on, or are not wanted. */
  readonly nextSample: number
  /** Undefined until the first worker has opened the speech. */
  readonly chosen: ChosenVoice | undefined
  /** Workers lost or failed under this speech since it last came forward. */
  readonly setbacks: number
  /** `nextSample` at the last setback. */
  readonly setbackSample: number
}

export type SpeakState = SpeakCommon &
  (
    | {
        readonly kind: 'waiting' // no worker has it
        readonly sinceMs: number
        /** Not offered to a worker before this instant. */
        readonly retryAtMs: number
      }
    | { readonly kind: 'opening'; readonly sinceMs: number; readonly openedAtMs: number }
    | {
        readonly kind: 'speaking'
        /** When audio came last, or became allowed again after all that was allowed had come. */
        readonly owedSinceMs: number
      }
    | { readonly kind: 'over' }
  )

export type SpeakEffect =
  | { readonly type: 'started'; readonly chosen: ChosenVoice }
  | { readonly type: 'ended'; readonly samples: number }
  | { readonly type: 'failed'; readonly error: ParleyError }
  /** Tell the worker to stop: nobody wants the speech any more. */
  | { readonly type: 'closeOnWorker' }
  /** The same because it did not keep its word: it is there, but the speech is no longer its. */
  | { readonly type: 'failOnWorker' }
  /** Another worker is wanted, one that has not just failed it if there is one. */
  | { readonly type: 'place' }

export interface SpeakTransition {
  readonly state: SpeakState
  readonly effects: readonly SpeakEffect[]
}
