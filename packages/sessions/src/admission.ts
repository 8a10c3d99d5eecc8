// Who gets a seat. Pure arithmetic over what the pod holds at this instant; the caller reserves before it yields.
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError } from '@parley/protocol'

export interface AdmissionDemand {
  readonly isClosing: boolean
  /** Sessions held, in whatever state: each has a seat. */
  readonly sessions: number
  readonly seats: number
  readonly userSessions: number
  readonly sessionsPerUser: number
}

/** Advice with a refusal: long enough not to hammer, short enough to catch a seat given back. */
export const SEAT_RETRY_AFTER_MS = 5_000
const USER_RETRY_AFTER_MS = 10_000
const DRAINING_RETRY_AFTER_MS = 1_000

/** DRAINING, TOO_MANY_CONNECTIONS or NO_SEAT, each with `retryAfterMs`. */
export function admit(demand: AdmissionDemand): Result<void, ParleyError> {
  if (demand.isClosing) return err(new ParleyError('DRAINING', { retryAfterMs: DRAINING_RETRY_AFTER_MS }))
  if (demand.userSessions >= demand.sessionsPerUser) {
    return err(
      new ParleyError('TOO_MANY_CONNECTIONS', {
        message: `this user has ${demand.userSessions} sessions, the most allowed (limits.sessionsPerUser)`,
        retryAfterMs: USER_RETRY_AFTER_MS,
      }),
    )
  }
  if (demand.sessions >= demand.seats) {
    return err(
      new ParleyError('NO_SEAT', {
        message: `all ${demand.seats} seats of this pod are taken`,
        retryAfterMs: SEAT_RETRY_AFTER_MS,
      }),
    )
  }
  return ok(undefined)
}

/**
 * The canonical form of a BCP 47 tag (`en-us` -> `en-US`), or INVALID_FIELD. Whether anybody recognises the language is
 * for speech to say.
 */
export function canonicalLanguage(tag: string): Result<string, ParleyError> {
  try {
    const [canonical] = Intl.getCanonicalLocales(tag)
    if (canonical !== undefined) return ok(canonical)
  } catch {
    // Not a tag; told below.
  }
  return err(
    new ParleyError('INVALID_FIELD', {
      field: 'language',
      value: tag,
      message: `field "language" must be a BCP 47 tag such as "en" or "pt-BR", got "${tag}"`,
    }),
  )
}
