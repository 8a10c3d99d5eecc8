// The shell round one socket: runs the effects of connection-transitions.ts, keeps liveness, hands messages on. Knows nothing
// of audio; sessions and watchers build on it.
import { type Clock, withDeadline } from '@parley/kernel'
import type {
  Abandoned,
  AudioEnded,
  AudioFormat,
  Caption,
  ClientMessage,
  ServerMessage,
  Welcome,
} from '@parley/protocol'
import { DEAD_AFTER_MS, PING_INTERVAL_MS } from '@parley/protocol'
import { type ConnectionState, INITIAL_STATE, isConnected, isOver } from './connection-state.ts'
import { type ConnectionEffect, type ConnectionInput, errorOfEnd, step } from './connection-transitions.ts'
import { asClientError, errorFromMessage, ParleyClientError } from './errors.ts'
import { Liveness } from './liveness.ts'
import type { ClientPlatform, ClientSocket } from './platform.ts'
import { decodeServerMessage } from './server-messages.ts'

export interface ConnectionOptions {
  readonly url: string
  /** Session ticket or watch token. */
  readonly token: string
  readonly audio?: AudioFormat
  readonly clientName: string
  readonly clientVersion: string
  /** From `open` to the welcome, ms. */
  readonly connectDeadlineMs: number
}

export interface ConnectionListener {
  onState(state: ConnectionState): void
  onEvent(event: Caption | Abandoned | AudioEnded, receivedAtMs: number): void
  onWatchers(count: number): void
  /** Something was refused or failed; the connection goes on. */
  onError(error: ParleyClientError): void
  /** Every tick while connected: the moment to send what was held back. */
  onTick(nowMs: number): void
}

/** Nonsense tolerated from a pod before the connection is given up. */
const MAX_FAULTS = 20
/** From our goodbye to the end of the socket, ms. */
const HANG_UP_MS = 1_000

export class Connection {
  readonly #platform: ClientPlatform
  readonly #options: ConnectionOptions
  readonly #listener: ConnectionListener
  readonly #liveness: Liveness
  #state: ConnectionState = INITIAL_STATE
  #socket: ClientSocket | undefined
  #welcome: Welcome | undefined
  #unsubscribe: (() => void) | undefined
  #hangUpAtMs: number | undefined
  #faults = 0
  #opening: PromiseWithResolvers<Welcome> | undefined
  #released: PromiseWithResolvers<void> | undefined

  constructor(platform: ClientPlatform, options: ConnectionOptions, listener: ConnectionListener) {
    this.#platform = platform
    this.#options = options
    this.#listener = listener
    this.#liveness = new Liveness(PING_INTERVAL_MS, DEAD_AFTER_MS)
  }

  get state(): ConnectionState {
    return this.#state
  }
  get welcome(): Welcome | undefined {
    return this.#welcome
  }
  get clock(): Clock {
    return this.#platform.clock
  }
  /** Messages of the pod that did not follow the protocol. */
  get faults(): number {
    return this.#faults
  }
  get bufferedBytes(): number {
    return this.#socket?.bufferedBytes ?? 0
  }
  /** Milliseconds between the last ping and its pong; undefined before the first. */
  get roundTripMs(): number | undefined {
    return this.#liveness.roundTripMs
  }

  /** Opens the socket and says hello. Rejects with why there was no welcome. Once per connection. */
  async open(): Promise<Welcome> {
    if (this.#opening) return this.#opening.promise
    this.#opening = Promise.withResolvers<Welcome>()
    const { connectDeadlineMs, url } = this.#options
    if (isOver(this.#state)) this.#opening.reject(errorOfEnd(this.#state))
    else this.#openSocket()
    try {
      return await withDeadline(this.clock, connectDeadlineMs, 'connecting', this.#opening.promise)
    } catch (thrown) {
      if (thrown instanceof ParleyClientError) throw thrown
      const detail = `${url} did not welcome the session within ${connectDeadlineMs} ms`
      const error = new ParleyClientError('DEADLINE_EXCEEDED', { detail, cause: thrown })
      this.#take({ kind: 'broken', error })
      throw error
    }
  }

  /** False when there is no connection to send on. */
  sendMessage(message: ClientMessage): boolean {
    if (!this.#socket || isOver(this.#state)) return false
    this.#socket.send(JSON.stringify(message))
    return true
  }

  sendBinary(message: Uint8Array): void {
    if (isConnected(this.#state)) this.#socket?.send(message)
  }

  /** Says goodbye. Resolves when the socket is gone, at the latest after a second. Idempotent. */
  async close(): Promise<void> {
    this.#take({ kind: 'leave' })
    if (!this.#socket) return
    this.#released ??= Promise.withResolvers<void>()
    await this.#released.promise
  }

  /** Leaves without waiting for anything: what was sent last may not arrive. Idempotent. */
  destroy(): void {
    this.#take({ kind: 'leave' })
    if (this.#socket) this.#run({ kind: 'drop' })
  }

  #openSocket(): void {
    this.#liveness.start(this.clock.nowMs())
    this.#unsubscribe = this.#platform.ticker.subscribe((nowMs) => this.#onTick(nowMs))
    this.#socket = this.#platform.openSocket(this.#options.url, {
      onOpened: (subprotocol) => this.#take({ kind: 'opened', subprotocol }),
      onText: (text) => this.#onText(text),
      onBinary: () => this.#onFault('a binary message came'),
      onClosed: (code, failure) => this.#onClosed(code, failure),
    })
  }

  #take(input: ConnectionInput): void {
    const before = this.#state
    const { state, effects } = step(before, input)
    this.#state = state
    for (const effect of effects) this.#run(effect)
    if (state.kind === before.kind && state.kind !== 'waiting') return
    if (state === before) return
    if (isOver(state)) this.#opening?.reject(errorOfEnd(state))
    this.#listener.onState(state)
  }

  #run(effect: ConnectionEffect): void {
    switch (effect.kind) {
      case 'say-hello':
        this.#sayHello()
        break
      case 'say-bye':
        this.#socket?.send(JSON.stringify({ type: 'bye' } satisfies ClientMessage))
        break
      case 'hang-up':
        this.#hangUpAtMs = this.clock.nowMs() + HANG_UP_MS
        this.#socket?.close(1000)
        break
      case 'drop': {
        const socket = this.#socket
        this.#release()
        socket?.terminate()
        break
      }
      case 'tell-error':
        this.#listener.onError(effect.error)
        break
      case 'fault':
        this.#onFault(effect.what)
        break
    }
  }

  #sayHello(): void {
    const { token, audio, clientName, clientVersion } = this.#options
    this.sendMessage({
      type: 'hello',
      token,
      ...(audio ? { audio } : {}),
      client: { name: clientName, version: clientVersion },
    })
  }

  #onText(text: string): void {
    const nowMs = this.clock.nowMs()
    this.#liveness.heard(nowMs)
    const decoded = decodeServerMessage(text)
    if (!decoded.ok) this.#onFault(decoded.error)
    else if (decoded.value.type !== 'unknown') this.#onMessage(decoded.value, nowMs)
  }

  #onMessage(message: ServerMessage, nowMs: number): void {
    switch (message.type) {
      case 'welcome':
        this.#onWelcome(message)
        break
      case 'caption':
      case 'abandoned':
      case 'audio.ended':
        if (isConnected(this.#state)) this.#listener.onEvent(message, nowMs)
        else this.#onFault(`a ${message.type} message came before the welcome`)
        break
      case 'speech':
        this.#take({ kind: 'speech', speech: message })
        break
      case 'watchers':
        this.#listener.onWatchers(message.count)
        break
      case 'ping':
        this.sendMessage({ type: 'pong', id: message.id })
        break
      case 'pong':
        this.#liveness.answered(message.id, nowMs)
        break
      case 'error':
        this.#take({ kind: 'refusal', error: errorFromMessage(message) })
        break
      case 'closing':
        this.#take({ kind: 'closing', closing: message })
        break
    }
  }

  #onWelcome(welcome: Welcome): void {
    const isFirst = this.#state.kind === 'connecting'
    if (isFirst) {
      this.#welcome = welcome
      this.#liveness.configure(welcome.pingIntervalMs, welcome.deadAfterMs)
    }
    this.#take({ kind: 'welcome', welcome })
    if (isFirst && isConnected(this.#state)) this.#opening?.resolve(welcome)
  }

  #onFault(what: string): void {
    this.#faults++
    const error = new ParleyClientError('BAD_ANSWER', {
      detail: `the platform broke the protocol: ${what}`,
      hop: 'pod',
    })
    const isHopeless = this.#state.kind === 'connecting' || this.#faults > MAX_FAULTS
    if (isHopeless) this.#take({ kind: 'broken', error })
    else if (!isOver(this.#state)) this.#listener.onError(error)
  }

  #onClosed(code: number, failure: Error | undefined): void {
    this.#release()
    if (isOver(this.#state)) return
    const wasConnecting = this.#state.kind === 'connecting'
    const detail = wasConnecting
      ? `${this.#options.url} closed the connection before the welcome (code ${code})`
      : `the connection broke without a goodbye (code ${code})`
    const errorCode = wasConnecting ? 'CONNECT_FAILED' : 'CONNECTION_LOST'
    const error =
      failure && (wasConnecting || failure instanceof ParleyClientError)
        ? asClientError(failure, errorCode)
        : new ParleyClientError(errorCode, { detail, cause: failure })
    this.#take({ kind: 'broken', error })
  }

  #onTick(nowMs: number): void {
    if (this.#hangUpAtMs !== undefined) {
      if (nowMs >= this.#hangUpAtMs) this.#run({ kind: 'drop' })
      return
    }
    if (!isConnected(this.#state)) return
    const verdict = this.#liveness.tick(nowMs)
    if (verdict.kind === 'ping') this.sendMessage({ type: 'ping', id: verdict.id })
    if (verdict.kind !== 'dead') {
      this.#listener.onTick(nowMs)
      return
    }
    const detail = `nothing was heard from the platform for ${Math.round(verdict.silentMs)} ms`
    this.#take({ kind: 'broken', error: new ParleyClientError('CONNECTION_LOST', { detail }) })
  }

  /** The socket is gone: nothing of this connection is armed any more. */
  #release(): void {
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    this.#socket = undefined
    this.#released?.resolve()
  }
}
