// The worker's end of a link, driven by a test: keeps what the pod sent and says what the test tells it to, right or wrong.
import { createHmac } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { WorkerAddress } from '@parley/fleet'
import {
  LINK_SUBPROTOCOL,
  type PodToWorker,
  readLinkRecords,
  type WorkerState,
  type WorkerToPod,
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
  /** Of the link, in its hello; 1 unless told. */
  readonly version?: number
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

  send(message: WorkerToPod): void {
    this.sendRaw(JSON.stringify(message))
  }

  sendRaw(data: string | Uint8Array): void {
    this.#socket?.send(data)
  }

  load(slotsUsed: number, slots = this.#options.slots ?? 4, state?: WorkerState): void {
    const rest = { decodersWarm: 0, engines: this.#engines(), cpuRatio: 0, rssBytes: 0, ...(state ? { state } : {}) }
    this.send({ type: 'worker.load', slots, slotsUsed, ...rest })
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
    if (message.type === 'ping' && this.answersPings) this.send({ type: 'pong', id: message.id })
    if (message.type === 'stream.hold') this.arrivals.push(message.isHeld ? 'hold' : 'release')
    if (message.type === 'stream.flush') this.arrivals.push(`flush ${message.flushId}`)
  }

  #greet(nonce: string): void {
    const { secret = TEST_SECRET, slots = 4, claims = this.workerId } = this.#options
    const proof = createHmac('sha256', secret).update(nonce).digest('base64url')
    const version = (this.#options.version ?? 1) as 1
    this.send({ type: 'worker.hello', version, workerId: claims, proof, engines: this.#engines(), slots })
    this.load(0)
  }
}
