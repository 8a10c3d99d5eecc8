// What may happen to a client's connection: a pure function of state and input. No I/O, no clock.
//
//   input \ state   connecting              live / waiting          lost, closed
//   opened          say hello               -                       -
//   welcome         live | waiting          (a fault)               -
//   speech          (a fault)               live | waiting          -
//   refusal         remembered              told                    -
//   closing         closed, hang up         closed, hang up         -
//   broken          lost | closed(refused)  lost, drop              -
//   leave           closed, hang up         closed, bye, hang up    lost -> closed
import { assertNever } from '@parley/kernel'
import {
  CLIENT_SUBPROTOCOL,
  CLOSE_REASONS,
  type CloseReason,
  type Closing,
  type ErrorCode,
  PROTOCOL_VERSION,
  type ServerMessage,
  type Welcome,
} from '@parley/protocol'
import type { ConnectionState } from './connection-state.ts'
import { ParleyClientError } from './errors.ts'
import { knownCloseReason } from './server-messages.ts'

export type ConnectionInput =
  | { readonly kind: 'opened'; readonly subprotocol: string }
  | { readonly kind: 'welcome'; readonly welcome: Welcome }
  | { readonly kind: 'speech'; readonly speech: Extract<ServerMessage, { type: 'speech' }> }
  /** An `error` message of the pod. */
  | { readonly kind: 'refusal'; readonly error: ParleyClientError }
  | { readonly kind: 'closing'; readonly closing: Closing }
  /** The socket failed, closed without a goodbye, fell silent, talked nonsense, or took too long to open. */
  | { readonly kind: 'broken'; readonly error: ParleyClientError }
  /** The owner of the client has had enough. */
  | { readonly kind: 'leave' }

export type ConnectionEffect =
  | { readonly kind: 'say-hello' }
  | { readonly kind: 'say-bye' }
  /** Close politely; at once if that takes too long. */
  | { readonly kind: 'hang-up' }
  /** Close at once. */
  | { readonly kind: 'drop' }
  | { readonly kind: 'tell-error'; readonly error: ParleyClientError }
  /** The pod said something that is not valid now. */
  | { readonly kind: 'fault'; readonly what: string }

export interface Transition {
  readonly state: ConnectionState
  readonly effects: readonly ConnectionEffect[]
}

const to = (state: ConnectionState, ...effects: ConnectionEffect[]): Transition => ({ state, effects })

export function step(state: ConnectionState, input: ConnectionInput): Transition {
  switch (state.kind) {
    case 'connecting':
      return whileConnecting(state, input)
    case 'live':
    case 'waiting':
      return whileConnected(state, input)
    case 'lost':
      return input.kind === 'leave' ? to(left) : to(state)
    case 'closed':
      return to(state)
    default:
      return assertNever(state)
  }
}

function whileConnecting(state: Extract<ConnectionState, { kind: 'connecting' }>, input: ConnectionInput): Transition {
  switch (input.kind) {
    case 'opened':
      if (state.hasSaidHello) return to(state)
      if (input.subprotocol !== CLIENT_SUBPROTOCOL) return to({ kind: 'lost', error: wrongSubprotocol() }, drop)
      return to({ ...state, hasSaidHello: true }, { kind: 'say-hello' })
    case 'welcome':
      if (input.welcome.protocolVersion !== PROTOCOL_VERSION) {
        return to({ kind: 'lost', error: wrongVersion(input.welcome.protocolVersion) }, drop)
      }
      return to(input.welcome.speech === 'ready' ? { kind: 'live' } : { kind: 'waiting' })
    case 'speech':
      return to(state, { kind: 'fault', what: 'a speech message came before the welcome' })
    case 'refusal':
      return to({ ...state, refusal: input.error })
    case 'closing':
      return to(closedBy(input.closing, state.refusal), hangUp)
    case 'broken':
      if (!state.refusal) return to({ kind: 'lost', error: input.error }, drop)
      return to(
        { kind: 'closed', reason: 'refused', message: state.refusal.detail, mayResume: false, error: state.refusal },
        drop,
      )
    case 'leave':
      return to(left, hangUp)
    default:
      return assertNever(input)
  }
}

function whileConnected(state: ConnectionState, input: ConnectionInput): Transition {
  switch (input.kind) {
    case 'opened':
      return to(state)
    case 'welcome':
      return to(state, { kind: 'fault', what: 'a second welcome came' })
    case 'speech': {
      const { state: speech, reason } = input.speech
      if (speech === 'ready') return to(state.kind === 'live' ? state : { kind: 'live' })
      return to({ kind: 'waiting', ...(reason ? { reason } : {}) })
    }
    case 'refusal':
      return to(state, { kind: 'tell-error', error: input.error })
    case 'closing':
      return to(closedBy(input.closing), hangUp)
    case 'broken':
      return to({ kind: 'lost', error: input.error }, drop)
    case 'leave':
      return to(left, { kind: 'say-bye' }, hangUp)
    default:
      return assertNever(input)
  }
}

const drop: ConnectionEffect = { kind: 'drop' }
const hangUp: ConnectionEffect = { kind: 'hang-up' }
const left: ConnectionState = {
  kind: 'closed',
  reason: 'client_left',
  message: CLOSE_REASONS.client_left.meaning,
  mayResume: false,
}

function closedBy(closing: Closing, refusal?: ParleyClientError): ConnectionState {
  const reason = knownCloseReason(closing.reason)
  const { message, mayResume } = closing
  if (refusal) return { kind: 'closed', reason, message, mayResume, error: refusal }
  if (!CLOSE_REASONS[reason].isFailure) return { kind: 'closed', reason, message, mayResume }
  return { kind: 'closed', reason, message, mayResume, error: errorOfClosing(closing) }
}

/** Codes of close reasons that have one of their own; the others are SESSION_CLOSED. */
const CODE_OF_REASON: Partial<Record<CloseReason, ErrorCode>> = {
  draining: 'DRAINING',
  hello_timeout: 'HELLO_TIMEOUT',
  slow_consumer: 'SLOW_CONSUMER',
  message_too_large: 'MESSAGE_TOO_LARGE',
  rate_limited: 'RATE_LIMITED',
  audio_limit: 'AUDIO_LIMIT_EXCEEDED',
  replaced: 'SESSION_REPLACED',
  internal: 'INTERNAL',
}

/** The error of whoever still waited for something when the pod closed the session. */
export function errorOfClosing(closing: Closing): ParleyClientError {
  const code = CODE_OF_REASON[knownCloseReason(closing.reason)] ?? 'SESSION_CLOSED'
  return new ParleyClientError(code, { detail: `the platform ended the session: ${closing.message}`, hop: 'pod' })
}

/** Why nothing can be awaited of a connection that is over. */
export function errorOfEnd(state: ConnectionState): ParleyClientError {
  if (state.kind === 'lost') return state.error
  if (state.kind !== 'closed') return new ParleyClientError('SESSION_CLOSED')
  if (state.error) return state.error
  if (state.reason === 'client_left')
    return new ParleyClientError('SESSION_CLOSED', { detail: 'the session was closed' })
  return errorOfClosing({ type: 'closing', reason: state.reason, message: state.message, mayResume: state.mayResume })
}

const wrongSubprotocol = (): ParleyClientError =>
  new ParleyClientError('BAD_ANSWER', {
    detail: `the server did not agree to the subprotocol ${CLIENT_SUBPROTOCOL}`,
    hop: 'pod',
  })

const wrongVersion = (version: number): ParleyClientError =>
  new ParleyClientError('BAD_ANSWER', {
    detail: `the platform speaks version ${version} of the protocol, this client version ${PROTOCOL_VERSION}`,
    nextStep: 'Update whichever is older.',
    hop: 'pod',
  })
