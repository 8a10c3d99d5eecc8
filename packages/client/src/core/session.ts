// One session of the platform as its owner sees it: audio out, captions in. Built on Connection; the REST part is ParleyApi.
import { Emitter } from '@parley/kernel'
import type {
  AudioEnded,
  AudioFormat,
  ClientMessage,
  SessionCreated,
  SubscriptionStream,
  UtteranceId,
  WatchLink,
  Welcome,
} from '@parley/protocol'
import type { ParleyApi } from './api.ts'
import { resolveAudio } from './audio-choice.ts'
import { AudioLedger } from './audio-ledger.ts'
import { AudioOut, KEPT_AUDIO_MS, MAX_HELD_AUDIO_MS } from './audio-out.ts'
import { AudioRouter, type Transport } from './audio-route.ts'
import type { CaptionWish } from './captions.ts'
import { CatchUp } from './catch-up.ts'
import { Connection } from './connection.ts'
import { errorOfEnd } from './connection-ends.ts'
import { type HelloPart, isPartial, type SessionEvent, type SessionNotice } from './connection-port.ts'
import { type ConnectionState, isConnected, isOver } from './connection-state.ts'
import { ParleyClientError } from './errors.ts'
import { PendingEnds } from './pending-ends.ts'
import type { ClientPlatform } from './platform.ts'
import { type CaptionsInForce, Refined } from './refined.ts'
import { afterEvent, isNews, openAfter, type Seen, seenNothing } from './seen.ts'
import type { SessionEvents, SessionOptions, SessionStats } from './session-types.ts'
import { Speeches } from './speeches.ts'
import { type ParleySpeech, type SpeakOptions, SpokenText } from './spoken-text.ts'
import { DesiredSubscriptions } from './subscriptions.ts'
import { CLIENT } from './version.ts'

const CONNECT_DEADLINE_MS = 10_000
/** A seat is given back by REST within this, ms, when there is no connection to say goodbye on. */
const GIVE_BACK_DEADLINE_MS = 1_000

export class ParleySession {
  readonly sessionId: string
  readonly api: ParleyApi
  readonly #connection: Connection
  readonly #events = new Emitter<SessionEvents>()
  readonly #audio: AudioOut
  readonly #router: AudioRouter
  readonly #catchUp: CatchUp
  readonly #subscriptions = new DesiredSubscriptions()
  readonly #ends: PendingEnds
  readonly #speeches: Speeches
  readonly #refined: Refined
  #seen: Seen = seenNothing()
  #finals = 0
  #abandoned = 0
  #hasConnected = false
  #isMicrophoneWanted = true
  #podId: string | undefined
  /** Of which partials were shown and that has not ended. */
  #openUtterance: UtteranceId | undefined
  readonly #ledger = new AudioLedger()

  /** For `createSession`; a session that exists already on the platform. */
  constructor(platform: ClientPlatform, api: ParleyApi, created: SessionCreated, options: SessionOptions) {
    this.sessionId = created.sessionId
    this.api = api
    const audio = resolveAudio(options)
    const resume = options.resume ?? true
    this.#connection = new Connection(
      platform,
      {
        url: created.url,
        token: created.ticket,
        audio,
        ...CLIENT,
        connectDeadlineMs: options.connectDeadlineMs ?? CONNECT_DEADLINE_MS,
        resume,
      },
      {
        hello: () => this.#hello(),
        onWelcome: (welcome, awayMs) => this.#onWelcome(welcome, awayMs),
        onState: (state) => this.#onState(state),
        onEvent: (event, receivedAtMs) => this.#onEvent(event, receivedAtMs),
        onNotice: (notice) => this.#onNotice(notice),
        onPong: (id) => this.#onPong(id),
        lastSeq: () => this.#audio.promisedSeq,
        onError: (error) => this.#onError(error),
        onBinary: (message) => (this.#refined.hasVoice(message) ? this.#refined : this.#speeches).onFrame(message),
        onTick: (nowMs) => {
          this.#pump()
          this.#speeches.tick(nowMs)
          this.#refined.tick()
        },
      },
    )
    const { clock } = platform
    this.#ends = new PendingEnds(clock)
    const isOpen = () => isConnected(this.#connection.state)
    const port = {
      send: (message: ClientMessage) => this.#connection.sendMessage(message),
      isConnected: isOpen,
      nowMs: () => clock.nowMs(),
    }
    this.#speeches = new Speeches(port)
    this.#refined = new Refined(port, this.#events, options.captions)
    const sink = {
      isOpen,
      bufferedBytes: () => this.#connection.bufferedBytes,
      send: (message: Uint8Array) => this.#connection.sendBinary(message),
    }
    const kept = { keptMs: resume ? KEPT_AUDIO_MS : MAX_HELD_AUDIO_MS, clock }
    this.#audio = new AudioOut(audio, sink, { encoder: options.encoder, ...kept })
    this.#router = new AudioRouter({
      audio: this.#audio,
      datagrams: options.udp === 'off' ? { unavailable: 'UDP is switched off here' } : platform.datagrams,
      ping: () => this.#connection.ping(),
      isConnected: isOpen,
      onTransport: (transport) => this.#events.emit('transport', transport),
    })
    this.#catchUp = new CatchUp({
      clock,
      read: (afterSeq) => this.api.getHistory(this.sessionId, { afterSeq }),
      emit: (event, receivedAtMs) => this.#tellEvent(event, receivedAtMs),
      missed: (range) => this.#events.emit('missed', range),
    })
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
      framesKept: this.#audio.keptFrames,
      framesDropped: this.#audio.droppedFrames,
      mediaTime: this.#audio.mediaTime,
      finals: this.#finals,
      abandoned: this.#abandoned,
      ...this.#refined.counts,
      faults: this.#connection.faults,
      roundTripMs: this.#connection.roundTripMs,
      resumptions: this.#connection.resumptions,
      resentMs: this.#ledger.resentMs,
      udp: this.#router.stats,
    }
  }
  /** What is made of captions now, as the platform said last; undefined when it has not. */
  get captionsInForce(): CaptionsInForce | undefined {
    return this.#refined.inForce
  }
  /** How audio travels, and why. */
  get transport(): Transport {
    return this.#router.transport
  }
  /** Whether anybody wants what the microphone hears. */
  get microphoneWanted(): boolean {
    return this.#isMicrophoneWanted
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
   * Mono samples at the format's rate, any number: they are cut into frames, media time is counted. Without a connection they are
   * kept (60 s). False when the session is over.
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
   * Translations and mended texts of finals are waited for. Rejects after `deadlineMs` (15,000 unless told, 45,000 where there are any of
   * these), or with the reason when the session ends first. More audio may follow.
   */
  endAudio(options: { readonly deadlineMs?: number } = {}): Promise<AudioEnded> {
    if (isOver(this.state)) return Promise.reject(errorOfEnd(this.state))
    const answer = this.#ends.add(options.deadlineMs ?? this.#refined.endDeadlineMs)
    this.#audio.flush()
    this.#noticeDrops()
    this.#pump()
    return answer
  }

  /**
   * Has `text` said: its audio comes through the speech that is returned. One is said after the other; a long text is said in several
   * pieces that are heard as one. Goes on by itself when the connection breaks and is made anew. Throws INVALID_FIELD, TEXT_INVALID (over
   * 1,000,000 characters) or SPEAK_BUSY (64 wait already); whatever happens later is in the outcome of the speech.
   */
  speak(text: string, options: SpeakOptions = {}): ParleySpeech {
    if (!isOver(this.state)) return this.#speeches.say(text, options)
    const speech = new SpokenText('say-0', options, () => {})
    speech.fail(errorOfEnd(this.state))
    return speech
  }

  /**
   * The whole set of what this client wants to be told, from now on and after every reconnection; empty means nothing. Everything
   * unless told. Whether the microphone is wanted follows from it and from the sets of those who follow.
   */
  subscribe(streams: readonly SubscriptionStream[]): void {
    const set = this.#subscriptions.want(streams)
    if (isConnected(this.state)) this.#connection.sendMessage({ type: 'subscribe', ...set })
  }

  /**
   * The whole set of what is made of captions for this client, from now on and after every reconnection: translations, mended text,
   * voices. May be changed at any time. What of it can be had is told by the event `captions`. Throws INVALID_FIELD.
   */
  setCaptions(wish: CaptionWish): void {
    this.#refined.want(wish)
  }

  /**
   * The way to the platform may be another one now (another network, back from sleep): what is broken is tried again at once, what
   * stands is checked, and UDP is probed anew. Browsers call it by themselves.
   */
  networkChanged(): void {
    this.#connection.networkChanged()
    this.#router.networkChanged()
  }

  /** A read-only, expiring link: whoever has it follows the captions. `lifetimeMs` 1 hour unless told. */
  createWatchLink(lifetimeMs?: number): Promise<WatchLink> {
    return this.api.createWatchLink(this.sessionId, lifetimeMs)
  }

  /** Says goodbye; the platform frees everything at once. Resolves when the socket is gone (at most 1 s). Idempotent. */
  async close(): Promise<void> {
    // A session without a connection still holds a seat: it is given back by REST. Failing that it expires by itself.
    const isApart = !this.#hasConnected || this.state.kind === 'reconnecting'
    const isGivenBack = isApart && !isOver(this.state)
    if (this.state.kind === 'reconnecting') this.#connection.destroy()
    if (isGivenBack) await this.api.deleteSession(this.sessionId, GIVE_BACK_DEADLINE_MS).catch(() => {})
    await this.#connection.close()
  }

  /** Leaves at once, without a goodbye that is waited for. Idempotent. */
  destroy(): void {
    this.#connection.destroy()
  }

  #hello(): HelloPart {
    const udp = this.#router.isAble ? { udp: true } : {}
    const { seq, mediaMs } = this.#seen
    return { seq, mediaMs, ...udp, ...this.#subscriptions.hello(), ...this.#refined.hello() }
  }

  #onWelcome(welcome: Welcome, awayMs: number | undefined): void {
    const { receivedMediaTime = 0, settledMediaTime, audioPaceRatio, entryUrls } = welcome
    this.api.trust(entryUrls)
    this.api.moved(this.sessionId, this.#connection.url)
    this.#onOwner(welcome)
    this.#audio.setPace(audioPaceRatio)
    const { again, lost } = this.#audio.attach(receivedMediaTime, settledMediaTime)
    this.#router.attach(welcome)
    this.#wantMicrophone(welcome.microphone ?? true)
    this.#ends.unsend()
    this.#speeches.onWelcome()
    this.#refined.failVoices(new ParleyClientError('CONNECTION_LOST', { detail: 'the connection broke in mid-speech' }))
    const movedTo = this.#podId === undefined || this.#podId === welcome.podId ? undefined : welcome.podId
    this.#podId = welcome.podId
    if (awayMs === undefined) return
    const moved = movedTo === undefined ? {} : { movedTo }
    const resumed = { awayMs, resentMs: this.#toMs(again), lostMs: this.#toMs(lost), ...moved }
    this.#events.emit('resumed', this.#ledger.resumed(resumed))
    this.#noticeDrops()
  }

  /** Another pod has the session: what was being said when it changed hands is heard again there, as another utterance. */
  #onOwner({ epoch }: Welcome): void {
    const open = this.#openUtterance
    if (!open || open.epoch >= epoch) return
    this.#openUtterance = undefined
    this.#abandoned++
    this.#events.emit('abandoned', { type: 'abandoned', utterance: open, seq: this.#seen.seq, reason: 'moved' })
  }

  #toMs(samples: number): number {
    return (samples * 1000) / this.audioFormat.sampleRateHz
  }

  #onState(state: ConnectionState): void {
    if (isConnected(state)) this.#pump()
    else {
      this.#catchUp.cancel()
      this.#router.detached(this.#connection.clock.nowMs())
    }
    if (isOver(state)) {
      this.#router.close()
      this.#ends.failAll(errorOfEnd(state))
      this.#speeches.failAll(errorOfEnd(state))
      this.#refined.failVoices(errorOfEnd(state))
    }
    this.#events.emit('state', state)
    if (isConnected(state)) this.#events.emit('speech', state.kind === 'live' ? 'ready' : 'waiting')
  }

  #onNotice(notice: SessionNotice): void {
    switch (notice.type) {
      case 'watchers':
        this.#events.emit('watchers', notice.count)
        break
      case 'message':
        this.#events.emit('message', notice)
        break
      case 'settled':
        this.#audio.settle(notice.mediaTime)
        this.#pump()
        break
      case 'microphone':
        this.#wantMicrophone(notice.wanted)
        break
      case 'subscribed': {
        const again = this.#subscriptions.onSubscribed(notice.version)
        if (again) this.#connection.sendMessage({ type: 'subscribe', ...again })
        break
      }
      case 'speak.started':
      case 'speak.ended':
      case 'speak.cancelled':
        this.#speeches.onNotice(notice)
        break
      case 'truncated':
        if (notice.firstSeq > this.#seen.seq + 1) this.#catchUp.start(this.#seen.seq, notice.firstSeq)
        break
      default:
        this.#refined.onNotice(notice)
    }
  }

  #wantMicrophone(isWanted: boolean): void {
    if (this.#isMicrophoneWanted === isWanted) return
    this.#isMicrophoneWanted = isWanted
    this.#audio.want(isWanted)
    this.#events.emit('microphone', isWanted)
  }

  #onEvent(event: SessionEvent, receivedAtMs: number): void {
    if (!this.#catchUp.hold(event, receivedAtMs)) this.#tellEvent(event, receivedAtMs)
  }

  #tellEvent(event: SessionEvent, receivedAtMs: number): void {
    if (!isNews(this.#seen, event)) return
    if (!isPartial(event)) this.#seen = afterEvent(this.#seen, event)
    this.#openUtterance = openAfter(this.#openUtterance, event)
    switch (event.type) {
      case 'caption':
        if (event.kind === 'final') this.#finals++
        this.#events.emit('caption', Object.assign(event, { receivedAtMs }))
        break
      case 'audio.ended':
        this.#ends.resolve(event)
        break
      case 'abandoned':
        this.#abandoned++
        this.#events.emit('abandoned', event)
        break
      default:
        this.#refined.onEvent(event, receivedAtMs)
    }
  }

  #onPong(id: number): void {
    this.#router.onPong(id)
    this.#pump()
  }

  #onError(error: ParleyClientError): void {
    const { requestId } = error
    const isAnswer =
      requestId !== undefined && (this.#ends.fail(requestId, error) || this.#speeches.fail(requestId, error))
    if (!isAnswer) this.#events.emit('error', error)
  }

  /** Sends what was held; when nothing is held any more, the ends of audio that wait behind it. */
  #pump(): void {
    const isAllSent = this.#audio.pump()
    if (!isConnected(this.state) || !isAllSent) return
    this.#router.settle()
    const { lastSeq } = this.#audio
    this.#ends.send((requestId) => this.#connection.sendMessage({ type: 'audio.end', lastSeq, requestId }))
  }

  #noticeDrops(): void {
    const droppedMs = this.#audio.droppedFrames * this.audioFormat.frameMs
    const error = this.#ledger.dropsDue(droppedMs, this.#connection.clock.nowMs())
    if (error) this.#events.emit('error', error)
  }
}
