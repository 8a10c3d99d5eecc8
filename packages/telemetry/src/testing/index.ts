export { collectingLogger, type LogLine } from './collecting-logger.ts'
export { checkMetrics, findPromtool, type Promtool } from './promtool.ts'
