// The side of the pod with the session: links of other pods, by each of which any number of watchers there follow one session here. What several of them
// get is one record. While a link is behind, partials coalesce and voices are left out; a link that is behind by more than MAX_HELD_BYTES of what is
// never dropped is cut, and its watchers come again.
import type { Clock, Scope } from '@parley/kernel'
import type { Welcome } from '@parley/protocol'
import { encodeServer, newSessionCounters, Outbox, type Wire } from '@parley/sessions'
import type { Logger } from '@parley/telemetry'
import type { RawData, WebSocket } from 'ws'
import type { ServedWatchers, WatcherService, WatchOutlet } from '../sessions/watch-port.ts'
import { LinkLife } from './watch-link-life.ts'
import {
  encodeRecord,
  readToSessionPod,
  type ToSessionPod,
  type ToWatcherPod,
  type WatchRecord,
} from './watch-records.ts'

/** Links of other pods; one more is refused, and its watchers are told where to go. */
export const MAX_WATCH_LINKS_IN = 256
/** Unsent bytes above which what is told is held back. */
const HIGH_WATER_BYTES = 262_144
export const MAX_HELD_BYTES = 4 * 1024 * 1024
/** A frame of a voice is not taken above this. */
const VOICE_HIGH_WATER_BYTES = 65_536
const AS_BINARY = { binary: true } as const

export interface WatchHostOptions {
  readonly clock: Clock
  readonly scope: Scope
  readonly watchers: WatcherService
  readonly logger: Logger
}

export class WatchHost {
  readonly #options: WatchHostOptions
  readonly #links = new Set<WebSocket>()

  constructor(options: WatchHostOptions) {
    this.#options = options
  }

  /** Ends every link. */
  cut(): void {
    for (const socket of [...this.#links]) socket.terminate()
  }

  get links(): number {
    return this.#links.size
  }

  get hasRoom(): boolean {
    return this.#links.size < MAX_WATCH_LINKS_IN
  }

  /** Owns the socket from now on. */
  accept(socket: WebSocket, sessionId: string): void {
    const { clock, scope, watchers, logger } = this.#options
    this.#links.add(socket)
    const outlet = new LinkOutlet(socket)
    const life = new LinkLife({ clock, scope, socket, ping: () => outlet.tell({ is: 'ping' }) })
    // A link that nobody needs any more is closed by the pod that made it.
    const served = watchers.serve(sessionId, outlet)
    socket.on('message', (data: RawData, isBinary: boolean) => {
      life.heard()
      const message = isBinary ? undefined : readToSessionPod(String(data))
      if (message?.ok) {
        act(served, message.value)
        return
      }
      if (message?.error.answer) outlet.tell(message.error.answer)
      logger.debug(
        { sessionId, why: message?.error.why ?? 'binary' },
        'a link for watchers said what is not known here',
      )
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#links.delete(socket)
      life.end()
      served.close()
    })
  }
}

function act(served: ServedWatchers, message: ToSessionPod): void {
  switch (message.is) {
    case 'ping':
      return
    case 'join':
      served.join(message.channel, message.linkId, message.hello)
      return
    case 'want':
      served.want(message.channel, message.wish)
      return
    case 'leave':
      served.leave(message.channel)
  }
}

/** Messages that are the same object, one after the other, go as one record with all their channels. */
class LinkOutlet implements WatchOutlet, Wire {
  readonly #socket: WebSocket
  readonly #outbox: Outbox
  #group: { readonly kind: WatchRecord['kind']; key: number; payload: Buffer; channels: number[] } | undefined

  constructor(socket: WebSocket) {
    this.#socket = socket
    // Counters of their own: these are no messages to clients.
    const limits = { highWaterBytes: HIGH_WATER_BYTES, maxHeldBytes: MAX_HELD_BYTES }
    this.#outbox = new Outbox(this, limits, newSessionCounters())
  }

  welcome(channel: number, welcome: Welcome): void {
    this.#add('welcome', channel, 0, encodeServer(welcome))
  }
  keep(channel: number, message: Buffer, supersedes: number): void {
    this.#add('keep', channel, supersedes, message)
  }
  latest(channel: number, key: number, message: Buffer): void {
    this.#add('latest', channel, key, message)
  }
  speech(channel: number, frame: Buffer): boolean {
    if (this.#outbox.isHolding || this.bufferedBytes >= VOICE_HIGH_WATER_BYTES) return false
    this.#add('speech', channel, 0, frame)
    return true
  }
  refused(channel: number, { code, details }: Parameters<WatchOutlet['refused']>[1]): void {
    const { cause: _, ...told } = details
    this.tell({ is: 'refused', channel, code, details: told })
  }
  closed(channel: number, reason: Parameters<WatchOutlet['closed']>[1]): void {
    this.tell({ is: 'closed', channel, reason })
  }

  /** Behind everything told before. */
  tell(message: ToWatcherPod): void {
    this.#flush()
    if (!this.#outbox.keep(Buffer.from(JSON.stringify(message)))) this.#socket.terminate()
  }

  #add(kind: WatchRecord['kind'], channel: number, key: number, payload: Buffer): void {
    const group = this.#group
    if (group?.payload === payload && group.kind === kind && group.key === key) {
      group.channels.push(channel)
      return
    }
    this.#flush()
    this.#group = { kind, key, payload, channels: [channel] }
    queueMicrotask(() => this.#flush())
  }

  #flush(): void {
    const group = this.#group
    if (!group) return
    this.#group = undefined
    const record = encodeRecord(group)
    if (group.kind === 'latest') this.#outbox.latest(group.key, record)
    else if (group.kind === 'speech') this.#outbox.speech(record)
    else if (!this.#outbox.keep(record, group.kind === 'keep' ? group.key : undefined)) this.#socket.terminate()
  }

  // ---- Wire ----

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount
  }

  /** What begins like JSON is control; records begin with the number of their kind. */
  write(message: Buffer, written?: () => void): void {
    const isControl = message[0] === 0x7b
    this.#socket.send(message, isControl ? { binary: false } : AS_BINARY, written)
  }

  writeBinary(message: Buffer, written?: () => void): void {
    this.#socket.send(message, AS_BINARY, written)
  }
}
