// Sessions outlive their pod: what is kept of them, who takes them over when it is lost, how it gives them away when it drains, and that it lets go of
// those that are another's by now. Put together of the journal's writer, the adopter and the hand-over.
import type { Journal } from '@parley/fleet'
import { type Clock, type Result, type Scope, sleep } from '@parley/kernel'
import type { ParleyError } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import type { ResumeClaims } from '../identity/identity-port.ts'
import type { SessionsOfFleet } from '../sessions/session-service.ts'
import { Adopter } from './adopter.ts'
import { HandOver } from './hand-over.ts'
import type { PeerCalls } from './peer-calls.ts'
import type { PodFleet } from './pod-fleet.ts'
import { PodJournal } from './pod-journal.ts'

export interface ResumeAnywhereOptions {
  readonly clock: Clock
  readonly podId: string
  readonly fleet: PodFleet
  readonly sessions: SessionsOfFleet
  readonly journal: Journal
  readonly peers: Pick<PeerCalls, 'ask'>
  readonly config: { readonly sessions: { readonly graceMs: number } }
  readonly logger: Logger
}

const LEFT_LOOK_MS = 50

export class ResumeAnywhere {
  readonly #options: ResumeAnywhereOptions
  readonly journal: PodJournal
  readonly adopter: Adopter
  readonly handOver: HandOver
  /** Sessions that another pod took while this one still had them, since the start. */
  fenced = 0

  constructor(options: ResumeAnywhereOptions) {
    this.#options = options
    const { fleet, sessions, config } = options
    this.journal = new PodJournal({
      ...options,
      graceMs: config.sessions.graceMs,
      sessions: () => sessions.live(),
      tokenOf: (sessionId) => fleet.tokenOf(sessionId),
      onFenced: (sessionId) => void this.check(sessionId),
    })
    this.adopter = new Adopter(options)
    this.handOver = new HandOver({ ...options, letGo: ({ id }) => this.letGo(id) })
  }

  start(scope: Scope): void {
    this.journal.start(scope)
    this.handOver.start(scope)
    this.#options.fleet.seatBook.onTaken = (sessionId) => this.#isTaken(sessionId)
  }

  /** As `Adopter.adopt`, for a client that came to `wsUrl`. */
  adopt(claims: ResumeClaims, wsUrl: string): Promise<Result<void, ParleyError>> {
    return this.adopter.adopt(claims, { host: URL.parse(wsUrl)?.host })
  }

  /** Gives every session that has a client to other pods, where there are any. Resolves when none is left, at the latest after `withinMs`. */
  async leave(withinMs: number): Promise<void> {
    const { clock, fleet, podId, sessions } = this.#options
    const untilMs = clock.nowMs() + withinMs
    if (fleet.othersServing === 0 || !(await fleet.drain(podId, withinMs)).ok) return
    this.handOver.begin(withinMs)
    const isLeft = (): boolean => [...sessions.live()].some(({ state }) => state.kind !== 'opening')
    while (isLeft() && clock.nowMs() < untilMs) await sleep(clock, LEFT_LOOK_MS)
  }

  /** Another pod has the session: whoever follows it here is sent there, and nothing of it is released. */
  letGo(sessionId: string): void {
    const { fleet, sessions, logger } = this.#options
    fleet.seatBook.let(sessionId)
    this.journal.let(sessionId)
    const session = sessions.get(sessionId)
    if (!session) return
    session.handedOver()
    logger.debug({ sessionId }, 'a session is let go of: another pod has it')
  }

  /** Somebody has a greater token than this pod acted with: another owner, or this pod itself, that has not heard of its newest token yet. */
  async check(sessionId: string): Promise<void> {
    const { fleet, podId } = this.#options
    const located = await fleet.locate(sessionId)
    const owner = located.ok ? located.value : undefined
    if (owner && owner.state !== 'orphan' && owner.memberId !== podId) this.#isTaken(sessionId)
  }

  #isTaken(sessionId: string): void {
    if (this.#options.sessions.get(sessionId)) this.fenced++
    this.letGo(sessionId)
  }
}
