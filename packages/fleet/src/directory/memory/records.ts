// What the directory in memory knows of members and sessions, as plain records.
import type { SeatCandidate } from '@parley/placement'
import type { JoinRequest, LoadReport, MemberDescription, MemberOrders, MemberStatus } from '../directory.ts'
import type { FencingToken } from '../fencing-token.ts'

export interface MemberRecord {
  readonly description: MemberDescription
  readonly incarnation: string
  /** `hash32` of its id. */
  readonly hash: number
  readonly token: FencingToken
  isLost: boolean
  /** While alive: the end of its lease. While lost: when it is forgotten. */
  untilMs: number
  drainUntilMs: number | undefined
  ratedSeats: number
  heldSeats: number
  reservedSeats: number
  unlistedSeats: number
  warmingSeats: number
  /** Since the last report. */
  claims: number
  headroomRatios: Readonly<Record<string, number>>
  /** What placement goes by. */
  placingRatio: number
  reportedAtMs: number
  /** Sessions it owns or that are to move to it. */
  readonly sessions: Set<string>
}

export interface PendingMove {
  readonly memberId: string
  readonly token: FencingToken
  readonly untilMs: number
}

export interface SessionRecord {
  readonly sessionId: string
  memberId: string
  token: FencingToken
  state: 'reserved' | 'held' | 'orphan'
  /** Reserved: until when. Orphan: when it is forgotten. Held: never. */
  untilMs: number
  next: PendingMove | undefined
  /** Orphan: the process that had it. */
  incarnation?: string
}

export function newMember(request: JoinRequest, hash: number, token: FencingToken, nowMs: number): MemberRecord {
  const { memberId, kind, roles, urls, version } = request
  return {
    description: { memberId, kind, roles, urls, version },
    incarnation: request.incarnation,
    hash,
    token,
    isLost: false,
    untilMs: nowMs + request.leaseMs,
    drainUntilMs: request.drainWithinMs === undefined ? undefined : nowMs + request.drainWithinMs,
    ratedSeats: wholeSeats(request.ratedSeats),
    heldSeats: 0,
    reservedSeats: 0,
    unlistedSeats: wholeSeats(request.unlistedSeats),
    warmingSeats: 0,
    claims: 0,
    headroomRatios: {},
    placingRatio: UNKNOWN_HEADROOM,
    reportedAtMs: nowMs,
    sessions: new Set(),
  }
}

export function takeReport(member: MemberRecord, load: LoadReport, nowMs: number): void {
  member.untilMs = nowMs + load.leaseMs
  member.unlistedSeats = wholeSeats(load.unlistedSeats)
  member.warmingSeats = wholeSeats(load.warmingSeats)
  member.headroomRatios = measured(load.headroomRatios)
  member.placingRatio = placingRatio(load)
  member.claims = 0
  member.reportedAtMs = nowMs
}

export function ordersOf(member: MemberRecord, nowMs: number): MemberOrders {
  const { ratedSeats, heldSeats, reservedSeats } = member
  return {
    ...drainOf(member, nowMs),
    isDraining: member.drainUntilMs !== undefined,
    ratedSeats,
    heldSeats,
    reservedSeats,
  }
}

export function statusOf(member: MemberRecord, nowMs: number): MemberStatus {
  const { ratedSeats, heldSeats, reservedSeats, unlistedSeats, warmingSeats, headroomRatios } = member
  const whileAlive = member.drainUntilMs === undefined ? 'serving' : 'draining'
  return {
    ...member.description,
    ...drainOf(member, nowMs),
    state: member.isLost ? 'lost' : whileAlive,
    ratedSeats,
    heldSeats,
    reservedSeats,
    unlistedSeats,
    warmingSeats,
    headroomRatios,
    ageMs: Math.round(nowMs - member.reportedAtMs),
  }
}

/** Described like this: the member of an orphan when it is forgotten. */
export const NOBODY = { kind: 'pod', roles: [], urls: {}, version: '' } as const

/** Headroom of a member that has told of no resource: only its seats bound it. `join.lua` writes it too. */
const UNKNOWN_HEADROOM = 1_000_000

/** The scarcest of the resources. */
const scarcest = (headroomRatios: Readonly<Record<string, number>>): number =>
  Math.min(UNKNOWN_HEADROOM, ...Object.values(headroomRatios))

/** What placement goes by. */
export const placingRatio = (load: LoadReport): number =>
  load.placingRatio !== undefined && Number.isFinite(load.placingRatio)
    ? load.placingRatio
    : scarcest(measured(load.headroomRatios))

/** Those that are numbers: what could not be measured says nothing. */
export const measured = (headroomRatios: Readonly<Record<string, number>>): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(headroomRatios).filter(([, ratio]) => Number.isFinite(ratio)))

/** A number of seats as it counts: whole, and never less than none. */
export const wholeSeats = (seats: number): number => (Number.isFinite(seats) ? Math.max(0, Math.floor(seats)) : 0)

export function candidateOf(member: MemberRecord, nowMs: number): SeatCandidate & { readonly member: MemberRecord } {
  return {
    member,
    hash: member.hash,
    isServing: member.drainUntilMs === undefined,
    ratedSeats: member.ratedSeats,
    takenSeats: member.heldSeats + member.reservedSeats + member.unlistedSeats,
    headroomRatio: member.placingRatio,
    warmingSeats: member.warmingSeats + member.claims,
    ageMs: nowMs - member.reportedAtMs,
  }
}

function drainOf({ drainUntilMs }: MemberRecord, nowMs: number): { drainLeftMs?: number } {
  return drainUntilMs === undefined ? {} : { drainLeftMs: Math.max(0, Math.round(drainUntilMs - nowMs)) }
}
