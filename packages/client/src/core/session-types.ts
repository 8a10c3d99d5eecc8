// What a session is asked for, what it tells and what it counts.
import type { Abandoned, AudioFormat, Caption, CreateSession, UserMessage } from '@parley/protocol'
import type { ApiOptions } from './api.ts'
import type { FrameEncoder } from './audio-out.ts'
import type { Transport, TransportStats } from './audio-route.ts'
import type { CaptionWish } from './captions.ts'
import type { MissedEvents } from './catch-up.ts'
import type { ConnectionState } from './connection-state.ts'
import type { ParleyClientError } from './errors.ts'
import type { RefinedEvents } from './refined.ts'

/** 16 kHz is what recognisers hear: nothing is gained by more. */
export const DEFAULT_AUDIO: AudioFormat = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 }

/** What happens while the platform has no free place. */
export interface PlaceOptions {
  /** So long it is asked again, whenever it says, ms; 0 unless told. One that has answered so is asked again also when it cannot be reached. */
  readonly waitForPlaceMs?: number
  /** Told of each wait. */
  readonly onWaiting?: (why: 'full' | 'unreachable', waitMs: number) => void
  /** Ends the waiting, with the last refusal. */
  readonly signal?: AbortSignal
}

export interface SessionOptions extends ApiOptions, CreateSession, PlaceOptions {
  /** Format of the frames sent; pcm16, 16 kHz, 20 ms unless told. Anything but pcm16 needs `encoder`, or `sendFrame`. */
  readonly audio?: AudioFormat
  /** Turns blocks of samples into frames, for `sendPcm` with a codec other than pcm16. */
  readonly encoder?: FrameEncoder
  /** From `connect` to the welcome, ms; 10,000 unless told. */
  readonly connectDeadlineMs?: number
  /**
   * A connection that breaks is made anew by itself while the session waits on the platform (its grace); audio said meanwhile is kept
   * (60 s). `false`: it is lost at once, and at most 2 s of audio are held. True unless told.
   */
  readonly resume?: boolean
  /** `auto`: audio goes as sealed UDP packets where that works, else over the WebSocket. `off`: never. `auto` unless told (Node). */
  readonly udp?: 'auto' | 'off'
  /** What is to be made of captions from the beginning; see `setCaptions`. */
  readonly captions?: CaptionWish
}

/** The connection was made anew. */
export interface Resumed {
  /** From the break to the welcome, ms. */
  readonly awayMs: number
  /** Speech the platform had not received and that is sent now, ms. */
  readonly resentMs: number
  /** Speech that could not be kept, ms: it is gone. */
  readonly lostMs: number
  /** The pod that has the session now, when it is another: the one before was lost, or is being emptied. */
  readonly movedTo?: string
}

/** A caption with the instant it arrived, monotonic ms of the client's clock. */
export type ReceivedCaption = Caption & { readonly receivedAtMs: number }

export interface SessionEvents extends RefinedEvents {
  /** A partial may be replaced by the next caption of its utterance; a final never changes. Nothing arrives twice. */
  caption: ReceivedCaption
  /** The utterance ended without a final: whatever partials were shown are void. */
  abandoned: Abandoned
  state: ConnectionState
  /** Recognition is going on, or waits for a worker (audio is kept meanwhile). */
  speech: 'ready' | 'waiting'
  /** How many watchers follow the session. */
  watchers: number
  /** The tenant's backend has sent this; one that comes while the connection is broken is told to its sender, and does not come later. */
  message: UserMessage
  /** The connection broke and stands again; everything missed follows, in order. */
  resumed: Resumed
  /** More was missed than the platform sends again, and it could not be read either: these events are gone for this client. */
  missed: MissedEvents
  /** How audio travels has changed, or is known for the first time. */
  transport: Transport
  /** Whether anybody wants what the microphone hears; audio given while nobody does is not sent. */
  microphone: boolean
  /** Something was refused or failed and the session goes on; how it ended is told by `state`. */
  error: ParleyClientError
}

export interface SessionStats {
  /** Each time a frame was sent. */
  readonly framesSent: number
  /** Not sent yet. */
  readonly framesHeld: number
  /** Sent or not, and not settled by the platform yet. */
  readonly framesKept: number
  readonly framesDropped: number
  /** Samples accepted, skipped ones included. */
  readonly mediaTime: number
  readonly finals: number
  readonly abandoned: number
  /** Finals of translations, and finals that will not be had in a language. */
  readonly translations: number
  readonly translationsFailed: number
  /** Messages of the platform that broke the protocol. */
  readonly faults: number
  readonly roundTripMs: number | undefined
  /** Times the connection broke and was made anew. */
  readonly resumptions: number
  /** Speech sent because of it that had not arrived, ms, in all. */
  readonly resentMs: number
  readonly udp: TransportStats
}
