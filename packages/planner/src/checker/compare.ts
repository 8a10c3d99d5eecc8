// What a claim says against what the plan gives.
import { ABOUT, type Exactness, mayStandFor, offBy, type Rounding, type Written } from './written.ts'

/** What a claim says, in base units. */
export interface Claimed {
  readonly bound: 'is' | 'atMost' | 'atLeast'
  readonly low: Written
  /** The same as `low` unless it is a range. */
  readonly high: Written
  readonly isRange: boolean
  readonly exactness: Exactness
}

/** What the plan gives, in base units. */
export interface Right {
  readonly low: number
  readonly typical: number
  readonly high: number
  /** The plan says too little for it: any number inside is as good as any other. */
  readonly underdetermined: boolean
}

export type Comparison =
  | { readonly verdict: 'ok'; readonly factor: number | null }
  | {
      readonly verdict: 'wrong'
      readonly factor: number | null
      readonly how: 'outside' | 'end' | 'narrower' | 'overlap'
    }
  /** Inside what the plan allows, which does not say that it is so. */
  | { readonly verdict: 'open'; readonly factor: null }

export const exactnessOf = (approximate: boolean, rounding: Rounding, tolerance: number | undefined): Exactness => ({
  rounding,
  tolerance: tolerance ?? (approximate ? ABOUT : undefined),
})

const ratio = (claimed: number, right: number): number | null => {
  const factor = claimed / right
  return Number.isFinite(factor) && factor !== 0 ? factor : null
}

/** The end at which the claim is further off. */
function worseFactor(claimed: Claimed, right: Right): number | null {
  const factors = [ratio(claimed.low.value, right.low), ratio(claimed.high.value, right.high)]
  const size = (factor: number | null) => (factor === null || factor <= 0 ? -1 : Math.abs(Math.log(factor)))
  return size(factors[1] ?? null) > size(factors[0] ?? null) ? (factors[1] ?? null) : (factors[0] ?? null)
}

const isPoint = ({ low, high }: Right): boolean => offBy(low, high) <= 1e-9

/** `at most` and `at least`. */
function compareBound(claimed: Claimed, right: Right): Comparison {
  const { value } = claimed.high
  const same = (number: number) => mayStandFor(claimed.high, number, { ...claimed.exactness, rounding: 'nearest' })
  const inside = (number: number) => same(number) || (claimed.bound === 'atMost' ? number <= value : number >= value)
  const [worst, best] = claimed.bound === 'atMost' ? [right.high, right.low] : [right.low, right.high]
  if (inside(worst)) return { verdict: 'ok', factor: ratio(value, right.typical) }
  if (!inside(best)) return { verdict: 'wrong', factor: ratio(value, best), how: 'outside' }
  return { verdict: 'open', factor: null }
}

function comparePoint(claimed: Claimed, right: Right): Comparison {
  const { value } = claimed.low
  const same = (number: number) => mayStandFor(claimed.low, number, claimed.exactness)
  if (same(right.typical) && !right.underdetermined) return { verdict: 'ok', factor: ratio(value, right.typical) }
  const factor = ratio(value, right.typical)
  if (isPoint(right)) return { verdict: 'wrong', factor, how: 'outside' }
  const atEnd = same(right.low) || same(right.high)
  const inside = atEnd || (value >= right.low && value <= right.high)
  if (!inside) return { verdict: 'wrong', factor, how: 'outside' }
  if (right.underdetermined) return { verdict: 'open', factor: null }
  return atEnd ? { verdict: 'wrong', factor, how: 'end' } : { verdict: 'open', factor: null }
}

function compareRange(claimed: Claimed, right: Right): Comparison {
  const lowHolds = claimed.low.value <= right.low || mayStandFor(claimed.low, right.low, claimed.exactness)
  const highHolds = claimed.high.value >= right.high || mayStandFor(claimed.high, right.high, claimed.exactness)
  const factor = worseFactor(claimed, right)
  if (lowHolds && highHolds) return { verdict: 'ok', factor }
  const [lowEnd, highEnd] = [claimed.low.value, claimed.high.value]
  if (lowEnd > right.high || highEnd < right.low) return { verdict: 'wrong', factor, how: 'outside' }
  if (right.underdetermined) return { verdict: 'open', factor: null }
  return { verdict: 'wrong', factor, how: lowEnd >= right.low && highEnd <= right.high ? 'narrower' : 'overlap' }
}

/**
 * A claim is right when what it says takes in everything that the plan's numbers allow. A single number is compared with the
 * typical value; one that only lies inside the range does not follow (`open`), and one at an end of it takes the end for the whole.
 */
export function compare(claimed: Claimed, right: Right): Comparison {
  if (claimed.bound !== 'is') return compareBound(claimed, right)
  return claimed.isRange ? compareRange(claimed, right) : comparePoint(claimed, right)
}
