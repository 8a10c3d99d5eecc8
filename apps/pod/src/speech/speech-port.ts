// What a pod's sessions need from speech; implemented by the links to speech workers (speech-links.ts) and by test doubles.
import type { Result } from '@parley/kernel'
import type {
  AbandonReason,
  AdaptationState,
  AudioFormat,
  CaptionMarks,
  ParleyError,
  RecognisedWord,
  VoiceInfo,
  WorkerEngine,
} from '@parley/protocol'

export interface SpeechPort {
  /** Languages that the engines of connected workers recognise. */
  languages(): readonly string[]
  status(): SpeechStatus
  /**
   * Takes one slot, synchronously: a burst of requests never gets more slots than there are. Refuses with
   * LANGUAGE_UNSUPPORTED (names the languages), NO_SLOT or SPEECH_UNAVAILABLE (with retryAfterMs). Where placement is sticky, slots of one
   * `affinityKey` are on one worker while that has room.
   */
  reserve(language: string, affinityKey?: string): Result<SlotReservation, ParleyError>
  /** Opens the stream of a session on a reserved slot; the reservation is the stream's from now on. */
  open(reservation: SlotReservation, options: OpenSpeechOptions, listener: SpeechListener): SpeechStream
  close(): Promise<void>
}

export interface SpeechStatus {
  readonly ready: boolean
  readonly workers: number
  readonly slots: number
  readonly slotsUsed: number
  readonly engines: readonly WorkerEngine[]
}

export interface SlotReservation {
  readonly language: string
  /** Gives the slot back; idempotent; does nothing once `open` has taken it over. */
  release(): void
}

export interface OpenSpeechOptions {
  readonly sessionId: string
  readonly language: string
  readonly format: AudioFormat
  /** Index of the first utterance. */
  readonly firstIndex: number
  /** Finals are to say where their words lie, where the engine can tell; not unless told. */
  readonly wantsWords?: boolean
  /** Of a session that another pod had: what is recognised already (samples of the client), and what was learnt of the speaker. */
  readonly resumes?: { readonly settledMediaTime: number; readonly adaptation?: AdaptationState | undefined }
}

export interface SpeechStream {
  /**
   * One encoded frame. `mediaTime` is the client's sample count, extended (never wraps). `payload` is copied or sent before
   * this returns. Never blocks; kept until settled so that a worker's death loses nothing (UT4; bounded, oldest dropped).
   */
  push(mediaTime: number, payload: Uint8Array, receivedAtWallMs: number): void
  /** No more audio for now: everything pushed gets recognised, then `onFlushed(flushId)`. */
  flush(flushId: number): void
  /** While held, audio is missing that may still come: the worker lets no lull end an utterance. Survives failover. Idempotent. */
  hold(isHeld: boolean): void
  /** Frees the slot; nothing is reported after it. Idempotent. */
  close(): void
  /** What the recogniser has learnt of the speaker (UT7), as of the last final. */
  adaptation?(): AdaptationState | undefined
}

export interface SpeechListener {
  onPartial(partial: {
    readonly index: number
    readonly text: string
    readonly stable: number
    readonly startMs: number
    readonly endMs: number
  }): void
  onFinal(final: {
    readonly index: number
    readonly text: string
    readonly startMs: number
    readonly endMs: number
    readonly marks: CaptionMarks
    readonly words?: readonly RecognisedWord[] | undefined
  }): void
  onAbandoned(abandoned: { readonly index: number; readonly reason: AbandonReason }): void
  onFlushed(flushId: number): void
  /** Samples of the client before `mediaTime` are recognised for good. Rises. */
  onSettled(mediaTime: number): void
  /** `waiting`: no worker holds the stream now; audio is kept. `ready`: one does (again). */
  onState(state: 'ready' | 'waiting', reason?: 'worker_lost' | 'no_worker'): void
}

/** What a pod asks of workers that speak; implemented by the same links. */
export interface SpeakPort {
  /** Voices of the connected workers, each name once, by language and name. */
  voices(): readonly VoiceInfo[]
  /**
   * Says a text. Never throws and never refuses by itself: whatever becomes of it is told to `listener`, never before this has
   * returned, and ends in exactly one of onEnded and onFailed, unless it is cancelled.
   */
  speak(request: SpeakRequest, listener: SpeakListener): Speaking
}

export interface SpeakRequest {
  /** For logs; not unique. */
  readonly requestId: string
  /** Plain text, up to MAX_SPEAK_TEXT_BYTES of UTF-8. */
  readonly text: string
  /** Name of a voice; the first of the language unless told. */
  readonly voice?: string | undefined
  /** BCP 47 tag; that of the voice unless told, else `en`. */
  readonly language?: string | undefined
  /** 0.5 to 2; 1 = as the voice speaks. */
  readonly rateRatio?: number | undefined
  /** Samples at the beginning that are not wanted (any more); 0 unless told. */
  readonly fromSample?: number | undefined
  /** As in `grant`: what may come without asking again. */
  readonly creditMs: number
}

export interface SpeakListener {
  /** Once, before the first audio. */
  onStarted(started: { readonly sampleRateHz: number; readonly voice: VoiceInfo }): void
  /**
   * The next samples, PCM16 little endian, mono, MAX_SPEECH_CHUNK_MS at most: none is missing and none comes twice, whatever becomes of
   * workers. `payload` is valid until this returns.
   */
  onAudio(fromSample: number, payload: Uint8Array): void
  /** `samples` of the whole speech, those before `fromSample` included. */
  onEnded(samples: number): void
  /**
   * VOICE_UNKNOWN, LANGUAGE_UNSUPPORTED, TEXT_INVALID; NO_SLOT or SPEECH_UNAVAILABLE when no worker took it in time (with retryAfterMs);
   * SYNTHESIS_FAILED when it broke off and could not be continued.
   */
  onFailed(error: ParleyError): void
}

export interface Speaking {
  /** Audio may come up to this instant of the speech, ms from its start. Absolute; less than before changes nothing. */
  grant(creditMs: number): void
  /** Nothing is told after this; the slot becomes free. Idempotent, also after the end. */
  cancel(): void
}
