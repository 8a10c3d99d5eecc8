// Where pods connect: a WebSocket listener that lets in only who holds a token of the fleet, and reports the worker's load
// to everyone who is in.
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Clock, Scope } from '@parley/kernel'
import { CLOSE_REASONS, LINK_SUBPROTOCOL, MAX_LINK_MESSAGE_BYTES } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import { WebSocketServer } from 'ws'
import type { HostContext } from './hosted-stream.ts'
import { podOfToken } from './link-auth.ts'
import type { LoadMeter } from './load-meter.ts'
import { PodLink } from './pod-link.ts'

const REPORT_PERIOD_MS = 1_000
/** Changes within this time are told in one report. */
const REPORT_DELAY_MS = 10
const MAX_LINKS = 64
const UPGRADE_DEADLINE_MS = 5_000

export interface LinkServerOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly fleetSecret: string
  readonly workerId: string
  readonly host: string
  readonly port: number
  readonly streams: Omit<HostContext, 'onSlotsChanged'>
  readonly meter: LoadMeter
}

export class LinkServer {
  readonly #options: LinkServerOptions
  readonly #scope: Scope
  readonly #http: Server
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_LINK_MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(LINK_SUBPROTOCOL) ? LINK_SUBPROTOCOL : false),
  })
  readonly #links = new Set<PodLink>()
  #isReportDue = false
  upgradesRefusedTotal = 0

  constructor(options: LinkServerOptions) {
    this.#options = options
    this.#scope = new Scope(options.clock)
    this.#http = createServer({ requestTimeout: UPGRADE_DEADLINE_MS, headersTimeout: UPGRADE_DEADLINE_MS })
    this.#http.on('request', (_request, response) => response.writeHead(426, { connection: 'close' }).end())
    this.#http.on('upgrade', (request, socket, head) => void this.#onUpgrade(request, socket, head))
    this.#http.on('clientError', (_error, socket) => socket.destroy())
  }

  get linkCount(): number {
    return this.#links.size
  }
  get streamCount(): number {
    let count = 0
    for (const link of this.#links) count += link.streamCount
    return count
  }

  /** Binds and resolves with the ws:// address. Rejects with the system's error (EADDRINUSE, EACCES ...). */
  async start(): Promise<string> {
    const { host, port } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.#http.once('error', reject)
      this.#http.listen(port, host, () => {
        this.#http.off('error', reject)
        resolve()
      })
    })
    this.#http.on('error', (error) => this.#options.logger.error({ err: error }, 'the link listener failed'))
    this.#scope.every(REPORT_PERIOD_MS, () => this.#report())
    const address = this.#http.address() as AddressInfo
    const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
    return `ws://${name}:${address.port}`
  }

  /** Lets no one in any more, ends every link; resolves when their slots are free. Idempotent. */
  async close(): Promise<void> {
    await this.#scope.close()
    this.#http.close()
    const { closeCode } = CLOSE_REASONS.shutting_down
    await Promise.all([...this.#links].map((link) => link.close('the worker is stopping', closeCode)))
    this.#http.closeAllConnections()
  }

  async #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { fleetSecret, workerId, clock } = this.#options
    socket.on('error', ignore)
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
    const podId = await podOfToken(fleetSecret, workerId, request.headers.authorization, clock.wallMs())
    if (this.#scope.isClosed || this.#links.size >= MAX_LINKS) return this.#refuse(socket, '503 Service Unavailable')
    if (podId === undefined) return this.#refuse(socket, '401 Unauthorized')
    if (!offered.includes(LINK_SUBPROTOCOL)) return this.#refuse(socket, '400 Bad Request')
    if (socket.destroyed) return
    socket.off('error', ignore)
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const { logger, meter, streams } = this.#options
      const link = new PodLink(webSocket, {
        clock,
        logger,
        fleetSecret,
        workerId,
        podId,
        host: { ...streams, onSlotsChanged: () => this.#reportSoon() },
        load: () => meter.read(),
        onClosed: (closed) => this.#links.delete(closed),
      })
      this.#links.add(link)
    })
  }

  #refuse(socket: Duplex, status: string): void {
    this.upgradesRefusedTotal++
    this.#options.logger.warn({ status }, 'a link was refused')
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  }

  #reportSoon(): void {
    if (this.#isReportDue) return
    this.#isReportDue = true
    this.#scope.after(REPORT_DELAY_MS, () => {
      this.#isReportDue = false
      this.#report()
    })
  }

  #report(): void {
    for (const link of this.#links) link.report()
  }
}

const ignore = (): void => {}
