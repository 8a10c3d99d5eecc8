// One link of this worker to one pod: greeting, messages in and out, liveness, and the streams the pod has opened on it.
// When the link ends, they end.
import { assertNever, type Clock, Scope } from '@parley/kernel'
import {
  CLOSE_REASONS,
  DEAD_AFTER_MS,
  decodePodMessage,
  HELLO_DEADLINE_MS,
  LINK_VERSION,
  type PodToWorker,
  readLinkRecords,
  type WorkerToPod,
} from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import type { WebSocket } from 'ws'
import type { HostContext } from './host-context.ts'
import { HostedSpeech, type SpeakMessage, type SpeechLink } from './hosted-speech.ts'
import { HostedStream, type OpenMessage } from './hosted-stream.ts'
import { proofOf } from './link-auth.ts'
import { LinkTexts } from './link-texts.ts'
import { SpeechSender } from './speech-sender.ts'
import { VoicesTold } from './voices-told.ts'

const CHECK_PERIOD_MS = 500
/** A pod that does not read gets no partials beyond this; later ones replace them anyway. */
const MAX_PARTIAL_BACKLOG_BYTES = 256 * 1024
/** Finals never drop: a pod this far behind is cut off and keeps the audio they came from. */
const MAX_BACKLOG_BYTES = 8 * 1024 * 1024

export interface PodLinkOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly fleetSecret: string
  readonly workerId: string
  /** Of the token the pod came with. */
  readonly podId: string
  readonly host: HostContext
  /** What the worker can take, for the hello and each report. */
  readonly load: () => Extract<WorkerToPod, { type: 'worker.load' }>
  /** The pod speaks a version of the link that this worker does not. */
  readonly onVersionRefused: () => void
  readonly onClosed: (link: PodLink) => void
}

export class PodLink {
  readonly #options: PodLinkOptions
  readonly #socket: WebSocket
  readonly #scope: Scope
  readonly #streams = new Map<number, HostedStream>()
  readonly #speeches = new Map<number, HostedSpeech>()
  readonly #closing = new Set<Promise<void>>()
  readonly #speechSender: SpeechSender
  readonly #speechLink: SpeechLink
  readonly #texts: LinkTexts
  readonly #voices = new VoicesTold()
  #isGreeted = false
  #silentMs = 0
  #lastCheckMs: number

  constructor(socket: WebSocket, options: PodLinkOptions) {
    this.#options = options
    this.#socket = socket
    this.#scope = new Scope(options.clock)
    this.#lastCheckMs = options.clock.nowMs()
    const outlet = {
      get bufferedBytes() {
        return socket.bufferedAmount
      },
      sendAudio: (bytes: Uint8Array) => socket.send(bytes),
    }
    const sender = new SpeechSender(options.clock, outlet, options.host.counters, () => this.#resumeSpeeches())
    this.#speechSender = sender
    this.#speechLink = {
      send: (message) => this.#send(message),
      get isStalled() {
        return sender.isStalled
      },
      audio: (stream, sample, samples) => sender.add(stream, sample, samples),
      flushAudio: () => sender.sendNow(),
      forgetAudio: (stream) => sender.forget(stream),
    }
    this.#texts = new LinkTexts(options.host.texts, options.podId, (message) => this.#send(message))
    socket.on('message', (data, isBinary) => this.#onMessage(data as Buffer, isBinary))
    socket.on('close', () => void this.close('the pod closed it'))
    socket.on('error', (error) => void this.close(error.message))
    this.#scope.every(CHECK_PERIOD_MS, () => this.#check())
    this.#scope.after(HELLO_DEADLINE_MS, () => {
      if (!this.#isGreeted) this.#fault('no hello in time')
    })
  }

  get streamCount(): number {
    return this.#streams.size + this.#speeches.size
  }

  /** Sends the load report, once greeted. */
  report(): void {
    if (this.#isGreeted) this.#send(this.#voices.reportFor(this.#options.load()))
  }

  /** Says what the engines for texts can do, once greeted. */
  tellTextEngines(): void {
    if (this.#isGreeted) this.#texts.tellEngines()
  }

  /** Ends the link and its streams; resolves when their slots are free. Idempotent. */
  async close(reason: string, closeCode?: number): Promise<void> {
    if (!this.#scope.isClosed) {
      void this.#scope.close()
      this.#options.logger.info({ podId: this.#options.podId, reason, streams: this.streamCount }, 'link closed')
      this.#socket.removeAllListeners()
      this.#socket.on('error', () => {})
      if (closeCode === undefined) this.#socket.terminate()
      else this.#socket.close(closeCode)
      this.#speechSender.close()
      for (const stream of this.#streams.values()) this.#end(stream)
      for (const speech of this.#speeches.values()) speech.close()
      this.#texts.close()
      this.#streams.clear()
      this.#speeches.clear()
      this.#options.onClosed(this)
    }
    await Promise.all(this.#closing)
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    if (this.#scope.isClosed) return
    this.#silentMs = 0
    if (isBinary) this.#onAudio(data)
    else this.#onText(decodePodMessage(data.toString()))
  }

  #onAudio(data: Buffer): void {
    if (!this.#isGreeted) {
      this.#fault('audio before the hello')
      return
    }
    const { counters } = this.#options.host
    const isWhole = readLinkRecords(data, (number, mediaTime, payload) => {
      const stream = this.#streams.get(number)
      if (stream) stream.push(mediaTime, payload)
      else counters.framesStrayTotal++ // closed while they were under way
    })
    if (!isWhole) this.#fault('an audio message is cut short')
  }

  #onText(message: ReturnType<typeof decodePodMessage>): void {
    if (message === 'unknown') return
    if (message === 'faulty') {
      this.#fault('a message is unreadable')
      return
    }
    if (message.type === 'link.hello') {
      this.#greet(message)
      return
    }
    if (!this.#isGreeted) {
      this.#fault('a message before the hello')
      return
    }
    switch (message.type) {
      case 'stream.open':
        this.#openStream(message)
        return
      case 'stream.flush':
        this.#streams.get(message.stream)?.flush(message.flushId)
        return
      case 'stream.hold':
        this.#streams.get(message.stream)?.hold(message.isHeld)
        return
      case 'stream.close':
        this.#closeStream(message.stream)
        return
      case 'speak.open':
        this.#openSpeech(message)
        return
      case 'speak.credit':
        this.#speeches.get(message.stream)?.credit(message.creditMs)
        return
      case 'text.ask':
        if (!this.#texts.ask(message)) this.#fault('a text number is used twice')
        return
      case 'text.warm':
        this.#texts.warm(message)
        return
      case 'text.cancel':
        this.#texts.cancel(message.id)
        return
      case 'ping':
        this.#send({ type: 'pong', id: message.id })
        return
      default:
        assertNever(message)
    }
  }

  #greet({ version, podId, nonce, keepsVoices }: Extract<PodToWorker, { type: 'link.hello' }>): void {
    const { fleetSecret, workerId, load } = this.#options
    if (version !== LINK_VERSION) {
      this.#refuseVersion(version)
      return
    }
    const proof = proofOf(fleetSecret, nonce)
    if (this.#isGreeted || podId !== this.#options.podId || proof === undefined) {
      this.#fault('the hello is not valid')
      return
    }
    this.#isGreeted = true
    const { engines, slots } = load()
    this.#send({ type: 'worker.hello', version: LINK_VERSION, workerId, proof, engines, slots })
    this.#voices.mayLeaveOut(keepsVoices === true)
    this.report()
    this.tellTextEngines()
    this.#options.logger.info({ podId }, 'link open')
  }

  #openStream(open: OpenMessage): void {
    if (!this.#isNew(open.stream)) return
    const send = (message: WorkerToPod) => this.#send(message)
    const stream = new HostedStream(this.#options.host, open, send, () => this.#streams.delete(open.stream))
    this.#streams.set(open.stream, stream)
  }

  #openSpeech(open: SpeakMessage): void {
    if (!this.#isNew(open.stream)) return
    const onEnded = () => this.#speeches.delete(open.stream)
    const speech = new HostedSpeech(this.#options.host, open, this.#speechLink, onEnded)
    if (speech.isLive) this.#speeches.set(open.stream, speech)
  }

  #isNew(number: number): boolean {
    const isTaken = this.#streams.has(number) || this.#speeches.has(number)
    if (isTaken) this.#fault('a stream number is used twice')
    return !isTaken
  }

  #closeStream(number: number): void {
    const stream = this.#streams.get(number)
    this.#streams.delete(number)
    if (stream) this.#end(stream)
    this.#speeches.get(number)?.close()
    this.#speeches.delete(number)
  }

  #resumeSpeeches(): void {
    for (const speech of this.#speeches.values()) speech.resume()
  }

  /** Told before the link is closed, so that the pod can say what is wrong instead of trying on in the dark. */
  #refuseVersion(version: number): void {
    const message = `this worker speaks version ${LINK_VERSION} of the link, the pod version ${version}; update the older of the two`
    this.#options.onVersionRefused()
    this.#send({ type: 'link.refused', reason: 'version', versions: [LINK_VERSION], message })
    this.#fault(message)
  }

  #end(stream: HostedStream): void {
    const closing = stream.close().finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }

  #send(message: WorkerToPod): void {
    if (this.#scope.isClosed) return
    const backlogBytes = this.#socket.bufferedAmount
    if (message.type === 'partial' && backlogBytes > MAX_PARTIAL_BACKLOG_BYTES) {
      this.#options.host.counters.partialsDroppedTotal++
      return
    }
    if (backlogBytes > MAX_BACKLOG_BYTES) {
      void this.close('the pod does not read')
      return
    }
    this.#socket.send(JSON.stringify(message))
  }

  #check(): void {
    // A pause of this process must not count as silence of the pod.
    const nowMs = this.#options.clock.nowMs()
    this.#silentMs += Math.min(nowMs - this.#lastCheckMs, 2 * CHECK_PERIOD_MS)
    this.#lastCheckMs = nowMs
    if (this.#silentMs >= DEAD_AFTER_MS) void this.close('the pod is silent')
  }

  #fault(reason: string): void {
    this.#options.logger.warn({ podId: this.#options.podId, reason }, 'a pod broke the rules of the link')
    void this.close(reason, CLOSE_REASONS.protocol_violation.closeCode)
  }
}
