// What a hello is worth: a ticket or a resume token makes its connection the owner of a session (owner-greeting.ts), a watch token
// makes it a watcher (watcher-greeting.ts), anything else is refused with its reason. Keeps nothing of the token.
import { assertNever, DeadlineError, withDeadline } from '@parley/kernel'
import { checkAudioFormat, HELLO_DEADLINE_MS, type Hello } from '@parley/protocol'
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

/** A session that is not here may be on another pod: then a watcher follows it from here if that can be done, and else the client is told which. */
async function greetWhereItIs(
  redeemed: Redeemed,
  connection: ClientConnection,
  hello: Hello,
  host: GreetingHost,
): Promise<void> {
  const { sessionId } = redeemed.claims
  const isHere = host.registry.get(sessionId) !== undefined
  if (!isHere && redeemed.kind === 'watch') {
    if (await welcomeFromElsewhere(connection, hello, redeemed.claims, host)) return
  }
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
