// A recogniser whose speech tests write sample by sample: a stretch of blocks that all hold the value v is the word "w<v>",
// zero is silence. What was said is then known exactly, so that a lost or doubled word shows. Some values break it on purpose.
import { type Clock, err, ok, type Result } from '@parley/kernel'
import {
  type OpenStreamOptions,
  RECOGNISER_BLOCK_SAMPLES,
  type Recogniser,
  type RecogniserRefusal,
  type RecogniserStatus,
  type RecognitionListener,
  type RecognitionStream,
} from '@parley/speech'

export const BLOCK_MS = 20
/** Samples of these values make the stream fail, the push throw, the process die. */
export const FAIL_VALUE = -20_001
export const THROW_VALUE = -20_002
export const CRASH_VALUE = -20_003

export interface SpellingOptions {
  readonly slots: number
  readonly languages?: readonly string[]
  readonly endpointMs?: number
  /** How long each open takes; 0 unless told. */
  readonly openMs?: number
}

export class SpellingRecogniser implements Recogniser {
  readonly name = 'spelling'
  readonly #clock: Clock
  readonly #options: SpellingOptions
  readonly #streams = new Set<SpellingStream>()

  constructor(clock: Clock, options: SpellingOptions) {
    this.#clock = clock
    this.#options = options
  }

  status(): RecogniserStatus {
    const { slots, languages = ['en-US'] } = this.#options
    return { name: this.name, languages, ready: true, slots, slotsUsed: this.#streams.size, decodersWarm: slots }
  }

  async start(): Promise<void> {}

  async openStream(
    options: OpenStreamOptions,
    listener: RecognitionListener,
  ): Promise<Result<RecognitionStream, RecogniserRefusal>> {
    const { slots, openMs = 0, endpointMs = 300 } = this.#options
    if (this.#streams.size >= slots) return err({ code: 'NO_SLOT', message: 'all taken', retryAfterMs: 100 })
    const stream = new SpellingStream(options, listener, endpointMs, () => this.#streams.delete(stream))
    this.#streams.add(stream)
    if (openMs > 0) await new Promise<void>((resolve) => void this.#clock.after(openMs, resolve))
    return ok(stream)
  }

  async close(): Promise<void> {
    for (const stream of this.#streams) await stream.close()
  }
}

class SpellingStream implements RecognitionStream {
  readonly #listener: RecognitionListener
  readonly #endpointMs: number
  readonly #onClose: () => void
  readonly #block = new Int16Array(RECOGNISER_BLOCK_SAMPLES)
  #filled = 0
  #nowMs: number | undefined
  #index: number
  #words: string[] = []
  #last = 0
  #startMs = 0
  #endMs = 0
  #silentMs = 0
  #isClosed = false

  constructor(options: OpenStreamOptions, listener: RecognitionListener, endpointMs: number, onClose: () => void) {
    this.#index = options.firstIndex
    this.#listener = listener
    this.#endpointMs = endpointMs
    this.#onClose = onClose
  }

  push(mediaMs: number, samples: Int16Array): void {
    this.#nowMs ??= mediaMs
    const behindMs = mediaMs - this.#nowMs - this.#filled / 16
    for (let gapMs = behindMs; gapMs >= BLOCK_MS; gapMs -= BLOCK_MS) this.#hear(0)
    for (const sample of samples) {
      this.#block[this.#filled++] = sample
      if (this.#filled === RECOGNISER_BLOCK_SAMPLES) this.#endBlock()
    }
  }

  flush(flushId: number): void {
    if (this.#filled > 0) this.#endBlock()
    this.#endUtterance()
    this.#listener.onFlushed(flushId, this.#nowMs ?? 0)
  }

  /** Knows no wall time: nothing to hold. */
  hold(): void {}

  async close(): Promise<void> {
    this.#isClosed = true
    this.#onClose()
  }

  #endBlock(): void {
    // A block that begins with one value and ends with another belongs to the first.
    const value = this.#block[0] as number
    this.#filled = 0
    if (value === FAIL_VALUE) {
      this.#onClose()
      this.#listener.onFailed('told to')
    } else if (value === THROW_VALUE) throw new Error('told to')
    else if (value === CRASH_VALUE) process.kill(process.pid, 'SIGKILL')
    else this.#hear(value)
  }

  #hear(value: number): void {
    if (this.#isClosed) return
    const startMs = this.#nowMs ?? 0
    this.#nowMs = startMs + BLOCK_MS
    if (value !== 0) this.#hearWord(value, startMs)
    else this.#hearSilence()
    this.#last = value
  }

  #hearWord(value: number, startMs: number): void {
    if (this.#words.length === 0) this.#startMs = startMs
    this.#silentMs = 0
    this.#endMs = startMs + BLOCK_MS
    if (value !== this.#last) this.#words.push(`w${value}`)
    const text = this.#words.join(' ')
    const stable = this.#words.slice(0, -1).join(' ').length
    this.#listener.onPartial({ index: this.#index, text, stable, startMs: this.#startMs, endMs: this.#endMs })
  }

  #hearSilence(): void {
    this.#silentMs += BLOCK_MS
    if (this.#words.length > 0 && this.#silentMs >= this.#endpointMs) this.#endUtterance()
    else if (this.#words.length === 0 && this.#silentMs % 200 === 0) this.#listener.onSettled(this.#nowMs ?? 0)
  }

  #endUtterance(): void {
    if (this.#words.length === 0) return
    const text = this.#words.join(' ')
    this.#words = []
    const adaptation = { engine: 'spelling', data: String(this.#index) }
    const times = { startMs: this.#startMs, endMs: this.#endMs, settledMs: this.#nowMs ?? 0, decideMs: 5 }
    this.#listener.onFinal({ index: this.#index++, text, ...times, adaptation })
  }
}
