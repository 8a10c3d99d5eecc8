// Takes over sessions whose pod is gone, when their clients come: the directory says whose they are, the journal how they stood. Whatever is not
// certain yet is answered with when to come again; nothing is taken from a pod that may be alive.
import type { DirectoryRefusal, FencingToken, Journal, Located } from '@parley/fleet'
import { err, ok, type Result } from '@parley/kernel'
import {
  type CheckpointProblem,
  checkpointProblemText,
  ParleyError,
  readCheckpoint,
  type SessionCheckpoint,
} from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import type { ResumeClaims } from '../identity/identity-port.ts'
import type { SessionsOfFleet } from '../sessions/session-service.ts'
import { urlsAt } from './addresses.ts'
import type { PodFleet, Reach } from './pod-fleet.ts'
import { livesAt, nobodyKnows, notYet } from './refusal.ts'

export interface AdopterOptions {
  readonly fleet: PodFleet
  readonly journal: Journal
  readonly sessions: SessionsOfFleet
  readonly podId: string
  readonly logger: Logger
}

/** A client whose pod does not answer comes again so soon: the rest of that pod's lease is short. */
export const ASK_AGAIN_MS = 400
/** Sessions that are being taken over at a time; whoever comes beyond it comes again. */
const MAX_ADOPTIONS = 1_000

type Adopted = Result<void, ParleyError>

export class Adopter {
  readonly #options: AdopterOptions
  /** Under way, by session: two connections of one client are one. */
  readonly #underWay = new Map<string, Promise<Adopted>>()
  /** Since the start. */
  readonly counts = { adopted: 0, unknown: 0, waited: 0, unreadable: 0 }

  constructor(options: AdopterOptions) {
    this.#options = options
  }

  /**
   * Ok when the session is here now. WRONG_POD when it lives elsewhere, SESSION_SUSPENDED when it is to be asked for again, STATE_UNREADABLE when another pod
   * is to be asked, SESSION_UNKNOWN.
   */
  adopt(claims: ResumeClaims, reach: Reach): Promise<Adopted> {
    const { sessionId } = claims
    const underWay = this.#underWay.get(sessionId)
    if (underWay) return underWay
    if (this.#underWay.size >= MAX_ADOPTIONS) return Promise.resolve(err(notYet(ASK_AGAIN_MS)))
    const adopting = this.#adopt(claims, reach).finally(() => this.#underWay.delete(sessionId))
    this.#underWay.set(sessionId, adopting)
    return adopting
  }

  async #adopt(claims: ResumeClaims, reach: Reach): Promise<Adopted> {
    const { fleet, podId } = this.#options
    const located = await fleet.locate(claims.sessionId)
    if (!located.ok) return err(nobodyKnows(ASK_AGAIN_MS))
    const found = located.value
    if (found && found.state !== 'orphan') {
      if (found.memberId !== podId) return err(this.#livesThere(found, reach))
      // Reserved: another pod has found a seat for it here.
      if (found.state === 'reserved') return this.#restore(claims, found.token)
      // Of the process that was here before, until the directory knows that it has ended; else it is over since a moment ago.
      return err(fleet.isMember ? new ParleyError('SESSION_UNKNOWN') : notYet(ASK_AGAIN_MS))
    }
    const claimed = await fleet.takeOver(claims.sessionId, claims.token, podId)
    if (claimed.ok) return this.#restore(claims, claimed.value.token)
    if (claimed.error.code !== 'FLEET_FULL') return err(this.#notTaken(claimed.error))
    // No seat here; perhaps there is one elsewhere.
    const there = await fleet.takeOver(claims.sessionId, claims.token, undefined)
    if (!there.ok) return err(this.#notTaken(there.error))
    if (there.value.memberId === podId) return this.#restore(claims, there.value.token)
    const base = fleet.baseOf(there.value.urls, reach)
    return err(livesAt(there.value.memberId, urlsAt(base, there.value.memberId).wsUrl))
  }

  /** Whoever comes from that very pod knows that it does not answer: it comes again, until the pod has answered or its lease is over. */
  #livesThere({ memberId, urls }: Located, reach: Reach): ParleyError {
    this.counts.waited++
    const { wsUrl } = urlsAt(this.#options.fleet.baseOf(urls, reach), memberId)
    return livesAt(memberId, wsUrl, ASK_AGAIN_MS)
  }

  #notTaken(refusal: DirectoryRefusal): ParleyError {
    switch (refusal.code) {
      case 'MEMBER_FENCED':
        this.#options.fleet.fenced()
        return notYet(ASK_AGAIN_MS)
      case 'FLEET_FULL':
      case 'DIRECTORY_SETTLING':
        return notYet(Math.max(ASK_AGAIN_MS, Math.min(refusal.retryAfterMs, 2_000)))
      case 'DIRECTORY_AWAY':
        return nobodyKnows(ASK_AGAIN_MS)
      default:
        // Somebody else was quicker, or it changes hands: the next time it is known where it is.
        return notYet(ASK_AGAIN_MS)
    }
  }

  /** The seat is reserved here with `token`; it is given back unless the session is here in the end. */
  async #restore(claims: ResumeClaims, token: FencingToken): Promise<Adopted> {
    const { fleet, journal, sessions, logger } = this.#options
    const { sessionId, tenant, user, podId: from } = claims
    const kept = await journal.recall(sessionId)
    const read = kept.ok && kept.value ? readState(kept.value.state) : undefined
    if (read && !read.ok) {
      fleet.release(sessionId, token)
      return err(this.#leaveIt(sessionId, read.error))
    }
    const state = read?.value
    const isTheirs = state?.tenant === tenant && state.user === user
    if (!state || !isTheirs) {
      fleet.release(sessionId, token)
      if (!kept.ok) return err(nobodyKnows(ASK_AGAIN_MS))
      this.counts.unknown++
      logger.warn({ sessionId, from }, 'a client came for a session of which nothing is kept (any more)')
      const message = 'the session has ended, or its pod was lost and nothing of it is kept (any more)'
      return err(new ParleyError('SESSION_UNKNOWN', { message }))
    }
    const onAdmitted = (): void => fleet.seatBook.admitted(sessionId, token)
    const restored = sessions.restore(state, { sessionId, onAdmitted })
    if (!restored.ok) {
      fleet.release(sessionId, token)
      return restored
    }
    fleet.seatBook.came(sessionId)
    this.counts.adopted++
    logger.info({ sessionId, from, seq: state.seq }, 'a session was taken over from a pod that is gone')
    return ok(undefined)
  }

  /** Written by a pod of a version that this one does not know: it is for a pod that can read it, to which the client finds by itself. */
  #leaveIt(sessionId: string, problem: CheckpointProblem): ParleyError {
    const { logger } = this.#options
    this.counts.unreadable++
    const message = checkpointProblemText(problem)
    logger.warn({ sessionId, why: message }, 'a session is left to a pod that can read its state')
    return new ParleyError('STATE_UNREADABLE', { message, retryAfterMs: ASK_AGAIN_MS })
  }
}

export function readState(state: string): Result<SessionCheckpoint, CheckpointProblem> {
  try {
    return readCheckpoint(JSON.parse(state))
  } catch {
    return err({ kind: 'unreadable', why: 'it is not valid JSON' })
  }
}
