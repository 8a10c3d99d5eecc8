// Whether an engine is asked at all: after several failures in a row it is left alone for a while, then one call is tried. Pure.
import { assertNever } from '@parley/kernel'

export type Breaker =
  | { readonly kind: 'closed'; readonly failures: number }
  /** `times`: how often in a row it was opened without a success. */
  | { readonly kind: 'open'; readonly untilMs: number; readonly times: number }
  | { readonly kind: 'trial'; readonly times: number }

/** `asked`: a call is made. `withdrawn`: it ended without saying anything about the engine (cancelled, worker lost). */
export type BreakerEvent = 'asked' | 'answered' | 'failed' | 'withdrawn'

/** `closed`: ask. `open`: do not. `due`: ask once. `trial`: somebody is asking. */
export type BreakerStanding = 'closed' | 'open' | 'due' | 'trial'

export interface BreakerPolicy {
  readonly failuresToOpen: number
  readonly firstOpenMs: number
  readonly maxOpenMs: number
}

export const BREAKER_POLICY: BreakerPolicy = { failuresToOpen: 5, firstOpenMs: 5_000, maxOpenMs: 60_000 }
export const CLOSED: Breaker = { kind: 'closed', failures: 0 }

export function standingOfBreaker(breaker: Breaker, nowMs: number): BreakerStanding {
  if (breaker.kind !== 'open') return breaker.kind
  return nowMs >= breaker.untilMs ? 'due' : 'open'
}

export function advanceBreaker(
  breaker: Breaker,
  event: BreakerEvent,
  nowMs: number,
  policy: BreakerPolicy = BREAKER_POLICY,
): Breaker {
  switch (breaker.kind) {
    case 'closed':
      if (event === 'answered') return CLOSED
      if (event !== 'failed') return breaker
      return breaker.failures + 1 >= policy.failuresToOpen
        ? open(nowMs, 0, policy)
        : { kind: 'closed', failures: breaker.failures + 1 }
    case 'open':
      // Calls that were made before it opened end meanwhile: an answer proves that the engine works, a failure nothing new.
      if (event === 'answered') return CLOSED
      if (event === 'asked' && nowMs >= breaker.untilMs) return { kind: 'trial', times: breaker.times }
      return breaker
    case 'trial':
      if (event === 'answered') return CLOSED
      if (event === 'failed') return open(nowMs, breaker.times, policy)
      return event === 'withdrawn' ? { kind: 'open', untilMs: nowMs, times: breaker.times } : breaker
    default:
      return assertNever(breaker)
  }
}

function open(nowMs: number, times: number, { firstOpenMs, maxOpenMs }: BreakerPolicy): Breaker {
  return { kind: 'open', untilMs: nowMs + Math.min(maxOpenMs, firstOpenMs * 2 ** times), times: times + 1 }
}
