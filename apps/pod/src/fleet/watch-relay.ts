// The side of the pod with the watchers: one link to the pod of each session that is followed here, however many follow it. Each watcher is a channel of
// the link; what comes for it goes to its connection, whose own bounds and rules hold for it as for a watcher of a session here.
import { type Clock, DeadlineError, type Scope, withDeadline } from '@parley/kernel'
import { ParleyError, POD_CALL_DEADLINE_MS } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import type { RawData, WebSocket } from 'ws'
import type { FollowRequest, RemoteFollower, Watched, WatchRelay } from '../sessions/watch-port.ts'
import type { Peer, PeerCalls } from './peer-calls.ts'
import type { PodFleet } from './pod-fleet.ts'
import { LinkLife } from './watch-link-life.ts'
import {
  decodeRecord,
  readToWatcherPod,
  readWelcome,
  type ToSessionPod,
  type ToWatcherPod,
  watchPath,
} from './watch-records.ts'

/** Sessions of other pods that are followed here; of one more, watchers are told where to go. */
export const MAX_WATCH_LINKS_OUT = 256
/** One record: a message of a session to its watchers. */
const MAX_RECORD_BYTES = 1024 * 1024

export interface PodWatchRelayOptions {
  readonly clock: Clock
  readonly scope: Scope
  readonly fleet: Pick<PodFleet, 'whereIs'>
  readonly peers: Pick<PeerCalls, 'connect'>
  readonly logger: Logger
}

type Answer = 'following' | 'impossible' | ParleyError

export class PodWatchRelay implements WatchRelay {
  readonly #options: PodWatchRelayOptions
  readonly #links = new Map<string, WatchLink>()

  constructor(options: PodWatchRelayOptions) {
    this.#options = options
    options.scope.own(() => {
      for (const link of [...this.#links.values()]) link.cut()
    })
  }

  get links(): number {
    return this.#links.size
  }

  async follow(request: FollowRequest, follower: RemoteFollower): Promise<Answer> {
    const { sessionId } = request
    const link = this.#links.get(sessionId) ?? (await this.#newLink(sessionId))
    return link ? link.join(request, follower) : 'impossible'
  }

  async #newLink(sessionId: string): Promise<WatchLink | undefined> {
    const where = await this.#options.fleet.whereIs(sessionId)
    const meanwhile = this.#links.get(sessionId)
    if (meanwhile || where.is !== 'there' || this.#links.size >= MAX_WATCH_LINKS_OUT) return meanwhile
    const link = new WatchLink(where.peer, sessionId, this.#options, () => {
      if (this.#links.get(sessionId) === link) this.#links.delete(sessionId)
    })
    this.#links.set(sessionId, link)
    return link
  }
}

interface Joining {
  readonly follower: RemoteFollower
  readonly answer: (answer: Answer) => void
}

class WatchLink {
  readonly #options: PodWatchRelayOptions
  readonly #peer: Peer
  readonly #onOver: () => void
  readonly #opened: Promise<boolean>
  readonly #joining = new Map<number, Joining>()
  readonly #following = new Map<number, RemoteFollower>()
  #socket: WebSocket | undefined
  #lastChannel = 0
  #isOver = false

  constructor(peer: Peer, sessionId: string, options: PodWatchRelayOptions, onOver: () => void) {
    this.#options = options
    this.#onOver = onOver
    this.#peer = peer
    this.#opened = this.#open(peer, sessionId)
  }

  async #open(peer: Peer, sessionId: string): Promise<boolean> {
    const { peers, clock, scope, logger } = this.#options
    const connected = await peers.connect(peer, watchPath(sessionId), MAX_RECORD_BYTES)
    if (!connected.ok) {
      logger.warn({ podId: peer.podId, sessionId, why: connected.error }, 'a session of another pod cannot be followed')
      this.#end()
      return false
    }
    const socket = connected.value
    if (this.#isOver) {
      socket.terminate()
      return false
    }
    this.#socket = socket
    const life = new LinkLife({ clock, scope, socket, ping: () => this.#send({ is: 'ping' }) })
    socket.on('message', (data: RawData, isBinary: boolean) => {
      life.heard()
      if (isBinary) this.#onRecord(data as Buffer)
      else this.#onControl(readToWatcherPod(String(data)))
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      life.end()
      this.#end()
    })
    return true
  }

  async join({ linkId, hello }: FollowRequest, follower: RemoteFollower): Promise<Answer> {
    if (this.#isOver) return 'impossible'
    const channel = ++this.#lastChannel
    const { promise, resolve } = Promise.withResolvers<Answer>()
    this.#joining.set(channel, { follower, answer: resolve })
    if (!(await this.#opened)) return 'impossible'
    this.#send({ is: 'join', channel, linkId, hello })
    try {
      return await withDeadline(this.#options.clock, POD_CALL_DEADLINE_MS, 'joining a session of another pod', promise)
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error
      this.#leave(channel)
      return 'impossible'
    }
  }

  /** Everybody is told, and comes again. Idempotent. */
  cut(): void {
    this.#socket?.terminate()
    this.#end()
  }

  #onRecord(bytes: Buffer): void {
    const record = decodeRecord(bytes)
    if (!record) {
      this.cut()
      return
    }
    if (record === 'passed') return
    const { kind, key, channels, payload } = record
    for (const channel of channels) {
      if (kind === 'welcome') this.#onWelcome(channel, payload)
      const follower = kind === 'welcome' ? undefined : this.#following.get(channel)?.channel
      if (kind === 'keep') follower?.keep(payload, key)
      else if (kind === 'latest') follower?.latest(key, payload)
      else follower?.speech(payload)
    }
  }

  #onWelcome(channel: number, payload: Buffer): void {
    const joining = this.#joining.get(channel)
    const words = readWelcome(payload)
    if (!joining || !words) return
    this.#joining.delete(channel)
    const { follower, answer } = joining
    this.#following.set(channel, follower)
    const isThere = follower.welcomed(words, this.#watched(channel))
    if (!isThere) this.#leave(channel)
    answer('following')
  }

  #watched(channel: number): Watched {
    return {
      want: (_follower, wish) => this.#send({ is: 'want', channel, wish }),
      unwatch: () => this.#leave(channel),
    }
  }

  #onControl(message: ToWatcherPod | undefined): void {
    if (!message || message.is === 'ping') return
    if (message.is === 'unknown') {
      const { podId } = this.#peer
      this.#options.logger.debug({ podId, of: message.of }, 'a pod of another version did not know what a link said')
      return
    }
    const { channel } = message
    if (message.is === 'refused') {
      const { code, details } = message
      // The two pods do not understand each other in this: its client is told where to go.
      const answer = code === 'UNKNOWN_MESSAGE' ? 'impossible' : new ParleyError(code, details)
      this.#joining.get(channel)?.answer(answer)
      this.#joining.delete(channel)
    } else {
      const follower = this.#following.get(channel)
      this.#following.delete(channel)
      follower?.channel.close(message.reason)
    }
    this.#rest()
  }

  #leave(channel: number): void {
    const wasThere = this.#joining.delete(channel) || this.#following.delete(channel)
    if (!wasThere) return
    this.#send({ is: 'leave', channel })
    this.#rest()
  }

  /** A link without watchers ends. */
  #rest(): void {
    if (this.#joining.size + this.#following.size > 0) return
    this.#isOver = true
    this.#onOver()
    this.#socket?.close()
  }

  #send(message: ToSessionPod): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message))
  }

  #end(): void {
    this.#isOver = true
    this.#onOver()
    const followers = [...this.#following.values()]
    this.#following.clear()
    for (const { answer } of this.#joining.values()) answer('impossible')
    this.#joining.clear()
    for (const { channel } of followers) channel.close('socket_lost')
  }
}
