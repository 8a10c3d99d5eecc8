export { type Asked, isDue, isOvertaken, PARTIAL_GATE, type PartialGate } from './partial-gate.ts'
export {
  IDLE_LANE,
  type LanePartial,
  type LaneStep,
  onAnswered,
  onOver,
  onPartial,
  onTick,
  type PartialLane,
} from './partial-lane.ts'
