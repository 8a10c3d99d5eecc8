// What the admin listener answers about budgets, as this command reads it. A newer platform may say more.

/** `null`: no limit. */
export interface BudgetLimits {
  readonly requestsPerMinute: number | null
  readonly tokensPerMinute: number | null
  readonly partialConcurrency: number | null
  readonly finalConcurrency: number | null
}

export interface ProviderBudget {
  readonly id: string
  readonly provider: {
    readonly requestsPerMinute: number | null
    readonly tokensPerMinute: number | null
    readonly safetyRatio: number
  }
  readonly limits: BudgetLimits
  readonly slice: BudgetLimits
  readonly isStoreLost: boolean
  /** Among how many pods the whole is divided equally meanwhile. Absent from a platform of an earlier version. */
  readonly sharedAmong?: number | null
  readonly used: {
    readonly requestsPerMinute: number
    readonly tokensPerMinute: number
    readonly partials: number
    readonly finals: number
    readonly pausedForMs: number
  }
  readonly waiting: { readonly partial: number; readonly final: number; readonly longestMs: number }
  readonly calls: number
  readonly skipped: number
  readonly delayed: number
  readonly rateLimited: number
}

export interface TextEngine {
  readonly kind: string
  readonly name: string
  readonly provider: string | null
  readonly state: string
  readonly problem?: string
  readonly answered: number
  readonly failed: Readonly<Record<string, number>>
  readonly lost: number
}

export interface CachePart {
  readonly entries: number
  readonly bytes: number
  readonly hits: number
  readonly misses: number
}

export interface BudgetsReport {
  readonly budgets: readonly ProviderBudget[]
  readonly engines: readonly TextEngine[]
  readonly cache: {
    readonly maxBytes: number
    readonly hitRatio: number
    readonly partial: CachePart
    readonly final: CachePart
    /** What other pods have had done; `null` where nothing is shared. Absent from a platform of an earlier version. */
    readonly shared?: {
      readonly hits: number
      readonly misses: number
      readonly passed: number
      readonly kept: number
    } | null
  }
}

export function isBudgetsReport(body: unknown): body is BudgetsReport {
  const report = body as Partial<BudgetsReport> | null
  return typeof report === 'object' && Array.isArray(report?.budgets) && Array.isArray(report?.engines)
}
