// Where a too long utterance is cut (UT5): between two words, as near as can be to its quietest moment, so that no word is lost
// and none said twice. Pure.

/** A word or filler of a segmentation, in frames (both inclusive), in order. */
export interface TimedWord {
  readonly word: string
  readonly isFiller: boolean
  readonly firstFrame: number
  readonly lastFrame: number
}

export interface CutPoint {
  /** First frame of what comes after the cut. */
  readonly frame: number
  /** The words before it. */
  readonly words: readonly string[]
}

/** Undefined when there is no place between two words at `earliestFrame` or later. */
export function chooseCut(
  segments: readonly TimedWord[],
  quietestFrame: number,
  earliestFrame: number,
): CutPoint | undefined {
  let best: number | undefined
  for (const frame of boundaries(segments)) {
    if (frame < earliestFrame) continue
    if (best === undefined || Math.abs(frame - quietestFrame) < Math.abs(best - quietestFrame)) best = frame
  }
  if (best === undefined) return undefined
  const frame = best
  const words = segments.filter(({ isFiller, lastFrame }) => !isFiller && lastFrame < frame).map(({ word }) => word)
  return { frame, words }
}

/** Between words that touch; within a pause every frame, so that the cut leaves silence on both sides. */
function* boundaries(segments: readonly TimedWord[]): Generator<number> {
  for (let at = 1; at < segments.length; at++) {
    const { isFiller, firstFrame, lastFrame } = segments[at] as TimedWord
    yield firstFrame
    if (isFiller) for (let frame = firstFrame + 1; frame <= lastFrame; frame++) yield frame
  }
}
