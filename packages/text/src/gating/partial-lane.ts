// One kind of work on the partials of one session (a translation into one language, or polishing): at most one question is under way, the
// newest text wins, and a question nobody waits for any more is called off. Pure decisions; whoever holds the lane asks and cancels.
//
//   question    | partial                        | answered            | tick                | over (final, abandoned)
//   ------------+--------------------------------+---------------------+---------------------+------------------------
//   none        | ask when due, else keep newest | -                   | ask newest when due | forget
//   under way   | keep newest; replace when the  | ask newest when due | replace when due    | cancel
//               | gate is open and it overtook   |                     | and overtaken       |
import { type Asked, isDue, isOvertaken } from './partial-gate.ts'

export interface PartialLane<Caption> {
  /** Of the utterance it is about; no question about an earlier one is asked any more. */
  readonly index: number
  readonly asked: Asked | undefined
  readonly isUnderWay: boolean
  /** The newest caption nothing was asked about yet. */
  readonly waiting: LanePartial<Caption> | undefined
}

export interface LanePartial<Caption> {
  readonly index: number
  readonly text: string
  readonly caption: Caption
}

/** First call off what is under way, then ask; either may be absent. */
export interface LaneStep<Caption> {
  readonly lane: PartialLane<Caption>
  readonly cancels: boolean
  readonly ask: LanePartial<Caption> | undefined
}

export const IDLE_LANE: PartialLane<never> = { index: -1, asked: undefined, isUnderWay: false, waiting: undefined }

export function onPartial<Caption>(
  lane: PartialLane<Caption>,
  partial: LanePartial<Caption>,
  nowMs: number,
): LaneStep<Caption> {
  if (partial.index < lane.index) return stay(lane)
  if (partial.index === lane.index) return decide({ ...lane, waiting: partial }, nowMs)
  const begun = { index: partial.index, asked: undefined, isUnderWay: false, waiting: partial }
  return { ...decide(begun, nowMs), cancels: lane.isUnderWay }
}

/** The question under way has come to its end, whatever that was. */
export function onAnswered<Caption>(lane: PartialLane<Caption>, nowMs: number): LaneStep<Caption> {
  return decide({ ...lane, isUnderWay: false }, nowMs)
}

export function onTick<Caption>(lane: PartialLane<Caption>, nowMs: number): LaneStep<Caption> {
  return decide(lane, nowMs)
}

/** The utterance has its final, or will have none: nothing of its partials is wanted any more. */
export function onOver<Caption>(lane: PartialLane<Caption>, index: number): LaneStep<Caption> {
  if (index < lane.index) return stay(lane)
  // Partials that were on their way when it ended come behind it and are of an index that is over.
  const lanes: PartialLane<Caption> = { index: index + 1, asked: undefined, isUnderWay: false, waiting: undefined }
  return { lane: lanes, cancels: lane.isUnderWay, ask: undefined }
}

function decide<Caption>(lane: PartialLane<Caption>, nowMs: number): LaneStep<Caption> {
  const { waiting, asked, isUnderWay } = lane
  if (!waiting || !isDue(asked, waiting.text, nowMs)) return stay(lane)
  if (isUnderWay && asked && !isOvertaken(asked, waiting.text, nowMs)) return stay(lane)
  const next = { ...lane, asked: { text: waiting.text, atMs: nowMs }, isUnderWay: true, waiting: undefined }
  return { lane: next, cancels: isUnderWay, ask: waiting }
}

const stay = <Caption>(lane: PartialLane<Caption>): LaneStep<Caption> => ({ lane, cancels: false, ask: undefined })
