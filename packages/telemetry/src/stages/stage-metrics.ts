// The metrics of the loop by stage.
import type { Metrics } from '../metrics.ts'
import type { StageMonitor } from './stage-monitor.ts'
import { STAGES, type Stage } from './stages.ts'

export function collectStageMetrics(metrics: Metrics, monitor: StageMonitor): void {
  const byStage = (values: Readonly<Record<Stage, number>>) =>
    STAGES.map((stage) => ({ labels: { stage }, value: values[stage] }))
  metrics.collect('parley_loop_stage_seconds_total', () => byStage(monitor.secondsTotal()))
  metrics.collect('parley_loop_stage_events_total', () => byStage(monitor.eventsTotal()))
  metrics.collect('parley_loop_turns_total', () => monitor.turnsTotal)
  metrics.collect('parley_loop_thread_cpu_seconds_total', () => monitor.threadCpuSecondsTotal)
  metrics.collect('parley_loop_cpu_difference_ratio', () => monitor.read().agreement.differenceRatio)
  metrics.collect('parley_loop_explained_ratio', () => monitor.read().explainedRatio)
  metrics.collect('parley_loop_machine_factor_ratio', () => monitor.read().machineFactor)
  metrics.collect('parley_loop_session_cost_ratio', () => (monitor.read().usPerSessionSecond ?? 0) / 1e6)
  metrics.collect('parley_loop_headroom_ratio', () => monitor.read().headroomRatio)
}
