// Gives the sessions of a pod that drains to other pods, one by one: a seat is reserved, whoever follows is told where it will go on, and between two
// utterances the state is handed over; only then everybody is sent there. What cannot go anywhere stays until the drain's deadline.
import { randomInt } from 'node:crypto'
import type { FencingToken, Placement } from '@parley/fleet'
import { backoffMs, type Clock, err, ok, type Result, type Scope, sleep } from '@parley/kernel'
import {
  type HandOverAnswer,
  HandOverAnswerSchema,
  type HandOverCall,
  ParleyError,
  POD_HAND_OVER_PATH,
  readHandOverCall,
} from '@parley/protocol'
import type { MoveTarget, Session } from '@parley/sessions'
import type { Logger } from '@parley/telemetry'
import type { SessionsOfFleet } from '../sessions/session-service.ts'
import { urlsAt } from './addresses.ts'
import type { PeerCalls } from './peer-calls.ts'
import { answering, type CallHandler, podCall } from './pod-call.ts'
import type { PodFleet } from './pod-fleet.ts'

export const HAND_OVER = podCall<HandOverCall, HandOverAnswer>(POD_HAND_OVER_PATH, {
  asked: readHandOverCall,
  answered: HandOverAnswerSchema,
  status: 201,
})

export interface HandOverOptions {
  readonly clock: Clock
  readonly podId: string
  readonly fleet: PodFleet
  readonly sessions: SessionsOfFleet
  readonly peers: Pick<PeerCalls, 'ask'>
  /** The session is another pod's: everybody is sent there. */
  readonly letGo: (session: Session) => void
  readonly logger: Logger
}

/** Sessions that are being moved at a time. */
export const MAX_MOVES_AT_A_TIME = 32
const LOOK_EVERY_MS = 200
/** From the reservation to the answer of the other pod, at most. */
const RESERVE_MS = 10_000
/** Whoever follows opens a connection to the other pod meanwhile. */
export const PREPARE_MS = 150
/** How long an utterance is waited for; then it is cut, and what was said of it is heard again at the other pod. */
export const MAX_BOUNDARY_WAIT_MS = 3_000
const BOUNDARY_LOOK_MS = 20
/** Pods that are passed over at a time because they cannot read a session's state. */
const MAX_PASSED_OVER = 32
const RETRY = { firstMs: 500, maxMs: 4_000 }

interface Drain {
  /** Monotonic. */
  readonly untilMs: number
}

interface Tried {
  failures: number
  againAtMs: number
  /** Pods that cannot read its state: of a version before this one's. */
  readonly unreadableAt: readonly string[]
}

export class HandOver {
  readonly #options: HandOverOptions
  #drain: Drain | undefined
  readonly #underWay = new Set<string>()
  /** Those that could not be moved, by session. Bounded by the sessions there are. */
  readonly #tried = new Map<string, Tried>()
  /** Since the start. */
  readonly counts = { moved: 0, failed: 0, taken: 0, left: 0 }

  constructor(options: HandOverOptions) {
    this.#options = options
  }

  start(scope: Scope): void {
    this.#options.fleet.onOrders(({ isDraining, drainLeftMs = 0 }) => {
      if (isDraining) this.begin(drainLeftMs)
      else this.#drain = undefined
    })
    scope.every(LOOK_EVERY_MS, () => this.#look())
  }

  /** Every session is to be elsewhere within that time. Again: a new time. */
  begin(withinMs: number): void {
    if (!this.#drain) this.#tried.clear()
    this.#drain = { untilMs: this.#options.clock.nowMs() + withinMs }
  }

  // ---- away from here ----

  #look(): void {
    if (!this.#drain) return
    const nowMs = this.#options.clock.nowMs()
    if (nowMs >= this.#drain.untilMs) {
      this.#endWhatIsLeft()
      return
    }
    for (const session of this.#options.sessions.live()) {
      if (this.#underWay.size >= MAX_MOVES_AT_A_TIME) return
      if (this.#underWay.has(session.id) || (this.#tried.get(session.id)?.againAtMs ?? 0) > nowMs) continue
      void this.#try(session, this.#drain)
    }
  }

  /** Nobody could take them in time. */
  #endWhatIsLeft(): void {
    const { sessions, logger } = this.#options
    const left = [...sessions.live()].filter(({ id }) => !this.#underWay.has(id))
    if (left.length === 0) return
    logger.warn({ sessions: left.length }, 'the drain is over: sessions that no other pod could take are ended')
    this.counts.left += left.length
    for (const session of left) session.end('shutting_down')
  }

  async #try(session: Session, drain: Drain): Promise<void> {
    const { id } = session
    // Nobody has come for it yet: it stays until its ticket is used, or over.
    if (session.state.kind === 'opening' || session.state.kind === 'closed') return
    this.#underWay.add(id)
    try {
      const moved = await this.#move(session, drain, this.#tried.get(id)?.unreadableAt ?? [])
      if (moved.ok) {
        this.counts.moved++
        this.#tried.delete(id)
      } else this.#failed(session, moved.error)
    } catch (thrown) {
      this.#options.logger.error({ err: thrown, sessionId: id }, 'handing a session over failed inside')
      this.#failed(session, new ParleyError('INTERNAL'))
    } finally {
      this.#underWay.delete(id)
    }
  }

  #failed({ id: sessionId }: Session, { code, message, details: { retryAfterMs = 0, value } }: ParleyError): void {
    const { clock, logger } = this.#options
    const before = this.#tried.get(sessionId)
    const failures = (before?.failures ?? 0) + 1
    const waitMs = Math.max(retryAfterMs, backoffMs(failures, RETRY, Math.random))
    const cannot = code === 'STATE_UNREADABLE' && value !== undefined ? [value] : []
    const unreadableAt = [...(before?.unreadableAt ?? []), ...cannot].slice(-MAX_PASSED_OVER)
    this.#tried.set(sessionId, { failures, againAtMs: clock.nowMs() + waitMs, unreadableAt })
    this.counts.failed++
    logger.info({ sessionId, why: message, failures }, 'a session could not be handed over; it goes on here')
  }

  async #move(session: Session, drain: Drain, exclude: readonly string[]): Promise<Result<void, ParleyError>> {
    const { fleet, clock } = this.#options
    const placed = await fleet.move(session.id, RESERVE_MS, randomInt(2 ** 32), exclude)
    if (!placed.ok) {
      const { message } = placed.error
      const again = 'retryAfterMs' in placed.error ? { retryAfterMs: placed.error.retryAfterMs } : {}
      return err(new ParleyError('NO_SEAT', { message, ...again }))
    }
    const { memberId, urls, token } = placed.value
    const waitMs = Math.min(MAX_BOUNDARY_WAIT_MS, Math.max(PREPARE_MS, drain.untilMs - clock.nowMs() - LOOK_EVERY_MS))
    const target: MoveTarget = {
      urlFor: (ownUrl) => urlsAt(fleet.baseOf(urls, { host: URL.parse(ownUrl)?.host }), memberId).wsUrl,
    }
    session.announceMove(target, waitMs)
    await this.#boundary(session, waitMs)
    const given = await this.#give(session, placed.value)
    if (!given.ok) fleet.release(session.id, token)
    return given
  }

  /** Until nothing is being said, and whoever follows has had the time to open a connection there; at most `waitMs`. */
  async #boundary(session: Session, waitMs: number): Promise<void> {
    const { clock } = this.#options
    const beganAtMs = clock.nowMs()
    for (;;) {
      const waitedMs = clock.nowMs() - beganAtMs
      const isReady = waitedMs >= PREPARE_MS && session.feed.isQuiet
      if (waitedMs >= waitMs || isReady || session.state.kind !== 'active') return
      await sleep(clock, BOUNDARY_LOOK_MS)
    }
  }

  async #give(session: Session, { memberId, urls, token }: Placement): Promise<Result<void, ParleyError>> {
    const { fleet, peers, podId, letGo, logger } = this.#options
    const { id: sessionId } = session
    const url = fleet.callsUrlOf(urls)
    if (url === undefined) return err(notTaken(memberId, 'it takes no calls of other pods'))
    const checkpoint = session.freeze()
    if (!checkpoint) return err(notTaken(memberId, 'the session has ended'))
    const call = { sessionId, token, from: podId, checkpoint }
    const answer = await peers.ask({ podId: memberId, url }, HAND_OVER, call)
    if (answer.ok || (answer.error.kind === 'unreachable' && (await this.#isTheirs(sessionId, memberId)))) {
      letGo(session)
      logger.info({ sessionId, to: memberId, seq: checkpoint.seq }, 'a session was handed over')
      return ok(undefined)
    }
    session.thaw()
    if (answer.error.kind === 'unreachable') return err(notTaken(memberId, answer.error.why))
    const { code, details } = answer.error.error
    return err(new ParleyError(code, { ...details, value: memberId }))
  }

  /** The answer was lost: the directory knows whether the other pod has it. */
  async #isTheirs(sessionId: string, memberId: string): Promise<boolean> {
    const located = await this.#options.fleet.locate(sessionId)
    return located.ok && located.value?.memberId === memberId && located.value.state === 'held'
  }

  // ---- to here ----

  get handler(): CallHandler {
    return answering(HAND_OVER, (call) => this.#take(call))
  }

  async #take(call: HandOverCall): Promise<Result<HandOverAnswer, ParleyError>> {
    const { fleet, sessions, logger } = this.#options
    const { sessionId, token, from, checkpoint } = call
    const restored = sessions.restore(checkpoint, {
      sessionId,
      onAdmitted: () => fleet.seatBook.admitted(sessionId, token),
    })
    if (!restored.ok) return restored
    const session = restored.value
    if (!(await this.#isConfirmed(sessionId, token))) {
      fleet.seatBook.let(sessionId)
      session.handedOver()
      return err(new ParleyError('NO_SEAT', { message: 'the move was over before the session came' }))
    }
    this.counts.taken++
    logger.info({ sessionId, from, seq: checkpoint.seq }, 'a session was taken in')
    return ok({ epoch: session.feed.epoch })
  }

  #isConfirmed(sessionId: string, token: FencingToken): Promise<boolean> {
    return this.#options.fleet.seatBook.confirmed(sessionId, token)
  }
}

const notTaken = (podId: string, why: string): ParleyError =>
  new ParleyError('NO_SEAT', {
    message: `${podId} has a seat and did not take the session: ${why}`,
    retryAfterMs: 1_000,
  })
