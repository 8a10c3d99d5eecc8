// Everything the HTTP routes and the WebSocket upgrade ask of sessions. Implemented by pod-sessions.ts.
import type { FencingToken } from '@parley/fleet'
import type { Result } from '@parley/kernel'
import type {
  CloseReason,
  CreateSession,
  ErrorCode,
  HistoryQuery,
  ParleyError,
  SessionCheckpoint,
  SessionCreated,
  SessionView,
  WatchLink,
} from '@parley/protocol'
import type { Session } from '@parley/sessions'
import type { WebSocket } from 'ws'
import type { Principal } from '../identity/identity-port.ts'
import type { SessionMessages } from './session-messages.ts'
import type { WatcherService } from './watch-port.ts'

/** Addresses as the caller of this request can reach them; derived from server.publicUrl or the request. */
export interface PublicUrls {
  /** ws(s)://host/p/<podId>/v1/ws */
  readonly wsUrl: string
  /** http(s)://host/ */
  readonly pageUrl: string
}

export interface Peer {
  /** The client's address, after trusted proxies. */
  readonly address: string
  readonly requestId: string
  readonly wsUrl: string
  /** Nobody on the way can read what is sent: TLS, or this very machine with no proxy in between. */
  readonly mayCarryKeys: boolean
}

export interface HistoryPage {
  readonly sessionId: string
  /** seq of the oldest event that is kept; 0 = none. */
  readonly firstSeq: number
  readonly lastSeq: number
  /** JSON of each, as it was sent. */
  readonly events: readonly string[]
  readonly more: boolean
}

/** Of a session whose seat was given elsewhere. */
export interface Placed {
  readonly sessionId: string
  /** Called when it is admitted here, before anybody can come for it. */
  readonly onAdmitted: () => void
}

/** Who keeps the seats of this pod. */
export interface SessionSeats {
  /** How many there are. */
  seats(): number
  /** The client of the session has come for the first time. */
  came(sessionId: string): void
  /** The session is over; told once, also of one whose client never came. */
  ended(sessionId: string): void
  /** The token it is held with here; undefined when the fleet was not asked for it. */
  tokenOf?(sessionId: string): FencingToken | undefined
}

/** What the fleet asks of the sessions of this pod. */
export interface SessionsOfFleet {
  /** Every session there is; some may end while they are gone through. */
  live(): Iterable<Session>
  get(sessionId: string): Session | undefined
  /**
   * Goes on with a session that another pod had: it waits here for its client. Refused like a new one for want of a slot or when this pod closes;
   * the user's number of sessions does not count, it was counted before.
   */
  restore(from: SessionCheckpoint, placed: Placed): Result<Session, ParleyError>
}

export interface SessionService {
  /** Seat and slot are reserved before the first await. With an id of its own unless `placed` brings one. */
  create(
    principal: Principal,
    body: CreateSession,
    urls: PublicUrls,
    placed?: Placed,
  ): Promise<Result<SessionCreated, ParleyError>>
  /** A session was refused before this pod was asked. */
  countRefusal(code: ErrorCode): void
  /** SESSION_UNKNOWN for sessions of other tenants and, to roles user and page, of other users: existence is not told. */
  view(principal: Principal, sessionId: string): Result<SessionView, ParleyError>
  /** Events of a session that lives, page by page. SESSION_UNKNOWN as for `view`. */
  history(principal: Principal, sessionId: string, query: HistoryQuery): Result<HistoryPage, ParleyError>
  remove(principal: Principal, sessionId: string): Result<void, ParleyError>
  createWatchLink(
    principal: Principal,
    sessionId: string,
    lifetimeMs: number | undefined,
    urls: PublicUrls,
  ): Promise<Result<WatchLink, ParleyError>>
  revokeWatchLink(principal: Principal, sessionId: string, linkId: string): Result<void, ParleyError>
  /** Watchers at other pods, of sessions here. */
  readonly watchers: WatcherService
  /** Messages of backends to sessions here. */
  readonly messages: SessionMessages
  /** Takes over an upgraded socket that has not said hello; owns it from now on. */
  attach(socket: WebSocket, peer: Peer): void
  stats(): SessionStats
  /** Every session there is, of all tenants; for the admin listener only. */
  list(): readonly SessionView[]
  /** Tells every client why (`closing`), closes all sockets, frees everything. Resolves within 2 s. Idempotent. */
  close(reason: CloseReason): Promise<void>
}

/** Plain counters since start, read at scrape time. Durations in ms. */
export interface SessionStats {
  readonly opening: number
  readonly active: number
  readonly suspended: number
  readonly seats: number
  readonly sockets: number
  readonly watchers: number
  readonly createdTotal: number
  readonly refusedTotal: Readonly<Record<string, number>>
  readonly closedTotal: Readonly<Partial<Record<CloseReason, number>>>
  readonly resumedTotal: number
  readonly replacedTotal: number
  readonly truncatedTotal: number
  /** Events kept for REST and resumes, all sessions together. */
  readonly historyBytes: number
  readonly audioFramesTotal: number
  readonly audioFramesUdpTotal: number
  readonly audioFramesDuplicateTotal: number
  readonly audioFramesLateTotal: number
  readonly audioFramesTooFastTotal: number
  readonly audioBytesTotal: number
  readonly controlMessagesInTotal: number
  readonly messagesOutTotal: number
  readonly bytesOutTotal: number
  readonly partialsTotal: number
  readonly partialsCoalescedTotal: number
  readonly finalsTotal: number
  readonly abandonedTotal: number
  readonly translationsTotal: Readonly<Record<string, number>>
  readonly polishedTotal: Readonly<Record<string, number>>
  readonly speechesTotal: Readonly<Record<string, number>>
  readonly voicesTotal: Readonly<Record<string, number>>
  readonly speechFramesTotal: number
  readonly errorsTotal: Readonly<Record<string, number>>
}
