// The ports of what is done to the text of an utterance: translation and polishing. An engine knows neither sessions nor budgets: it
// is asked one text and answers it once. Who asks decides what to do when it fails, and raw text always stands beside its work.
import type { Result } from '@parley/kernel'
import type { TextEngineInfo, TextFailureCode, TextKind, TextUsage } from '@parley/protocol'

/** Longest text of one request, in UTF-8 bytes; longer ones fail as TEXT_INVALID. */
export const MAX_TEXT_BYTES = 131_072

interface TextEngine {
  /** Name in configuration, link messages and metrics, such as "apertium". */
  readonly name: string
  readonly kind: TextKind
  /** What it can do now; cheap, called often. */
  status(): TextEngineInfo
  /** Calls back whenever `status` has changed; returns what ends that. */
  onChange(listener: () => void): () => void
  /** Loads what it needs. Rejects never: `status` says what is wrong, and it tries again by itself. */
  start(): Promise<void>
  /**
   * Texts from one language (into another) will be asked soon: what takes long to load is loaded now, unless it would take the place of what is
   * in use. Calling it again costs nothing. Absent where nothing has to be loaded.
   */
  warm?(wanted: WantedText): void
  /** Fails what is under way, ends every thread, process and connection. Idempotent. */
  close(): Promise<void>
}

export interface Translator extends TextEngine {
  readonly kind: 'translate'
  /** Settles exactly once, at the latest at `deadlineMs`; `signal` settles it at once as CANCELLED. Rejects never. */
  translate(request: TranslateRequest, signal?: AbortSignal): Promise<Result<TextAnswer, TextFailure>>
}

export interface Polisher extends TextEngine {
  readonly kind: 'polish'
  /** As `translate`. An answer equal to the text means that nothing had to be mended. */
  polish(request: PolishRequest, signal?: AbortSignal): Promise<Result<TextAnswer, TextFailure>>
}

/** BCP 47 tags; `to` with a translation only. */
export interface WantedText {
  readonly from: string
  readonly to?: string | undefined
}

export interface TranslateRequest {
  /** For logs; not unique. */
  readonly requestId: string
  /** Plain text; control characters (NUL included) count as spaces, markup of the engine is read as text. */
  readonly text: string
  /** BCP 47 tags. Regions are honoured where the engine has them and ignored where not. */
  readonly from: string
  readonly to: string
  /** From the call on. */
  readonly deadlineMs: number
}

export interface PolishRequest {
  readonly requestId: string
  readonly text: string
  readonly language: string
  readonly deadlineMs: number
}

export interface TextAnswer {
  readonly text: string
  /** Languages it went through on the way, such as ["es"] for fr -> es -> ca. */
  readonly via?: readonly string[]
  /** Words that differ from the text, when it was polished. */
  readonly changedWords?: number
  /** What a provider charged. */
  readonly usage?: TextUsage
}

export interface TextFailure {
  readonly code: TextFailureCode
  readonly message: string
  /** When the provider or engine wants to be asked again, ms from now. */
  readonly retryAfterMs?: number
  readonly usage?: TextUsage
}
