// What a hello is worth: a ticket or a resume token makes its connection the owner of a session (owner-greeting.ts), a watch token
// makes it a watcher, anything else is refused with its reason. Keeps nothing of the token.
import { assertNever, DeadlineError, withDeadline } from '@parley/kernel'
import { checkAudioFormat, HELLO_DEADLINE_MS, type Hello } from '@parley/protocol'
import { encodeServer } from '@parley/sessions'
import type { Redeemed, WatchClaims } from '../identity/identity-port.ts'
import { unsupportedFormat } from './audio-refusal.ts'
import type { ClientConnection } from './client-connection.ts'
import { type GreetingHost, greetResume, greetTicket, refuseUsedTicket } from './owner-greeting.ts'
import { echo, tellCaptions, welcome } from './welcome.ts'

/** Checks `hello` and answers it on `connection`, whose phase is `checking`. Never rejects. */
export async function greet(connection: ClientConnection, hello: Hello, host: GreetingHost): Promise<void> {
  try {
    const checked = hello.audio ? checkAudioFormat(hello.audio) : undefined
    // Before the token is redeemed: a format the platform does not take leaves the ticket good for another try.
    if (checked && !checked.ok) {
      connection.refuse('AUDIO_FORMAT_UNSUPPORTED', { ...unsupportedFormat(checked.error), ...echo(hello) })
      return
    }
    const redeeming = host.tokens.redeem(hello.token)
    const redeemed = await withDeadline(host.clock, HELLO_DEADLINE_MS, 'redeeming a token', redeeming)
    if (redeemed.ok) await greetWhereItIs(redeemed.value, connection, hello, host)
    else connection.refuse(redeemed.error.code, { ...redeemed.error.details, ...echo(hello) })
  } catch (failure) {
    // The connection's own hello deadline has ended it by then, with its own words.
    if (!(failure instanceof DeadlineError)) connection.fail(failure)
  }
}

/** A session that is not here may be on another pod: then the client is told which. */
async function greetWhereItIs(
  redeemed: Redeemed,
  connection: ClientConnection,
  hello: Hello,
  host: GreetingHost,
): Promise<void> {
  const { sessionId } = redeemed.claims
  const isHere = host.registry.get(sessionId) !== undefined
  const told = isHere ? undefined : await host.elsewhere?.(sessionId, connection.peer.wsUrl)
  if (told?.code !== 'WRONG_POD') await greetWith(redeemed, connection, hello, host)
  else if (connection.isChecking) connection.refuse('WRONG_POD', { ...told.details, ...echo(hello) })
}

async function greetWith(
  redeemed: Redeemed,
  connection: ClientConnection,
  hello: Hello,
  host: GreetingHost,
): Promise<void> {
  switch (redeemed.kind) {
    case 'ticket':
      await greetTicket(connection, hello, redeemed.claims, host)
      return
    case 'used_ticket':
      refuseUsedTicket(connection, hello, redeemed.claims, host)
      return
    case 'resume':
      await greetResume(connection, hello, redeemed.claims, host)
      return
    case 'watch':
      welcomeWatcher(connection, hello, redeemed.claims, host)
      return
    default:
      assertNever(redeemed)
  }
}

function welcomeWatcher(connection: ClientConnection, hello: Hello, claims: WatchClaims, host: GreetingHost): void {
  if (!connection.isChecking) return
  if (hello.audio || hello.resume) {
    const field = hello.audio ? 'audio' : 'resume'
    const message = hello.audio
      ? 'field "audio" must be absent with a watch token: a watcher sends no audio'
      : 'field "resume" goes with a resume token: a watcher is shown the last events in any case'
    connection.refuse('INVALID_FIELD', { field, message, ...echo(hello) })
    return
  }
  const session = host.registry.get(claims.sessionId)
  if (!session) {
    connection.refuse('SESSION_UNKNOWN', { message: 'the session this link follows has ended', ...echo(hello) })
    return
  }
  const wallMs = host.clock.wallMs()
  const expiresAtMs = host.isRevoked(claims.linkId) ? undefined : session.links.validUntil(claims.linkId, wallMs)
  if (expiresAtMs === undefined) {
    connection.refuse('WATCH_LINK_INVALID', echo(hello))
    return
  }
  const watching = session.watch(connection, { subscriptions: hello.subscriptions, captions: hello.captions })
  if (!watching.ok) {
    connection.refuse(watching.error.code, { ...watching.error.details, ...echo(hello) })
    return
  }
  connection.becomeWatcher(session, claims.linkId, host.clock.nowMs() + expiresAtMs - wallMs)
  // From here to the last of the recent events nothing yields: the next event that is published follows them.
  const { feed } = session
  const { afterSeq, messages } = feed.recent(feed.audience.hearingOf(connection))
  const words = welcome(hello, session, connection, connection.peer.wsUrl, host)
  connection.keep(encodeServer({ ...words, role: 'watcher', seq: afterSeq }))
  tellCaptions(connection, session)
  for (const message of messages) connection.keep(message)
  host.logger.debug({ sessionId: session.id, linkId: claims.linkId }, 'watcher joined')
}
