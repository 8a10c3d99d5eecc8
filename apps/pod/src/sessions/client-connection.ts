// One client's WebSocket from the upgrade to its end: phases, liveness, the order of its last messages. What its messages do is in
// client-text.ts and client-audio.ts, what a hello is worth in greeting.ts, what a session makes of them in @parley/sessions.
import { assertNever, type Clock } from '@parley/kernel'
import {
  CLOSE_REASONS,
  type CloseReason,
  DEAD_AFTER_MS,
  type ErrorCode,
  type ErrorDetails,
  errorMessage,
  HELLO_DEADLINE_MS,
  type Hello,
  MAX_CONTROL_MESSAGE_BYTES,
  PING_INTERVAL_MS,
  type WatchLinkId,
} from '@parley/protocol'
import {
  Conduct,
  type ConductLimits,
  countUp,
  encodeServer,
  type FrameVerdict,
  judgeLiveness,
  type LivenessMarks,
  type MoveTarget,
  Outbox,
  type OutboxLimits,
  type Session,
  type SessionCounters,
  type Wire,
} from '@parley/sessions'
import { type Logger, SPAN, type StageTimer } from '@parley/telemetry'
import type { WebSocket } from 'ws'
import { onMisplacedBinary, onRefusedDatagram, onRefusedMessage } from './client-audio.ts'
import { ClientSocket } from './client-socket.ts'
import { onText, withinRate } from './client-text.ts'
import { CHECKING, type ConnectionPhase, GONE, GREETING } from './connection-phase.ts'
import { type MessagePeer, tooLarge } from './message-peer.ts'
import type { Peer } from './session-service.ts'
import type { Watched } from './watch-port.ts'

/** What all connections of a pod share. */
export interface ConnectionHost {
  readonly clock: Clock
  readonly logger: Logger
  readonly counters: SessionCounters
  readonly stages: StageTimer
  readonly outboxLimits: OutboxLimits
  readonly conductLimits: ConductLimits
  /** A hello that fits the schema; asked once at a time. Must not throw. */
  greet(connection: ClientConnection, hello: Hello): void
  /** The socket is closed; the connection holds nothing any more. */
  gone(connection: ClientConnection): void
}

/** How long a peer may take to answer our close frame. */
export const CLOSE_HANDSHAKE_MS = 1_000

const LIVENESS = { pingIntervalMs: PING_INTERVAL_MS, deadAfterMs: DEAD_AFTER_MS }
const AS_TEXT = { binary: false } as const
const AS_BINARY = { binary: true } as const

export class ClientConnection implements MessagePeer, Wire, LivenessMarks {
  readonly peer: Peer
  readonly conduct: Conduct
  readonly #host: ConnectionHost
  readonly #socket: WebSocket
  readonly #outbox: Outbox
  readonly #attachedAtMs: number
  #phase: ConnectionPhase = GREETING
  lastHeardMs: number
  lastSentMs: number
  lastPingMs: number
  /** From 1: a pong with id 0 is a sign of life that answers nothing. */
  #pingId = 1
  #askedPingId = Number.POSITIVE_INFINITY

  constructor(socket: WebSocket, peer: Peer, host: ConnectionHost) {
    const nowMs = host.clock.nowMs()
    this.peer = peer
    this.#host = host
    this.#socket = socket
    this.#outbox = new Outbox(this, host.outboxLimits, host.counters)
    this.conduct = new Conduct(host.conductLimits, nowMs)
    this.#attachedAtMs = nowMs
    this.lastHeardMs = nowMs
    this.lastSentMs = nowMs
    this.lastPingMs = nowMs
    this.#listen()
  }

  get phase(): ConnectionPhase {
    return this.#phase
  }
  get askedPingId(): number {
    return this.#askedPingId
  }
  get controlMessagesPerSecond(): number {
    return this.#host.conductLimits.controlMessagesPerSecond
  }
  get stages(): StageTimer {
    return this.#host.stages
  }
  get isChecking(): boolean {
    return this.#phase.kind === 'checking'
  }
  get isWatcher(): boolean {
    return this.#phase.kind === 'watcher'
  }

  /** Follows a session by this link? */
  follows(linkId: WatchLinkId): boolean {
    return this.#phase.kind === 'watcher' && this.#phase.linkId === linkId
  }

  greet(hello: Hello): void {
    this.#phase = CHECKING
    this.#host.greet(this, hello)
  }

  becomeOwner(session: Session): void {
    this.#phase = { kind: 'owner', session }
  }

  /** `untilMs`: when the link expires, on the monotonic clock. */
  becomeWatcher(watched: Watched, linkId: WatchLinkId, untilMs: number): void {
    this.#phase = { kind: 'watcher', watched, linkId, untilMs }
  }

  // ---- to the peer ----

  keep(message: Buffer, supersedes?: number): void {
    if (this.#isOver()) return
    if (!this.#outbox.keep(message, supersedes)) this.leave('slow_consumer')
  }

  latest(key: number, message: Buffer): void {
    if (!this.#isOver()) this.#outbox.latest(key, message)
  }

  speech(frame: Buffer): boolean {
    return !this.#isOver() && this.#outbox.speech(frame)
  }

  move(target: MoveTarget, withinMs: number): void {
    this.keep(encodeServer({ type: 'move', url: target.urlFor(this.peer.wsUrl), withinMs }))
  }

  ping(): void {
    if (this.#isOver() || this.#outbox.isHolding) return
    this.#askedPingId = this.#pingId
    this.#sendPing(this.#host.clock.nowMs())
  }

  error(code: ErrorCode, details: ErrorDetails = {}): void {
    countUp(this.#host.counters.errorsTotal, code)
    this.keep(encodeServer(errorMessage(code, details)))
  }

  refuse(code: ErrorCode, details: ErrorDetails = {}): void {
    this.error(code, details)
    this.leave('refused')
  }

  leave(reason: CloseReason): void {
    const phase = this.#phase
    // The session first: what it has to say because of this comes before `closing`.
    if (phase.kind === 'owner') phase.session.ownerLost(this, reason)
    else if (phase.kind === 'watcher') phase.watched.unwatch(this)
    this.close(reason)
  }

  /** Says `closing`, after whatever is held unless that is what the peer did not take, and starts the close handshake. */
  close(reason: CloseReason): void {
    if (this.#isOver()) return
    // A silent peer will not answer the close frame: no use waiting.
    const waitMs = reason === 'client_silent' ? 0 : CLOSE_HANDSHAKE_MS
    this.#phase = { kind: 'closing', terminateAtMs: this.#host.clock.nowMs() + waitMs }
    const { closeCode, meaning, mayResume } = CLOSE_REASONS[reason]
    if (reason === 'slow_consumer') {
      this.#outbox.discard()
      countUp(this.#host.counters.errorsTotal, 'SLOW_CONSUMER')
      this.#outbox.finish(encodeServer(errorMessage('SLOW_CONSUMER')))
    }
    this.#outbox.finish(encodeServer({ type: 'closing', reason, message: meaning, mayResume }))
    this.#socket.close(closeCode, reason)
  }

  /** Cuts the connection without a word. */
  terminate(): void {
    this.#socket.terminate()
  }

  // ---- Wire ----

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount
  }

  write(message: Buffer, written?: () => void): void {
    const { clock, stages } = this.#host
    this.lastSentMs = clock.nowMs()
    stages.enter(SPAN.wsOut)
    const socket = this.#socket
    if (socket instanceof ClientSocket) socket.sendText(message, written)
    else socket.send(message, AS_TEXT, written)
    stages.leave()
  }

  writeBinary(message: Buffer, written?: () => void): void {
    const { clock, stages } = this.#host
    this.lastSentMs = clock.nowMs()
    stages.enter(SPAN.wsOut)
    this.#socket.send(message, AS_BINARY, written)
    stages.leave()
  }

  // ---- time ----

  tick(nowMs: number, latenessMs: number): void {
    const phase = this.#phase
    switch (phase.kind) {
      case 'closing':
        if (nowMs >= phase.terminateAtMs) this.#socket.terminate()
        return
      case 'gone':
        return
      case 'greeting':
      case 'checking':
        if (nowMs - this.#attachedAtMs < HELLO_DEADLINE_MS + latenessMs) return
        this.error('HELLO_TIMEOUT', { message: `no valid hello within ${HELLO_DEADLINE_MS} ms` })
        this.leave('hello_timeout')
        return
      case 'watcher':
        if (nowMs >= phase.untilMs) this.leave('link_expired')
        else this.#checkLiveness(nowMs, latenessMs)
        return
      case 'owner':
        this.#checkLiveness(nowMs, latenessMs)
        return
      default:
        assertNever(phase)
    }
  }

  #checkLiveness(nowMs: number, latenessMs: number): void {
    const verdict = judgeLiveness(this, nowMs, latenessMs, LIVENESS)
    if (verdict === 'fine') return
    if (verdict === 'dead') {
      this.leave('client_silent')
      return
    }
    // A peer that does not take what is held would not take a ping either; its own messages keep it alive.
    if (this.#outbox.isHolding) this.lastPingMs = nowMs
    else this.#sendPing(nowMs)
  }

  #sendPing(nowMs: number): void {
    this.lastPingMs = nowMs
    this.keep(encodeServer({ type: 'ping', id: this.#pingId++ }))
  }

  // ---- from the peer ----

  #listen(): void {
    const socket = this.#socket
    socket.on('message', (data, isBinary) => this.#onMessage(data as Buffer, isBinary))
    socket.on('ping', () => this.#onProtocolPing())
    socket.on('error', (error) => this.#onSocketError(error))
    socket.on('close', () => this.#onSocketClosed())
    if (socket instanceof ClientSocket) socket.onFault = (closeCode) => this.#onFault(closeCode)
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    const { clock, stages } = this.#host
    const nowMs = clock.nowMs()
    this.lastHeardMs = nowMs
    stages.enter(SPAN.wsIn)
    try {
      if (isBinary) this.#onBinary(data, nowMs)
      else this.#onText(data, nowMs)
    } catch (failure) {
      this.fail(failure)
    } finally {
      stages.leave()
    }
  }

  #onBinary(data: Buffer, nowMs: number): void {
    const phase = this.#phase
    if (phase.kind === 'owner') {
      const verdict = phase.session.audio(data, nowMs)
      if (verdict !== 'accepted') onRefusedMessage(this, phase.session, data, verdict, nowMs)
    } else if (!this.#isOver()) onMisplacedBinary(this, nowMs)
  }

  #onText(data: Buffer, nowMs: number): void {
    this.#host.counters.controlMessagesInTotal++
    if (!this.#isOver()) onText(this, data, nowMs)
  }

  /** A frame over UDP that came by an offer of this connection; the connection may be gone by now. */
  onRefusedDatagram(session: Session, verdict: FrameVerdict, payloadBytes: number, nowMs: number): void {
    onRefusedDatagram(this, session, verdict, payloadBytes, nowMs)
  }

  /** A failure of ours: costs this connection, nobody else's. */
  fail(failure: unknown): void {
    this.#host.logger.error({ err: failure, requestId: this.peer.requestId }, 'a client connection failed inside')
    this.error('INTERNAL', { requestId: this.peer.requestId })
    this.leave('internal')
  }

  // `ws` answers protocol pings by itself. They do not count as a sign of life, but they cost: the same rate applies.
  #onProtocolPing(): void {
    if (!this.#isOver()) withinRate(this, this.#host.clock.nowMs())
  }

  /** `ws` gives up on the peer's bytes: not WebSocket, not UTF-8, or too many. */
  #onFault(closeCode: number): void {
    if (this.#isOver()) return
    if (closeCode === CLOSE_REASONS.message_too_large.closeCode) {
      tooLarge(this, undefined, MAX_CONTROL_MESSAGE_BYTES)
      return
    }
    this.error('BAD_REQUEST', { message: 'the bytes received are not a valid WebSocket message' })
    this.leave('protocol_violation')
  }

  #onSocketError(error: Error): void {
    const code = (error as { code?: string }).code
    this.#host.logger.debug({ code, requestId: this.peer.requestId }, 'client socket error')
    // Reached while still open only when the socket is not a ClientSocket: the peer got the close code, no words.
    if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') this.leave('message_too_large')
    else if (code?.startsWith('WS_ERR_')) this.leave('protocol_violation')
  }

  #onSocketClosed(): void {
    const phase = this.#phase
    this.#phase = GONE
    this.#outbox.discard()
    if (phase.kind === 'owner') phase.session.ownerLost(this, 'socket_lost')
    else if (phase.kind === 'watcher') phase.watched.unwatch(this)
    this.#host.gone(this)
  }

  #isOver(): boolean {
    return this.#phase.kind === 'closing' || this.#phase.kind === 'gone'
  }
}
