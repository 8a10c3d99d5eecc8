// What the endpoints need of recognition and synthesis. A speech worker stands its own engines behind it, a pod its links to workers.
import type { Result } from '@parley/kernel'
import type { AbandonReason, ParleyError, RecognisedWord } from '@parley/protocol'

/** Rate of the samples a recognition backend is given. */
export const BACKEND_RATE_HZ = 16_000

export interface RecogniseBackend {
  /** Why no stream can be taken at all now (loading, draining, overloaded); undefined when one may be asked for. */
  refusal(): ParleyError | undefined
  /** BCP 47 tags; the first is what a client means that names none. */
  languages(): readonly string[]
  /**
   * Takes a slot and opens a stream. Refuses with NO_SLOT or SPEECH_UNAVAILABLE (retry advice) or LANGUAGE_UNSUPPORTED (names the
   * languages). May be abandoned: what comes after `signal` is aborted is closed by the backend itself.
   */
  open(
    options: OpenRecognition,
    listener: RecogniseListener,
    signal: AbortSignal,
  ): Promise<Result<RecogniseStream, ParleyError>>
}

export interface OpenRecognition {
  /** For logs. */
  readonly connectionId: string
  /** BCP 47 tag. */
  readonly language: string
  /** Index of the first utterance. */
  readonly firstIndex: number
}

export interface RecogniseStream {
  /** PCM16 at BACKEND_RATE_HZ that begins at `mediaMs`; in order. Copied or used before this returns. */
  push(mediaMs: number, samples: Int16Array): void
  /** Recognise everything pushed, end the open utterance, then `onFlushed(flushId)`. */
  flush(flushId: number): void
  /** Gives the slot back; it is free when this resolves. Nothing is reported after the call. Idempotent; never rejects. */
  close(): Promise<void>
}

/** Order per utterance: `onPartial`*, then exactly one of `onFinal` and `onAbandoned`. Indices rise by one. */
export interface RecogniseListener {
  onPartial(partial: RecognisedPartial): void
  onFinal(final: RecognisedFinal): void
  onAbandoned(abandoned: { readonly index: number; readonly reason: AbandonReason }): void
  /** Audio before `mediaMs` is recognised for good. */
  onSettled(mediaMs: number): void
  onFlushed(flushId: number): void
  /** Of a backend whose workers may fail: `waiting` while none holds the stream and its audio is kept. */
  onState(state: 'ready' | 'waiting'): void
  /** The stream is broken and closed by itself; audio after what was settled was not recognised. */
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
  readonly endMs: number
  /** Where the words of `text` lie; absent from backends that cannot tell. */
  readonly words?: readonly RecognisedWord[] | undefined
}

export interface SynthesiseBackend {
  /** As of RecogniseBackend. */
  refusal(): ParleyError | undefined
  voices(): readonly EndpointVoice[]
  /**
   * Takes a slot. Refuses with NO_SLOT or SPEECH_UNAVAILABLE (retry advice), VOICE_UNKNOWN, LANGUAGE_UNSUPPORTED (name what there is) or
   * TEXT_INVALID. May take its time; resolves soon after `signal` is aborted, whatever with.
   */
  speak(request: SpeakRequest, signal: AbortSignal): Promise<Result<BackendSpeech, ParleyError>>
}

export interface EndpointVoice {
  readonly name: string
  /** BCP 47 tag. */
  readonly language: string
  readonly engine: string
}

export interface SpeakRequest {
  /** For logs; not unique. */
  readonly requestId: string
  readonly text: string
  readonly voice?: string
  readonly language?: string
  readonly rateRatio?: number
}

/** Pulled chunk by chunk; ends by `next` resolving with undefined (all said, or cancelled) or rejecting (it broke). */
export interface BackendSpeech {
  readonly voice: EndpointVoice
  readonly sampleRateHz: number
  /** PCM16 mono, at most 40 ms of it, the caller's to keep. One call at a time. */
  next(): Promise<Int16Array | undefined>
  /** No audio after this; a pending `next` resolves with undefined at once. Frees the slot. Idempotent. */
  cancel(): void
}
