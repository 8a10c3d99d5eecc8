// Forgetting a user over the API: its sessions end first, or they would go on making records.
import type { Clock } from '@parley/kernel'
import { ParleyError, type UserForgotten } from '@parley/protocol'
import { actorOf } from '../bridges/acts-to-records.ts'
import type { Principal } from '../identity/identity-port.ts'
import type { PodRecords } from '../records/pod-records.ts'
import type { SessionService } from '../sessions/session-service.ts'

const MAX_USER_CHARS = 128

export interface ForgetUserOptions {
  readonly clock: Clock
  readonly sessions: Pick<SessionService, 'list' | 'remove'>
  readonly records?: Pick<PodRecords, 'forget'> | undefined
}

/** Throws the ParleyError to answer with; the sessions have ended then, and the same request does the rest. */
export async function forgetUser(
  { sessions, records }: ForgetUserOptions,
  principal: Principal,
  user: string,
): Promise<UserForgotten> {
  if (user === '' || user.length > MAX_USER_CHARS) {
    const message = `field "user" has ${user.length} characters; 1 to ${MAX_USER_CHARS} are allowed`
    throw new ParleyError('INVALID_FIELD', { field: 'user', message })
  }
  let sessionsEnded = 0
  for (const view of sessions.list()) {
    // Another tenant's session is unknown to this principal, and stays.
    if (view.user === user && sessions.remove(principal, view.sessionId).ok) sessionsEnded++
  }
  if (!records) throw new ParleyError('RECORDS_UNAVAILABLE', { message: 'this pod keeps no records' })
  const forgotten = await records.forget(principal.tenant, user, actorOf(principal))
  if (!forgotten.ok) throw forgotten.error
  const { rows, spilled, archived, remarks } = forgotten.value
  return {
    sessionsEnded,
    sessions: rows.sessions,
    finals: rows.finals,
    acts: rows.audit,
    waiting: spilled,
    archived: archived.records,
    remarks: [...remarks],
  }
}
