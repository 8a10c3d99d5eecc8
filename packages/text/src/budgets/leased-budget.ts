// A pod's part of one budget: spends the slice it holds, and asks the store for the next one each second. Losing the store loses nothing
// that was held: the provider's own refusals are then what keeps two halves of a cut fleet apart.
import { type Clock, type Result, type Scope, withDeadline } from '@parley/kernel'
import { Budget } from './budget.ts'
import type { BudgetDemand, BudgetStore, BudgetStoreFailure } from './budget-store.ts'
import { type BudgetLimits, NO_LIMITS } from './limits.ts'

export const LEASE_PERIOD_MS = 1_000
/** A pod that has not asked for so long is gone, and what it held is the others'. */
export const LEASE_MS = 5_000
const ANSWER_DEADLINE_MS = 2_000
/** What a pod takes that holds nothing and cannot reach the store, as a share of the whole: others may be there. */
const BLIND_SHARE = 0.25

const NOTHING: BudgetLimits = { requestsPerMinute: 0, tokensPerMinute: 0, partialConcurrency: 0, finalConcurrency: 0 }

export interface LeasedBudgetOptions {
  readonly clock: Clock
  readonly store: BudgetStore
  readonly key: string
  readonly holder: string
  /** The whole of it. */
  readonly limits: BudgetLimits
  readonly demand: () => BudgetDemand
  /** The slice is another now: what could not go may. */
  readonly onChange: () => void
}

export class LeasedBudget {
  readonly budget: Budget
  readonly #options: LeasedBudgetOptions
  readonly #scope: Scope
  #isAsking = false
  #isStoreLost = false

  constructor(scope: Scope, options: LeasedBudgetOptions) {
    this.#options = options
    this.#scope = scope
    this.budget = new Budget(NOTHING, options.clock.nowMs())
  }

  /** Asks from now on, until the scope closes, which also gives the slice back. Once. */
  start(): void {
    const { store, key, holder } = this.#options
    this.#scope.every(LEASE_PERIOD_MS, () => this.#ask())
    this.#scope.own(() => store.release(key, holder))
    this.#ask()
  }

  /** The last request failed; the slice is the one from before. */
  get isStoreLost(): boolean {
    return this.#isStoreLost
  }

  #ask(): void {
    if (this.#isAsking) return
    this.#isAsking = true
    const { clock, store, key, holder, limits, demand } = this.#options
    const request = { holder, limits, demand: demand(), leaseMs: LEASE_MS }
    withDeadline(clock, ANSWER_DEADLINE_MS, 'asking for a slice of a budget', store.renew(key, request)).then(
      (answer) => this.#onAnswer(answer),
      () => this.#onAnswer(undefined),
    )
  }

  #onAnswer(answer: Result<BudgetLimits, BudgetStoreFailure> | undefined): void {
    this.#isAsking = false
    if (this.#scope.isClosed) return
    this.#isStoreLost = answer === undefined || !answer.ok
    this.#use(answer?.ok ? answer.value : blindSlice(this.budget.limits, this.#options.limits))
  }

  #use(slice: BudgetLimits): void {
    const { clock, onChange } = this.#options
    const { limits } = this.budget
    const isSame = (Object.keys(NO_LIMITS) as (keyof BudgetLimits)[]).every((field) => slice[field] === limits[field])
    if (isSame) return
    this.budget.setLimits(slice, clock.nowMs())
    onChange()
  }
}

/** What is held, and a part of the whole where nothing is. */
function blindSlice(held: BudgetLimits, whole: BudgetLimits): BudgetLimits {
  const part = (field: keyof BudgetLimits): number => {
    if (held[field] > 0 || whole[field] === 0) return held[field]
    return Math.max(1, Math.floor(whole[field] * BLIND_SHARE))
  }
  return {
    requestsPerMinute: part('requestsPerMinute'),
    tokensPerMinute: part('tokensPerMinute'),
    partialConcurrency: part('partialConcurrency'),
    finalConcurrency: part('finalConcurrency'),
  }
}
