// How far a backlog may run ahead of what the platform has settled: a pod and a worker hold half a minute of a stream, and many
// clients catch up at once when a network comes back. Decides; what is sent and when it is tried is AudioOut's.
import { TokenBucket } from '@parley/kernel'

/** Beyond the settled audio, ms. An utterance is cut at 20 s: with this much the platform can always settle more. */
export const SEND_WINDOW_MS = 22_000
/** Nothing was settled for this long while a backlog waited, ms: nobody recognises now, and waiting helps nobody. */
export const WINDOW_STUCK_MS = 10_000
/** Of what leaves at true pace then, ms. */
const STUCK_BURST_MS = 500

export class SendWindow {
  readonly #samples: number
  readonly #frameMs: number
  readonly #truePace = new TokenBucket(1_000, STUCK_BURST_MS, 0)
  /** Sample up to which this platform has settled; undefined while it has told none on this attach: no window. */
  #settled: number | undefined
  #closedAtMs: number | undefined

  constructor(sampleRateHz: number, frameMs: number) {
    this.#samples = (SEND_WINDOW_MS * sampleRateHz) / 1_000
    this.#frameMs = frameMs
  }

  /** A new attach, and what its welcome says of settled audio. */
  attach(settledMediaTime: number | undefined): void {
    this.#settled = settledMediaTime
    this.#closedAtMs = undefined
  }

  settle(mediaTime: number): void {
    if (this.#settled !== undefined && mediaTime <= this.#settled) return
    this.#settled = mediaTime
    this.#closedAtMs = undefined
  }

  /** May a frame of the backlog go when `unsettled` samples have gone before it? */
  admits(unsettled: number, nowMs: number): boolean {
    if (this.#settled === undefined || unsettled < this.#samples) return true
    this.#closedAtMs ??= nowMs
    return nowMs - this.#closedAtMs >= WINDOW_STUCK_MS && this.#truePace.take(this.#frameMs, nowMs)
  }
}
