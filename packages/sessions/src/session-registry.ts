// All sessions of this pod, by id and by user. A session in it has a seat; nothing else has one.
import type { SessionId } from '@parley/protocol'
import type { Session } from './session.ts'

export class SessionRegistry {
  readonly #sessions = new Map<SessionId, Session>()
  readonly #perUser = new Map<string, Set<Session>>()

  get size(): number {
    return this.#sessions.size
  }

  add(session: Session): void {
    if (this.#sessions.has(session.id)) throw new Error(`session ${session.id} is registered already`)
    this.#sessions.set(session.id, session)
    const key = userKey(session.identity.tenant, session.identity.user)
    const known = this.#perUser.get(key)
    if (known) known.add(session)
    else this.#perUser.set(key, new Set([session]))
  }

  /** Idempotent. */
  remove({ id }: Pick<Session, 'id'>): void {
    const session = this.#sessions.get(id)
    if (!session) return
    this.#sessions.delete(id)
    const key = userKey(session.identity.tenant, session.identity.user)
    const known = this.#perUser.get(key)
    known?.delete(session)
    if (known?.size === 0) this.#perUser.delete(key)
  }

  get(id: string): Session | undefined {
    return this.#sessions.get(id as SessionId)
  }

  countOf(tenant: string, user: string): number {
    return this.#perUser.get(userKey(tenant, user))?.size ?? 0
  }

  ofUser(tenant: string, user: string): readonly Session[] {
    return [...(this.#perUser.get(userKey(tenant, user)) ?? [])]
  }

  /** Sessions may be removed while iterating. */
  values(): IterableIterator<Session> {
    return this.#sessions.values()
  }
}

// Both parts come from outside: the length keeps ("a", "b c") and ("a b", "c") apart whatever they contain.
const userKey = (tenant: string, user: string): string => `${tenant.length}:${tenant}:${user}`
