// One link of this pod to one speech worker: connects, proves and checks identity, keeps asking whether the worker is
// there, and comes back after a loss. It carries streams but decides nothing about them.
import { assertNever, backoffMs, type Clock, Scope } from '@parley/kernel'
import {
  type AdaptationState,
  type AudioFormat,
  decodeWorkerMessage,
  LINK_SUBPROTOCOL,
  MAX_LINK_MESSAGE_BYTES,
  type PodToWorker,
  type WorkerEngine,
  type WorkerToPod,
} from '@parley/protocol'
import { type Logger, SPAN, type StageTimer } from '@parley/telemetry'
import { WebSocket } from 'ws'
import { matchLanguage } from './language-match.ts'
import { isProof, linkToken, newNonce } from './link-auth.ts'
import { type AudioSource, LinkSender, type SenderCounters } from './link-sender.ts'
import { LinkSpeeches } from './link-speeches.ts'
import { SlotBook } from './slot-book.ts'

/** From the first packet to the worker's first load report. */
const GREETING_DEADLINE_MS = 3_000
const PING_PERIOD_MS = 1_000
/** With a check every quarter of a second, a silent worker is noticed within 4 s. */
const DEAD_AFTER_MS = 3_600
/** A worker killed and restarted is used again within 3 s: the retries stay close together. */
const RETRY = { firstMs: 100, maxMs: 1_000 } as const

export interface WorkerAddress {
  readonly workerId: string
  readonly url: string
}

export type StreamMessage = Extract<WorkerToPod, { readonly stream: number }>

export interface LinkedStream extends AudioSource {
  onMessage(message: StreamMessage): void
  onLinkLost(): void
}

export interface LinkOwner {
  /** The worker can take streams, or its load has changed. */
  onLoad(link: WorkerLink): void
  /** The link was up and is not any more. Its streams have been told. */
  onDown(link: WorkerLink): void
}

export interface WorkerLinkOptions {
  readonly address: WorkerAddress
  readonly clock: Clock
  readonly podId: string
  readonly fleetSecret: string
  readonly logger: Logger
  readonly counters: SenderCounters & { linkLosses: number; linkFaults: number }
  readonly owner: LinkOwner
  readonly stages: StageTimer
}

type LinkState =
  | { readonly kind: 'resting' }
  | { readonly kind: 'connecting'; readonly attempt: Scope }
  | { readonly kind: 'greeting'; readonly attempt: Scope; readonly socket: WebSocket; readonly nonce: string }
  | { readonly kind: 'proven'; readonly attempt: Scope; readonly socket: WebSocket } // load not known yet
  | { readonly kind: 'up'; readonly attempt: Scope; readonly socket: WebSocket; readonly sender: LinkSender }
  | { readonly kind: 'closed' }

export class WorkerLink {
  readonly address: WorkerAddress
  readonly book = new SlotBook()
  /** The streams of this link that speak. */
  readonly speeches: LinkSpeeches
  readonly #options: WorkerLinkOptions
  readonly #scope: Scope
  readonly #logger: Logger
  #state: LinkState = { kind: 'resting' }
  #streams = new Map<number, { readonly stream: LinkedStream; isOpen: boolean }>()
  #nextStream = 1
  #engines: readonly WorkerEngine[] = []
  #languages: readonly string[] = []
  #failures = 0
  #pingId = 0
  #lastPingMs = 0
  #silentMs = 0
  #lastCheckMs = 0

  constructor(options: WorkerLinkOptions) {
    this.address = options.address
    this.#options = options
    this.#scope = new Scope(options.clock)
    this.#logger = options.logger.child({ workerId: options.address.workerId })
    this.speeches = new LinkSpeeches({
      send: (message) => this.#send(message),
      nextStream: () => this.#nextStream++,
      guarded: (tell) => this.#guarded(tell),
    })
    void this.#connect()
  }

  get isUp(): boolean {
    return this.#state.kind === 'up'
  }
  get engines(): readonly WorkerEngine[] {
    return this.#engines
  }
  get streamCount(): number {
    return this.#streams.size
  }

  /** What the worker's engines that are ready call `language`; undefined when none recognises it. */
  languageFor(language: string): string | undefined {
    return matchLanguage(language, this.#languages)
  }

  /** Sends stream.open and returns the number of the stream. Only while up. */
  openStream(
    stream: LinkedStream,
    open: {
      readonly sessionId: string
      readonly language: string
      readonly format: AudioFormat
      readonly firstIndex: number
      readonly settledMs?: number
      readonly adaptation?: AdaptationState
    },
  ): number {
    const number = this.#nextStream++
    this.#streams.set(number, { stream, isOpen: false })
    this.book.onOpening()
    const language = this.languageFor(open.language) ?? open.language
    this.#send({ type: 'stream.open', stream: number, ...open, language })
    return number
  }

  /** While held, audio that is missing ends no utterance. Sent behind whatever audio has been gathered. */
  holdStream(number: number, isHeld: boolean): void {
    this.sendNow()
    this.#send({ type: 'stream.hold', stream: number, isHeld })
  }

  /** Forgets the stream and, when the link is up, tells the worker to free its slot. */
  closeStream(number: number): void {
    const entry = this.#streams.get(number)
    if (!entry) return
    this.#forget(number, entry.stream)
    if (!entry.isOpen) this.book.onClosedWhileOpening()
    this.#send({ type: 'stream.close', stream: number })
  }

  /** `stream` has `bytes` more to send. Nothing happens while the link is not up. */
  gather(stream: LinkedStream, bytes: number): void {
    if (this.#state.kind === 'up') this.#state.sender.gather(stream, bytes)
  }

  sendNow(): void {
    if (this.#state.kind === 'up') this.#state.sender.sendNow()
  }

  /** Called a few times per second: asks the worker whether it is there and notices when it is not. */
  check(nowMs: number): void {
    // A pause of this process (a long collection, a stopped machine) must not count as silence of the worker.
    const sinceCheckMs = Math.min(nowMs - this.#lastCheckMs, PING_PERIOD_MS)
    this.#lastCheckMs = nowMs
    if (this.#state.kind !== 'up') return
    this.#silentMs += sinceCheckMs
    if (this.#silentMs >= DEAD_AFTER_MS) {
      this.#drop('the worker is silent')
    } else if (nowMs - this.#lastPingMs >= PING_PERIOD_MS) {
      this.#lastPingMs = nowMs
      this.#send({ type: 'ping', id: this.#pingId++ })
    }
  }

  /** Ends the link for good; its streams are told that it is lost. Idempotent. */
  close(): void {
    if (this.#state.kind === 'closed') return
    this.#leave({ kind: 'closed' })
    void this.#scope.close()
  }

  async #connect(): Promise<void> {
    const { clock, address, podId, fleetSecret } = this.#options
    const attempt = this.#scope.child()
    this.#state = { kind: 'connecting', attempt }
    const token = await linkToken(fleetSecret, podId, address.workerId, clock.wallMs())
    if (attempt.isClosed) return
    let socket: WebSocket
    try {
      socket = this.#newSocket(token)
    } catch (error) {
      this.#drop(`bad address: ${String(error)}`)
      return
    }
    attempt.own(() => {
      socket.removeAllListeners()
      socket.on('error', () => {}) // terminate() of a socket that is still connecting reports itself
      socket.terminate()
    })
    attempt.after(GREETING_DEADLINE_MS, () => {
      if (this.#state.kind !== 'up') this.#drop('no greeting in time')
    })
    socket.on('open', () => this.#greet(attempt, socket))
    const { stages } = this.#options
    socket.on('message', (data, isBinary) => {
      stages.enter(SPAN.linkIn)
      try {
        this.#onMessage(data as Buffer, isBinary)
      } finally {
        stages.leave()
      }
    })
    socket.on('error', (error) => this.#drop(error.message))
    socket.on('close', (code) => this.#drop(`closed with ${code}`))
  }

  /** Throws when the address is none. */
  #newSocket(token: string): WebSocket {
    return new WebSocket(this.address.url, LINK_SUBPROTOCOL, {
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
      maxPayload: MAX_LINK_MESSAGE_BYTES,
      followRedirects: false,
      // Masking protects browsers from confused proxies. There is no browser here, and a zero mask costs nothing.
      generateMask: () => {},
    })
  }

  #greet(attempt: Scope, socket: WebSocket): void {
    const nonce = newNonce()
    this.#state = { kind: 'greeting', attempt, socket, nonce }
    this.#send({ type: 'link.hello', version: 1, podId: this.#options.podId, nonce })
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    const { stages } = this.#options
    if (isBinary) {
      this.#silentMs = 0
      if (this.#state.kind !== 'up' || !this.speeches.onBinary(data)) this.#fault()
      return
    }
    stages.enter(SPAN.json)
    const message = decodeWorkerMessage(data.toString())
    stages.leave()
    if (message === 'unknown') return
    if (message === 'faulty') {
      this.#fault()
      return
    }
    this.#silentMs = 0
    if (message.type === 'worker.hello') this.#onHello(message)
    else if (message.type === 'worker.load') this.#onLoad(message)
    else if (message.type === 'link.refused') this.#drop(message.message)
    else if (message.type !== 'pong' && this.#state.kind === 'up') this.#toStream(message)
  }

  #fault(): void {
    this.#options.counters.linkFaults++
    this.#drop('the worker sent something unreadable')
  }

  #onHello(hello: Extract<WorkerToPod, { type: 'worker.hello' }>): void {
    if (this.#state.kind !== 'greeting') return
    const { attempt, socket, nonce } = this.#state
    if (hello.workerId !== this.address.workerId || !isProof(this.#options.fleetSecret, nonce, hello.proof)) {
      this.#options.counters.linkFaults++
      this.#drop('whoever answered is not the worker expected')
      return
    }
    this.#setEngines(hello.engines)
    this.#state = { kind: 'proven', attempt, socket }
  }

  #onLoad(load: Extract<WorkerToPod, { type: 'worker.load' }>): void {
    if (this.#state.kind !== 'proven' && this.#state.kind !== 'up') return
    this.#setEngines(load.engines)
    this.book.onReport(load.slots, load.slotsUsed)
    this.speeches.onLoad(load)
    if (this.#state.kind === 'proven') this.#rise(this.#state.attempt, this.#state.socket)
    this.#options.owner.onLoad(this)
  }

  #rise(attempt: Scope, socket: WebSocket): void {
    const { clock, counters, stages } = this.#options
    const outlet = {
      get bufferedBytes() {
        return socket.bufferedAmount
      },
      sendAudio: (bytes: Buffer) => socket.send(bytes),
      send: (message: PodToWorker) => this.#send(message),
    }
    const sender = new LinkSender(clock, outlet, counters, stages)
    attempt.own(() => sender.close())
    this.#state = { kind: 'up', attempt, socket, sender }
    this.#failures = 0
    this.#silentMs = 0
    this.#lastCheckMs = clock.nowMs()
    this.#logger.info({ slots: this.book.slots }, 'link to speech worker is up')
  }

  #toStream(message: StreamMessage): void {
    if (this.speeches.onMessage(message)) return
    const entry = this.#streams.get(message.stream)
    if (!entry) return // closed meanwhile
    if (message.type === 'stream.opened') {
      entry.isOpen = true
      this.book.onOpened()
    } else if (message.type === 'stream.refused') {
      this.#forget(message.stream, entry.stream)
      this.book.onRefused()
      if (message.code === 'NO_SLOT') this.book.onFull()
    } else if (message.type === 'stream.failed') {
      this.#forget(message.stream, entry.stream)
      if (!entry.isOpen) this.book.onClosedWhileOpening()
    }
    this.#guarded(() => entry.stream.onMessage(message))
  }

  #forget(number: number, stream: LinkedStream): void {
    this.#streams.delete(number)
    if (this.#state.kind === 'up') this.#state.sender.forget(stream)
  }

  /** What a session does with an event is its own affair: its failure reaches neither the link nor other streams. */
  #guarded(tell: () => void): void {
    try {
      tell()
    } catch (error) {
      this.#logger.error({ err: error }, 'a listener of a speech stream failed')
    }
  }

  #setEngines(engines: readonly WorkerEngine[]): void {
    this.#engines = engines
    this.#languages = engines.filter((engine) => engine.ready).flatMap((engine) => engine.languages)
  }

  #send(message: PodToWorker): void {
    const state = this.#state
    switch (state.kind) {
      case 'greeting':
      case 'proven':
      case 'up':
        this.#sendText(state.socket, message)
        return
      case 'resting':
      case 'connecting':
      case 'closed':
        return
      default:
        assertNever(state)
    }
  }

  #sendText(socket: WebSocket, message: PodToWorker): void {
    const { stages } = this.#options
    stages.enter(SPAN.linkOut)
    socket.send(JSON.stringify(message))
    stages.leave()
  }

  /** The present attempt or connection is over; another follows after a pause. */
  #drop(reason: string): void {
    if (this.#state.kind === 'closed' || this.#state.kind === 'resting') return
    const wasUp = this.#state.kind === 'up'
    const fields = { reason, streams: this.#streams.size }
    if (wasUp) this.#logger.warn(fields, 'link to speech worker lost')
    else if (this.#failures === 0) this.#logger.warn(fields, 'speech worker cannot be reached; trying on')
    this.#leave({ kind: 'resting' })
    this.#scope.after(backoffMs(this.#failures++, RETRY), () => void this.#connect())
  }

  #leave(next: LinkState): void {
    const state = this.#state
    this.#state = next
    if (state.kind !== 'resting' && state.kind !== 'closed') void state.attempt.close()
    if (state.kind !== 'up') return
    this.#options.counters.linkLosses++
    const entries = [...this.#streams.values()]
    this.#streams = new Map()
    this.book.clear()
    this.#engines = []
    this.#languages = []
    for (const { stream } of entries) this.#guarded(() => stream.onLinkLost())
    this.speeches.onLinkLost()
    this.#options.owner.onDown(this)
  }
}
