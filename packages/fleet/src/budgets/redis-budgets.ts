// Budgets of providers that pods on several machines share, in Redis. Fits the port `BudgetStore` of packages/text, which this package does not know: an
// app puts the two together. A Redis that comes back empty has forgotten who holds what: until everybody has asked again, a second at most, slices may
// overlap.
import { err, ok, type Result } from '@parley/kernel'
import { budgetKey } from '../directory/redis/keys.ts'
import type { RedisLink } from '../directory/redis/redis-link.ts'
import { SCRIPTS } from '../directory/redis/scripts.ts'

/** What may be used: of a minute, or at a time. `Infinity`: no limit. */
export interface BudgetSlice {
  readonly requestsPerMinute: number
  readonly tokensPerMinute: number
  readonly partialConcurrency: number
  readonly finalConcurrency: number
}

export interface SliceRequest {
  readonly holder: string
  /** The whole budget. */
  readonly limits: BudgetSlice
  /** What the holder could use now. */
  readonly demand: {
    readonly requestsPerMinute: number
    readonly tokensPerMinute: number
    readonly partials: number
    readonly finals: number
  }
  readonly leaseMs: number
}

export class RedisBudgets {
  readonly #link: RedisLink

  constructor(link: RedisLink) {
    this.#link = link
  }

  /** One command. While Redis is away the failure comes at once; what was held until then goes on being the holder's. Rejects never. */
  async renew(
    key: string,
    { holder, limits, demand, leaseMs }: SliceRequest,
  ): Promise<Result<BudgetSlice, { readonly code: 'STORE_UNAVAILABLE'; readonly message: string }>> {
    const args = [
      holder,
      leaseMs,
      limitText(limits.requestsPerMinute),
      limitText(limits.tokensPerMinute),
      limitText(limits.partialConcurrency),
      limitText(limits.finalConcurrency),
      ...[demand.requestsPerMinute, demand.tokensPerMinute, demand.partials, demand.finals].map(String),
    ]
    const answer = await this.#link.run(SCRIPTS.budget, budgetKey(key), args)
    if (!answer.ok) return err({ code: 'STORE_UNAVAILABLE', message: answer.error.message })
    const [, requests, tokens, partials, finals] = answer.value
    return ok({
      requestsPerMinute: readLimit(requests),
      tokensPerMinute: readLimit(tokens),
      partialConcurrency: readLimit(partials),
      finalConcurrency: readLimit(finals),
    })
  }

  /** While Redis is away nothing happens: the lease ends by itself. Rejects never. */
  async release(key: string, holder: string): Promise<void> {
    await this.#link.run(SCRIPTS.budget, budgetKey(key), [holder, ''])
  }
}

const limitText = (limit: number): string => (limit === Number.POSITIVE_INFINITY ? 'inf' : String(limit))
const readLimit = (text: string | undefined): number => (text === 'inf' ? Number.POSITIVE_INFINITY : Number(text))
