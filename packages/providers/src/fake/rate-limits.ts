// Limits of the fake provider: requests and tokens in any 60 seconds, strictly. Who keeps within them keeps within the limits of providers
// that refill a bucket, too. Pure but for what it remembers; time is given.

export interface RateLimitOptions {
  /** Absent: none. */
  readonly requestsPerMinute?: number | undefined
  readonly tokensPerMinute?: number | undefined
}

export type Admission =
  | { readonly isAdmitted: true; readonly headers: Readonly<Record<string, string>> }
  | {
      readonly isAdmitted: false
      readonly what: 'requests' | 'tokens'
      readonly limit: number
      readonly retryAfterMs: number
      readonly headers: Readonly<Record<string, string>>
    }

const WINDOW_MS = 60_000
/** A request larger than the whole limit will never do; it is told to come back all the same, as real ones do. */
const NEVER_MS = WINDOW_MS

interface Entry {
  readonly atMs: number
  tokens: number
}

/** A request that was let in; its tokens are put right when they are known. */
export interface Admitted {
  correct(tokens: number): void
}

export class RateLimits {
  readonly #options: RateLimitOptions
  #entries: Entry[] = []
  #tokens = 0

  constructor(options: RateLimitOptions) {
    this.#options = options
  }

  /** Requests and tokens of the last minute. */
  usage(nowMs: number): { readonly requests: number; readonly tokens: number } {
    this.#forget(nowMs)
    return { requests: this.#entries.length, tokens: this.#tokens }
  }

  /** Takes a request of about `tokens` tokens in, or says when there will be room. */
  admit(nowMs: number, tokens: number): Admission & Partial<{ readonly admitted: Admitted }> {
    this.#forget(nowMs)
    const { requestsPerMinute, tokensPerMinute } = this.#options
    // The advice is worth following only when it is that of the limit that keeps longest.
    const requestsMs = this.#untilRequestFree(nowMs)
    const tokensMs = this.#untilTokensFree(this.#tokens + tokens - (tokensPerMinute ?? Number.POSITIVE_INFINITY), nowMs)
    if (requestsPerMinute !== undefined && requestsMs > 0 && requestsMs >= tokensMs) {
      return this.#refuse('requests', requestsPerMinute, requestsMs, nowMs)
    }
    if (tokensPerMinute !== undefined && tokensMs > 0) return this.#refuse('tokens', tokensPerMinute, tokensMs, nowMs)
    const entry: Entry = { atMs: nowMs, tokens }
    this.#entries.push(entry)
    this.#tokens += tokens
    const correct = (actual: number) => {
      if (!this.#entries.includes(entry)) return
      this.#tokens += actual - entry.tokens
      entry.tokens = actual
    }
    return { isAdmitted: true, headers: this.#headers(nowMs), admitted: { correct } }
  }

  #refuse(what: 'requests' | 'tokens', limit: number, retryAfterMs: number, nowMs: number): Admission {
    return { isAdmitted: false, what, limit, retryAfterMs: Math.max(1, retryAfterMs), headers: this.#headers(nowMs) }
  }

  /** 0: there is room. */
  #untilRequestFree(nowMs: number): number {
    const { requestsPerMinute = Number.POSITIVE_INFINITY } = this.#options
    if (this.#entries.length < requestsPerMinute) return 0
    const oldest = this.#entries[this.#entries.length - requestsPerMinute]
    return oldest === undefined ? NEVER_MS : oldest.atMs + WINDOW_MS - nowMs
  }

  /** 0: none are needed. */
  #untilTokensFree(needed: number, nowMs: number): number {
    if (needed <= 0) return 0
    let freed = 0
    for (const entry of this.#entries) {
      freed += entry.tokens
      if (freed >= needed) return entry.atMs + WINDOW_MS - nowMs
    }
    return NEVER_MS
  }

  #headers(nowMs: number): Record<string, string> {
    const { requestsPerMinute, tokensPerMinute } = this.#options
    const headers: Record<string, string> = {}
    const put = (what: string, limit: number | undefined, used: number) => {
      if (limit === undefined) return
      const oldest = this.#entries[0]
      const resetMs = oldest === undefined ? 0 : Math.max(0, oldest.atMs + WINDOW_MS - nowMs)
      headers[`x-ratelimit-limit-${what}`] = String(limit)
      headers[`x-ratelimit-remaining-${what}`] = String(Math.max(0, limit - used))
      headers[`x-ratelimit-reset-${what}`] = `${Math.ceil(resetMs)}ms`
    }
    put('requests', requestsPerMinute, this.#entries.length)
    put('tokens', tokensPerMinute, this.#tokens)
    return headers
  }

  #forget(nowMs: number): void {
    let old = 0
    while (old < this.#entries.length && (this.#entries[old] as Entry).atMs <= nowMs - WINDOW_MS) old++
    if (old === 0) return
    for (const entry of this.#entries.splice(0, old)) this.#tokens -= entry.tokens
  }
}
