// Where budgets that several pods share are divided. Each pod holds a slice under a lease and spends it by itself; it asks about once a
// second, so that the store sees neither calls nor texts.
import type { Result } from '@parley/kernel'
import type { BudgetLimits } from './limits.ts'

export interface LeaseRequest {
  /** Who asks: a pod. */
  readonly holder: string
  /** The whole budget, as this holder is configured. */
  readonly limits: BudgetLimits
  /** What the holder could use now. */
  readonly demand: BudgetDemand
  /** How long the slice is to be kept for it; it asks again well before. */
  readonly leaseMs: number
}

export interface BudgetDemand {
  readonly requestsPerMinute: number
  readonly tokensPerMinute: number
  /** Calls at a time. */
  readonly partials: number
  readonly finals: number
}

export interface BudgetStoreFailure {
  readonly code: 'STORE_UNAVAILABLE'
  readonly message: string
}

export interface BudgetStore {
  /**
   * The slice of budget `key` that is the holder's until the lease is over or it asks again. The slices of all holders together never exceed
   * the limits, so that whoever wants more gets it when the others have given it back: at their next request, or when their lease is over.
   * Rejects never.
   */
  renew(key: string, request: LeaseRequest): Promise<Result<BudgetLimits, BudgetStoreFailure>>
  /** The holder needs nothing of it any more. Rejects never; unknown ones are ignored. */
  release(key: string, holder: string): Promise<void>
}
