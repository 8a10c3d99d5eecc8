// Watchers at another pod of one session here: to the session each is a channel like any other, what it is told goes out by one link.
import type { CloseReason, SessionId, WatchLinkId } from '@parley/protocol'
import { NO_KEY, type Session, type SessionChannel } from '@parley/sessions'
import type { GreetingHost } from './owner-greeting.ts'
import type { ServedWatchers, WatcherHello, WatcherService, WatcherWish, WatchOutlet } from './watch-port.ts'
import { wantOf } from './watched.ts'
import { joinWatcher, showSession } from './watcher-greeting.ts'

interface RemoteWatchersOptions {
  readonly host: GreetingHost
  readonly sessionId: SessionId
  readonly outlet: WatchOutlet
  readonly onClosed: (watchers: RemoteWatchers) => void
}

/** All links of other pods to sessions here. */
export class RemoteWatcherSet implements WatcherService {
  readonly #host: GreetingHost
  readonly #links = new Set<RemoteWatchers>()

  constructor(host: GreetingHost) {
    this.#host = host
  }

  /** A link by which another pod's watchers follow a session here; until it is closed. */
  serve(sessionId: string, outlet: WatchOutlet): RemoteWatchers {
    const onClosed = (watchers: RemoteWatchers): void => void this.#links.delete(watchers)
    const watchers = new RemoteWatchers({ host: this.#host, sessionId: sessionId as SessionId, outlet, onClosed })
    this.#links.add(watchers)
    return watchers
  }

  /** Whoever follows by this link is disconnected. */
  revoke(linkId: WatchLinkId): void {
    for (const watchers of [...this.#links]) watchers.revoke(linkId)
  }
}

class RemoteChannel implements SessionChannel {
  readonly linkId: WatchLinkId
  readonly #id: number
  readonly #outlet: WatchOutlet
  readonly #onClosed: () => void
  #isOver = false
  session: Session | undefined

  constructor(id: number, linkId: WatchLinkId, outlet: WatchOutlet, onClosed: () => void) {
    this.linkId = linkId
    this.#id = id
    this.#outlet = outlet
    this.#onClosed = onClosed
  }

  keep(message: Buffer, supersedes = NO_KEY): void {
    if (!this.#isOver) this.#outlet.keep(this.#id, message, supersedes)
  }
  latest(key: number, message: Buffer): void {
    if (!this.#isOver) this.#outlet.latest(this.#id, key, message)
  }
  speech(frame: Buffer): boolean {
    return !this.#isOver && this.#outlet.speech(this.#id, frame)
  }
  ping(): void {}
  /** It goes on at the pod it has come to, which finds the session anew when this link says `moved`. */
  move(): void {}
  close(reason: CloseReason): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#outlet.closed(this.#id, reason)
    this.#onClosed()
  }
  /** Without a word: whoever it was for has gone. */
  drop(): void {
    this.#isOver = true
    this.session?.unwatch(this)
  }
}

export class RemoteWatchers implements ServedWatchers {
  readonly #options: RemoteWatchersOptions
  readonly #channels = new Map<number, RemoteChannel>()

  constructor(options: RemoteWatchersOptions) {
    this.#options = options
  }

  /** `wsUrl` of the welcome is the other pod's affair. */
  join(id: number, linkId: WatchLinkId, hello: WatcherHello): void {
    const { host, sessionId, outlet } = this.#options
    if (this.#channels.has(id)) return
    const channel = new RemoteChannel(id, linkId, outlet, () => this.#channels.delete(id))
    const joined = joinWatcher({ sessionId, linkId, hello }, channel, host)
    if (!joined.ok) {
      outlet.refused(id, joined.error)
      return
    }
    channel.session = joined.value
    this.#channels.set(id, channel)
    showSession(joined.value, channel, hello, '', host, (words) => outlet.welcome(id, words))
  }

  want(id: number, wish: WatcherWish): void {
    const channel = this.#channels.get(id)
    if (channel?.session) wantOf(channel.session, channel, wish)
  }

  leave(id: number): void {
    this.#channels.get(id)?.drop()
    this.#channels.delete(id)
  }

  /** Whoever follows by this link is disconnected. */
  revoke(linkId: WatchLinkId): void {
    for (const channel of [...this.#channels.values()]) {
      if (channel.linkId !== linkId) continue
      channel.session?.unwatch(channel)
      channel.close('revoked')
    }
  }

  /** The link is gone. Idempotent. */
  close(): void {
    for (const channel of [...this.#channels.values()]) channel.drop()
    this.#channels.clear()
    this.#options.onClosed(this)
  }
}
