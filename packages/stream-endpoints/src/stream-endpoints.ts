// Both endpoints on a listener that is somebody else's: upgrades in, connections counted, all of them closed at the end.
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Clock, newId, type Result, withDeadline } from '@parley/kernel'
import { type CloseReason, ParleyError } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import { type WebSocket, WebSocketServer } from 'ws'
import { type Admitted, checkRequest, checkRoom, type EndpointName, endpointOf } from './admission.ts'
import { type EndpointConnection, serveAsr } from './asr-connection.ts'
import type { RecogniseBackend, SynthesiseBackend } from './backends.ts'
import { refuseUpgrade } from './http-refusal.ts'
import { DEFAULT_CONNECTIONS, MAX_MESSAGE_BYTES } from './limits.ts'
import { serveTts } from './tts-connection.ts'

const AUTHORISE_DEADLINE_MS = 5_000
const SANE_REQUEST_ID = /^[A-Za-z0-9._:-]{1,64}$/

export interface StreamEndpointsOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Absent: the endpoint is not there. */
  readonly recognise?: RecogniseBackend
  readonly synthesise?: SynthesiseBackend
  /** Connections of both endpoints together; DEFAULT_CONNECTIONS unless told. */
  readonly maxConnections?: number
  /** May who sent this request use the endpoints? */
  readonly authorise: (request: IncomingMessage) => Promise<Result<void, ParleyError>>
  readonly isOriginAllowed: (origin: string, host: string | undefined) => boolean
  /** PING_EVERY_MS unless told. */
  readonly pingEveryMs?: number
}

export interface StreamEndpointsStats {
  /** Open now. */
  readonly connections: Readonly<Record<EndpointName, number>>
  readonly maxConnections: number
  readonly acceptedTotal: Readonly<Record<EndpointName, number>>
  /** Upgrades refused, by error code. */
  readonly refusedTotal: Readonly<Record<string, number>>
  readonly partialsSkippedTotal: number
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
  readonly #acceptedTotal = { asr: 0, tts: 0 }
  readonly #refusedTotal: Record<string, number> = {}
  #partialsSkippedTotal = 0
  #isClosed = false
  #onIdle: (() => void) | undefined

  constructor(options: StreamEndpointsOptions) {
    this.#options = options
    // What `ws` itself finds wrong in a handshake that was let through; answered in the same form as our own refusals.
    this.#sockets.on('wsClientError', (cause, socket, request) => {
      this.#refuse(socket, new ParleyError('BAD_REQUEST', { message: cause.message, cause }), requestIdOf(request))
    })
  }

  /** Is `url` the address of an endpoint? */
  handles(url: string): boolean {
    return endpointOf(url) !== undefined
  }

  get activeConnections(): number {
    return this.#open.size
  }

  stats(): StreamEndpointsStats {
    const connections = { asr: 0, tts: 0 }
    let partialsSkippedTotal = this.#partialsSkippedTotal
    for (const { endpoint, connection } of this.#open.values()) {
      connections[endpoint]++
      partialsSkippedTotal += connection.partialsSkipped
    }
    return {
      connections,
      maxConnections: this.#maxConnections,
      acceptedTotal: { ...this.#acceptedTotal },
      refusedTotal: { ...this.#refusedTotal },
      partialsSkippedTotal,
    }
  }

  /** Takes over the socket of an upgrade whose address `handles`. */
  async onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', ignore)
    const requestId = requestIdOf(request)
    const admitted = await this.#admit(request)
    if (!admitted.ok) return this.#refuse(socket, admitted.error, requestId)
    if (socket.destroyed) return
    // Nothing waits between this and the counting of the connection: a burst never gets more than there is.
    const refusal = this.#roomRefusal(admitted.value.endpoint)
    if (refusal) return this.#refuse(socket, refusal, requestId)
    socket.off('error', ignore)
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => this.#serve(webSocket, admitted.value, requestId))
  }

  /** Tells every client why, and resolves when all are gone or `withinMs` is over. Later upgrades are refused. Idempotent. */
  async close(reason: CloseReason, withinMs: number): Promise<void> {
    this.#isClosed = true
    for (const { connection } of this.#open.values()) connection.close(reason)
    if (this.#open.size > 0) {
      const idle = new Promise<void>((resolve) => {
        this.#onIdle = resolve
      })
      await withDeadline(this.#options.clock, withinMs, 'closing stream connections', idle).catch(() => {})
    }
    for (const socket of this.#open.keys()) socket.terminate()
  }

  get #maxConnections(): number {
    return this.#options.maxConnections ?? DEFAULT_CONNECTIONS
  }

  async #admit(request: IncomingMessage): Promise<Result<Admitted, ParleyError>> {
    const { recognise, synthesise, isOriginAllowed, authorise, clock, logger } = this.#options
    const endpoints = new Set<EndpointName>()
    if (recognise) endpoints.add('asr')
    if (synthesise) endpoints.add('tts')
    const { method = '', url = '', headers } = request
    const asked = { method, url, host: headers.host, origin: headers.origin }
    const checked = checkRequest(asked, { endpoints, isOriginAllowed })
    if (!checked.ok) return checked
    const authorised = await withDeadline(clock, AUTHORISE_DEADLINE_MS, 'authorising', authorise(request)).catch(
      (error: unknown) => {
        logger.error({ err: error }, 'a stream connection could not be authorised')
        return { ok: false as const, error: new ParleyError('INTERNAL') }
      },
    )
    return authorised.ok ? checked : authorised
  }

  #roomRefusal(endpoint: EndpointName): ParleyError | undefined {
    const { recognise, synthesise } = this.#options
    const backend = endpoint === 'asr' ? recognise : synthesise
    const stopping = this.#isClosed ? new ParleyError('DRAINING', { retryAfterMs: 1_000 }) : undefined
    return checkRoom(this.#open.size, this.#maxConnections, stopping ?? backend?.refusal())
  }

  #serve(socket: WebSocket, admitted: Admitted, requestId: string): void {
    const { clock, logger, recognise, synthesise, pingEveryMs } = this.#options
    const settings = {
      clock,
      logger,
      connectionId: newId('con'),
      ...(pingEveryMs === undefined ? {} : { pingEveryMs }),
    }
    const { connectionId } = settings
    logger.debug({ connectionId, requestId, endpoint: admitted.endpoint }, 'stream connection accepted')
    const connection =
      admitted.endpoint === 'asr'
        ? serveAsr(socket, recognise as RecogniseBackend, {
            ...settings,
            ...(admitted.config === undefined ? {} : { config: admitted.config }),
          })
        : serveTts(socket, synthesise as SynthesiseBackend, { ...settings, ...admitted.wish })
    this.#acceptedTotal[admitted.endpoint]++
    this.#open.set(socket, { endpoint: admitted.endpoint, connection })
    socket.once('close', () => {
      this.#open.delete(socket)
      this.#partialsSkippedTotal += connection.partialsSkipped
      if (this.#open.size === 0) this.#onIdle?.()
    })
  }

  #refuse(socket: Duplex, error: ParleyError, requestId: string): void {
    this.#refusedTotal[error.code] = (this.#refusedTotal[error.code] ?? 0) + 1
    this.#options.logger.debug({ requestId, code: error.code }, 'stream connection refused')
    refuseUpgrade(socket, error, requestId)
  }
}

function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && SANE_REQUEST_ID.test(given) ? given : newId('req')
}

const ignore = (): void => {}
