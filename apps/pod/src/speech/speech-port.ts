// What a pod's sessions need from speech; implemented by the links to speech workers (speech-links.ts) and by test doubles.
import type { Result } from '@parley/kernel'
import type { AbandonReason, AudioFormat, CaptionMarks, ParleyError, WorkerEngine } from '@parley/protocol'

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
  }): void
  onAbandoned(abandoned: { readonly index: number; readonly reason: AbandonReason }): void
  onFlushed(flushId: number): void
  /** Samples of the client before `mediaTime` are recognised for good. Rises. */
  onSettled(mediaTime: number): void
  /** `waiting`: no worker holds the stream now; audio is kept. `ready`: one does (again). */
  onState(state: 'ready' | 'waiting', reason?: 'worker_lost' | 'no_worker'): void
}
