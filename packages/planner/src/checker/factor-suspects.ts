// Slips that are a factor: units and periods.

import type { Node } from '../graph/node.ts'
import { HARD, hardOf, isEmpty } from '../units/dimension.ts'
import { type Case, isUnity, labelOf, nodesOf, placeOf, type Suspect } from './suspect.ts'
import { constant, type Rebuild } from './trial.ts'
import { significantDigits } from './written.ts'

interface Known {
  readonly factor: number
  readonly kind: 'unit' | 'basePeriod'
  /** What it must be a number of. */
  readonly when: 'time' | 'data' | 'share'
  readonly words: string
  /** Unit that an input must be written in for it. */
  readonly of?: string
}

const KNOWN: readonly Known[] = [
  { factor: 8, kind: 'unit', when: 'data', words: 'bits and bytes' },
  { factor: 1000, kind: 'unit', when: 'data', words: 'a step of a thousand between units of data' },
  { factor: 1e6, kind: 'unit', when: 'data', words: 'two steps of a thousand between units of data' },
  { factor: 1.024, kind: 'unit', when: 'data', words: 'KiB and KB', of: 'K' },
  { factor: 1.024 ** 2, kind: 'unit', when: 'data', words: 'MiB and MB', of: 'M' },
  { factor: 1.024 ** 3, kind: 'unit', when: 'data', words: 'GiB and GB', of: 'G' },
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
const INPUT_WEIGHT = 5.2
const PER_STEP = 0.93
const TELLING_DIGITS = 2
/** A smaller one in one of many inputs is told from nothing by hardly any claim. */
const LEAST_INPUT_FACTOR = 1.04

const PERIODS: readonly (readonly [seconds: number, word: string])[] = [
  [1, 'second'],
  [60, 'minute'],
  [3600, 'hour'],
  [86_400, 'day'],
  [604_800, 'week'],
]

const has = (node: Node, kind: string): boolean => Object.hasOwn(node.dim, kind)
const isShare = (node: Node): boolean => node.unit?.text.startsWith('%') === true

/** The outcome is off as a whole only by a factor of what it is a number of. */
function concerns(of: Case, when: Known['when']): boolean {
  const root = of.graph.node(of.root)
  return when === 'share' ? isEmpty(hardOf(root.dim)) : has(root, when)
}

const times = (factor: number): string => (factor >= 1 ? 'too high' : 'too low')

function knownFactors(of: Case): Suspect[] {
  return KNOWN.filter(({ when }) => concerns(of, when)).flatMap(({ factor, kind, words }) =>
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

/** What an input must be for a factor to have slipped into it. */
function isAbout(of: Case, node: Node, { when, of: prefix }: Known): boolean {
  if (prefix !== undefined && !of.unitOf(node).text.startsWith(prefix)) return false
  return when === 'share' ? isShare(node) && node.typical !== 0 : has(node, when)
}

/** The same slips in one input, where they go through steps that are no products: a limit, a rounding, a sum. */
function inputFactors(of: Case): Suspect[] {
  // Among so many inputs and factors, a number of one digit fits one by chance.
  if (Math.max(significantDigits(of.claimed.low), significantDigits(of.claimed.high)) < TELLING_DIGITS) return []
  const inputs = [...of.depths].flatMap(([id, depth]) => {
    const node = of.graph.node(id)
    return node.op === 'input' && labelOf(node) !== undefined && !isUnity(node) ? [{ node, depth }] : []
  })
  return inputs.flatMap(({ node, depth }) =>
    KNOWN.filter((known) => isAbout(of, node, known) && known.factor >= LEAST_INPUT_FACTOR).flatMap((known) =>
      [known.factor, 1 / known.factor].map(
        (by): Suspect => ({
          kind: known.kind,
          about: placeOf(of, node),
          sentence: () =>
            `${placeOf(of, node)} is off by the ${digits(known.factor)} between ${known.words}: counted as ${of.show(node.typical * by, node)} instead of ${of.show(node.typical, node)}.`,
          weight: INPUT_WEIGHT * PER_STEP ** depth,
          changes: [{ node: node.id, to: scaled(node, by) }],
          factor: 1,
        }),
      ),
    ),
  )
}

const scaled =
  (node: Node, by: number): Rebuild =>
  (self, add) =>
    add({ op: 'mul', args: [self, add(constant(by))], dim: node.dim, because: [] })

/** Slips of the outcome as a whole; what a carried number may be off by besides. */
export const wholeFactors = (of: Case): Suspect[] => [...namedPeriods(of), ...knownFactors(of)]

export const factorSuspects = (of: Case): Suspect[] => [...wholeFactors(of), ...inputFactors(of)]
