// Every trouble in words a person can act on: what is wrong, and what to do next. Pure.
import type { CloseReason, ErrorCode } from '@parley/protocol'
import type { MicrophoneProblem, Trouble } from '../caption-client.ts'

/** What the page offers beside the words. */
export type Remedy = 'try_again' | 'reload' | 'none'

export interface Words {
  readonly title: string
  readonly nextStep: string
  readonly remedy: Remedy
}

const words = (title: string, nextStep: string, remedy: Remedy = 'try_again'): Words => ({ title, nextStep, remedy })

/** How a new way in is made; said wherever the page's own permission is missing. */
export const FRESH_ADDRESS =
  'Print a fresh address with ./parley link on the machine that runs Parley, and open it here.'

const MICROPHONE: Readonly<Record<MicrophoneProblem, Words>> = {
  none: words('No microphone found', 'Plug one in, or switch it on, then try again. You can also play the sample.'),
  denied: words(
    'The microphone is not allowed',
    'Allow it for this page: open the site settings beside the address, set the microphone to Allow, then try again.',
  ),
  insecure: words(
    'This address may not use the microphone',
    'Browsers give the microphone only to https pages and to localhost. Open this page on the machine itself as http://localhost, or start Parley with --tls self-signed. The sample works here.',
    'none',
  ),
  in_use: words(
    'The microphone is in use',
    'Another program or page holds it. Close that one, or choose another microphone in the system settings, then try again.',
  ),
  unsupported: words(
    'This browser cannot record sound',
    'Use a current Firefox, Chrome, Edge or Safari. Watching captions works here.',
    'none',
  ),
  lost: words('The microphone went away', 'It was unplugged or switched off. Connect it, then start again.'),
}

const PAGE_FAULT = 'Reload the page. If it happens again, report the code below.'
const pageFault = (title: string): Words => words(title, PAGE_FAULT, 'reload')
const MISUNDERSTOOD = pageFault('This page and the pod do not understand each other')

const LOST = words('Connection lost', 'Check the network, then start again. The transcript so far is kept here.')
const UNREACHABLE = words(
  'Parley cannot be reached',
  'It may have been stopped, or the network is down. Check that ./parley up is running, then try again.',
)

/** What a code means to a person. A code that only a faulty page could cause needs no row of its own. */
const REFUSED: Readonly<Partial<Record<ErrorCode, Words>>> = {
  MESSAGE_TOO_LARGE: pageFault('This page sent too much at once'),
  BAD_AUDIO_FRAME: pageFault('The pod could not read the sound of this page'),
  AUDIO_FORMAT_UNSUPPORTED: pageFault('The pod does not take the sound format of this browser'),
  NOT_FOUND: pageFault('The pod has nothing at the address this page asked for'),
  SUBPROTOCOL_REQUIRED: words(
    'Something between here and the pod changes the connection',
    'A proxy removes the WebSocket subprotocol. Ask whoever runs it to pass Sec-WebSocket-Protocol on.',
  ),
  RATE_LIMITED: words('Too many requests', 'The pod asks for a pause.'),
  AUDIO_LIMIT_EXCEEDED: words('This session is as long as a session may be', 'Start again: a new session begins.'),
  LANGUAGE_UNSUPPORTED: words('This language is not understood here', 'Choose another language, then start again.'),
  UNAUTHENTICATED: words('This page is not let in any more', FRESH_ADDRESS, 'none'),
  FORBIDDEN: words('This page may not do that', FRESH_ADDRESS, 'none'),
  TICKET_INVALID: words('The way in was not accepted', 'Start again: a new one is asked for.'),
  TICKET_EXPIRED: words('The way in has expired', 'It took too long to connect. Start again: a new one is asked for.'),
  TICKET_USED: words('The way in was used before', 'Start again: a new one is asked for.'),
  WATCH_LINK_INVALID: words(
    'This watch link does not work',
    'It has expired, was taken back, or was copied in part. Ask whoever sent it for a new one.',
    'none',
  ),
  CODE_INVALID: words('This address was used before', `It opens the page once. ${FRESH_ADDRESS}`, 'none'),
  ORIGIN_REFUSED: words(
    'The pod does not know this address',
    'Open the address that ./parley up printed, or add this one to server.allowedOrigins.',
    'none',
  ),
  SESSION_UNKNOWN: words('The session is over', 'Start again: a new session begins.'),
  SESSION_SUSPENDED: words('The session is paused', 'Its owner has lost the connection. Try again in a moment.'),
  WRONG_POD: words('The session is on another pod', 'Try again: the page asks where to go.'),
  SESSION_REPLACED: words('Captions went on elsewhere', 'Another connection took this session over.'),
  HELLO_TIMEOUT: words('Connecting took too long', 'The network may be slow. Try again.'),
  TOO_MANY_CONNECTIONS: words('Too many connections', 'Close other pages that show captions, or wait a little.'),
  NO_SEAT: words('Every seat is taken', 'As many sessions are running as this pod is rated for.'),
  NO_SLOT: words('Every place for speech is taken', 'As many people are speaking as the speech workers can follow.'),
  DIRECTORY_AWAY: words(
    'The pods cannot agree right now',
    'What runs goes on. A new session can be started in a moment; if it lasts, its operator should look at Redis.',
  ),
  STATE_UNREADABLE: words('The pods are being updated', 'Another pod goes on with the session. Try again in a moment.'),
  RECORDS_UNAVAILABLE: words(
    'The records cannot be reached',
    'Captions go on. Its operator should look at the database.',
  ),
  RECORDS_BUSY: words('The records are being worked on', 'Try again in a moment.'),
  SPEECH_UNAVAILABLE: words(
    'No speech engine is ready',
    'It may still be starting. If it lasts, run ./parley doctor on the machine that runs Parley.',
  ),
  SPEECH_LOST: words('The speech engine failed', 'Another takes over. What you say meanwhile is kept.', 'none'),
  ENDPOINT_FULL: words('Every connection is taken', 'This member holds as many as it may. Wait a little.', 'none'),
  MEMBER_UNKNOWN: words('That pod or worker is not known', 'It may have been stopped. Ask for the list again.', 'none'),
  VOICE_UNKNOWN: words('No speech worker has that voice', 'Choose another voice, or only a language.', 'none'),
  SPEAK_BUSY: words('Too many texts wait to be said', 'Wait until one of them has been said.', 'none'),
  SYNTHESIS_FAILED: words('Speaking broke off', 'Have the rest of the text said again.', 'none'),
  SLOW_CONSUMER: words('This page could not keep up', 'Close other busy pages, then start again.'),
  DRAINING: words('This pod takes no new sessions', 'It is being emptied for maintenance.'),
  INTERNAL: words('Something failed inside the pod', 'Try again. If it lasts, look into the log of the pod.'),
  CONNECT_FAILED: UNREACHABLE,
  CONNECTION_LOST: LOST,
  DEADLINE_EXCEEDED: words('The answer took too long', 'The network or the machine may be slow. Try again.'),
  BAD_ANSWER: pageFault('Something that is not this Parley answered'),
  AUDIO_DROPPED: words(
    'The connection is too slow',
    'Some sound was left out, and words may be missing. A faster network helps.',
    'none',
  ),
  SESSION_CLOSED: words('The session is over', 'Start again: a new session begins.'),
}

const CLOSED: Readonly<Record<CloseReason, Words>> = {
  client_left: words('Stopped', 'Start again whenever you like.'),
  deleted: words('The session was ended from outside', 'Someone ended it through the API. Start again if you like.'),
  finished: words('The captions have ended', 'Whoever spoke has stopped.', 'none'),
  shutting_down: words('Parley is stopping', 'Start again when it is back.'),
  draining: words('This pod is being emptied', 'Start again: another pod takes the session.'),
  moved: words('The session goes on at another pod', 'Start again if it does not by itself.'),
  ticket_unused: words('Connecting took too long', 'Start again.'),
  hello_timeout: words('Connecting took too long', 'The network may be slow. Start again.'),
  refused: words('The pod refused the connection', 'Start again.'),
  client_silent: words('The connection went silent', 'The pod heard nothing from this page for a while. Start again.'),
  socket_lost: LOST,
  grace_expired: words('The session is over', 'The page was away too long. Start again: a new session begins.'),
  slow_consumer: words('This page could not keep up', 'Close other busy pages, then start again.'),
  protocol_violation: pageFault('This page and the pod lost step'),
  message_too_large: pageFault('This page sent too much at once'),
  rate_limited: words('Too many messages', 'Wait a little, then start again.'),
  audio_limit: words('This session is as long as a session may be', 'Start again: a new session begins.'),
  replaced: words('Captions went on elsewhere', 'A newer connection took this session over.'),
  revoked: words('The watch link was taken back', 'Ask whoever sent it for a new one.', 'none'),
  link_expired: words('The watch link has expired', 'Ask whoever sent it for a new one.', 'none'),
  internal: words('Something failed inside the pod', 'Start again. If it lasts, look into the log of the pod.'),
}

const SAMPLE = words('The sample could not be played', 'Reload the page, or use the microphone.', 'reload')

export type Role = 'owner' | 'watcher'

/** The words of a trouble, as they help the one who speaks or the one who reads along. */
export function troubleWords(trouble: Trouble, role: Role = 'owner'): Words {
  return role === 'watcher' ? watcherWords(trouble) : ownerWords(trouble)
}

function ownerWords(trouble: Trouble): Words {
  switch (trouble.kind) {
    case 'microphone':
      return MICROPHONE[trouble.problem]
    case 'sample':
      return SAMPLE
    case 'refused':
      // Also for the codes of a newer pod.
      return REFUSED[trouble.code] ?? MISUNDERSTOOD
    case 'closed':
      return CLOSED[trouble.reason]
    case 'lost':
      return LOST
    case 'unreachable':
      return UNREACHABLE
  }
}

/** Who reads along can start nothing and reach no terminal: waiting and asking is what is left. */
function watcherWords(trouble: Trouble): Words {
  if (isEndOfWatching(trouble)) return CLOSED.finished
  const { title, nextStep, remedy } = ownerWords(trouble)
  return remedy === 'try_again' ? words(title, WATCHER_NEXT_STEP) : words(title, nextStep, remedy)
}

const WATCHER_NEXT_STEP = 'Captions go on here when it is over. If it lasts, ask whoever sent the link.'

/** True when what was followed is over, as it should be: no trouble at all for the one who followed. */
export function isEndOfWatching(trouble: Trouble): boolean {
  if (trouble.kind === 'closed') return END_REASONS.has(trouble.reason)
  return trouble.kind === 'refused' && (trouble.code === 'SESSION_UNKNOWN' || trouble.code === 'SESSION_CLOSED')
}

const END_REASONS: ReadonlySet<CloseReason> = new Set(['finished', 'client_left', 'deleted', 'grace_expired'])

/** The code to quote when asking for help; troubles that explain themselves have none. */
export function troubleCode(trouble: Trouble): string | undefined {
  if (trouble.kind === 'closed') return CLOSED[trouble.reason].remedy === 'reload' ? trouble.reason : undefined
  if (trouble.kind !== 'refused') return undefined
  return trouble.code === 'INTERNAL' || ownerWords(trouble).remedy === 'reload' ? trouble.code : undefined
}
