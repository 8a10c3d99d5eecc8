// One link of this pod to one speech worker: connects, proves and checks identity, keeps asking whether the worker is
// there, and comes back after a loss. It carries streams but decides nothing about them.
import { backoffMs, type Clock, Scope } from '@parley/kernel'
import {
  type AdaptationState,
  type AudioFormat,
  CLOSE_REASONS,
  decodeWorkerMessage,
  type PodToWorker,
  type SessionFence,
  type TextEngineInfo,
  type WorkerToPod,
} from '@parley/protocol'
import { type Logger, SPAN, type StageTimer } from '@parley/telemetry'
import type { WebSocket } from 'ws'
import { LinkTexts } from '../text/link-texts.ts'
import { isProof, newNonce } from './link-auth.ts'
import { LinkSender, type SenderCounters } from './link-sender.ts'
import { type DialledLink, dialLink, type LinkAddress, type LinkCredentials, refusalWords } from './link-socket.ts'
import { LinkSpeeches } from './link-speeches.ts'
import type { LinkState } from './link-state.ts'
import type { LinkTick } from './link-tick.ts'
import type { LinkedStream, StreamMessage } from './linked-stream.ts'
import { SlotBook } from './slot-book.ts'
import { WorkerFate } from './worker-fate.ts'
import { WorkerHealth } from './worker-health.ts'
import { type WorkerLoad, WorkerReport } from './worker-report.ts'

/** From the first packet to the worker's first load report. */
const GREETING_DEADLINE_MS = 3_000
const PING_PERIOD_MS = 1_000
/** With a check every quarter of a second, a silent worker is noticed within 4 s. */
const DEAD_AFTER_MS = 3_600
/** A worker killed and restarted is used again within 3 s: the retries stay close together. */
const RETRY = { firstMs: 100, maxMs: 1_000 } as const
const LINK_VERSION = 1
/** How often the health gate hears whether the worker answers. */
const HEALTH_PERIOD_MS = 2_000

export interface LinkOwner {
  /** The worker can take streams, or its load or engines have changed. */
  onLoad(link: WorkerLink): void
  /** The link was up and is not any more. Its streams have been told. */
  onDown(link: WorkerLink): void
}

export interface WorkerLinkOptions {
  readonly address: LinkAddress
  readonly clock: Clock
  readonly credentials: LinkCredentials
  readonly logger: Logger
  readonly counters: SenderCounters & { linkLosses: number; linkFaults: number }
  readonly owner: LinkOwner
  readonly stages: StageTimer
  /** Of all links of the pod. */
  readonly tick: LinkTick
}

export class WorkerLink {
  readonly address: LinkAddress
  readonly book = new SlotBook()
  readonly health: WorkerHealth
  readonly report = new WorkerReport()
  /** The streams of this link that speak. */
  readonly speeches: LinkSpeeches
  readonly texts: LinkTexts
  readonly #options: WorkerLinkOptions
  readonly #scope: Scope
  readonly #logger: Logger
  #state: LinkState = { kind: 'resting' }
  #streams = new Map<number, { readonly stream: LinkedStream; isOpen: boolean }>()
  #nextStream = 1
  #failures = 0
  #pingId = 0
  #lastPingMs = 0
  #silentMs = 0
  #lastCheckMs = 0
  #lastHealthMs: number
  #workerId: string | undefined
  readonly #fate: WorkerFate
  #problem: string | undefined

  constructor(options: WorkerLinkOptions) {
    this.address = options.address
    this.#options = options
    this.#scope = new Scope(options.clock)
    const { workerId, url } = options.address
    this.#workerId = workerId
    this.#logger = options.logger.child(workerId === undefined ? { workerUrl: url } : { workerId })
    this.health = new WorkerHealth(options.clock)
    const outlet = {
      send: (message: PodToWorker) => this.#send(message),
      guarded: (tell: () => void) => this.#guarded(tell),
    }
    this.texts = new LinkTexts(outlet)
    this.speeches = new LinkSpeeches({
      ...outlet,
      health: this.health,
      report: this.report,
      nextStream: () => this.#nextStream++,
    })
    this.#fate = new WorkerFate(options.clock, (tell) => this.#guarded(tell))
    this.#lastHealthMs = options.clock.nowMs()
    this.#begin()
  }

  /** The same for as long as the link is wanted, whatever becomes of the worker. */
  get key(): string {
    return this.address.workerId ?? this.address.url
  }
  /** Undefined while only the address is known. */
  get workerId(): string | undefined {
    return this.#workerId
  }
  /** Why the link is not up, in words; undefined when it is. */
  get problem(): string | undefined {
    return this.#problem
  }
  get isUp(): boolean {
    return this.#state.kind === 'up'
  }
  get streamCount(): number {
    return this.#streams.size
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
      readonly wantsWords?: boolean
      readonly fence?: SessionFence
    },
  ): number {
    const number = this.#nextStream++
    this.#streams.set(number, { stream, isOpen: false })
    this.health.take(stream)
    this.book.onOpening()
    const language = this.report.languageFor(open.language) ?? open.language
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
    if (nowMs - this.#lastHealthMs >= HEALTH_PERIOD_MS) {
      this.#lastHealthMs = nowMs
      this.health.checked(this.isUp && this.#silentMs < HEALTH_PERIOD_MS)
    }
    this.#fate.check(nowMs)
    if (this.#state.kind !== 'up') return
    this.#silentMs += sinceCheckMs
    this.report.grewOlder(sinceCheckMs)
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
    this.#leave({ kind: 'closed' }, true)
    this.#fate.decide(false)
    void this.#scope.close()
  }

  #begin(): void {
    const attempt = this.#scope.child()
    this.#state = { kind: 'connecting', attempt }
    attempt.after(GREETING_DEADLINE_MS, () => {
      if (this.#state.kind !== 'up') this.#drop('no greeting in time')
    })
    const { address, credentials, clock } = this.#options
    dialLink(attempt, address, credentials, () => clock.wallMs()).then(
      (dialled) => dialled && this.#connect(attempt, dialled),
      (error: unknown) => {
        if (!attempt.isClosed) this.#drop(error instanceof Error ? error.message : String(error))
      },
    )
  }

  #connect(attempt: Scope, { socket, workerId }: DialledLink): void {
    socket.on('open', () => this.#greet(attempt, socket, workerId))
    const { stages } = this.#options
    socket.on('message', (data, isBinary) => {
      stages.enter(SPAN.linkIn)
      try {
        this.#onMessage(data as Buffer, isBinary)
      } finally {
        stages.leave()
      }
    })
    socket.on('unexpected-response', (_request, response) => this.#drop(refusalWords(response.statusCode)))
    socket.on('error', (error) => this.#drop(error.message))
    socket.on('close', (code) => this.#drop(`closed with ${code}`, code === CLOSE_REASONS.shutting_down.closeCode))
  }

  #greet(attempt: Scope, socket: WebSocket, workerId: string): void {
    const nonce = newNonce()
    this.#state = { kind: 'greeting', attempt, socket, workerId, nonce }
    this.#send({
      type: 'link.hello',
      version: LINK_VERSION,
      podId: this.#options.credentials.podId,
      nonce,
      keepsVoices: true,
    })
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    const { stages } = this.#options
    if (isBinary && this.#onAudio(data)) return
    stages.enter(SPAN.json)
    const message = isBinary ? 'faulty' : decodeWorkerMessage(data.toString())
    stages.leave()
    if (message === 'unknown') return
    if (message === 'faulty') {
      this.#options.counters.linkFaults++
      this.#drop('the worker sent something unreadable')
      return
    }
    this.#silentMs = 0
    if (message.type === 'worker.hello') this.#onHello(message)
    else if (message.type === 'worker.load') this.#onLoad(message)
    else if (message.type === 'link.refused') this.#drop(message.message)
    else if (message.type === 'worker.text') this.#onTextEngines(message.engines)
    else if (this.#state.kind !== 'up') return
    else if ('stream' in message) this.#toStream(message)
    else if (message.type === 'text.answered' || message.type === 'text.failed') this.texts.onMessage(message)
  }

  /** False: it is no audio of speeches. */
  #onAudio(data: Buffer): boolean {
    this.#silentMs = 0
    return this.#state.kind === 'up' && this.speeches.onBinary(data)
  }

  #onHello(hello: Extract<WorkerToPod, { type: 'worker.hello' }>): void {
    if (this.#state.kind !== 'greeting') return
    const { attempt, socket, workerId, nonce } = this.#state
    if (hello.workerId !== workerId || !isProof(this.#options.credentials.fleetSecret, nonce, hello.proof)) {
      this.#options.counters.linkFaults++
      this.#drop('whoever answered is not the worker expected')
      return
    }
    if ((hello.version as number) !== LINK_VERSION) {
      const versions = `version ${hello.version} of the link, this pod version ${LINK_VERSION}`
      this.#drop(`the worker speaks ${versions}: upgrade the older one`)
      return
    }
    this.report.onEngines(hello.engines)
    this.texts.onEngines([])
    this.#fate.decide(this.#workerId === workerId)
    this.#workerId = workerId
    this.#state = { kind: 'proven', attempt, socket }
  }

  #onLoad(load: WorkerLoad): void {
    if (this.#state.kind !== 'proven' && this.#state.kind !== 'up') return
    this.report.onLoad(load)
    this.book.onReport(load.slots, load.slotsUsed)
    this.speeches.onLoad(load)
    this.texts.onLoad(load)
    if (this.#state.kind === 'proven') this.#rise(this.#state.attempt, this.#state.socket)
    this.#options.owner.onLoad(this)
  }

  #onTextEngines(engines: readonly TextEngineInfo[]): void {
    if (this.#state.kind === 'proven' || this.isUp) this.texts.onEngines(engines)
    if (this.isUp) this.#options.owner.onLoad(this)
  }

  #rise(attempt: Scope, socket: WebSocket): void {
    const { clock, counters, stages, tick } = this.#options
    const outlet = {
      get bufferedBytes() {
        return socket.bufferedAmount
      },
      sendAudio: (bytes: Buffer) => socket.send(bytes),
      send: (message: PodToWorker) => this.#send(message),
    }
    const sender = new LinkSender(clock, outlet, counters, stages, tick)
    attempt.own(() => sender.close())
    this.#state = { kind: 'up', attempt, socket, sender }
    this.#failures = 0
    this.#silentMs = 0
    this.#problem = undefined
    this.#lastCheckMs = clock.nowMs()
    this.health.checked(true)
    this.#logger.info({ workerId: this.#workerId, slots: this.book.slots }, 'link to speech worker is up')
  }

  #toStream(message: StreamMessage): void {
    if (this.speeches.onMessage(message)) return
    const entry = this.#streams.get(message.stream)
    if (!entry) return // closed meanwhile
    const { stream, isOpen } = entry
    switch (message.type) {
      case 'stream.opened':
        entry.isOpen = true
        this.book.onOpened()
        this.health.opened(stream)
        break
      case 'stream.refused':
        if (message.code === 'SPEECH_UNAVAILABLE' && this.report.state === 'ready') this.health.failed()
        this.#forget(message.stream, stream)
        this.book.onRefused()
        if (message.code === 'NO_SLOT') this.book.onFull()
        break
      case 'stream.failed':
        if (message.code !== 'FENCED') this.health.failed()
        this.#forget(message.stream, stream)
        if (!isOpen) this.book.onClosedWhileOpening()
        break
      default:
        this.health.progressed(stream)
    }
    this.#guarded(() => entry.stream.onMessage(message))
  }

  #forget(number: number, stream: LinkedStream): void {
    this.#streams.delete(number)
    this.health.leave(stream)
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

  /** Nothing happens while there is no connection. */
  #send(message: PodToWorker): void {
    const state = this.#state
    if (state.kind === 'resting' || state.kind === 'connecting' || state.kind === 'closed') return
    const { stages } = this.#options
    stages.enter(SPAN.linkOut)
    state.socket.send(JSON.stringify(message))
    stages.leave()
  }

  /** The present attempt or connection is over; another follows after a pause. */
  #drop(reason: string, wasWanted = false): void {
    if (this.#state.kind === 'closed' || this.#state.kind === 'resting') return
    const wasUp = this.#state.kind === 'up'
    this.#problem = reason
    const words = wasUp ? 'link to speech worker lost' : 'speech worker cannot be reached; trying on'
    if (wasUp || this.#failures === 0) this.#logger.warn({ reason, streams: this.#streams.size }, words)
    this.#leave({ kind: 'resting' }, wasWanted)
    this.#scope.after(backoffMs(this.#failures++, RETRY), () => this.#begin())
  }

  #leave(next: LinkState, wasWanted: boolean): void {
    const state = this.#state
    this.#state = next
    if (state.kind !== 'resting' && state.kind !== 'closed') void state.attempt.close()
    if (state.kind !== 'up') return
    this.#options.counters.linkLosses++
    const entries = [...this.#streams.values()]
    this.#streams = new Map()
    if (entries.length + this.speeches.size + this.texts.size > 0 && !wasWanted) this.health.failed()
    this.report.clear()
    this.book.clear()
    if (!wasWanted) this.#fate.lost(entries.map(({ stream }) => stream))
    for (const { stream } of entries) this.#guarded(() => stream.onLinkLost(wasWanted))
    this.speeches.onLinkLost(wasWanted)
    this.texts.onLinkLost()
    this.#options.owner.onDown(this)
  }
}
