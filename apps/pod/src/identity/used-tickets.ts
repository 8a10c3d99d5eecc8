// Remembers which tickets were used until they would have expired anyway. Bounded: when full of live entries it refuses.
// Held in memory only: after a restart the sessions those tickets stood for are gone too.

export class UsedTickets {
  readonly #capacity: number
  readonly #expiresAtMs = new Map<string, number>()

  constructor(capacity = 200_000) {
    this.#capacity = capacity
  }

  get size(): number {
    return this.#expiresAtMs.size
  }

  /** `first`: never used before, and remembered now. `again`: used before. `full`: cannot be remembered, so must not pass. */
  use(id: string, expiresAtMs: number, nowMs: number): 'first' | 'again' | 'full' {
    this.#forgetExpired(nowMs)
    if (this.#expiresAtMs.has(id)) return 'again'
    if (this.#expiresAtMs.size >= this.#capacity) return 'full'
    this.#expiresAtMs.set(id, expiresAtMs)
    return 'first'
  }

  /** Entries are in the order of use; one may outstay its expiry behind a longer-lived one, by a ticket's lifetime at most. */
  #forgetExpired(nowMs: number): void {
    for (const [id, expiresAtMs] of this.#expiresAtMs) {
      if (expiresAtMs > nowMs) return
      this.#expiresAtMs.delete(id)
    }
  }
}
