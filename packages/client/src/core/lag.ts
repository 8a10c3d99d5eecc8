// How long a final took: from the instant its last speech frame should have been sent to the instant it was received.
// Counted from the intended instant, so that a sender that falls behind is not flattered (no coordinated omission).

interface Anchor {
  /** Media time of the first sample of a frame, ms. */
  readonly mediaMs: number
  /** When that frame should have left, monotonic ms. */
  readonly intendedAtMs: number
}

const MAX_ANCHORS = 32
const ROUNDING_MS = 0.001

/**
 * Media time of the first sample of the frame that holds the audio just before `endMs`, on the grid of frames that begins at
 * `originMs`. All in ms of media time.
 */
export function lastFrameStartMs(endMs: number, frameMs: number, originMs = 0): number {
  const index = Math.ceil((endMs - originMs - ROUNDING_MS) / frameMs) - 1
  return originMs + Math.max(0, index) * frameMs
}

/** `lagMs` of a final: received minus intended, both monotonic ms; never below 0. */
export function lagMs(receivedAtMs: number, intendedAtMs: number): number {
  return Math.max(0, receivedAtMs - intendedAtMs)
}

/** The schedule one sender of audio keeps: frame at media time m is due at the anchor's instant + (m - anchor's media time). */
export class LagTracker {
  readonly #frameMs: number
  #anchors: Anchor[] = []

  constructor(frameMs: number) {
    this.#frameMs = frameMs
  }

  /**
   * The frame that begins at `mediaMs` is intended to be sent at `intendedAtMs` (monotonic). Once for the first frame, and again
   * whenever the sender starts anew after a pause that media time did not count. Media time must rise.
   */
  anchor(mediaMs: number, intendedAtMs: number): void {
    this.#anchors.push({ mediaMs, intendedAtMs })
    if (this.#anchors.length > MAX_ANCHORS) this.#anchors.shift()
  }

  /** When the frame with the last audio before `endMs` (media time) was due, monotonic ms; undefined before the first frame. */
  intendedAtMs(endMs: number): number | undefined {
    const anchor = this.#anchors.findLast((candidate) => candidate.mediaMs < endMs) ?? this.#anchors[0]
    if (!anchor) return undefined
    return anchor.intendedAtMs + lastFrameStartMs(endMs, this.#frameMs, anchor.mediaMs) - anchor.mediaMs
  }

  /** Lag of a final whose last speech ends at `endMs` and that was received at `receivedAtMs` (monotonic). */
  lagMs(endMs: number, receivedAtMs: number): number | undefined {
    const intendedAtMs = this.intendedAtMs(endMs)
    return intendedAtMs === undefined ? undefined : lagMs(receivedAtMs, intendedAtMs)
  }
}
