// Rates over the last few seconds, from counters that only rise. One sample per window, one timer, owned by a scope.
import type { Clock, Scope } from '@parley/kernel'

export interface Rates<Name extends string> {
  /** Per second, over the last full window; 0 before there is one. */
  read(): Readonly<Record<Name, number>>
}

/** `totals` are counters since start. */
export function startRates<Name extends string>(
  scope: Scope,
  clock: Clock,
  windowMs: number,
  totals: () => Readonly<Record<Name, number>>,
): Rates<Name> {
  let before = totals()
  let beforeMs = clock.nowMs()
  let rates = ratesOf(before, before, 1)
  scope.every(windowMs, () => {
    const now = totals()
    const nowMs = clock.nowMs()
    rates = ratesOf(before, now, Math.max(1, nowMs - beforeMs))
    before = now
    beforeMs = nowMs
  })
  return { read: () => rates }
}

function ratesOf<Name extends string>(
  before: Readonly<Record<Name, number>>,
  now: Readonly<Record<Name, number>>,
  elapsedMs: number,
): Record<Name, number> {
  const rates = {} as Record<Name, number>
  for (const name of Object.keys(now) as Name[]) rates[name] = ((now[name] - before[name]) * 1000) / elapsedMs
  return rates
}
