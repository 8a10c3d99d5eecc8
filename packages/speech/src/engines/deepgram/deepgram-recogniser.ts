// Recognition by Deepgram, or any server that speaks its live protocol.
import { type Clock, err, ok, Scope } from '@parley/kernel'
import { LiveConnection, type ProviderFailure, type ProviderSettings } from '@parley/providers'
import { DEFAULT_ENDPOINTING, type EndpointingOptions } from '../../endpointing.ts'
import { RECOGNISER_RATE_HZ, type RecogniserRefusal } from '../../recogniser.ts'
import { HostedRecogniser, type HostedRecogniserOptions } from '../hosted/hosted-recogniser.ts'
import { DeepgramStream } from './deepgram-stream.ts'

export interface DeepgramRecogniserOptions extends HostedRecogniserOptions {
  readonly settings: ProviderSettings
  readonly endpointing?: EndpointingOptions
  /** Authorities trusted beside the well-known ones (PEM). */
  readonly ca?: string | undefined
}

const DEFAULT_LANGUAGES = ['en']
/** While it cannot be reached it is tried this often. */
const RETRY_MS = 15_000
const UNAVAILABLE_RETRY_MS = 5_000

export function createDeepgramRecogniser(options: DeepgramRecogniserOptions): HostedRecogniser {
  return new HostedRecogniser(new DeepgramEngine(options), options)
}

class DeepgramEngine {
  readonly name: string
  readonly languages: readonly string[]
  readonly #options: DeepgramRecogniserOptions
  readonly #clock: Clock
  readonly #scope: Scope
  readonly #ending = new AbortController()
  #problem: string | undefined

  constructor(options: DeepgramRecogniserOptions) {
    this.name = options.settings.id
    this.languages = options.settings.languages ?? DEFAULT_LANGUAGES
    this.#options = options
    this.#clock = options.clock
    this.#scope = new Scope(options.clock)
  }

  problem(): string | undefined {
    return this.#problem
  }

  /** Opens a connection and closes it again: that costs nothing and says whether address and key are right. */
  async start(): Promise<void> {
    const silent = { onMessage() {}, onEnded() {} }
    const tried = await this.#connect(this.languages[0] ?? 'en', silent, this.#ending.signal)
    if (tried.ok) await tried.value.close()
    this.#onTried(tried.ok ? undefined : tried.error)
  }

  async open(
    { language, firstIndex, scope }: Parameters<ConstructorParameters<typeof HostedRecogniser>[0]['open']>[0],
    listener: Parameters<ConstructorParameters<typeof HostedRecogniser>[0]['open']>[1],
    onReleased: () => void,
  ) {
    const { endpointing = DEFAULT_ENDPOINTING } = this.#options
    const stream = new DeepgramStream({
      clock: this.#clock,
      scope,
      endpointing,
      firstIndex,
      listener,
      onReleased,
      connect: (live, signal) => this.#connect(language, live, signal),
    })
    const failure = await stream.open()
    if (!failure) return ok(stream)
    this.#onTried(failure)
    return err(refusalOf(failure))
  }

  async close(): Promise<void> {
    this.#ending.abort()
    await this.#scope.close()
  }

  #connect(language: string, listener: Parameters<typeof LiveConnection.connect>[0]['listener'], signal: AbortSignal) {
    const { settings, endpointing = DEFAULT_ENDPOINTING, ca } = this.#options
    const { endpointMs } = endpointing
    const asked = { clock: this.#clock, settings, language, sampleRateHz: RECOGNISER_RATE_HZ, endpointMs, ca, listener }
    return LiveConnection.connect(asked, signal)
  }

  /** Only what concerns every stream makes the whole engine unavailable: no connection, or a wrong key. */
  #onTried(failure: ProviderFailure | undefined): void {
    if (this.#ending.signal.aborted) return
    const isDown = failure?.kind === 'unreachable' || failure?.kind === 'key_refused' || failure?.kind === 'server'
    const wasDown = this.#problem !== undefined
    this.#problem = isDown ? `${this.name}: ${failure.message}` : undefined
    if (isDown && !wasDown) this.#tryLater()
  }

  #tryLater(): void {
    this.#scope.after(RETRY_MS, () => {
      void this.start().then(() => {
        if (this.#problem !== undefined) this.#tryLater()
      })
    })
  }
}

function refusalOf({ kind, message, retryAfterMs = UNAVAILABLE_RETRY_MS }: ProviderFailure): RecogniserRefusal {
  // A provider has slots too.
  return { code: kind === 'rate_limited' ? 'NO_SLOT' : 'SPEECH_UNAVAILABLE', message, retryAfterMs }
}
