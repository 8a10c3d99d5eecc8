// Budgets of one member, or of several in one process: the store when there is no other.
import { type Clock, ok, type Result } from '@parley/kernel'
import type { BudgetDemand, BudgetStore, BudgetStoreFailure, LeaseRequest } from './budget-store.ts'
import { type BudgetLimits, NO_LIMITS } from './limits.ts'
import { type Claim, shareOut, shareOutWhole } from './share-out.ts'

interface Lease {
  slice: BudgetLimits
  demand: BudgetDemand
  untilMs: number
}

const NOTHING: BudgetLimits = { requestsPerMinute: 0, tokensPerMinute: 0, partialConcurrency: 0, finalConcurrency: 0 }
const FIELDS = [
  { limit: 'requestsPerMinute', demand: 'requestsPerMinute', divide: shareOut },
  { limit: 'tokensPerMinute', demand: 'tokensPerMinute', divide: shareOut },
  { limit: 'partialConcurrency', demand: 'partials', divide: shareOutWhole },
  { limit: 'finalConcurrency', demand: 'finals', divide: shareOutWhole },
] as const

export class MemoryBudgetStore implements BudgetStore {
  readonly #clock: Clock
  readonly #leases = new Map<string, Map<string, Lease>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async renew(key: string, request: LeaseRequest): Promise<Result<BudgetLimits, BudgetStoreFailure>> {
    const nowMs = this.#clock.nowMs()
    const leases = this.#leasesOf(key, nowMs)
    const held = leases.get(request.holder)?.slice ?? NOTHING
    const lease: Lease = { slice: held, demand: request.demand, untilMs: nowMs + request.leaseMs }
    leases.set(request.holder, lease)
    lease.slice = sliceOf(request.holder, leases, request.limits)
    return ok(lease.slice)
  }

  async release(key: string, holder: string): Promise<void> {
    const leases = this.#leases.get(key)
    leases?.delete(holder)
    if (leases?.size === 0) this.#leases.delete(key)
  }

  /** Without those that are over. */
  #leasesOf(key: string, nowMs: number): Map<string, Lease> {
    const leases = this.#leases.get(key) ?? new Map<string, Lease>()
    this.#leases.set(key, leases)
    for (const [holder, { untilMs }] of leases) if (untilMs <= nowMs) leases.delete(holder)
    return leases
  }
}

/** What `holder` may have now: its fair share, as far as others have not kept it. */
function sliceOf(holder: string, leases: ReadonlyMap<string, Lease>, limits: BudgetLimits): BudgetLimits {
  const holders = [...leases.keys()]
  const mine = holders.indexOf(holder)
  const slice: Record<keyof BudgetLimits, number> = { ...NO_LIMITS }
  for (const { limit, demand, divide } of FIELDS) {
    const all = [...leases.values()]
    const claims: Claim[] = all.map((lease) => ({ demand: lease.demand[demand], held: lease.slice[limit] }))
    const share = divide(limits[limit], claims)[mine] as number
    const others = claims.reduce((sum, claim, at) => (at === mine ? sum : sum + claim.held), 0)
    slice[limit] =
      limits[limit] === Number.POSITIVE_INFINITY ? share : Math.max(0, Math.min(share, limits[limit] - others))
  }
  return slice
}
