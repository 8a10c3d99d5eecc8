// What a hello is worth: a ticket makes its connection the owner of a session, a watch token makes it a watcher, anything else is
// refused with its reason. Keeps nothing of the token.
import { type Clock, DeadlineError, withDeadline } from '@parley/kernel'
import {
  type AudioFormat,
  checkAudioFormat,
  DEAD_AFTER_MS,
  type ErrorDetails,
  HELLO_DEADLINE_MS,
  type Hello,
  PING_INTERVAL_MS,
  PROTOCOL_VERSION,
  type Welcome,
} from '@parley/protocol'
import { encodeServer, type Session, type SessionRegistry } from '@parley/sessions'
import type { Logger } from '@parley/telemetry'
import type { TicketClaims, Tokens, WatchClaims } from '../identity/identity-port.ts'
import { unsupportedFormat } from './audio-refusal.ts'
import type { ClientConnection } from './client-connection.ts'

export interface GreetingHost {
  readonly clock: Clock
  readonly logger: Logger
  readonly podId: string
  readonly graceMs: number
  readonly tokens: Tokens
  readonly registry: SessionRegistry
}

/** Checks `hello` and answers it on `connection`, whose phase is `checking`. Never rejects. */
export async function greet(connection: ClientConnection, hello: Hello, host: GreetingHost): Promise<void> {
  try {
    const format = hello.audio
    const checked = format ? checkAudioFormat(format) : undefined
    // Before the token is redeemed: a format the platform does not take leaves the ticket good for another try.
    if (checked && !checked.ok) {
      connection.refuse('AUDIO_FORMAT_UNSUPPORTED', { ...unsupportedFormat(checked.error), ...echo(hello) })
      return
    }
    const redeeming = host.tokens.redeem(hello.token)
    const redeemed = await withDeadline(host.clock, HELLO_DEADLINE_MS, 'redeeming a token', redeeming)
    if (!redeemed.ok) connection.refuse(redeemed.error.code, { ...redeemed.error.details, ...echo(hello) })
    else if (redeemed.value.kind === 'ticket') welcomeOwner(connection, hello, redeemed.value.claims, format, host)
    else welcomeWatcher(connection, hello, redeemed.value.claims, host)
  } catch (failure) {
    // The connection's own hello deadline has ended it by then, with its own words.
    if (!(failure instanceof DeadlineError)) connection.fail(failure)
  }
}

function welcomeOwner(
  connection: ClientConnection,
  hello: Hello,
  claims: TicketClaims,
  format: AudioFormat | undefined,
  host: GreetingHost,
): void {
  const session = host.registry.get(claims.sessionId)
  if (!connection.isChecking) {
    // The client left between hello and welcome and its ticket is spent: nobody can come for this session any more.
    if (session?.state.kind === 'opening') session.end('socket_lost')
    return
  }
  if (!session) {
    connection.refuse('SESSION_UNKNOWN', { message: 'the session of this ticket has ended', ...echo(hello) })
    return
  }
  if (session.identity.tenant !== claims.tenant || session.identity.user !== claims.user) {
    connection.refuse('TICKET_INVALID', echo(hello))
    return
  }
  if (!format) {
    const message = 'field "audio" is missing: the owner of a session says what it will send'
    connection.refuse('INVALID_FIELD', { field: 'audio', message, ...echo(hello) })
    session.end('refused')
    return
  }
  if (!session.join(connection, format)) {
    connection.refuse('TICKET_USED', echo(hello))
    return
  }
  connection.becomeOwner(session)
  const { seq, watcherCount } = session.feed
  connection.keep(encodeServer({ ...welcome(connection, hello, session, host), role: 'owner', audio: format, seq }))
  if (watcherCount > 0) connection.keep(encodeServer({ type: 'watchers', count: watcherCount }))
  const client = hello.client ? { client: hello.client } : {}
  host.logger.debug({ sessionId: session.id, requestId: connection.peer.requestId, ...client }, 'session active')
}

function welcomeWatcher(connection: ClientConnection, hello: Hello, claims: WatchClaims, host: GreetingHost): void {
  if (!connection.isChecking) return
  if (hello.audio) {
    const message = 'field "audio" must be absent with a watch token: a watcher sends no audio'
    connection.refuse('INVALID_FIELD', { field: 'audio', message, ...echo(hello) })
    return
  }
  const session = host.registry.get(claims.sessionId)
  if (!session) {
    connection.refuse('SESSION_UNKNOWN', { message: 'the session this link follows has ended', ...echo(hello) })
    return
  }
  const wallMs = host.clock.wallMs()
  const expiresAtMs = session.links.validUntil(claims.linkId, wallMs)
  if (expiresAtMs === undefined) {
    connection.refuse('WATCH_LINK_INVALID', echo(hello))
    return
  }
  const watching = session.watch(connection)
  if (!watching.ok) {
    connection.refuse(watching.error.code, { ...watching.error.details, ...echo(hello) })
    return
  }
  connection.becomeWatcher(session, claims.linkId, host.clock.nowMs() + expiresAtMs - wallMs)
  // From here to the last of the recent events nothing yields: the next event that is published follows them.
  const { afterSeq, messages } = session.feed.recent()
  connection.keep(encodeServer({ ...welcome(connection, hello, session, host), role: 'watcher', seq: afterSeq }))
  for (const message of messages) connection.keep(message)
  host.logger.debug({ sessionId: session.id, linkId: claims.linkId }, 'watcher joined')
}

function welcome(
  connection: ClientConnection,
  hello: Hello,
  session: Session,
  host: GreetingHost,
): Omit<Welcome, 'role' | 'seq' | 'audio'> {
  return {
    type: 'welcome',
    ...echo(hello),
    protocolVersion: PROTOCOL_VERSION,
    sessionId: session.id,
    podId: host.podId,
    epoch: session.feed.epoch,
    language: session.identity.language,
    speech: session.feed.speech,
    pingIntervalMs: PING_INTERVAL_MS,
    deadAfterMs: DEAD_AFTER_MS,
    graceMs: host.graceMs,
    entryUrls: [connection.peer.wsUrl],
  }
}

function echo(hello: Hello): Pick<ErrorDetails, 'requestId'> {
  return hello.requestId === undefined ? {} : { requestId: hello.requestId }
}
