// The words of one utterance, by a provider that transcribes whole files: asked again when that may help, within a time in which nobody has
// given up yet.
import { encodeWav } from '@parley/audio'
import { backoffMs, type Clock, err, type Random, type Result, type Scope } from '@parley/kernel'
import type { OpenAiClient, ProviderFailure } from '@parley/providers'
import { RECOGNISER_RATE_HZ } from '../../recogniser.ts'

export interface TranscriberOptions {
  readonly clock: Clock
  /** Owner of the pauses between two tries. */
  readonly scope: Scope
  readonly client: OpenAiClient
  /** BCP 47. */
  readonly language: string
  readonly random?: Random
}

/** From the end of the speech on; the audio of who speaks on waits meanwhile, 30 s of it at most. */
const FINAL_LIMIT_MS = 20_000
const MAX_TRIES = 4
const BACKOFF = { firstMs: 300, maxMs: 3_000 }
const MAY_HELP: ReadonlySet<ProviderFailure['kind']> = new Set([
  'rate_limited',
  'server',
  'broken',
  'timeout',
  'unreachable',
  'nonsense',
])

export class UtteranceTranscriber {
  readonly #options: TranscriberOptions

  constructor(options: TranscriberOptions) {
    this.#options = options
  }

  /** One try, for a guess at what is being said. */
  guess(blocks: readonly Int16Array[], signal: AbortSignal): Promise<Result<string, ProviderFailure>> {
    return this.#try(blocks, this.#options.client.timeoutMs, signal)
  }

  /** The words, or the failure of the last try. */
  async words(blocks: readonly Int16Array[], signal: AbortSignal): Promise<Result<string, ProviderFailure>> {
    const { clock, client, random } = this.#options
    const endMs = clock.nowMs() + FINAL_LIMIT_MS
    for (let turn = 0; ; turn++) {
      const leftMs = endMs - clock.nowMs()
      const heard = await this.#try(blocks, Math.min(client.timeoutMs, leftMs), signal)
      if (heard.ok || signal.aborted || !MAY_HELP.has(heard.error.kind) || turn + 1 >= MAX_TRIES) return heard
      const waitMs = heard.error.retryAfterMs ?? backoffMs(turn, BACKOFF, random)
      // Another worker or engine would have answered by then.
      if (clock.nowMs() + waitMs >= endMs) return heard
      await this.#pause(waitMs, signal)
      if (signal.aborted) return err({ kind: 'cancelled', message: 'nobody waits for the words any more' })
    }
  }

  #try(blocks: readonly Int16Array[], timeoutMs: number, signal: AbortSignal) {
    const { client, language } = this.#options
    const { transcriptionModel = '' } = client.settings
    const wav = encodeWav(joined(blocks), RECOGNISER_RATE_HZ)
    const base = language.split('-')[0] as string
    return client.transcribe({ model: transcriptionModel, wav, language: base, timeoutMs, signal })
  }

  #pause(delayMs: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#options.scope.after(delayMs, resolve)
    const leave = () => {
      timer.cancel()
      resolve()
    }
    signal.addEventListener('abort', leave, { once: true })
    return promise.finally(() => signal.removeEventListener('abort', leave))
  }
}

function joined(blocks: readonly Int16Array[]): Int16Array {
  const samples = new Int16Array(blocks.reduce((sum, block) => sum + block.length, 0))
  let at = 0
  for (const block of blocks) {
    samples.set(block, at)
    at += block.length
  }
  return samples
}
