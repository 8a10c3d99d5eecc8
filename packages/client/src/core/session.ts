// One session of the platform as its owner sees it: audio out, captions in. Built on Connection; the REST part is ParleyApi.
import { Emitter, type Timer } from '@parley/kernel'
import {
  type Abandoned,
  type AudioEnded,
  type AudioFormat,
  type Caption,
  type CreateSession,
  checkAudioFormat,
  type SessionCreated,
  type WatchLink,
  type Welcome,
} from '@parley/protocol'
import { type ApiOptions, ParleyApi } from './api.ts'
import { AudioOut, type FrameEncoder } from './audio-out.ts'
import { Connection } from './connection.ts'
import { type ConnectionState, isConnected, isOver } from './connection-state.ts'
import { errorOfEnd } from './connection-transitions.ts'
import { ParleyClientError } from './errors.ts'
import type { ClientPlatform } from './platform.ts'
import { afterEvent, isNews, type Seen, seenNothing } from './seen.ts'
import { CLIENT_NAME, CLIENT_VERSION } from './version.ts'

/** 16 kHz is what recognisers hear: nothing is gained by more. */
export const DEFAULT_AUDIO: AudioFormat = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 }

export interface SessionOptions extends ApiOptions, CreateSession {
  /** Format of the frames sent; pcm16, 16 kHz, 20 ms unless told. Anything but pcm16 needs `encoder`, or `sendFrame`. */
  readonly audio?: AudioFormat
  /** Turns blocks of samples into frames, for `sendPcm` with a codec other than pcm16. */
  readonly encoder?: FrameEncoder
  /** From `connect` to the welcome, ms; 10,000 unless told. */
  readonly connectDeadlineMs?: number
}

/** A caption with the instant it arrived, monotonic ms of the client's clock. */
export type ReceivedCaption = Caption & { readonly receivedAtMs: number }

export interface SessionEvents {
  /** A partial may be replaced by the next caption of its utterance; a final never changes. Nothing arrives twice. */
  caption: ReceivedCaption
  /** The utterance ended without a final: whatever partials were shown are void. */
  abandoned: Abandoned
  state: ConnectionState
  /** Recognition is going on, or waits for a worker (audio is kept meanwhile). */
  speech: 'ready' | 'waiting'
  /** How many watchers follow the session. */
  watchers: number
  /** Something was refused or failed and the session goes on; how it ended is told by `state`. */
  error: ParleyClientError
}

export interface SessionStats {
  readonly framesSent: number
  readonly framesHeld: number
  readonly framesDropped: number
  /** Samples accepted, skipped ones included. */
  readonly mediaTime: number
  readonly finals: number
  readonly abandoned: number
  /** Messages of the platform that broke the protocol. */
  readonly faults: number
  readonly roundTripMs: number | undefined
}

interface PendingEnd {
  readonly requestId: string
  readonly answer: PromiseWithResolvers<AudioEnded>
  readonly timer: Timer
  isSent: boolean
}

const CONNECT_DEADLINE_MS = 10_000
const END_DEADLINE_MS = 15_000
/** Dropped audio is told at most this often, ms: the first frame at once, the sum of the rest later. */
const DROP_NOTICE_MS = 1_000

export class ParleySession {
  readonly sessionId: string
  readonly api: ParleyApi
  readonly #connection: Connection
  readonly #events = new Emitter<SessionEvents>()
  readonly #audio: AudioOut
  readonly #pendingEnds = new Map<string, PendingEnd>()
  #seen: Seen = seenNothing()
  #finals = 0
  #abandoned = 0
  #ends = 0
  #hasConnected = false
  #droppedTold = 0
  #dropToldAtMs = Number.NEGATIVE_INFINITY

  /** For `createSession`; a session that exists already on the platform. */
  constructor(platform: ClientPlatform, api: ParleyApi, created: SessionCreated, options: SessionOptions) {
    this.sessionId = created.sessionId
    this.api = api
    const audio = resolveAudio(options)
    this.#connection = new Connection(
      platform,
      {
        url: created.url,
        token: created.ticket,
        audio,
        clientName: CLIENT_NAME,
        clientVersion: CLIENT_VERSION,
        connectDeadlineMs: options.connectDeadlineMs ?? CONNECT_DEADLINE_MS,
      },
      {
        onState: (state) => this.#onState(state),
        onEvent: (event, receivedAtMs) => this.#onEvent(event, receivedAtMs),
        onWatchers: (count) => this.#events.emit('watchers', count),
        onError: (error) => this.#onError(error),
        onTick: () => this.#pump(),
      },
    )
    const sink = {
      isOpen: () => isConnected(this.#connection.state),
      bufferedBytes: () => this.#connection.bufferedBytes,
      send: (message: Uint8Array) => this.#connection.sendBinary(message),
    }
    this.#audio = new AudioOut(audio, sink, options.encoder)
  }

  get state(): ConnectionState {
    return this.#connection.state
  }
  get audioFormat(): AudioFormat {
    return this.#audio.format
  }
  /** Answer to the hello; undefined before `connect` has resolved. */
  get welcome(): Welcome | undefined {
    return this.#connection.welcome
  }
  /** What has been seen of the session's history: where a resume will go on. */
  get seen(): Seen {
    return this.#seen
  }
  get stats(): SessionStats {
    return {
      framesSent: this.#audio.sentFrames,
      framesHeld: this.#audio.heldFrames,
      framesDropped: this.#audio.droppedFrames,
      mediaTime: this.#audio.mediaTime,
      finals: this.#finals,
      abandoned: this.#abandoned,
      faults: this.#connection.faults,
      roundTripMs: this.#connection.roundTripMs,
    }
  }

  /** Subscribes; returns the function that unsubscribes. Subscribe before `connect` and nothing is missed. */
  on<Name extends keyof SessionEvents>(name: Name, listener: (value: SessionEvents[Name]) => void): () => void {
    return this.#events.on(name, listener)
  }

  /** Connects and says hello. Rejects with the reason when the platform refuses or cannot be reached. */
  async connect(): Promise<Welcome> {
    this.#hasConnected = true
    return await this.#connection.open()
  }

  /** One encoded frame of the agreed format, in order. False when the session is over and nothing is sent any more. */
  sendFrame(payload: Uint8Array): boolean {
    if (isOver(this.state)) return false
    this.#audio.sendFrame(payload)
    this.#noticeDrops()
    return true
  }

  /**
   * Mono samples at the format's rate, any number: they are cut into frames, media time is counted. Before the welcome they are
   * held (2 s). False when the session is over.
   */
  sendPcm(samples: Int16Array): boolean {
    if (isOver(this.state)) return false
    this.#audio.sendPcm(samples)
    this.#noticeDrops()
    return true
  }

  /** Time passes without audio (mute): media time goes on by `samples` and nothing is sent. */
  skip(samples: number): void {
    this.#audio.skip(samples)
  }

  /**
   * No more audio for now. Resolves when everything sent has been recognised: every utterance has its final or is abandoned.
   * Rejects after `deadlineMs` (15,000 unless told), or with the reason when the session ends first. More audio may follow.
   */
  endAudio(options: { readonly deadlineMs?: number } = {}): Promise<AudioEnded> {
    if (isOver(this.state)) return Promise.reject(errorOfEnd(this.state))
    const deadlineMs = options.deadlineMs ?? END_DEADLINE_MS
    const requestId = `end-${++this.#ends}`
    const answer = Promise.withResolvers<AudioEnded>()
    const timer = this.#connection.clock.after(deadlineMs, () => {
      const detail = `the end of the audio was not answered within ${deadlineMs} ms`
      this.#failEnd(requestId, new ParleyClientError('DEADLINE_EXCEEDED', { detail }))
    })
    this.#pendingEnds.set(requestId, { requestId, answer, timer, isSent: false })
    this.#audio.flush()
    this.#noticeDrops()
    this.#pump()
    return answer.promise
  }

  /** A read-only, expiring link: whoever has it follows the captions. `lifetimeMs` 1 hour unless told. */
  createWatchLink(lifetimeMs?: number): Promise<WatchLink> {
    return this.api.createWatchLink(this.sessionId, lifetimeMs)
  }

  /** Says goodbye; the platform frees everything at once. Resolves when the socket is gone (at most 1 s). Idempotent. */
  async close(): Promise<void> {
    // A session nobody ever connected to still holds a seat: it is given back by REST. Failing that it expires by itself.
    if (!this.#hasConnected && !isOver(this.state)) await this.api.deleteSession(this.sessionId).catch(() => {})
    await this.#connection.close()
  }

  /** Leaves at once, without a goodbye that is waited for. Idempotent. */
  destroy(): void {
    this.#connection.destroy()
  }

  #onState(state: ConnectionState): void {
    if (isConnected(state)) this.#pump()
    if (isOver(state)) {
      const error = errorOfEnd(state)
      for (const requestId of [...this.#pendingEnds.keys()]) this.#failEnd(requestId, error)
    }
    this.#events.emit('state', state)
    if (isConnected(state)) this.#events.emit('speech', state.kind === 'live' ? 'ready' : 'waiting')
  }

  #onEvent(event: Caption | Abandoned | AudioEnded, receivedAtMs: number): void {
    if (event.type === 'caption') {
      if (!isNews(this.#seen, event)) return
      if (event.kind === 'final') {
        this.#seen = afterEvent(this.#seen, event)
        this.#finals++
      }
      this.#events.emit('caption', Object.assign(event, { receivedAtMs }))
      return
    }
    if (event.seq <= this.#seen.seq) return
    this.#seen = afterEvent(this.#seen, event)
    if (event.type === 'audio.ended') {
      this.#onAudioEnded(event)
      return
    }
    this.#abandoned++
    this.#events.emit('abandoned', event)
  }

  #onAudioEnded(ended: AudioEnded): void {
    const pending =
      ended.requestId === undefined
        ? [...this.#pendingEnds.values()].find((candidate) => candidate.isSent)
        : this.#pendingEnds.get(ended.requestId)
    if (!pending) return
    pending.timer.cancel()
    this.#pendingEnds.delete(pending.requestId)
    pending.answer.resolve(ended)
  }

  #onError(error: ParleyClientError): void {
    const { requestId } = error
    if (requestId !== undefined && this.#pendingEnds.has(requestId)) this.#failEnd(requestId, error)
    else this.#events.emit('error', error)
  }

  #failEnd(requestId: string, error: ParleyClientError): void {
    const pending = this.#pendingEnds.get(requestId)
    if (!pending) return
    pending.timer.cancel()
    this.#pendingEnds.delete(requestId)
    pending.answer.reject(error)
  }

  /** Sends what was held; when nothing is held any more, the ends of audio that wait behind it. */
  #pump(): void {
    if (!isConnected(this.state) || !this.#audio.pump()) return
    for (const pending of this.#pendingEnds.values()) {
      if (pending.isSent) continue
      const { requestId } = pending
      pending.isSent = this.#connection.sendMessage({ type: 'audio.end', lastSeq: this.#audio.lastSeq, requestId })
    }
  }

  #noticeDrops(): void {
    const dropped = this.#audio.droppedFrames - this.#droppedTold
    if (dropped === 0) return
    const nowMs = this.#connection.clock.nowMs()
    if (nowMs - this.#dropToldAtMs < DROP_NOTICE_MS) return
    this.#dropToldAtMs = nowMs
    this.#droppedTold += dropped
    const detail = `${dropped * this.audioFormat.frameMs} ms of audio were dropped: the connection does not take it`
    this.#events.emit('error', new ParleyClientError('AUDIO_DROPPED', { detail }))
  }
}

function resolveAudio(options: SessionOptions): AudioFormat {
  const checked = checkAudioFormat(options.audio ?? DEFAULT_AUDIO)
  if (checked.ok) return checked.value
  const { field, value, allowed } = checked.error
  const detail = `audio.${field} ${value} is not supported; possible: ${allowed.join(', ')}`
  throw new ParleyClientError('AUDIO_FORMAT_UNSUPPORTED', { detail, field: `audio.${field}`, allowed })
}

/** Reserves a session on the platform. Subscribe to its events, then `connect`. Rejects with ParleyClientError. */
export async function createSessionOn(platform: ClientPlatform, options: SessionOptions): Promise<ParleySession> {
  resolveAudio(options)
  const api = new ParleyApi(platform, options)
  const { language, user, metadata } = options
  const created = await api.createSession({
    ...(language === undefined ? {} : { language }),
    ...(user === undefined ? {} : { user }),
    ...(metadata === undefined ? {} : { metadata }),
  })
  return new ParleySession(platform, api, created, options)
}
