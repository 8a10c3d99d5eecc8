// How a connection becomes a watcher: of a session of this pod, or of one of another pod by way of a link to it.
import { err, ok, type Result } from '@parley/kernel'
import { type Hello, ParleyError, type Welcome } from '@parley/protocol'
import { encodeServer, type Session, type SessionChannel } from '@parley/sessions'
import type { WatchClaims } from '../identity/identity-port.ts'
import type { ClientConnection } from './client-connection.ts'
import type { GreetingHost } from './owner-greeting.ts'
import type { FollowRequest, WatcherHello } from './watch-port.ts'
import { watchedHere } from './watched.ts'
import { echo, tellCaptions, welcome } from './welcome.ts'

/** `channel` follows the session from now on, if it may; `showSession` is to be called before anything yields. */
export function joinWatcher(
  { sessionId, linkId, hello }: FollowRequest,
  channel: SessionChannel,
  host: GreetingHost,
): Result<Session, ParleyError> {
  const session = host.registry.get(sessionId)
  if (!session) return err(new ParleyError('SESSION_UNKNOWN', { message: 'the session this link follows has ended' }))
  const isValid = !host.isRevoked(linkId) && session.links.validUntil(linkId, host.clock.wallMs()) !== undefined
  if (!isValid) return err(new ParleyError('WATCH_LINK_INVALID'))
  const watching = session.watch(channel, { subscriptions: hello.subscriptions, captions: hello.captions })
  return watching.ok ? ok(session) : watching
}

/** From here to the last of the recent events nothing yields: the next event that is published follows them. */
export function showSession(
  session: Session,
  channel: SessionChannel,
  hello: WatcherHello,
  wsUrl: string,
  host: GreetingHost,
  say: (welcome: Welcome) => void,
): void {
  const { feed } = session
  const hearing = feed.audience.hearingOf(channel)
  const seenSeq = hello.resume?.seq ?? 0
  // Who was here before is told what it has missed, however much that is; who is new the last few finals.
  const { afterSeq, truncatedTo, messages } = seenSeq > 0 ? feed.missed(seenSeq, hearing, false) : feed.recent(hearing)
  say({ ...welcome(hello, session, channel, wsUrl, host), role: 'watcher', seq: afterSeq, catchesUp: true })
  tellCaptions(channel, session)
  if (truncatedTo !== undefined) channel.keep(encodeServer({ type: 'truncated', firstSeq: truncatedTo }))
  for (const message of messages) channel.keep(message)
}

export function welcomeWatcher(
  connection: ClientConnection,
  hello: Hello,
  claims: WatchClaims,
  host: GreetingHost,
): void {
  if (!connection.isChecking || !isWatcherHello(connection, hello)) return
  const joined = joinWatcher({ ...claims, hello }, connection, host)
  if (!joined.ok) {
    connection.refuse(joined.error.code, { ...joined.error.details, ...echo(hello) })
    return
  }
  const session = joined.value
  connection.becomeWatcher(watchedHere(session), claims.linkId, untilMs(claims, host))
  showSession(session, connection, hello, connection.peer.wsUrl, host, (words) => connection.keep(encodeServer(words)))
  host.logger.debug({ sessionId: session.id, linkId: claims.linkId }, 'watcher joined')
}

/** False: the session cannot be followed from here, and nothing was said. */
export async function welcomeFromElsewhere(
  connection: ClientConnection,
  hello: Hello,
  claims: WatchClaims,
  host: GreetingHost,
): Promise<boolean> {
  const { relay } = host
  if (!relay || !connection.isChecking) return false
  if (!isWatcherHello(connection, hello)) return true
  if (host.isRevoked(claims.linkId)) {
    connection.refuse('WATCH_LINK_INVALID', echo(hello))
    return true
  }
  const { requestId, subscriptions, captions, resume } = hello
  const wishes = {
    ...(subscriptions ? { subscriptions } : {}),
    ...(captions ? { captions } : {}),
    ...(resume ? { resume } : {}),
  }
  const asked = { ...wishes, ...(requestId === undefined ? {} : { requestId }) }
  const { sessionId, linkId } = claims
  const followed = await relay.follow(
    { sessionId, linkId, hello: asked },
    {
      channel: connection,
      welcomed(words, watched) {
        if (!connection.isChecking) return false
        connection.becomeWatcher(watched, linkId, untilMs(claims, host))
        connection.keep(encodeServer({ ...words, entryUrls: [...host.entryUrls(connection.peer.wsUrl)] }))
        return true
      },
    },
  )
  if (followed === 'following') host.logger.debug({ sessionId, linkId }, 'watcher joined by a link to another pod')
  if (!(followed instanceof ParleyError)) return followed === 'following'
  // That pod is only fetching it, or it ended a moment ago: the directory knows which.
  if (followed.code === 'SESSION_UNKNOWN') return false
  if (connection.isChecking) connection.refuse(followed.code, { ...followed.details, ...echo(hello) })
  return true
}

const untilMs = ({ expiresAtMs }: WatchClaims, { clock }: GreetingHost): number =>
  clock.nowMs() + expiresAtMs - clock.wallMs()

/** False: it was refused. */
function isWatcherHello(connection: ClientConnection, hello: Hello): boolean {
  if (!hello.audio) return true
  const message = 'field "audio" must be absent with a watch token: a watcher sends no audio'
  connection.refuse('INVALID_FIELD', { field: 'audio', message, ...echo(hello) })
  return false
}
