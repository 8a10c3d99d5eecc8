import type { Random } from './random.ts'

export interface BackoffOptions {
  readonly firstMs: number
  readonly maxMs: number
  /** Growth per attempt; 2 unless told. */
  readonly factor?: number
}

/**
 * Delay before attempt `attempt` (0 = the first retry): exponential, capped, with equal jitter (half fixed, half
 * random) so that a thousand clients cut at once do not return at once.
 */
export function backoffMs(attempt: number, options: BackoffOptions, random: Random = Math.random): number {
  const full = Math.min(options.maxMs, options.firstMs * (options.factor ?? 2) ** attempt)
  return full / 2 + (full / 2) * random()
}
