// Where pods connect: lets in only who holds a token of the fleet, and reports the worker's load to everyone who is in.
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Clock, Scope } from '@parley/kernel'
import { CLOSE_REASONS, LINK_SUBPROTOCOL, MAX_LINK_MESSAGE_BYTES } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import { WebSocketServer } from 'ws'
import type { HostContext } from './host-context.ts'
import { identityOf, podOfToken } from './link-auth.ts'
import type { LinkRefusals } from './link-refusals.ts'
import { refuseUpgrade } from './listener.ts'
import type { LoadMeter } from './load-meter.ts'
import { PodLink } from './pod-link.ts'
import { type GivesWay, SessionFences } from './session-fences.ts'

const REPORT_PERIOD_MS = 1_000
/** Changes within this time are told in one report. */
const REPORT_DELAY_MS = 10
const MAX_LINKS = 64

export interface LinkServerOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly fleetSecret: string
  readonly workerId: string
  readonly streams: Omit<HostContext, 'fences' | 'onSlotsChanged'>
  readonly meter: LoadMeter
  readonly refusals: LinkRefusals
}

export class LinkServer {
  readonly #options: LinkServerOptions
  readonly #scope: Scope
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_LINK_MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(LINK_SUBPROTOCOL) ? LINK_SUBPROTOCOL : false),
  })
  readonly #links = new Set<PodLink>()
  readonly #fences = new SessionFences<GivesWay>()
  #isReportDue = false
  #isTextDue = false

  constructor(options: LinkServerOptions) {
    this.#options = options
    this.#scope = new Scope(options.clock)
    this.#scope.every(REPORT_PERIOD_MS, () => this.#report())
  }

  get linkCount(): number {
    return this.#links.size
  }
  get streamCount(): number {
    let count = 0
    for (const link of this.#links) count += link.streamCount
    return count
  }

  /** Lets no one in any more, ends every link; resolves when their slots are free. Idempotent. */
  async close(): Promise<void> {
    await this.#scope.close()
    const { closeCode } = CLOSE_REASONS.shutting_down
    await Promise.all([...this.#links].map((link) => link.close('the worker is stopping', closeCode)))
  }

  /** An upgrade asked for at the link's path. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { fleetSecret, workerId, clock, refusals } = this.#options
    socket.on('error', ignore)
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
    const pod = await podOfToken(fleetSecret, workerId, request.headers.authorization, clock.wallMs())
    const from = request.socket.remoteAddress ?? 'a socket that is gone'
    if (this.#scope.isClosed) return refuseUpgrade(socket, '503 Service Unavailable')
    if (!pod.ok) {
      const { authorization, 'parley-nonce': nonce } = request.headers
      const identity = authorization === undefined ? identityOf(fleetSecret, workerId, nonce) : undefined
      if (!identity) refusals.note(pod.error, from)
      return refuseUpgrade(socket, '401 Unauthorized', identity ? { 'WWW-Authenticate': identity } : {})
    }
    if (this.#links.size >= MAX_LINKS) {
      refusals.note('too_many_links', from)
      return refuseUpgrade(socket, '503 Service Unavailable')
    }
    if (!offered.includes(LINK_SUBPROTOCOL)) {
      refusals.note('version', from)
      return refuseUpgrade(socket, '400 Bad Request')
    }
    if (socket.destroyed) return
    this.#admit(pod.value, request, socket, head)
  }

  #admit(podId: string, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.off('error', ignore)
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const { clock, logger, fleetSecret, workerId, meter, streams, refusals } = this.#options
      const link = new PodLink(webSocket, {
        clock,
        logger,
        fleetSecret,
        workerId,
        podId,
        host: { ...streams, fences: this.#fences, onSlotsChanged: () => this.reportSoon() },
        load: () => meter.read(),
        onVersionRefused: () => refusals.note('version', podId),
        onClosed: (closed) => this.#links.delete(closed),
      })
      this.#links.add(link)
    })
  }

  /** The load has changed: pods are told, within REPORT_DELAY_MS. */
  reportSoon(): void {
    if (this.#isReportDue || this.#links.size === 0) return
    this.#isReportDue = true
    this.#scope.after(REPORT_DELAY_MS, () => {
      this.#isReportDue = false
      this.#report()
    })
  }

  /** What the engines for texts can do has changed: pods are told, within REPORT_DELAY_MS. */
  textEnginesChanged(): void {
    this.reportSoon()
    if (this.#isTextDue || this.#links.size === 0) return
    this.#isTextDue = true
    this.#scope.after(REPORT_DELAY_MS, () => {
      this.#isTextDue = false
      for (const link of this.#links) link.tellTextEngines()
    })
  }

  #report(): void {
    for (const link of this.#links) link.report()
  }
}

const ignore = (): void => {}
