// The metrics every member process has: build, CPU, memory, handles, event loop.
import type { LoopMonitor } from './loop-monitor.ts'
import type { Metrics } from './metrics.ts'
import { countOpenHandles, type ProcessStats, readProcessStats } from './process-stats.ts'

export interface ProcessMetricsOptions {
  readonly version: string
  readonly member: 'pod' | 'worker'
  readonly startedAtWallMs: number
  readonly loop: LoopMonitor
  /** For tests; the real process unless told. */
  readonly read?: () => ProcessStats
}

export function collectProcessMetrics(metrics: Metrics, options: ProcessMetricsOptions): void {
  const read = options.read ?? readProcessStats
  const { loop, version, member } = options
  metrics.collect('parley_build_info', () => [{ labels: { version, member, node: process.version }, value: 1 }])
  metrics.collect('parley_process_start_time_seconds', () => options.startedAtWallMs / 1000)
  metrics.collect('parley_process_cpu_seconds_total', () => {
    const { cpuUserMs, cpuSystemMs } = read()
    return [
      { labels: { mode: 'user' }, value: cpuUserMs / 1000 },
      { labels: { mode: 'system' }, value: cpuSystemMs / 1000 },
    ]
  })
  metrics.collect('parley_process_resident_memory_bytes', () => read().rssBytes)
  metrics.collect('parley_process_heap_used_bytes', () => read().heapUsedBytes)
  metrics.collect('parley_process_heap_size_bytes', () => read().heapSizeBytes)
  metrics.collect('parley_process_external_memory_bytes', () => read().externalBytes)
  metrics.collect('parley_process_array_buffers_bytes', () => read().arrayBuffersBytes)
  metrics.collect('parley_process_open_handles', () =>
    Object.entries(countOpenHandles()).map(([kind, value]) => ({ labels: { kind }, value })),
  )
  metrics.collect('parley_loop_utilisation_ratio', () => loop.read().utilisationRatio)
  metrics.collect('parley_loop_active_seconds_total', () => loop.read().activeMs / 1000)
  metrics.collect('parley_loop_idle_seconds_total', () => loop.read().idleMs / 1000)
  metrics.collect('parley_loop_delay_p50_seconds', () => loop.read().delayP50Ms / 1000)
  metrics.collect('parley_loop_delay_p99_seconds', () => loop.read().delayP99Ms / 1000)
  metrics.collect('parley_loop_delay_max_seconds', () => loop.read().delayMaxMs / 1000)
}
