// How a connection becomes the owner of a session: with a ticket the first time, with the resume token of a welcome ever after.
//
//   token        | opening  | active                | suspended         | gone
//   -------------+----------+-----------------------+-------------------+----------------
//   ticket       | welcome  | -                     | -                 | SESSION_UNKNOWN
//   used ticket  | TICKET_  | TICKET_USED           | SESSION_SUSPENDED | SESSION_UNKNOWN
//                | USED     |                       |                   |
//   resume token | -        | welcome, and the older| welcome           | SESSION_UNKNOWN
//                |          | connection `replaced` |                   |
import type { FencingToken } from '@parley/fleet'
import type { Clock, Result } from '@parley/kernel'
import type { AudioFormat, Hello, ParleyError, WatchLinkId } from '@parley/protocol'
import { encodeServer, type OwnerAttach, type Session, type SessionRegistry } from '@parley/sessions'
import type { Logger } from '@parley/telemetry'
import { UdpToSession } from '../bridges/udp-to-session.ts'
import type { ResumeClaims, TicketClaims, Tokens } from '../identity/identity-port.ts'
import type { ClientConnection } from './client-connection.ts'
import { offerUdp, type UdpAnswer, type UdpService } from './udp-offer.ts'
import type { WatchRelay } from './watch-port.ts'
import { echo, ownerWelcome, tellCaptions, type WelcomeHost, welcome } from './welcome.ts'

/** What a client is told whose session is not on this pod; `wsUrl`: the address it came to. Within seconds, and never rejects. */
export type ElsewhereLookup = (sessionId: string, wsUrl: string) => Promise<ParleyError>

/** Takes the session of `claims` over, whose pod is gone; else what its client is told. Within seconds, and never rejects. */
export type Adoption = (claims: ResumeClaims, wsUrl: string) => Promise<Result<void, ParleyError>>

export interface GreetingHost extends WelcomeHost {
  readonly clock: Clock
  readonly logger: Logger
  readonly audioPaceRatio: number
  readonly tokens: Tokens
  readonly registry: SessionRegistry
  /** Was this watch link revoked, whatever its session knows? */
  readonly isRevoked: (linkId: WatchLinkId) => boolean
  /** By which watchers here follow sessions elsewhere; undefined: they cannot. */
  readonly relay: WatchRelay | undefined
  /** Undefined when UDP is switched off. */
  readonly udp: UdpService | undefined
  /** Undefined: nobody else would know. */
  readonly elsewhere: ElsewhereLookup | undefined
  /** Undefined: a session lives and dies with its pod. */
  readonly adopt: Adoption | undefined
  /** The client of a session has come for the first time. */
  readonly onJoined: (sessionId: string) => void
  /** The token a session is held with in the fleet. */
  readonly fenceOf: (sessionId: string) => FencingToken | undefined
}

export async function greetTicket(
  connection: ClientConnection,
  hello: Hello,
  claims: TicketClaims,
  host: GreetingHost,
): Promise<void> {
  const session = ownSession(connection, hello, claims, host)
  if (!session) return
  const format = hello.audio
  if (!format || hello.resume) {
    const field = format ? 'resume' : 'audio'
    const message = format
      ? 'field "resume" goes with a resume token: with a ticket there is nothing to go on with'
      : 'field "audio" is missing: the owner of a session says what it will send'
    connection.refuse('INVALID_FIELD', { field, message, ...echo(hello) })
    session.end('refused')
    return
  }
  const prepared = await prepare(connection, hello, session, format, host)
  if (!stillThere(connection, session, prepared)) return
  if (!session.join(connection, format, prepared.attach)) {
    prepared.attach.channel?.close()
    const isGone = session.state.kind === 'closed'
    connection.refuse(isGone ? 'SESSION_UNKNOWN' : 'TICKET_USED', echo(hello))
    return
  }
  host.onJoined(session.id)
  sayWelcome(connection, hello, session, format, prepared, undefined, host)
}

/** A ticket that was redeemed before says what became of its session. */
export function refuseUsedTicket(
  connection: ClientConnection,
  hello: Hello,
  claims: TicketClaims,
  host: GreetingHost,
): void {
  const session = ownSession(connection, hello, claims, host)
  if (!session) return
  if (session.state.kind === 'suspended') {
    const message = 'the session waits for its client: resume with the token of its last welcome'
    connection.refuse('SESSION_SUSPENDED', { message, ...echo(hello) })
  } else connection.refuse('TICKET_USED', echo(hello))
}

export async function greetResume(
  connection: ClientConnection,
  hello: Hello,
  claims: ResumeClaims,
  host: GreetingHost,
): Promise<void> {
  const session = ownSession(connection, hello, claims, host)
  if (!session) return
  const format = hello.audio
  if (!format) {
    const message = 'field "audio" is missing: it must be the format the session began with'
    connection.refuse('INVALID_FIELD', { field: 'audio', message, ...echo(hello) })
    return
  }
  const { seq: seenSeq = 0, mediaMs = 0 } = hello.resume ?? {}
  const allowed = session.mayResume(format, seenSeq)
  if (!allowed.ok) {
    connection.refuse(allowed.error.code, { ...allowed.error.details, ...echo(hello) })
    return
  }
  const prepared = await prepare(connection, hello, session, format, host)
  if (!stillThere(connection, session, prepared)) return
  if (!session.resume(connection, prepared.attach, { seq: seenSeq, mediaMs })) {
    prepared.attach.channel?.close()
    refuseUnknown(connection, hello)
    return
  }
  sayWelcome(connection, hello, session, format, prepared, seenSeq, host)
}

/** The session of `claims`, or the refusal. */
function ownSession(
  connection: ClientConnection,
  hello: Hello,
  claims: TicketClaims,
  { registry }: GreetingHost,
): Session | undefined {
  const session = registry.get(claims.sessionId)
  if (!connection.isChecking) {
    abandon(session)
    return undefined
  }
  if (!session) return refuseUnknown(connection, hello)
  const { tenant, user } = session.identity
  if (tenant === claims.tenant && user === claims.user) return session
  connection.refuse('TICKET_INVALID', echo(hello))
  return undefined
}

function refuseUnknown(connection: ClientConnection, hello: Hello): undefined {
  if (connection.isChecking) {
    connection.refuse('SESSION_UNKNOWN', { message: 'the session of this token has ended', ...echo(hello) })
  }
  return undefined
}

/** The client left between hello and welcome and its ticket is spent: nobody can come for a session that nobody had. */
function abandon(session: Session | undefined): void {
  if (session?.state.kind === 'opening') session.end('socket_lost')
}

interface Prepared {
  readonly resumeToken: string
  readonly udp: UdpAnswer
  readonly attach: OwnerAttach
}

/** What a welcome needs that takes time. Nothing of the session has changed when this resolves. */
async function prepare(
  connection: ClientConnection,
  hello: Hello,
  session: Session,
  format: AudioFormat,
  host: GreetingHost,
): Promise<Prepared> {
  const { clock, podId, tokens } = host
  const { id: sessionId, tenant, user } = session.identity
  const token = host.fenceOf(sessionId)
  const resumeToken = await tokens.issueResumeToken({ sessionId, tenant, user, podId, token })
  const { peer } = connection
  const listener = new UdpToSession(session, connection, clock)
  const udp = await offerUdp({ isWanted: hello.udp === true, format, peer, listener }, host.udp, clock)
  const channel = udp.kind === 'offered' ? udp.channel : undefined
  return { resumeToken, udp, attach: { channel, subscriptions: hello.subscriptions, captions: hello.captions } }
}

/** False: the client left while its welcome was prepared; nothing is left of the preparations. */
function stillThere(connection: ClientConnection, session: Session, prepared: Prepared): boolean {
  if (connection.isChecking) return true
  prepared.attach.channel?.close()
  abandon(session)
  return false
}

/** From here to the last of the missed events nothing yields: the next event that is published follows them. */
function sayWelcome(
  connection: ClientConnection,
  hello: Hello,
  session: Session,
  format: AudioFormat,
  prepared: Prepared,
  seenSeq: number | undefined,
  host: GreetingHost,
): void {
  connection.becomeOwner(session)
  const { feed } = session
  const replay = feed.missed(seenSeq ?? 0, feed.audience.hearingOf(connection))
  connection.keep(
    encodeServer({
      ...welcome(hello, session, connection, connection.peer.wsUrl, host),
      role: 'owner',
      audio: format,
      seq: replay.afterSeq,
      resumed: seenSeq !== undefined,
      ...ownerWelcome(session, prepared.resumeToken, prepared.udp, host.audioPaceRatio),
      ...(host.adopt ? { resumesAnywhere: true } : {}),
    }),
  )
  tellCaptions(connection, session)
  if (replay.truncatedTo !== undefined) {
    connection.keep(encodeServer({ type: 'truncated', firstSeq: replay.truncatedTo }))
  }
  for (const message of replay.messages) connection.keep(message)
  const { watcherCount } = feed.audience
  if (watcherCount > 0) connection.keep(encodeServer({ type: 'watchers', count: watcherCount }))
  host.logger.debug(
    {
      sessionId: session.id,
      requestId: connection.peer.requestId,
      ...(hello.client ? { client: hello.client } : {}),
      ...(seenSeq === undefined ? {} : { resumedFromSeq: seenSeq, replayed: replay.messages.length }),
      udp: prepared.udp.kind === 'refused' ? prepared.udp.reason : prepared.udp.kind,
    },
    seenSeq === undefined ? 'session active' : 'session resumed',
  )
}
