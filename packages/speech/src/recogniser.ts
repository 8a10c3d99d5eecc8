// The port of speech recognition: audio of one speaker in, utterances out. Engines that find the ends of speech themselves
// (hosted ones) and engines that only decode (PocketSphinx behind our endpointing) both fit behind it.
import type { Result } from '@parley/kernel'
import type { AbandonReason, AdaptationState, RecognisedWord, WorkerEngine } from '@parley/protocol'

/** PCM16 mono at this rate is what every recogniser eats. */
export const RECOGNISER_RATE_HZ = 16_000
/** Samples in the 20 ms block a recogniser is fed with; a stream re-blocks whatever it gets (UT7). */
export const RECOGNISER_BLOCK_SAMPLES = 320

export interface RecogniserStatus extends WorkerEngine {
  /** Streams it can hold at once, and how many it holds. */
  readonly slots: number
  readonly slotsUsed: number
  /** Decoders loaded and waiting. */
  readonly decodersWarm: number
  /** Absent when the engine cannot tell. */
  readonly backlog?: RecognitionBacklog
}

/** Audio that was pushed and is not heard yet, of all streams together. */
export interface RecognitionBacklog {
  readonly audioMs: number
  /** How long the one that has waited longest waits. */
  readonly oldestMs: number
  /** Audio lost because a stream was given more than it holds; the stream broke with it (RC9). */
  readonly lostMsTotal: number
}

export interface Recogniser {
  readonly name: string
  status(): RecogniserStatus
  /** Loads what it needs. Resolves when the first stream can be opened without waiting; may go on warming after that. */
  start(): Promise<void>
  /** Takes a slot. Refuses with NO_SLOT (retry advice), LANGUAGE_UNSUPPORTED or SPEECH_UNAVAILABLE; never queues. */
  openStream(
    options: OpenStreamOptions,
    listener: RecognitionListener,
  ): Promise<Result<RecognitionStream, RecogniserRefusal>>
  /** Closes every stream and frees every decoder. Idempotent. */
  close(): Promise<void>
}

export interface OpenStreamOptions {
  /** BCP 47 tag. */
  readonly language: string
  /** Index of the first utterance. */
  readonly firstIndex: number
  /** State of the speaker from an earlier stream (UT7). */
  readonly adaptation?: AdaptationState
  /** Finals are to say where their words lie, where the engine can tell. */
  readonly wantsWords?: boolean
}

export interface RecogniserRefusal {
  readonly code: 'NO_SLOT' | 'LANGUAGE_UNSUPPORTED' | 'SPEECH_UNAVAILABLE'
  readonly message: string
  readonly retryAfterMs?: number
}

export interface RecognitionStream {
  /**
   * PCM16 at RECOGNISER_RATE_HZ, any length, beginning at `mediaMs` of the client's clock. Audio is taken in order; a gap in
   * media time (mute, DTX) is silence that was not sent. Never blocks: what is not yet decoded waits in a bounded queue
   * (30 s; beyond it the oldest is dropped, counted, and told as `onFailed`).
   */
  push(mediaMs: number, samples: Int16Array): void
  /** End of what will be said for now: recognise everything pushed, end the open utterance, then `onFlushed(flushId)`. */
  flush(flushId: number): void
  /** While held, audio is missing that may still come: its absence for any wall time ends nothing (UT6). */
  hold(isHeld: boolean): void
  /** Gives the slot back. Nothing is reported after it; an open utterance is the caller's to abandon. Idempotent. */
  close(): Promise<void>
}

/** Order per utterance: `onPartial`*, then exactly one of `onFinal` and `onAbandoned` (UT1). Indices rise by one. */
export interface RecognitionListener {
  onPartial(partial: RecognisedPartial): void
  onFinal(final: RecognisedFinal): void
  onAbandoned(abandoned: { readonly index: number; readonly reason: AbandonReason; readonly settledMs: number }): void
  /** No utterance is open and everything before `settledMs` was silence or is settled. At most a few times per second. */
  onSettled(settledMs: number): void
  onFlushed(flushId: number, settledMs: number): void
  /** The stream is broken and closed by itself; the audio after the last settled media time was not recognised. */
  onFailed(message: string): void
}

export interface RecognisedPartial {
  readonly index: number
  readonly text: string
  /** Leading UTF-16 units of `text` that later partials of this utterance repeat. */
  readonly stable: number
  readonly startMs: number
  readonly endMs: number
}

export interface RecognisedFinal {
  readonly index: number
  readonly text: string
  readonly startMs: number
  /** End of the last speech frame: the endpointing wait is subtracted (UT6). */
  readonly endMs: number
  readonly settledMs: number
  /** From the decision that the speech had ended to this call. */
  readonly decideMs: number
  readonly adaptation?: AdaptationState
  /** Only when they were asked for: one for each word of `text`, in order (RC11). */
  readonly words?: readonly RecognisedWord[]
}
