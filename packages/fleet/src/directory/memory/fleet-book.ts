// The state of the directory in memory and what happens to it as time goes on: grants, seats, loss of members. Synchronous: a step is never
// interrupted, which is what makes choosing and reserving one.
import { pickSeat, type SeatPick } from '@parley/placement'
import {
  type ClaimingUser,
  type DirectoryChange,
  type DirectoryRefusal,
  MAX_RETRY_AFTER_MS,
  type MemberCredentials,
  MIN_RETRY_AFTER_MS,
  ORPHAN_MS,
  type PlacementWish,
} from '../directory.ts'
import { compareTokens, type FencingToken } from '../fencing-token.ts'
import { refusals } from '../refusals.ts'
import { candidateOf, type MemberRecord, type SessionRecord } from './records.ts'

export class FleetBook {
  readonly members = new Map<string, MemberRecord>()
  readonly sessions = new Map<string, SessionRecord>()
  /** Sessions of each user; those that are over stay until its limit is reached. */
  readonly #ofUsers = new Map<string, Set<string>>()
  readonly beganAtMs: number
  readonly #tell: (change: DirectoryChange) => void
  #token: FencingToken
  /** Nothing falls due before; too early is harmless. */
  #nextDueMs = Number.POSITIVE_INFINITY

  constructor(epoch: number, nowMs: number, tell: (change: DirectoryChange) => void) {
    this.#token = { epoch, counter: 0 }
    this.beganAtMs = nowMs
    this.#tell = tell
  }

  get lastToken(): FencingToken {
    return this.#token
  }

  nextToken(): FencingToken {
    this.#token = { epoch: this.#token.epoch, counter: this.#token.counter + 1 }
    return this.#token
  }

  /** From now on every token is greater than `seen`. */
  outrun(seen: FencingToken): void {
    if (compareTokens(seen, this.#token) > 0) this.#token = { epoch: seen.epoch + 1, counter: 0 }
  }

  tell(kind: Exclude<DirectoryChange['kind'], 'resync'>, memberId: string): void {
    this.#tell({ kind, memberId })
  }

  /** Undefined when `by` may act. */
  fence({ memberId, token }: MemberCredentials): DirectoryRefusal | undefined {
    const member = this.members.get(memberId)
    if (!member) return refusals.fenced(memberId, 'unknown')
    if (compareTokens(member.token, token) !== 0) return refusals.fenced(memberId, 'replaced')
    return member.isLost ? refusals.fenced(memberId, 'lost') : undefined
  }

  /** Alive, whether it drains or not. */
  alive(memberId: string): MemberRecord | undefined {
    const member = this.members.get(memberId)
    return member?.isLost ? undefined : member
  }

  setUntil(record: { untilMs: number }, untilMs: number): void {
    record.untilMs = untilMs
    this.dueAt(untilMs)
  }

  dueAt(untilMs: number): void {
    this.#nextDueMs = Math.min(this.#nextDueMs, untilMs)
  }

  /** Ends what is over at `nowMs`: leases, then reservations, moves and what is only remembered. */
  sweep(nowMs: number): void {
    if (nowMs < this.#nextDueMs) return
    for (const member of [...this.members.values()]) {
      if (member.untilMs > nowMs) continue
      if (member.isLost) this.members.delete(member.description.memberId)
      else this.lose(member, 'lost', nowMs)
    }
    for (const session of [...this.sessions.values()]) {
      if (session.next && session.next.untilMs <= nowMs) this.endMove(session)
      if (session.untilMs <= nowMs) this.end(session)
    }
    this.#nextDueMs = Number.POSITIVE_INFINITY
    for (const { untilMs } of this.members.values()) this.dueAt(untilMs)
    for (const { untilMs, next } of this.sessions.values()) this.dueAt(Math.min(untilMs, next?.untilMs ?? untilMs))
  }

  /** The member is gone: what it held is orphaned, what was reserved there is over. */
  lose(member: MemberRecord, kind: 'lost' | 'left' | undefined, nowMs: number): void {
    const { memberId } = member.description
    member.isLost = true
    this.setUntil(member, nowMs + ORPHAN_MS)
    for (const sessionId of [...member.sessions]) {
      const session = this.sessions.get(sessionId) as SessionRecord
      if (session.next?.memberId === memberId) this.endMove(session)
      if (session.memberId !== memberId) continue
      if (session.state === 'reserved') this.end(session)
      else this.#orphan(session, member.incarnation, nowMs)
    }
    member.sessions.clear()
    member.heldSeats = 0
    member.reservedSeats = 0
    if (kind) this.tell(kind, memberId)
  }

  /** False: the user has as many sessions as it may. */
  mayClaim({ key, limit }: ClaimingUser, sessionId: string): boolean {
    const known = this.#ofUsers.get(key)
    if (!known || known.size < limit) return true
    for (const other of known) if (other === sessionId || !this.sessions.has(other)) known.delete(other)
    return known.size < limit
  }

  claimed({ key }: ClaimingUser, sessionId: string): void {
    const known = this.#ofUsers.get(key)
    if (known) known.add(sessionId)
    else this.#ofUsers.set(key, new Set([sessionId]))
  }

  /** Forgets the session and frees what it has. */
  end(session: SessionRecord): void {
    this.endMove(session)
    const member = session.state === 'orphan' ? undefined : this.members.get(session.memberId)
    if (member) {
      member.sessions.delete(session.sessionId)
      if (session.state === 'held') member.heldSeats--
      else member.reservedSeats--
    }
    this.sessions.delete(session.sessionId)
  }

  endMove(session: SessionRecord): void {
    const target = session.next && this.members.get(session.next.memberId)
    session.next = undefined
    if (!target) return
    target.sessions.delete(session.sessionId)
    target.reservedSeats--
  }

  pick(
    wish: PlacementWish,
    nowMs: number,
  ): SeatPick<{ readonly member: MemberRecord } & ReturnType<typeof candidateOf>> {
    const candidates = [...this.members.values()].filter(
      ({ isLost, description: { memberId, kind, roles } }) =>
        !isLost &&
        kind === 'pod' &&
        roles.includes(wish.role) &&
        (wish.only === undefined || wish.only === memberId) &&
        !wish.exclude?.includes(memberId),
    )
    // One that is asked for by name is bound by its seats alone.
    const bound = wish.only === undefined ? {} : { headroomRatio: Number.POSITIVE_INFINITY, warmingSeats: 0 }
    return pickSeat(
      candidates.map((member) => ({ ...candidateOf(member, nowMs), ...bound })),
      wish.policy,
      wish.salt,
    )
  }

  /** When the first reservation is over, within bounds. */
  retryAfterMs(nowMs: number): number {
    let firstMs = nowMs + MAX_RETRY_AFTER_MS
    for (const { state, untilMs, next } of this.sessions.values()) {
      if (state === 'reserved') firstMs = Math.min(firstMs, untilMs)
      if (next) firstMs = Math.min(firstMs, next.untilMs)
    }
    return Math.max(MIN_RETRY_AFTER_MS, Math.ceil(firstMs - nowMs))
  }

  #orphan(session: SessionRecord, incarnation: string, nowMs: number): void {
    session.state = 'orphan'
    session.incarnation = incarnation
    this.setUntil(session, nowMs + ORPHAN_MS)
  }
}
