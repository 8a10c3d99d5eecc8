// What a stream was given and has not yet heard: audio of any length in, 20 ms blocks on the client's clock out, with the points
// at which speech must end kept in their place. Bounded; knows nothing of decoders.
import { BoundedQueue } from '@parley/kernel'
import { RECOGNISER_BLOCK_SAMPLES, RECOGNISER_RATE_HZ } from './recogniser.ts'

export interface AudioBlock {
  readonly kind: 'block'
  /** Media time of its first and after its last sample; shorter than a block apart when the rest is padding. */
  readonly startMs: number
  readonly endMs: number
  /** RECOGNISER_BLOCK_SAMPLES samples. */
  readonly samples: Int16Array
  /** When its last sample came, on the clock of whoever pushed it. */
  readonly arrivedAtMs: number
}

export type InboxItem =
  | AudioBlock
  /** Media time jumps here: whatever was being said is over. */
  | { readonly kind: 'gap' }
  /** Nothing has come for a while: whatever was being said is over. */
  | { readonly kind: 'idle' }
  | { readonly kind: 'flush'; readonly flushId: number }

const SAMPLES_PER_MS = RECOGNISER_RATE_HZ / 1000
/** Media times are rounded on their way; half a block off is still the next sample. */
const TOLERANCE_SAMPLES = RECOGNISER_BLOCK_SAMPLES / 2
/** 30 s of blocks. */
export const INBOX_CAPACITY_BLOCKS = 1_500

export class AudioInbox {
  readonly #items = new BoundedQueue<InboxItem>({ capacity: INBOX_CAPACITY_BLOCKS, overflow: 'drop-oldest' })
  readonly #bridgeSamples: number
  /** The block being filled. */
  #block = new Int16Array(RECOGNISER_BLOCK_SAMPLES)
  #filled = 0
  #blockStart = 0
  /** Media sample after the last one taken; undefined before the first. */
  #next: number | undefined
  #pushedAtMs = 0

  /** A gap in media time shorter than `bridgeMs` becomes silence of that length; a longer one ends what is being said. */
  constructor(bridgeMs: number) {
    this.#bridgeSamples = bridgeMs * SAMPLES_PER_MS
  }

  /** Items waiting. */
  get length(): number {
    return this.#items.length
  }

  /** Items lost because nobody took them in time. */
  get dropped(): number {
    return this.#items.dropped
  }

  /** When the oldest block that waits arrived; undefined when none waits. */
  get oldestArrivalMs(): number | undefined {
    const oldest = this.#items.peek()
    return oldest?.kind === 'block' ? oldest.arrivedAtMs : undefined
  }

  /** Samples that begin at `mediaMs`; what lies before audio already taken is left out. They are copied. `nowMs` is when they came. */
  push(mediaMs: number, samples: Int16Array, nowMs = 0): void {
    this.#pushedAtMs = nowMs
    const start = Math.round(mediaMs * SAMPLES_PER_MS)
    this.#next ??= start
    if (this.#filled === 0 && this.#blockStart !== this.#next) this.#blockStart = this.#next
    const ahead = start - this.#next
    let from = 0
    if (ahead > TOLERANCE_SAMPLES) this.#skipTo(start, ahead)
    else if (ahead < -TOLERANCE_SAMPLES) from = -ahead
    if (from < samples.length) this.#append(from === 0 ? samples : samples.subarray(from))
  }

  /** Speech ends here, and `flushId` is to be answered. */
  flush(flushId: number): void {
    this.#completeBlock()
    this.#items.push({ kind: 'flush', flushId })
  }

  /** Speech ends here because nothing more came. */
  idle(): void {
    this.#completeBlock()
    this.#items.push({ kind: 'idle' })
  }

  shift(): InboxItem | undefined {
    return this.#items.shift()
  }

  clear(): void {
    this.#items.clear()
    this.#filled = 0
  }

  #skipTo(start: number, gap: number): void {
    if (gap < this.#bridgeSamples) {
      this.#append(new Int16Array(gap))
      return
    }
    this.#completeBlock()
    this.#items.push({ kind: 'gap' })
    this.#next = start
    this.#blockStart = start
  }

  #append(samples: Int16Array): void {
    let at = 0
    while (at < samples.length) {
      const taken = Math.min(samples.length - at, RECOGNISER_BLOCK_SAMPLES - this.#filled)
      this.#block.set(samples.subarray(at, at + taken), this.#filled)
      this.#filled += taken
      at += taken
      if (this.#filled === RECOGNISER_BLOCK_SAMPLES) this.#emitBlock()
    }
    this.#next = this.#blockStart + this.#filled
  }

  /** Pads the block being filled with silence: what follows does not belong to the same sound. */
  #completeBlock(): void {
    if (this.#filled > 0) this.#emitBlock()
  }

  #emitBlock(): void {
    const startMs = this.#blockStart / SAMPLES_PER_MS
    this.#blockStart += this.#filled
    const endMs = this.#blockStart / SAMPLES_PER_MS
    this.#items.push({ kind: 'block', startMs, endMs, samples: this.#block, arrivedAtMs: this.#pushedAtMs })
    this.#block = new Int16Array(RECOGNISER_BLOCK_SAMPLES)
    this.#filled = 0
  }
}
