// Opens a session somewhere in the fleet: a seat is claimed in one step, then the session is opened here or by the pod that has the seat. Without
// the directory this pod opens it by itself, within its own rating.
import { createHash, randomInt } from 'node:crypto'
import type { ResolvedConfig } from '@parley/config'
import type { ClaimRequest, DirectoryRefusal, Placement } from '@parley/fleet'
import { err, newId, ok, type Result } from '@parley/kernel'
import { hash32, type SeatPolicy } from '@parley/placement'
import {
  type CreateSession,
  type ErrorCode,
  ParleyError,
  type PodOpenCall,
  type SessionCreated,
} from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import type { Principal } from '../identity/identity-port.ts'
import { userOf } from '../sessions/session-access.ts'
import type { PublicUrls, SessionService } from '../sessions/session-service.ts'
import { urlsAt } from './addresses.ts'
import type { PeerCalls } from './peer-calls.ts'
import type { PodFleet, Reach } from './pod-fleet.ts'
import { fullError } from './refusal.ts'

export interface PlacerOptions {
  readonly fleet: PodFleet
  readonly sessions: Pick<SessionService, 'create' | 'countRefusal'>
  readonly podId: string
  readonly placement: ResolvedConfig['fleet']['placement']
  /** In the whole fleet, as far as the directory knows; each pod keeps to it by itself in any case. */
  readonly sessionsPerUser: number
  /** Undefined: this pod calls no other. */
  readonly peers: Pick<PeerCalls, 'open'> | undefined
  readonly logger: Logger
}

const POLICIES: Readonly<Record<PlacerOptions['placement'], SeatPolicy>> = {
  'most-headroom': 'mostHeadroom',
  'two-choices': 'twoChoices',
  sticky: 'sticky',
}
/** Pods that are asked before the client is refused: one that cannot be reached, or is fuller than the directory knew, is passed over. */
const MAX_TRIES = 3
/** Refusals that say something of the pod, not of the request: another may take it. */
const TRY_ANOTHER: ReadonlySet<ErrorCode> = new Set(['NO_SEAT', 'DRAINING', 'RATE_LIMITED'])

type Created = Result<SessionCreated, ParleyError>
interface Wish {
  readonly principal: Principal
  readonly body: CreateSession
  /** Of this pod. */
  readonly urls: PublicUrls
  readonly reach: Reach
}

export class Placer {
  readonly #options: PlacerOptions

  constructor(options: PlacerOptions) {
    this.#options = options
  }

  /** What another pod asks for: the seat is reserved here already. */
  async open(call: PodOpenCall): Promise<Created> {
    const { sessionId, token, principal, body, wsUrl, pageUrl } = call
    const who: Principal = { ...principal, user: principal.user, keyId: principal.keyId }
    return this.#openHere({ principal: who, body, urls: { wsUrl, pageUrl } }, sessionId, token)
  }

  async create(wish: Wish): Promise<Created> {
    const { fleet, podId } = this.#options
    const exclude: string[] = []
    let refusal: ParleyError | undefined
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      if (!fleet.isMember) return this.#alone(wish)
      const sessionId = newId('ses')
      const claimed = await fleet.claim(sessionId, { ...this.#policyFor(wish), exclude, ...this.#userOf(wish) })
      if (!claimed.ok) return this.#refused(claimed.error, refusal, wish)
      const { memberId, token } = claimed.value
      const created =
        memberId === podId
          ? await this.#openHere(wish, sessionId, token)
          : await this.#openThere(wish, sessionId, claimed.value)
      if (created.ok) {
        fleet.placed[memberId === podId ? 'here' : 'there']++
        return created
      }
      // Opened here it was released with its session's end, or by #openHere.
      if (memberId !== podId) fleet.release(sessionId, token)
      if (!TRY_ANOTHER.has(created.error.code)) return created
      refusal = created.error
      exclude.push(memberId)
    }
    return err(refusal ?? new ParleyError('NO_SEAT'))
  }

  #policyFor({ principal, body }: Wish): { readonly policy: SeatPolicy; readonly salt: number } {
    const policy = POLICIES[this.#options.placement]
    if (policy !== 'sticky') return { policy, salt: randomInt(2 ** 32) }
    return { policy, salt: hash32(`${principal.tenant}/${body.user ?? principal.user ?? principal.keyId ?? ''}`) }
  }

  /** Without a user who may be named the pod that has the seat says what is wrong. */
  #userOf({ principal, body }: Wish): Pick<ClaimRequest, 'user'> {
    const user = userOf(principal, body)
    if (!user.ok) return {}
    const key = createHash('sha256').update(`${principal.tenant.length}:${principal.tenant}:${user.value}`)
    return { user: { key: key.digest('base64url').slice(0, 22), limit: this.#options.sessionsPerUser } }
  }

  /** `earlier`: what a pod has answered that was tried before. */
  #refused(error: DirectoryRefusal, earlier: ParleyError | undefined, wish: Wish): Promise<Created> | Created {
    const { fleet, sessions } = this.#options
    if (error.code === 'FLEET_FULL' && (earlier !== undefined || error.reason !== 'noMember')) {
      const refusal = earlier ?? fullError(error)
      sessions.countRefusal(refusal.code)
      return err(refusal)
    }
    if (error.code === 'USER_FULL') {
      const message = `this user has ${error.limit} sessions in the fleet, the most allowed (limits.sessionsPerUser)`
      sessions.countRefusal('TOO_MANY_CONNECTIONS')
      return err(new ParleyError('TOO_MANY_CONNECTIONS', { message, retryAfterMs: 10_000 }))
    }
    if (error.code === 'MEMBER_FENCED') fleet.fenced()
    // Away, or this pod is not known to it: nobody can say more than this pod knows of itself.
    return this.#alone(wish)
  }

  async #alone(wish: Wish): Promise<Created> {
    const { fleet, sessions } = this.#options
    if (fleet.isDraining) {
      sessions.countRefusal('DRAINING')
      return err(new ParleyError('DRAINING', { message: 'this pod drains', retryAfterMs: 2_000 }))
    }
    const created = await this.#openHere(wish, newId('ses'), undefined)
    if (created.ok) fleet.placed.alone++
    return created
  }

  async #openHere(
    { principal, body, urls }: Omit<Wish, 'reach'>,
    sessionId: string,
    token: Placement['token'] | undefined,
  ): Promise<Created> {
    const { fleet, sessions } = this.#options
    const created = await sessions.create(principal, body, urls, {
      sessionId,
      onAdmitted: () => fleet.seatBook.admitted(sessionId, token),
    })
    if (!created.ok && token) fleet.release(sessionId, token)
    return created
  }

  async #openThere(wish: Wish, sessionId: string, placement: Placement): Promise<Created> {
    const { fleet, peers, logger } = this.#options
    const { memberId: podId, urls, token } = placement
    const url = fleet.callsUrlOf(urls)
    const { wsUrl, pageUrl } = urlsAt(fleet.baseOf(urls, wish.reach), podId)
    const { user, keyId, ...who } = wish.principal
    const principal = { ...who, ...(user === undefined ? {} : { user }), ...(keyId === undefined ? {} : { keyId }) }
    const call: PodOpenCall = { sessionId, token, principal, body: wish.body, wsUrl, pageUrl }
    if (url === undefined || !peers) return err(notReached(podId, 'it takes no calls of other pods'))
    const answer = await peers.open({ podId, url }, call)
    if (answer.ok) return ok(answer.value)
    if (answer.error.kind === 'refused') return err(answer.error.error)
    logger.warn({ podId, why: answer.error.why }, 'a pod did not open a session it has a seat for')
    return err(notReached(podId, answer.error.why))
  }
}

const notReached = (podId: string, why: string): ParleyError =>
  new ParleyError('NO_SEAT', { message: `${podId} has a seat and could not be reached: ${why}`, retryAfterMs: 1_000 })
