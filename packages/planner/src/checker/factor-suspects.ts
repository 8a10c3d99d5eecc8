// Slips that are a factor: units and periods.

import type { Node } from '../graph/node.ts'
import { HARD } from '../units/dimension.ts'
import { type Case, labelOf, nodesOf, type Suspect } from './suspect.ts'

interface Known {
  readonly factor: number
  readonly kind: 'unit' | 'basePeriod'
  /** What must be in the claim or what it rests on. */
  readonly when: 'time' | 'data' | 'share'
  readonly words: string
}

const KNOWN: readonly Known[] = [
  { factor: 8, kind: 'unit', when: 'data', words: 'bits and bytes' },
  { factor: 1000, kind: 'unit', when: 'data', words: 'a step of a thousand between units of data' },
  { factor: 1e6, kind: 'unit', when: 'data', words: 'two steps of a thousand between units of data' },
  { factor: 1.024, kind: 'unit', when: 'data', words: 'KiB and KB' },
  { factor: 1.024 ** 2, kind: 'unit', when: 'data', words: 'MiB and MB' },
  { factor: 1.024 ** 3, kind: 'unit', when: 'data', words: 'GiB and GB' },
  { factor: 60, kind: 'unit', when: 'time', words: 'minutes and hours, or seconds and minutes' },
  { factor: 3600, kind: 'unit', when: 'time', words: 'seconds and hours' },
  { factor: 1000, kind: 'unit', when: 'time', words: 'milliseconds and seconds' },
  { factor: 100, kind: 'unit', when: 'share', words: 'per cent and ratio' },
  { factor: 24, kind: 'basePeriod', when: 'time', words: 'hours and days' },
  { factor: 7, kind: 'basePeriod', when: 'time', words: 'days and weeks' },
  { factor: 30, kind: 'basePeriod', when: 'time', words: 'days and months' },
  { factor: 365 / 12, kind: 'basePeriod', when: 'time', words: 'days and months' },
  { factor: 12, kind: 'basePeriod', when: 'time', words: 'months and years' },
  { factor: 365, kind: 'basePeriod', when: 'time', words: 'days and years' },
  { factor: 52, kind: 'basePeriod', when: 'time', words: 'weeks and years' },
  { factor: 30 / 7, kind: 'basePeriod', when: 'time', words: 'weeks and months' },
  { factor: 168, kind: 'basePeriod', when: 'time', words: 'hours and weeks' },
  { factor: 720, kind: 'basePeriod', when: 'time', words: 'hours and months' },
  { factor: 730, kind: 'basePeriod', when: 'time', words: 'hours and months' },
  { factor: 8760, kind: 'basePeriod', when: 'time', words: 'hours and years' },
]

const UNIT_WEIGHT = 6
const PERIOD_WEIGHT = 6.5
/** A period that the plan itself names is likelier than one that everybody knows. */
const NAMED_PERIOD_WEIGHT = 7

const PERIODS: readonly (readonly [seconds: number, word: string])[] = [
  [1, 'second'],
  [60, 'minute'],
  [3600, 'hour'],
  [86_400, 'day'],
  [604_800, 'week'],
]

const has = (node: Node, kind: string): boolean => Object.hasOwn(node.dim, kind)
const isShare = (node: Node): boolean => node.unit?.text.startsWith('%') === true

function isPresent(of: Case, when: Known['when']): boolean {
  return nodesOf(of).some((node) => (when === 'share' ? isShare(node) : has(node, when)))
}

const times = (factor: number): string => (factor >= 1 ? 'too high' : 'too low')

function knownFactors(of: Case): Suspect[] {
  return KNOWN.filter(({ when }) => isPresent(of, when)).flatMap(({ factor, kind, words }) =>
    [factor, 1 / factor].map((by) => ({
      kind,
      about: null,
      sentence: () =>
        kind === 'unit'
          ? `It is ${times(by)} by the ${digits(factor)} between ${words}: a slip of units.`
          : `It is ${times(by)} by the ${digits(factor)} between ${words}: one was taken for the other.`,
      weight: kind === 'unit' ? UNIT_WEIGHT : PERIOD_WEIGHT,
      changes: [],
      factor: by,
      strict: factor < 1.5,
    })),
  )
}

const digits = (value: number): string => String(Number(value.toPrecision(4)))

/** True for a plain length of time: nothing else hard is in it. */
const isTime = (node: Node): boolean => node.dim.time === 1 && HARD.every((kind) => kind === 'time' || !has(node, kind))

/** Each length of time that the plan names, taken for an hour (day, week ...) or the other way round. */
function namedPeriods(of: Case): Suspect[] {
  const lengths = nodesOf(of).filter((node) => isTime(node) && labelOf(node) !== undefined && node.op === 'input')
  return lengths.flatMap((node) =>
    PERIODS.flatMap(([seconds, word]) => {
      const factor = node.typical / seconds
      if (factor === 1 || !Number.isFinite(factor) || factor === 0) return []
      const name = labelOf(node) as string
      const length = of.show(node.typical, node)
      return [factor, 1 / factor].map((by) => ({
        kind: 'basePeriod' as const,
        about: name,
        sentence: () =>
          `It is ${times(by)} by ${length} over one ${word}: what is per ${name} (${length}) and what is per ${word} were mixed.`,
        weight: NAMED_PERIOD_WEIGHT,
        changes: [],
        factor: by,
      }))
    }),
  )
}

export const factorSuspects = (of: Case): Suspect[] => [...namedPeriods(of), ...knownFactors(of)]
