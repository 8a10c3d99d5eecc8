// What translating and polishing by a chat model have in common: asking, and putting what went wrong into the words of the port.
import { err, ok, type Result } from '@parley/kernel'
import type { TextEngineInfo, TextFailureCode, TextKind, TextUsage } from '@parley/protocol'
import type { ClientLease, OpenAiClient, ProviderFailure, ProviderFailureKind } from '@parley/providers'
import { MAX_TEXT_BYTES, type TextFailure } from '../../text-engine.ts'
import { ANSWER_SCHEMA, type Prompt, readAnswer } from './prompts.ts'

const FAILURE_CODES: Readonly<Record<ProviderFailureKind, TextFailureCode>> = {
  rate_limited: 'RATE_LIMITED',
  key_refused: 'ENGINE_UNAVAILABLE',
  unreachable: 'ENGINE_UNAVAILABLE',
  refused: 'ENGINE_FAILED',
  server: 'ENGINE_FAILED',
  broken: 'ENGINE_FAILED',
  nonsense: 'ENGINE_FAILED',
  too_large: 'TEXT_INVALID',
  timeout: 'DEADLINE',
  cancelled: 'CANCELLED',
}

export interface AskedText {
  readonly text: string
  readonly usage?: TextUsage
}

export class ChatEngine {
  readonly #client: OpenAiClient
  readonly #kind: TextKind
  readonly #lease: ClientLease
  readonly #ending = new AbortController()

  /** The lease is given back by `close`. */
  constructor(lease: ClientLease, kind: TextKind) {
    this.#lease = lease
    this.#client = lease.client
    this.#kind = kind
  }

  status(): TextEngineInfo {
    const { id } = this.#client.settings
    const { reachability } = this.#client
    return {
      name: id,
      kind: this.#kind,
      ready: !this.#ending.signal.aborted && reachability.is === 'reachable',
      ...(reachability.is === 'unreachable' ? { problem: `${id}: ${reachability.problem}` } : {}),
      provider: id,
    }
  }

  onChange(listener: () => void): () => void {
    return this.#client.onChange(listener)
  }

  async start(): Promise<void> {
    if (!this.#ending.signal.aborted) await this.#client.start()
  }

  async close(): Promise<void> {
    if (this.#ending.signal.aborted) return
    this.#ending.abort()
    await this.#lease.release()
  }

  async ask(
    prompt: Prompt,
    deadlineMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Result<AskedText, TextFailure>> {
    const problem = this.problem()
    if (problem) return err(problem)
    if (signal?.aborted) return err({ code: 'CANCELLED', message: 'nobody waits for the answer any more' })
    const { chatModel = '', id } = this.#client.settings
    const timeoutMs = Math.min(deadlineMs, this.#client.timeoutMs)
    const either = signal ? AbortSignal.any([signal, this.#ending.signal]) : this.#ending.signal
    const request = { model: chatModel, schema: ANSWER_SCHEMA, ...prompt }
    const answered = await this.#client.chat(request, { timeoutMs, signal: either })
    if (!answered.ok) {
      const failure = textFailure(answered.error)
      return err(
        this.#ending.signal.aborted ? { ...failure, code: 'ENGINE_UNAVAILABLE', message: `${id} is closed` } : failure,
      )
    }
    const { text, isWhole, usage } = answered.value
    const spent = usage ? { usage } : {}
    if (!isWhole) return err({ code: 'REFUSED_LONG', message: `${id} answers far more than was asked`, ...spent })
    const read = readAnswer(text)
    if (!read.ok) return err({ code: 'ENGINE_FAILED', message: `${id}: ${read.error}`, ...spent })
    return ok({ text: read.value, ...spent })
  }

  /** Why nothing can be asked now: not started, closed, or out of reach. A look every few seconds finds out when that changes. */
  problem(): TextFailure | undefined {
    const { settings, reachability } = this.#client
    const message = this.#ending.signal.aborted
      ? `${settings.id} is closed`
      : reachability.is === 'unreachable'
        ? `${settings.id}: ${reachability.problem}`
        : `${settings.id} has not been started`
    const isThere = !this.#ending.signal.aborted && reachability.is === 'reachable'
    return isThere ? undefined : { code: 'ENGINE_UNAVAILABLE', message }
  }
}

function textFailure({ kind, message, retryAfterMs }: ProviderFailure): TextFailure {
  return { code: FAILURE_CODES[kind], message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
}

/** Why a text cannot be asked for at all; undefined when it can. */
export function textProblem(text: string): TextFailure | undefined {
  const bytes = Buffer.byteLength(text)
  if (bytes <= MAX_TEXT_BYTES) return undefined
  const message = `text has ${bytes} bytes; ${MAX_TEXT_BYTES} can be asked for at once: send it in several parts`
  return { code: 'TEXT_INVALID', message }
}
