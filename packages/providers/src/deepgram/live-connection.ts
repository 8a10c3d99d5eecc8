// One live connection to a Deepgram-compatible server: opened within a deadline, kept alive, closed properly. Knows no utterances.
import type { IncomingMessage } from 'node:http'
import { type Clock, err, ok, type Result, Scope } from '@parley/kernel'
import { WebSocket } from 'ws'
import { type ProviderFailure, quoted } from '../failure.ts'
import { failureOfAnswer, failureOfError } from '../http/http-failure.ts'
import type { ProviderSettings } from '../settings.ts'
import { type LiveMessage, readLiveMessage } from './live-messages.ts'

export interface LiveOptions {
  readonly clock: Clock
  readonly settings: ProviderSettings
  /** BCP 47. */
  readonly language: string
  readonly sampleRateHz: number
  /** Silence that ends an utterance. */
  readonly endpointMs: number
  /** Authorities trusted beside the well-known ones (PEM). */
  readonly ca?: string | undefined
  readonly listener: LiveListener
}

export interface LiveListener {
  onMessage(message: LiveMessage): void
  /** The connection is over, other than by `close`; called once. `mayRetry`: another one may do better. */
  onEnded(end: { readonly message: string; readonly mayRetry: boolean }): void
}

const DEFAULT_MODEL = 'nova-3'
const CONNECT_LIMIT_MS = 5_000
/** Deepgram closes after 10 s without a word. */
const KEEP_ALIVE_MS = 4_000
const CLOSE_LIMIT_MS = 1_000
const MAX_MESSAGE_BYTES = 1 << 20
const MAX_ERROR_BYTES = 4_096
/** Answers that nobody can read: then it is no such server. */
const MAX_NONSENSE = 20
const UTTERANCE_END_MS = 1_000

export class LiveConnection {
  readonly #clock: Clock
  readonly #scope: Scope
  readonly #socket: WebSocket
  readonly #listener: LiveListener
  readonly #host: string
  readonly #key: string | undefined
  #lastSentMs: number
  #nonsense = 0
  #isOver = false
  #closing: Promise<void> | undefined

  private constructor(socket: WebSocket, { clock, settings, listener }: LiveOptions) {
    this.#clock = clock
    this.#scope = new Scope(clock)
    this.#socket = socket
    this.#listener = listener
    this.#host = new URL(settings.baseUrl).host
    this.#key = settings.apiKey
    this.#lastSentMs = clock.nowMs()
    socket.on('message', (data, isBinary) => {
      if (!isBinary) this.#onText(String(data))
    })
    socket.on('close', (code, reason) => this.#onClose(code, reason.toString('utf8')))
    this.#scope.every(KEEP_ALIVE_MS, () => {
      if (this.#clock.nowMs() - this.#lastSentMs >= KEEP_ALIVE_MS) this.#sendText({ type: 'KeepAlive' })
    })
  }

  /** Rejects never. `signal` ends the attempt. */
  static connect(options: LiveOptions, signal?: AbortSignal): Promise<Result<LiveConnection, ProviderFailure>> {
    const { clock, settings, ca } = options
    const host = new URL(settings.baseUrl).host
    const secrets = [settings.apiKey]
    const { promise, resolve } = Promise.withResolvers<Result<LiveConnection, ProviderFailure>>()
    let socket: WebSocket
    try {
      socket = new WebSocket(listenUrl(options), {
        headers: settings.apiKey ? { authorization: `Token ${settings.apiKey}` } : {},
        perMessageDeflate: false,
        maxPayload: MAX_MESSAGE_BYTES,
        followRedirects: false,
        ...(ca === undefined ? {} : { ca }),
      })
    } catch {
      // The message of the exception may hold the header that it does not like.
      return Promise.resolve(
        err({ kind: 'key_refused', message: `no connection to ${host} can be asked for with this apiKey or address` }),
      )
    }
    let isSettled = false
    const settle = (result: Result<LiveConnection, ProviderFailure>) => {
      if (isSettled) return
      isSettled = true
      deadline.cancel()
      signal?.removeEventListener('abort', leave)
      if (!result.ok) socket.terminate()
      resolve(result)
    }
    const leave = () => settle(err({ kind: 'cancelled', message: 'nobody waits for the connection any more' }))
    const deadline = clock.after(CONNECT_LIMIT_MS, () =>
      settle(err({ kind: 'unreachable', message: `${host} does not open a connection within ${CONNECT_LIMIT_MS} ms` })),
    )
    signal?.addEventListener('abort', leave)
    socket.on('error', (error) => settle(err(failureOfError(error, host, secrets))))
    socket.on('unexpected-response', (_, response) => {
      void readSome(response).then((body) => {
        const { statusCode: status = 0, headers } = response
        settle(err(failureOfAnswer({ status, headers, body }, host, secrets, clock.wallMs())))
      })
    })
    socket.on('open', () => {
      if (!isSettled) settle(ok(new LiveConnection(socket, options)))
    })
    if (signal?.aborted) leave()
    return promise
  }

  sendAudio(samples: Int16Array): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return
    this.#lastSentMs = this.#clock.nowMs()
    this.#socket.send(Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength))
  }

  /** Has everything that was sent decided; answered by a result that says so. */
  finalize(): void {
    this.#sendText({ type: 'Finalize' })
  }

  /** Nothing is told any more. Resolves when the connection is gone, at the latest after a second. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#isOver = true
    if (this.#socket.readyState !== WebSocket.CLOSED) {
      const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()))
      this.#sendText({ type: 'CloseStream' })
      this.#socket.close(1000)
      const limit = this.#clock.after(CLOSE_LIMIT_MS, () => this.#socket.terminate())
      await closed
      limit.cancel()
    }
    await this.#scope.close()
  }

  #sendText(message: object): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return
    this.#lastSentMs = this.#clock.nowMs()
    this.#socket.send(JSON.stringify(message))
  }

  #onText(text: string): void {
    if (this.#isOver) return
    const message = readLiveMessage(text)
    if (message) this.#listener.onMessage(message)
    else if (++this.#nonsense >= MAX_NONSENSE) this.#end(`${this.#host} answers what no such server does`, false)
  }

  #onClose(code: number, reason: string): void {
    const words = reason === '' ? '' : `: ${quoted(reason, [this.#key])}`
    // 1008: what was sent is not to its liking, and the next connection would send the same.
    this.#end(`the connection to ${this.#host} was closed (${code}${words})`, code !== 1008)
  }

  #end(message: string, mayRetry: boolean): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#socket.terminate()
    void this.#scope.close()
    this.#listener.onEnded({ message, mayRetry })
  }
}

/** Where a live connection is asked for, with what is asked of it. */
export function listenUrl({
  settings,
  language,
  sampleRateHz,
  endpointMs,
}: Omit<LiveOptions, 'clock' | 'listener'>): URL {
  const url = new URL(settings.baseUrl.replace(/^http/, 'ws'))
  // The base may end in /v1 or in /v1/listen, as people copy it.
  url.pathname = `${url.pathname.replace(/\/+$/, '').replace(/(\/v1)?(\/listen)?$/, '')}/v1/listen`
  const query = {
    model: settings.transcriptionModel || DEFAULT_MODEL,
    language,
    encoding: 'linear16',
    sample_rate: sampleRateHz,
    channels: 1,
    interim_results: true,
    punctuate: true,
    endpointing: endpointMs,
    utterance_end_ms: Math.max(UTTERANCE_END_MS, endpointMs),
    vad_events: true,
  }
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value))
  return url
}

async function readSome(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      parts.push(part)
      bytes += part.length
      if (bytes >= MAX_ERROR_BYTES) break
    }
  } catch {
    // What came says enough.
  }
  return Buffer.concat(parts).subarray(0, MAX_ERROR_BYTES).toString('utf8')
}
