// Both endpoints on a real listener on a free port, over backends in memory, and clients on real sockets.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Clock, ok, systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { silentLogger } from '@parley/telemetry'
import { WebSocket } from 'ws'
import { StreamEndpoints, type StreamEndpointsOptions } from '../stream-endpoints.ts'
import { SpellingBackend } from './spelling-backend.ts'
import { ToneBackend } from './tone-backend.ts'

export interface RigOptions extends Partial<StreamEndpointsOptions> {
  readonly clock?: Clock
}

// biome-ignore lint/suspicious/noExplicitAny: what a server says is looked at field by field
export type Said = { readonly type: string } & Readonly<Record<string, any>>

export class EndpointRig {
  readonly recognise = new SpellingBackend()
  readonly synthesise = new ToneBackend()
  readonly endpoints: StreamEndpoints
  readonly #server: Server
  readonly #clients: TestClient[] = []

  private constructor(options: RigOptions) {
    this.endpoints = new StreamEndpoints({
      clock: systemClock,
      logger: silentLogger,
      recognise: this.recognise,
      synthesise: this.synthesise,
      authorise: async () => ok(undefined),
      isOriginAllowed: (origin) => origin === 'https://ours.example',
      ...options,
    })
    this.#server = createServer((request, response) => void this.endpoints.onRequest(request, response))
    this.#server.on('upgrade', (request, socket, head) => void this.endpoints.onUpgrade(request, socket, head))
  }

  static async start(options: RigOptions = {}): Promise<EndpointRig> {
    const rig = new EndpointRig(options)
    await new Promise<void>((resolve) => void rig.#server.listen(0, '127.0.0.1', resolve))
    return rig
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get httpUrl(): string {
    return this.url.replace('ws', 'http')
  }

  /** Not yet open; `path` with its query. */
  client(path: string, headers: Readonly<Record<string, string>> = {}): TestClient {
    const client = new TestClient(`${this.url}${path}`, headers)
    this.#clients.push(client)
    return client
  }

  async asr(query = ''): Promise<TestClient> {
    return this.client(`/v1/stream/asr${query}`).opened()
  }
  async tts(query = ''): Promise<TestClient> {
    return this.client(`/v1/stream/tts${query}`).opened()
  }

  /** Cuts every client there is. */
  dropClients(): void {
    for (const client of this.#clients.splice(0)) client.socket.terminate()
  }

  async stop(): Promise<void> {
    this.dropClients()
    await this.endpoints.close('shutting_down', 1_000)
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()))
  }
}

/** A client that keeps what it hears, in order. */
export class TestClient {
  readonly socket: WebSocket
  readonly heard: (Said | Buffer)[] = []
  closeCode: number | undefined
  refusal:
    | { readonly status: number; readonly headers: Readonly<Record<string, unknown>>; readonly body: Said }
    | undefined

  constructor(url: string, headers: Readonly<Record<string, string>> = {}) {
    this.socket = new WebSocket(url, { headers })
    this.socket.on('error', () => {})
    this.socket.on('message', (data, isBinary) => {
      this.heard.push(isBinary ? (data as Buffer) : (JSON.parse(String(data)) as Said))
    })
    this.socket.on('close', (code) => {
      this.closeCode = code
    })
    this.socket.on('unexpected-response', (request, response) => {
      let body = ''
      response.on('data', (data: Buffer) => {
        body += data.toString()
      })
      response.on('end', () => {
        this.refusal = { status: response.statusCode ?? 0, headers: response.headers, body: JSON.parse(body) as Said }
        request.destroy()
      })
    })
  }

  async opened(): Promise<this> {
    await eventually(() => (this.socket.readyState === WebSocket.OPEN ? undefined : 'not open'))
    return this
  }
  async refused() {
    await eventually(() => (this.refusal ? undefined : 'not refused'))
    return this.refusal as NonNullable<TestClient['refusal']>
  }
  async closed(): Promise<number> {
    await eventually(() => (this.closeCode === undefined ? 'not closed' : undefined))
    return this.closeCode as number
  }

  say(message: object): void {
    this.socket.send(JSON.stringify(message))
  }
  send(data: string | Uint8Array): void {
    this.socket.send(data)
  }

  get messages(): Said[] {
    return this.heard.filter((item): item is Said => !Buffer.isBuffer(item))
  }
  get binaries(): Buffer[] {
    return this.heard.filter((item): item is Buffer => Buffer.isBuffer(item))
  }
  of(type: string): Said[] {
    return this.messages.filter((message) => message.type === type)
  }

  /** The last message of `type`, once there are `count` of them. */
  async got(type: string, count = 1): Promise<Said> {
    await eventually(() =>
      this.of(type).length >= count ? undefined : `no ${type} (${count}) among ${JSON.stringify(this.messages)}`,
    )
    return this.of(type)[count - 1] as Said
  }
}
