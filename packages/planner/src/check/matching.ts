// Whether what a sentence says is what follows, to the rounding it was written with.
import type { Interval } from '../graph/interval.ts'
import type { Claimed } from './claim-value.ts'

export type Rounding = 'any' | 'nearest' | 'down' | 'up'

export interface Leniency {
  readonly rounding: Rounding
  /** Share that it may be off, instead of rounding. */
  readonly tolerance: number | undefined
}

/** What "about" allows. */
export const ABOUT_TOLERANCE = 0.05
const NOISE = 1e-9

/** Whether `claimed`, whose last digit is worth `step`, is `right`. */
export function sameNumber(claimed: number, right: number, step: number, { rounding, tolerance }: Leniency): boolean {
  if (claimed === right) return true
  if (!Number.isFinite(right)) return false
  const slack = NOISE * Math.max(Math.abs(claimed), Math.abs(right), step)
  const off = claimed - right
  if (tolerance !== undefined) return Math.abs(off) <= tolerance * Math.abs(right) + slack
  const down = off <= slack && -off < step - slack
  const up = off >= -slack && off < step - slack
  if (rounding === 'down') return down
  if (rounding === 'up') return up
  if (rounding === 'nearest') return Math.abs(off) <= step / 2 + slack
  return down || up
}

const lenient = (claimed: Claimed, leniency: Leniency): Leniency =>
  claimed.about && leniency.tolerance === undefined ? { ...leniency, tolerance: ABOUT_TOLERANCE } : leniency

export interface Right extends Interval {
  readonly typical: number
}

export type Match =
  | { readonly kind: 'same' }
  /** One value inside the range that follows. */
  | { readonly kind: 'inside' }
  /** A range that is narrower than the one that follows. */
  | { readonly kind: 'narrower' }
  | { readonly kind: 'different' }

function matchBound(claimed: Claimed, right: Right): Match {
  const slack = NOISE * Math.max(Math.abs(claimed.low), Math.abs(claimed.high))
  const holds = claimed.bound === 'atMost' ? right.high <= claimed.high + slack : right.low >= claimed.low - slack
  if (holds) return { kind: 'same' }
  const possible = claimed.bound === 'atMost' ? right.low <= claimed.high + slack : right.high >= claimed.low - slack
  return { kind: possible ? 'narrower' : 'different' }
}

function matchPoint(claimed: Claimed, right: Right, leniency: Leniency): Match {
  const same = (value: number) => sameNumber(claimed.low, value, claimed.lowStep, leniency)
  if (same(right.typical)) return { kind: 'same' }
  const inside = (claimed.low >= right.low || same(right.low)) && (claimed.low <= right.high || same(right.high))
  return { kind: inside ? 'inside' : 'different' }
}

/** Compares what is said with what follows; both in base units. */
export function match(claimed: Claimed, right: Right, given: Leniency): Match {
  const leniency = lenient(claimed, given)
  if (claimed.bound !== undefined) return matchBound(claimed, right)
  if (claimed.low === claimed.high) return matchPoint(claimed, right, leniency)
  const lowHolds = claimed.low <= right.low || sameNumber(claimed.low, right.low, claimed.lowStep, leniency)
  const highHolds = claimed.high >= right.high || sameNumber(claimed.high, right.high, claimed.highStep, leniency)
  if (lowHolds && highHolds) return { kind: 'same' }
  const apart = claimed.high < right.low || claimed.low > right.high
  return { kind: apart ? 'different' : 'narrower' }
}

/** Whether both ends of what is said are those of a candidate, which is more than containing it. */
export function hits(claimed: Claimed, candidate: Right, given: Leniency): boolean {
  const leniency = lenient(claimed, given)
  if (claimed.bound !== undefined) return false
  if (claimed.low === claimed.high) return sameNumber(claimed.low, candidate.typical, claimed.lowStep, leniency)
  if (candidate.low === candidate.high) return claimed.low <= candidate.low && candidate.low <= claimed.high
  return (
    sameNumber(claimed.low, candidate.low, claimed.lowStep, leniency) &&
    sameNumber(claimed.high, candidate.high, claimed.highStep, leniency)
  )
}

/** Claimed over right, at the end that is further off; null when that says nothing. */
export function factorOf(claimed: Claimed, right: Right): number | null {
  const ratio = (a: number, b: number) => (Number.isFinite(a / b) && a !== 0 ? a / b : Number.NaN)
  const off = (factor: number) => Math.abs(Math.log(Math.abs(factor)))
  const candidates =
    claimed.bound !== undefined
      ? [ratio(claimed.high, claimed.bound === 'atMost' ? right.high : right.low)]
      : claimed.low === claimed.high
        ? [ratio(claimed.low, right.typical)]
        : right.low === right.high
          ? [ratio(claimed.low, right.typical), ratio(claimed.high, right.typical)]
              .sort((a, b) => off(a) - off(b))
              .slice(0, 1)
          : [ratio(claimed.low, right.low), ratio(claimed.high, right.high)]
  const known = candidates.filter((factor) => !Number.isNaN(factor)).sort((a, b) => off(b) - off(a))
  return known[0] === undefined ? null : Number(known[0].toPrecision(4))
}
