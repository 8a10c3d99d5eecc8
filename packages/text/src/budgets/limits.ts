// What a budget allows, as plain numbers. Pure.

/** Finals are people's words and never dropped; partials are replaced by newer ones, and may be. */
export type CallClass = 'partial' | 'final'
export const CALL_CLASSES = ['partial', 'final'] as const satisfies readonly CallClass[]

/** As a provider is configured. Absent: no such limit is known, or the default of `usableLimits`. */
export interface ProviderLimits {
  readonly requestsPerMinute?: number
  readonly tokensPerMinute?: number
  readonly safetyRatio?: number
  readonly partialConcurrency?: number
  readonly finalConcurrency?: number
}

/** What may be used. `Infinity`: no limit. */
export interface BudgetLimits {
  readonly requestsPerMinute: number
  readonly tokensPerMinute: number
  /** Calls at a time. */
  readonly partialConcurrency: number
  readonly finalConcurrency: number
}

export const NO_LIMITS: BudgetLimits = {
  requestsPerMinute: Number.POSITIVE_INFINITY,
  tokensPerMinute: Number.POSITIVE_INFINITY,
  partialConcurrency: Number.POSITIVE_INFINITY,
  finalConcurrency: Number.POSITIVE_INFINITY,
}

/** A share of the limits is left alone: other programs use the same key, and a provider's clock is not ours. */
export const DEFAULT_SAFETY_RATIO = 0.9
export const DEFAULT_PARTIAL_CONCURRENCY = 5
export const DEFAULT_FINAL_CONCURRENCY = 2

/** The part of a provider's limits that is used. A limit of at least one request leaves one, whatever the safety ratio. */
export function usableLimits(provider: ProviderLimits): BudgetLimits {
  const ratio = provider.safetyRatio ?? DEFAULT_SAFETY_RATIO
  return {
    requestsPerMinute: usable(provider.requestsPerMinute, ratio),
    tokensPerMinute: usable(provider.tokensPerMinute, ratio),
    partialConcurrency: provider.partialConcurrency ?? DEFAULT_PARTIAL_CONCURRENCY,
    finalConcurrency: provider.finalConcurrency ?? DEFAULT_FINAL_CONCURRENCY,
  }
}

function usable(limit: number | undefined, ratio: number): number {
  if (limit === undefined) return Number.POSITIVE_INFINITY
  return limit === 0 ? 0 : Math.max(1, Math.floor(limit * ratio))
}

export function concurrencyOf(limits: BudgetLimits, callClass: CallClass): number {
  return callClass === 'final' ? limits.finalConcurrency : limits.partialConcurrency
}
