export { type Agreement, type AgreementVerdict, judgeAgreement } from './cpu-agreement.ts'
export { EVENT_COSTS, type EventCosts } from './event-costs.ts'
export { NO_STAGES, StageClock, type StageClockOptions, type StageTimer, type StageTotals } from './stage-clock.ts'
export { collectStageMetrics } from './stage-metrics.ts'
export { type Breakdown, breakDown, coldWakes, type LoopWindow, MachineFactor, predictSystemMs } from './stage-model.ts'
export {
  LOOP_CEILING_RATIO,
  type LoopCounters,
  type LoopSource,
  processLoopSource,
  type StageMonitor,
  type StageMonitorOptions,
  type StageReading,
  type StagesReading,
  startStageMonitor,
} from './stage-monitor.ts'
export { SPAN, SPAN_NAMES, type SpanName, STAGES, type Stage } from './stages.ts'
