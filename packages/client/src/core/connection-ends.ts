// How connections end, in words: the closed states and errors that transitions come to. Pure.
import {
  CLIENT_SUBPROTOCOL,
  CLOSE_REASONS,
  type CloseReason,
  type Closing,
  type ErrorCode,
  PROTOCOL_VERSION,
} from '@parley/protocol'
import type { ConnectionState, Reconnecting } from './connection-state.ts'
import { ParleyClientError } from './errors.ts'
import { knownCloseReason } from './server-messages.ts'

type Closed = Extract<ConnectionState, { kind: 'closed' }>

export const left: Closed = {
  kind: 'closed',
  reason: 'client_left',
  message: CLOSE_REASONS.client_left.meaning,
  mayResume: false,
}

/** The platform said goodbye; `refusal` is the error that came before it. */
export function closedBy(closing: Closing, refusal?: ParleyClientError): Closed {
  const reason = knownCloseReason(closing.reason)
  const { message, mayResume } = closing
  if (refusal) return { kind: 'closed', reason, message, mayResume, error: refusal }
  if (!CLOSE_REASONS[reason].isFailure) return { kind: 'closed', reason, message, mayResume }
  return { kind: 'closed', reason, message, mayResume, error: errorOfClosing(closing) }
}

/** There is nothing to come back to. */
export function gone(error: ParleyClientError): Closed {
  if (error.code === 'SESSION_REPLACED') {
    return { kind: 'closed', reason: 'replaced', message: error.detail, mayResume: false, error }
  }
  const message =
    'the platform does not know the session any more: it was away too long, or the platform was started anew'
  const plain = new ParleyClientError(error.code, { detail: message, hop: error.hop, cause: error })
  return { kind: 'closed', reason: 'grace_expired', message, mayResume: false, error: plain }
}

/** Codes of close reasons that have one of their own; the others are SESSION_CLOSED. */
const CODE_OF_REASON: Partial<Record<CloseReason, ErrorCode>> = {
  draining: 'DRAINING',
  moved: 'WRONG_POD',
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
  const what = closing.mayResume ? 'the platform closed the connection' : 'the platform ended the session'
  return new ParleyClientError(code, { detail: `${what}: ${closing.message}`, hop: 'pod' })
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

/** The grace is over and no attempt has succeeded. */
export function gaveUp({ sinceMs, untilMs, attempts, error }: Reconnecting): ParleyClientError {
  const seconds = Math.round((untilMs - sinceMs) / 1000)
  const tries = attempts === 1 ? '1 attempt' : `${attempts} attempts`
  const detail = `the connection broke and could not be made again within ${seconds} s (${tries}); the last failure: ${error.detail}`
  return new ParleyClientError('CONNECTION_LOST', { detail, cause: error })
}

export function refusedRedirect(error: ParleyClientError): ParleyClientError {
  const detail = `the platform sends to ${error.location}, which is not among its entry addresses`
  return new ParleyClientError('WRONG_POD', {
    detail,
    nextStep: 'Start a new session.',
    retryable: false,
  })
}

export const wrongSubprotocol = (): ParleyClientError =>
  new ParleyClientError('BAD_ANSWER', {
    detail: `the server did not agree to the subprotocol ${CLIENT_SUBPROTOCOL}`,
    hop: 'pod',
  })

export const wrongVersion = (version: number): ParleyClientError =>
  new ParleyClientError('BAD_ANSWER', {
    detail: `the platform speaks version ${version} of the protocol, this client version ${PROTOCOL_VERSION}`,
    nextStep: 'Update whichever is older.',
    hop: 'pod',
  })
