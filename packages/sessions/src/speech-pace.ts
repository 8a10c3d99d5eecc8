// How far ahead of its being heard a speech may run. Pure arithmetic over the instants of one session's speeches.

/** How far ahead audio is sent unless told, ms: what a stall of the network may take before it is heard. */
export const SPEECH_LEAD_MS = 400
/** Audio allowed and not yet here, ms: what a pod holds at most for a client that stops taking it. */
export const SPEECH_WINDOW_MS = 1_000
/** Less than this is not worth a message, ms; only the first word is. */
const SPEECH_STEP_MS = 100

export interface PaceInput {
  readonly nowMs: number
  /** When what was sent before will have been heard, on the same clock. */
  readonly heardUntilMs: number
  /** Where in the speech this hearing begins, ms. */
  readonly fromMs: number
  /** When it begins to be heard (`heardFromMs`); undefined before its first audio. */
  readonly startedAtMs: number | undefined
  readonly leadMs: number
  /** Position of the audio that is here, ms. */
  readonly receivedMs: number
  /** What was allowed so far, ms. */
  readonly grantedMs: number
}

/**
 * Position up to which audio of a speech may come; not less than `grantedMs`, which is also the answer when a little more is not worth
 * saying. Real time plus the lead, counted from when the speech before it has been heard, and never further than the window.
 */
export function speechCreditMs(pace: PaceInput): number {
  const { nowMs, heardUntilMs, fromMs, startedAtMs, leadMs, receivedMs, grantedMs } = pace
  const heardAtMs = startedAtMs ?? heardFromMs(nowMs, heardUntilMs, leadMs)
  const paceMs = fromMs + (nowMs - heardAtMs) + leadMs
  const creditMs = Math.floor(Math.min(paceMs, receivedMs + SPEECH_WINDOW_MS))
  const isWorthIt = creditMs - grantedMs >= SPEECH_STEP_MS || (grantedMs === fromMs && creditMs > grantedMs)
  return isWorthIt ? creditMs : grantedMs
}

/**
 * When a speech whose first audio is here at `nowMs` will begin to be heard: behind what still waits to be heard, which is part of the
 * lead. What an earlier speech was sent further ahead than `leadMs` counts as no more than that.
 */
export function heardFromMs(nowMs: number, heardUntilMs: number, leadMs: number): number {
  return Math.max(nowMs, Math.min(heardUntilMs, nowMs + leadMs))
}
