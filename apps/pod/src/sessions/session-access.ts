// For whom a session is and who may see it, and what they see. Pure.
import { err, ok, type Result } from '@parley/kernel'
import { type CreateSession, ParleyError, type PodId, type SessionView } from '@parley/protocol'
import type { Session } from '@parley/sessions'
import type { Principal } from '../identity/identity-port.ts'

/** For whom the session is: a key of role backend or admin may name anybody, everybody else is who they are. */
export function userOf(principal: Principal, body: CreateSession): Result<string, ParleyError> {
  const mayName = principal.role === 'admin' || principal.role === 'backend'
  if (body.user === undefined) return ok(principal.user ?? principal.keyId ?? principal.role)
  if (mayName) return ok(body.user)
  const message = 'only a key of role backend or admin may name a user'
  return err(new ParleyError('FORBIDDEN', { field: 'user', message }))
}

export function maySee(principal: Principal, session: Session): boolean {
  const { tenant, user } = session.identity
  if (principal.tenant !== tenant) return false
  return principal.role === 'admin' || principal.role === 'backend' || principal.user === user
}

/** `now`: the same instant on both clocks. */
export function viewOf(session: Session, podId: PodId, now: { nowMs: number; wallMs: number }): SessionView {
  const { state, identity, feed, connectedAtWallMs } = session
  return {
    sessionId: session.id,
    podId,
    // A closed session is in no registry, so nobody can ask for it.
    state: state.kind === 'closed' ? 'suspended' : state.kind,
    language: identity.language,
    user: identity.user,
    createdAtMs: session.createdAtWallMs,
    ...(connectedAtWallMs === undefined ? {} : { connectedAtMs: connectedAtWallMs }),
    ...(state.kind === 'suspended' ? { suspendedUntilMs: now.wallMs + state.resumeUntilMs - now.nowMs } : {}),
    audioMs: session.audioMs,
    audioTransport: session.audioTransport,
    finals: feed.finals,
    watchers: feed.audience.watcherCount,
    metadata: { ...identity.metadata },
  }
}
