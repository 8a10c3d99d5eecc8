// Messages of a tenant's backend for whoever has a session here: handed to the connection of its owner, or not at all. Nothing is kept for who is away:
// the sender is told, and decides.
import { type Clock, TokenBucket } from '@parley/kernel'
import {
  MESSAGE_BURST,
  MESSAGES_PER_SECOND,
  type MessageContent,
  type MessageResult,
  type SessionDelivery,
} from '@parley/protocol'
import { countUp, encodeServer, type Session, type SessionRegistry } from '@parley/sessions'

export type MessageTarget = { readonly user: string } | { readonly sessionId: string }

export class SessionMessages {
  readonly #clock: Clock
  readonly #registry: SessionRegistry
  readonly #podId: string
  readonly #buckets = new WeakMap<Session, TokenBucket>()
  /** What became of messages at sessions here, since start. */
  readonly totals: Partial<Record<MessageResult, number>> = {}

  constructor(clock: Clock, registry: SessionRegistry, podId: string) {
    this.#clock = clock
    this.#registry = registry
    this.#podId = podId
  }

  /** What became of it at each session of that tenant here; none: nobody it is for has a session here. */
  send(tenant: string, target: MessageTarget, content: MessageContent): readonly SessionDelivery[] {
    const sessions =
      'user' in target ? this.#registry.ofUser(tenant, target.user) : this.#named(tenant, target.sessionId)
    if (sessions.length === 0) return []
    const message = encodeServer({ type: 'message', ...content })
    return sessions.map((session) => {
      const result = this.#hand(session, message)
      countUp(this.totals, result)
      return { sessionId: session.id, podId: this.#podId, result }
    })
  }

  #named(tenant: string, sessionId: string): readonly Session[] {
    const session = this.#registry.get(sessionId)
    return session?.identity.tenant === tenant ? [session] : []
  }

  #hand(session: Session, message: Buffer): MessageResult {
    const { audience } = session.feed
    const { owner } = audience
    if (!owner) return session.state.kind === 'opening' ? 'opening' : 'suspended'
    if (!this.#bucketOf(session).take(1, this.#clock.nowMs())) return 'limited'
    owner.keep(message)
    // A connection that cannot take any more is gone by now.
    return audience.owner === owner ? 'delivered' : 'suspended'
  }

  #bucketOf(session: Session): TokenBucket {
    let bucket = this.#buckets.get(session)
    if (!bucket) {
      bucket = new TokenBucket(MESSAGES_PER_SECOND, MESSAGE_BURST, this.#clock.nowMs())
      this.#buckets.set(session, bucket)
    }
    return bucket
  }
}
