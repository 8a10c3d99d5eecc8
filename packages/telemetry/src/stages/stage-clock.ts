// Times and counts the spans of one event loop. Frequent spans are sampled, so that a pair of enter and leave costs a few
// nanoseconds when it is not timed; counts are exact. It knows nothing of sessions, sockets or what is done with the numbers.
import { SPAN_COUNT, SPAN_ENTRIES } from './stages.ts'

/** What instrumented code sees. Spans do not last across an await. */
export interface StageTimer {
  /** A span (`SPAN.wsIn`) begins; inside another one its time is its own and not the outer one's. */
  enter(span: number): void
  /** The newest span ends. */
  leave(): void
  /** `items` of `span` were handled: the frames of one drain. */
  count(span: number, items: number): void
}

/** Since start, by span number. */
export interface StageTotals {
  /** Time inside the span and not inside a nested one or a collector's pause; estimated from samples. */
  readonly selfMs: Float64Array
  readonly entered: Float64Array
  readonly items: Float64Array
}

/** For code that nobody measures. */
export const NO_STAGES: StageTimer = { enter() {}, leave() {}, count() {} }

/** Spans within spans that are told apart; deeper ones count, and their time is the outer one's. */
const MAX_DEPTH = 16
/** A piece of a span that lasts longer may hold a pause of the collector, which is told only afterwards. */
const SUSPECT_MS = 0.1
const SUSPECTS = 64
const FIELDS = 4

export interface StageClockOptions {
  /** Monotonic milliseconds; performance.now unless told. */
  readonly nowMs?: () => number
  /** What reading that clock costs, taken off every timed piece; measured unless told. */
  readonly readingCostMs?: number
  /** Seed of the sampling. */
  readonly seed?: number
}

export class StageClock implements StageTimer {
  readonly #nowMs: () => number
  readonly #readingCostMs: number
  readonly #selfMs = new Float64Array(SPAN_COUNT)
  readonly #entered = new Float64Array(SPAN_COUNT)
  readonly #items = new Float64Array(SPAN_COUNT)
  /** Outermost entries until the next timed one. */
  readonly #untilTimed = new Int32Array(SPAN_COUNT)
  readonly #period = Int32Array.from(SPAN_ENTRIES, (entry) => entry.timeOneIn)
  readonly #stack = new Uint8Array(MAX_DEPTH)
  #depth = 0
  /** Entries that the present timed one stands for; 0: what runs now is not timed. */
  #weight = 0
  #sinceMs = 0
  #random: number
  #unbalanced = 0
  /** The last long pieces: from, until, span, weight. */
  readonly #suspects = new Float64Array(SUSPECTS * FIELDS)
  #nextSuspect = 0

  constructor(options: StageClockOptions = {}) {
    this.#nowMs = options.nowMs ?? (() => performance.now())
    this.#readingCostMs = options.readingCostMs ?? measureReadingMs(this.#nowMs)
    this.#random = (options.seed ?? 0x2545f491) | 1
    // Not the very first: it runs while the code is cold, and would stand for others that do not.
    for (let span = 0; span < SPAN_COUNT; span++) {
      this.#untilTimed[span] = 1 + (this.#nextRandom() % (this.#period[span] as number))
    }
  }

  /** Spans that had no end when the loop turned; each is a fault of the code that entered it. */
  get unbalancedTotal(): number {
    return this.#unbalanced
  }

  enter(span: number): void {
    this.#entered[span] = (this.#entered[span] as number) + 1
    const depth = this.#depth++
    if (depth === 0) {
      const left = (this.#untilTimed[span] as number) - 1
      if (left > 0) this.#untilTimed[span] = left
      else this.#begin(span)
    } else if (this.#weight !== 0 && depth < MAX_DEPTH) {
      this.#book(depth - 1)
      this.#stack[depth] = span
    }
  }

  leave(): void {
    const depth = --this.#depth
    if (depth < 0) {
      this.#depth = 0
      this.#unbalanced++
      return
    }
    if (this.#weight === 0 || depth >= MAX_DEPTH) return
    this.#book(depth)
    if (depth === 0) this.#weight = 0
  }

  count(span: number, items: number): void {
    this.#items[span] = (this.#items[span] as number) + items
  }

  /**
   * A pause of the collector is over. What of it lay inside timed spans is taken from them: it is nobody's handler. Times as
   * `nowMs` gives them; to be told within SUSPECTS long pieces.
   */
  onGarbageCollected(startMs: number, durationMs: number): void {
    const endMs = startMs + durationMs
    const suspects = this.#suspects
    for (let at = 0; at < suspects.length; at += FIELDS) {
      const overlapMs = Math.min(endMs, suspects[at + 1] as number) - Math.max(startMs, suspects[at] as number)
      if (overlapMs <= 0) continue
      const span = suspects[at + 2] as number
      this.#selfMs[span] = (this.#selfMs[span] as number) - overlapMs * (suspects[at + 3] as number)
    }
  }

  /**
   * Call where no span can be open (from a timer). Spans left open by a fault are closed and counted, so that one bad handler
   * does not spoil what follows.
   */
  settle(): void {
    if (this.#depth === 0) return
    this.#depth = 0
    this.#weight = 0
    this.#unbalanced++
  }

  /** A copy. */
  totals(): StageTotals {
    return { selfMs: this.#selfMs.slice(), entered: this.#entered.slice(), items: this.#items.slice() }
  }

  #begin(span: number): void {
    const period = this.#period[span] as number
    // A random gap with the right mean: sessions come round in a fixed order, and a fixed gap would meet the same ones again.
    this.#untilTimed[span] = period === 1 ? 1 : 1 + (this.#nextRandom() % (2 * period - 1))
    this.#weight = period
    this.#stack[0] = span
    this.#sinceMs = this.#nowMs()
  }

  /** Books the time since the last boundary on the span at `depth`. */
  #book(depth: number): void {
    const nowMs = this.#nowMs()
    const sinceMs = this.#sinceMs
    const span = this.#stack[Math.min(depth, MAX_DEPTH - 1)] as number
    const pieceMs = Math.max(0, nowMs - sinceMs - this.#readingCostMs)
    this.#selfMs[span] = (this.#selfMs[span] as number) + pieceMs * this.#weight
    if (pieceMs > SUSPECT_MS) this.#suspect(sinceMs, nowMs, span)
    this.#sinceMs = nowMs
  }

  #suspect(fromMs: number, untilMs: number, span: number): void {
    const at = this.#nextSuspect * FIELDS
    this.#suspects[at] = fromMs
    this.#suspects[at + 1] = untilMs
    this.#suspects[at + 2] = span
    this.#suspects[at + 3] = this.#weight
    this.#nextSuspect = (this.#nextSuspect + 1) % SUSPECTS
  }

  /** xorshift32; not for secrets. */
  #nextRandom(): number {
    let value = this.#random
    value ^= value << 13
    value ^= value >>> 17
    value ^= value << 5
    this.#random = value
    return value >>> 0
  }
}

/** The quickest of a few batches: what is above it was something else's time. */
function measureReadingMs(nowMs: () => number): number {
  const READINGS = 256
  let best = Number.POSITIVE_INFINITY
  for (let batch = 0; batch < 5; batch++) {
    const startMs = nowMs()
    for (let reading = 1; reading < READINGS; reading++) nowMs()
    best = Math.min(best, (nowMs() - startMs) / READINGS)
  }
  return best
}
