// What is answered to frames that a session does not take, whichever way they came, and to audio where none may be.
import { assertNever } from '@parley/kernel'
import { type ErrorCode, MAX_AUDIO_MESSAGE_BYTES } from '@parley/protocol'
import type { FrameVerdict, Session } from '@parley/sessions'
import { type MessagePeer, tooLarge } from './message-peer.ts'

type Refusal = Exclude<FrameVerdict, 'accepted'>

const TOO_FAST = 'audio comes faster than limits.audioPaceRatio allows; frames are dropped'

/** A binary message that `session` did not take. */
export function onRefusedMessage(
  peer: MessagePeer,
  session: Session,
  data: Buffer,
  verdict: Refusal,
  nowMs: number,
): void {
  switch (verdict) {
    case 'duplicate':
      return
    case 'late':
      if (!peer.conduct.mayTellBinary(nowMs)) return
      peer.error('BAD_AUDIO_FRAME', { field: 'seq', message: 'seq must rise from frame to frame; frame dropped' })
      return
    case 'malformed':
      if (data.length > MAX_AUDIO_MESSAGE_BYTES) tooLarge(peer, data.length, MAX_AUDIO_MESSAGE_BYTES)
      else invalidBinary(peer, 'BAD_AUDIO_FRAME', session.explainFrame(data), nowMs)
      return
    case 'too_fast':
    case 'over_limit':
      onLimit(peer, session, verdict, nowMs)
      return
    default:
      assertNever(verdict)
  }
}

/** A frame over UDP that `session` did not take. Late ones and duplicates are the network's doing and are not told. */
export function onRefusedDatagram(
  peer: MessagePeer,
  session: Session,
  verdict: FrameVerdict,
  payloadBytes: number,
  nowMs: number,
): void {
  if (verdict === 'malformed') {
    const message = `${payloadBytes} bytes over UDP cannot be one frame of the agreed format`
    invalidBinary(peer, 'BAD_AUDIO_FRAME', message, nowMs)
  } else if (verdict === 'too_fast' || verdict === 'over_limit') onLimit(peer, session, verdict, nowMs)
}

function onLimit(peer: MessagePeer, session: Session, verdict: 'too_fast' | 'over_limit', nowMs: number): void {
  if (verdict === 'over_limit') {
    peer.error('AUDIO_LIMIT_EXCEEDED', { message: 'the session has sent all the audio it may' })
    session.end('audio_limit')
    return
  }
  const patience = peer.conduct.onTooFast(nowMs)
  if (patience === 'refuse') return
  peer.error('AUDIO_LIMIT_EXCEEDED', { message: TOO_FAST, retryAfterMs: session.paceWaitMs(nowMs) })
  if (patience === 'close') peer.leave('rate_limited')
}

/** Audio before welcome, or from a watcher. `peer` is neither closing nor gone. */
export function onMisplacedBinary(peer: MessagePeer, nowMs: number): void {
  if (peer.phase.kind === 'watcher') invalidBinary(peer, 'FORBIDDEN', 'a watcher may not send audio', nowMs)
  else invalidBinary(peer, 'UNEXPECTED_MESSAGE', 'audio may be sent after welcome', nowMs)
}

/** Answered once a second at most, but counted every time. */
function invalidBinary(peer: MessagePeer, code: ErrorCode, message: string, nowMs: number): void {
  if (peer.conduct.mayTellBinary(nowMs)) peer.error(code, { message })
  if (!peer.conduct.onInvalid(nowMs)) peer.leave('protocol_violation')
}
