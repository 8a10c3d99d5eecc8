// Speech by a provider of the OpenAI protocol, sentence by sentence, streamed. What it adds to the pieces: whether the provider is there.
import { type Clock, err, ok, type Result } from '@parley/kernel'
import type { ClientLease, OpenAiClient } from '@parley/providers'
import type { PieceEngine } from '../../synthesis/piece.ts'
import { PieceSynthesiser } from '../../synthesis/piece-synthesiser.ts'
import type { SpeakRequest, Speech, Synthesiser, SynthesiserRefusal, SynthesiserStatus } from '../../synthesiser.ts'
import { providerVoices } from './provider-voices.ts'
import { SpeechMaker } from './speech-maker.ts'

export interface OpenAiSynthesiserOptions {
  readonly clock: Clock
  /** Given back by `close`. */
  readonly lease: ClientLease
  /** Speeches at once; >= 1. */
  readonly slots: number
}

/** Calls at once: a speech has one under way and one made ahead at most. */
const MAX_CALLS = 16
const UNREACHABLE_RETRY_MS = 5_000
/** Providers take 4,096 characters; sentences are shorter, and the first sound comes sooner. */
const MAX_PIECE_CHARS = 600

/** What is behind it. */
export function openAiSpeechEngine(client: OpenAiClient): PieceEngine {
  const { id, voices = [] } = client.settings
  return {
    name: id,
    makers: MAX_CALLS,
    // Each pause of the audio has the provider's own limit; a whole sentence, three times as long.
    pieceDeadlineMs: 3 * client.timeoutMs,
    sentences: { maxChars: MAX_PIECE_CHARS },
    isWarmedUp: false,
    sayable: (text) => {
      const plain = text.replace(/\p{Cc}|\p{Cs}/gu, ' ').trim()
      return /[\p{L}\p{N}]/u.test(plain) ? plain : ''
    },
    load: async () => {
      await client.start()
      const { reachability } = client
      if (reachability.is === 'unreachable') return err({ message: `${id}: ${reachability.problem}` })
      return ok(providerVoices(id, voices))
    },
    createMaker: () => new SpeechMaker(client),
  }
}

export class OpenAiSynthesiser implements Synthesiser {
  readonly name: string
  readonly #lease: ClientLease
  readonly #client: OpenAiClient
  readonly #pieces: PieceSynthesiser
  readonly #forget: () => void
  #isClosed = false

  constructor({ lease, ...options }: OpenAiSynthesiserOptions, engine = openAiSpeechEngine(lease.client)) {
    const { client } = lease
    this.name = client.settings.id
    this.#lease = lease
    this.#client = client
    this.#pieces = new PieceSynthesiser(engine, options)
    // What could not be loaded is loaded as soon as the provider is back.
    this.#forget = client.onChange(() => {
      if (client.reachability.is === 'reachable' && this.#pieces.status().problem !== undefined)
        void this.#pieces.start()
    })
  }

  status(): SynthesiserStatus {
    const status = this.#pieces.status()
    const problem = this.#problem()
    return status.ready && problem !== undefined ? { ...status, ready: false, problem } : status
  }

  start(): Promise<void> {
    return this.#pieces.start()
  }

  speak(request: SpeakRequest): Result<Speech, SynthesiserRefusal> {
    const problem = this.#problem()
    if (problem !== undefined && this.#pieces.status().ready) {
      return err({ code: 'SPEECH_UNAVAILABLE', message: problem, retryAfterMs: UNREACHABLE_RETRY_MS })
    }
    return this.#pieces.speak(request)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#forget()
    await this.#pieces.close()
    await this.#lease.release()
  }

  #problem(): string | undefined {
    const { reachability } = this.#client
    return !this.#isClosed && reachability.is === 'unreachable' ? `${this.name}: ${reachability.problem}` : undefined
  }
}
