// One client's WebSocket, the same for both endpoints: reading with a brake, liveness, conduct, the order of its last messages. What the
// messages mean is the endpoint's affair.
import { type Clock, type Result, Scope } from '@parley/kernel'
import { CLOSE_REASONS, type CloseReason, errorMessage, ParleyError } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import type { WebSocket } from 'ws'
import type { ServerMessage } from './common-messages.ts'
import { Conduct } from './conduct.ts'
import {
  MAX_BACKLOG_BYTES,
  MAX_PARTIAL_BACKLOG_BYTES,
  MAX_UNANSWERED_PINGS,
  MESSAGES_PER_SECOND,
  PING_EVERY_MS,
} from './limits.ts'

/** How long a client may take to answer our close frame. */
const CLOSE_HANDSHAKE_MS = 1_000
const AS_TEXT = { binary: false } as const
const AS_BINARY = { binary: true } as const

export interface PeerSettings {
  readonly clock: Clock
  readonly logger: Logger
  readonly connectionId: string
  /** PING_EVERY_MS unless told. */
  readonly pingEveryMs?: number
}

/** How a protocol that is not ours says what every endpoint has to say; undefined: it has no words for it. */
export interface Dialect {
  error(error: ParleyError): ServerMessage | undefined
  closing(reason: CloseReason): ServerMessage | undefined
}

/** What an endpoint makes of its client. Nothing is called after `onGone`. */
export interface PeerHandler<Command> {
  readonly decode: (text: string) => Result<Command, ParleyError>
  /** Our own unless told. */
  readonly dialect?: Dialect
  onCommand(command: Command): void
  onBinary(bytes: Uint8Array): void
  /** Something that was sent has left this process. */
  onWritten?(): void
  /** The connection is over, or about to be: free everything. Called once. */
  onGone(): void
}

export interface PeerCounters {
  /** Partials left unsent because the client did not read. */
  partialsSkippedTotal: number
}

export class SocketPeer<Command> {
  readonly clock: Clock
  readonly scope: Scope
  readonly counters: PeerCounters = { partialsSkippedTotal: 0 }
  readonly #settings: PeerSettings
  readonly #socket: WebSocket
  readonly #handler: PeerHandler<Command>
  readonly #conduct: Conduct
  #pingId = 0
  #unanswered = 0
  /** It has said something that only this protocol has: it will know our ping. */
  #isConversant = false
  #isPaused = false
  #isClosing = false
  #isGone = false

  constructor(socket: WebSocket, settings: PeerSettings, handler: PeerHandler<Command>) {
    this.clock = settings.clock
    this.scope = new Scope(settings.clock)
    this.#settings = settings
    this.#socket = socket
    this.#handler = handler
    this.#conduct = new Conduct(settings.clock.nowMs())
    this.#listen()
  }

  get pingEveryMs(): number {
    return this.#settings.pingEveryMs ?? PING_EVERY_MS
  }
  get bufferedBytes(): number {
    return this.#socket.bufferedAmount
  }
  get isOver(): boolean {
    return this.#isClosing
  }

  /** The client speaks this protocol, so that it is asked in its words whether it is there. */
  converse(): void {
    this.#isConversant = true
  }

  // ---- to the client ----

  /** In order and never dropped; a client that does not take it is disconnected. */
  keep(message: ServerMessage): void {
    if (this.#isClosing) return
    this.#socket.send(JSON.stringify(message), AS_TEXT)
    if (this.bufferedBytes > MAX_BACKLOG_BYTES) this.close('slow_consumer')
  }

  /** Left out (and counted) while the client is behind: a later one says the same and more. */
  partial(message: ServerMessage): void {
    if (this.#isClosing) return
    if (this.bufferedBytes > MAX_PARTIAL_BACKLOG_BYTES) this.counters.partialsSkippedTotal++
    else this.#socket.send(JSON.stringify(message), AS_TEXT)
  }

  binary(bytes: Uint8Array): void {
    if (!this.#isClosing) this.#socket.send(bytes, AS_BINARY, () => this.#isGone || this.#handler.onWritten?.())
  }

  /** Tells what is wrong; the connection goes on. */
  error(error: ParleyError, requestId?: string): void {
    this.#say(error, requestId, true)
  }

  /** The same of something a client should know not to do: said so often it ends the connection. */
  misconduct(error: ParleyError): void {
    if (this.#conduct.onInvalid(this.clock.nowMs()) === 'close') this.fail(error, 'protocol_violation')
    else this.error(error)
  }

  /** Tells what is wrong and ends the connection. */
  fail(error: ParleyError, reason: CloseReason, requestId?: string): void {
    this.#say(error, requestId, false)
    this.close(reason)
  }

  /** Says `closing`, after all that was said before, and starts the close handshake. Idempotent: the first reason stands. */
  close(reason: CloseReason): void {
    if (this.#isClosing) return
    const { closeCode, meaning } = CLOSE_REASONS[reason]
    const { dialect } = this.#handler
    const closing = dialect ? dialect.closing(reason) : { type: 'closing', reason, message: meaning }
    if (closing && reason !== 'client_silent') this.#socket.send(JSON.stringify(closing), AS_TEXT)
    this.#isClosing = true
    this.#resumeSocket()
    this.#socket.close(closeCode, reason)
    const waitMs = reason === 'client_silent' ? 0 : CLOSE_HANDSHAKE_MS
    const { clock } = this.#settings
    // Not the scope's: that is over now.
    const timer = clock.after(waitMs, () => this.#socket.terminate())
    this.#socket.once('close', () => timer.cancel())
    this.#leave()
  }

  // ---- from the client ----

  /** No more is read until `resume`: what has been read already may still come. */
  pause(): void {
    if (this.#isPaused || this.#isClosing) return
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#isPaused || this.#isClosing) return
    this.#resumeSocket()
  }

  #resumeSocket(): void {
    this.#isPaused = false
    this.#socket.resume()
  }

  #listen(): void {
    const socket = this.#socket
    socket.on('message', (data, isBinary) => this.#onMessage(data as Buffer, isBinary))
    socket.on('pong', () => this.#heard())
    socket.on('ping', () => this.#heard())
    socket.on('error', (error) => {
      const { connectionId, logger } = this.#settings
      logger.debug({ code: (error as { code?: string }).code, connectionId }, 'socket of a stream endpoint failed')
    })
    socket.on('close', () => {
      this.#isClosing = true
      this.#isGone = true
      this.#leave()
    })
    this.scope.every(this.pingEveryMs, () => this.#checkLiveness())
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    if (this.#isClosing) return
    this.#heard()
    try {
      if (isBinary) this.#handler.onBinary(data)
      else this.#onText(data.toString())
    } catch (failure) {
      const { connectionId, logger } = this.#settings
      logger.error({ err: failure, connectionId }, 'a stream endpoint failed inside')
      this.fail(new ParleyError('INTERNAL', { requestId: connectionId }), 'internal')
    }
  }

  #onText(text: string): void {
    const nowMs = this.clock.nowMs()
    const verdict = this.#conduct.onMessage(nowMs)
    const decoded = this.#handler.decode(text)
    // Every message that is not obeyed is answered: nothing a client said is dropped in silence.
    if (verdict !== 'pass') this.#tooFast(verdict, nowMs, requestIdOf(decoded))
    else if (!decoded.ok) this.misconduct(decoded.error)
    else this.#handler.onCommand(decoded.value)
  }

  #tooFast(verdict: 'refuse' | 'close', nowMs: number, requestId: string | undefined): void {
    const error = new ParleyError('RATE_LIMITED', {
      message: `more than ${MESSAGES_PER_SECOND} text messages a second`,
      retryAfterMs: this.#conduct.messageWaitMs(nowMs),
    })
    if (verdict === 'close') this.fail(error, 'rate_limited', requestId)
    else this.error(error, requestId)
  }

  // ---- liveness ----

  #heard(): void {
    this.#unanswered = 0
  }

  #checkLiveness(): void {
    // While we do not read, its silence is ours.
    if (!this.#isPaused && ++this.#unanswered > MAX_UNANSWERED_PINGS) {
      this.close('client_silent')
      return
    }
    this.#socket.ping()
    if (this.#isConversant) this.keep({ type: 'ping', id: ++this.#pingId } as ServerMessage)
  }

  // ---- the end ----

  #say(error: ParleyError, requestId: string | undefined, recoverable: boolean): void {
    const { dialect } = this.#handler
    if (dialect) {
      const message = dialect.error(error)
      if (message) this.keep(message)
      return
    }
    const id = requestId ?? error.details.requestId
    const details = { ...error.details, message: error.message, ...(id === undefined ? {} : { requestId: id }) }
    this.keep({ ...errorMessage(error.code, details), recoverable } as ServerMessage)
  }

  #hasLeft = false
  #leave(): void {
    if (this.#hasLeft) return
    this.#hasLeft = true
    void this.scope.close()
    this.#handler.onGone()
  }
}

function requestIdOf(decoded: Result<unknown, ParleyError>): string | undefined {
  if (!decoded.ok) return decoded.error.details.requestId
  return (decoded.value as { readonly requestId?: string }).requestId
}
