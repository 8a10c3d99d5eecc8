// A member's own side of the directory: joins, reports, and when it has been fenced or the directory has forgotten or been away, joins again and
// re-claims what it holds. What to do meanwhile is its owner's: sessions go on, new ones within the member's own rating.
import { type Clock, Emitter, newId, type Result, type Scope } from '@parley/kernel'
import {
  DEFAULT_LEASE_MS,
  DEFAULT_REPORT_PERIOD_MS,
  type DirectoryRefusal,
  type FleetDirectory,
  type LoadReport,
  type MemberCredentials,
  type MemberDescription,
  type MemberOrders,
  type SessionCredentials,
} from './directory.ts'
import { compareTokens, type FencingToken } from './fencing-token.ts'

export type MembershipState =
  /** Not a member yet, or not any more; `problem` says why the last try failed. */
  | { readonly kind: 'joining'; readonly problem?: string }
  | { readonly kind: 'member' }
  /** A member whose directory does not answer. */
  | { readonly kind: 'cut'; readonly problem: string }

export interface MembershipOptions {
  readonly clock: Clock
  readonly scope: Scope
  readonly directory: FleetDirectory
  readonly member: MemberDescription
  /** Of this process; a new one unless told. */
  readonly incarnation?: string
  /** Of the process that had this member's id before, when that is known to have ended. */
  readonly replaces?: string
  /** Until an operator says otherwise. */
  readonly ratedSeats: number
  /** It has been drained before it was started: what is left of the time; undefined: it has not. */
  readonly drainWithinMs?: number
  /** 4,000 unless told; the same for all members of a fleet. */
  readonly leaseMs?: number
  /** 1,000 unless told. */
  readonly reportPeriodMs?: number
  readonly load: () => Omit<LoadReport, 'leaseMs'>
  /**
   * Every session it holds, with the token it has of each (0:0 of those that it admitted by itself); asked after each joining, and when the directory
   * was away.
   */
  readonly sessions: () => readonly SessionCredentials[]
}

interface MembershipEvents {
  state: MembershipState
  /** What the fleet wants has changed, or the number of seats. */
  orders: MemberOrders
  /** A session is the member's under a new token, or another's: then it has to let go of it. */
  reclaimed: { readonly sessionId: string; readonly answer: Result<FencingToken, DirectoryRefusal> }
}

export class Membership {
  readonly #options: MembershipOptions
  readonly #incarnation: string
  readonly #startedAtMs: number
  readonly #leaseMs: number
  readonly #events = new Emitter<MembershipEvents>()
  #state: MembershipState = { kind: 'joining' }
  #token: FencingToken | undefined
  #greatest: FencingToken | undefined
  #orders: MemberOrders | undefined
  #ordersAtMs = 0
  #leaseEndMs = Number.NEGATIVE_INFINITY
  #isAsking = false

  /** Joins from now on, until the scope closes, which also leaves. */
  constructor(options: MembershipOptions) {
    this.#options = options
    this.#leaseMs = options.leaseMs ?? DEFAULT_LEASE_MS
    this.#incarnation = options.incarnation ?? newId('inc')
    this.#startedAtMs = options.clock.nowMs()
    const { scope, directory, reportPeriodMs = DEFAULT_REPORT_PERIOD_MS } = options
    scope.own(() => this.#leave())
    scope.own(directory.onState(({ kind }) => kind === 'ready' && this.#tick()))
    scope.every(reportPeriodMs, () => this.#tick())
    this.#tick()
  }

  get state(): MembershipState {
    return this.#state
  }

  get orders(): MemberOrders | undefined {
    return this.#orders
  }

  /** What it claims with; undefined while it is no member. */
  get credentials(): MemberCredentials | undefined {
    return this.#token && { memberId: this.#options.member.memberId, token: this.#token }
  }

  /** False: it may have been declared lost, and its sessions given to others. By its own clock, from when it last asked with success. */
  get isLeaseSure(): boolean {
    return this.#options.clock.nowMs() < this.#leaseEndMs
  }

  /** The member has seen `token`: whatever is granted after it joins again is greater. */
  saw(token: FencingToken): void {
    if (!this.#greatest || compareTokens(token, this.#greatest) > 0) this.#greatest = token
  }

  /** Somebody told it that it is fenced: it joins again at once. */
  fenced(): void {
    this.#token = undefined
    this.#setState({ kind: 'joining' })
    this.#tick()
  }

  on<Name extends keyof MembershipEvents>(name: Name, listener: (event: MembershipEvents[Name]) => void): () => void {
    return this.#events.on(name, listener)
  }

  #tick(): void {
    if (this.#isAsking || this.#options.scope.isClosed) return
    this.#isAsking = true
    void this.#renew().finally(() => {
      this.#isAsking = false
    })
  }

  async #renew(): Promise<void> {
    if (this.#token && (await this.#report(this.#token))) return
    if (!this.#options.scope.isClosed) await this.#join()
  }

  /** False when it has to join again. */
  async #report(token: FencingToken): Promise<boolean> {
    const { directory, clock, load, member } = this.#options
    const askedAtMs = clock.nowMs()
    const answer = await directory.report({ memberId: member.memberId, token }, { ...load(), leaseMs: this.#leaseMs })
    if (answer.ok) {
      // What was admitted meanwhile is not in the directory yet.
      if (this.#state.kind === 'cut') await this.#reclaim(token)
      this.#renewed(askedAtMs, answer.value)
      return this.#token !== undefined
    }
    if (answer.error.code === 'MEMBER_FENCED') {
      this.#token = undefined
      this.#setState({ kind: 'joining', problem: answer.error.message })
      return false
    }
    this.#setState({ kind: 'cut', problem: answer.error.message })
    return true
  }

  async #join(): Promise<void> {
    const { directory, clock, member, ratedSeats, replaces, load, sessions, scope } = this.#options
    const askedAtMs = clock.nowMs()
    for (const { token } of sessions()) this.saw(token)
    const answer = await directory.join({
      ...member,
      incarnation: this.#incarnation,
      ...(replaces === undefined ? {} : { replaces }),
      ratedSeats: this.#orders?.ratedSeats ?? ratedSeats,
      unlistedSeats: Math.max(load().unlistedSeats, sessions().length),
      leaseMs: this.#leaseMs,
      ...(this.#greatest ? { lastToken: this.#greatest } : {}),
      ...this.#drainLeft(),
    })
    if (!answer.ok) return this.#setState({ kind: 'joining', problem: answer.error.message })
    if (scope.isClosed) return void directory.leave({ memberId: member.memberId, token: answer.value.token })
    this.#token = answer.value.token
    this.saw(answer.value.token)
    await this.#reclaim(answer.value.token)
    this.#renewed(askedAtMs, answer.value.orders)
  }

  async #reclaim(token: FencingToken): Promise<void> {
    const { directory, sessions, member } = this.#options
    const held = sessions()
    if (held.length === 0) return
    const answers = await directory.reclaim({ memberId: member.memberId, token }, held)
    // Fenced or cut again: the next joining asks anew.
    if (!answers.ok) {
      this.#token = undefined
      return
    }
    const still = new Set(sessions().map(({ sessionId }) => sessionId))
    held.forEach(({ sessionId }, n) => {
      const answer = answers.value[n] as Result<FencingToken, DirectoryRefusal>
      if (answer.ok) this.saw(answer.value)
      if (still.has(sessionId)) this.#events.emit('reclaimed', { sessionId, answer })
      // It ended meanwhile, and was released with the token it had before.
      else if (answer.ok) void directory.release({ sessionId, token: answer.value })
    })
  }

  #renewed(askedAtMs: number, orders: MemberOrders): void {
    if (!this.#token) return
    this.#leaseEndMs = askedAtMs + this.#leaseMs
    this.#ordersAtMs = askedAtMs
    this.#setState({ kind: 'member' })
    const before = this.#orders
    this.#orders = orders
    if (!before || !isSame(before, orders)) this.#events.emit('orders', orders)
  }

  #drainLeft(): { drainWithinMs?: number } {
    const { clock, drainWithinMs } = this.#options
    const [leftMs, sinceMs] = this.#orders
      ? [this.#orders.drainLeftMs, this.#ordersAtMs]
      : [drainWithinMs, this.#startedAtMs]
    if (leftMs === undefined) return {}
    return { drainWithinMs: Math.max(0, Math.round(leftMs - (clock.nowMs() - sinceMs))) }
  }

  #setState(state: MembershipState): void {
    const isSameKind = state.kind === this.#state.kind && state.kind === 'member'
    this.#state = state
    if (!isSameKind) this.#events.emit('state', state)
  }

  async #leave(): Promise<void> {
    const by = this.credentials
    this.#token = undefined
    if (by) await this.#options.directory.leave(by)
  }
}

/** The time that is left of a drain only counts when somebody has changed it. */
function isSame(one: MemberOrders, other: MemberOrders): boolean {
  const lengthened = (other.drainLeftMs ?? 0) > (one.drainLeftMs ?? 0)
  return (
    one.isDraining === other.isDraining &&
    !lengthened &&
    one.ratedSeats === other.ratedSeats &&
    one.heldSeats === other.heldSeats &&
    one.reservedSeats === other.reservedSeats
  )
}
