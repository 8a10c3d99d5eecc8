// Whether a worker that could take streams should not: from what it measures of itself, with hysteresis. Pure.

export interface LoadSample {
  /** How long the oldest audio has waited to be recognised. */
  readonly recogniseWaitMs: number
  /** How long the speech that has waited longest for its next audio has waited. */
  readonly synthesiseWaitMs: number
  /** CPU time of the process per time and core it may use: 1 = all of them busy. */
  readonly cpuBusyRatio: number
  /** No stream is held: whatever made it slow is gone. */
  readonly isIdle: boolean
}

export interface Overload {
  readonly isOverloaded: boolean
  /** Since when the evidence has been for the other state; undefined while it is not. */
  readonly turningSinceMs: number | undefined
}

export const NOT_OVERLOADED: Overload = { isOverloaded: false, turningSinceMs: undefined }

/** A wait that no live stream should have: captions are late by as much. */
const LONG_WAIT_MS = 1_500
/** With every core busy a shorter one tells as much. */
const BUSY_WAIT_MS = 500
const BUSY_CPU_RATIO = 0.95
/** What is caught up is below this. */
const SHORT_WAIT_MS = 300
/**
 * The long wait must last: a stream taken over from another worker brings up to 20 s of audio at once, which an idle core hears in
 * three seconds, more than LONG_WAIT_MS behind for less than two of them.
 */
const ENTER_AFTER_MS = 2_000
const LEAVE_AFTER_MS = 3_000

/** The judgement at `nowMs`; to be asked a few times per second. */
export function judge(before: Overload, sample: LoadSample, nowMs: number): Overload {
  if (before.isOverloaded && sample.isIdle && isCalm(sample)) return NOT_OVERLOADED
  const isTurning = before.isOverloaded ? isCalm(sample) : isTooMuch(sample)
  if (!isTurning) return before.turningSinceMs === undefined ? before : { ...before, turningSinceMs: undefined }
  const sinceMs = before.turningSinceMs ?? nowMs
  const afterMs = before.isOverloaded ? LEAVE_AFTER_MS : ENTER_AFTER_MS
  if (nowMs - sinceMs < afterMs) return { ...before, turningSinceMs: sinceMs }
  return { isOverloaded: !before.isOverloaded, turningSinceMs: undefined }
}

function longestWaitMs({ recogniseWaitMs, synthesiseWaitMs }: LoadSample): number {
  return Math.max(recogniseWaitMs, synthesiseWaitMs)
}

function isTooMuch(sample: LoadSample): boolean {
  const limitMs = sample.cpuBusyRatio >= BUSY_CPU_RATIO ? BUSY_WAIT_MS : LONG_WAIT_MS
  return longestWaitMs(sample) >= limitMs
}

const isCalm = (sample: LoadSample): boolean => longestWaitMs(sample) < SHORT_WAIT_MS
