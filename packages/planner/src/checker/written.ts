// A number as a person wrote it: how exact its digits are, and which numbers it may stand for.

/** How the last written digit may have come about. */
export type Rounding = 'any' | 'nearest' | 'down' | 'up'

export interface Written {
  /** In base units. */
  readonly value: number
  /** Size of the last written digit, in base units. */
  readonly place: number
  /** Size of the last digit that is not zero: the 0s of `$380` may be there only because numbers end so. */
  readonly coarse: number
}

export interface Exactness {
  readonly rounding: Rounding
  /** Share that the number may be off, instead of what its digits say. */
  readonly tolerance: number | undefined
}

/** How far `~` lets a number be off. */
export const ABOUT = 0.05
/** A number of one digit rounded to the nearest may be off by a third; further than this is another number. */
const NEAREST_CAP = 0.1
/** Digits that were cut off or rounded up. */
const ONE_SIDED_CAP = 0.05
/** Zeros at the end that stand for other digits. */
const COARSE_CAP = 0.01
const NOISE = 1e-9

/**
 * Place of the last digit of a written number, in its own unit: 1 for `380`, 10 without its zeros, 0.01 for `0.15`.
 * `digits` is the number alone, with thousands commas and perhaps a k or M.
 */
export function placesOf(digits: string): { place: number; coarse: number } {
  const size = digits.endsWith('M') ? 1e6 : /[kK]$/.test(digits) ? 1e3 : 1
  const plain = digits.replaceAll(',', '').replace(/[kKM]$/, '')
  const [mantissa = '', exponent = '0'] = plain.split(/[eE]/)
  const decimals = mantissa.split('.')[1]?.length ?? 0
  const zeros = decimals > 0 ? 0 : (/[1-9](0+)$/.exec(mantissa)?.[1]?.length ?? 0)
  const place = size * 10 ** (Number(exponent) - decimals)
  return { place, coarse: place * 10 ** zeros }
}

/** How far `right` is from what is written, over the written number. */
export const offBy = (written: number, right: number): number =>
  written === right ? 0 : Math.abs(written - right) / Math.max(Math.abs(written), Math.abs(right))

/** True when a person who got `right` may write this. */
export function mayStandFor(written: Written, right: number, exactness: Exactness): boolean {
  const { value, place, coarse } = written
  if (value === right) return true
  if (!Number.isFinite(right)) return false
  const off = offBy(value, right)
  if (off <= NOISE) return true
  if (exactness.tolerance !== undefined && off <= exactness.tolerance * (1 + NOISE)) return true
  const step = place * (1 + NOISE)
  switch (exactness.rounding) {
    case 'nearest':
      return Math.abs(value - right) <= step / 2
    case 'down':
      return right >= value && right - value < place * (1 - NOISE)
    case 'up':
      return right <= value && value - right < place * (1 - NOISE)
    case 'any':
      if (exactness.tolerance !== undefined) return false
      if (Math.abs(value - right) <= step / 2) return off <= NEAREST_CAP
      if (Math.abs(value - right) < step && off <= ONE_SIDED_CAP) return true
      return Math.abs(value - right) <= coarse / 2 && off <= COARSE_CAP
  }
}

/** How many digits of a written number say something: 2 of `1,800`, 4 of `4,421`. */
export const significantDigits = ({ value, coarse }: Written): number =>
  value === 0 ? 1 : Math.floor(Math.log10(Math.abs(value) / coarse) + 1e-9) + 1
