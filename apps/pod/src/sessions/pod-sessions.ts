// The sessions of this pod as the HTTP routes and the upgrade see them: admission, views, watch links, sockets in, everything out.
// Decisions are in @parley/sessions; HTTP, Origin and address limits are the routes' affair.

import type { ResolvedConfig } from '@parley/config'
import { type Clock, err, newId, ok, type Result } from '@parley/kernel'
import {
  type CloseReason,
  type CreateSession,
  type ErrorCode,
  type HistoryQuery,
  ParleyError,
  type PodId,
  type SessionCheckpoint,
  type SessionCreated,
  type SessionId,
  type SessionView,
  TICKET_LIFETIME_MS,
  type WatchLink,
  type WatchLinkId,
} from '@parley/protocol'
import {
  admit,
  type ClosedSession,
  canonicalLanguage,
  countUp,
  type HistoryBudget,
  newSessionCounters,
  OUTBOX_HIGH_WATER_BYTES,
  Session,
  type SessionHost,
  SessionRegistry,
  type SessionWitness,
} from '@parley/sessions'
import { type Logger, NO_STAGES, SPAN, type StageTimer } from '@parley/telemetry'
import type { TextService } from '@parley/text'
import type { WebSocket } from 'ws'
import { CaptionsToText } from '../bridges/captions-to-text.ts'
import { SlotToStream } from '../bridges/slot-to-stream.ts'
import { WorkersToSpeech } from '../bridges/workers-to-speech.ts'
import type { Principal, Tokens } from '../identity/identity-port.ts'
import type { Revocations } from '../identity/revocations.ts'
import type { SpeakPort, SpeechPort } from '../speech/speech-port.ts'
import { Abilities } from './abilities.ts'
import { ClientConnection, type ConnectionHost } from './client-connection.ts'
import { greet } from './greeting.ts'
import type { Adoption, ElsewhereLookup, GreetingHost } from './owner-greeting.ts'
import { RemoteWatcherSet } from './remote-watchers.ts'
import { RevokedLinks } from './revoked-links.ts'
import { maySee, userOf, viewOf } from './session-access.ts'
import { SessionMessages } from './session-messages.ts'
import type {
  HistoryPage,
  Peer,
  Placed,
  PublicUrls,
  SessionSeats,
  SessionService,
  SessionStats,
  SessionsOfFleet,
} from './session-service.ts'
import { sessionStats } from './session-stats.ts'
import { Ticker } from './ticker.ts'
import type { UdpService } from './udp-offer.ts'
import type { WatchRelay } from './watch-port.ts'

export interface PodSessionsOptions {
  readonly clock: Clock
  readonly config: Pick<ResolvedConfig, 'sessions' | 'limits' | 'text'>
  readonly podId: PodId
  readonly speech: SpeechPort
  /** Who keeps records of them; nobody does unless told. */
  readonly witness?: SessionWitness
  /** What speaks; nothing does unless told. */
  readonly speak?: SpeakPort
  /** What translates and polishes; nothing does unless told. */
  readonly text?: TextService
  /** Calls back when voices may have come or gone; never unless told. Returns what ends that. */
  readonly onVoicesChange?: (listener: () => void) => () => void
  readonly tokens: Tokens
  /** Where watch links that were revoked are told to others, and theirs are heard of; nobody else is there unless told. */
  readonly revocations?: Pick<Revocations, 'has' | 'add' | 'onAdded'>
  /** By which watchers here follow sessions of other pods; they are told where to go unless told. */
  readonly relay?: WatchRelay
  /** Undefined when UDP is switched off. */
  readonly udp?: UdpService | undefined
  /** Of this loop; nobody measures unless told. */
  readonly stages?: StageTimer
  /** Who keeps the seats; `sessions.seats` of the configuration and nobody to tell unless told. */
  readonly seats?: SessionSeats
  /** What a client is told whose session is not here, by the address it came to; SESSION_UNKNOWN unless told. */
  readonly elsewhere?: ElsewhereLookup
  /** WebSocket addresses of the fleet, for a client that came to `ownUrl`; that one unless told. */
  readonly entryUrls?: (ownUrl: string) => readonly string[]
  /** Takes a session over whose client comes here and whose pod is gone; nobody does unless told. */
  readonly adopt?: Adoption | undefined
  readonly logger: Logger
}

const DEFAULT_LANGUAGE = 'en'
/** Events of one answer of the history, unless told. */
const DEFAULT_PAGE_EVENTS = 200
const DEFAULT_LINK_LIFETIME_MS = 3_600_000
/** After this, `close` cuts whatever is still connected. */
const CLOSE_DEADLINE_MS = 1_800
const NO_METADATA: Readonly<Record<string, string>> = Object.freeze({})

export function createPodSessions(options: PodSessionsOptions): SessionService & SessionsOfFleet {
  return new PodSessions(options)
}

class PodSessions implements SessionService, SessionsOfFleet {
  readonly messages: SessionMessages
  readonly watchers: RemoteWatcherSet
  readonly #options: PodSessionsOptions
  readonly #counters = newSessionCounters()
  readonly #stages: StageTimer
  readonly #registry = new SessionRegistry()
  readonly #connections = new Set<ClientConnection>()
  readonly #historyBudget: HistoryBudget
  readonly #seats: SessionSeats
  readonly #ticker: Ticker
  readonly #abilities: Abilities
  readonly #revokedLinks: RevokedLinks
  readonly #sessionHost: SessionHost
  readonly #connectionHost: ConnectionHost
  readonly #greetingHost: GreetingHost
  #closing: { readonly reason: CloseReason; readonly done: Promise<void> } | undefined
  #onEmpty: (() => void) | undefined

  constructor(options: PodSessionsOptions) {
    const { clock, config, logger, podId, tokens } = options
    this.#options = options
    this.#stages = options.stages ?? NO_STAGES
    this.#seats = options.seats ?? { seats: () => config.sessions.seats, came() {}, ended() {} }
    this.messages = new SessionMessages(clock, this.#registry, podId)
    this.#ticker = new Ticker(clock, (nowMs, latenessMs) => this.#tick(nowMs, latenessMs))
    this.#abilities = new Abilities(options)
    this.#historyBudget = { maxBytes: config.sessions.historyTotalBytes, usedBytes: 0 }
    this.#sessionHost = {
      clock,
      policy: { ticketLifetimeMs: TICKET_LIFETIME_MS, graceMs: config.sessions.graceMs },
      audioLimits: { paceRatio: config.limits.audioPaceRatio, maxBytes: config.sessions.audioBytes },
      historyLimits: { maxBytes: config.sessions.historyBytes, budget: this.#historyBudget },
      watchersPerSession: config.sessions.watchersPerSession,
      counters: this.#counters,
      stages: this.#stages,
      ...(options.speak ? { speech: new WorkersToSpeech(options.speak) } : {}),
      ...(options.text ? { text: new CaptionsToText(options.text, clock) } : {}),
      textLimits: { maxTargets: config.text.maxTargetLanguages, finalDeadlineMs: config.text.finalDeadlineMs },
      abilitiesVersion: () => this.#abilities.version,
      witness: options.witness,
      onClosed: (session, reason) => this.#forget(session, reason),
    }
    this.#greetingHost = {
      clock,
      logger,
      podId,
      graceMs: config.sessions.graceMs,
      audioPaceRatio: config.limits.audioPaceRatio,
      tokens,
      registry: this.#registry,
      isRevoked: (linkId) => options.revocations?.has('link', linkId) ?? false,
      relay: options.relay,
      udp: options.udp,
      elsewhere: options.elsewhere,
      adopt: options.adopt,
      entryUrls: options.entryUrls ?? ((ownUrl) => [ownUrl]),
      onJoined: (sessionId) => this.#seats.came(sessionId),
      fenceOf: (sessionId) => this.#seats.tokenOf?.(sessionId),
    }
    this.watchers = new RemoteWatcherSet(this.#greetingHost)
    const [registry, connections, watchers, { revocations }] = [
      this.#registry,
      this.#connections,
      this.watchers,
      options,
    ]
    this.#revokedLinks = new RevokedLinks({ registry, connections, watchers, revocations })
    this.#connectionHost = {
      clock,
      logger,
      counters: this.#counters,
      stages: this.#stages,
      outboxLimits: { highWaterBytes: OUTBOX_HIGH_WATER_BYTES, maxHeldBytes: config.sessions.outboxBytes },
      conductLimits: { controlMessagesPerSecond: config.limits.controlMessagesPerSecond },
      greet: (connection, hello) => void greet(connection, hello, this.#greetingHost),
      gone: (connection) => this.#disconnect(connection),
    }
  }

  // ---- REST ----

  async create(
    principal: Principal,
    body: CreateSession,
    urls: PublicUrls,
    placed?: Placed,
  ): Promise<Result<SessionCreated, ParleyError>> {
    const admitted = this.#admit(principal, body, placed?.sessionId)
    if (!admitted.ok) {
      this.countRefusal(admitted.error.code)
      return admitted
    }
    placed?.onAdmitted()
    const session = admitted.value
    const { id: sessionId, tenant, user, language } = session.identity
    try {
      const ticket = await this.#options.tokens.issueTicket({ sessionId, tenant, user })
      // The pod may have begun to close meanwhile, and the session with it.
      if (session.state.kind === 'closed') return err(new ParleyError('DRAINING', { retryAfterMs: 1_000 }))
      this.#counters.createdTotal++
      this.#options.logger.debug({ sessionId, tenant }, 'session reserved')
      return ok({
        sessionId,
        ticket: ticket.token,
        ticketExpiresAtMs: ticket.expiresAtMs,
        url: urls.wsUrl,
        language,
      })
    } catch (failure) {
      session.end('internal')
      throw failure
    }
  }

  countRefusal(code: ErrorCode): void {
    countUp(this.#counters.refusedTotal, code)
  }

  /** Everything that is reserved is reserved here, before anybody yields. */
  #admit(principal: Principal, body: CreateSession, placedId?: string): Result<Session, ParleyError> {
    // A call of another pod that was heard twice.
    if (placedId !== undefined && this.#registry.get(placedId)) return err(new ParleyError('SESSION_REPLACED'))
    const user = userOf(principal, body)
    if (!user.ok) return user
    const language = canonicalLanguage(body.language ?? DEFAULT_LANGUAGE)
    if (!language.ok) return language
    const { limits } = this.#options.config
    const admission = admit({
      isClosing: this.#closing !== undefined,
      sessions: this.#registry.size,
      seats: this.#seats.seats(),
      userSessions: this.#registry.countOf(principal.tenant, user.value),
      sessionsPerUser: limits.sessionsPerUser,
    })
    if (!admission.ok) return admission
    const reserved = this.#options.speech.reserve(language.value, `${principal.tenant}/${user.value}`)
    if (!reserved.ok) return reserved
    const session = new Session(
      {
        id: (placedId as SessionId | undefined) ?? newId('ses'),
        tenant: principal.tenant,
        user: user.value,
        language: language.value,
        metadata: body.metadata ?? NO_METADATA,
      },
      new SlotToStream(this.#options.speech, reserved.value),
      this.#sessionHost,
    )
    this.#registry.add(session)
    this.#ticker.start()
    return ok(session)
  }

  // ---- from pod to pod ----

  live(): Iterable<Session> {
    return this.#registry.values()
  }

  get(sessionId: string): Session | undefined {
    return this.#registry.get(sessionId)
  }

  restore(from: SessionCheckpoint, placed: Placed): Result<Session, ParleyError> {
    const { tenant, user, language, metadata } = from
    if (this.#registry.get(placed.sessionId)) return err(new ParleyError('SESSION_REPLACED'))
    if (this.#closing) return err(new ParleyError('DRAINING', { retryAfterMs: 1_000 }))
    const reserved = this.#options.speech.reserve(language, `${tenant}/${user}`)
    if (!reserved.ok) return reserved
    placed.onAdmitted()
    const identity = { id: placed.sessionId as SessionId, tenant, user, language, metadata }
    const slot = new SlotToStream(this.#options.speech, reserved.value)
    const session = new Session(identity, slot, this.#sessionHost, from)
    this.#registry.add(session)
    this.#ticker.start()
    return ok(session)
  }

  view(principal: Principal, sessionId: string): Result<SessionView, ParleyError> {
    const found = this.#find(principal, sessionId)
    return found.ok ? ok(this.#viewOf(found.value)) : found
  }

  list(): readonly SessionView[] {
    return [...this.#registry.values()].map((session) => this.#viewOf(session))
  }

  #viewOf(session: Session): SessionView {
    const { clock, podId } = this.#options
    return viewOf(session, podId, { nowMs: clock.nowMs(), wallMs: clock.wallMs() })
  }

  history(principal: Principal, sessionId: string, query: HistoryQuery): Result<HistoryPage, ParleyError> {
    const found = this.#find(principal, sessionId)
    if (!found.ok) return found
    const { feed } = found.value
    const { firstSeq, events, more } = feed.page(query.afterSeq ?? 0, query.limit ?? DEFAULT_PAGE_EVENTS)
    return ok({ sessionId, firstSeq, lastSeq: feed.seq, events: events.map((event) => event.json), more })
  }

  remove(principal: Principal, sessionId: string): Result<void, ParleyError> {
    const found = this.#find(principal, sessionId)
    if (!found.ok) return found
    found.value.end('deleted')
    return ok(undefined)
  }

  async createWatchLink(
    principal: Principal,
    sessionId: string,
    lifetimeMs: number | undefined,
    urls: PublicUrls,
  ): Promise<Result<WatchLink, ParleyError>> {
    const found = this.#find(principal, sessionId)
    if (!found.ok) return found
    const session = found.value
    const wallMs = this.#options.clock.wallMs()
    const expiresAtMs = wallMs + (lifetimeMs ?? DEFAULT_LINK_LIFETIME_MS)
    const linkId = newId('wat')
    if (!session.links.add(linkId, expiresAtMs, wallMs)) {
      const message = `the session has ${session.links.size} valid watch links, the most allowed; revoke some`
      return err(new ParleyError('RATE_LIMITED', { message }))
    }
    const token = await this.#options.tokens.issueWatchToken({ sessionId: session.id, linkId, expiresAtMs })
    this.#options.logger.info({ sessionId: session.id, linkId, expiresAtMs }, 'watch link issued')
    return ok({ linkId, token, url: urls.wsUrl, pageUrl: `${urls.pageUrl}watch#${token}`, expiresAtMs })
  }

  revokeWatchLink(principal: Principal, sessionId: string, linkId: string): Result<void, ParleyError> {
    const found = this.#find(principal, sessionId)
    if (!found.ok) return found
    const session = found.value
    const link = linkId as WatchLinkId
    const wallMs = this.#options.clock.wallMs()
    const untilMs = session.links.validUntil(link, wallMs) ?? wallMs
    if (!session.links.revoke(link)) {
      return err(new ParleyError('NOT_FOUND', { message: 'the session has no such watch link' }))
    }
    this.#revokedLinks.add(link, untilMs)
    this.#options.logger.info({ sessionId: session.id, linkId }, 'watch link revoked')
    return ok(undefined)
  }

  /** What the caller may not see is unknown to it: the answer does not tell that it exists. */
  #find(principal: Principal, sessionId: string): Result<Session, ParleyError> {
    const session = this.#registry.get(sessionId)
    if (!session || !maySee(principal, session)) return err(new ParleyError('SESSION_UNKNOWN'))
    return ok(session)
  }

  // ---- sockets ----

  attach(socket: WebSocket, peer: Peer): void {
    const connection = new ClientConnection(socket, peer, this.#connectionHost)
    this.#connections.add(connection)
    this.#ticker.start()
    if (this.#closing) connection.close(this.#closing.reason)
  }

  #disconnect(connection: ClientConnection): void {
    this.#connections.delete(connection)
    this.#restIfEmpty()
  }

  #forget(session: ClosedSession, reason: CloseReason): void {
    this.#registry.remove(session)
    this.#seats.ended(session.id)
    const { id, feed, audioMs, createdAtWallMs } = session
    const lastedMs = this.#options.clock.wallMs() - createdAtWallMs
    this.#options.logger.info(
      { sessionId: id, reason, lastedMs, audioMs: Math.round(audioMs), finals: feed.finals },
      'session closed',
    )
    this.#restIfEmpty()
  }

  #tick(nowMs: number, latenessMs: number): void {
    this.#stages.enter(SPAN.timer)
    this.#abilities.tick(nowMs)
    for (const connection of this.#connections) connection.tick(nowMs, latenessMs)
    for (const session of this.#registry.values()) session.tick(nowMs)
    this.#stages.leave()
  }

  #restIfEmpty(): void {
    if (this.#connections.size > 0) return
    this.#onEmpty?.()
    if (this.#registry.size === 0) this.#ticker.stop()
  }

  // ---- the whole ----

  stats(): SessionStats {
    const [registry, connections, counters] = [this.#registry, this.#connections, this.#counters]
    const [seats, historyBytes] = [this.#seats.seats(), this.#historyBudget.usedBytes]
    return sessionStats({ registry, connections, counters, seats, historyBytes })
  }

  close(reason: CloseReason): Promise<void> {
    this.#closing ??= { reason, done: this.#shutDown(reason) }
    return this.#closing.done
  }

  async #shutDown(reason: CloseReason): Promise<void> {
    for (const session of this.#registry.values()) session.end(reason)
    for (const connection of this.#connections) connection.close(reason)
    if (this.#connections.size > 0) {
      const deadline = Promise.withResolvers<void>()
      const timer = this.#options.clock.after(CLOSE_DEADLINE_MS, deadline.resolve)
      this.#onEmpty = deadline.resolve
      await deadline.promise
      timer.cancel()
    }
    for (const connection of this.#connections) connection.terminate()
    this.#abilities.close()
    this.#revokedLinks.close()
    this.#ticker.stop()
  }
}
