// Which streams are so far behind that another worker would serve them better. Pure.

/** Audio a stream may be behind before it is moved; an answer to speech comes several times a second. */
export const BEHIND_MS = 5_000
/** Up to this far behind, a worker is in step. */
export const IN_STEP_MS = 1_500
/** A worker that has to catch up gains at least this much media time per time. */
const CATCH_UP_RATIO = 0.5
const FIRST_REST_MS = 30_000
const MAX_REST_MS = 480_000

export interface StreamProgress {
  /** Audio sent to the worker and not answered, in ms of media time. */
  readonly unansweredMs: number
  /** The same when the worker opened the stream: what it had to catch up. */
  readonly backlogMs: number
  readonly sinceOpenedMs: number
}

/** By how much a stream is behind, beyond what it may still have to catch up; never negative (BH1). */
export function behindMs({ unansweredMs, backlogMs, sinceOpenedMs }: StreamProgress): number {
  const allowedMs = Math.max(0, backlogMs - sinceOpenedMs * CATCH_UP_RATIO)
  return Math.max(0, unansweredMs - allowedMs)
}

/** How long a stream that was moved `moves` times for being behind stays where it is (BH3). */
export function restMs(moves: number): number {
  return moves === 0 ? 0 : Math.min(MAX_REST_MS, FIRST_REST_MS * 2 ** (moves - 1))
}

/** How far behind the streams of one worker are, those that audio flows to; empty when there are none. */
export type WorkerLags = readonly number[]

/**
 * True when a stream that is `streamMs` behind would be served better elsewhere (BH2): `own` are the lags of all streams of its worker, `others`
 * those of each other worker that has room for it.
 */
export function isBetterElsewhere(streamMs: number, own: WorkerLags, others: readonly WorkerLags[]): boolean {
  if (streamMs < BEHIND_MS) return false
  if (own.some((lagMs) => lagMs < IN_STEP_MS)) return false
  return others.some((lags) => lags.every((lagMs) => lagMs < IN_STEP_MS))
}
