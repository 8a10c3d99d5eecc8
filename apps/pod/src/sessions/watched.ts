// What becomes of what a follower of a session here wants, owner or watcher.
import type { CaptionSet } from '@parley/protocol'
import { encodeServer, type Session, type SessionChannel } from '@parley/sessions'
import type { Watched, WatcherWish } from './watch-port.ts'

/** Answers with what is in force. */
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
