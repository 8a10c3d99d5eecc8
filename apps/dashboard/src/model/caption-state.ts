// Everything the page knows, as plain values. What may happen to it: caption-reducer.ts.
import {
  type CaptionWish,
  NO_WISH,
  type RunEvent,
  type Source,
  type Trouble,
  type Unavailable,
  type WatchLinkInfo,
} from '../caption-client.ts'
import { EMPTY_TRANSCRIPT, type Transcript, type Translated } from './transcript.ts'

/**
 *   idle ----------> preparing -> connecting -> live -> finishing -> ended
 *                        |            |          |          |
 *                        +------------+----------+----------+-> ended (with trouble)
 *                                     |          +-> reconnecting -> live | finishing | ended   (the line broke; speech is kept)
 *                                     +-> retrying -> preparing   (refused for now, or a watcher that lost the line)
 */
export type Phase =
  | { readonly kind: 'idle' }
  /** The browser asks for the microphone, or the sample is fetched. */
  | { readonly kind: 'preparing' }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live'; readonly speech: 'ready' | 'waiting' }
  /** The connection broke and is being made anew, since then (monotonic); `keptMs` of speech are kept, undefined for a watcher. */
  | { readonly kind: 'reconnecting'; readonly sinceMs: number; readonly keptMs: number | undefined }
  /** No more sound is sent; the last captions are awaited. */
  | { readonly kind: 'finishing' }
  /** Will try again at `retryAtMs` (monotonic). */
  | { readonly kind: 'retrying'; readonly trouble: Trouble; readonly retryAtMs: number }
  | { readonly kind: 'ended'; readonly trouble: Trouble | undefined }

/** An utterance that has no final yet. */
export interface OpenCaption {
  readonly key: string
  readonly text: string
  readonly stable: number
  readonly startMs: number
  readonly translations: readonly Translated[]
}

/** What of an open caption is settled and what may still change; spaces between the two belong to neither's underline. */
export function splitOpen(text: string, stable: number): { settled: string; tail: string } {
  const tail = text.slice(stable).trimStart()
  return { settled: text.slice(0, text.length - tail.length), tail }
}

export interface Announcement {
  readonly key: string
  readonly text: string
  /** BCP 47 tag when it is not the spoken language. */
  readonly language?: string
}

export type Share =
  | { readonly kind: 'none' }
  | { readonly kind: 'asking' }
  | { readonly kind: 'shared'; readonly link: WatchLinkInfo; readonly isRevoking: boolean }
  | { readonly kind: 'failed'; readonly trouble: Trouble }

export interface CaptionState {
  readonly role: 'owner' | 'watcher'
  readonly phase: Phase
  readonly source: Source | undefined
  /** Counts sessions of this page visit: key prefix until the pod has named the session. */
  readonly runNumber: number
  readonly sessionId: string | undefined
  readonly language: string | undefined
  readonly codec: string | undefined
  /** Monotonic instant at which the session became live. */
  readonly liveSinceMs: number | undefined
  readonly lagMs: number | undefined
  readonly watchers: number
  readonly isMuted: boolean
  /** The microphone has given no sound for a while. */
  readonly isQuiet: boolean
  /** A recoverable trouble of the running session; gone with the next final. */
  readonly warning: Trouble | undefined
  readonly transcript: Transcript
  readonly wish: CaptionWish
  /** Languages the running session can be translated into; undefined while there is none. */
  readonly targets: readonly string[] | undefined
  readonly unavailable: readonly Unavailable[]
  readonly via: Extract<RunEvent, { type: 'wish' }>['via']
  /** The language heard at this moment. */
  readonly hearing: string | undefined
  /** In order of their start; at most MAX_OPEN. */
  readonly open: readonly OpenCaption[]
  /** Newest finals for assistive technology; at most MAX_ANNOUNCED, history is not read out. */
  readonly announced: readonly Announcement[]
  readonly share: Share
  /** A short confirmation ("Copied"), replaced by the next. */
  readonly notice: { readonly id: number; readonly text: string } | undefined
}

export const MAX_OPEN = 4
export const MAX_ANNOUNCED = 5

export type CaptionAction =
  | { readonly type: 'starting'; readonly source: Source | undefined; readonly wallMs: number }
  | { readonly type: 'run'; readonly event: RunEvent; readonly nowMs: number }
  | { readonly type: 'retrying'; readonly trouble: Trouble; readonly retryAtMs: number }
  | { readonly type: 'stopping' }
  | { readonly type: 'wish'; readonly wish: CaptionWish }
  | { readonly type: 'quiet'; readonly isQuiet: boolean }
  | { readonly type: 'muted'; readonly isMuted: boolean }
  | { readonly type: 'share'; readonly share: Share }
  | { readonly type: 'notice'; readonly text: string }
  | { readonly type: 'notice.over'; readonly id: number }
  | { readonly type: 'clear' }

export function initialState(role: 'owner' | 'watcher', wish: CaptionWish = NO_WISH): CaptionState {
  return {
    role,
    phase: { kind: 'idle' },
    source: undefined,
    runNumber: 0,
    sessionId: undefined,
    language: undefined,
    codec: undefined,
    liveSinceMs: undefined,
    lagMs: undefined,
    watchers: 0,
    isMuted: false,
    isQuiet: false,
    warning: undefined,
    transcript: EMPTY_TRANSCRIPT,
    wish,
    targets: undefined,
    unavailable: [],
    via: [],
    hearing: undefined,
    open: [],
    announced: [],
    share: { kind: 'none' },
    notice: undefined,
  }
}

/** True while sound is taken, whether or not there is a connection. */
export function isSpeaking(phase: Phase): boolean {
  return phase.kind === 'live' || phase.kind === 'reconnecting'
}

/** True while a run exists: from the press of the button to its end. */
export function isRunning(phase: Phase): boolean {
  return phase.kind !== 'idle' && phase.kind !== 'ended'
}
