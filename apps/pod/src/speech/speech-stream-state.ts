// What is true of one session's stream, per state.
import type { AbandonReason, AdaptationState, RecognisedWord } from '@parley/protocol'

export type WaitReason = 'worker_lost' | 'no_worker'

export interface StreamCommon {
  /** Index of the open utterance, or of the next one. */
  readonly nextIndex: number
  /** Captions of utterance `nextIndex` have been published: it keeps its index whatever happens (UT1). */
  readonly utteranceOpen: boolean
  /** Media time up to which the open utterance has been published. */
  readonly publishedEndMs: number
  /** The open utterance is being recognised again: nothing up to `publishedEndMs` is published a second time. */
  readonly repeating: boolean
  /** Media time before which everything has been recognised. */
  readonly settledMs: number
  /** Workers that died or failed under this stream since it last made progress. */
  readonly setbacks: number
  /** Workers it was cut off from since then, of which nobody knows yet whether they died. */
  readonly losses: number
  /** Media time that no worker has lived to answer past: what took them down lies before it, if it is the audio at all. Infinite without any. */
  readonly suspectUntilMs: number
  /** Utterances ended here that the worker never knew of: its indices lag behind ours by so many. */
  readonly workerLag: number
  readonly adaptation: AdaptationState | undefined
}

export type SpeechStreamState = StreamCommon &
  (
    | {
        readonly kind: 'waiting' // no worker holds the stream; audio is kept
        readonly sinceMs: number
        /** Not offered to a worker before this instant. */
        readonly retryAtMs: number
        /** The loss of audio that waited too long has been told (once per wait). */
        readonly lossTold: boolean
      }
    | {
        readonly kind: 'opening' // stream.open has been sent; audio still waits here
        readonly sinceMs: number
        readonly lossTold: boolean
        readonly openedAtMs: number
      }
    | { readonly kind: 'live' } // a worker takes the audio
    | { readonly kind: 'flushing' } // as live, and a flush is unanswered
    | { readonly kind: 'closed' }
  )

export type StreamEffect =
  | {
      readonly type: 'publishPartial'
      readonly index: number
      readonly text: string
      readonly stable: number
      readonly startMs: number
      readonly endMs: number
    }
  | {
      readonly type: 'publishFinal'
      readonly index: number
      readonly text: string
      readonly startMs: number
      readonly endMs: number
      readonly decideMs: number
      readonly words?: readonly RecognisedWord[] | undefined
    }
  | { readonly type: 'publishAbandoned'; readonly index: number; readonly reason: AbandonReason }
  | { readonly type: 'tell'; readonly state: 'ready' | 'waiting'; readonly reason?: WaitReason }
  /** Everything before the settled media time may be forgotten. */
  | { readonly type: 'trim' }
  /** Tell the worker to close the stream: it is there, but the stream is no longer its. */
  | { readonly type: 'closeOnWorker' }
  /** Forget all kept audio: it has done harm wherever it was sent. */
  | { readonly type: 'giveUpAudio' }

export interface Transition {
  readonly state: SpeechStreamState
  readonly effects: readonly StreamEffect[]
}
