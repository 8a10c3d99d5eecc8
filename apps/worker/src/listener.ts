// The worker's listener: one port for links of pods, stream endpoints, health and metrics. Routes by path; knows nothing of what is
// behind a route.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import type { Duplex } from 'node:stream'
import type { Logger } from '@parley/telemetry'

const HEADERS_DEADLINE_MS = 5_000
/** For the whole request: recordings take a while to come. */
const REQUEST_DEADLINE_MS = 65_000
/** Longer than the 60 s after which common balancers drop theirs. */
const KEEP_ALIVE_MS = 65_000
const TLS_HANDSHAKE_MS = 10_000
const MAX_HEADER_BYTES = 16_384
/** Sockets in all, so that strangers cannot use up the process's file descriptors. */
const MAX_SOCKETS = 12_000

export interface TlsCredentials {
  readonly cert: Buffer
  readonly key: Buffer
}

export interface ListenerOptions {
  readonly host: string
  /** 0 = a free one. */
  readonly port: number
  /** Plain unless told. */
  readonly tls?: TlsCredentials | undefined
  readonly logger: Logger
  /** `path` has no query. */
  onRequest(path: string, request: IncomingMessage, response: ServerResponse): void
  onUpgrade(path: string, request: IncomingMessage, socket: Duplex, head: Buffer): void
}

export class WorkerListener {
  readonly #options: ListenerOptions
  readonly #server: Server

  constructor(options: ListenerOptions) {
    this.#options = options
    const settings = {
      requestTimeout: REQUEST_DEADLINE_MS,
      headersTimeout: HEADERS_DEADLINE_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      // Anything but a WebSocket (curl offers h2c, for one) is answered as the plain request it also is.
      shouldUpgradeCallback: ({ headers }: IncomingMessage) => headers.upgrade?.toLowerCase() === 'websocket',
    }
    const { tls } = options
    this.#server = tls
      ? // An https.Server is an http.Server in everything but its declared ancestry.
        (createTlsServer({
          ...settings,
          ...tls,
          minVersion: 'TLSv1.2',
          handshakeTimeout: TLS_HANDSHAKE_MS,
        }) as unknown as Server)
      : createServer(settings)
    this.#server.maxConnections = MAX_SOCKETS
    this.#server.on('request', (request, response) => options.onRequest(pathOf(request), request, response))
    this.#server.on('upgrade', (request, socket, head) => options.onUpgrade(pathOf(request), request, socket, head))
    this.#server.on('clientError', (_error, socket) => socket.destroy())
  }

  /** Binds and resolves with the ws:// or wss:// address. Rejects with the system's error (EADDRINUSE, EACCES ...). */
  async start(): Promise<string> {
    const { host, port, tls, logger } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, bareHost(host), () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
    this.#server.on('error', (error) => logger.error({ err: error }, 'the listener failed'))
    const { port: bound } = this.#server.address() as AddressInfo
    return `${tls ? 'wss' : 'ws'}://${reachableHost(bareHost(host))}:${bound}`
  }

  /** Lets no one in any more and cuts every socket that is still there. Idempotent. */
  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  /** Lets no one in any more; those that are in stay. */
  stopAccepting(): void {
    this.#server.close()
  }
}

/** Refuses an upgrade before there is a WebSocket. */
export function refuseUpgrade(socket: Duplex, status: string, headers: Readonly<Record<string, string>> = {}): void {
  socket.on('error', () => {})
  const lines = Object.entries({ Connection: 'close', 'Content-Length': '0', ...headers })
  socket.end(`HTTP/1.1 ${status}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`)
}

/** The path as it was asked for, without the query; `/` when there is none. */
function pathOf(request: IncomingMessage): string {
  const [path = '/'] = (request.url ?? '/').split('?', 1)
  return path === '' ? '/' : path
}

const bareHost = (host: string): string => host.replace(/^\[(.*)\]$/, '$1')

/** The host as pods can use it: for "every address" the first that leads outward, otherwise the machine's name. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') {
    const outward = Object.values(networkInterfaces()).flatMap((infos) =>
      (infos ?? []).filter((info) => !info.internal),
    )
    return outward.find(({ family }) => family === 'IPv4')?.address ?? hostname()
  }
  return host.includes(':') ? `[${host}]` : host
}
