// Watch links that were revoked, wherever in the fleet: void for every session here, also for one that came with them from another pod.
import type { WatchLinkId } from '@parley/protocol'
import type { SessionRegistry } from '@parley/sessions'
import type { Revocation, Revocations } from '../identity/revocations.ts'
import type { ClientConnection } from './client-connection.ts'
import type { RemoteWatcherSet } from './remote-watchers.ts'

export interface RevokedLinksOptions {
  readonly registry: SessionRegistry
  readonly connections: Iterable<ClientConnection>
  /** At other pods, of sessions here. */
  readonly watchers: Pick<RemoteWatcherSet, 'revoke'>
  /** Undefined: nobody is told, and nobody tells. */
  readonly revocations: Pick<Revocations, 'has' | 'add' | 'onAdded'> | undefined
}

export class RevokedLinks {
  readonly #options: RevokedLinksOptions
  /** Ends hearing of others. */
  readonly close: () => void

  constructor(options: RevokedLinksOptions) {
    this.#options = options
    this.close = options.revocations?.onAdded((added) => this.#onAdded(added)) ?? (() => {})
  }

  /** A session has forgotten its link: so does everybody. `untilMs`: when the link would have ended; wall clock. */
  add(linkId: WatchLinkId, untilMs: number): void {
    this.#options.revocations?.add([{ kind: 'link', id: linkId, untilMs }])
    this.#cut(linkId)
  }

  #onAdded(added: readonly Revocation[]): void {
    for (const { kind, id } of added) {
      if (kind !== 'link') continue
      for (const session of this.#options.registry.values()) session.links.revoke(id as WatchLinkId)
      this.#cut(id as WatchLinkId)
    }
  }

  #cut(linkId: WatchLinkId): void {
    const { connections, watchers } = this.#options
    for (const connection of [...connections]) if (connection.follows(linkId)) connection.leave('revoked')
    watchers.revoke(linkId)
  }
}
