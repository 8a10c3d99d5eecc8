// Read-only following of a session by a watch link.
import { Emitter } from '@parley/kernel'
import type { Abandoned, AudioEnded, Caption, Welcome } from '@parley/protocol'
import { Connection } from './connection.ts'
import { type ConnectionState, isConnected } from './connection-state.ts'
import type { ClientPlatform } from './platform.ts'
import { afterEvent, isNews, type Seen, seenNothing } from './seen.ts'
import type { SessionEvents } from './session.ts'
import { CLIENT_NAME, CLIENT_VERSION } from './version.ts'

export interface WatchOptions {
  /** WebSocket address of the watch link. */
  readonly url: string
  /** Token of the watch link. */
  readonly token: string
  /** From `connect` to the welcome, ms; 10,000 unless told. */
  readonly connectDeadlineMs?: number
}

export type WatcherEvents = Omit<SessionEvents, 'watchers'>

const CONNECT_DEADLINE_MS = 10_000

export class ParleyWatcher {
  readonly #connection: Connection
  readonly #events = new Emitter<WatcherEvents>()
  #seen: Seen = seenNothing()

  constructor(platform: ClientPlatform, options: WatchOptions) {
    this.#connection = new Connection(
      platform,
      {
        url: options.url,
        token: options.token,
        clientName: CLIENT_NAME,
        clientVersion: CLIENT_VERSION,
        connectDeadlineMs: options.connectDeadlineMs ?? CONNECT_DEADLINE_MS,
      },
      {
        onState: (state) => this.#onState(state),
        onEvent: (event, receivedAtMs) => this.#onEvent(event, receivedAtMs),
        onWatchers: () => {},
        onError: (error) => this.#events.emit('error', error),
        onTick: () => {},
      },
    )
  }

  get state(): ConnectionState {
    return this.#connection.state
  }
  get welcome(): Welcome | undefined {
    return this.#connection.welcome
  }
  get seen(): Seen {
    return this.#seen
  }

  /** Subscribes; returns the function that unsubscribes. Subscribe before `connect` and nothing is missed. */
  on<Name extends keyof WatcherEvents>(name: Name, listener: (value: WatcherEvents[Name]) => void): () => void {
    return this.#events.on(name, listener)
  }

  /** Connects. Rejects with the reason when the link is not valid any more or the platform cannot be reached. */
  connect(): Promise<Welcome> {
    return this.#connection.open()
  }

  /** Resolves when the socket is gone (at most 1 s). Idempotent. */
  close(): Promise<void> {
    return this.#connection.close()
  }

  #onState(state: ConnectionState): void {
    this.#events.emit('state', state)
    if (isConnected(state)) this.#events.emit('speech', state.kind === 'live' ? 'ready' : 'waiting')
  }

  #onEvent(event: Caption | Abandoned | AudioEnded, receivedAtMs: number): void {
    if (event.type === 'caption') {
      if (!isNews(this.#seen, event)) return
      if (event.kind === 'final') this.#seen = afterEvent(this.#seen, event)
      this.#events.emit('caption', Object.assign(event, { receivedAtMs }))
      return
    }
    if (event.seq <= this.#seen.seq) return
    this.#seen = afterEvent(this.#seen, event)
    if (event.type === 'abandoned') this.#events.emit('abandoned', event)
  }
}
