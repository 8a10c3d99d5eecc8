// How long the fake provider thinks, by the median and the 95th percentile of the real one. Pure.
import type { Random } from '@parley/kernel'

export interface Latency {
  readonly p50Ms: number
  readonly p95Ms: number
}

/** Quantile 0.95 of the normal distribution. */
const Z95 = 1.6449
const MAX_SPREAD = 20

/** A waiting time in ms, log-normal, so that a few are much longer than most; at most MAX_SPREAD times the median. */
export function nextLatencyMs({ p50Ms, p95Ms }: Latency, random: Random): number {
  if (!(p50Ms > 0)) return 0
  const spread = Math.log(Math.max(1, p95Ms / p50Ms)) / Z95
  // Box-Muller; two numbers are taken each time, so that the sequence does not depend on the settings.
  const radius = Math.sqrt(-2 * Math.log(Math.max(random(), 1e-12)))
  const normal = radius * Math.cos(2 * Math.PI * random())
  return Math.min(MAX_SPREAD * p50Ms, p50Ms * Math.exp(spread * normal))
}
