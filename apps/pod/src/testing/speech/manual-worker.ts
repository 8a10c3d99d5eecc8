// The worker's end of a link, driven by a test: keeps what the pod sent and says what the test tells it to, right or wrong.
import { createHmac } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { WorkerAddress } from '@parley/fleet'
import {
  LINK_RECORD_HEADER_BYTES,
  LINK_SUBPROTOCOL,
  type PodToWorker,
  readLinkRecords,
  type TextEngineInfo,
  type TextFailureCode,
  type VoiceInfo,
  type WorkerState,
  type WorkerToPod,
  writeLinkRecord,
} from '@parley/protocol'
import { type WebSocket, WebSocketServer } from 'ws'
import { TEST_SECRET } from './worker-process.ts'

export interface ManualWorkerOptions {
  readonly workerId?: string
  readonly slots?: number
  readonly languages?: readonly string[]
  /** What it proves itself with; the tests' fleet secret unless told. */
  readonly secret?: string
  /** Id it claims in its hello; its own unless told. */
  readonly claims?: string
  /** Speeches it says it makes at a time; none unless told. */
  readonly speechSlots?: number
  /** `tone`, which speaks en-US, unless told. */
  readonly voices?: readonly VoiceInfo[]
  /** It says that more voices may come. */
  readonly voicesLoading?: boolean
  /** Of the link, in its hello; 1 unless told. */
  readonly version?: number
  /** What it does about texts; it says nothing of any unless told. */
  readonly textEngines?: readonly TextEngineInfo[]
  /** Texts of each kind it says it does at a time; 8 unless told. */
  readonly textSlots?: number
}

export type TextAskMessage = Extract<PodToWorker, { readonly type: 'text.ask' }>

export const TONE: VoiceInfo = { name: 'tone', language: 'en-US', engine: 'manual' }
export const SPEECH_RATE_HZ = 16_000

/** What a manual worker says: a sample that tells its place. */
export const sampleAt = (place: number): number => ((place * 31) % 60_000) - 30_000

/** `count` of those samples from `fromSample`, as bytes. */
export function speechBytes(fromSample: number, count: number): Uint8Array {
  const bytes = Buffer.alloc(2 * count)
  for (let n = 0; n < count; n++) bytes.writeInt16LE(sampleAt(fromSample + n), 2 * n)
  return bytes
}

export interface AudioRecord {
  readonly stream: number
  readonly mediaTime: number
  readonly payload: Uint8Array
}

export class ManualWorker {
  readonly messages: PodToWorker[] = []
  readonly records: AudioRecord[] = []
  /** Number and order of binary messages and flushes, to check what came in which message. */
  readonly arrivals: string[] = []
  readonly #options: ManualWorkerOptions
  readonly #server: WebSocketServer
  #socket: WebSocket | undefined
  connections = 0
  /** Answer stream.open with stream.opened. */
  opensAtOnce = true
  /** Answer speak.open with speak.opened. */
  speaksAtOnce = true
  /** Answer ping with pong. */
  answersPings = true

  private constructor(server: WebSocketServer, options: ManualWorkerOptions) {
    this.#server = server
    this.#options = options
    server.on('connection', (socket) => this.#onConnection(socket))
  }

  static async start(options: ManualWorkerOptions = {}, port = 0): Promise<ManualWorker> {
    const handleProtocols = () => LINK_SUBPROTOCOL
    const server = new WebSocketServer({ host: '127.0.0.1', port, perMessageDeflate: false, handleProtocols })
    await new Promise<void>((resolve) => server.once('listening', resolve))
    return new ManualWorker(server, options)
  }

  get workerId(): string {
    return this.#options.workerId ?? 'wrk_manual'
  }
  get address(): WorkerAddress {
    const { port } = this.#server.address() as AddressInfo
    return { workerId: this.workerId, url: `ws://127.0.0.1:${port}` }
  }
  get isConnected(): boolean {
    return this.#socket !== undefined
  }

  /** The stream.open messages so far. */
  opens(): Extract<PodToWorker, { type: 'stream.open' }>[] {
    return this.messages.filter((message) => message.type === 'stream.open')
  }

  /** The speak.open messages so far. */
  speaks(): Extract<PodToWorker, { type: 'speak.open' }>[] {
    return this.messages.filter((message) => message.type === 'speak.open')
  }
  /** What speech `stream` may come up to, ms, as told last. */
  creditMs(stream: number): number {
    const told = this.messages.filter((message) => message.type === 'speak.open' || message.type === 'speak.credit')
    return told.findLast((message) => message.stream === stream)?.creditMs ?? -1
  }
  closes(): number[] {
    return this.messages.flatMap((message) => (message.type === 'stream.close' ? [message.stream] : []))
  }

  openSpeech(stream: number, voice: VoiceInfo = TONE, sampleRateHz = SPEECH_RATE_HZ): void {
    this.send({ type: 'speak.opened', stream, sampleRateHz, voice })
  }
  /** Audio of a speech, in records of 20 ms in one message. */
  say(stream: number, fromSample: number, count: number): void {
    const records: Buffer[] = []
    for (let at = fromSample; at < fromSample + count; at += 320) {
      const payload = speechBytes(at, Math.min(320, fromSample + count - at))
      const record = Buffer.alloc(LINK_RECORD_HEADER_BYTES + payload.byteLength)
      writeLinkRecord(record, 0, stream, at >>> 0, payload)
      records.push(record)
    }
    this.sendRaw(Buffer.concat(records))
  }

  send(message: WorkerToPod): void {
    this.sendRaw(JSON.stringify(message))
  }

  sendRaw(data: string | Uint8Array): void {
    this.#socket?.send(data)
  }

  load(slotsUsed: number, slots = this.#options.slots ?? 4, state?: WorkerState): void {
    this.#load({ slots, slotsUsed, ...(state ? { state } : {}) }, 0)
  }

  /** Tells how many speeches it holds, and its state. */
  speechLoad(slotsUsed: number, state: WorkerState = 'ready'): void {
    this.#load({ slots: this.#options.slots ?? 4, slotsUsed: 0, state }, slotsUsed)
  }

  #load(load: { slots: number; slotsUsed: number; state?: WorkerState }, speechSlotsUsed: number): void {
    const { speechSlots = 0, voices = [TONE], voicesLoading = false } = this.#options
    const rest = { decodersWarm: 0, engines: this.#engines(), cpuRatio: 0, rssBytes: 0 }
    const recognise = { slots: load.slots, slotsUsed: load.slotsUsed }
    const synthesise = { slots: speechSlots, slotsUsed: speechSlotsUsed }
    const { textEngines, textSlots = 8 } = this.#options
    const speaks = speechSlots === 0 ? {} : { synthesise }
    const texts = { slots: textSlots, slotsUsed: 0 }
    const does = { ...speaks, ...(textEngines && { translate: texts, polish: texts }) }
    const roles = Object.keys(does).length === 0 ? {} : { roles: { recognise, ...does } }
    const told = speechSlots === 0 ? roles : { ...roles, voices, voicesLoading }
    this.send({ type: 'worker.load', ...load, ...rest, ...told })
  }

  /** The text.ask messages so far. */
  asks(): TextAskMessage[] {
    return this.messages.filter((message) => message.type === 'text.ask')
  }
  /** What texts it was told to be ready for, as "apertium en es". */
  warmed(): string[] {
    return this.messages.flatMap((message) => {
      if (message.type !== 'text.warm') return []
      const { engine, from, to } = message
      return [[engine, from, to].filter((each) => each !== undefined).join(' ')]
    })
  }
  /** Ids of the texts that were cancelled. */
  cancelledTexts(): number[] {
    return this.messages.flatMap((message) => (message.type === 'text.cancel' ? [message.id] : []))
  }
  answerText(id: number, text: string, more: Partial<Extract<WorkerToPod, { type: 'text.answered' }>> = {}): void {
    this.send({ type: 'text.answered', id, text, engineMs: 4, ...more })
  }
  failText(id: number, code: TextFailureCode, retryAfterMs?: number): void {
    this.send({ type: 'text.failed', id, code, message: code, ...(retryAfterMs !== undefined && { retryAfterMs }) })
  }
  /** It has other engines now. */
  tellTextEngines(engines: readonly TextEngineInfo[]): void {
    this.send({ type: 'worker.text', engines })
  }

  /** Cuts the connection without a word. */
  cut(): void {
    this.#socket?.terminate()
    this.#socket = undefined
  }

  /** Reads no more from the socket: what the pod sends piles up. */
  pauseReading(): void {
    this.#socket?.pause()
  }
  resumeReading(): void {
    this.#socket?.resume()
  }

  async end(): Promise<void> {
    for (const client of this.#server.clients) client.terminate()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #engines() {
    return [{ name: 'manual', languages: this.#options.languages ?? ['en-US'], ready: true }]
  }

  #onConnection(socket: WebSocket): void {
    this.connections++
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined
    })
    socket.on('message', (data, isBinary) => {
      if (isBinary) this.#onAudio(data as Buffer)
      else this.#onMessage(JSON.parse(String(data)) as PodToWorker)
    })
  }

  #onAudio(data: Buffer): void {
    this.arrivals.push('audio')
    readLinkRecords(data, (stream, mediaTime, payload) => {
      this.records.push({ stream, mediaTime, payload: Uint8Array.from(payload) })
    })
  }

  #onMessage(message: PodToWorker): void {
    this.messages.push(message)
    if (message.type === 'link.hello') this.#greet(message.nonce)
    if (message.type === 'stream.open' && this.opensAtOnce) this.send({ type: 'stream.opened', stream: message.stream })
    if (message.type === 'speak.open' && this.speaksAtOnce) this.openSpeech(message.stream)
    if (message.type === 'ping' && this.answersPings) this.send({ type: 'pong', id: message.id })
    if (message.type === 'stream.hold') this.arrivals.push(message.isHeld ? 'hold' : 'release')
    if (message.type === 'stream.flush') this.arrivals.push(`flush ${message.flushId}`)
  }

  #greet(nonce: string): void {
    const { secret = TEST_SECRET, slots = 4, claims = this.workerId } = this.#options
    const proof = createHmac('sha256', secret).update(nonce).digest('base64url')
    const version = (this.#options.version ?? 1) as 1
    this.send({ type: 'worker.hello', version, workerId: claims, proof, engines: this.#engines(), slots })
    if (this.#options.textEngines) this.tellTextEngines(this.#options.textEngines)
    this.load(0)
  }
}
