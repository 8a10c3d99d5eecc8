// One session of the fake pod: its sockets, what it heard, and the ways it can be made to misbehave.
import type { Clock } from '@parley/kernel'
import {
  type AudioFormat,
  audioFrameFault,
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
  type ServerMessage,
} from '@parley/protocol'
import { type RawData, WebSocket } from 'ws'
import { type ScriptedEvent, ScriptedSpeech, type ScriptedUtterance } from './scripted-speech.ts'

export interface FakeSessionOptions {
  readonly language: string
  readonly script: readonly ScriptedUtterance[]
  readonly endpointMs: number
  readonly pingIntervalMs: number
  readonly deadAfterMs: number
  readonly speech: 'ready' | 'waiting'
  readonly entryUrl: string
}

/** What is known of one frame that arrived. */
export interface HeardFrame {
  readonly seq: number
  readonly mediaTime: number
  readonly payload: Uint8Array
}

/** Frames kept for a test to look at; older ones are forgotten. */
const MAX_KEPT_FRAMES = 5_000

export class FakeSession {
  readonly id: string
  readonly ticket: string
  readonly options: FakeSessionOptions
  readonly frames: HeardFrame[] = []
  /** Text messages of the owner, in order of arrival. */
  readonly messages: ClientMessage[] = []
  readonly watchTokens = new Set<string>()
  format: AudioFormat | undefined
  state: 'opening' | 'active' | 'closed' = 'opening'
  readonly #clock: Clock
  readonly #speech: ScriptedSpeech
  readonly #watchers = new Set<WebSocket>()
  #owner: WebSocket | undefined
  #seq = 0
  #finals = 0
  #abandoned = 0
  #mediaEnd = 0
  #isSilent = false
  #onClosed: () => void

  constructor(id: string, ticket: string, options: FakeSessionOptions, clock: Clock, onClosed: () => void) {
    this.id = id
    this.ticket = ticket
    this.options = options
    this.#clock = clock
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
    const checked = hello.audio ? checkAudioFormat(hello.audio) : undefined
    if (!checked?.ok) {
      send(socket, errorMessage('AUDIO_FORMAT_UNSUPPORTED', {}))
      this.#end(socket, 'refused')
      return
    }
    this.format = checked.value
    this.#owner = socket
    this.state = 'active'
    this.messages.push(hello)
    socket.on('message', (data: RawData, isBinary: boolean) => {
      if (this.#isSilent) return
      if (isBinary) this.#onFrame(toBytes(data))
      else this.#onText(data.toString())
    })
    socket.on('close', () => {
      if (this.#owner === socket) this.#owner = undefined
    })
    this.#welcome(socket, 'owner')
  }

  attachWatcher(socket: WebSocket): void {
    this.#watchers.add(socket)
    socket.on('message', (data: RawData) => {
      const decoded = decodeClientMessage(data.toString())
      if (decoded.ok && decoded.value.type === 'ping') send(socket, { type: 'pong', id: decoded.value.id })
      if (decoded.ok && decoded.value.type === 'bye') socket.close(1000)
    })
    socket.on('close', () => {
      this.#watchers.delete(socket)
      this.#tellWatchers()
    })
    this.#welcome(socket, 'watcher')
    this.#tellWatchers()
  }

  /** Sends a message of the protocol to the owner. */
  say(message: ServerMessage): void {
    if (this.#owner) send(this.#owner, message)
  }

  /** Sends whatever it is told, valid or not. */
  sayRaw(data: string | Uint8Array): void {
    this.#owner?.send(data)
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

  /** The network breaks: the owner's socket is gone without a word. */
  cut(): void {
    this.#owner?.terminate()
  }

  /** Half open: the connection stands, nothing is answered any more. */
  fallSilent(): void {
    this.#isSilent = true
  }

  /** Stops taking bytes from the owner's socket (a slow pod, a full network); `false` takes them again. */
  stopReading(isStopped = true): void {
    if (isStopped) this.#owner?.pause()
    else this.#owner?.resume()
  }

  /** Ends the session for `reason`, as a pod does. */
  end(reason: CloseReason): void {
    this.state = 'closed'
    for (const socket of this.#watchers) this.#end(socket, reason === 'client_left' ? 'finished' : reason)
    if (this.#owner) this.#end(this.#owner, reason)
    this.#onClosed()
  }

  #welcome(socket: WebSocket, role: 'owner' | 'watcher'): void {
    const { language, pingIntervalMs, deadAfterMs, speech, entryUrl } = this.options
    send(socket, {
      type: 'welcome',
      protocolVersion: 1,
      role,
      sessionId: this.id,
      podId: 'pod_fake0000000000000000',
      epoch: 1,
      language,
      ...(role === 'owner' && this.format ? { audio: this.format } : {}),
      seq: this.#seq,
      speech,
      pingIntervalMs,
      deadAfterMs,
      graceMs: 60_000,
      entryUrls: [entryUrl],
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
      case 'bye':
        this.end('client_left')
        return
      case 'audio.end':
        this.#onAudioEnd(message)
        return
    }
  }

  #onAudioEnd(message: Extract<ClientMessage, { type: 'audio.end' }>): void {
    this.#tell(this.#speech.flush(this.mediaMs))
    this.say({
      type: 'audio.ended',
      ...(message.requestId === undefined ? {} : { requestId: message.requestId }),
      lastSeq: message.lastSeq,
      seq: ++this.#seq,
      finals: this.#finals,
      abandoned: this.#abandoned,
    })
  }

  #onFrame(message: Uint8Array): void {
    const format = this.format as AudioFormat
    const payload = message.subarray(10)
    if (audioFrameFault(message) || !isFrameLength(format, payload.byteLength)) {
      this.refuse('BAD_AUDIO_FRAME')
      return
    }
    const mediaTime = extendUint32(frameMediaTime(message), this.#mediaEnd)
    const samples = format.codec === 'pcm16' ? payload.byteLength / 2 : (format.sampleRateHz * format.frameMs) / 1000
    this.#mediaEnd = mediaTime + samples
    this.frames.push({ seq: frameSeq(message), mediaTime, payload })
    if (this.frames.length > MAX_KEPT_FRAMES) this.frames.shift()
    this.#tell(this.#speech.hear(this.mediaMs))
  }

  #tell(events: readonly ScriptedEvent[]): void {
    for (const event of events) this.#tellAll(this.#messageOf(event))
  }

  #messageOf(event: ScriptedEvent): ServerMessage {
    const utterance = { epoch: 1, index: event.index }
    if (event.kind === 'abandoned') {
      this.#abandoned++
      return { type: 'abandoned', utterance, seq: ++this.#seq, reason: 'deadline' }
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
    return { ...caption, kind, seq: ++this.#seq, marks }
  }

  #tellAll(message: ServerMessage): void {
    if (this.#isSilent) return
    this.say(message)
    for (const socket of this.#watchers) send(socket, message)
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
