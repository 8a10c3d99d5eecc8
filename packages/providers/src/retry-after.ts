// When a provider wants to be asked again, from the headers of its refusal. Pure.

/** However long a provider asks for: an hour is long enough to be told of, and a date of next year is a mistake. */
export const MAX_RETRY_AFTER_MS = 3_600_000

export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

const one = (headers: Headers, name: string): string | undefined => {
  const value = headers[name]
  return typeof value === 'string' ? value : value?.[0]
}

const bounded = (ms: number): number | undefined =>
  Number.isFinite(ms) ? Math.min(MAX_RETRY_AFTER_MS, Math.max(0, Math.ceil(ms))) : undefined

/**
 * Milliseconds from `wallMs` (Unix time) on, 0 to MAX_RETRY_AFTER_MS: `retry-after-ms`, else `Retry-After` in seconds or as a date, else
 * the earliest reset of a limit of which nothing remains. Undefined when nothing of it can be read.
 */
export function retryAfterMs(headers: Headers, wallMs: number): number | undefined {
  const exact = one(headers, 'retry-after-ms')?.trim()
  if (exact && /^\d+(\.\d+)?$/.test(exact)) return bounded(Number(exact))
  const told = one(headers, 'retry-after')?.trim()
  if (told) {
    if (/^\d+(\.\d+)?$/.test(told)) return bounded(Number(told) * 1000)
    const dateMs = /[a-z]{3}/i.test(told) ? Date.parse(told) : Number.NaN
    if (Number.isFinite(dateMs)) return bounded(dateMs - wallMs)
  }
  const resets = ['requests', 'tokens'].flatMap((what) => {
    if (one(headers, `x-ratelimit-remaining-${what}`) !== '0') return []
    const ms = durationMs(one(headers, `x-ratelimit-reset-${what}`) ?? '')
    return ms === undefined ? [] : [ms]
  })
  return resets.length === 0 ? undefined : bounded(Math.max(...resets))
}

const UNITS_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }

/** `6m0s`, `1.5s`, `120ms` as the x-ratelimit-reset headers have it; undefined for anything else. */
export function durationMs(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)]
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) return undefined
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS_MS[unit as string] as number), 0)
}
