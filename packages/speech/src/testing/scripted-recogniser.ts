// A recogniser that hears what it was told to: utterances written down with their media times, whatever the samples hold. Keeps
// the whole port, so that what is built on a recogniser can be tested, demonstrated and loaded without an engine.
import { type Clock, err, ok, type Result, Scope } from '@parley/kernel'
import type { AdaptationState } from '@parley/protocol'
import { AudioInbox, type InboxItem } from '../audio-inbox.ts'
import { finalText, partialText, stableLength } from '../caption-text.ts'
import { PauseWatch } from '../pause-watch.ts'
import type {
  OpenStreamOptions,
  Recogniser,
  RecogniserRefusal,
  RecogniserStatus,
  RecognitionListener,
  RecognitionStream,
} from '../recogniser.ts'
import type { UtteranceState } from '../utterance-state.ts'
import { advanceUtterance, deliver, openUtterance, type UtteranceEvent } from '../utterance-transitions.ts'

/** One stretch of speech. Its words are spread evenly over its time. */
export interface ScriptedUtterance {
  readonly startMs: number
  readonly endMs: number
  /** Bare words; none for sound that is not speech. */
  readonly words: readonly string[]
}

export interface ScriptedRecogniserOptions {
  readonly clock: Clock
  readonly slots: number
  readonly languages?: readonly string[]
  readonly endpointMs?: number
  /** What the stream opened as the `number`th (from 0) hears. Undefined breaks off the open with SPEECH_UNAVAILABLE. */
  readonly script: (options: OpenStreamOptions, number: number) => readonly ScriptedUtterance[] | undefined
  /** Media time at which every stream breaks; never unless told. */
  readonly failAtMs?: number
}

const DEFAULT_LANGUAGES = ['en-US', 'en']
const DEFAULT_ENDPOINT_MS = 300
const IDLE_CHECK_MS = 100
const SETTLED_EVERY_MS = 500
const RETRY_AFTER_MS = 1_000

export class ScriptedRecogniser implements Recogniser {
  readonly name = 'scripted'
  readonly #options: ScriptedRecogniserOptions
  readonly #scope: Scope
  readonly #streams = new Set<ScriptedStream>()
  #opened = 0
  #isClosed = false

  constructor(options: ScriptedRecogniserOptions) {
    this.#options = options
    this.#scope = new Scope(options.clock)
    this.#scope.every(IDLE_CHECK_MS, () => {
      for (const stream of this.#streams) stream.checkIdle(options.clock.nowMs())
    })
  }

  status(): RecogniserStatus {
    const { slots, languages = DEFAULT_LANGUAGES } = this.#options
    const slotsUsed = this.#streams.size
    return { name: this.name, languages, ready: true, slots, slotsUsed, decodersWarm: slots - slotsUsed }
  }

  async start(): Promise<void> {}

  async openStream(
    options: OpenStreamOptions,
    listener: RecognitionListener,
  ): Promise<Result<RecognitionStream, RecogniserRefusal>> {
    const { slots, languages = DEFAULT_LANGUAGES } = this.#options
    const isKnown = languages.some((language) => `${options.language}-`.startsWith(`${language}-`))
    if (!isKnown) {
      const message = `"${options.language}" is not in the script; ${languages.join(', ')} is`
      return err({ code: 'LANGUAGE_UNSUPPORTED', message })
    }
    if (this.#isClosed) return err({ code: 'SPEECH_UNAVAILABLE', message: 'closed', retryAfterMs: RETRY_AFTER_MS })
    if (this.#streams.size >= slots) {
      return err({ code: 'NO_SLOT', message: `all ${slots} slots are taken`, retryAfterMs: RETRY_AFTER_MS })
    }
    const script = this.#options.script(options, this.#opened++)
    if (!script) return err({ code: 'SPEECH_UNAVAILABLE', message: 'no script', retryAfterMs: RETRY_AFTER_MS })
    const stream: ScriptedStream = new ScriptedStream(this.#options, script, options.firstIndex, listener, () =>
      this.#streams.delete(stream),
    )
    this.#streams.add(stream)
    return ok(stream)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#scope.close()
    await Promise.all([...this.#streams].map((stream) => stream.close()))
  }
}

/** The engine's state is the number of utterances settled: enough to see that it was handed on. */
const adaptationAfter = (settled: number): AdaptationState => ({ engine: 'scripted', data: String(settled) })

class ScriptedStream implements RecognitionStream {
  readonly #options: ScriptedRecogniserOptions
  readonly #script: readonly ScriptedUtterance[]
  readonly #listener: RecognitionListener
  readonly #onClosed: () => void
  readonly #endpointMs: number
  readonly #inbox: AudioInbox
  #isOpen = true
  #isScheduled = false
  #utterance: { readonly script: ScriptedUtterance; state: UtteranceState; wordsTold: number } | undefined
  #nextIndex: number
  #nextScript = 0
  #firstHeardMs: number | undefined
  #heardMs = 0
  #settledMs = Number.NEGATIVE_INFINITY
  readonly #pauses = new PauseWatch()

  constructor(
    options: ScriptedRecogniserOptions,
    script: readonly ScriptedUtterance[],
    firstIndex: number,
    listener: RecognitionListener,
    onClosed: () => void,
  ) {
    this.#options = options
    this.#script = script
    this.#nextIndex = firstIndex
    this.#listener = listener
    this.#onClosed = onClosed
    this.#endpointMs = options.endpointMs ?? DEFAULT_ENDPOINT_MS
    this.#inbox = new AudioInbox(this.#endpointMs)
  }

  push(mediaMs: number, samples: Int16Array): void {
    if (!this.#isOpen || samples.length === 0) return
    const nowMs = this.#options.clock.nowMs()
    this.#pauses.heard(nowMs)
    this.#inbox.push(mediaMs, samples)
    this.#schedule()
  }

  flush(flushId: number): void {
    if (!this.#isOpen) return
    this.#inbox.flush(flushId)
    this.#schedule()
  }

  hold(isHeld: boolean): void {
    this.#pauses.hold(isHeld)
  }

  checkIdle(nowMs: number): void {
    if (!this.#pauses.isPause(nowMs)) return
    this.#inbox.idle()
    this.#schedule()
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#inbox.clear()
    this.#onClosed()
  }

  /** Reports come later than the call that caused them, as from a real engine. */
  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      while (this.#isOpen) {
        const item = this.#inbox.shift()
        if (!item) return
        this.#take(item)
      }
    })
  }

  #take(item: InboxItem): void {
    if (item.kind === 'block') {
      this.#firstHeardMs ??= item.startMs
      this.#heardMs = item.endMs
      if (item.endMs >= (this.#options.failAtMs ?? Number.POSITIVE_INFINITY)) this.#fail()
      else this.#hear()
      return
    }
    this.#endSpeech()
    if (item.kind === 'flush') this.#listener.onFlushed(item.flushId, this.#heardMs)
    else if (item.kind === 'idle') this.#settle(this.#heardMs)
  }

  #hear(): void {
    this.#begin()
    const utterance = this.#utterance
    if (!utterance) {
      if (this.#heardMs - this.#settledMs >= SETTLED_EVERY_MS) this.#settle(this.#heardMs)
      return
    }
    const words = this.#wordsSoFar(utterance.script)
    if (words.length > utterance.wordsTold) {
      utterance.wordsTold = words.length
      const stable = stableLength(words, words.length - 1)
      this.#advance({ type: 'hypothesis', text: partialText(words), stable, endMs: this.#heardMs })
    }
    if (this.#heardMs >= utterance.script.endMs + this.#endpointMs) this.#endSpeech()
  }

  /** Opens the next utterance of the script whose time has come; those that were over before the stream began are left out. */
  #begin(): void {
    while (!this.#utterance) {
      const script = this.#script[this.#nextScript]
      if (!script || script.startMs >= this.#heardMs) return
      this.#nextScript++
      if (script.endMs <= (this.#firstHeardMs ?? 0)) continue
      const state = openUtterance(this.#nextIndex++, Math.max(script.startMs, this.#firstHeardMs ?? 0))
      this.#utterance = { script, state, wordsTold: 0 }
    }
  }

  #wordsSoFar({ startMs, endMs, words }: ScriptedUtterance): readonly string[] {
    const said = Math.min(1, (this.#heardMs - startMs) / (endMs - startMs))
    return words.slice(0, Math.floor(said * words.length))
  }

  #endSpeech(): void {
    const utterance = this.#utterance
    if (!utterance) return
    const atMs = this.#options.clock.nowMs()
    const words = this.#wordsSoFar(utterance.script)
    this.#advance({ type: 'speechEnded', endMs: Math.min(this.#heardMs, utterance.script.endMs), atMs })
    this.#settledMs = this.#heardMs
    this.#advance({
      type: 'recognised',
      text: finalText(words),
      settledMs: this.#heardMs,
      atMs,
      adaptation: adaptationAfter(utterance.state.index + 1),
    })
    this.#utterance = undefined
  }

  #settle(untilMs: number): void {
    if (untilMs <= this.#settledMs) return
    this.#settledMs = untilMs
    this.#listener.onSettled(untilMs)
  }

  #advance(event: UtteranceEvent): void {
    if (!this.#utterance || !this.#isOpen) return
    const { state, report } = advanceUtterance(this.#utterance.state, event)
    this.#utterance.state = state
    deliver(report, this.#listener)
  }

  #fail(): void {
    void this.close()
    this.#listener.onFailed('the script says so')
  }
}
