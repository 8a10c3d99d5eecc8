// A pod's part in the fleet: its membership, the seats of its sessions, who else is there, and where the sessions of others are. One pod alone is a
// fleet of one, by the same path, with the directory in its memory.
import {
  type Answer,
  type ClaimRequest,
  type FencingToken,
  type FleetDirectory,
  type Journal,
  type MemberOrders,
  type MemberStatus,
  Membership,
  type MembershipState,
} from '@parley/fleet'
import { type Clock, err, type Scope } from '@parley/kernel'
import { ParleyError, TICKET_LIFETIME_MS } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import type { SessionSeats } from '../sessions/session-service.ts'
import { callUrlAt, reachedUrl, urlsAt } from './addresses.ts'
import { type HeadroomRatios, placingRatioOf } from './headroom.ts'
import { PageOrigins } from './page-origins.ts'
import type { Peer } from './peer-calls.ts'
import type { OpenPlace } from './pod-place.ts'
import { livesAt, nobodyKnows, notYet } from './refusal.ts'
import { SeatBook } from './seat-book.ts'

export interface PodFleetOptions {
  readonly clock: Clock
  readonly podId: string
  readonly version: string
  readonly directory: FleetDirectory
  readonly kind: 'memory' | 'redis'
  readonly journal?: Journal | undefined
  /** Rating until an operator says otherwise. */
  readonly seats: number
  /** What this pod was ordered before it was started, and where that is kept; it begins anew unless told. */
  readonly place?: OpenPlace | undefined
  readonly logger: Logger
}

export interface FleetStart {
  /** Where clients reach this pod. */
  readonly publicUrl: string
  /** Where it listens itself, for a proxy in front. */
  readonly directUrl?: string
  /** Where other pods do; undefined when nobody calls. */
  readonly callsUrl: string | undefined
  readonly headroom: () => HeadroomRatios
}

export interface FleetState {
  readonly directory: 'memory' | 'redis'
  readonly state: MembershipState['kind'] | 'misconfigured'
  /** One sentence for a person, while something is wrong. */
  readonly problem?: string
  readonly warnings: readonly string[]
}

export type Whereabouts =
  | { readonly is: 'there'; readonly peer: Peer }
  | { readonly is: 'nowhere' }
  | { readonly is: 'away'; readonly retryAfterMs: number }

/** How a caller reached this pod: what it is told of others is told in the same terms. */
export interface Reach {
  /** The Host header. */
  readonly host: string | undefined
}

export const POD_ROLES = ['api', 'sessions'] as const
/** A reservation lasts as long as the ticket that goes with it, and a moment longer: the pod ends it first. */
export const RESERVE_MS = TICKET_LIFETIME_MS + 2_000
/** From the claim of a session that is taken over until it is confirmed. */
const TAKE_OVER_MS = 10_000
/** Entry addresses a client is told, this pod's own included. */
const MAX_ENTRIES = 8
/**
 * A pod that is silent for so long is lost, and its sessions are whoever's client comes. Clients give up a silent pod after DEAD_AFTER_MS, so that one
 * that only stood still for a while is not robbed.
 */
export const POD_LEASE_MS = 3_000
/** Who is to come again for a session without a pod. */
const ORPHAN_RETRY_MS = 500
const PUBLIC = 'public'
const CALLS = 'calls'
const DIRECT = 'direct'

export class PodFleet implements SessionSeats {
  readonly seatBook: SeatBook
  /** Sessions asked for at this pod, by where they were opened. */
  readonly placed = { here: 0, there: 0, alone: 0 }
  readonly #options: PodFleetOptions
  #kept = ''
  #membership: Membership | undefined
  #members: readonly MemberStatus[] = []
  readonly #pages: PageOrigins
  #looking: Promise<void> | undefined
  #lookAgain = false
  readonly #onOrders: ((orders: MemberOrders) => void)[] = []
  #saidState: MembershipState['kind'] | undefined

  constructor(options: PodFleetOptions) {
    this.#options = options
    this.seatBook = new SeatBook(options)
    this.#pages = new PageOrigins(options.podId, ({ urls }) => urls[PUBLIC])
  }

  /** Joins from now on; leaves when `scope` closes. */
  start(scope: Scope, { publicUrl, directUrl, callsUrl, headroom }: FleetStart): void {
    const { clock, directory, podId, version, seats, place, logger } = this.#options
    const urls = {
      [PUBLIC]: publicUrl,
      ...(directUrl === undefined ? {} : { [DIRECT]: directUrl }),
      ...(callsUrl === undefined ? {} : { [CALLS]: callsUrl }),
    }
    const { drainWithinMs, ratedSeats = seats } = place?.orders ?? {}
    const membership = new Membership({
      clock,
      scope,
      directory,
      member: { memberId: podId, kind: 'pod', roles: POD_ROLES, urls, version },
      ...(place ? { incarnation: place.incarnation } : {}),
      ...(place?.replaces === undefined ? {} : { replaces: place.replaces }),
      ...(drainWithinMs === undefined ? {} : { drainWithinMs }),
      ratedSeats,
      leaseMs: POD_LEASE_MS,
      load: () => {
        const headroomRatios = headroom()
        const { unlistedSeats, warmingSeats } = this.seatBook
        const placing = { ratedSeats: this.seats(), warmingSeats, isAlone: !this.isShared }
        const placingRatio = placingRatioOf(headroomRatios, placing)
        return { unlistedSeats, warmingSeats, headroomRatios, placingRatio }
      },
      sessions: () => this.seatBook.sessions(),
    })
    this.#membership = membership
    this.seatBook.join(membership)
    membership.on('state', (state) => this.#onState(state))
    membership.on('orders', (orders) => {
      logger.debug({ isDraining: orders.isDraining, ratedSeats: orders.ratedSeats }, 'orders of the fleet')
      this.#keep(orders)
      for (const listener of this.#onOrders) listener(orders)
    })
    membership.on('reclaimed', ({ sessionId, answer }) => this.seatBook.reclaimed(sessionId, answer))
    scope.own(directory.watch(() => this.#look()))
  }

  // ---- seats, for sessions ----

  seats(): number {
    const { place, seats } = this.#options
    return this.#membership?.orders?.ratedSeats ?? place?.orders.ratedSeats ?? seats
  }

  came(sessionId: string): void {
    this.seatBook.came(sessionId)
  }

  ended(sessionId: string): void {
    this.seatBook.ended(sessionId)
  }

  // ---- placement ----

  /** Where the states of sessions are kept; undefined where nobody could go on with them. */
  get journal(): Journal | undefined {
    return this.#options.journal
  }

  /** Other pods may be in its directory. */
  get isShared(): boolean {
    return this.#options.kind !== 'memory'
  }

  /** The directory can be asked for a seat. Without it this pod decides alone. */
  get isMember(): boolean {
    return this.#membership?.state.kind === 'member' && this.#membership.credentials !== undefined
  }

  get isDraining(): boolean {
    return this.#membership?.orders?.isDraining ?? this.#options.place?.orders.drainWithinMs !== undefined
  }

  claim(
    sessionId: string,
    wish: Pick<ClaimRequest, 'policy' | 'salt' | 'exclude' | 'user'>,
  ): ReturnType<FleetDirectory['claim']> {
    const by = this.#membership?.credentials
    if (!by) throw new Error('a claim needs a membership; see isMember')
    return this.#options.directory.claim({ sessionId, by, role: 'sessions', reserveMs: RESERVE_MS, ...wish })
  }

  /**
   * Where a session is. What a process held that was here before, nobody can take over until the directory knows that it has ended, which it does when this
   * pod has joined: who asks meanwhile is to ask again.
   */
  async locate(sessionId: string): ReturnType<FleetDirectory['locate']> {
    const { directory, podId } = this.#options
    const answer = await directory.locate(sessionId)
    const found = answer.ok ? answer.value : undefined
    if (found?.memberId !== podId || found.state === 'orphan' || this.isMember) return answer
    const message = 'the session was with the process that was here before; this one is no member yet'
    return err({ code: 'DIRECTORY_AWAY', message, retryAfterMs: 1_000 })
  }

  /** Claims a session whose pod is gone: a seat on `only`, or on any other pod. `lastToken`: that its client has seen. */
  async takeOver(
    sessionId: string,
    lastToken: FencingToken | undefined,
    only: string | undefined,
  ): ReturnType<FleetDirectory['claim']> {
    const { directory } = this.#options
    const by = this.#membership?.credentials
    if (!by) return err({ code: 'DIRECTORY_AWAY', message: 'this pod is no member now', retryAfterMs: 1_000 })
    return directory.claim({
      sessionId,
      by,
      isResume: true,
      role: 'sessions',
      policy: 'mostHeadroom',
      salt: 0,
      reserveMs: TAKE_OVER_MS,
      ...(lastToken ? { lastToken } : {}),
      ...(only === undefined ? {} : { only }),
    })
  }

  /** Reserves a seat on another pod for a session of this one; on none of `exclude`. */
  async move(
    sessionId: string,
    reserveMs: number,
    salt: number,
    exclude: readonly string[] = [],
  ): ReturnType<FleetDirectory['move']> {
    const by = this.#membership?.credentials
    const token = this.tokenOf(sessionId)
    if (!by || !token)
      return err({ code: 'DIRECTORY_AWAY', message: 'the directory does not know it', retryAfterMs: 1_000 })
    const session = { sessionId, token }
    const { directory } = this.#options
    const request = { session, by, role: 'sessions', policy: 'twoChoices', salt, reserveMs, exclude } as const
    const placed = await directory.move(request)
    // Rather there than ended here with the drain: one that is asked for by name has only to have a seat.
    const isTight = !placed.ok && placed.error.code === 'FLEET_FULL' && placed.error.reason === 'overloaded'
    const serving = isTight ? this.#serving().filter(({ memberId }) => !exclude.includes(memberId)) : []
    const only = serving[salt % serving.length]?.memberId
    return only === undefined ? placed : directory.move({ ...request, only })
  }

  /** What the fleet wants of this pod, whenever that changes. */
  onOrders(listener: (orders: MemberOrders) => void): void {
    this.#onOrders.push(listener)
  }

  /** Other pods that take sessions. */
  get othersServing(): number {
    return this.#serving().length
  }

  #serving(): readonly MemberStatus[] {
    return this.#others().filter(({ state, roles }) => state === 'serving' && roles.includes('sessions'))
  }

  tokenOf(sessionId: string): FencingToken | undefined {
    return this.seatBook.tokenOf(sessionId)
  }

  /** Somebody told this pod that it is no member (any more). */
  fenced(): void {
    this.#membership?.fenced()
  }

  release(sessionId: string, token: FencingToken): void {
    void this.seatBook.release({ sessionId, token })
  }

  callsUrlOf(urls: Readonly<Record<string, string>>): string | undefined {
    return urls[CALLS]
  }

  baseOf(urls: Readonly<Record<string, string>>, reach: Reach): string {
    return reachedUrl(urls[PUBLIC] ?? '', reach.host)
  }

  // ---- where others are ----

  /** WebSocket addresses of the fleet's pods for a client that came to `ownUrl`, that one first. */
  entryUrls(ownUrl: string): readonly string[] {
    const { host } = URL.parse(ownUrl) ?? {}
    const others = this.#others().map(({ memberId, urls }) => urlsAt(this.baseOf(urls, { host }), memberId).wsUrl)
    return [ownUrl, ...others.slice(0, MAX_ENTRIES - 1)]
  }

  /** Origins of the pages that other pods serve, or served while they were there, for a caller that came to `host`. */
  pageOrigins(host: string | undefined): readonly string[] {
    return this.#pages.seenFrom(host)
  }

  /** WebSocket address of a pod whose id stands in an address; undefined when nobody there has it. */
  socketUrlOf(podId: string, reach: Reach): string | undefined {
    const member = this.#others().find(({ memberId }) => memberId === podId)
    return member && urlsAt(this.baseOf(member.urls, reach), podId).wsUrl
  }

  /** Which pod has a session, for calls to it. `away`: the directory cannot say. */
  async whereIs(sessionId: string): Promise<Whereabouts> {
    const { podId } = this.#options
    const answer = await this.locate(sessionId)
    if (!answer.ok) {
      return { is: 'away', retryAfterMs: answer.error.code === 'DIRECTORY_AWAY' ? answer.error.retryAfterMs : 1_000 }
    }
    const found = answer.value
    const url = found && this.callsUrlOf(found.urls)
    if (!found || found.state === 'orphan' || found.memberId === podId || url === undefined) return { is: 'nowhere' }
    return { is: 'there', peer: { podId: found.memberId, url } }
  }

  /** What a client is told whose session is not here. `path`: of a REST call; undefined: it has come by WebSocket. */
  async elsewhere(sessionId: string, reach: Reach, path?: string): Promise<ParleyError> {
    const { podId } = this.#options
    const answer = await this.locate(sessionId)
    if (!answer.ok) {
      return nobodyKnows(answer.error.code === 'DIRECTORY_AWAY' ? answer.error.retryAfterMs : 1_000)
    }
    const found = answer.value
    // A pod claimed it and had no room after all: the directory forgets it, what is kept tells that it has not ended.
    if (found === undefined && (await this.#isKept(sessionId))) return notYet(ORPHAN_RETRY_MS)
    // Reserved here: it is being fetched from the journal, or it was and its seat is not free yet.
    const isComing = found?.state === 'orphan' || (found?.state === 'reserved' && found.memberId === podId)
    if (isComing && this.journal) return notYet(ORPHAN_RETRY_MS)
    if (found === undefined || found.state === 'orphan' || found.memberId === podId) {
      return new ParleyError('SESSION_UNKNOWN')
    }
    const base = this.baseOf(found.urls, reach)
    const { memberId } = found
    return livesAt(memberId, path === undefined ? urlsAt(base, memberId).wsUrl : callUrlAt(base, memberId, path))
  }

  async #isKept(sessionId: string): Promise<boolean> {
    const kept = await this.journal?.recall(sessionId)
    return kept?.ok === true && kept.value !== undefined
  }

  /** Every other pod that takes calls, as last known: while the directory is away, those it named last. */
  peers(): readonly Peer[] {
    return this.#others().flatMap(({ memberId, urls }) => {
      const url = this.callsUrlOf(urls)
      return url === undefined ? [] : [{ podId: memberId, url }]
    })
  }

  /** Pods that are there, this one included, as last seen; undefined while nobody was ever seen. */
  get podsSeen(): number | undefined {
    return this.#members.length === 0 ? undefined : this.#others().length + 1
  }

  // ---- for operators ----

  get state(): FleetState {
    const { directory, kind } = this.#options
    const state = this.#membership?.state ?? { kind: 'joining' as const }
    const problem = 'problem' in state ? state.problem : undefined
    const isWrong = directory.state.kind === 'away' && directory.state.isMisconfigured
    return {
      directory: kind,
      state: isWrong ? 'misconfigured' : state.kind,
      ...(problem === undefined ? {} : { problem }),
      warnings: directory.warnings,
    }
  }

  members(): Answer<readonly MemberStatus[]> {
    return this.#options.directory.members()
  }
  drain(memberId: string, withinMs: number): Answer<void> {
    return this.#options.directory.drain(memberId, withinMs)
  }
  undrain(memberId: string): Answer<void> {
    return this.#options.directory.undrain(memberId)
  }
  rate(memberId: string, ratedSeats: number): Answer<void> {
    return this.#options.directory.rate(memberId, ratedSeats)
  }

  #others(): readonly MemberStatus[] {
    const { podId } = this.#options
    return this.#members.filter(({ memberId, kind, state }) => kind === 'pod' && state !== 'lost' && memberId !== podId)
  }

  /** Seats come and go all the time; what is kept is what was ordered. */
  #keep(orders: MemberOrders): void {
    const { place, seats, logger, clock } = this.#options
    const { isDraining, drainLeftMs = 0, ratedSeats } = orders
    // To the second: the time that is left, seen by two clocks.
    const kept = JSON.stringify([isDraining && Math.round((clock.wallMs() + drainLeftMs) / 1_000), ratedSeats])
    if (kept === this.#kept) return
    this.#kept = kept
    place?.remember(orders, seats, logger)
  }

  #onState(state: MembershipState): void {
    const { logger } = this.#options
    // While the directory is away every report fails anew: said once.
    const isNews = state.kind !== this.#saidState
    this.#saidState = state.kind
    if (state.kind === 'member') {
      logger.info({}, 'member of the fleet')
      this.seatBook.catchUp()
      this.#look()
    } else if (isNews && 'problem' in state) {
      logger.warn(
        { state: state.kind, why: state.problem },
        'without the directory: this pod admits within its own rating',
      )
    }
  }

  /** Learns anew who is there: once for as many changes as come meanwhile. */
  #look(): void {
    if (this.#looking) {
      this.#lookAgain = true
      return
    }
    this.#looking = this.#options.directory.members().then((answer) => {
      if (answer.ok) {
        this.#members = answer.value
        this.#pages.learn(answer.value)
      }
      this.#looking = undefined
      if (!this.#lookAgain) return
      this.#lookAgain = false
      this.#look()
    })
  }
}
