// What a session asks of the outside: a client's connection to write to, a slot to speak to. The pod implements both;
// nothing here knows of sockets or of workers.
import {
  type AbandonReason,
  type AdaptationState,
  type AudioFormat,
  type CaptionMarks,
  type CloseReason,
  ParleyError,
} from '@parley/protocol'

/** One connected client as its session sees it. Every method is safe to call on a connection that is gone. */
export interface SessionChannel {
  /** In order and never dropped. `supersedes` names a `latest` message that need not be written any more. */
  keep(message: Buffer, supersedes?: number): void
  /** Written unless a newer one with the same key comes first. */
  latest(key: number, message: Buffer): void
  /** A frame of a speech. False: the connection does not take it now, or is gone; it is the caller's still. */
  speech(frame: Buffer): boolean
  /** Asks the peer which frame it sent last; what it answers comes back as `Session.ponged`. */
  ping(): void
  /** Tells where the session goes on, at the latest in `withinMs`; it still goes on here. `target`: whatever the pod knows it by. */
  move(target: MoveTarget, withinMs: number): void
  /** Says `closing` with the reason and ends the connection. Idempotent: the first reason stands. */
  close(reason: CloseReason): void
}

/** Another pod, as followers can reach it. */
export interface MoveTarget {
  /** WebSocket address for a follower that came to `ownUrl`. */
  urlFor(ownUrl: string): string
}

/** Keys of `latest` messages that are not utterances; utterances use their index. */
export const WATCHERS_KEY = -1
export const SPEECH_KEY = -2
export const SETTLED_KEY = -4
export const MICROPHONE_KEY = -5
/** Supersedes nothing. */
export const NO_KEY = -3

/** Utterances are told apart below this. */
const REFINEMENT_STEP = 0x1_0000_0000
/** Key of what is made of the partials of an utterance; `place` tells translations and polishing apart, 0 to MAX_REFINEMENT_PLACE. */
export const refinementKey = (index: number, place: number): number => index + (place + 1) * REFINEMENT_STEP
export const MAX_REFINEMENT_PLACE = 0xf_ffff

/** Where a session's frames go. */
export interface AudioSink {
  /** `payload` is copied or sent before this returns. */
  push(mediaTime: number, payload: Uint8Array, receivedAtWallMs: number): void
  flush(flushId: number): void
  /** While held, audio is missing that may still come: its absence ends no utterance. */
  hold(isHeld: boolean): void
  close(): void
  /** What the recogniser has learnt of the speaker (UT7), as it told last; opaque. */
  adaptation?(): AdaptationState | undefined
}

/** The way of an attach's audio beside its connection (UDP). */
export interface AudioChannel {
  /** Its key opens nothing any more, and no frame is delivered after this returns. Idempotent. */
  close(): void
}

/** A place at a speech worker, held from admission on; opened once, when the client and its audio format are known. */
export interface HeldSlot {
  open(options: OpenAudio, captions: CaptionSink): AudioSink
  /** Gives the place back; does nothing once opened. Idempotent. */
  release(): void
}

export interface OpenAudio {
  readonly sessionId: string
  readonly language: string
  readonly format: AudioFormat
  readonly firstIndex: number
  /** Of a session that another pod had: what is recognised already, and what was learnt. */
  readonly resumes?: { readonly settledMediaTime: number; readonly adaptation?: AdaptationState | undefined }
}

/** What recognition tells a session. Times in media ms. */
export interface CaptionSink {
  partial(partial: PartialCaption): void
  final(final: FinalCaption): void
  abandoned(index: number, reason: AbandonReason): void
  flushed(flushId: number): void
  /** Audio before `mediaTime` (samples of the client) is recognised for good (UT4). Rises; several times a second at most. */
  settled(mediaTime: number): void
  speechState(state: SpeechState, reason?: 'worker_lost' | 'no_worker'): void
}

export type SpeechState = 'ready' | 'waiting'

export interface PartialCaption {
  readonly index: number
  readonly text: string
  readonly stable: number
  readonly startMs: number
  readonly endMs: number
}

export interface FinalCaption {
  readonly index: number
  readonly text: string
  readonly startMs: number
  readonly endMs: number
  readonly marks: CaptionMarks
}

/** Where speech out of a session comes from. */
export interface SpeechSource {
  /** Says a text. Whatever becomes of it is told to `sink`, never before this has returned. */
  speak(request: SpeechRequest, sink: SpeechSink): Speaking
  /** Why nothing can be said in a language now, and what could; undefined when it can. */
  unsayable(language: string): string | undefined
}

export interface SpeechRequest {
  readonly requestId: string
  readonly text: string
  readonly voice?: string | undefined
  readonly language?: string | undefined
  readonly rateRatio?: number | undefined
  /** Samples that are not wanted (any more). */
  readonly fromSample?: number | undefined
  /** As in `Speaking.grant`. */
  readonly creditMs: number
}

export interface SpeechStart {
  readonly sampleRateHz: number
  readonly voice: string
  readonly language: string
}

/** What becomes of a speech: started and audio in order, without a gap; one of ended and failed, unless it is cancelled. */
export interface SpeechSink {
  speechStarted(start: SpeechStart): void
  /** PCM16 little endian, mono; valid until this returns. */
  speechAudio(fromSample: number, payload: Uint8Array): void
  /** `samples` of the whole speech. */
  speechEnded(samples: number): void
  speechFailed(error: ParleyError): void
}

export interface Speaking {
  /** Audio may come up to this instant of the speech, ms from its start. Absolute. */
  grant(creditMs: number): void
  /** Nothing is told after this. Idempotent. */
  cancel(): void
}

/** Of a pod where nothing speaks. */
export const NO_SPEECH: SpeechSource = {
  unsayable: () => 'nothing speaks on this platform',
  speak(_request, sink) {
    let isOver = false
    queueMicrotask(() => {
      if (!isOver) sink.speechFailed(new ParleyError('SPEECH_UNAVAILABLE'))
    })
    return {
      grant() {},
      cancel() {
        isOver = true
      },
    }
  },
}
