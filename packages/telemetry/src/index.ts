/** Seeing inside: metric catalogue and registry, loop monitor, loop time by stage, process figures, logger. */
export { createLogger, type LoggerOptions, type LogLevel, type ProcessLogger } from './logger.ts'
export * from './logger-port.ts'
export { type LoopMonitor, type LoopMonitorOptions, type LoopReading, startLoopMonitor } from './loop-monitor.ts'
export {
  type CollectedHistogramName,
  type CollectedName,
  METRIC_NAMES,
  METRICS,
  type MetricEntry,
  type MetricName,
  type MetricType,
  WORKER_METRIC_NAMES,
} from './metric-names.ts'
export { createMetrics, type HttpSample, type HttpTotals, type Metrics, type Reading } from './metrics.ts'
export { collectProcessMetrics, type ProcessMetricsOptions } from './process-metrics.ts'
export { countOpenHandles, type ProcessStats, readProcessStats } from './process-stats.ts'
export { maskSecrets, redact } from './redaction.ts'
export * from './stages/index.ts'
