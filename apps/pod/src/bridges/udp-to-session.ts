// Where UDP meets sessions: the frames of one attach's channel become audio of its session, for as long as the channel lives,
// whatever becomes of the connection that it was offered on.
import type { Clock } from '@parley/kernel'
import type { FrameVerdict, Session } from '@parley/sessions'
import type { UdpListener } from '../udp/udp-port.ts'

/** The connection the channel was offered on: it can say what was wrong, if it is still there. */
export interface DatagramJudge {
  onRefusedDatagram(session: Session, verdict: FrameVerdict, payloadBytes: number, nowMs: number): void
}

export class UdpToSession implements UdpListener {
  readonly #session: Session
  readonly #judge: DatagramJudge
  readonly #clock: Clock

  constructor(session: Session, judge: DatagramJudge, clock: Clock) {
    this.#session = session
    this.#judge = judge
    this.#clock = clock
  }

  onFrame(seq: number, mediaTime: number, payload: Uint8Array, receivedAtWallMs: number): void {
    const verdict = this.#session.datagram(seq, mediaTime, payload, receivedAtWallMs)
    if (verdict === 'accepted' || verdict === 'late' || verdict === 'duplicate') return
    this.#judge.onRefusedDatagram(this.#session, verdict, payload.byteLength, this.#clock.nowMs())
  }
}
