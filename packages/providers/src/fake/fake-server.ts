// The fake provider: a server that speaks the protocols of OpenAI and Deepgram, keeps limits as they do, and goes wrong when told. For
// tests, benchmarks and anyone who wants to load-test without paying. What it answers is the work of real engines behind it.
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createSecureServer, type Http2SecureServer } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Clock, type Random, Scope, seededRandom } from '@parley/kernel'
import { WebSocketServer } from 'ws'
import type { FakeBacking } from './backing.ts'
import { DeepgramSession, type ListenOptions, readListenQuery, type SessionOptions } from './deepgram-session.ts'
import { type FaultKind, type FaultShares, nextFault, parseFaults } from './faults.ts'
import {
  type AnyRequest,
  type AnyResponse,
  type Exchange,
  readBody,
  refuseUpgrade,
  sendJson,
  sendProblem,
  type UpgradeRefusal,
} from './http-reply.ts'
import { type Latency, nextLatencyMs } from './latency.ts'
import {
  failEarly,
  type Prepared,
  prepareChat,
  prepareSpeech,
  prepareTranscription,
  type SpeechFields,
  sendModels,
} from './openai-routes.ts'
import { RateLimits } from './rate-limits.ts'
import { type FakeRoute, type FakeStats, StatsBook } from './stats.ts'

export interface FakeProviderOptions {
  readonly clock: Clock
  readonly backing: FakeBacking
  /** Loopback unless told. */
  readonly host?: string
  /** 0 (the default) = a free one. */
  readonly port?: number
  readonly requestsPerMinute?: number | undefined
  readonly tokensPerMinute?: number | undefined
  readonly latency?: Latency | undefined
  readonly faults?: FaultShares | undefined
  /** 1 unless told. */
  readonly seed?: number
  /** The only key it takes; any or none unless told. */
  readonly apiKey?: string | undefined
  /** How long a live connection may be without audio or KeepAlive; 10 s unless told. For clients on a clock that stands still. */
  readonly quietLimitMs?: number | undefined
  /** With them it serves HTTPS, HTTP/2 and HTTP/1.1. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
}

export interface FakeProvider {
  /** `http://127.0.0.1:PORT`; the OpenAI protocol is below `/v1`, Deepgram's at `/v1/listen`. */
  readonly url: string
  stats(): FakeStats
  setFaults(shares: FaultShares): void
  setLatency(latency: Latency | undefined): void
  /** The next requests go wrong like this, one each, before chance decides again. */
  failNext(...kinds: FaultKind[]): void
  /** Every connection is gone, whatever is under way on it. */
  dropConnections(): void
  close(): Promise<void>
}

const MAX_JSON_BYTES = 4 << 20
const MAX_FILE_BYTES = 25 << 20
/** Limits are asked before the request is known: what a connection or a file costs. */
const NO_TOKENS = 0

export async function startFakeProvider(options: FakeProviderOptions): Promise<FakeProvider> {
  const provider = new Running(options)
  await provider.listen()
  return provider
}

class Running implements FakeProvider {
  url = ''
  readonly #options: FakeProviderOptions
  readonly #scope: Scope
  readonly #server: Server | Http2SecureServer
  readonly #sockets = new Set<Socket>()
  readonly #listeners = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    handleProtocols: firstProtocol,
  })
  readonly #limits: RateLimits
  readonly #book = new StatsBook()
  readonly #random: Random
  #faults: FaultShares
  #latency: Latency | undefined
  #next: FaultKind[] = []

  constructor(options: FakeProviderOptions) {
    this.#options = options
    this.#scope = new Scope(options.clock)
    this.#limits = new RateLimits(options)
    this.#random = seededRandom(options.seed ?? 1)
    this.#faults = options.faults ?? {}
    this.#latency = options.latency
    const onRequest = (request: AnyRequest, response: AnyResponse) => void this.#serve(request, response)
    this.#server = options.tls
      ? createSecureServer({ ...options.tls, allowHTTP1: true }, onRequest)
      : createServer({ keepAliveTimeout: 65_000 }, onRequest)
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#upgrade(request, socket, head),
    )
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      this.#book.connected()
      socket.on('close', () => {
        this.#sockets.delete(socket)
        this.#book.disconnected()
      })
    })
  }

  async listen(): Promise<void> {
    const { host = '127.0.0.1', port = 0, tls } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => resolve())
    })
    const { port: bound } = this.#server.address() as AddressInfo
    this.url = `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${bound}`
  }

  stats(): FakeStats {
    return this.#book.read()
  }

  setFaults(shares: FaultShares): void {
    this.#faults = shares
  }

  setLatency(latency: Latency | undefined): void {
    this.#latency = latency
  }

  failNext(...kinds: FaultKind[]): void {
    this.#next.push(...kinds)
  }

  dropConnections(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  async close(): Promise<void> {
    await this.#scope.close()
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async #serve(request: AnyRequest, response: AnyResponse): Promise<void> {
    const scope = this.#scope.child()
    const gone = new AbortController()
    scope.own(() => gone.abort())
    response.on('close', () => gone.abort())
    request.on('error', () => gone.abort())
    response.on('error', () => gone.abort())
    const exchange: Exchange = { clock: this.#options.clock, scope, request, response, signal: gone.signal }
    try {
      await this.#route(exchange)
    } catch (error) {
      if (!gone.signal.aborted) sendProblem(response, { status: 500, type: 'server_error', message: String(error) })
    } finally {
      await scope.close()
    }
  }

  async #route(exchange: Exchange): Promise<void> {
    const { request, response } = exchange
    const path = new URL(request.url ?? '/', 'http://fake').pathname
    if (path === '/fake/stats') {
      sendJson(response, 200, this.stats())
      return
    }
    if (path === '/fake/faults' && request.method === 'POST') {
      await this.#takeFaults(exchange)
      return
    }
    if (!this.#isAllowed(request.headers.authorization)) {
      const message = `Incorrect API key provided: ${String(request.headers.authorization ?? 'none').replace(/^\w+ /, '')}`
      return sendProblem(response, { status: 401, code: 'invalid_api_key', message })
    }
    if (path === '/v1/models' && request.method === 'GET') {
      this.#book.begin('models')
      sendModels(exchange)
      return this.#book.end('models', 'answered')
    }
    const route = ROUTES[path]
    if (!route || request.method !== 'POST') {
      return sendProblem(response, { status: 404, message: `there is no ${request.method} ${path}` })
    }
    await this.#answer(exchange, route)
  }

  async #answer(exchange: Exchange, route: FakeRoute): Promise<void> {
    const { request, response, clock, signal } = exchange
    this.#book.begin(route)
    const fault = this.#fault(request)
    const latencyMs = this.#latencyMs()
    const end = (how: 'answered' | 'limited' | 'failed' | 'abandoned') => this.#book.end(route, how)
    if (await failEarly(exchange, fault, latencyMs)) {
      request.resume()
      return end(signal.aborted && fault === 'hang' ? 'abandoned' : 'failed')
    }
    const body = await readBody(request, route === 'transcription' ? MAX_FILE_BYTES : MAX_JSON_BYTES)
    if (!body.ok) {
      sendProblem(response, { status: 413, message: body.error, headers: { connection: 'close' } })
      return end('failed')
    }
    const prepared = await this.#prepare(route, request, body.value)
    if ('problem' in prepared) {
      sendProblem(response, prepared.problem)
      return end('failed')
    }
    const admission = this.#limits.admit(clock.nowMs(), prepared.job.tokens)
    this.#book.usage(this.#limits.usage(clock.nowMs()))
    if (!admission.isAdmitted) {
      const { what, limit, retryAfterMs } = admission
      const unit = what === 'requests' ? 'requests per min (RPM)' : 'tokens per min (TPM)'
      const headers = {
        ...admission.headers,
        'retry-after': String(Math.ceil(retryAfterMs / 1000)),
        'retry-after-ms': String(Math.ceil(retryAfterMs)),
      }
      const message = `Rate limit reached on ${unit}: Limit ${limit}. Please try again in ${(retryAfterMs / 1000).toFixed(3)}s.`
      sendProblem(response, { status: 429, type: what, code: 'rate_limit_exceeded', message, headers })
      return end('limited')
    }
    const { headers, admitted } = admission
    const outcome = await prepared.job.run(exchange, { fault, random: this.#random, latencyMs, headers })
    const { inputTokens, outputTokens } = outcome
    if (inputTokens !== undefined && outputTokens !== undefined) {
      admitted?.correct(inputTokens + outputTokens)
      const stats = this.#book.route(route)
      stats.inputTokens += inputTokens
      stats.outputTokens += outputTokens
    }
    end(outcome.how)
  }

  async #prepare(route: FakeRoute, request: AnyRequest, body: Buffer): Promise<Prepared> {
    const { backing } = this.#options
    if (route === 'transcription') {
      const type = request.headers['content-type'] ?? ''
      const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } })
        .formData()
        .catch(() => undefined)
      const file = form?.get('file')
      if (!form || typeof file !== 'object' || file === null) {
        return { problem: { status: 400, field: 'file', message: 'file must be an audio file in a multipart form' } }
      }
      return prepareTranscription(form, new Uint8Array(await file.arrayBuffer()), backing)
    }
    let fields: unknown
    try {
      fields = JSON.parse(body.toString('utf8'))
    } catch {
      return { problem: { status: 400, message: 'the body is not JSON' } }
    }
    return route === 'chat' ? prepareChat(fields, backing) : prepareSpeech((fields ?? {}) as SpeechFields, backing)
  }

  async #takeFaults({ request, response }: Exchange): Promise<void> {
    const body = await readBody(request, 1_024)
    const shares = body.ok ? parseFaults(body.value.toString('utf8')) : body
    if (!shares.ok) return sendProblem(response, { status: 400, message: shares.error })
    this.setFaults(shares.value)
    sendJson(response, 200, { faults: shares.value })
  }

  #fault(request: { readonly headers: AnyRequest['headers'] }): FaultKind | undefined {
    const byChance = nextFault(this.#faults, this.#random)
    const asked = request.headers['x-fake-fault']
    const fault = this.#next.shift() ?? (typeof asked === 'string' ? (asked as FaultKind) : byChance)
    if (fault) this.#book.fault(fault)
    return fault
  }

  #latencyMs(): number {
    return this.#latency ? nextLatencyMs(this.#latency, this.#random) : 0
  }

  #isAllowed(authorization: string | undefined): boolean {
    const { apiKey } = this.#options
    return apiKey === undefined || authorization === `Bearer ${apiKey}` || authorization === `Token ${apiKey}`
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => {})
    const judged = this.#judge(request)
    if ('status' in judged) {
      refuseUpgrade(socket, judged)
      return
    }
    this.#listeners.handleUpgrade(request, socket, head, (client) => {
      const { clock, quietLimitMs } = this.#options
      const scope = this.#scope.child()
      const parts = {
        clock,
        quietLimitMs,
        scope,
        socket: client,
        random: this.#random,
        nextLatencyMs: () => this.#latencyMs(),
      }
      const session = new DeepgramSession({ ...judged, ...parts })
      void session
        .run()
        .then((how) => this.#book.end('listen', how))
        .finally(() => scope.close())
    })
  }

  /** Whether a live connection is taken, and how it is to be served. */
  #judge(request: IncomingMessage): UpgradeRefusal | (ListenOptions & Pick<SessionOptions, 'ears' | 'fault'>) {
    const url = new URL(request.url ?? '/', 'http://fake')
    if (url.pathname !== '/v1/listen') return { status: '404 Not Found', message: `there is no ${url.pathname}` }
    const offered = request.headers['sec-websocket-protocol']?.split(',').map((part) => part.trim()) ?? []
    const byProtocol = offered[0] === 'token' ? `Token ${offered[1]}` : undefined
    if (!this.#isAllowed(request.headers.authorization ?? byProtocol)) {
      return { status: '401 Unauthorized', message: 'Invalid credentials.' }
    }
    this.#book.begin('listen')
    const refused = (refusal: UpgradeRefusal): UpgradeRefusal => {
      this.#book.end('listen', refusal.status.startsWith('429') ? 'limited' : 'failed')
      return refusal
    }
    const { ears } = this.#options.backing
    if (!ears) return refused({ status: '503 Service Unavailable', message: 'no recognition is behind this provider' })
    const listen = readListenQuery(url.searchParams, ears)
    if (typeof listen === 'string') return refused({ status: '400 Bad Request', message: listen })
    const fault = this.#fault(request)
    if (fault === '429') return refused({ ...TOO_MANY, headers: { 'retry-after': '1' } })
    if (fault === '429-silent') return refused(TOO_MANY)
    if (fault === '500') return refused({ status: '500 Internal Server Error', message: 'on demand' })
    const admission = this.#limits.admit(this.#options.clock.nowMs(), NO_TOKENS)
    if (admission.isAdmitted) return { ...listen, ears, fault }
    return refused({ ...TOO_MANY, headers: { 'retry-after': String(Math.ceil(admission.retryAfterMs / 1000)) } })
  }
}

const TOO_MANY: UpgradeRefusal = { status: '429 Too Many Requests', message: 'Too many requests' }

const ROUTES: Readonly<Record<string, FakeRoute>> = {
  '/v1/chat/completions': 'chat',
  '/v1/audio/speech': 'speech',
  '/v1/audio/transcriptions': 'transcription',
}

/** `token, KEY`: the first is chosen, so that the key is not repeated. */
const firstProtocol = (protocols: Set<string>): string | false => protocols.values().next().value ?? false
