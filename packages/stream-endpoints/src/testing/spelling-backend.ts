// Recognition whose speech tests write sample by sample: a block of 20 ms that holds the value v is the word "w<v>", zero is silence, and
// 300 ms of silence end an utterance. What was said is known exactly, so that a lost, doubled or foreign block shows.
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError } from '@parley/protocol'
import type { OpenRecognition, RecogniseBackend, RecogniseListener, RecogniseStream } from '../backends.ts'

export const SPELLED_SAMPLES = 320
const BLOCK_MS = 20
const ENDPOINT_BLOCKS = 15

/** Samples that say `values`, one block each. */
export function spelled(...values: readonly number[]): Int16Array {
  const samples = new Int16Array(values.length * SPELLED_SAMPLES)
  values.forEach((value, index) => {
    samples.fill(value, index * SPELLED_SAMPLES, (index + 1) * SPELLED_SAMPLES)
  })
  return samples
}

export class SpellingBackend implements RecogniseBackend {
  readonly streams: SpellingStream[] = []
  /** Slots that may be taken. */
  slots = 1_000
  known: readonly string[] = ['en-US']
  /** Answers `refusal`. */
  unavailable: ParleyError | undefined
  /** While set, `open` waits for `letOpen`. */
  isSlow = false
  /** Streams opened while it is set keep what is pushed and do not recognise it. */
  isStuckFromStart = false
  #waiting: (() => void)[] = []

  refusal(): ParleyError | undefined {
    return this.unavailable
  }

  languages(): readonly string[] {
    return this.known
  }

  get slotsUsed(): number {
    return this.streams.filter((stream) => !stream.isClosed).length
  }

  letOpen(): void {
    this.isSlow = false
    for (const go of this.#waiting.splice(0)) go()
  }

  async open(
    options: OpenRecognition,
    listener: RecogniseListener,
    signal: AbortSignal,
  ): Promise<Result<RecogniseStream, ParleyError>> {
    if (this.isSlow) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    if (!this.known.includes(options.language)) {
      const message = `"${options.language}" is not recognised; use ${this.known.join(', ')}`
      return err(new ParleyError('LANGUAGE_UNSUPPORTED', { field: 'language', allowed: this.known, message }))
    }
    if (this.slotsUsed >= this.slots) return err(new ParleyError('NO_SLOT', { retryAfterMs: 200 }))
    const stream = new SpellingStream(options, listener)
    stream.isStuck = this.isStuckFromStart
    if (signal.aborted) await stream.close()
    this.streams.push(stream)
    return ok(stream)
  }
}

export class SpellingStream implements RecogniseStream {
  readonly options: OpenRecognition
  readonly listener: RecogniseListener
  /** All that was pushed, and where it was said to begin. */
  readonly heard: number[] = []
  readonly pushes: { readonly mediaMs: number; readonly samples: number }[] = []
  isClosed = false
  /** While set, what is pushed is kept and not recognised. */
  isStuck = false
  #block: number[] = []
  #nowMs: number | undefined
  #index: number
  #words: string[] = []
  #startMs = 0
  #endMs = 0
  #silentBlocks = 0

  constructor(options: OpenRecognition, listener: RecogniseListener) {
    this.options = options
    this.listener = listener
    this.#index = options.firstIndex
  }

  push(mediaMs: number, samples: Int16Array): void {
    this.#nowMs ??= mediaMs
    this.pushes.push({ mediaMs, samples: samples.length })
    for (const sample of samples) {
      this.heard.push(sample)
      if (this.isStuck) continue
      this.#block.push(sample)
      if (this.#block.length === SPELLED_SAMPLES) this.#endBlock()
    }
  }

  flush(flushId: number): void {
    if (this.#block.length > 0) this.#endBlock()
    this.#endUtterance()
    if (!this.isClosed && !this.isStuck) this.listener.onFlushed(flushId)
  }

  /** As with real engines the slot is free only when this has resolved. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => void setImmediate(resolve))
    this.isClosed = true
  }

  /** Breaks by itself. */
  break(message = 'told to'): void {
    this.isClosed = true
    this.listener.onFailed(message)
  }

  #endBlock(): void {
    const [value = 0] = this.#block
    this.#block = []
    const startMs = this.#nowMs ?? 0
    this.#nowMs = startMs + BLOCK_MS
    if (value === 0) this.#hearSilence()
    else this.#hearWord(value, startMs)
  }

  #hearWord(value: number, startMs: number): void {
    if (this.#words.length === 0) this.#startMs = startMs
    this.#silentBlocks = 0
    this.#endMs = startMs + BLOCK_MS
    this.#words.push(`w${value}`)
    const text = this.#words.join(' ')
    const stable = this.#words.slice(0, -1).join(' ').length
    this.listener.onPartial({ index: this.#index, text, stable, startMs: this.#startMs, endMs: this.#endMs })
  }

  #hearSilence(): void {
    this.#silentBlocks++
    if (this.#words.length > 0 && this.#silentBlocks >= ENDPOINT_BLOCKS) this.#endUtterance()
    else if (this.#words.length === 0) this.listener.onSettled(this.#nowMs ?? 0)
  }

  #endUtterance(): void {
    if (this.#words.length === 0) return
    const text = this.#words.join(' ')
    this.#words = []
    this.listener.onFinal({ index: this.#index++, text, startMs: this.#startMs, endMs: this.#endMs })
  }
}
