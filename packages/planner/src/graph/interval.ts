// Arithmetic of intervals, for values and for slopes. What it returns certainly holds the truth, and may be wider.
import { divideOf, timesOf } from './evaluate.ts'

export interface Interval {
  readonly low: number
  readonly high: number
}

export const ZERO: Interval = { low: 0, high: 0 }
export const ALL: Interval = { low: -Infinity, high: Infinity }
export const point = (value: number): Interval => ({ low: value, high: value })

/** Two infinities that cancel leave nothing known. */
const between = (low: number, high: number): Interval => ({
  low: Number.isNaN(low) ? -Infinity : low,
  high: Number.isNaN(high) ? Infinity : high,
})

export const isPoint = ({ low, high }: Interval): boolean => low === high
export const isZero = ({ low, high }: Interval): boolean => low === 0 && high === 0
export const holdsZero = ({ low, high }: Interval): boolean => low <= 0 && high >= 0
export const addInterval = (a: Interval, b: Interval): Interval => between(a.low + b.low, a.high + b.high)
export const negate = ({ low, high }: Interval): Interval => ({ low: -high, high: -low })
export const subInterval = (a: Interval, b: Interval): Interval => addInterval(a, negate(b))
export const hull = (a: Interval, b: Interval): Interval => ({
  low: Math.min(a.low, b.low),
  high: Math.max(a.high, b.high),
})

export function mulInterval(a: Interval, b: Interval): Interval {
  const products = [timesOf(a.low, b.low), timesOf(a.low, b.high), timesOf(a.high, b.low), timesOf(a.high, b.high)]
  return between(Math.min(...products), Math.max(...products))
}

export function divInterval(a: Interval, b: Interval): Interval {
  if (isZero(a)) return ZERO
  if (b.low < 0 && b.high > 0) return ALL
  if (isZero(b)) return a.low >= 0 ? { low: a.low === 0 ? 0 : Infinity, high: Infinity } : ALL
  // A divisor that reaches zero from one side has an inverse without bound on that side.
  const inverse: Interval = {
    low: b.high === 0 ? -Infinity : divideOf(1, b.high),
    high: b.low === 0 ? Infinity : divideOf(1, b.low),
  }
  return mulInterval(a, inverse)
}

export const monotone = ({ low, high }: Interval, apply: (value: number) => number): Interval =>
  between(apply(low), apply(high))

export function absInterval(a: Interval): Interval {
  if (a.low >= 0) return a
  return a.high <= 0 ? negate(a) : { low: 0, high: Math.max(-a.low, a.high) }
}

/** Slope of a staircase that rises where `slope` rises: its sign is known, its size is not. */
export const stairs = (slope: Interval): Interval => ({
  low: slope.low < 0 ? -Infinity : 0,
  high: slope.high > 0 ? Infinity : 0,
})
