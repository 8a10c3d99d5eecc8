// A provider that speaks the protocol of OpenAI: chat completions, audio/speech, audio/transcriptions, and whether it can be reached.
// Many servers do (vLLM, llama.cpp, Ollama, LocalAI, Kokoro-FastAPI, speaches ...). One pool of connections for all of it.
import { type Clock, Emitter, err, ok, type Result, randomToken, Scope, type Timer } from '@parley/kernel'
import type { ProviderFailure } from '../failure.ts'
import { ProviderHttp } from '../http/provider-http.ts'
import { DEFAULT_TIMEOUT_MS, type ProviderSettings } from '../settings.ts'
import { type ChatAnswer, readChatAnswer } from './chat-answer.ts'
import { type ChatDialect, type ChatRequest, chatBody, FIRST_DIALECT, relearn } from './chat-dialect.ts'
import { encodeForm } from './multipart.ts'

export interface OpenAiClientOptions {
  readonly clock: Clock
  readonly settings: ProviderSettings
  /** Connections opened before the first call and kept; 2 unless told, 0 = none. */
  readonly warmConnections?: number
  /** Authorities trusted beside the well-known ones (PEM). */
  readonly ca?: string | undefined
}

export interface SpeechRequest {
  readonly model: string
  readonly voice: string
  readonly text: string
  /** 0.25 to 4. */
  readonly speed: number
  readonly signal?: AbortSignal | undefined
}

export interface TranscriptionRequest {
  readonly model: string
  /** A whole WAV file. */
  readonly wav: Uint8Array
  /** ISO 639-1, as the protocol wants it. */
  readonly language: string
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** Rate of the raw audio that /audio/speech streams. */
export const SPEECH_RATE_HZ = 24_000
const WARM_CONNECTIONS = 2
/** Without a call for this long it is asked whether it still answers, which also keeps its connections open. */
const PROBE_EVERY_MS = 30_000
/** As long as it cannot be reached. */
const RETRY_PROBE_MS = 10_000
const PROBE_TIMEOUT_MS = 5_000
const MAX_MODELS_BYTES = 4 << 20
const MAX_CHAT_BYTES = 1 << 20
const MAX_TRANSCRIPT_BYTES = 1 << 20
/** 30 minutes. */
const MAX_SPEECH_BYTES = 30 * 60 * SPEECH_RATE_HZ * 2
/** Fields a server can refuse, one after the other. */
const MAX_DIALECT_CHANGES = 5

export type Reachability =
  | { readonly is: 'unknown' }
  | { readonly is: 'reachable' }
  | { readonly is: 'unreachable'; readonly problem: string }

export class OpenAiClient {
  readonly settings: ProviderSettings
  readonly #clock: Clock
  readonly #http: ProviderHttp
  readonly #warmConnections: number
  readonly #scope: Scope
  readonly #changes = new Emitter<{ change: undefined }>()
  readonly #ending = new AbortController()
  #state: Reachability = { is: 'unknown' }
  #starting: Promise<void> | undefined
  #lastGoodMs = Number.NEGATIVE_INFINITY
  #dialect: ChatDialect = FIRST_DIALECT
  #timer: Timer | undefined

  /** Throws on a base URL that is none; the configuration has checked it. */
  constructor({ clock, settings, warmConnections = WARM_CONNECTIONS, ca }: OpenAiClientOptions) {
    this.settings = settings
    this.#clock = clock
    this.#warmConnections = warmConnections
    this.#scope = new Scope(clock)
    this.#http = new ProviderHttp({ clock, baseUrl: settings.baseUrl, apiKey: settings.apiKey, ca })
  }

  /** Longest time of one call. */
  get timeoutMs(): number {
    return this.settings.timeoutMs ?? DEFAULT_TIMEOUT_MS
  }

  get reachability(): Reachability {
    return this.#state
  }

  get connections(): { readonly connected: number; readonly running: number } {
    return this.#http.stats
  }

  /** Calls back when `reachability` has changed; returns what ends that. */
  onChange(listener: () => void): () => void {
    return this.#changes.on('change', listener)
  }

  /** Opens its connections and finds out whether it answers; goes on looking by itself. Rejects never. Idempotent. */
  start(): Promise<void> {
    this.#starting ??= this.#probe()
    return this.#starting
  }

  /** Asks at once whether it answers. */
  async check(): Promise<Reachability> {
    await this.#look()
    return this.#state
  }

  async close(): Promise<void> {
    this.#ending.abort()
    await this.#scope.close()
    await this.#http.close()
  }

  /** One answer of a model. `timeoutMs` from the call on, tries with fewer fields included. */
  async chat(
    request: ChatRequest,
    { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<Result<ChatAnswer, ProviderFailure>> {
    const endMs = this.#clock.nowMs() + timeoutMs
    for (let turn = 0; ; turn++) {
      const dialect = this.#dialect
      const leftMs = endMs - this.#clock.nowMs()
      const answered = await this.#http.call({
        method: 'POST',
        path: '/chat/completions',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(chatBody(request, dialect)),
        firstByteMs: leftMs,
        wholeMs: leftMs,
        maxBytes: MAX_CHAT_BYTES,
        signal,
      })
      if (answered.ok) {
        this.#onGood()
        return readChatAnswer(answered.value.body, this.#http.host)
      }
      this.#onBad(answered.error)
      // Another call may have learnt it meanwhile: then the new dialect is tried as it is.
      const next = this.#dialect === dialect ? relearn(dialect, answered.error) : this.#dialect
      if (next === undefined || turn >= MAX_DIALECT_CHANGES) return answered
      this.#dialect = next
    }
  }

  /** Speech as PCM16 at SPEECH_RATE_HZ, part by part and as it comes: parts may end in the middle of a sample. */
  async speech(request: SpeechRequest, onPart: (part: Buffer) => void): Promise<Result<void, ProviderFailure>> {
    const { model, voice, text, speed, signal } = request
    const streamed = await this.#http.stream(
      {
        method: 'POST',
        path: '/audio/speech',
        headers: { 'content-type': 'application/json', accept: 'audio/pcm, application/octet-stream, */*' },
        body: JSON.stringify({ model, voice, input: text, speed, response_format: 'pcm' }),
        firstByteMs: this.timeoutMs,
        wholeMs: this.timeoutMs,
        maxBytes: MAX_SPEECH_BYTES,
        signal,
      },
      onPart,
      {
        checkHead: ({ 'content-type': type }) =>
          typeof type === 'string' && /json|html|text\//.test(type)
            ? `${type.split(';')[0]} where audio should be`
            : undefined,
      },
    )
    if (!streamed.ok) {
      this.#onBad(streamed.error)
      return streamed
    }
    this.#onGood()
    return ok(undefined)
  }

  /** The words of a WAV file; empty when nothing is said in it. */
  async transcribe(request: TranscriptionRequest): Promise<Result<string, ProviderFailure>> {
    const { model, wav, language, timeoutMs, signal } = request
    const file = { field: 'file', fileName: 'utterance.wav', contentType: 'audio/wav', bytes: wav }
    const form = encodeForm({ model, language, response_format: 'json', temperature: '0' }, file, randomToken(18))
    const answered = await this.#http.call({
      method: 'POST',
      path: '/audio/transcriptions',
      headers: { 'content-type': form.contentType },
      body: form.body,
      firstByteMs: timeoutMs,
      wholeMs: timeoutMs,
      maxBytes: MAX_TRANSCRIPT_BYTES,
      signal,
    })
    if (!answered.ok) {
      this.#onBad(answered.error)
      return answered
    }
    this.#onGood()
    try {
      const { text } = JSON.parse(answered.value.body) as { readonly text?: unknown }
      if (typeof text === 'string') return ok(text)
    } catch {
      // Said below.
    }
    return err({ kind: 'nonsense', message: `${this.#http.host} answers without a transcript` })
  }

  async #probe(): Promise<void> {
    const isIdle = this.#clock.nowMs() - this.#lastGoodMs >= PROBE_EVERY_MS
    if (isIdle || this.#state.is !== 'reachable') await this.#look()
    this.#schedule()
  }

  #schedule(): void {
    this.#timer?.cancel()
    const delayMs = this.#state.is === 'reachable' ? PROBE_EVERY_MS : RETRY_PROBE_MS
    this.#timer = this.#scope.after(delayMs, () => void this.#probe())
  }

  /** As many calls at once as there are to be connections: each gets one of its own, or all share one with HTTP/2. */
  async #look(): Promise<void> {
    if (this.#ending.signal.aborted) return
    const looks = await Promise.all(
      Array.from({ length: Math.max(1, this.#warmConnections) }, () =>
        this.#http.call({
          method: 'GET',
          path: '/models',
          firstByteMs: PROBE_TIMEOUT_MS,
          wholeMs: PROBE_TIMEOUT_MS,
          maxBytes: MAX_MODELS_BYTES,
          signal: this.#ending.signal,
        }),
      ),
    )
    if (this.#ending.signal.aborted) return
    const failures = looks.flatMap((look) => (look.ok ? [] : [look.error]))
    const [worst] = failures
    // Servers without a list of models are there all the same; one that says to wait is there too.
    if (looks.length > failures.length || worst === undefined || isThere(worst)) this.#onGood()
    else this.#become({ is: 'unreachable', problem: worst.message })
  }

  #onGood(): void {
    this.#lastGoodMs = this.#clock.nowMs()
    if (this.#state.is !== 'reachable') this.#become({ is: 'reachable' })
  }

  /** A call that fails for lack of a connection or of a right key says more than the last look. */
  #onBad(failure: ProviderFailure): void {
    if (failure.kind === 'unreachable' || failure.kind === 'key_refused') {
      this.#become({ is: 'unreachable', problem: failure.message })
    }
  }

  #become(state: Reachability): void {
    if (this.#ending.signal.aborted) return
    const before = this.#state
    this.#state = state
    const isSame =
      before.is === state.is && (before as { problem?: string }).problem === (state as { problem?: string }).problem
    // What has just been lost is looked for soon, once there is somebody who looks at all.
    if (this.#timer && before.is === 'reachable' && state.is === 'unreachable') this.#schedule()
    if (!isSame) this.#changes.emit('change', undefined)
  }
}

const isThere = ({ kind }: ProviderFailure): boolean =>
  kind === 'refused' || kind === 'rate_limited' || kind === 'nonsense' || kind === 'too_large'
