// The recognition endpoint for one client: configuration, audio in, utterances out. It reads from the socket only as fast as recognition
// takes audio, so that nothing has to be dropped.
import { createResampler } from '@parley/audio'
import { withDeadline } from '@parley/kernel'
import { type CloseReason, ParleyError } from '@parley/protocol'
import type { WebSocket } from 'ws'
import {
  audioOverflow,
  audioUnused,
  configTooLate,
  cutSample,
  flushUnanswered,
  streamBroke,
  streamNotOpened,
} from './asr-errors.ts'
import { AsrFeed, type FeedTarget } from './asr-feed.ts'
import { AsrFlushes, FLUSH_DEADLINE_MS } from './asr-flushes.ts'
import { type AsrCommandItem, AsrIntake, type IntakeItem } from './asr-intake.ts'
import {
  ASR_DEFAULTS,
  type AsrCommand,
  type AsrConfig,
  type AsrServerMessage,
  decodeAsrCommand,
  readyMessage,
} from './asr-messages.ts'
import { AsrUtterances } from './asr-utterances.ts'
import { BACKEND_RATE_HZ, type RecogniseBackend, type RecogniseListener } from './backends.ts'
import { type PeerSettings, SocketPeer } from './socket-peer.ts'

/** Where no engine is there to name one: the refusal to come says what there is. */
const FALLBACK_LANGUAGE = 'en'
const OPEN_DEADLINE_MS = 12_000
/** Audio handed on at a time: other connections get their turn. */
const PIECE_MS = 500
/** The window has room for at least this much before it is used again. */
const MIN_ROOM_MS = 100
/** Streams in a row that broke without settling anything, until the connection is given up. */
const MAX_FAILURES = 3

export interface AsrOptions extends PeerSettings {
  /** Known before the first message, from the address; the client may send no `config` then. */
  readonly config?: AsrConfig
}

export interface EndpointConnection {
  readonly isOver: boolean
  /** Partials that were left out because the client was behind. */
  readonly partialsSkipped: number
  close(reason: CloseReason): void
}

/** Serves the client of `socket`, which has just been accepted, until it is gone. */
export function serveAsr(socket: WebSocket, backend: RecogniseBackend, options: AsrOptions): EndpointConnection {
  return new AsrConnection(socket, backend, options)
}

type State =
  /** No stream was asked for yet, or the wish was refused and may be mended. */
  | { readonly kind: 'configuring' }
  | { readonly kind: 'opening'; readonly turn: Turn }
  | { readonly kind: 'live'; readonly turn: Turn; readonly target: FeedTarget }
  | { readonly kind: 'ended' }

/** One stream of the connection, from the wish for it to its end; what is said in another's turn is not listened to. */
type Turn = AbortController

class AsrConnection implements EndpointConnection {
  readonly #peer: SocketPeer<AsrCommand>
  readonly #backend: RecogniseBackend
  readonly #options: AsrOptions
  readonly #intake = new AsrIntake()
  readonly #flushes: AsrFlushes
  #state: State = { kind: 'configuring' }
  #feed: AsrFeed
  #utterances = new AsrUtterances(undefined, true)
  #failures = 0
  #isRefused = false
  #isEnding = false
  #isWaiting = false
  #isPumping = false

  constructor(socket: WebSocket, backend: RecogniseBackend, options: AsrOptions) {
    this.#backend = backend
    this.#options = options
    this.#feed = new AsrFeed(ASR_DEFAULTS, options.clock.nowMs())
    this.#peer = new SocketPeer(socket, options, {
      decode: decodeAsrCommand,
      onCommand: (command) => this.#onCommand(command),
      onBinary: (bytes) => this.#onAudio(bytes),
      onGone: () => this.#onGone(),
    })
    this.#flushes = new AsrFlushes(this.#peer.scope, (command) => this.#onFlushLate(command))
    if (!options.config) return
    this.#peer.converse()
    this.#configure(options.config)
  }

  get isOver(): boolean {
    return this.#peer.isOver
  }
  get partialsSkipped(): number {
    return this.#peer.counters.partialsSkippedTotal
  }
  close(reason: CloseReason): void {
    this.#peer.close(reason)
  }

  // ---- from the client ----

  #onCommand(command: AsrCommand): void {
    this.#peer.converse()
    switch (command.type) {
      case 'config':
        this.#onConfig(command.config)
        return
      case 'flush':
      case 'end':
        this.#take({ kind: command.type, requestId: command.requestId })
        return
      case 'reset':
        this.#onReset(command.requestId)
        return
      case 'ping':
        this.#peer.keep({ ...command, type: 'pong' })
        return
      case 'pong':
        return
    }
  }

  #onConfig(config: AsrConfig): void {
    if (this.#state.kind === 'configuring' && !this.#isEnding) this.#configure(config)
    else this.#peer.error(configTooLate(), config.requestId)
  }

  #onAudio(bytes: Uint8Array): void {
    const { byteLength } = bytes
    if (this.#isEnding) this.#peer.misconduct(audioUnused(byteLength, 'after the end of the stream'))
    else if (this.#isRefused) this.#peer.misconduct(audioUnused(byteLength, 'before a config that was accepted'))
    else {
      if (this.#state.kind === 'configuring') this.#configure(ASR_DEFAULTS)
      this.#take({ kind: 'audio', bytes })
    }
  }

  #take(item: IntakeItem): void {
    if (item.kind === 'end') this.#isEnding = true
    if (this.#intake.push(item)) this.#pump()
    else this.#peer.fail(audioOverflow(), 'audio_limit')
  }

  /** Forgets what has been sent and not recognised, and begins anew at the present media time. */
  #onReset(requestId: string | undefined): void {
    this.#feed.skip(this.#intake.audioBytes)
    const waiting = this.#intake.clear()
    this.#tell(this.#utterances.abandonOpen('closed'))
    for (const command of [...this.#flushes.takeAll(), ...waiting]) this.#answer(command)
    this.#tell([{ type: 'reset_done', ...tagOf(requestId), audioMs: this.#feed.audioMs }])
    if (this.#state.kind === 'live') void this.#reopen()
    else this.#pump()
  }

  // ---- the stream ----

  #configure(config: AsrConfig): void {
    this.#isRefused = false
    this.#feed = new AsrFeed(config, this.#nowMs)
    this.#utterances = new AsrUtterances(config.requestId, config.partials)
    void this.#open(new AbortController(), true)
  }

  async #reopen(): Promise<void> {
    const closing = this.#endTurn()
    const turn = new AbortController()
    this.#state = { kind: 'opening', turn }
    // The slot it had is the one it will get.
    await closing
    if (!turn.signal.aborted) await this.#open(turn, false)
  }

  async #open(turn: Turn, isFirst: boolean): Promise<void> {
    this.#state = { kind: 'opening', turn }
    const opened = await this.#prepare(turn).catch((error: unknown) => {
      const { connectionId, logger } = this.#options
      logger.error({ err: error, connectionId }, 'a stream could not be opened')
      return streamNotOpened()
    })
    const isWanted = this.#state.kind === 'opening' && this.#state.turn === turn
    if (opened instanceof ParleyError) {
      if (isWanted) this.#onRefused(opened, isFirst)
    } else if (isWanted) this.#onOpened(turn, opened, isFirst)
    else await giveBack(opened)
  }

  async #prepare(turn: Turn): Promise<FeedTarget | ParleyError> {
    const { clock, connectionId } = this.#options
    const resampler = await createResampler(this.#feed.config.sampleRateHz, BACKEND_RATE_HZ)
    try {
      const wish = { connectionId, language: this.#language, firstIndex: this.#utterances.nextIndex }
      const opening = this.#backend.open(wish, this.#listener(turn), turn.signal)
      const opened = await withDeadline(clock, OPEN_DEADLINE_MS, 'opening a stream', opening)
      if (opened.ok) return { stream: opened.value, resampler }
      resampler.close()
      return opened.error
    } catch (error) {
      // What still comes of it is the backend's to close.
      turn.abort()
      resampler.close()
      throw error
    }
  }

  get #language(): string {
    return this.#feed.config.language ?? this.#backend.languages()[0] ?? FALLBACK_LANGUAGE
  }

  #onOpened(turn: Turn, target: FeedTarget, isFirst: boolean): void {
    this.#state = { kind: 'live', turn, target }
    this.#feed.align()
    const { connectionId } = this.#options
    const { pingEveryMs } = this.#peer
    if (isFirst) this.#tell([readyMessage(this.#feed.config, this.#language, connectionId, pingEveryMs)])
    for (const flushId of this.#flushes.ids()) target.stream.flush(flushId)
    this.#pump()
  }

  #onRefused(error: ParleyError, isFirst: boolean): void {
    const { requestId } = this.#feed.config
    // A wish that can be mended is mended on this connection; where there is no room now, another member may have some.
    if (!isFirst || this.#feed.config === ASR_DEFAULTS || error.entry.hop !== 'client') {
      this.#peer.fail(error, 'refused', requestId)
      return
    }
    this.#isRefused = true
    this.#state = { kind: 'configuring' }
    const { audioBytes } = this.#intake
    const waiting = this.#intake.clear()
    this.#peer.error(error, requestId)
    if (audioBytes > 0) this.#peer.error(audioUnused(audioBytes, 'before a config that was accepted'))
    for (const command of waiting) this.#answer(command)
    this.#pump()
  }

  /** Ends what the present stream may still say, and it; resolves when its slot is free. */
  #endTurn(): Promise<void> | undefined {
    const state = this.#state
    this.#state = { kind: 'ended' }
    if (state.kind === 'opening' || state.kind === 'live') state.turn.abort()
    return state.kind === 'live' ? giveBack(state.target) : undefined
  }

  // ---- audio on its way ----

  /** Hands on what waits, as far as the window has room; reads on when nothing waits. */
  #pump(): void {
    // Recognition may answer within a push: what follows is handed on after it, not in the midst of it.
    if (this.#isPumping) return
    this.#isPumping = true
    try {
      if (this.#state.kind === 'live') this.#handOn()
      else if (this.#state.kind === 'configuring') this.#answerWithoutStream()
    } finally {
      this.#isPumping = false
    }
    if (this.#intake.isEmpty) this.#peer.resume()
    else this.#peer.pause()
  }

  #handOn(): void {
    for (;;) {
      if (this.#state.kind !== 'live') return
      const { target } = this.#state
      const next = this.#intake.next()
      if (next === undefined) return
      if (next !== 'audio') this.#onFlushReached(target)
      else if (this.#feed.roomMs(this.#nowMs) <= 0) {
        this.#waitForRoom()
        return
      } else this.#feed.push(target, this.#intake.takeAudio(PIECE_MS * this.#feed.bytesPerMs), this.#nowMs)
    }
  }

  #waitForRoom(): void {
    if (this.#isWaiting) return
    this.#isWaiting = true
    this.#peer.scope.after(MIN_ROOM_MS - this.#feed.roomMs(this.#nowMs), () => {
      this.#isWaiting = false
      this.#pump()
    })
  }

  get #nowMs(): number {
    return this.#options.clock.nowMs()
  }

  // ---- flush and end ----

  #onFlushReached(target: FeedTarget): void {
    const command = this.#intake.takeCommand()
    if (!command) return
    const { restBytes, config } = this.#feed
    if (command.kind === 'end' && restBytes > 0) this.#peer.error(cutSample(restBytes, config.encoding))
    this.#feed.flush(target)
    target.stream.flush(this.#flushes.add(command))
  }

  #onFlushed(flushId: number): void {
    const command = this.#flushes.take(flushId)
    if (command) this.#answer(command)
  }

  #onFlushLate({ kind, requestId }: AsrCommandItem): void {
    this.#peer.fail(flushUnanswered(kind, FLUSH_DEADLINE_MS), 'internal', requestId)
  }

  /** No audio has come: there is nothing to recognise. */
  #answerWithoutStream(): void {
    for (let command = this.#intake.takeCommand(); command; command = this.#intake.takeCommand()) this.#answer(command)
  }

  #answer({ kind, requestId }: AsrCommandItem): void {
    const tag = tagOf(requestId)
    const { audioMs } = this.#feed
    if (kind === 'flush') {
      this.#tell([{ type: 'flushed', ...tag, audioMs }])
      return
    }
    this.#tell([{ type: 'ended', ...tag, audioMs, utterances: this.#utterances.nextIndex }])
    this.#peer.close('client_left')
  }

  // ---- from recognition ----

  #listener(turn: Turn): RecogniseListener {
    const during =
      <Args extends unknown[]>(listen: (...args: Args) => void) =>
      (...args: Args) => {
        if (!turn.signal.aborted && !this.#peer.isOver) listen(...args)
      }
    return {
      onPartial: during((partial) => {
        const said = this.#utterances.onPartial(partial)
        if (said.start) this.#tell([said.start])
        if (said.partial) this.#peer.partial(said.partial)
        this.#reached(partial.endMs)
      }),
      onFinal: during((final) => {
        this.#failures = 0
        this.#tell(this.#utterances.onFinal(final))
        this.#reached(final.endMs)
      }),
      onAbandoned: during(({ index, reason }) => this.#tell(this.#utterances.onAbandoned(index, reason))),
      onSettled: during((mediaMs) => {
        this.#failures = 0
        this.#reached(mediaMs)
      }),
      onFlushed: during((flushId) => this.#onFlushed(flushId)),
      onState: during((speech) => this.#tell([{ type: 'state', ...tagOf(this.#feed.config.requestId), speech }])),
      onFailed: during((reason) => this.#onFailed(reason)),
    }
  }

  #tell(messages: readonly AsrServerMessage[]): void {
    for (const message of messages) this.#peer.keep(message)
  }

  #reached(mediaMs: number): void {
    this.#feed.reach(mediaMs, this.#nowMs)
    if (!this.#intake.isEmpty) this.#pump()
  }

  /** What was not settled is lost, and said to be; recognition goes on with another stream. */
  #onFailed(reason: string): void {
    const { connectionId, logger } = this.#options
    const { requestId } = this.#feed.config
    logger.warn({ connectionId, reason }, 'the stream of a connection failed')
    this.#tell(this.#utterances.abandonOpen('closed'))
    const error = streamBroke(this.#feed.audioMs)
    this.#failures++
    if (this.#failures >= MAX_FAILURES) {
      this.#peer.fail(error, 'internal', requestId)
      return
    }
    this.#peer.error(error, requestId)
    void this.#reopen()
  }

  #onGone(): void {
    void this.#endTurn()
    this.#intake.clear()
    this.#flushes.takeAll()
  }
}

function giveBack({ stream, resampler }: FeedTarget): Promise<void> {
  resampler.close()
  return stream.close()
}

const tagOf = (requestId: string | undefined) => (requestId === undefined ? {} : { requestId })
