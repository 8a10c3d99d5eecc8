// The shell round the sockets of one session, one at a time: runs the effects of connection-transitions.ts, keeps liveness, hands
// messages on. Knows nothing of audio; sessions and watchers build on it.
import { type Clock, withDeadline } from '@parley/kernel'
import type { ClientMessage, ServerMessage, Welcome } from '@parley/protocol'
import { DEAD_AFTER_MS, PING_INTERVAL_MS } from '@parley/protocol'
import { errorOfEnd } from './connection-ends.ts'
import { type ConnectionListener, type ConnectionOptions, isSessionEvent, isSessionNotice } from './connection-port.ts'
import { type ConnectionState, INITIAL_STATE, isConnected, isNewAttempt, isOver } from './connection-state.ts'
import { type ConnectionEffect, type ConnectionInput, type StepContext, step } from './connection-transitions.ts'
import { asClientError, errorFromMessage, ParleyClientError } from './errors.ts'
import { Liveness } from './liveness.ts'
import type { ClientPlatform, ClientSocket, SocketListener } from './platform.ts'
import { allowedTarget, knockingUrls, MAX_REDIRECTS, STABLE_AFTER_MS } from './reconnect.ts'
import { decodeServerMessage } from './server-messages.ts'

/** Nonsense tolerated from a pod before the connection is given up. */
const MAX_FAULTS = 20
/** From our goodbye to the end of the socket, ms. */
const HANG_UP_MS = 1_000
/** After a change of network, silence of this length means that the connection went with the old one, ms. */
const NETWORK_CHECK_MS = 1_500

/** Of no socket. */
const NO_SOCKET = 0

/** A socket at the pod where the session will go on. */
interface NextSocket {
  readonly url: string
  readonly number: number
  /** Undefined once it is gone. */
  socket: ClientSocket | undefined
  /** Undefined until it stands. */
  subprotocol: string | undefined
}

export class Connection {
  readonly #platform: ClientPlatform
  readonly #options: ConnectionOptions
  readonly #listener: ConnectionListener
  readonly #liveness: Liveness
  #state: ConnectionState = INITIAL_STATE
  #url: string
  #token: string
  #socket: ClientSocket | undefined
  /** Counts sockets: what an earlier one still says is not heard. */
  #socketNumber = NO_SOCKET
  #lastNumber = 0
  #welcome: Welcome | undefined
  #welcomedAtMs = Number.NEGATIVE_INFINITY
  #recentAttempts = 0
  #redirects = 0
  #resumptions = 0
  #unsubscribe: (() => void) | undefined
  #hangUpAtMs: number | undefined
  /** Where the last socket was opened. */
  #triedUrl: string
  /** Where the pod has said that the session goes on, and the socket that waits there for the goodbye here. */
  #next: NextSocket | undefined
  #faults = 0
  /** A pod of an earlier version knows no watcher that says what it has seen. */
  #isCatchUpRefused = false
  /** The last connection was given up because nothing was heard on it. */
  #hasFallenSilent = false
  #opening: PromiseWithResolvers<Welcome> | undefined
  #released: PromiseWithResolvers<void> | undefined

  constructor(platform: ClientPlatform, options: ConnectionOptions, listener: ConnectionListener) {
    this.#platform = platform
    this.#options = options
    this.#listener = listener
    this.#url = options.url
    this.#triedUrl = options.url
    this.#token = options.token
    this.#liveness = new Liveness(PING_INTERVAL_MS, DEAD_AFTER_MS)
  }

  get state(): ConnectionState {
    return this.#state
  }
  /** Of the last connection that stood. */
  get welcome(): Welcome | undefined {
    return this.#welcome
  }
  /** Where it stands, or stood last. */
  get url(): string {
    return this.#url
  }
  get clock(): Clock {
    return this.#platform.clock
  }
  /** Messages of the pod that did not follow the protocol. */
  get faults(): number {
    return this.#faults
  }
  /** Times the connection broke and was made anew. */
  get resumptions(): number {
    return this.#resumptions
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
    const { connectDeadlineMs } = this.#options
    if (isOver(this.#state)) this.#opening.reject(errorOfEnd(this.#state))
    else this.#start()
    try {
      return await withDeadline(this.clock, connectDeadlineMs, 'connecting', this.#opening.promise)
    } catch (thrown) {
      if (thrown instanceof ParleyClientError) throw thrown
      const detail = `${this.#url} did not welcome the session within ${connectDeadlineMs} ms`
      const error = new ParleyClientError('DEADLINE_EXCEEDED', { detail, cause: thrown })
      this.#take({ kind: 'broken', error })
      throw error
    }
  }

  /** False when there is no connection to send on. */
  sendMessage(message: ClientMessage): boolean {
    if (!this.#socket || isOver(this.#state)) return false
    this.#socket.send(JSON.stringify(message))
    this.#liveness.said(this.clock.nowMs())
    return true
  }

  sendBinary(message: Uint8Array): void {
    if (!isConnected(this.#state)) return
    this.#socket?.send(message)
    this.#liveness.said(this.clock.nowMs())
  }

  /** Sends a ping besides the regular ones; its id comes back by `onPong`. Undefined when there is no connection. */
  ping(): number | undefined {
    if (!isConnected(this.#state)) return undefined
    const id = this.#liveness.ping(this.clock.nowMs())
    this.sendMessage({ type: 'ping', id })
    return id
  }

  /**
   * The way to the platform may be another one now: a connection that is being made anew is tried at once, one that stands has to
   * show a sign of life soon.
   */
  networkChanged(): void {
    this.#take({ kind: 'network' })
    if (this.ping() !== undefined) this.#liveness.expect(this.clock.nowMs(), NETWORK_CHECK_MS)
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
    this.#drop()
  }

  #start(): void {
    const offTicker = this.#platform.ticker.subscribe((nowMs) => this.#onTick(nowMs))
    const offNetwork = this.#platform.onNetworkChange?.(() => this.networkChanged())
    this.#unsubscribe = () => {
      offTicker()
      offNetwork?.()
    }
    this.#openSocket(this.#url)
  }

  #openSocket(url: string): void {
    this.#triedUrl = url
    this.#liveness.start(this.clock.nowMs())
    const number = ++this.#lastNumber
    this.#socketNumber = number
    this.#socket = this.#platform.openSocket(url, this.#listenerOf(number))
  }

  /** What a socket says counts while it is the connection's; of the one that waits beside it only whether it stands. */
  #listenerOf(number: number): SocketListener {
    const isHeard = (): boolean => number === this.#socketNumber
    const next = (): NextSocket | undefined => (this.#next?.number === number ? this.#next : undefined)
    return {
      onOpened: (subprotocol) => {
        const waiting = next()
        if (waiting) waiting.subprotocol = subprotocol
        if (isHeard()) this.#take({ kind: 'opened', subprotocol })
      },
      onText: (text) => isHeard() && this.#onText(text),
      onBinary: (message) => isHeard() && this.#onBinary(message),
      onClosed: (code, failure) => {
        const waiting = next()
        if (waiting) waiting.socket = undefined
        if (isHeard()) this.#onClosed(code, failure)
      },
    }
  }

  /** The session goes on at `url` soon, unless that is readable and this is not: a socket is opened there, and used when the pod here has said goodbye. */
  #prepare(url: string): void {
    // The pod of the session says so itself: its word is as good as the entry addresses it has named.
    const target = allowedTarget(url, [url], this.#url)
    if (target === undefined || this.#graceMs() === undefined) return
    this.#next?.socket?.terminate()
    const number = ++this.#lastNumber
    const next: NextSocket = { url: target, number, socket: undefined, subprotocol: undefined }
    this.#next = next
    next.socket = this.#platform.openSocket(target, this.#listenerOf(number))
  }

  /** True when the socket that waits at `url` is the connection's now. */
  #takeNext(url: string): boolean {
    const next = this.#next
    this.#next = undefined
    if (!next?.socket) return false
    if (next.url !== url) {
      next.socket.terminate()
      return false
    }
    this.#triedUrl = url
    this.#liveness.start(this.clock.nowMs())
    this.#socketNumber = next.number
    this.#socket = next.socket
    const { subprotocol, number } = next
    // Not within the step that asked for it: that is told first.
    if (subprotocol !== undefined)
      queueMicrotask(() => number === this.#socketNumber && this.#take({ kind: 'opened', subprotocol }))
    return true
  }

  #take(input: ConnectionInput): void {
    const before = this.#state
    const { state, effects } = step(before, input, this.#context())
    this.#state = state
    for (const effect of effects) this.#run(effect)
    if (this.#state !== state || state === before) return
    const isNew = state.kind !== before.kind || state.kind === 'waiting' || isNewAttempt(before, state)
    if (!isNew) return
    if (state.kind === 'reconnecting') this.#recentAttempts = Math.max(this.#recentAttempts, state.attempts)
    if (isOver(state)) {
      this.#opening?.reject(errorOfEnd(state))
      if (!this.#socket) this.#release()
    }
    if (input.kind === 'welcome' && isConnected(state)) this.#welcomed(input.welcome, before)
    this.#listener.onState(state)
  }

  #context(): StepContext {
    const nowMs = this.clock.nowMs()
    const wasStable = isConnected(this.#state) && nowMs - this.#welcomedAtMs >= STABLE_AFTER_MS
    if (wasStable) this.#recentAttempts = 0
    return {
      nowMs,
      graceMs: this.#graceMs(),
      recentAttempts: this.#recentAttempts,
      canRedirect: this.#redirects < MAX_REDIRECTS,
      url: this.#url,
      entryUrls: this.#welcome?.entryUrls ?? [],
      movesTo: this.#next?.url,
      random: Math.random(),
    }
  }

  /** An owner comes back with the resume token of its welcome, a watcher with the token it has. */
  #graceMs(): number | undefined {
    const welcome = this.#welcome
    if (!this.#options.resume || !welcome || welcome.graceMs === 0) return undefined
    return welcome.role === 'watcher' || welcome.resumeToken !== undefined ? welcome.graceMs : undefined
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
      case 'drop':
        this.#drop()
        break
      case 'attempt':
        this.#attempt(effect.isHere ? this.#triedUrl : effect.location, effect.isHere === true)
        break
      case 'tell-error':
        this.#listener.onError(effect.error)
        break
      case 'fault':
        this.#onFault(effect.what)
        break
    }
  }

  #attempt(location: string | undefined, isHere: boolean): void {
    if (location !== undefined) {
      if (this.#takeNext(location)) return
      if (!isHere) this.#redirects++
      this.#openSocket(location)
      return
    }
    this.#next?.socket?.terminate()
    this.#next = undefined
    this.#redirects = 0
    const urls = knockingUrls(this.#url, this.#welcome?.entryUrls ?? [])
    const attempts = this.#state.kind === 'reconnecting' ? this.#state.attempts : 1
    // A pod that fell silent may not even refuse: another knows sooner whether it is still there.
    const first = this.#hasFallenSilent ? 1 : 0
    this.#openSocket(urls[(attempts - 1 + first) % urls.length] as string)
  }

  #sayHello(): void {
    const { audio, clientName, clientVersion } = this.#options
    const { seq, mediaMs, ...part } = this.#listener.hello()
    const { resumeToken, resumesAnywhere, catchesUp } = this.#welcome ?? {}
    const isReturn = resumeToken !== undefined || (catchesUp === true && seq > 0 && !this.#isCatchUpRefused)
    const resume = resumesAnywhere ? { seq, mediaMs } : { seq }
    this.sendMessage({
      type: 'hello',
      token: this.#token,
      ...(audio ? { audio } : {}),
      ...(isReturn ? { resume } : {}),
      ...part,
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

  #onBinary(message: Uint8Array): void {
    this.#liveness.heard(this.clock.nowMs())
    const fault = isConnected(this.#state)
      ? this.#listener.onBinary(message)
      : 'a binary message came before the welcome'
    if (fault !== undefined) this.#onFault(fault)
  }

  #onMessage(message: ServerMessage, nowMs: number): void {
    if (isSessionNotice(message)) {
      this.#listener.onNotice(message)
      return
    }
    if (isSessionEvent(message)) {
      if (isConnected(this.#state)) this.#listener.onEvent(message, nowMs)
      else this.#onFault(`a ${message.type} message came before the welcome`)
      return
    }
    switch (message.type) {
      case 'welcome':
        this.#take({ kind: 'welcome', welcome: message })
        break
      case 'speech':
        this.#take({ kind: 'speech', speech: message })
        break
      case 'ping':
        this.#pong(message.id)
        break
      case 'pong':
        this.#liveness.answered(message.id, nowMs)
        this.#listener.onPong(message.id)
        break
      case 'error':
        this.#onRefusal(errorFromMessage(message))
        break
      case 'move':
        if (isConnected(this.#state)) this.#prepare(message.url)
        break
      case 'closing':
        this.#take({ kind: 'closing', closing: message })
        break
    }
  }

  #onRefusal(error: ParleyClientError): void {
    const isCatchUp = this.#welcome?.catchesUp === true && error.code === 'INVALID_FIELD' && error.field === 'resume'
    if (isCatchUp) this.#isCatchUpRefused = true
    const detail = 'a pod of an earlier version does not take what this watcher has seen; asked again without it'
    this.#take({ kind: 'refusal', error: isCatchUp ? new ParleyClientError('CONNECT_FAILED', { detail }) : error })
  }

  #pong(id: number): void {
    const lastSeq = this.#listener.lastSeq()
    this.sendMessage({ type: 'pong', id, ...(lastSeq === undefined ? {} : { lastSeq }) })
  }

  #welcomed(welcome: Welcome, before: ConnectionState): void {
    const nowMs = this.clock.nowMs()
    this.#welcome = welcome
    this.#url = this.#triedUrl
    this.#hasFallenSilent = false
    this.#welcomedAtMs = nowMs
    this.#redirects = 0
    this.#isCatchUpRefused = false
    if (welcome.resumeToken !== undefined) this.#token = welcome.resumeToken
    this.#liveness.configure(welcome.pingIntervalMs, welcome.deadAfterMs)
    const awayMs = before.kind === 'reconnecting' ? nowMs - before.sinceMs : undefined
    if (awayMs !== undefined) this.#resumptions++
    this.#opening?.resolve(welcome)
    this.#listener.onWelcome(welcome, awayMs)
  }

  #onFault(what: string): void {
    this.#faults++
    const error = new ParleyClientError('BAD_ANSWER', {
      detail: `the platform broke the protocol: ${what}`,
      hop: 'pod',
    })
    const isHopeless = !isConnected(this.#state) || this.#faults > MAX_FAULTS
    if (isHopeless) this.#take({ kind: 'broken', error })
    else this.#listener.onError(error)
  }

  #onClosed(code: number, failure: Error | undefined): void {
    this.#socket = undefined
    if (isOver(this.#state)) {
      this.#release()
      return
    }
    const wasConnected = isConnected(this.#state)
    const detail = wasConnected
      ? `the connection broke without a goodbye (code ${code})`
      : `${this.#url} closed the connection before the welcome (code ${code})`
    const errorCode = wasConnected ? 'CONNECTION_LOST' : 'CONNECT_FAILED'
    const error =
      failure && (!wasConnected || failure instanceof ParleyClientError)
        ? asClientError(failure, errorCode)
        : new ParleyClientError(errorCode, { detail, cause: failure })
    this.#take({ kind: 'broken', error })
  }

  #onTick(nowMs: number): void {
    if (this.#hangUpAtMs !== undefined) {
      if (nowMs >= this.#hangUpAtMs) this.#drop()
      return
    }
    if (this.#state.kind === 'reconnecting') this.#take({ kind: 'tick' })
    else if (isConnected(this.#state)) this.#checkLiveness(nowMs)
    if (!isOver(this.#state)) this.#listener.onTick(nowMs)
  }

  #checkLiveness(nowMs: number): void {
    const verdict = this.#liveness.tick(nowMs)
    if (verdict.kind === 'ping') this.sendMessage({ type: 'ping', id: verdict.id })
    else if (verdict.kind === 'sign') this.#pong(0)
    if (verdict.kind !== 'dead') return
    this.#hasFallenSilent = true
    const detail = `nothing was heard from the platform for ${Math.round(verdict.silentMs)} ms`
    this.#take({ kind: 'broken', error: new ParleyClientError('CONNECTION_LOST', { detail }) })
  }

  /** Whatever the socket still says is not heard any more. */
  #drop(): void {
    const socket = this.#socket
    this.#socket = undefined
    this.#socketNumber = NO_SOCKET
    socket?.terminate()
    if (isOver(this.#state)) this.#release()
  }

  /** It is over and the socket is gone: nothing of this connection is armed any more. */
  #release(): void {
    this.#next?.socket?.terminate()
    this.#next = undefined
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    this.#released?.resolve()
  }
}
