// One client's WebSocket from the upgrade to its end: phases, limits, liveness, the order of its last messages. What a hello is
// worth is decided in greeting.ts, what a session does with its messages in @parley/sessions.
import { assertNever, type Clock } from '@parley/kernel'
import {
  CLOSE_REASONS,
  type ClientMessage,
  type CloseReason,
  DEAD_AFTER_MS,
  decodeClientMessage,
  type ErrorCode,
  type ErrorDetails,
  errorMessage,
  HELLO_DEADLINE_MS,
  type Hello,
  MAX_AUDIO_MESSAGE_BYTES,
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
  Outbox,
  type OutboxLimits,
  type Session,
  type SessionChannel,
  type SessionCounters,
  type Wire,
} from '@parley/sessions'
import type { Logger } from '@parley/telemetry'
import type { WebSocket } from 'ws'
import { unknownCodec } from './audio-refusal.ts'
import { ClientSocket } from './client-socket.ts'
import { CHECKING, type ConnectionPhase, GONE, GREETING } from './connection-phase.ts'
import type { Peer } from './session-service.ts'

/** What all connections of a pod share. */
export interface ConnectionHost {
  readonly clock: Clock
  readonly logger: Logger
  readonly counters: SessionCounters
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
const TOO_FAST = 'audio comes faster than limits.audioPaceRatio allows; frames are dropped'
const AS_TEXT = { binary: false } as const

export class ClientConnection implements SessionChannel, Wire, LivenessMarks {
  readonly peer: Peer
  readonly #host: ConnectionHost
  readonly #socket: WebSocket
  readonly #outbox: Outbox
  readonly #conduct: Conduct
  readonly #attachedAtMs: number
  #phase: ConnectionPhase = GREETING
  lastHeardMs: number
  lastSentMs: number
  lastPingMs: number
  #pingId = 0

  constructor(socket: WebSocket, peer: Peer, host: ConnectionHost) {
    const nowMs = host.clock.nowMs()
    this.peer = peer
    this.#host = host
    this.#socket = socket
    this.#outbox = new Outbox(this, host.outboxLimits, host.counters)
    this.#conduct = new Conduct(host.conductLimits, nowMs)
    this.#attachedAtMs = nowMs
    this.lastHeardMs = nowMs
    this.lastSentMs = nowMs
    this.lastPingMs = nowMs
    this.#listen()
  }

  get isChecking(): boolean {
    return this.#phase.kind === 'checking'
  }
  get isWatcher(): boolean {
    return this.#phase.kind === 'watcher'
  }

  /** Follows `session` by this link? */
  followsBy(session: Session, linkId: WatchLinkId): boolean {
    return this.#phase.kind === 'watcher' && this.#phase.session === session && this.#phase.linkId === linkId
  }

  becomeOwner(session: Session): void {
    this.#phase = { kind: 'owner', session }
  }

  /** `untilMs`: when the link expires, on the monotonic clock. */
  becomeWatcher(session: Session, linkId: WatchLinkId, untilMs: number): void {
    this.#phase = { kind: 'watcher', session, linkId, untilMs }
  }

  // ---- to the peer ----

  keep(message: Buffer, supersedes?: number): void {
    if (this.#isOver()) return
    if (!this.#outbox.keep(message, supersedes)) this.leave('slow_consumer')
  }

  latest(key: number, message: Buffer): void {
    if (!this.#isOver()) this.#outbox.latest(key, message)
  }

  /** Answers with an error of the catalogue; the connection goes on. */
  error(code: ErrorCode, details: ErrorDetails = {}): void {
    countUp(this.#host.counters.errorsTotal, code)
    this.keep(encodeServer(errorMessage(code, details)))
  }

  /** The hello is not accepted: says why, then closes. */
  refuse(code: ErrorCode, details: ErrorDetails = {}): void {
    this.error(code, details)
    this.leave('refused')
  }

  /** Ends the connection and tells its session that it is losing it. Idempotent. */
  leave(reason: CloseReason): void {
    const phase = this.#phase
    // The session first: what it has to say because of this comes before `closing`.
    if (phase.kind === 'owner') phase.session.ownerLost(reason)
    else if (phase.kind === 'watcher') phase.session.unwatch(this)
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
    this.lastSentMs = this.#host.clock.nowMs()
    this.#socket.send(message, AS_TEXT, written)
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
    this.lastPingMs = nowMs
    // A peer that does not take what is held would not take a ping either; its own messages keep it alive.
    if (!this.#outbox.isHolding) this.keep(encodeServer({ type: 'ping', id: this.#pingId++ }))
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
    const nowMs = this.#host.clock.nowMs()
    this.lastHeardMs = nowMs
    try {
      if (!isBinary) this.#onText(data, nowMs)
      else if (this.#phase.kind === 'owner') this.#onFrame(this.#phase.session, data, nowMs)
      else this.#onMisplacedBinary(nowMs)
    } catch (failure) {
      this.fail(failure)
    }
  }

  /** A failure of ours: costs this connection, nobody else's. */
  fail(failure: unknown): void {
    this.#host.logger.error({ err: failure, requestId: this.peer.requestId }, 'a client connection failed inside')
    this.error('INTERNAL', { requestId: this.peer.requestId })
    this.leave('internal')
  }

  #onFrame(session: Session, data: Buffer, nowMs: number): void {
    const verdict = session.audio(data, nowMs)
    if (verdict !== 'accepted') this.#onRefusedFrame(session, data, verdict, nowMs)
  }

  #onRefusedFrame(session: Session, data: Buffer, verdict: Exclude<FrameVerdict, 'accepted'>, nowMs: number): void {
    switch (verdict) {
      case 'late':
        if (!this.#conduct.mayTellBinary(nowMs)) return
        this.error('BAD_AUDIO_FRAME', { field: 'seq', message: 'seq must rise from frame to frame; frame dropped' })
        return
      case 'malformed':
        if (data.length > MAX_AUDIO_MESSAGE_BYTES) {
          this.#onTooLarge(data.length, MAX_AUDIO_MESSAGE_BYTES)
          return
        }
        this.#invalidBinary('BAD_AUDIO_FRAME', session.explainFrame(data), nowMs)
        return
      case 'too_fast': {
        const patience = this.#conduct.onTooFast(nowMs)
        if (patience === 'refuse') return
        this.error('AUDIO_LIMIT_EXCEEDED', { message: TOO_FAST, retryAfterMs: session.paceWaitMs(nowMs) })
        if (patience === 'close') this.leave('rate_limited')
        return
      }
      case 'over_limit':
        this.error('AUDIO_LIMIT_EXCEEDED', { message: 'the session has sent all the audio it may' })
        this.leave('audio_limit')
        return
      default:
        assertNever(verdict)
    }
  }

  #onMisplacedBinary(nowMs: number): void {
    if (this.#isOver()) return
    if (this.#phase.kind === 'watcher') this.#invalidBinary('FORBIDDEN', 'a watcher may not send audio', nowMs)
    else this.#invalidBinary('UNEXPECTED_MESSAGE', 'audio may be sent after welcome', nowMs)
  }

  /** Answered once a second at most, but counted every time. */
  #invalidBinary(code: ErrorCode, message: string, nowMs: number): void {
    if (this.#conduct.mayTellBinary(nowMs)) this.error(code, { message })
    if (!this.#conduct.onInvalid(nowMs)) this.leave('protocol_violation')
  }

  #onText(data: Buffer, nowMs: number): void {
    this.#host.counters.controlMessagesInTotal++
    if (this.#isOver()) return
    if (data.length > MAX_CONTROL_MESSAGE_BYTES) {
      this.#onTooLarge(data.length, MAX_CONTROL_MESSAGE_BYTES)
      return
    }
    if (!this.#withinRate(nowMs)) return
    const decoded = decodeClientMessage(data.toString())
    if (decoded.ok) {
      this.#onControl(decoded.value, nowMs)
      return
    }
    const formatRefusal = this.#phase.kind === 'greeting' ? unknownCodec(decoded.error) : undefined
    if (formatRefusal) this.refuse('AUDIO_FORMAT_UNSUPPORTED', formatRefusal)
    else this.#invalid(decoded.error.code, decoded.error.details, nowMs)
  }

  #onControl(message: ClientMessage, nowMs: number): void {
    const phase = this.#phase
    if (message.type === 'hello') {
      if (phase.kind === 'greeting') {
        this.#phase = CHECKING
        this.#host.greet(this, message)
      } else this.#unexpected(message.requestId, 'hello may be sent once', nowMs)
      return
    }
    if (phase.kind === 'greeting') {
      const requestId = 'requestId' in message ? message.requestId : undefined
      this.#unexpected(requestId, `${message.type} before hello`, nowMs)
      return
    }
    switch (message.type) {
      case 'ping':
        this.keep(Buffer.from(`{"type":"pong","id":${message.id}}`))
        return
      case 'pong':
        return
      case 'bye':
        if (phase.kind === 'owner') phase.session.end('client_left')
        this.leave('client_left')
        return
      case 'audio.end':
        this.#onAudioEnd(message.lastSeq, message.requestId, nowMs)
        return
      default:
        assertNever(message)
    }
  }

  #onAudioEnd(lastSeq: number, requestId: string | undefined, nowMs: number): void {
    const phase = this.#phase
    const echo = requestId === undefined ? {} : { requestId }
    if (phase.kind === 'owner') {
      const ended = phase.session.endAudio(lastSeq, requestId)
      if (!ended.ok) this.#invalid(ended.error.code, { ...ended.error.details, ...echo }, nowMs)
    } else if (phase.kind === 'watcher') {
      this.#invalid('FORBIDDEN', { message: 'a watcher may not end the audio', ...echo }, nowMs)
    } else this.#unexpected(requestId, 'audio.end before welcome', nowMs)
  }

  #unexpected(requestId: string | undefined, message: string, nowMs: number): void {
    this.#invalid('UNEXPECTED_MESSAGE', { message, ...(requestId === undefined ? {} : { requestId }) }, nowMs)
  }

  #invalid(code: ErrorCode, details: ErrorDetails, nowMs: number): void {
    this.error(code, details)
    if (!this.#conduct.onInvalid(nowMs)) this.leave('protocol_violation')
  }

  #withinRate(nowMs: number): boolean {
    const verdict = this.#conduct.onControl(nowMs)
    if (verdict === 'pass') return true
    if (verdict !== 'refuse') {
      this.error('RATE_LIMITED', {
        message: `more than ${this.#host.conductLimits.controlMessagesPerSecond} messages per second; message dropped`,
        retryAfterMs: this.#conduct.controlWaitMs(nowMs),
      })
    }
    if (verdict === 'close') this.leave('rate_limited')
    return false
  }

  #onTooLarge(bytes: number | undefined, limitBytes: number): void {
    const got = bytes === undefined ? '' : `, got ${bytes}`
    this.error('MESSAGE_TOO_LARGE', { message: `a message may have ${limitBytes} bytes${got}` })
    this.leave('message_too_large')
  }

  // `ws` answers protocol pings by itself. They do not count as a sign of life, but they cost: the same rate applies.
  #onProtocolPing(): void {
    if (!this.#isOver()) this.#withinRate(this.#host.clock.nowMs())
  }

  /** `ws` gives up on the peer's bytes: not WebSocket, not UTF-8, or too many. */
  #onFault(closeCode: number): void {
    if (this.#isOver()) return
    if (closeCode === CLOSE_REASONS.message_too_large.closeCode) {
      this.#onTooLarge(undefined, MAX_CONTROL_MESSAGE_BYTES)
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
    if (phase.kind === 'owner') phase.session.ownerLost('socket_lost')
    else if (phase.kind === 'watcher') phase.session.unwatch(this)
    this.#host.gone(this)
  }

  #isOver(): boolean {
    return this.#phase.kind === 'closing' || this.#phase.kind === 'gone'
  }
}
