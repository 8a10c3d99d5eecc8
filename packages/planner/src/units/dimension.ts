// What a number is a number of: exponents of five kinds that are never mixed up, and of nouns (sessions, calls) that may be
// dropped but never exchanged.

/** The kinds that must always match. Base units: second, bit, unit of the plan's currency, core, GPU. */
export const HARD = ['time', 'data', 'money', 'core', 'gpu'] as const
export type Hard = (typeof HARD)[number]

/** Exponent by hard kind (`time`) or noun (`#session`); zero exponents are absent. */
export type Dim = Readonly<Record<string, number>>

export const NONE: Dim = {}
export const nounKey = (singular: string): string => `#${singular}`
export const isNoun = (key: string): boolean => key.startsWith('#')

const combine = (a: Dim, b: Dim, sign: 1 | -1): Dim => {
  const sum: Record<string, number> = { ...a }
  for (const [key, exponent] of Object.entries(b)) {
    const total = (sum[key] ?? 0) + sign * exponent
    if (total === 0) delete sum[key]
    else sum[key] = total
  }
  return sum
}

export const times = (a: Dim, b: Dim): Dim => combine(a, b, 1)
export const over = (a: Dim, b: Dim): Dim => combine(a, b, -1)
export const power = (a: Dim, exponent: number): Dim =>
  exponent === 0 ? NONE : Object.fromEntries(Object.entries(a).map(([key, value]) => [key, value * exponent]))

const pick = (dim: Dim, wanted: (key: string) => boolean): Dim =>
  Object.fromEntries(Object.entries(dim).filter(([key]) => wanted(key)))

export const hardOf = (dim: Dim): Dim => pick(dim, (key) => !isNoun(key))
export const nounsOf = (dim: Dim): Dim => pick(dim, isNoun)
export const isEmpty = (dim: Dim): boolean => Object.keys(dim).length === 0

export const sameDim = (a: Dim, b: Dim): boolean => isEmpty(over(a, b))
export const sameHard = (a: Dim, b: Dim): boolean => sameDim(hardOf(a), hardOf(b))

const isWithin = (part: Dim, whole: Dim): boolean => Object.entries(part).every(([key, value]) => whole[key] === value)

/**
 * What a sum of the two is a number of, or undefined when they cannot be added or compared: the hard kinds must be equal, and
 * the nouns of one must be among those of the other.
 */
export function common(a: Dim, b: Dim): Dim | undefined {
  if (!sameHard(a, b)) return undefined
  if (isWithin(nounsOf(a), nounsOf(b))) return b
  return isWithin(nounsOf(b), nounsOf(a)) ? a : undefined
}

/** The one noun a count is a number of (`session`), when it is one. */
export function singleNoun(dim: Dim): string | undefined {
  const entries = Object.entries(dim)
  const [key, exponent] = entries[0] ?? []
  return entries.length === 1 && exponent === 1 && key !== undefined && isNoun(key) ? key.slice(1) : undefined
}
