// What a watcher follows, as its connection sees it: a session of this pod, or one of another pod by way of a link.
import type { CaptionSet, ClientMessage } from '@parley/protocol'
import { encodeServer, type Session, type SessionChannel } from '@parley/sessions'

type MessageOf<Type extends ClientMessage['type']> = Extract<ClientMessage, { type: Type }>
/** What a watcher may ask for. */
export type WatcherWish = MessageOf<'subscribe'> | MessageOf<'captions'>

export interface Watched {
  /** Answered on `follower`, by `subscribed` or `captions.set`. */
  want(follower: SessionChannel, wish: WatcherWish): void
  /** `follower` leaves. Idempotent. */
  unwatch(follower: SessionChannel): void
}

/** Of an owner as of a watcher: answers with what is in force. */
export function wantOf(session: Session, follower: SessionChannel, wish: WatcherWish): void {
  const echo = wish.requestId === undefined ? {} : { requestId: wish.requestId }
  if (wish.type === 'subscribe') {
    const { version, streams } = session.subscribe(follower, wish)
    follower.keep(encodeServer({ type: 'subscribed', ...echo, version, streams: [...streams] }))
    return
  }
  const { type: _, requestId: __, ...set } = wish
  follower.keep(encodeServer({ ...session.wishCaptions(follower, set satisfies CaptionSet), ...echo }))
}

export function watchedHere(session: Session): Watched {
  return {
    want: (follower, wish) => wantOf(session, follower, wish),
    unwatch: (follower) => session.unwatch(follower),
  }
}
