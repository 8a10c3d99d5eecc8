// A stream on a live connection: audio goes out as it comes, results come back and become utterances. A connection that is lost is replaced, and
// is sent again what had not been decided; nothing is said twice and nothing lost.
import { backoffMs, type Clock, type Random, type Result, type Scope, type Timer } from '@parley/kernel'
import type { LiveConnection, LiveListener, LiveMessage, LiveResult, ProviderFailure } from '@parley/providers'
import { AudioInbox, INBOX_CAPACITY_BLOCKS } from '../../audio-inbox.ts'
import { BLOCK_MS, type EndpointingOptions } from '../../endpointing.ts'
import { PauseWatch } from '../../pause-watch.ts'
import type { RecognitionListener } from '../../recogniser.ts'
import type { UtteranceState } from '../../utterance-state.ts'
import { advanceUtterance, deliver, openUtterance, type UtteranceEvent } from '../../utterance-transitions.ts'
import type { HostedStream } from '../hosted/hosted-recogniser.ts'
import { type Mark, SentAudio } from './sent-audio.ts'
import { TranscriptAssembly } from './transcript-assembly.ts'

export interface DeepgramStreamOptions {
  readonly clock: Clock
  readonly scope: Scope
  readonly endpointing: EndpointingOptions
  readonly firstIndex: number
  readonly listener: RecognitionListener
  readonly connect: (listener: LiveListener, signal: AbortSignal) => Promise<Result<LiveConnection, ProviderFailure>>
  /** Called once, when nothing is under way any more. */
  readonly onReleased: () => void
  readonly random?: Random
}

const SETTLED_EVERY_MS = 400
/** A server does not answer a Finalize that finds nothing to decide. */
const FINALIZE_LIMIT_MS = 2_500
const MAX_CONNECTS = 4
const RECONNECT = { firstMs: 100, maxMs: 2_000 }

type Life = 'open' | 'closing' | 'failed'

export class DeepgramStream implements HostedStream {
  readonly #options: DeepgramStreamOptions
  readonly #clock: Clock
  readonly #scope: Scope
  readonly #listener: RecognitionListener
  readonly #inbox: AudioInbox
  readonly #sent = new SentAudio()
  readonly #assembly = new TranscriptAssembly((connectionS) => this.#sent.mediaMs(connectionS))
  readonly #ending = new AbortController()
  #connection: LiveConnection | undefined
  #life: Life = 'open'
  #closing: Promise<void> | undefined
  #reconnecting: Promise<void> | undefined
  #utterance: UtteranceState | undefined
  #nextIndex: number
  #partialText = ''
  #heardMs = 0
  #settledMs = Number.NEGATIVE_INFINITY
  readonly #pauses = new PauseWatch()
  #answerLimit: Timer | undefined
  #isCutting = false
  #lostBlocks = 0
  /** Seconds of this connection up to which it has decided. */
  #decidedS = 0

  constructor(options: DeepgramStreamOptions) {
    this.#options = options
    this.#clock = options.clock
    this.#scope = options.scope
    this.#listener = options.listener
    this.#inbox = new AudioInbox(options.endpointing.endpointMs)
    this.#nextIndex = options.firstIndex
  }

  /** The first connection; the failure is the caller's to tell. */
  async open(): Promise<ProviderFailure | undefined> {
    const connected = await this.#options.connect(this.#liveListener(), this.#ending.signal)
    if (!connected.ok) return connected.error
    this.#connection = connected.value
    return undefined
  }

  push(mediaMs: number, samples: Int16Array): void {
    if (this.#life !== 'open' || samples.length === 0) return
    const nowMs = this.#clock.nowMs()
    this.#pauses.heard(nowMs)
    this.#inbox.push(mediaMs, samples, nowMs)
    this.#forward()
  }

  flush(flushId: number): void {
    if (this.#life !== 'open') return
    this.#inbox.flush(flushId)
    this.#forward()
  }

  hold(isHeld: boolean): void {
    this.#pauses.hold(isHeld)
  }

  checkIdle(nowMs: number): void {
    if (this.#life !== 'open' || !this.#pauses.isPause(nowMs)) return
    this.#inbox.idle()
    this.#forward()
  }

  backlog() {
    return { audioMs: this.#sent.length * BLOCK_MS, lostMsTotal: this.#lostBlocks * BLOCK_MS }
  }

  close(): Promise<void> {
    if (this.#life === 'open') this.#life = 'closing'
    this.#closing ??= this.#release()
    return this.#closing
  }

  /** Sends what came; what cannot be sent now waits with what is sent but not decided. */
  #forward(): void {
    for (let item = this.#inbox.shift(); item; item = this.#inbox.shift()) {
      if (item.kind === 'block') {
        this.#heardMs = item.endMs
        this.#sent.push(item)
        this.#connection?.sendAudio(item.samples)
      } else
        this.#mark(
          item.kind === 'flush' ? { ...item, heardMs: this.#heardMs } : { kind: item.kind, heardMs: this.#heardMs },
        )
    }
    if (this.#sent.length > INBOX_CAPACITY_BLOCKS) {
      this.#lostBlocks += this.#sent.length - INBOX_CAPACITY_BLOCKS
      this.#fail('audio came faster than it was recognised; the oldest was lost')
    } else this.#cutIfTooLong()
  }

  #mark(mark: Mark): void {
    this.#sent.mark(mark)
    this.#connection?.finalize()
    this.#armAnswerLimit()
  }

  #armAnswerLimit(): void {
    if (this.#answerLimit || !this.#sent.hasMark || this.#reconnecting) return
    this.#answerLimit = this.#scope.after(FINALIZE_LIMIT_MS, () => {
      this.#answerLimit = undefined
      this.#answerMark()
    })
  }

  /** The connection has said all it has to say about what lies before the oldest mark. */
  #answerMark(): void {
    this.#answerLimit?.cancel()
    this.#answerLimit = undefined
    const mark = this.#sent.takeMark()
    if (!mark || this.#life !== 'open') return
    if (mark.kind === 'cut') this.#isCutting = false
    this.#endUtterance(mark.kind === 'cut' ? Math.min(mark.heardMs, this.#heardMs) : mark.heardMs)
    if (mark.kind === 'flush') {
      // Told on a turn of its own, as everything is.
      this.#settledMs = Math.max(this.#settledMs, mark.heardMs)
      this.#listener.onFlushed(mark.flushId ?? 0, mark.heardMs)
    } else this.#settle(mark.heardMs, true)
    this.#armAnswerLimit()
  }

  /** Nobody speaks for ever: after the longest time it is decided what was said so far. */
  #cutIfTooLong(): void {
    if (!this.#assembly.isOpen || this.#isCutting) return
    if (this.#heardMs - this.#assembly.startMs < this.#options.endpointing.maxUtteranceMs) return
    this.#isCutting = true
    this.#mark({ kind: 'cut', heardMs: this.#heardMs })
  }

  #liveListener(): LiveListener {
    return {
      onMessage: (message) => {
        if (this.#life === 'open') this.#onMessage(message)
      },
      onEnded: ({ message, mayRetry }) => {
        this.#connection = undefined
        if (this.#life !== 'open') return
        if (mayRetry) this.#reconnecting ??= this.#reconnect(message)
        else this.#fail(message)
      },
    }
  }

  #onMessage(message: LiveMessage): void {
    if (message.type === 'result') this.#onResult(message)
    else if (message.type === 'utteranceEnd') this.#onUtteranceEnd()
    else if (message.type === 'error') this.#fail(`the provider says: ${message.message.slice(0, 200)}`)
  }

  #onResult(result: LiveResult): void {
    const assembled = this.#assembly.take(result)
    if (this.#assembly.isOpen && !this.#utterance) this.#openUtterance()
    if (assembled && assembled.text !== this.#partialText) {
      this.#partialText = assembled.text
      const { text, stable, endMs } = assembled
      this.#advance({ type: 'hypothesis', text, stable, endMs })
    }
    if (result.isFinal) {
      const untilMs = this.#sent.mediaMs(result.endS)
      if (this.#assembly.isOpen) {
        // What was only guessed and came to nothing is no speech; with words it goes on until the speech is said to have ended.
        if (result.isSpeechFinal || !this.#assembly.hasWords) this.#endUtterance(untilMs)
      } else this.#settle(untilMs)
      this.#decidedS = Math.max(this.#decidedS, result.endS)
      this.#sent.forget(this.#decidedS)
    }
    if (result.isFromFinalize) this.#answerMark()
  }

  #onUtteranceEnd(): void {
    if (this.#assembly.hasWords) this.#endUtterance(this.#sent.mediaMs(this.#decidedS))
  }

  #openUtterance(): void {
    this.#utterance = openUtterance(this.#nextIndex++, this.#assembly.startMs)
    this.#partialText = ''
  }

  #endUtterance(settledMs: number): void {
    if (!this.#utterance || !this.#assembly.isOpen) return
    const { text, endMs } = this.#assembly.end()
    const atMs = this.#clock.nowMs()
    this.#settledMs = Math.max(this.#settledMs, settledMs)
    const startMs = this.#utterance.startMs
    this.#advance({ type: 'speechEnded', endMs: Math.max(endMs, startMs + 1), atMs })
    this.#advance({ type: 'recognised', text, settledMs: this.#settledMs, atMs })
    this.#utterance = undefined
  }

  #settle(untilMs: number, isWanted = false): void {
    if (untilMs <= this.#settledMs || this.#life !== 'open') return
    if (!isWanted && untilMs - this.#settledMs < SETTLED_EVERY_MS) return
    this.#settledMs = untilMs
    this.#listener.onSettled(untilMs)
  }

  #advance(event: UtteranceEvent): void {
    if (!this.#utterance || this.#life !== 'open') return
    const { state, report } = advanceUtterance(this.#utterance, event)
    this.#utterance = state
    deliver(report, this.#listener)
  }

  async #reconnect(why: string): Promise<void> {
    this.#answerLimit?.cancel()
    this.#answerLimit = undefined
    let message = why
    for (let turn = 0; turn < MAX_CONNECTS && this.#life === 'open'; turn++) {
      await this.#pause(backoffMs(turn, RECONNECT, this.#options.random))
      const connected = await this.#options.connect(this.#liveListener(), this.#ending.signal)
      if (connected.ok) {
        await this.#resume(connected.value)
        return
      }
      message = connected.error.message
      if (connected.error.kind === 'key_refused' || connected.error.kind === 'refused') break
      const { retryAfterMs = 0 } = connected.error
      if (retryAfterMs > RECONNECT.maxMs) break
      await this.#pause(retryAfterMs)
    }
    this.#reconnecting = undefined
    this.#fail(message)
  }

  /** Everything that is not decided, and every mark, in order. */
  async #resume(connection: LiveConnection): Promise<void> {
    this.#reconnecting = undefined
    if (this.#life !== 'open') {
      await connection.close()
      return
    }
    this.#connection = connection
    this.#decidedS = 0
    for (const item of this.#sent.again()) {
      if (item.kind === 'mark') connection.finalize()
      else connection.sendAudio(item.samples)
    }
    this.#armAnswerLimit()
  }

  #pause(delayMs: number): Promise<void> {
    if (delayMs <= 0 || this.#ending.signal.aborted) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#scope.after(delayMs, resolve)
    const leave = () => {
      timer.cancel()
      resolve()
    }
    this.#ending.signal.addEventListener('abort', leave, { once: true })
    return promise.finally(() => this.#ending.signal.removeEventListener('abort', leave))
  }

  #fail(message: string): void {
    if (this.#life !== 'open') return
    this.#life = 'failed'
    this.#closing ??= this.#release()
    this.#listener.onFailed(message)
  }

  async #release(): Promise<void> {
    this.#ending.abort()
    this.#answerLimit?.cancel()
    this.#inbox.clear()
    await this.#reconnecting
    await this.#connection?.close()
    this.#options.onReleased()
  }
}
