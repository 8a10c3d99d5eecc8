// The public listener: plain or TLS, with every timeout Node has set. Knows nothing of routes.
import http, { type RequestListener, type Server } from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import { newId } from '@parley/kernel'
import { ParleyError } from '@parley/protocol'
import { rawProblem } from './problem.ts'

export interface ListenerTimeouts {
  /** For the request line and headers. */
  readonly headersMs: number
  /** For the whole request, body included. */
  readonly requestMs: number
  /** Idle time between requests; longer than the 60 s after which common balancers drop theirs. */
  readonly keepAliveMs: number
  /** How often Node looks for requests that are late. */
  readonly checkMs: number
}

export const DEFAULT_TIMEOUTS: ListenerTimeouts = {
  headersMs: 10_000,
  // Recordings take a while to come.
  requestMs: 65_000,
  keepAliveMs: 65_000,
  checkMs: 2_000,
}
const TLS_HANDSHAKE_MS = 10_000
const MAX_HEADER_BYTES = 16_384

export interface TlsCredentials {
  readonly cert: Buffer
  readonly key: Buffer
}

export interface ListenerOptions {
  readonly tls: TlsCredentials | undefined
  readonly timeouts: ListenerTimeouts
  /** TCP connections in all; more are dropped by the system before a byte is read. */
  readonly maxTcpConnections: number
}

export function createListener(handler: RequestListener, options: ListenerOptions): Server {
  const { tls, timeouts } = options
  const settings = {
    headersTimeout: timeouts.headersMs,
    requestTimeout: timeouts.requestMs,
    keepAliveTimeout: timeouts.keepAliveMs,
    connectionsCheckingInterval: timeouts.checkMs,
    maxHeaderSize: MAX_HEADER_BYTES,
    // Anything but a WebSocket (curl offers h2c, for one) is answered as the plain request it also is.
    shouldUpgradeCallback: ({ headers }: http.IncomingMessage) => headers.upgrade?.toLowerCase() === 'websocket',
  }
  const server = tls
    ? // An https.Server is an http.Server in everything but its declared ancestry.
      (https.createServer(
        { ...settings, ...tls, minVersion: 'TLSv1.2', handshakeTimeout: TLS_HANDSHAKE_MS },
        handler,
      ) as unknown as Server)
    : http.createServer(settings, handler)
  server.maxConnections = options.maxTcpConnections
  return server
}

/** Answers what never became a request: Node's parser or timers gave up on it. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  socket.once('finish', () => socket.destroy())
  socket.end(rawProblem(clientErrorOf(error), newId('req')))
}

function clientErrorOf(cause: NodeJS.ErrnoException): ParleyError {
  switch (cause.code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ParleyError('REQUEST_TIMEOUT', { cause })
    case 'HPE_HEADER_OVERFLOW':
      return new ParleyError('HEADERS_TOO_LARGE', { cause })
    default:
      return new ParleyError('BAD_REQUEST', { message: 'this is not an HTTP/1.1 request', cause })
  }
}
