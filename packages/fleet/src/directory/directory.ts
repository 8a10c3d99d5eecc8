// The directory of the fleet: who is there, who has room, and whose each session is. A port with two implementations (in memory for one machine,
// Redis for many) that give the same answers to the same questions; SPEC.md beside it has the rules.
import type { Result } from '@parley/kernel'
import type { FullReason, SeatPolicy } from '@parley/placement'
import type { FencingToken } from './fencing-token.ts'

export type MemberKind = 'pod' | 'worker'

/** What a member says of itself; told to whoever is sent there. */
export interface MemberDescription {
  /** ASCII; the same from start to start where an operator has given it one. */
  readonly memberId: string
  readonly kind: MemberKind
  /** For example `api`, `sessions`, `calls`. */
  readonly roles: readonly string[]
  /** Addresses by what they are for. */
  readonly urls: Readonly<Record<string, string>>
  readonly version: string
}

export interface MemberCredentials {
  readonly memberId: string
  /** From `join`. */
  readonly token: FencingToken
}

export interface JoinRequest extends MemberDescription {
  /** New for each process: tells a member that comes back from another with the same id. */
  readonly incarnation: string
  /** Incarnation of the process that had the id before and is known to have ended: its lease is not waited for, its orders are taken over. */
  readonly replaces?: string
  readonly ratedSeats: number
  /** Sessions it holds already; they are re-claimed right after. */
  readonly unlistedSeats: number
  /** How long the membership lasts without a report. */
  readonly leaseMs: number
  /** The greatest token it has seen: nothing that is granted from now on is older. */
  readonly lastToken?: FencingToken
  /** What is left of a drain that a directory which has forgotten it had told the member of. */
  readonly drainWithinMs?: number
}

/** What the fleet wants of a member, and what it holds in the directory's eyes. */
export interface MemberOrders {
  readonly isDraining: boolean
  /** Until when it is to be empty; 0 when that is over. Absent when it does not drain. */
  readonly drainLeftMs?: number
  readonly ratedSeats: number
  readonly heldSeats: number
  readonly reservedSeats: number
}

export interface Joined {
  readonly token: FencingToken
  readonly orders: MemberOrders
}

export interface LoadReport {
  /** Sessions it holds that the directory does not know: admitted while it was away. */
  readonly unlistedSeats: number
  /** Sessions so young that `headroomRatios` do not show them yet. */
  readonly warmingSeats: number
  /** Of each resource, 0 (at its bound) to 1 (idle). */
  readonly headroomRatios: Readonly<Record<string, number>>
  /**
   * What placement goes by; the scarcest of `headroomRatios` unless told: a member knows which of its resources bound it and which only say where a
   * session is better off.
   */
  readonly placingRatio?: number
  readonly leaseMs: number
}

/** Which members may get a session, and which of them does. */
export interface PlacementWish {
  readonly role: string
  readonly policy: SeatPolicy
  /** 0 to 2^32 - 1; see `pickSeat`. */
  readonly salt: number
  /** Only this one: its seats bind it, not its headroom. Sessions that come to a pod from one that is lost are not turned away for being many. */
  readonly only?: string
  /** None of these. */
  readonly exclude?: readonly string[]
  /** How long the seat waits for its session. */
  readonly reserveMs: number
}

export interface ClaimRequest extends PlacementWish {
  readonly sessionId: string
  readonly by: MemberCredentials
  /** The session has been somewhere: while the directory is settling, its incumbent comes first. */
  readonly isResume?: boolean
  /** The greatest token that whoever resumes has seen, from what this platform has signed: the one granted is greater. */
  readonly lastToken?: FencingToken
  /** Whose session it is: claims of one user beyond the limit are refused. */
  readonly user?: ClaimingUser
}

export interface ClaimingUser {
  /** What the user is known by; letters, digits, - and _. */
  readonly key: string
  /** Sessions of that user at a time, in the whole fleet. */
  readonly limit: number
}

export interface SessionCredentials {
  readonly sessionId: string
  /** From `claim`, `move` or `reclaim`. */
  readonly token: FencingToken
}

export interface Placement extends MemberDescription {
  /** The session's, at that member. */
  readonly token: FencingToken
}

export interface Located extends Placement {
  /** `orphan`: its member is gone; whoever claims it has it. */
  readonly state: 'reserved' | 'held' | 'orphan'
}

export interface MoveRequest extends PlacementWish {
  readonly session: SessionCredentials
  readonly by: MemberCredentials
}

export interface MemberStatus extends MemberDescription {
  /** `lost`: its lease was over; it is remembered for a while. */
  readonly state: 'serving' | 'draining' | 'lost'
  readonly drainLeftMs?: number
  readonly ratedSeats: number
  readonly heldSeats: number
  readonly reservedSeats: number
  readonly unlistedSeats: number
  readonly warmingSeats: number
  readonly headroomRatios: Readonly<Record<string, number>>
  /** Since the last report, or since it joined. */
  readonly ageMs: number
}

export type DirectoryChange =
  | { readonly kind: 'joined' | 'left' | 'lost' | 'draining' | 'serving' | 'rated'; readonly memberId: string }
  /** Changes may have been missed: look again. */
  | { readonly kind: 'resync' }

export type FencedReason =
  /** The directory has no such member: it never joined, left, or the directory has forgotten everybody. */
  | 'unknown'
  /** Its lease was over. */
  | 'lost'
  /** It joined again, or its id is another's now. */
  | 'replaced'

export type DirectoryRefusal = { readonly message: string } & (
  | { readonly code: 'DIRECTORY_AWAY'; readonly retryAfterMs: number }
  /** Join again, with `lastToken`, then re-claim. */
  | { readonly code: 'MEMBER_FENCED'; readonly reason: FencedReason }
  /** Another process has that id. */
  | { readonly code: 'MEMBER_EXISTS'; readonly retryAfterMs: number }
  | { readonly code: 'MEMBER_UNKNOWN' }
  | { readonly code: 'FLEET_FULL'; readonly reason: FullReason; readonly retryAfterMs: number }
  | { readonly code: 'USER_FULL'; readonly limit: number }
  | { readonly code: 'SESSION_TAKEN'; readonly owner: string; readonly token: FencingToken }
  | { readonly code: 'SESSION_NOT_OWNED' }
  | { readonly code: 'RESERVATION_OVER' }
  | { readonly code: 'DIRECTORY_SETTLING'; readonly retryAfterMs: number }
)
export type DirectoryRefusalCode = DirectoryRefusal['code']
export type Answer<T> = Promise<Result<T, DirectoryRefusal>>

export type DirectoryState =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'away'
      /** One sentence for a person. */
      readonly problem: string
      /** Trying again does not help: the configuration is wrong. */
      readonly isMisconfigured: boolean
    }

/** No method rejects or takes longer than its deadline: what went wrong is a refusal. */
export interface FleetDirectory {
  readonly state: DirectoryState
  /** What its operator should know though it works; one sentence each. */
  readonly warnings: readonly string[]
  onState(listener: (state: DirectoryState) => void): () => void

  /** The same incarnation may join again at any time; its sessions are orphans until it re-claims them. */
  join(request: JoinRequest): Answer<Joined>
  /** Renews the lease. */
  report(by: MemberCredentials, load: LoadReport): Answer<MemberOrders>
  /** Its sessions are orphans from now on. */
  leave(by: MemberCredentials): Answer<void>

  /**
   * Chooses a pod and reserves a seat there, in one step. When the answer is lost (DIRECTORY_AWAY) a reservation may be left behind: it ends by itself;
   * claim again for another id, or `locate` this one.
   */
  claim(request: ClaimRequest): Answer<Placement>
  /** The session has come: its seat is held. Of a move: the caller is the owner from now on. Twice is once. */
  confirm(by: MemberCredentials, session: SessionCredentials): Answer<void>
  /** The session, its reservation or, with the target's token, its move is over. Twice is once. */
  release(session: SessionCredentials): Answer<void>
  /** Undefined: no such session. */
  locate(sessionId: string): Answer<Located | undefined>
  /** Reserves a seat elsewhere; the owner stays owner until the target confirms. A later move replaces an earlier one. */
  move(request: MoveRequest): Answer<Placement>
  /** Sessions that the member holds are its own again, unless somebody else has them: one answer each, in their order. */
  reclaim(
    by: MemberCredentials,
    sessions: readonly SessionCredentials[],
  ): Answer<readonly Result<FencingToken, DirectoryRefusal>[]>

  /** No new sessions; those there are go elsewhere within that time. Again: a new time. */
  drain(memberId: string, withinMs: number): Answer<void>
  undrain(memberId: string): Answer<void>
  rate(memberId: string, ratedSeats: number): Answer<void>
  /** Everybody, by id. */
  members(): Answer<readonly MemberStatus[]>
  watch(listener: (change: DirectoryChange) => void): () => void
}

/** Reservations and the like are at most this long in the way; also the advice when nothing is known. */
export const MAX_RETRY_AFTER_MS = 2_000
export const MIN_RETRY_AFTER_MS = 250
/** After it has lost what it knew, the directory lets incumbents re-claim their sessions before anybody else may take them over. */
export const SETTLE_MS = 10_000
/** How long sessions of members that are gone can be taken over, and how long such members are shown. */
export const ORPHAN_MS = 600_000
export const DEFAULT_LEASE_MS = 4_000
export const DEFAULT_REPORT_PERIOD_MS = 1_000
export const DEFAULT_RESERVE_MS = 15_000
