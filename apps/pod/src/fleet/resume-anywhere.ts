// Sessions outlive their pod: what is kept of them, who takes them over, and that a pod lets go of those that are another's by now. Put together
// of the journal's writer and the adopter.
import type { Journal } from '@parley/fleet'
import type { Clock, Result, Scope } from '@parley/kernel'
import type { ParleyError } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import type { ResumeClaims } from '../identity/identity-port.ts'
import type { SessionsOfFleet } from '../sessions/session-service.ts'
import { Adopter } from './adopter.ts'
import type { PodFleet } from './pod-fleet.ts'
import { PodJournal } from './pod-journal.ts'

export interface ResumeAnywhereOptions {
  readonly clock: Clock
  readonly podId: string
  readonly fleet: PodFleet
  readonly sessions: SessionsOfFleet
  readonly journal: Journal
  readonly config: { readonly sessions: { readonly graceMs: number } }
  readonly logger: Logger
}

export class ResumeAnywhere {
  readonly #options: ResumeAnywhereOptions
  readonly journal: PodJournal
  readonly adopter: Adopter

  constructor(options: ResumeAnywhereOptions) {
    this.#options = options
    const { fleet, sessions, config } = options
    this.journal = new PodJournal({
      ...options,
      graceMs: config.sessions.graceMs,
      sessions: () => sessions.live(),
      tokenOf: (sessionId) => fleet.tokenOf(sessionId),
      onFenced: (sessionId) => void this.#check(sessionId),
    })
    this.adopter = new Adopter(options)
  }

  start(scope: Scope): void {
    this.journal.start(scope)
    this.#options.fleet.seatBook.onTaken = (sessionId) => this.letGo(sessionId)
  }

  /** As `Adopter.adopt`, for a client that came to `wsUrl`. */
  adopt(claims: ResumeClaims, wsUrl: string): Promise<Result<void, ParleyError>> {
    return this.adopter.adopt(claims, { host: URL.parse(wsUrl)?.host })
  }

  /** Another pod has the session: whoever follows it here is sent there, and nothing of it is released. */
  letGo(sessionId: string): void {
    const { fleet, sessions, logger } = this.#options
    fleet.seatBook.let(sessionId)
    this.journal.let(sessionId)
    const session = sessions.get(sessionId)
    if (!session) return
    session.handedOver()
    logger.warn({ sessionId }, 'a session is let go of: another pod has it')
  }

  /** Somebody has a greater token than this pod wrote with: another owner, or this pod itself, that has not heard of its newest token yet. */
  async #check(sessionId: string): Promise<void> {
    const { fleet, podId } = this.#options
    const located = await fleet.locate(sessionId)
    const owner = located.ok ? located.value : undefined
    if (owner && owner.state !== 'orphan' && owner.memberId !== podId) this.letGo(sessionId)
  }
}
