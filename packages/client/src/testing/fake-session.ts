// One session of the fake pod: its sockets, what it heard, and the ways it can be made to misbehave.
import { type Clock, randomToken, type Timer } from '@parley/kernel'
import {
  type Abandoned,
  type AudioFormat,
  audioFrameFault,
  type Caption,
  CLOSE_REASONS,
  type ClientMessage,
  type CloseReason,
  checkAudioFormat,
  decodeClientMessage,
  type ErrorCode,
  type ErrorDetails,
  errorMessage,
  extendUint32,
  frameMediaTime,
  frameSeq,
  isFrameLength,
  ParleyError,
  type ServerMessage,
  type SubscriptionSet,
  samplesPerFrame,
  type Welcome,
} from '@parley/protocol'
import { type RawData, WebSocket } from 'ws'
import { FakeCaptions } from './fake-captions.ts'
import { FakeHistory, type KeptEvent } from './fake-history.ts'
import type { FakeSessionOptions, FakeUdpChannel, HeardFrame } from './fake-session-types.ts'
import { FakeVoice } from './fake-voice.ts'
import { type ScriptedEvent, ScriptedSpeech } from './scripted-speech.ts'

/** Frames kept for a test to look at; older ones are forgotten. */
const MAX_KEPT_FRAMES = 5_000

export class FakeSession {
  readonly id: string
  readonly ticket: string
  /** For the hello of whoever comes back. */
  readonly resumeToken = `resume_${randomToken(20)}`
  readonly options: FakeSessionOptions
  /** Frames that were news, in order of arrival. */
  readonly frames: HeardFrame[] = []
  /** Text messages of the owner, in order of arrival. */
  readonly messages: ClientMessage[] = []
  readonly watchTokens = new Set<string>()
  readonly watcherHellos: Extract<ClientMessage, { type: 'hello' }>[] = []
  readonly watcherMessages: ClientMessage[] = []
  readonly history = new FakeHistory()
  /** What it says when it is asked to. */
  readonly voice = new FakeVoice(this)
  /** What it makes of captions. */
  readonly captions: FakeCaptions
  format: AudioFormat | undefined
  state: 'opening' | 'active' | 'suspended' | 'closed' = 'opening'
  /** Owners that were welcomed so far. */
  attaches = 0
  /** Frames that had been heard before. */
  duplicates = 0
  /** What welcome tells of the microphone, and `settled` messages are sent. */
  isMicrophoneWanted = true
  isSettling = true
  /** False: a pod of before `settled`; its welcome does not name it either. */
  knowsSettled = true
  /** False: the owner is told nothing of what is recognised, until it comes back. */
  isTelling = true
  /** Answers of the history; a test may make it fail. */
  historyFault: ErrorCode | undefined
  readonly #clock: Clock
  readonly #speech: ScriptedSpeech
  readonly #watchers = new Set<WebSocket>()
  #subscriptions: SubscriptionSet | undefined
  #owner: WebSocket | undefined
  #silentSocket: WebSocket | undefined
  #udp: FakeUdpChannel | undefined
  #graceTimer: Timer | undefined
  #lastFrameSeq = -1
  #finals = 0
  #abandoned = 0
  #mediaEnd = 0
  #settled = 0
  #onClosed: () => void

  constructor(id: string, ticket: string, options: FakeSessionOptions, clock: Clock, onClosed: () => void) {
    this.id = id
    this.ticket = ticket
    this.options = options
    this.#clock = clock
    this.captions = new FakeCaptions({
      language: options.language,
      say: (message) => this.#sayUnlessSilent(message),
      sayRaw: (frame) => this.sayRaw(frame),
      nextSeq: () => this.history.nextSeq(),
      keep: (event) => {
        this.history.push(event)
        this.#tellAll(event)
      },
    })
    this.#speech = new ScriptedSpeech(options.script, options.endpointMs)
    this.#onClosed = onClosed
  }

  get watchers(): number {
    return this.#watchers.size
  }
  get isConnected(): boolean {
    return this.#owner?.readyState === WebSocket.OPEN
  }
  /** End of the audio heard, ms of media time. */
  get mediaMs(): number {
    return this.format ? (this.#mediaEnd / this.format.sampleRateHz) * 1000 : 0
  }

  /** Takes the owner's socket after a valid hello, and welcomes it. */
  attachOwner(socket: WebSocket, hello: Extract<ClientMessage, { type: 'hello' }>): void {
    const refusal = this.#refusalOf(hello)
    if (refusal) {
      send(socket, errorMessage(refusal.code, refusal.details))
      this.#end(socket, 'refused')
      return
    }
    const before = this.#owner
    this.#graceTimer?.cancel()
    this.#owner = socket
    this.#lastFrameSeq = -1
    this.isTelling = true
    this.attaches++
    this.state = 'active'
    if (before) {
      this.voice.drop()
      this.#end(before, 'replaced')
    }
    if (hello.subscriptions) this.#subscriptions = hello.subscriptions
    if (hello.captions) this.captions.want(hello.captions)
    this.messages.push(hello)
    socket.on('message', (data: RawData, isBinary: boolean) => {
      if (this.#silentSocket === socket || this.#owner !== socket) return
      if (isBinary) this.#onMessage(toBytes(data))
      else this.#onText(data.toString())
    })
    socket.on('close', () => {
      if (this.#owner === socket) this.#suspend()
    })
    this.#openUdp(hello.udp === true)
    this.#welcomeOwner(socket, hello.resume?.seq)
  }

  #refusalOf(hello: Extract<ClientMessage, { type: 'hello' }>): ParleyError | undefined {
    const checked = hello.audio ? checkAudioFormat(hello.audio) : undefined
    if (!checked?.ok) return new ParleyError('AUDIO_FORMAT_UNSUPPORTED')
    const known = this.format
    if (known && (known.codec !== checked.value.codec || known.sampleRateHz !== checked.value.sampleRateHz)) {
      return new ParleyError('INVALID_FIELD', { message: 'audio is not that of the session', field: 'audio' })
    }
    if ((hello.resume?.seq ?? 0) > this.history.seq) {
      return new ParleyError('INVALID_FIELD', { message: 'resume.seq is beyond the newest event', field: 'resume.seq' })
    }
    this.format = checked.value
    return undefined
  }

  #suspend(): void {
    this.#owner = undefined
    this.voice.drop()
    if (this.state !== 'active') return
    this.state = 'suspended'
    this.#graceTimer = this.#clock.after(this.options.graceMs, () => this.end('grace_expired'))
  }

  #openUdp(isAsked: boolean): void {
    this.#udp?.close()
    this.#udp = isAsked
      ? this.options.udp?.open((seq, mediaTime, payload) => {
          this.#onFrame(seq, mediaTime, payload, 'udp')
          return this.#mediaEnd
        })
      : undefined
  }

  attachWatcher(socket: WebSocket, hello: Extract<ClientMessage, { type: 'hello' }>): void {
    this.#watchers.add(socket)
    this.watcherHellos.push(hello)
    socket.on('message', (data: RawData) => {
      const decoded = decodeClientMessage(data.toString())
      if (decoded.ok) this.watcherMessages.push(decoded.value)
      if (decoded.ok && decoded.value.type === 'ping') send(socket, { type: 'pong', id: decoded.value.id })
      if (decoded.ok && decoded.value.type === 'bye') socket.close(1000)
    })
    socket.on('close', () => {
      this.#watchers.delete(socket)
      this.#tellWatchers()
    })
    const { seq } = this.history
    this.#welcome(socket, { role: 'watcher', seq, replayTo: seq, catchesUp: true })
    const { replayEvents } = this.options
    const { events, truncatedTo } = this.history.replay(hello.resume?.seq ?? 0, replayEvents)
    if (hello.resume && truncatedTo !== undefined) send(socket, { type: 'truncated', firstSeq: truncatedTo })
    for (const event of events) send(socket, event)
    this.#tellWatchers()
  }

  /** Sends a message of the protocol to the owner. */
  say(message: ServerMessage): void {
    if (this.#owner) send(this.#owner, message)
  }

  /** Sends whatever it is told, valid or not. */
  sayRaw(data: string | Uint8Array): void {
    if (this.#owner?.readyState === WebSocket.OPEN) this.#owner.send(data)
  }

  /** A message of the protocol, or a frame of a voice. */
  sayToWatchers(message: ServerMessage | Uint8Array): void {
    for (const socket of this.#watchers) {
      if (message instanceof Uint8Array) socket.send(message)
      else send(socket, message)
    }
  }

  refuse(code: ErrorCode, details: ErrorDetails = {}): void {
    this.say(errorMessage(code, details))
  }

  setSpeech(state: 'ready' | 'waiting', reason?: 'worker_lost' | 'no_worker'): void {
    this.say({ type: 'speech', state, ...(reason ? { reason } : {}) })
  }

  /** The open utterance, if any, ends without a final. */
  abandon(): void {
    this.#tell(this.#speech.abandon())
  }

  /** Tells that everything before `mediaTime` is settled, also while it does not settle by itself. */
  settleTo(mediaTime: number): void {
    this.#settled = mediaTime
    this.say({ type: 'settled', mediaTime })
  }

  /** Whether anybody wants what the microphone hears; told to the owner. */
  wantMicrophone(isWanted: boolean): void {
    this.isMicrophoneWanted = isWanted
    this.say({ type: 'microphone', wanted: isWanted })
  }

  /** The network breaks: the owner's socket is gone without a word. */
  cut(): void {
    const socket = this.#owner
    socket?.terminate()
    if (socket) this.#suspend()
  }

  /** The same for everybody who follows. */
  cutWatchers(): void {
    for (const socket of this.#watchers) socket.terminate()
  }

  /** Half open: the connection that stands now answers nothing any more; another may. */
  fallSilent(): void {
    this.#silentSocket = this.#owner
  }

  /** Stops taking bytes from the owner's socket (a slow pod, a full network); `false` takes them again. */
  stopReading(isStopped = true): void {
    if (isStopped) this.#owner?.pause()
    else this.#owner?.resume()
  }

  /** Ends the session for `reason`, as a pod does. */
  end(reason: CloseReason): void {
    this.state = 'closed'
    this.#graceTimer?.cancel()
    this.#udp?.close()
    for (const socket of this.#watchers) this.#end(socket, reason === 'client_left' ? 'finished' : reason)
    if (this.#owner) this.#end(this.#owner, reason)
    this.#onClosed()
  }

  #welcomeOwner(socket: WebSocket, resumeSeq: number | undefined): void {
    const isResumed = resumeSeq !== undefined
    const replay = this.history.replay(resumeSeq ?? 0, this.options.replayEvents)
    const { truncatedTo } = replay
    const { seq } = this.history
    this.#welcome(socket, {
      role: 'owner',
      seq: isResumed ? (truncatedTo ?? resumeSeq + 1) - 1 : seq,
      replayTo: seq,
      ...(isResumed ? { resumed: true } : {}),
      resumeToken: this.resumeToken,
      microphone: this.isMicrophoneWanted,
      receivedMediaTime: this.#mediaEnd,
      ...(this.knowsSettled ? { settledMediaTime: this.#settled } : {}),
      ...(this.options.audioPaceRatio === undefined ? {} : { audioPaceRatio: this.options.audioPaceRatio }),
      ...(this.#udp ? { udp: this.#udp.offer } : {}),
    })
    this.captions.tell()
    if (!isResumed) return
    if (truncatedTo !== undefined) send(socket, { type: 'truncated', firstSeq: truncatedTo })
    for (const event of replay.events) send(socket, event)
  }

  #welcome(socket: WebSocket, part: Partial<Welcome> & Pick<Welcome, 'role' | 'seq'>): void {
    const { language, pingIntervalMs, deadAfterMs, speech, entryUrl, graceMs } = this.options
    send(socket, {
      type: 'welcome',
      protocolVersion: 1,
      sessionId: this.id,
      podId: 'pod_fake0000000000000000',
      epoch: 1,
      language,
      ...(part.role === 'owner' && this.format ? { audio: this.format } : {}),
      speech,
      pingIntervalMs,
      deadAfterMs,
      graceMs,
      entryUrls: [entryUrl],
      ...part,
    })
  }

  #onText(text: string): void {
    const decoded = decodeClientMessage(text)
    if (!decoded.ok) {
      this.say(errorMessage(decoded.error.code, decoded.error.details))
      return
    }
    const message = decoded.value
    this.messages.push(message)
    switch (message.type) {
      case 'hello':
        this.refuse('UNEXPECTED_MESSAGE')
        return
      case 'ping':
        this.say({ type: 'pong', id: message.id })
        return
      case 'pong':
        return
      case 'subscribe':
        if (message.version > (this.#subscriptions?.version ?? 0)) {
          this.#subscriptions = { version: message.version, streams: message.streams }
        }
        this.say({ type: 'subscribed', version: 0, streams: [], ...this.#subscriptions })
        return
      case 'captions': {
        const { type: _, requestId, ...set } = message
        this.captions.want(set)
        this.captions.tell(requestId)
        return
      }
      case 'bye':
        this.end('client_left')
        return
      case 'audio.end':
        this.#onAudioEnd(message)
        return
      case 'speak':
        this.voice.speak(message)
        return
      case 'speak.cancel':
        this.voice.cancel(message.requestId)
        return
    }
  }

  #onAudioEnd(message: Extract<ClientMessage, { type: 'audio.end' }>): void {
    this.#tell(this.#speech.flush(this.mediaMs))
    const event = {
      type: 'audio.ended',
      ...(message.requestId === undefined ? {} : { requestId: message.requestId }),
      lastSeq: message.lastSeq,
      seq: this.history.nextSeq(),
      finals: this.#finals,
      abandoned: this.#abandoned,
    } as const
    this.history.push(event)
    this.#sayUnlessSilent(event)
    this.#settle(this.#mediaEnd)
  }

  #onMessage(message: Uint8Array): void {
    if (audioFrameFault(message)) this.refuse('BAD_AUDIO_FRAME')
    else this.#onFrame(frameSeq(message), frameMediaTime(message), message.slice(10), 'ws')
  }

  #onFrame(seq: number, wireMediaTime: number, payload: Uint8Array, by: 'ws' | 'udp'): void {
    const format = this.format as AudioFormat
    if (!isFrameLength(format, payload.byteLength)) {
      this.refuse('BAD_AUDIO_FRAME')
      return
    }
    const mediaTime = extendUint32(wireMediaTime, this.#mediaEnd)
    const samples = format.codec === 'pcm16' ? payload.byteLength / 2 : samplesPerFrame(format)
    if (seq <= this.#lastFrameSeq || mediaTime < this.#mediaEnd) {
      this.duplicates++
      return
    }
    this.#lastFrameSeq = seq
    this.#mediaEnd = mediaTime + samples
    this.frames.push({ seq, mediaTime, payload, by, attach: this.attaches })
    if (this.frames.length > MAX_KEPT_FRAMES) this.frames.shift()
    this.#tell(this.#speech.hear(this.mediaMs))
  }

  /** Samples before `mediaTime` need not be kept by the client any more. */
  #settle(mediaTime: number): void {
    if (!this.isSettling || !this.knowsSettled || mediaTime <= this.#settled) return
    this.#settled = mediaTime
    this.say({ type: 'settled', mediaTime })
  }

  #tell(events: readonly ScriptedEvent[]): void {
    for (const event of events) {
      const message = this.#messageOf(event)
      if (message.seq !== undefined) this.history.push(message as KeptEvent)
      this.#tellAll(message)
      if (message.type === 'caption') this.captions.onCaption(message)
      if (event.kind === 'final') this.#settle(Math.floor((event.endMs * (this.format?.sampleRateHz ?? 0)) / 1000))
    }
  }

  #messageOf(event: ScriptedEvent): Caption | Abandoned {
    const utterance = { epoch: 1, index: event.index }
    if (event.kind === 'abandoned') {
      this.#abandoned++
      return { type: 'abandoned', utterance, seq: this.history.nextSeq(), reason: 'deadline' }
    }
    const { kind, revision, text, stable, startMs, endMs } = event
    const caption = {
      type: 'caption',
      utterance,
      revision,
      text,
      stable,
      startMs,
      endMs,
      language: this.options.language,
    } as const
    if (kind === 'partial') return { ...caption, kind }
    this.#finals++
    const nowMs = this.#clock.wallMs()
    const marks = { receivedAtMs: nowMs, endOfSpeechMs: nowMs, finalAtMs: nowMs }
    return { ...caption, kind, seq: this.history.nextSeq(), marks }
  }

  #tellAll(message: ServerMessage): void {
    this.#sayUnlessSilent(message)
    for (const socket of this.#watchers) send(socket, message)
  }

  #sayUnlessSilent(message: ServerMessage): void {
    if (!this.isTelling || (this.#owner && this.#silentSocket === this.#owner)) return
    this.say(message)
  }

  #tellWatchers(): void {
    this.say({ type: 'watchers', count: this.#watchers.size })
  }

  #end(socket: WebSocket, reason: CloseReason): void {
    const { meaning, mayResume, closeCode } = CLOSE_REASONS[reason]
    send(socket, { type: 'closing', reason, message: meaning, mayResume })
    socket.close(closeCode)
  }
}

export function send(socket: WebSocket, message: ServerMessage): void {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
}

function toBytes(data: RawData): Uint8Array {
  if (Array.isArray(data)) return new Uint8Array(Buffer.concat(data))
  return new Uint8Array(data as Buffer)
}
