// The recognition of one connection, whatever its dialect: audio and commands in, in order; utterances and answers out. Opens a stream and
// another when that breaks, hands audio on as fast as it is recognised, and says when its owner should read on.
import { createResampler } from '@parley/audio'
import { type Clock, type Scope, withDeadline } from '@parley/kernel'
import { type AbandonReason, ParleyError } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import { audioOverflow, flushUnanswered, streamBroke, streamNotOpened } from './asr-errors.ts'
import { AsrFeed, type FeedTarget } from './asr-feed.ts'
import { AsrFlushes, FLUSH_DEADLINE_MS } from './asr-flushes.ts'
import { type AsrCommandItem, AsrIntake, type IntakeItem } from './asr-intake.ts'
import type { AudioReader } from './audio-reader.ts'
import {
  BACKEND_RATE_HZ,
  type RecogniseBackend,
  type RecognisedFinal,
  type RecognisedPartial,
  type RecogniseListener,
} from './backends.ts'

/** Where no engine is there to name one: the refusal to come says what there is. */
const FALLBACK_LANGUAGE = 'en'
const OPEN_DEADLINE_MS = 12_000
/** The window has room for at least this much before it is used again. */
const MIN_ROOM_MS = 100
/** Streams in a row that broke without settling anything, until recognition is given up. */
const MAX_FAILURES = 3

export interface RunOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly connectionId: string
  /** Of the connection; its timers end with it. */
  readonly scope: Scope
  readonly backend: RecogniseBackend
  /** Closed with the run. */
  readonly reader: AudioReader
  /** BCP 47 tag; the backend's first unless told. */
  readonly language?: string | undefined
}

/** Nothing is called from within a call of the run's methods but answers to commands, and nothing after `close`. */
export interface RunHandler {
  onOpened(language: string): void
  /** The first stream was refused: the run is over. What waited was not used. */
  onRefused(error: ParleyError, unused: Unused): void
  onPartial(partial: RecognisedPartial): void
  onFinal(final: RecognisedFinal): void
  onAbandoned(index: number, reason: AbandonReason): void
  /** Audio before `mediaMs` is recognised for good. */
  onSettled?(mediaMs: number): void
  onState(state: 'ready' | 'waiting'): void
  /** A command has been handed on: what was sent before it is with the recogniser. */
  onReached?(command: AsrCommandItem): void
  /** Everything before the command is final. */
  onAnswered(command: AsrCommandItem): void
  /** The stream broke; recognition goes on with the audio that comes next. The open utterance has no end. */
  onLost(error: ParleyError): void
  /** Recognition is given up; the run is over. `whose` is to blame: `client`'s audio cannot be read. */
  onGivenUp(error: ParleyError, whose: 'client' | 'server' | 'limit', requestId?: string): void
  /** Whether more should be read: false while audio waits. */
  onFlow(mayRead: boolean): void
}

export interface Unused {
  readonly audioBytes: number
  readonly commands: readonly AsrCommandItem[]
}

type State =
  | { readonly kind: 'opening'; readonly turn: Turn }
  | { readonly kind: 'live'; readonly turn: Turn; readonly target: FeedTarget }
  | { readonly kind: 'ended' }

/** One stream of the run, from the wish for it to its end; what is said in another's turn is not listened to. */
type Turn = AbortController

export class RecognitionRun {
  readonly #options: RunOptions
  readonly #handler: RunHandler
  readonly #intake = new AsrIntake()
  readonly #flushes: AsrFlushes
  readonly #feed: AsrFeed
  readonly #language: string
  #state: State
  #nextIndex = 0
  #isUtteranceOpen = false
  #failures = 0
  #isWaiting = false
  #isPumping = false

  constructor(options: RunOptions, handler: RunHandler) {
    const { clock, backend, language, reader, scope } = options
    this.#options = options
    this.#handler = handler
    this.#feed = new AsrFeed(reader, clock.nowMs())
    this.#language = language ?? backend.languages()[0] ?? FALLBACK_LANGUAGE
    this.#flushes = new AsrFlushes(scope, ({ kind, requestId }) =>
      this.#giveUp(flushUnanswered(kind, FLUSH_DEADLINE_MS), 'server', requestId),
    )
    const turn = new AbortController()
    this.#state = { kind: 'opening', turn }
    void this.#open(turn, true)
  }

  /** Audio taken so far. */
  get audioMs(): number {
    return this.#feed.audioMs
  }
  /** Bytes of a sample whose other bytes have not come. */
  get restBytes(): number {
    return this.#feed.reader.restBytes
  }
  /** Index of the utterance after the last one that has ended. */
  get nextIndex(): number {
    return this.#nextIndex
  }

  push(bytes: Uint8Array): void {
    this.#take({ kind: 'audio', bytes })
  }

  /** Answered when everything before it is final. */
  command(command: AsrCommandItem): void {
    this.#take(command)
  }

  /**
   * Forgets what has been sent and not recognised, and begins anew at the present media time. Answers with the commands that waited: nothing
   * is left to be recognised before them. The open utterance has no end.
   */
  reset(): AsrCommandItem[] {
    this.#feed.skip(this.#intake.audioBytes)
    const waiting = [...this.#flushes.takeAll(), ...this.#intake.clear()]
    this.#abandonOpen()
    if (this.#state.kind === 'live') void this.#reopen()
    else this.#pump()
    return waiting
  }

  /** Frees the slot; nothing is told after this. Idempotent. */
  close(): void {
    void this.#endTurn()
    this.#intake.clear()
    this.#flushes.takeAll()
    this.#feed.reader.close()
  }

  #take(item: IntakeItem): void {
    if (this.#state.kind === 'ended') return
    if (this.#intake.push(item)) this.#pump()
    else this.#giveUp(audioOverflow(), 'limit')
  }

  #giveUp(error: ParleyError, whose: 'client' | 'server' | 'limit', requestId?: string): void {
    this.close()
    this.#handler.onGivenUp(error, whose, requestId)
  }

  // ---- the stream ----

  async #reopen(): Promise<void> {
    const closing = this.#endTurn()
    const turn = new AbortController()
    this.#state = { kind: 'opening', turn }
    // The slot it had is the one it will get.
    await closing
    if (!turn.signal.aborted) await this.#open(turn, false)
  }

  async #open(turn: Turn, isFirst: boolean): Promise<void> {
    const opened = await this.#prepare(turn).catch((error: unknown) => {
      const { connectionId, logger } = this.#options
      logger.error({ err: error, connectionId }, 'a stream could not be opened')
      return streamNotOpened()
    })
    const isWanted = this.#state.kind === 'opening' && this.#state.turn === turn
    if (!(opened instanceof ParleyError)) {
      if (isWanted) this.#onOpened(turn, opened, isFirst)
      else await giveBack(opened)
    } else if (isWanted) this.#onRefused(opened, isFirst)
  }

  async #prepare(turn: Turn): Promise<FeedTarget | ParleyError> {
    const { backend, clock, connectionId } = this.#options
    const resampler = await createResampler(this.#feed.reader.sampleRateHz, BACKEND_RATE_HZ)
    try {
      const wish = { connectionId, language: this.#language, firstIndex: this.#nextIndex }
      const opening = backend.open(wish, this.#listener(turn), turn.signal)
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

  #onOpened(turn: Turn, target: FeedTarget, isFirst: boolean): void {
    this.#state = { kind: 'live', turn, target }
    this.#feed.align()
    if (isFirst) this.#handler.onOpened(this.#language)
    for (const flushId of this.#flushes.ids()) target.stream.flush(flushId)
    this.#pump()
  }

  #onRefused(error: ParleyError, isFirst: boolean): void {
    if (!isFirst) {
      this.#giveUp(error, 'server')
      return
    }
    const { audioBytes } = this.#intake
    const commands = this.#intake.clear()
    this.close()
    this.#handler.onRefused(error, { audioBytes, commands })
  }

  /** Ends what the present stream may still say, and it; resolves when its slot is free. */
  #endTurn(): Promise<void> | undefined {
    const state = this.#state
    this.#state = { kind: 'ended' }
    if (state.kind !== 'ended') state.turn.abort()
    return state.kind === 'live' ? giveBack(state.target) : undefined
  }

  // ---- audio on its way ----

  /** Hands on what waits, as far as the window has room; reads on when nothing waits. */
  #pump(): void {
    // Recognition may answer within a push: what follows is handed on after it, not in the midst of it.
    if (this.#isPumping) return
    this.#isPumping = true
    try {
      this.#handOn()
    } finally {
      this.#isPumping = false
    }
    if (this.#state.kind !== 'ended') this.#handler.onFlow(this.#intake.isEmpty)
  }

  #handOn(): void {
    for (;;) {
      if (this.#state.kind !== 'live') return
      const { target } = this.#state
      const next = this.#intake.next()
      if (next === undefined) return
      if (next !== 'audio') this.#onCommandReached(target)
      else if (this.#feed.roomMs(this.#nowMs) <= 0) {
        this.#waitForRoom()
        return
      } else {
        const bytes = this.#intake.takeAudio(this.#feed.reader.pieceBytes)
        const problem = this.#feed.push(target, bytes, this.#nowMs)
        if (problem) this.#giveUp(problem, 'client')
      }
    }
  }

  #onCommandReached(target: FeedTarget): void {
    const command = this.#intake.takeCommand()
    if (!command) return
    this.#handler.onReached?.(command)
    this.#feed.flush(target)
    target.stream.flush(this.#flushes.add(command))
  }

  #waitForRoom(): void {
    if (this.#isWaiting) return
    this.#isWaiting = true
    this.#options.scope.after(MIN_ROOM_MS - this.#feed.roomMs(this.#nowMs), () => {
      this.#isWaiting = false
      this.#pump()
    })
  }

  get #nowMs(): number {
    return this.#options.clock.nowMs()
  }

  // ---- from recognition ----

  #listener(turn: Turn): RecogniseListener {
    const during =
      <Args extends unknown[]>(listen: (...args: Args) => void) =>
      (...args: Args) => {
        if (!turn.signal.aborted) listen(...args)
      }
    return {
      onPartial: during((partial) => {
        this.#isUtteranceOpen = true
        this.#handler.onPartial(partial)
        this.#reached(partial.endMs)
      }),
      onFinal: during((final) => {
        this.#failures = 0
        this.#ended(final.index)
        this.#handler.onFinal(final)
        this.#reached(final.endMs)
      }),
      onAbandoned: during(({ index, reason }) => {
        this.#ended(index)
        this.#handler.onAbandoned(index, reason)
      }),
      onSettled: during((mediaMs) => {
        this.#failures = 0
        this.#reached(mediaMs)
        this.#handler.onSettled?.(mediaMs)
      }),
      onFlushed: during((flushId) => {
        const command = this.#flushes.take(flushId)
        if (command) this.#handler.onAnswered(command)
      }),
      onState: during((state) => this.#handler.onState(state)),
      onFailed: during((reason) => this.#onFailed(reason)),
    }
  }

  #ended(index: number): void {
    this.#isUtteranceOpen = false
    this.#nextIndex = index + 1
  }

  #abandonOpen(): void {
    if (this.#isUtteranceOpen) this.#ended(this.#nextIndex)
  }

  #reached(mediaMs: number): void {
    this.#feed.reach(mediaMs, this.#nowMs)
    if (!this.#intake.isEmpty) this.#pump()
  }

  /** What was not settled is lost, and said to be; recognition goes on with another stream. */
  #onFailed(reason: string): void {
    const { connectionId, logger } = this.#options
    logger.warn({ connectionId, reason }, 'the stream of a connection failed')
    const error = streamBroke(this.#feed.audioMs)
    this.#abandonOpen()
    this.#failures++
    if (this.#failures >= MAX_FAILURES) {
      this.#giveUp(error, 'server')
      return
    }
    this.#handler.onLost(error)
    void this.#reopen()
  }
}

function giveBack({ stream, resampler }: FeedTarget): Promise<void> {
  resampler.close()
  return stream.close()
}
