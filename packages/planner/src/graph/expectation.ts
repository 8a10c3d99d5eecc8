// What a place in the plan file takes, and what to say when it gets something else.
import type { Dimension } from '../plan-file.ts'
import { type Dim, hardOf, isEmpty, nounsOf, over, sameHard } from '../units/dimension.ts'
import { fittingUnit } from '../units/show.ts'
import type { UnitContext } from '../units/unit.ts'
import { CompileProblem } from './compile-problem.ts'
import type { Definition } from './definition.ts'

interface Expected {
  readonly hard: Dim
  readonly what: string
  readonly example: string
}

const EXPECTED: Readonly<Record<Exclude<Dimension, 'any' | 'resource'>, Expected>> = {
  ratio: { hard: {}, what: 'a share', example: '20%' },
  count: { hard: {}, what: 'a count', example: '100 sessions' },
  time: { hard: { time: 1 }, what: 'a time', example: '45 min' },
  data: { hard: { data: 1 }, what: 'an amount of data', example: '50 MB' },
  money: { hard: { money: 1 }, what: 'an amount of money', example: '$5' },
  moneyRate: { hard: { money: 1, time: -1 }, what: 'money per time', example: '$37/month' },
  rate: { hard: { time: -1 }, what: 'how often per time', example: '12 requests/min' },
  cpu: { hard: { core: 1 }, what: 'processor time', example: '2.5% cpu' },
}

/** `data/time` for people: `Mbps`. */
export function describeDim(dim: Dim, context: UnitContext): string {
  if (isEmpty(dim)) return 'a plain number'
  return `in ${fittingUnit(dim, 1e7, context).text}`
}

function mismatch(definition: Definition, dim: Dim, expected: Expected, context: UnitContext): CompileProblem {
  const { path, name } = definition
  const at = path ?? name
  const example = definition.example ?? expected.example
  if (isEmpty(hardOf(dim)) && !isEmpty(expected.hard)) {
    return new CompileProblem(
      'MISSING_UNIT',
      `${at} has no unit, or one that does not fit; it must be ${expected.what}: ${example}`,
      0,
    )
  }
  return new CompileProblem(
    'WRONG_DIMENSION',
    `${at} is ${describeDim(dim, context)}; it must be ${expected.what}: ${example}`,
    0,
  )
}

/** Throws when a definition's value is of another kind than its place takes; returns what the value is a number of. */
export function checkedDim(definition: Definition, dim: Dim, context: UnitContext): Dim {
  const { expect, as } = definition
  if (expect !== undefined && expect !== 'any' && expect !== 'resource') {
    const expected = EXPECTED[expect]
    if (!sameHard(dim, expected.hard)) throw mismatch(definition, dim, expected, context)
  }
  if (as === undefined) return dim
  if (!sameHard(dim, as)) {
    const what = `${describeDim(as, context).replace(/^in /, 'in ')}`
    throw mismatch(definition, dim, { hard: hardOf(as), what, example: fittingUnit(as, 1e7, context).text }, context)
  }
  // What is counted must be the right thing; "per something" may be said or left out.
  const strays = Object.entries(over(nounsOf(dim), nounsOf(as))).some(
    ([key, exponent]) => exponent > 0 && (as[key] ?? 0) <= 0,
  )
  if (strays && expect === 'resource') {
    const problem = `${definition.path} is ${describeDim(dim, context)}; it must be ${describeDim(as, context)}`
    throw new CompileProblem('WRONG_DIMENSION', problem, 0)
  }
  return as
}
