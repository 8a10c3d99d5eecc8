// Calls to one provider over HTTP: one pool of connections, kept open, HTTP/2 where it is offered; every call with a deadline for its
// first byte and for the whole, and a bound on its answer. Knows no protocol of any provider.
import { type Clock, err, ok, type Result, type Timer } from '@parley/kernel'
import { Pool } from 'undici'
import type { ProviderFailure } from '../failure.ts'
import type { Headers } from '../retry-after.ts'
import { failureOfAnswer, failureOfError, isCut } from './http-failure.ts'

export interface ProviderHttpOptions {
  readonly clock: Clock
  readonly baseUrl: string
  readonly apiKey?: string | undefined
  /** Connections at most; 32 unless told. */
  readonly connections?: number
  /** Until a connection stands, TLS included; 5,000 unless told. */
  readonly connectTimeoutMs?: number
  /** Idle connections are closed after this; 60,000 unless told, and less when the server says less. */
  readonly keepAliveMs?: number
  /** Authorities trusted beside the well-known ones (PEM). Certificates are always verified. */
  readonly ca?: string | undefined
}

export interface HttpCall {
  readonly method: 'GET' | 'POST'
  /** Below the base URL: `/chat/completions`. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** From the call to the status line of the answer. */
  readonly firstByteMs: number
  /** From the call to the end of the answer; of a streamed one, between two parts of it. */
  readonly wholeMs: number
  /** Of the body of the answer. */
  readonly maxBytes: number
  readonly signal?: AbortSignal | undefined
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

export interface StreamOptions {
  /** The answer as a whole has `wholeMs`; without it each pause in it. */
  readonly isWholeBounded?: boolean
  /** What is wrong with a 2xx answer, as the end of "answers ...", before any of it is read. */
  readonly checkHead?: (headers: Headers) => string | undefined
}

const DEFAULT_CONNECTIONS = 32
const DEFAULT_CONNECT_TIMEOUT_MS = 5_000
const DEFAULT_KEEP_ALIVE_MS = 60_000
/** What of an error is read; it is quoted in a line. */
const MAX_ERROR_BYTES = 16_384

type Ending = 'first byte' | 'whole' | 'cancelled' | 'too large'

export class ProviderHttp {
  /** How messages name the provider: its host, without user, path and query. */
  readonly host: string
  readonly #clock: Clock
  readonly #pool: Pool
  readonly #prefix: string
  readonly #apiKey: string | undefined
  #closing: Promise<void> | undefined

  /** Throws on an address that is none. */
  constructor(options: ProviderHttpOptions) {
    const url = new URL(options.baseUrl.replace(/^ws/, 'http'))
    this.host = url.host
    this.#clock = options.clock
    this.#prefix = url.pathname.replace(/\/+$/, '')
    this.#apiKey = options.apiKey || undefined
    this.#pool = new Pool(url.origin, {
      connections: options.connections ?? DEFAULT_CONNECTIONS,
      allowH2: true,
      // Our own deadlines hold: they follow the clock, and the whole of an answer has one, not only each part of it.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: options.keepAliveMs ?? DEFAULT_KEEP_ALIVE_MS,
      connect: {
        timeout: options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
        preferH2: true,
        ...(options.ca === undefined ? {} : { ca: options.ca }),
      },
    })
  }

  /** Connections open and free of work; for tests and status. */
  get stats(): { readonly connected: number; readonly running: number } {
    const { connected, running } = this.#pool.stats
    return { connected, running }
  }

  /** The whole answer. Rejects never. */
  async call(call: HttpCall): Promise<Result<HttpAnswer, ProviderFailure>> {
    const parts: Buffer[] = []
    const streamed = await this.stream(call, (part) => void parts.push(part), { isWholeBounded: true })
    if (!streamed.ok) return streamed
    return ok({ ...streamed.value, body: Buffer.concat(parts).toString('utf8') })
  }

  /**
   * An answer part by part, as it comes; resolves after the last. Only a 2xx answer reaches `onPart`. Rejects never.
   */
  async stream(
    call: HttpCall,
    onPart: (part: Buffer) => void,
    { isWholeBounded = false, checkHead }: StreamOptions = {},
  ): Promise<Result<Omit<HttpAnswer, 'body'>, ProviderFailure>> {
    if (this.#closing) return err({ kind: 'cancelled', message: `the connections to ${this.host} are closed` })
    if (call.signal?.aborted) return err(this.#ended('cancelled', call))
    if (this.#apiKey !== undefined && !/^[\x21-\x7e]+$/.test(this.#apiKey)) {
      const message = `the apiKey of ${this.host} has characters that no header takes`
      return err({ kind: 'key_refused', message })
    }
    const controller = new AbortController()
    const attempt = new Attempt(this.#clock, controller, call, isWholeBounded)
    try {
      return await this.#run(call, attempt, onPart, checkHead)
    } catch (error) {
      return err(
        attempt.ending === undefined
          ? failureOfError(error, this.host, [this.#apiKey])
          : this.#ended(attempt.ending, call),
      )
    } finally {
      attempt.over()
    }
  }

  /** Ends every call and connection. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#pool.destroy().catch(() => {})
    return this.#closing
  }

  async #run(call: HttpCall, attempt: Attempt, onPart: (part: Buffer) => void, checkHead: StreamOptions['checkHead']) {
    const response = await this.#request(call, attempt.signal)
    attempt.onHead()
    const { statusCode: status, headers, body } = response
    const isGood = status >= 200 && status < 300
    const problem = isGood ? checkHead?.(headers) : undefined
    if (problem !== undefined) {
      body.on('error', () => {}).destroy()
      return err<ProviderFailure>({ kind: 'nonsense', message: `${this.host} answers ${problem}` })
    }
    const kept: Buffer[] = []
    let bytes = 0
    for await (const part of body as AsyncIterable<Buffer>) {
      attempt.onPart()
      bytes += part.length
      if (isGood && bytes > call.maxBytes) {
        attempt.end('too large')
        break
      }
      if (isGood) onPart(part)
      else {
        kept.push(part)
        // The rest of a long error is not waited for; leaving the loop closes the connection.
        if (bytes > MAX_ERROR_BYTES) break
      }
    }
    if (attempt.ending !== undefined) return err(this.#ended(attempt.ending, call))
    if (isGood) return ok({ status, headers })
    const text = Buffer.concat(kept).subarray(0, MAX_ERROR_BYTES).toString('utf8')
    return err(failureOfAnswer({ status, headers, body: text }, this.host, [this.#apiKey], this.#clock.wallMs()))
  }

  /**
   * A server may close a connection that was kept open in the very moment in which a call is put on it; nothing has been answered then, and
   * the call is made once more. One that was refused on a fresh connection is not repeated.
   */
  async #request(call: HttpCall, signal: AbortSignal) {
    try {
      return await this.#send(call, signal)
    } catch (error) {
      if (!isCut(error) || !wasReused(error) || signal.aborted) throw error
      return await this.#send(call, signal)
    }
  }

  #send(call: HttpCall, signal: AbortSignal) {
    const { method, path, body = null } = call
    return this.#pool.request({
      method,
      path: this.#prefix + path,
      headers: {
        accept: 'application/json',
        ...call.headers,
        ...(this.#apiKey === undefined ? {} : { authorization: `Bearer ${this.#apiKey}` }),
      },
      body,
      signal,
    })
  }

  #ended(ending: Ending, call: HttpCall): ProviderFailure {
    const { host } = this
    switch (ending) {
      case 'first byte':
        return { kind: 'timeout', message: `${host} has not begun to answer within ${call.firstByteMs} ms` }
      case 'whole':
        return { kind: 'timeout', message: `${host} has not finished its answer within ${call.wholeMs} ms` }
      case 'too large':
        return { kind: 'nonsense', message: `${host} answers with more than ${call.maxBytes} bytes` }
      case 'cancelled':
        return { kind: 'cancelled', message: 'nobody waits for the answer any more' }
    }
  }
}

/** The deadlines of one call, and why it was ended if it was. */
class Attempt {
  ending: Ending | undefined
  readonly #clock: Clock
  readonly #controller: AbortController
  readonly #call: HttpCall
  readonly #isWholeBounded: boolean
  readonly #startMs: number
  readonly #onAbort = () => this.end('cancelled')
  #timer: Timer

  constructor(clock: Clock, controller: AbortController, call: HttpCall, isWholeBounded: boolean) {
    this.#clock = clock
    this.#controller = controller
    this.#call = call
    this.#isWholeBounded = isWholeBounded
    this.#startMs = clock.nowMs()
    this.#timer = clock.after(Math.min(call.firstByteMs, call.wholeMs), () => this.end('first byte'))
    call.signal?.addEventListener('abort', this.#onAbort)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  onHead(): void {
    const leftMs = this.#call.wholeMs - (this.#isWholeBounded ? this.#clock.nowMs() - this.#startMs : 0)
    this.#arm(leftMs)
  }

  onPart(): void {
    if (!this.#isWholeBounded) this.#arm(this.#call.wholeMs)
  }

  end(why: Ending): void {
    if (this.ending !== undefined) return
    this.ending = why
    this.#controller.abort()
  }

  over(): void {
    this.#timer.cancel()
    this.#call.signal?.removeEventListener('abort', this.#onAbort)
  }

  #arm(delayMs: number): void {
    this.#timer.cancel()
    this.#timer = this.#clock.after(delayMs, () => this.end('whole'))
  }
}

/** False when the connection is known to have answered nothing before. */
function wasReused(error: unknown): boolean {
  const { socket } = error as { readonly socket?: { readonly bytesRead?: number } | null }
  return socket?.bytesRead !== 0
}
