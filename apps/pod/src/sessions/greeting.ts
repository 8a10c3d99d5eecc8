// What a hello is worth: a ticket or a resume token makes its connection the owner of a session (owner-greeting.ts), a watch token
// makes it a watcher (watcher-greeting.ts), anything else is refused with its reason. Keeps nothing of the token.
import { assertNever, DeadlineError, withDeadline } from '@parley/kernel'
import { checkAudioFormat, HELLO_DEADLINE_MS, type Hello, type ParleyError } from '@parley/protocol'
import type { Redeemed } from '../identity/identity-port.ts'
import { unsupportedFormat } from './audio-refusal.ts'
import type { ClientConnection } from './client-connection.ts'
import { type GreetingHost, greetResume, greetTicket, refuseUsedTicket } from './owner-greeting.ts'
import { welcomeFromElsewhere, welcomeWatcher } from './watcher-greeting.ts'
import { echo } from './welcome.ts'

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

/**
 * A session that is not here may be on another pod: then a watcher follows it from here if that can be done, and else the client is told which. One
 * whose pod is gone is taken over when its owner comes; whoever watches it waits for that.
 */
async function greetWhereItIs(
  redeemed: Redeemed,
  connection: ClientConnection,
  hello: Hello,
  host: GreetingHost,
): Promise<void> {
  const isHere = host.registry.get(redeemed.claims.sessionId) !== undefined
  if (!isHere && redeemed.kind === 'watch') {
    if (await welcomeFromElsewhere(connection, hello, redeemed.claims, host)) return
  }
  const told = await elsewhere(redeemed, connection.peer.wsUrl, host)
  // Whoever has only a ticket or a link is refused in the words of that.
  const isForGreeting = !told || (told.code === 'SESSION_UNKNOWN' && redeemed.kind !== 'resume')
  if (isForGreeting) await greetWith(redeemed, connection, hello, host)
  else if (connection.isChecking) connection.refuse(told.code, { ...told.details, ...echo(hello) })
}

/** Undefined when the session is here (now). */
async function elsewhere(redeemed: Redeemed, wsUrl: string, host: GreetingHost): Promise<ParleyError | undefined> {
  const { sessionId } = redeemed.claims
  if (host.registry.get(sessionId) !== undefined) return undefined
  if (redeemed.kind !== 'resume' || !host.adopt) return host.elsewhere?.(sessionId, wsUrl)
  const adopted = await host.adopt(redeemed.claims, wsUrl)
  // It may have come meanwhile by another way.
  return adopted.ok || host.registry.get(sessionId) !== undefined ? undefined : adopted.error
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
