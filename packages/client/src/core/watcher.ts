// Read-only following of a session by a watch link.
import { Emitter } from '@parley/kernel'
import type { ClientMessage, SubscriptionStream, UtteranceId, Welcome } from '@parley/protocol'
import type { CaptionWish } from './captions.ts'
import { Connection } from './connection.ts'
import { errorOfEnd } from './connection-ends.ts'
import { isPartial, type SessionEvent, type SessionNotice } from './connection-port.ts'
import { type ConnectionState, isConnected, isOver } from './connection-state.ts'
import { ParleyClientError } from './errors.ts'
import type { ClientPlatform } from './platform.ts'
import { type CaptionsInForce, Refined, type RefinedEvents } from './refined.ts'
import { afterEvent, isNews, openAfter, type Seen, seenNothing } from './seen.ts'
import type { SessionEvents } from './session-types.ts'
import { DesiredSubscriptions } from './subscriptions.ts'
import { CLIENT } from './version.ts'

export interface WatchOptions {
  /** WebSocket address of the watch link. */
  readonly url: string
  /** Token of the watch link. */
  readonly token: string
  /** From `connect` to the welcome, ms; 10,000 unless told. */
  readonly connectDeadlineMs?: number
  /** A connection that breaks is made anew by itself for as long as the platform names (60 s); true unless told. */
  readonly resume?: boolean
  /** What is to be made of captions from the beginning; see `setCaptions`. */
  readonly captions?: CaptionWish
}

export type WatcherEvents = Pick<
  SessionEvents,
  'caption' | 'abandoned' | 'state' | 'speech' | 'missed' | 'error' | keyof RefinedEvents
> & {
  /** The connection broke and stands again; what was missed and is still kept follows. `movedTo`: the pod that has the session now, if another. */
  resumed: { readonly awayMs: number; readonly movedTo?: string }
}

const CONNECT_DEADLINE_MS = 10_000

export class ParleyWatcher {
  readonly #connection: Connection
  readonly #events = new Emitter<WatcherEvents>()
  readonly #subscriptions = new DesiredSubscriptions()
  readonly #refined: Refined
  #seen: Seen = seenNothing()
  #historyTo: number | undefined
  #podId: string | undefined
  /** Of which partials were shown and that has not ended. */
  #openUtterance: UtteranceId | undefined

  constructor(platform: ClientPlatform, options: WatchOptions) {
    this.#connection = new Connection(
      platform,
      {
        url: options.url,
        token: options.token,
        ...CLIENT,
        connectDeadlineMs: options.connectDeadlineMs ?? CONNECT_DEADLINE_MS,
        resume: options.resume ?? true,
      },
      {
        hello: () => {
          const { seq, mediaMs } = this.#seen
          return { seq, mediaMs, ...this.#subscriptions.hello(), ...this.#refined.hello() }
        },
        onWelcome: (welcome, awayMs) => this.#onWelcome(welcome, awayMs),
        onState: (state) => this.#onState(state),
        onEvent: (event, receivedAtMs) => this.#onEvent(event, receivedAtMs),
        onNotice: (notice) => this.#onNotice(notice),
        onPong: () => {},
        lastSeq: () => undefined,
        onError: (error) => this.#events.emit('error', error),
        // Of a voice that was left in mid-speech frames may still be on their way.
        onBinary: (message) => (this.#refined.hasVoice(message) ? this.#refined.onFrame(message) : undefined),
        onTick: () => this.#refined.tick(),
      },
    )
    const port = {
      send: (message: ClientMessage) => this.#connection.sendMessage(message),
      isConnected: () => isConnected(this.#connection.state),
      nowMs: () => platform.clock.nowMs(),
    }
    this.#refined = new Refined(port, this.#events, options.captions)
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
  /** What is made of captions now, as the platform said last; undefined when it has not. */
  get captionsInForce(): CaptionsInForce | undefined {
    return this.#refined.inForce
  }
  /** Events up to this seq happened before this watcher came; undefined when the platform does not say. */
  get historyTo(): number | undefined {
    return this.#historyTo
  }

  /** Subscribes; returns the function that unsubscribes. Subscribe before `connect` and nothing is missed. */
  on<Name extends keyof WatcherEvents>(name: Name, listener: (value: WatcherEvents[Name]) => void): () => void {
    return this.#events.on(name, listener)
  }

  /** Connects. Rejects with the reason when the link is not valid any more or the platform cannot be reached. */
  connect(): Promise<Welcome> {
    return this.#connection.open()
  }

  /** The whole set of what this watcher wants to be told; empty means nothing. */
  subscribe(streams: readonly SubscriptionStream[]): void {
    const set = this.#subscriptions.want(streams)
    if (isConnected(this.state)) this.#connection.sendMessage({ type: 'subscribe', ...set })
  }

  /** As of a session: the whole set of what is made of captions for this watcher. Mended text as far as the owner asked for it. */
  setCaptions(wish: CaptionWish): void {
    this.#refined.want(wish)
  }

  /** What is broken is tried again at once, what stands is checked. Browsers call it by themselves. */
  networkChanged(): void {
    this.#connection.networkChanged()
  }

  /** Resolves when the socket is gone (at most 1 s). Idempotent. */
  close(): Promise<void> {
    return this.#connection.close()
  }

  #onState(state: ConnectionState): void {
    if (isOver(state)) this.#refined.failVoices(errorOfEnd(state))
    this.#events.emit('state', state)
    if (isConnected(state)) this.#events.emit('speech', state.kind === 'live' ? 'ready' : 'waiting')
  }

  #onWelcome(welcome: Welcome, awayMs: number | undefined): void {
    this.#refined.failVoices(new ParleyClientError('CONNECTION_LOST', { detail: 'the connection broke in mid-speech' }))
    const isMoved = this.#podId !== undefined && this.#podId !== welcome.podId
    this.#podId = welcome.podId
    // A pod that went on from what was kept counts anew behind that: events that were lost with the other one are no reason not to hear it.
    const { replayTo = this.#seen.seq } = welcome
    if (replayTo < this.#seen.seq) this.#seen = { ...this.#seen, seq: replayTo }
    this.#onOwner(welcome)
    if (awayMs === undefined) this.#historyTo = welcome.replayTo
    else this.#events.emit('resumed', { awayMs, ...(isMoved ? { movedTo: welcome.podId } : {}) })
  }

  /** What was being said when the session changed hands is another utterance at its pod now. */
  #onOwner({ epoch }: Welcome): void {
    const open = this.#openUtterance
    if (!open || open.epoch >= epoch) return
    this.#openUtterance = undefined
    this.#events.emit('abandoned', { type: 'abandoned', utterance: open, seq: this.#seen.seq, reason: 'moved' })
  }

  #onNotice(notice: SessionNotice): void {
    if (notice.type === 'captions.set' || notice.type === 'voice.started' || notice.type === 'voice.ended') {
      this.#refined.onNotice(notice)
      return
    }
    if (notice.type === 'subscribed') {
      const again = this.#subscriptions.onSubscribed(notice.version)
      if (again) this.#connection.sendMessage({ type: 'subscribe', ...again })
    }
    // Who joins late gets the newest part of the history; only what was said while it was away counts as missed.
    if (notice.type !== 'truncated' || this.#seen.seq === 0 || notice.firstSeq <= this.#seen.seq + 1) return
    this.#events.emit('missed', { firstSeq: this.#seen.seq + 1, lastSeq: notice.firstSeq - 1 })
  }

  #onEvent(event: SessionEvent, receivedAtMs: number): void {
    if (!isNews(this.#seen, event)) return
    if (!isPartial(event)) this.#seen = afterEvent(this.#seen, event)
    this.#openUtterance = openAfter(this.#openUtterance, event)
    if (event.type === 'caption') this.#events.emit('caption', Object.assign(event, { receivedAtMs }))
    else if (event.type === 'abandoned') this.#events.emit('abandoned', event)
    else if (event.type !== 'audio.ended') this.#refined.onEvent(event, receivedAtMs)
  }
}
