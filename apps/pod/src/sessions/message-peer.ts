// What handling a client's messages asks of its connection: client-text.ts and client-audio.ts act through it.
import type { CloseReason, ErrorCode, ErrorDetails, Hello } from '@parley/protocol'
import type { Conduct, SessionChannel } from '@parley/sessions'
import type { StageTimer } from '@parley/telemetry'
import type { ConnectionPhase } from './connection-phase.ts'

export interface MessagePeer extends SessionChannel {
  readonly phase: ConnectionPhase
  readonly conduct: Conduct
  readonly stages: StageTimer
  /** Text messages per second that `conduct` allows; for the words of its refusals. */
  readonly controlMessagesPerSecond: number
  /** Id of the last ping that asked for the last frame sent; answers to older ones say nothing. */
  readonly askedPingId: number
  /** Has the hello checked; the phase is `checking` when this returns. */
  greet(hello: Hello): void
  /** Answers with an error of the catalogue; the connection goes on. */
  error(code: ErrorCode, details?: ErrorDetails): void
  /** The hello is not accepted: says why, then closes. */
  refuse(code: ErrorCode, details?: ErrorDetails): void
  /** Ends the connection and tells its session that it is losing it. Idempotent. */
  leave(reason: CloseReason): void
}

/** Counts against the peer what makes no sense; one too many ends the connection. */
export function invalid(peer: MessagePeer, code: ErrorCode, details: ErrorDetails, nowMs: number): void {
  peer.error(code, details)
  if (!peer.conduct.onInvalid(nowMs)) peer.leave('protocol_violation')
}

export function tooLarge(peer: MessagePeer, bytes: number | undefined, limitBytes: number): void {
  const got = bytes === undefined ? '' : `, got ${bytes}`
  peer.error('MESSAGE_TOO_LARGE', { message: `a message may have ${limitBytes} bytes${got}` })
  peer.leave('message_too_large')
}
