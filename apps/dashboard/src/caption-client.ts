// What the page asks of a caption client: the only thing its parts know about sockets, microphones and codecs.
// Bound to the client library in parley-caption-client.ts and to a script in testing/scripted-caption-client.ts.
import type { CloseReason, ErrorCode } from '@parley/protocol'

export type Source = 'microphone' | 'sample'

/** Why no sound can be taken from a microphone. */
export const MICROPHONE_PROBLEMS = ['none', 'denied', 'insecure', 'in_use', 'unsupported', 'lost'] as const
export type MicrophoneProblem = (typeof MICROPHONE_PROBLEMS)[number]

/** Something that keeps a person from captions; model/trouble-words.ts says it in words. */
export type Trouble =
  | { readonly kind: 'microphone'; readonly problem: MicrophoneProblem }
  /** The sample's file could not be fetched or decoded. */
  | { readonly kind: 'sample' }
  /** The pod answered with a code of the catalogue. */
  | {
      readonly kind: 'refused'
      readonly code: ErrorCode
      /** The pod's sentence for this occurrence. */
      readonly message: string
      readonly retryAfterMs?: number
      readonly allowed?: readonly (string | number)[]
    }
  /** The pod said why it closed the connection. */
  | { readonly kind: 'closed'; readonly reason: CloseReason }
  /** The connection broke without a word. */
  | { readonly kind: 'lost' }
  /** No connection could be made at all. */
  | { readonly kind: 'unreachable' }

/** What a reader wants beside the words as they were recognised. */
export interface CaptionWish {
  /** BCP 47 tags, in the order they are shown; at most MAX_TARGETS. */
  readonly translateTo: readonly string[]
  /** Grammar mended; of a watcher: shown when whoever speaks has it mended. */
  readonly isMended: boolean
  /** The language to hear, one of `translateTo`. */
  readonly hear: string | undefined
}

export const NO_WISH: CaptionWish = { translateTo: [], isMended: false, hear: undefined }
/** As the protocol allows one connection. */
export const MAX_TARGETS = 8

/** Something that was wanted and cannot be had now. */
export interface Unavailable {
  readonly language: string
  readonly stage: 'translate' | 'polish' | 'speak'
  /** The pod's sentence. */
  readonly message: string
}

export interface CaptionEvent {
  readonly type: 'caption'
  readonly kind: 'partial' | 'final'
  /** Names the utterance within the session. */
  readonly utterance: string
  readonly text: string
  /** Leading UTF-16 units of `text` that later partials repeat. */
  readonly stable: number
  /** Media time of the first speech, ms. */
  readonly startMs: number
  /** Intended send instant of the last speech to arrival of the final, ms; where the client can tell. */
  readonly lagMs?: number
  /** True for a final that was said before this connection was made. */
  readonly isHistory?: boolean
}

export type RunEvent =
  | { readonly type: 'connecting' }
  | {
      readonly type: 'welcome'
      readonly sessionId: string
      readonly language: string
      readonly speech: 'ready' | 'waiting'
      /** "Opus, 48 kHz"; absent for a watcher. */
      readonly codec?: string
      /** Languages this session can be translated into. */
      readonly targets: readonly string[]
    }
  | CaptionEvent
  | { readonly type: 'abandoned'; readonly utterance: string }
  | {
      readonly type: 'translation'
      readonly kind: 'partial' | 'final'
      readonly utterance: string
      readonly language: string
      readonly text: string
      readonly isHistory?: boolean
    }
  | { readonly type: 'translation.failed'; readonly utterance: string; readonly language: string }
  /** The same utterance with its grammar mended. */
  | { readonly type: 'mended'; readonly utterance: string; readonly text: string }
  /** What of the wish can be had: languages reached through others, and what cannot be had now. */
  | {
      readonly type: 'wish'
      readonly unavailable: readonly Unavailable[]
      readonly via: readonly { readonly language: string; readonly through: readonly string[] }[]
    }
  /** The language that is heard at this moment; undefined when nothing is said aloud. */
  | { readonly type: 'hearing'; readonly language: string | undefined }
  | { readonly type: 'speech'; readonly state: 'ready' | 'waiting' }
  /** The connection broke and is being made anew; `keptMs` of speech are kept meanwhile, absent for a watcher. */
  | { readonly type: 'reconnecting'; readonly keptMs?: number }
  /** It stands again, perhaps at another pod: `resentMs` of speech are on their way late, `lostMs` could not be kept. */
  | { readonly type: 'resumed'; readonly resentMs: number; readonly lostMs: number; readonly isMoved?: boolean }
  /** Lines of the transcript that cannot be had any more. */
  | { readonly type: 'missed'; readonly count: number }
  | { readonly type: 'watchers'; readonly count: number }
  /** Peak of the last stretch of sound, 0..1; at most some 20 a second. */
  | { readonly type: 'level'; readonly peakRatio: number }
  /** A recoverable error: the run goes on. */
  | { readonly type: 'trouble'; readonly trouble: Trouble }
  /** The sound is over (the sample was played); the last captions are awaited. */
  | { readonly type: 'finishing' }
  /** Last event of a run. `trouble` is absent when everything sent was answered. */
  | { readonly type: 'ended'; readonly trouble?: Trouble }

export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: Trouble }

export interface WatchLinkInfo {
  readonly linkId: string
  /** Address a person opens. */
  readonly pageUrl: string
  readonly expiresAtMs: number
}

/** One session of captions, or one visit to somebody else's. */
export interface CaptionRun {
  /** Ends the sound, waits for the last captions, says goodbye; `ended` follows. Idempotent. */
  stop(): void
  /** Ends at once and gives the microphone back; no event follows. Idempotent. */
  abort(): void
  /** Tries at once to make a broken connection anew. */
  tryNow(): void
  /** Replaces what this reader wants; at any time. */
  want(wish: CaptionWish): void
}

export interface OwnRun extends CaptionRun {
  /** Muted, nothing is sent and the last words come at once. Without effect on a sample. */
  mute(isMuted: boolean): void
  createWatchLink(lifetimeMs: number): Promise<Outcome<WatchLinkInfo>>
  revokeWatchLink(linkId: string): Promise<Outcome<void>>
}

export interface StartOptions {
  readonly source: Source
  /** BCP 47 tag; the platform's own choice when absent. */
  readonly language?: string
  readonly wish: CaptionWish
}

export interface PageInfo {
  readonly authenticated: boolean
  readonly languages: readonly string[]
  /** Languages that each spoken one can be translated into. */
  readonly targets: Readonly<Record<string, readonly string[]>>
  readonly version: string
}

export interface CaptionClient {
  /** What the page needs before it starts. With `code`, exchanges the one-time code for a page session first. */
  openPage(code: string | undefined): Promise<Outcome<PageInfo>>
  /** True when the page carries a sample to play. */
  readonly hasSample: boolean
  start(options: StartOptions, onEvent: (event: RunEvent) => void): OwnRun
  watch(token: string, wish: CaptionWish, onEvent: (event: RunEvent) => void): CaptionRun
}
