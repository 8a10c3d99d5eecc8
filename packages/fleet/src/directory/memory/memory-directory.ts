// The directory of one machine, or of several members in one process: the whole fleet when there is no other.
import { type Clock, Emitter, err, ok, type Result } from '@parley/kernel'
import { hash32 } from '@parley/placement'
import {
  type Answer,
  type ClaimRequest,
  type DirectoryChange,
  type DirectoryRefusal,
  type DirectoryState,
  type FleetDirectory,
  type Joined,
  type JoinRequest,
  type LoadReport,
  type Located,
  type MemberCredentials,
  type MemberOrders,
  type MemberStatus,
  type MoveRequest,
  type Placement,
  type PlacementWish,
  SETTLE_MS,
  type SessionCredentials,
} from '../directory.ts'
import { compareTokens, type FencingToken } from '../fencing-token.ts'
import { refusals } from '../refusals.ts'
import { FleetBook } from './fleet-book.ts'
import {
  type MemberRecord,
  NOBODY,
  newMember,
  ordersOf,
  type SessionRecord,
  statusOf,
  takeReport,
  wholeSeats,
} from './records.ts'

type Outcome<T> = Result<T, DirectoryRefusal>
const DONE = ok(undefined)

export class MemoryDirectory implements FleetDirectory {
  readonly state: DirectoryState = { kind: 'ready' }
  readonly warnings: readonly string[] = []
  readonly #clock: Clock
  readonly #events = new Emitter<{ change: DirectoryChange; released: string }>()
  #book: FleetBook

  constructor(clock: Clock) {
    this.#clock = clock
    this.#book = this.#begin(clock.wallMs())
  }

  onState(): () => void {
    return () => {}
  }

  watch(listener: (change: DirectoryChange) => void): () => void {
    return this.#events.on('change', listener)
  }

  /** Forgets everybody, as a store does that comes back empty. */
  forget(): void {
    this.#book = this.#begin(Math.max(this.#clock.wallMs(), this.#book.lastToken.epoch + 1))
    this.#events.emit('change', { kind: 'resync' })
  }

  /** Told of each session that its owner has given back: nothing is kept of it any more. */
  onReleased(listener: (sessionId: string) => void): () => void {
    return this.#events.on('released', listener)
  }

  /** The token a session is held, reserved or orphaned with. */
  tokenOf(sessionId: string): FencingToken | undefined {
    return this.#now()[0].sessions.get(sessionId)?.token
  }

  async join(request: JoinRequest): Answer<Joined> {
    const [book, nowMs] = this.#now()
    const { memberId } = request
    const before = book.members.get(memberId)
    // Itself, or the process that is known to have ended.
    const isSame = before?.incarnation === request.incarnation || before?.incarnation === request.replaces
    if (before && !before.isLost && !isSame) return err(refusals.exists(memberId, Math.ceil(before.untilMs - nowMs)))
    if (before && !before.isLost) book.lose(before, undefined, nowMs)
    if (request.lastToken) book.outrun(request.lastToken)
    const member = newMember(request, hash32(memberId), book.nextToken(), nowMs)
    if (before && isSame) {
      member.drainUntilMs = before.drainUntilMs
      member.ratedSeats = before.ratedSeats
    }
    book.members.set(memberId, member)
    book.dueAt(member.untilMs)
    book.tell('joined', memberId)
    return ok({ token: member.token, orders: ordersOf(member, nowMs) })
  }

  async report(by: MemberCredentials, load: LoadReport): Answer<MemberOrders> {
    const [book, nowMs] = this.#now()
    const refusal = book.fence(by)
    if (refusal) return err(refusal)
    const member = book.members.get(by.memberId) as MemberRecord
    takeReport(member, load, nowMs)
    book.dueAt(member.untilMs)
    return ok(ordersOf(member, nowMs))
  }

  async leave(by: MemberCredentials): Answer<void> {
    const [book, nowMs] = this.#now()
    const refusal = book.fence(by)
    if (refusal) return err(refusal)
    book.lose(book.members.get(by.memberId) as MemberRecord, 'left', nowMs)
    book.members.delete(by.memberId)
    return DONE
  }

  async claim(request: ClaimRequest): Answer<Placement> {
    const [book, nowMs] = this.#now()
    const { sessionId, by } = request
    const refusal = book.fence(by)
    if (refusal) return err(refusal)
    const session = book.sessions.get(sessionId)
    if (session && session.state !== 'orphan') return err(refusals.taken(sessionId, session.memberId, session.token))
    const settledInMs = Math.ceil(book.beganAtMs + SETTLE_MS - nowMs)
    if (request.isResume && !session && settledInMs > 0) return err(refusals.settling(sessionId, settledInMs))
    const { user } = request
    if (user && !book.mayClaim(user, sessionId)) return err(refusals.userFull(user.limit))
    const target = pickMember(book, request, nowMs)
    if (!target.ok) return target
    if (session) book.end(session)
    if (user) book.claimed(user, sessionId)
    if (request.lastToken) book.outrun(request.lastToken)
    const token = book.nextToken()
    const untilMs = nowMs + request.reserveMs
    const { memberId } = target.value.description
    book.sessions.set(sessionId, { sessionId, memberId, token, state: 'reserved', untilMs, next: undefined })
    return ok(reserve(book, target.value, { sessionId, token, untilMs }))
  }

  async confirm(by: MemberCredentials, { sessionId, token }: SessionCredentials): Answer<void> {
    const [book] = this.#now()
    const refusal = book.fence(by)
    if (refusal) return err(refusal)
    const session = book.sessions.get(sessionId)
    if (!session) return err(refusals.reservationOver(sessionId))
    const isOwner = session.memberId === by.memberId && compareTokens(session.token, token) === 0
    if (isOwner && session.state === 'held') return DONE
    if (isOwner && session.state === 'orphan') return err(refusals.reservationOver(sessionId))
    const { next } = session
    const isTarget = next?.memberId === by.memberId && compareTokens(next.token, token) === 0
    if (!isOwner && !isTarget) return err(refusals.notOwned(sessionId, token))
    if (isTarget) book.end(session)
    const member = book.members.get(by.memberId) as MemberRecord
    if (!isTarget) member.reservedSeats--
    hold(book, member, sessionId, token)
    return DONE
  }

  async release({ sessionId, token }: SessionCredentials): Answer<void> {
    const [book] = this.#now()
    const session = book.sessions.get(sessionId)
    if (!session) return DONE
    if (compareTokens(session.token, token) === 0) {
      const wasHeld = session.state === 'held'
      book.end(session)
      if (wasHeld) this.#events.emit('released', sessionId)
    } else if (session.next && compareTokens(session.next.token, token) === 0) book.endMove(session)
    else return err(refusals.notOwned(sessionId, token))
    return DONE
  }

  async locate(sessionId: string): Answer<Located | undefined> {
    const [book] = this.#now()
    const session = book.sessions.get(sessionId)
    const member = session && book.members.get(session.memberId)
    if (!session || !member) return ok(session && { ...NOBODY, ...placed(session) })
    return ok({ ...member.description, ...placed(session) })
  }

  async move(request: MoveRequest): Answer<Placement> {
    const [book, nowMs] = this.#now()
    const { by, session: asked } = request
    const refusal = book.fence(by)
    if (refusal) return err(refusal)
    const session = book.sessions.get(asked.sessionId)
    const isOwner = session?.memberId === by.memberId && compareTokens(session.token, asked.token) === 0
    if (!isOwner || session.state !== 'held') return err(refusals.notOwned(asked.sessionId, asked.token))
    book.endMove(session)
    const target = pickMember(book, { ...request, exclude: [...(request.exclude ?? []), by.memberId] }, nowMs)
    if (!target.ok) return target
    const token = book.nextToken()
    const untilMs = nowMs + request.reserveMs
    session.next = { memberId: target.value.description.memberId, token, untilMs }
    return ok(reserve(book, target.value, { sessionId: asked.sessionId, token, untilMs }))
  }

  async reclaim(
    by: MemberCredentials,
    sessions: readonly SessionCredentials[],
  ): Answer<readonly Result<FencingToken, DirectoryRefusal>[]> {
    const [book] = this.#now()
    const refusal = book.fence(by)
    if (refusal) return err(refusal)
    const member = book.members.get(by.memberId) as MemberRecord
    return ok(sessions.map((session) => reclaimOne(book, member, session)))
  }

  async drain(memberId: string, withinMs: number): Answer<void> {
    return this.#order(memberId, 'draining', (member, nowMs) => {
      member.drainUntilMs = nowMs + withinMs
    })
  }

  async undrain(memberId: string): Answer<void> {
    return this.#order(memberId, 'serving', (member) => {
      member.drainUntilMs = undefined
    })
  }

  async rate(memberId: string, ratedSeats: number): Answer<void> {
    return this.#order(memberId, 'rated', (member) => {
      member.ratedSeats = wholeSeats(ratedSeats)
    })
  }

  async members(): Answer<readonly MemberStatus[]> {
    const [book, nowMs] = this.#now()
    const all = [...book.members.values()].map((member) => statusOf(member, nowMs))
    return ok(all.sort((one, other) => (one.memberId < other.memberId ? -1 : 1)))
  }

  /** The book as it is now. */
  #now(): [FleetBook, number] {
    const nowMs = this.#clock.nowMs()
    this.#book.sweep(nowMs)
    return [this.#book, nowMs]
  }

  #order(
    memberId: string,
    kind: 'draining' | 'serving' | 'rated',
    change: (member: MemberRecord, nowMs: number) => void,
  ): Outcome<void> {
    const [book, nowMs] = this.#now()
    const member = book.alive(memberId)
    if (!member) return err(refusals.unknownMember(memberId))
    change(member, nowMs)
    book.tell(kind, memberId)
    return DONE
  }

  #begin(epoch: number): FleetBook {
    return new FleetBook(epoch, this.#clock.nowMs(), (change) => this.#events.emit('change', change))
  }
}

function placed({ memberId, token, state }: SessionRecord): Pick<Located, 'memberId' | 'token' | 'state'> {
  return { memberId, token, state }
}

function pickMember(book: FleetBook, wish: PlacementWish, nowMs: number): Outcome<MemberRecord> {
  const { picked, reason } = book.pick(wish, nowMs)
  return picked ? ok(picked.member) : err(refusals.full(reason, book.retryAfterMs(nowMs)))
}

function reserve(
  book: FleetBook,
  member: MemberRecord,
  { sessionId, token, untilMs }: SessionCredentials & { readonly untilMs: number },
): Placement {
  member.reservedSeats++
  member.claims++
  member.sessions.add(sessionId)
  book.dueAt(untilMs)
  return { ...member.description, token }
}

function hold(book: FleetBook, member: MemberRecord, sessionId: string, token: FencingToken): void {
  const { memberId } = member.description
  member.heldSeats++
  member.sessions.add(sessionId)
  const untilMs = Number.POSITIVE_INFINITY
  book.sessions.set(sessionId, { sessionId, memberId, token, state: 'held', untilMs, next: undefined })
}

function reclaimOne(
  book: FleetBook,
  member: MemberRecord,
  { sessionId, token }: SessionCredentials,
): Outcome<FencingToken> {
  const session = book.sessions.get(sessionId)
  const isLive = session !== undefined && session.state !== 'orphan'
  if (isLive && session.memberId === member.description.memberId && session.state === 'held') return ok(session.token)
  if (isLive) return err(refusals.taken(sessionId, session.memberId, session.token))
  const wasItsOwn = session?.memberId === member.description.memberId && session.incarnation === member.incarnation
  if (session && !wasItsOwn && compareTokens(token, session.token) < 0) return err(refusals.notOwned(sessionId, token))
  if (session) book.end(session)
  const granted = book.nextToken()
  hold(book, member, sessionId, granted)
  member.unlistedSeats = Math.max(0, member.unlistedSeats - 1)
  return ok(granted)
}
