// The port of speech synthesis: text in, audio out, pulled chunk by chunk. Whoever wants the audio asks for the next chunk, so that
// a long text is synthesised no further ahead than it is heard, and a listener that stops asking costs nothing.
import type { Result } from '@parley/kernel'
import type { VoiceInfo, WorkerEngine } from '@parley/protocol'

/** Longest audio of one chunk; what a cancel can still let through. */
export const MAX_SPEECH_CHUNK_MS = 40
/** Longest text of one request, in UTF-8 bytes. */
export const MAX_SPEAK_TEXT_BYTES = 131_072

export interface SynthesiserStatus extends WorkerEngine {
  readonly voices: readonly VoiceInfo[]
  /** Something is still being loaded: more voices may come. */
  readonly isLoading?: boolean
  /** Speeches it can hold at once, and how many it holds. */
  readonly slots: number
  readonly slotsUsed: number
}

export interface Synthesiser {
  readonly name: string
  status(): SynthesiserStatus
  /** Loads what it needs; resolves when the first speech can be made without waiting. Rejects never: `status` says what is wrong. */
  start(): Promise<void>
  /**
   * Takes a slot, synchronously. Refuses with NO_SLOT (retry advice), VOICE_UNKNOWN (names the voices), LANGUAGE_UNSUPPORTED
   * (names the languages), TEXT_INVALID (names what is wrong) or SPEECH_UNAVAILABLE; never queues.
   */
  speak(request: SpeakRequest): Result<Speech, SynthesiserRefusal>
  /** Cancels every speech and ends every thread and process. Idempotent. */
  close(): Promise<void>
}

export interface SpeakRequest {
  /** For logs; not unique. */
  readonly requestId: string
  /**
   * Plain text, up to MAX_SPEAK_TEXT_BYTES. Control characters (NUL included) count as spaces; markup is read as text. A text with
   * nothing to say in it is a speech of no samples, not an error.
   */
  readonly text: string
  /** Name of a voice; the first of `language` unless told. */
  readonly voice?: string
  /** BCP 47 tag; of the voice unless told, else `en`. A voice that does not speak it is refused. */
  readonly language?: string
  /** Speed: 1 = as the voice speaks; 0.5 to 2. */
  readonly rateRatio?: number
}

export interface SynthesiserRefusal {
  readonly code: 'NO_SLOT' | 'VOICE_UNKNOWN' | 'LANGUAGE_UNSUPPORTED' | 'TEXT_INVALID' | 'SPEECH_UNAVAILABLE'
  readonly message: string
  readonly retryAfterMs?: number
  readonly field?: 'text' | 'voice' | 'language' | 'rateRatio'
  readonly allowed?: readonly string[]
}

/**
 * One text being spoken. Ends in exactly one way: `next` resolves with undefined (all said, or cancelled) or rejects with a
 * SynthesisError; the slot is free from then on.
 */
export interface Speech {
  readonly voice: VoiceInfo
  readonly sampleRateHz: number
  /**
   * The next audio: PCM16 mono, 1 sample to MAX_SPEECH_CHUNK_MS of them, the caller's to keep. One call at a time. Sentences are
   * synthesised as they are asked for, at most one ahead.
   */
  next(): Promise<Int16Array | undefined>
  /** No audio after this; a pending `next` resolves with undefined at once. Frees the slot. Idempotent, also after the end. */
  cancel(): void
}

/** The engine broke on this text (or died under it); other speeches go on. */
export class SynthesisError extends Error {
  override readonly name = 'SynthesisError'
}
