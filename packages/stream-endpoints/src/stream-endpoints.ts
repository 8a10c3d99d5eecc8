// All endpoints on a listener that is somebody else's: upgrades and requests in, connections counted, all of them closed at the end.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Clock, newId, type Result, withDeadline } from '@parley/kernel'
import { type CloseReason, ParleyError } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import { type WebSocket, WebSocketServer } from 'ws'
import {
  type Admitted,
  bearerHeaders,
  checkRequest,
  checkRoom,
  ENDPOINT_NAMES,
  ENDPOINTS,
  type EndpointName,
  type EndpointTraits,
  endpointOf,
} from './admission.ts'
import { type EndpointConnection, serveAsr } from './asr-connection.ts'
import type { RecogniseBackend, SynthesiseBackend } from './backends.ts'
import { HttpExchange } from './http-exchange.ts'
import { refuseUpgrade } from './http-refusal.ts'
import { DEFAULT_CONNECTIONS, MAX_MESSAGE_BYTES, MAX_UPLOADS_BYTES } from './limits.ts'
import { serveListen } from './listen/listen-connection.ts'
import { serveListenFile } from './listen/listen-file.ts'
import { serveSpeech } from './openai/speech-http.ts'
import { serveTranscription } from './openai/transcription-http.ts'
import { serveTts } from './tts-connection.ts'
import { UploadRoom } from './upload.ts'

const AUTHORISE_DEADLINE_MS = 5_000
const SANE_REQUEST_ID = /^[A-Za-z0-9._:-]{1,64}$/

export interface StreamEndpointsOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Absent: the endpoint is not there. */
  readonly recognise?: RecogniseBackend
  readonly synthesise?: SynthesiseBackend
  /** WebSockets and requests of all endpoints together; DEFAULT_CONNECTIONS unless told. */
  readonly maxConnections?: number
  /** May who sent this request use the endpoints? A credential is in its headers as a bearer credential, whatever the endpoint's words. */
  readonly authorise: (request: CredentialSource) => Promise<Result<void, ParleyError>>
  readonly isOriginAllowed: (origin: string, host: string | undefined) => boolean
  /** PING_EVERY_MS unless told. */
  readonly pingEveryMs?: number
}

export type CredentialSource = Pick<IncomingMessage, 'headers' | 'url' | 'socket'>

export interface StreamEndpointsStats {
  /** Open now. */
  readonly connections: Readonly<Record<EndpointName, number>>
  readonly maxConnections: number
  readonly acceptedTotal: Readonly<Record<EndpointName, number>>
  /** Upgrades and requests refused before they were served, by error code. */
  readonly refusedTotal: Readonly<Record<string, number>>
  readonly partialsSkippedTotal: number
  /** Bodies of requests that are held now. */
  readonly uploadBytes: number
}

interface Entry {
  readonly endpoint: EndpointName
  readonly connection: EndpointConnection
}

export class StreamEndpoints {
  readonly #options: StreamEndpointsOptions
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    clientTracking: false,
  })
  readonly #open = new Map<WebSocket, Entry>()
  readonly #requests = new Map<HttpExchange, EndpointName>()
  readonly #uploads = new UploadRoom(MAX_UPLOADS_BYTES)
  readonly #acceptedTotal = counts()
  readonly #refusedTotal: Record<string, number> = {}
  #partialsSkippedTotal = 0
  #isClosed = false
  #onIdle: (() => void) | undefined

  constructor(options: StreamEndpointsOptions) {
    this.#options = options
    // What `ws` itself finds wrong in a handshake that was let through; answered in the same form as our own refusals.
    this.#sockets.on('wsClientError', (cause, socket, request) => {
      this.#refuse(request, socket, new ParleyError('BAD_REQUEST', { message: cause.message, cause }))
    })
  }

  /** Is `url` the address of an endpoint? */
  handles(url: string): boolean {
    return endpointOf(url) !== undefined
  }

  get activeConnections(): number {
    return this.#open.size + this.#requests.size
  }

  stats(): StreamEndpointsStats {
    const connections = counts()
    let partialsSkippedTotal = this.#partialsSkippedTotal
    for (const { endpoint, connection } of this.#open.values()) {
      connections[endpoint]++
      partialsSkippedTotal += connection.partialsSkipped
    }
    for (const endpoint of this.#requests.values()) connections[endpoint]++
    return {
      connections,
      maxConnections: this.#maxConnections,
      acceptedTotal: { ...this.#acceptedTotal },
      refusedTotal: { ...this.#refusedTotal },
      partialsSkippedTotal,
      uploadBytes: this.#uploads.heldBytes,
    }
  }

  /** Takes over the socket of an upgrade whose address `handles`. */
  async onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', ignore)
    const admitted = await this.#admit(request, 'upgrade')
    if (!admitted.ok) return this.#refuse(request, socket, admitted.error)
    if (socket.destroyed) return
    // Nothing waits between this and the counting of the connection: a burst never gets more than there is.
    const refusal = this.#roomRefusal(admitted.value.endpoint, 'upgrade')
    if (refusal) return this.#refuse(request, socket, refusal)
    socket.off('error', ignore)
    const requestId = requestIdOf(request)
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => this.#serve(webSocket, admitted.value, requestId))
  }

  /** Answers a request that is no upgrade and whose address `handles`. Never rejects; resolves when it is answered. */
  async onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = requestIdOf(request)
    const endpoint = endpointOf(request.url ?? '')
    const form = endpoint === undefined ? 'problem' : ENDPOINTS[endpoint].refusals
    const exchange = new HttpExchange(request, response, requestId, form)
    try {
      const admitted = await this.#admit(request, 'plain')
      if (!admitted.ok) return this.#turnAway(exchange, admitted.error)
      if (exchange.signal.aborted) return
      const refusal = this.#roomRefusal(admitted.value.endpoint, 'plain')
      if (refusal) return this.#turnAway(exchange, refusal)
      await this.#answer(exchange, admitted.value)
    } catch (error) {
      this.#options.logger.error({ err: error, requestId, endpoint }, 'a request at a stream endpoint failed inside')
      exchange.fail(new ParleyError('INTERNAL', { requestId }))
    }
  }

  /** Tells every client why, and resolves when all are gone or `withinMs` is over. Later upgrades are refused. Idempotent. */
  async close(reason: CloseReason, withinMs: number): Promise<void> {
    this.#isClosed = true
    for (const { connection } of this.#open.values()) connection.close(reason)
    if (this.activeConnections > 0) {
      const idle = new Promise<void>((resolve) => {
        this.#onIdle = resolve
      })
      await withDeadline(this.#options.clock, withinMs, 'closing stream connections', idle).catch(() => {})
    }
    for (const socket of this.#open.keys()) socket.terminate()
    for (const { response } of this.#requests.keys()) response.destroy()
  }

  get #maxConnections(): number {
    return this.#options.maxConnections ?? DEFAULT_CONNECTIONS
  }

  async #admit(request: IncomingMessage, kind: 'upgrade' | 'plain'): Promise<Result<Admitted, ParleyError>> {
    const { recognise, synthesise, isOriginAllowed, authorise, clock, logger } = this.#options
    const abilities = new Set<EndpointTraits['need']>()
    if (recognise) abilities.add('recognise')
    if (synthesise) abilities.add('synthesise')
    const { method = '', url = '', headers, socket } = request
    const asked = { method, url, host: headers.host, origin: headers.origin }
    const checked = checkRequest(asked, kind, { abilities, isOriginAllowed })
    if (!checked.ok) return checked
    const source = { headers: bearerHeaders(checked.value.endpoint, headers), url, socket }
    const authorised = await withDeadline(clock, AUTHORISE_DEADLINE_MS, 'authorising', authorise(source)).catch(
      (error: unknown) => {
        logger.error({ err: error }, 'a stream connection could not be authorised')
        return { ok: false as const, error: new ParleyError('INTERNAL') }
      },
    )
    return authorised.ok ? checked : authorised
  }

  #roomRefusal(endpoint: EndpointName, kind: 'upgrade' | 'plain'): ParleyError | undefined {
    const { recognise, synthesise } = this.#options
    const backend = ENDPOINTS[endpoint].need === 'recognise' ? recognise : synthesise
    const stopping = this.#isClosed ? new ParleyError('DRAINING', { retryAfterMs: 1_000 }) : undefined
    return checkRoom(this.activeConnections, this.#maxConnections, stopping ?? backend?.refusal(), kind)
  }

  #serve(socket: WebSocket, admitted: Admitted, requestId: string): void {
    const { endpoint } = admitted
    const connectionId = newId('con')
    this.#options.logger.debug({ connectionId, requestId, endpoint }, 'stream connection accepted')
    const connection = this.#connect(socket, admitted, connectionId)
    this.#acceptedTotal[endpoint]++
    this.#open.set(socket, { endpoint, connection })
    socket.once('close', () => {
      this.#open.delete(socket)
      this.#partialsSkippedTotal += connection.partialsSkipped
      if (this.activeConnections === 0) this.#onIdle?.()
    })
  }

  #connect(socket: WebSocket, admitted: Admitted, connectionId: string): EndpointConnection {
    const { clock, logger, recognise, synthesise, pingEveryMs } = this.#options
    const settings = { clock, logger, connectionId, ...(pingEveryMs === undefined ? {} : { pingEveryMs }) }
    switch (admitted.endpoint) {
      case 'asr': {
        const { config } = admitted
        return serveAsr(socket, recognise as RecogniseBackend, {
          ...settings,
          ...(config === undefined ? {} : { config }),
        })
      }
      case 'listen':
        return serveListen(socket, recognise as RecogniseBackend, { ...settings, config: admitted.listen })
      case 'tts':
        return serveTts(socket, synthesise as SynthesiseBackend, { ...settings, ...admitted.wish })
      case 'speech':
      case 'transcription':
        throw new Error(`${admitted.endpoint} is no WebSocket`)
    }
  }

  async #answer(exchange: HttpExchange, admitted: Admitted): Promise<void> {
    const { clock, logger, recognise, synthesise } = this.#options
    const { endpoint } = admitted
    const { requestId } = exchange
    const share = this.#uploads.open()
    const connectionId = newId('con')
    const context = { clock, logger, connectionId, share }
    this.#acceptedTotal[endpoint]++
    this.#requests.set(exchange, endpoint)
    logger.debug({ connectionId, requestId, endpoint }, 'request at a stream endpoint accepted')
    try {
      if (endpoint === 'speech') await serveSpeech(exchange, { ...context, backend: synthesise as SynthesiseBackend })
      else {
        const recognition = { ...context, backend: recognise as RecogniseBackend }
        if (endpoint === 'listen') await serveListenFile(exchange, admitted.listen, recognition)
        else await serveTranscription(exchange, recognition)
      }
    } finally {
      share.release()
      this.#requests.delete(exchange)
      if (this.activeConnections === 0) this.#onIdle?.()
    }
  }

  #turnAway(exchange: HttpExchange, error: ParleyError): void {
    this.#countRefusal(error, exchange.requestId)
    exchange.fail(error)
  }

  #refuse(request: IncomingMessage, socket: Duplex, error: ParleyError): void {
    const requestId = requestIdOf(request)
    const endpoint = endpointOf(request.url ?? '')
    this.#countRefusal(error, requestId)
    refuseUpgrade(socket, endpoint === undefined ? 'problem' : ENDPOINTS[endpoint].refusals, error, requestId)
  }

  #countRefusal({ code }: ParleyError, requestId: string): void {
    this.#refusedTotal[code] = (this.#refusedTotal[code] ?? 0) + 1
    this.#options.logger.debug({ requestId, code }, 'stream connection refused')
  }
}

function counts(): Record<EndpointName, number> {
  return Object.fromEntries(ENDPOINT_NAMES.map((name) => [name, 0])) as Record<EndpointName, number>
}

function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && SANE_REQUEST_ID.test(given) ? given : newId('req')
}

const ignore = (): void => {}
