// Counts of usage as records want them: what one source has counted for each tenant on each UTC day so far. Pure.
import { type UsageRecord, utcDayOf } from './records.ts'

export interface UsageAmounts {
  readonly speechMs?: number
  readonly translatedCharacters?: number
  readonly providerTokens?: number
}

type Counts = { speechMs: number; translatedCharacters: number; providerTokens: number }

/** Days kept in memory, those used last: a clock that jumps and comes back must not begin a day anew. */
const KEPT_DAYS = 8

export class UsageMeter {
  readonly #source: string
  readonly #days = new Map<string, Map<string, Counts>>()
  #changed = new Set<string>()

  /** `source` must be new with each start, such as the pod's id and a random token: counts of one source only grow. */
  constructor(source: string) {
    this.#source = source
  }

  /** Adds amounts (>= 0) at the wall instant `wallMs`. */
  add(tenant: string, amounts: UsageAmounts, wallMs: number): void {
    const day = utcDayOf(wallMs)
    const tenants = this.#days.get(day) ?? new Map<string, Counts>()
    this.#days.delete(day)
    this.#days.set(day, tenants)
    const counts = tenants.get(tenant) ?? { speechMs: 0, translatedCharacters: 0, providerTokens: 0 }
    counts.speechMs += amounts.speechMs ?? 0
    counts.translatedCharacters += amounts.translatedCharacters ?? 0
    counts.providerTokens += amounts.providerTokens ?? 0
    tenants.set(tenant, counts)
    this.#changed.add(JSON.stringify([day, tenant]))
  }

  /** The records of all that has changed since the last call; then days that were not used for long are let go. */
  take(): UsageRecord[] {
    const records: UsageRecord[] = []
    for (const key of this.#changed) {
      const [day, tenant] = JSON.parse(key) as [string, string]
      const counts = this.#days.get(day)?.get(tenant)
      if (!counts) continue
      const { translatedCharacters, providerTokens } = counts
      records.push({
        tenant,
        day,
        source: this.#source,
        speechMs: Math.round(counts.speechMs),
        translatedCharacters,
        providerTokens,
      })
    }
    this.#changed = new Set()
    const days = [...this.#days.keys()]
    for (const day of days.slice(0, Math.max(0, days.length - KEPT_DAYS))) this.#days.delete(day)
    return records
  }
}
