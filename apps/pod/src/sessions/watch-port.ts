// What sessions and the fleet agree on so that watchers at one pod can follow a session of another: what a watcher follows, the link as each end of it
// sees it. Sessions implement one end, the fleet's links the other.
import type { ClientMessage, CloseReason, Hello, ParleyError, SessionId, WatchLinkId, Welcome } from '@parley/protocol'
import type { SessionChannel } from '@parley/sessions'

type MessageOf<Type extends ClientMessage['type']> = Extract<ClientMessage, { type: Type }>
/** What a watcher may ask for. */
export type WatcherWish = MessageOf<'subscribe'> | MessageOf<'captions'>
/** What of its hello concerns a watcher. */
export type WatcherHello = Pick<Hello, 'requestId' | 'subscriptions' | 'captions' | 'resume'>

/** What a watcher follows, as its connection sees it: a session of this pod, or one of another pod by way of a link. */
export interface Watched {
  /** Answered on `follower`, by `subscribed` or `captions.set`. */
  want(follower: SessionChannel, wish: WatcherWish): void
  /** `follower` leaves. Idempotent. */
  unwatch(follower: SessionChannel): void
}

// ---- where the watchers are ----

export interface FollowRequest {
  readonly sessionId: SessionId
  readonly linkId: WatchLinkId
  readonly hello: WatcherHello
}

/** A watcher here of a session elsewhere, as the link to it sees it. */
export interface RemoteFollower {
  /** It follows from now on; called before any of its channel. False: it has left meanwhile. */
  welcomed(welcome: Welcome, watched: Watched): boolean
  readonly channel: SessionChannel
}

/** Links to the pods whose sessions are watched here. */
export interface WatchRelay {
  /** `impossible`: there is no such link, and the client is better told where to go. Answers within seconds; rejects never. */
  follow(request: FollowRequest, follower: RemoteFollower): Promise<'following' | 'impossible' | ParleyError>
}

// ---- where the session is ----

/** The link's writing side. A message that several channels get, one after the other, is the same object. */
export interface WatchOutlet {
  welcome(channel: number, welcome: Welcome): void
  refused(channel: number, error: ParleyError): void
  keep(channel: number, message: Buffer, supersedes: number): void
  latest(channel: number, key: number, message: Buffer): void
  speech(channel: number, frame: Buffer): boolean
  closed(channel: number, reason: CloseReason): void
}

/** Watchers at another pod of one session here. */
export interface ServedWatchers {
  join(channel: number, linkId: WatchLinkId, hello: WatcherHello): void
  want(channel: number, wish: WatcherWish): void
  leave(channel: number): void
  /** The link is gone. Idempotent. */
  close(): void
}

export interface WatcherService {
  /** A link by which another pod's watchers follow a session here; until it is closed. */
  serve(sessionId: string, outlet: WatchOutlet): ServedWatchers
}
