// What does the work behind the fake provider: real engines of whoever starts it. Each may be absent or out of order, and then the fake
// says so instead of making something up.
import type { Result } from '@parley/kernel'

/** What a request of the platform's own prompts asks for, read from its user message. */
export interface ChatTask {
  readonly task: 'translate' | 'polish'
  readonly text: string
  /** BCP 47 tags; a polish has `to` equal to `from`. */
  readonly from: string
  readonly to: string
}

export interface FakeChat {
  /** The text of the answer, or why there is none. With `isWrong` in a language that was not asked for. */
  answer(task: ChatTask, isWrong: boolean, signal: AbortSignal): Promise<Result<string, string>>
}

export interface FakeVoice {
  /** Names there are. */
  readonly voices: readonly string[]
  /** PCM16 at 24 kHz, part by part. Throws when it breaks. */
  speak(request: {
    readonly text: string
    readonly voice: string
    readonly speed: number
    readonly signal: AbortSignal
  }): AsyncIterable<Int16Array>
}

/** Streams of recognition, in the shape of the platform's own port. */
export interface FakeEars {
  /** Languages, BCP 47. */
  readonly languages: readonly string[]
  /** The words of a WAV file, or why there are none. */
  transcribe(wav: Uint8Array, language: string): Promise<Result<HeardFile, string>>
  open(language: string, sampleRateHz: number, listener: EarsListener): Promise<Result<EarsStream, string>>
}

export interface HeardFile {
  readonly text: string
  readonly durationMs: number
  readonly utterances: readonly { readonly text: string; readonly startMs: number; readonly endMs: number }[]
}

export interface EarsStream {
  /** PCM16 at the rate it was opened with. */
  push(samples: Int16Array): void
  /** Ends what is being said; answered by `onFlushed`, once for each. */
  flush(): void
  close(): Promise<void>
}

/** Times are those of the audio that was pushed. */
export interface EarsListener {
  onPartial(text: string, startMs: number, endMs: number): void
  onFinal(text: string, startMs: number, endMs: number): void
  /** Nothing was said up to here, or it came to nothing. */
  onSilent(untilMs: number): void
  onFlushed(untilMs: number): void
  onFailed(message: string): void
}

/** All of it; what is absent is refused in words. */
export interface FakeBacking {
  readonly chat?: FakeChat | undefined
  readonly voice?: FakeVoice | undefined
  readonly ears?: FakeEars | undefined
}
