// A SessionService that remembers what it was asked. For tests of the layers above it.
import { err, newId, ok, systemClock } from '@parley/kernel'
import { type CreateSession, type HistoryQuery, ParleyError, type SessionView } from '@parley/protocol'
import { SessionRegistry } from '@parley/sessions'
import type { WebSocket } from 'ws'
import type { Principal } from '../identity/identity-port.ts'
import { SessionMessages } from '../sessions/session-messages.ts'
import type { Peer, PublicUrls, SessionService, SessionStats } from '../sessions/session-service.ts'

export const NO_STATS: SessionStats = {
  opening: 0,
  active: 0,
  suspended: 0,
  seats: 10,
  sockets: 0,
  watchers: 0,
  createdTotal: 0,
  refusedTotal: {},
  closedTotal: {},
  translationsTotal: {},
  polishedTotal: {},
  speechesTotal: {},
  voicesTotal: {},
  speechFramesTotal: 0,
  resumedTotal: 0,
  replacedTotal: 0,
  truncatedTotal: 0,
  historyBytes: 0,
  audioFramesTotal: 0,
  audioFramesUdpTotal: 0,
  audioFramesDuplicateTotal: 0,
  audioFramesLateTotal: 0,
  audioFramesTooFastTotal: 0,
  audioBytesTotal: 0,
  controlMessagesInTotal: 0,
  messagesOutTotal: 0,
  bytesOutTotal: 0,
  partialsTotal: 0,
  partialsCoalescedTotal: 0,
  finalsTotal: 0,
  abandonedTotal: 0,
  errorsTotal: {},
}

export interface CreateCall {
  readonly principal: Principal
  readonly body: CreateSession
  readonly urls: PublicUrls
}

export class FakeSessions implements SessionService {
  readonly watchers = {
    serve: (): never => {
      throw new Error('nobody watches fake sessions from elsewhere')
    },
  }
  readonly messages = new SessionMessages(systemClock, new SessionRegistry(), 'pod_x')
  readonly creates: CreateCall[] = []
  readonly attached: { readonly socket: WebSocket; readonly peer: Peer }[] = []
  readonly historyQueries: HistoryQuery[] = []
  readonly closedWith: string[] = []
  /** What `create` answers instead of a session. */
  refusal: ParleyError | undefined
  /** What `create` throws. */
  failure: Error | undefined
  figures: SessionStats = NO_STATS
  /** `close` waits for this; for ever when nobody resolves it. */
  closeWaitsFor: Promise<void> = Promise.resolve()
  readonly #views = new Map<string, SessionView>()

  async create(principal: Principal, body: CreateSession, urls: PublicUrls) {
    this.creates.push({ principal, body, urls })
    if (this.failure) throw this.failure
    if (this.refusal) return err(this.refusal)
    const sessionId = newId('ses')
    this.#views.set(sessionId, {
      sessionId,
      podId: 'pod_x',
      state: 'opening',
      language: body.language ?? 'en',
      user: body.user ?? principal.user ?? 'nobody',
      createdAtMs: 1,
      audioMs: 0,
      audioTransport: 'none',
      finals: 0,
      watchers: 0,
      metadata: body.metadata ?? {},
    })
    return ok({ sessionId, ticket: 'ticket', ticketExpiresAtMs: 2, url: urls.wsUrl, language: body.language ?? 'en' })
  }

  countRefusal(): void {}

  view(_principal: Principal, sessionId: string) {
    const view = this.#views.get(sessionId)
    return view ? ok(view) : err(new ParleyError('SESSION_UNKNOWN'))
  }

  history(_principal: Principal, sessionId: string, query: HistoryQuery) {
    this.historyQueries.push(query)
    if (!this.#views.has(sessionId)) return err(new ParleyError('SESSION_UNKNOWN'))
    return ok({ sessionId, firstSeq: 1, lastSeq: 2, events: ['{"seq":1}', '{"seq":2}'], more: false })
  }

  remove(_principal: Principal, sessionId: string) {
    return this.#views.delete(sessionId) ? ok(undefined) : err(new ParleyError('SESSION_UNKNOWN'))
  }

  async createWatchLink(_principal: Principal, sessionId: string, lifetimeMs: number | undefined, urls: PublicUrls) {
    if (!this.#views.has(sessionId)) return err(new ParleyError('SESSION_UNKNOWN'))
    const pageUrl = `${urls.pageUrl}watch#token=t`
    return ok({ linkId: newId('wat'), token: 't', url: urls.wsUrl, pageUrl, expiresAtMs: lifetimeMs ?? 0 })
  }

  revokeWatchLink(_principal: Principal, sessionId: string, linkId: string) {
    if (!this.#views.has(sessionId)) return err(new ParleyError('SESSION_UNKNOWN'))
    return linkId.startsWith('wat_') ? ok(undefined) : err(new ParleyError('NOT_FOUND'))
  }

  attach(socket: WebSocket, peer: Peer): void {
    this.attached.push({ socket, peer })
  }

  stats(): SessionStats {
    return this.figures
  }

  list(): readonly SessionView[] {
    return [...this.#views.values()]
  }

  async close(reason: string): Promise<void> {
    this.closedWith.push(reason)
    for (const { socket } of this.attached) socket.close(1001)
    await this.closeWaitsFor
  }
}
