// A pod's part of one budget: spends the slice it holds, and asks the store for the next one each second. While the store is lost it goes on with an
// equal share of the whole among the pods last seen.
import { type Clock, type Result, type Scope, withDeadline } from '@parley/kernel'
import { Budget } from './budget.ts'
import type { BudgetDemand, BudgetStore, BudgetStoreFailure } from './budget-store.ts'
import { type BudgetLimits, NO_LIMITS } from './limits.ts'

export const LEASE_PERIOD_MS = 1_000
/** A pod that has not asked for so long is gone, and what it held is the others'. */
export const LEASE_MS = 5_000
const ANSWER_DEADLINE_MS = 2_000
/** What a pod takes that holds nothing, cannot reach the store and has never seen who else is there, as a share of the whole. */
const BLIND_SHARE = 0.25
/** What others have taken counts for so long: before that a lost store makes no slice larger, but for a small part that lets finals pass. */
const WINDOW_MS = 60_000
const TRICKLE_SHARE = 0.05

const NOTHING: BudgetLimits = { requestsPerMinute: 0, tokensPerMinute: 0, partialConcurrency: 0, finalConcurrency: 0 }

export interface LeasedBudgetOptions {
  readonly clock: Clock
  readonly store: BudgetStore
  readonly key: string
  readonly holder: string
  /** The whole of it. */
  readonly limits: BudgetLimits
  readonly demand: () => BudgetDemand
  /** Pods that share it, this one included, as last seen; undefined: nobody knows. While the store is lost each takes an equal part. */
  readonly sharers?: (() => number | undefined) | undefined
  /** The slice is another now: what could not go may. */
  readonly onChange: () => void
}

export class LeasedBudget {
  readonly budget: Budget
  readonly #options: LeasedBudgetOptions
  readonly #scope: Scope
  #isAsking = false
  /** Since when the store has not answered, and what was held then. */
  #lost: { readonly sinceMs: number; readonly held: BudgetLimits } | undefined

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

  /** The last request failed: the slice is the one from before, or a share of the whole. */
  get isStoreLost(): boolean {
    return this.#lost !== undefined
  }

  /** While the store is lost: among how many the whole is divided equally; undefined when nobody knows. */
  get sharedAmong(): number | undefined {
    return this.#lost && this.#sharers()
  }

  #sharers(): number | undefined {
    const count = this.#options.sharers?.()
    return count === undefined ? undefined : Math.max(1, count)
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
    if (answer?.ok) {
      this.#lost = undefined
      this.#use(answer.value)
      return
    }
    const { clock, limits } = this.#options
    this.#lost ??= { sinceMs: clock.nowMs(), held: this.budget.limits }
    const sharers = this.#sharers()
    if (sharers === undefined) this.#use(blindSlice(this.budget.limits, limits))
    else this.#use(staticSlice(this.#lost.held, limits, sharers, clock.nowMs() - this.#lost.sinceMs))
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

/** An equal share. Who held less keeps to that, or the trickle, until what others took with theirs is more than a minute ago. */
function staticSlice(held: BudgetLimits, whole: BudgetLimits, sharers: number, lostForMs: number): BudgetLimits {
  const part = (field: keyof BudgetLimits, isWhole: boolean): number => {
    if (whole[field] === 0) return 0
    const share = whole[field] / sharers
    const usable = Math.max(1, isWhole ? Math.floor(share) : share)
    return lostForMs < WINDOW_MS ? Math.min(usable, Math.max(1, held[field], share * TRICKLE_SHARE)) : usable
  }
  return {
    requestsPerMinute: part('requestsPerMinute', false),
    tokensPerMinute: part('tokensPerMinute', false),
    partialConcurrency: part('partialConcurrency', true),
    finalConcurrency: part('finalConcurrency', true),
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
