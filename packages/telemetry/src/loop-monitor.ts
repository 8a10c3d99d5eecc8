// How busy and how late the event loop is, over fixed windows. It reports; it decides nothing.
import { eventLoopUtilization, monitorEventLoopDelay } from 'node:perf_hooks'
import type { Scope } from '@parley/kernel'

/** The last full window (the running one until there is a full one). */
export interface LoopReading {
  /** 0 = idle, 1 = never idle. */
  readonly utilisationRatio: number
  /** How late timers fired: 0 on a loop that is never held up. */
  readonly delayP50Ms: number
  readonly delayP99Ms: number
  readonly delayMaxMs: number
  /** Since the process started. */
  readonly activeMs: number
  readonly idleMs: number
}

export interface LoopMonitor {
  read(): LoopReading
}

export interface LoopMonitorOptions {
  /** Length of a window; 5,000 ms unless told. */
  readonly windowMs?: number
  /** How often the delay is sampled; 10 ms unless told (about 0.2 % of a core). */
  readonly resolutionMs?: number
}

type Window = Omit<LoopReading, 'activeMs' | 'idleMs'>

/** Starts measuring; `scope` owns the timer and the sampler. */
export function startLoopMonitor(scope: Scope, options: LoopMonitorOptions = {}): LoopMonitor {
  const windowMs = options.windowMs ?? 5_000
  const resolutionMs = options.resolutionMs ?? 10
  const delay = monitorEventLoopDelay({ resolution: resolutionMs })
  delay.enable()
  scope.own(() => void delay.disable())

  let startedAt = eventLoopUtilization()
  const window = (): Window => ({
    utilisationRatio: eventLoopUtilization(startedAt).utilization,
    delayP50Ms: latenessMs(delay.percentile(50), resolutionMs, delay.count),
    delayP99Ms: latenessMs(delay.percentile(99), resolutionMs, delay.count),
    delayMaxMs: latenessMs(delay.max, resolutionMs, delay.count),
  })
  let last: Window | undefined
  scope.every(windowMs, () => {
    last = window()
    startedAt = eventLoopUtilization()
    delay.reset()
  })
  return {
    read() {
      const { active, idle } = eventLoopUtilization()
      return { ...(last ?? window()), activeMs: active, idleMs: idle }
    },
  }
}

/** The sampler records the whole interval between two of its timers; the interval it asked for is not lateness. */
export function latenessMs(intervalNs: number, resolutionMs: number, samples: number): number {
  return samples === 0 ? 0 : Math.max(0, intervalNs / 1e6 - resolutionMs)
}
