// Messages to users and sessions over the API: how large they may be, and for whom.
import type { Clock } from '@parley/kernel'
import { MAX_MESSAGE_DATA_BYTES, type MessageSent, ParleyError, type SendMessage } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import { createUnicast, type Unicast } from '../fleet/unicast.ts'
import type { Principal } from '../identity/identity-port.ts'
import type { SessionService } from '../sessions/session-service.ts'
import type { FleetOfRoutes } from './fleet-of-routes.ts'

const MAX_USER_CHARS = 128

export interface SendMessageOptions {
  readonly clock: Clock
  readonly sessions: Pick<SessionService, 'messages'>
  readonly fleet?: Pick<FleetOfRoutes, 'messages'> | undefined
  readonly logger: Logger
}

/** Where messages go: to the whole fleet, or to the sessions of a pod that is in none. */
export function unicastOf({ clock, sessions, fleet, logger }: SendMessageOptions): Unicast {
  if (fleet) return fleet.messages
  const { messages } = sessions
  return createUnicast({ wallMs: () => clock.wallMs(), messages, fleet: undefined, peers: undefined, logger })
}

/** Throws the ParleyError to answer with. */
export async function sendToUser(
  unicast: Unicast,
  { tenant }: Principal,
  user: string,
  body: SendMessage,
): Promise<MessageSent> {
  if (user === '' || user.length > MAX_USER_CHARS) {
    const message = `field "user" has ${user.length} characters; 1 to ${MAX_USER_CHARS} are allowed`
    throw new ParleyError('INVALID_FIELD', { field: 'user', message })
  }
  checkSize(body)
  return unicast.toUser(tenant, user, body)
}

/** The same. */
export async function sendToSession(
  unicast: Unicast,
  { tenant }: Principal,
  sessionId: string,
  body: SendMessage,
): Promise<MessageSent> {
  checkSize(body)
  const sent = await unicast.toSession(tenant, sessionId, body)
  if (sent.ok) return sent.value
  throw sent.error
}

function checkSize({ data }: SendMessage): void {
  const bytes = Buffer.byteLength(JSON.stringify(data))
  if (bytes <= MAX_MESSAGE_DATA_BYTES) return
  const message = `field "data" has ${bytes} bytes as JSON; at most ${MAX_MESSAGE_DATA_BYTES} are taken`
  throw new ParleyError('MESSAGE_TOO_LARGE', { field: 'data', message })
}
