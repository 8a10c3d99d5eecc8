// Why a claim is probably wrong: tries, in the order of how telling they are, what people do wrong in such plans, and keeps what would
// make the claim right.
import type { Slip } from '../result.ts'
import { common, isNoun, singleNoun } from '../units/dimension.ts'
import { fittingUnit, showNumber, showRange } from '../units/show.ts'
import { type Change, inputChanges, putInPlace, setTo, structuralChanges, valueText } from './changes.ts'
import { hits } from './matching.ts'
import { boundsIn, restsOn, type Subject } from './subject.ts'
import { unitFactors } from './unit-factors.ts'

const MAX_SLIPS = 4
const MAX_SWAPS = 400
/** A whole number below this is met by chance too often to say that it is another quantity. */
const TELLING = 10

const slip = (kind: Slip['kind'], sentence: string, about: string | null): Slip => ({ kind, sentence, about })

const tried = (subject: Subject, changes: readonly Change[]): Slip[] =>
  changes
    .filter((change) => subject.holdsWith(change.changes))
    .map(({ kind, sentence, about }) => slip(kind, sentence, about))

function byUnit(subject: Subject): Slip[] {
  const { dim } = subject.model.graph.node(subject.model.expression(subject.of, subject.month))
  const names = restsOn(subject)
  const kinds = names.map((name) => subject.model.graph.node(subject.model.node(name)).dim)
  const has = {
    time: [dim, ...kinds].some((each) => each.time !== undefined),
    data: [dim, ...kinds].some((each) => each.data !== undefined),
  }
  return unitFactors(subject.model.context.monthSeconds / 3_600, has).flatMap(({ factor, kind, what }) => {
    if (!subject.holdsTimes(factor) && !subject.holdsTimes(1 / factor)) return []
    return [slip(kind, `${what} are mixed up (a factor of ${showNumber(factor)})`, null)]
  })
}

const PERIODS: readonly (readonly [seconds: number, name: string])[] = [
  [60, 'minute'],
  [3_600, 'hour'],
  [86_400, 'day'],
]

/** A length of time of the plan taken for a minute, an hour, a day or a month. */
function byPeriod(subject: Subject): Slip[] {
  const { model } = subject
  const periods = [...PERIODS, [model.context.monthSeconds, 'month'] as const]
  const isWritten = (name: string) => model.definitions.get(name)?.line !== undefined
  const lengths = restsOn(subject).filter((name) => {
    const { dim } = model.graph.node(model.node(name))
    return isWritten(name) && dim.time === 1 && Object.keys(dim).every((key) => key === 'time' || isNoun(key))
  })
  return lengths.flatMap((name) => {
    const length = boundsIn(model, { kind: 'name', name, month: undefined, offset: 0 }, undefined)
    if (length.low !== length.high) return []
    return periods.flatMap(([seconds, period]) => {
      const ratio = length.typical / seconds
      if (Math.abs(ratio - 1) < 1e-9 || (!subject.holdsTimes(ratio) && !subject.holdsTimes(1 / ratio))) return []
      return [
        slip('basePeriod', `a value per ${name} (${valueText(model, name)}) is taken for one per ${period}`, name),
      ]
    })
  })
}

const writtenNames = ({ model }: Subject): string[] =>
  [...model.definitions.values()].filter((definition) => definition.line !== undefined).map(({ name }) => name)

/** One end of a range taken for the whole. */
function byRangeEnd(subject: Subject): Slip[] {
  const { claimed, right, model, leniency } = subject
  if (claimed === undefined || right.low === right.high || claimed.bound !== undefined) return []
  const node = model.graph.node(model.expression(subject.of, subject.month))
  const unit =
    node.unit?.foreign === undefined && node.unit !== undefined
      ? node.unit
      : fittingUnit(node.dim, right.typical, model.context)
  const text = showRange(right, unit, model.context)
  if (claimed.low < claimed.high) {
    const point = (value: number) => ({ low: value, typical: value, high: value })
    const ends = [
      hits({ ...claimed, high: claimed.low }, point(right.low), leniency) ? 'lower' : '',
      hits({ ...claimed, low: claimed.high, lowStep: claimed.highStep }, point(right.high), leniency) ? 'upper' : '',
    ].filter((end) => end !== '')
    if (ends.length === 1)
      return [slip('rangeEnd', `the ${ends[0]} end is right, the other is not: what follows is ${text}`, null)]
  }
  const overlaps = claimed.low <= right.high && claimed.high >= right.low
  return overlaps ? [slip('rangeEnd', `the range is narrower than what it comes from: ${text}`, null)] : []
}

/** The number of something else. */
function byOther(subject: Subject): Slip[] {
  const { model, claimed, leniency } = subject
  if (claimed === undefined || claimed.bound !== undefined) return []
  const isSmall = Number.isInteger(claimed.low / claimed.lowStep) && Math.abs(claimed.low / claimed.lowStep) < TELLING
  if (isSmall) return []
  const own = subject.of.kind === 'name' ? subject.of.name : ''
  const rests = new Set(restsOn(subject))
  const found: Slip[] = []
  for (const { name, repeated } of model.definitions.values()) {
    if (name === own || repeated === true || rests.has(name) || found.length >= 2) continue
    const { dim } = model.graph.node(model.node(name))
    if (common(dim, claimed.dim) === undefined) continue
    const bounds = boundsIn(model, { kind: 'name', name, month: undefined, offset: 0 }, undefined)
    if (hits(claimed, bounds, { ...leniency, tolerance: undefined }) && bounds.typical !== 0) {
      found.push(slip('otherQuantity', `it is ${name} (${valueText(model, name)})`, name))
    }
  }
  return found
}

/** One input in the place of another of the same kind. */
function bySwap(subject: Subject): Slip[] {
  const { model } = subject
  const written = writtenNames(subject)
  const used = restsOn(subject).filter((name) => written.includes(name))
  let left = MAX_SWAPS
  for (const name of used) {
    const { dim } = model.graph.node(model.node(name))
    for (const other of written) {
      if (other === name || used.includes(other)) continue
      const kind = model.graph.node(model.node(other)).dim
      if (JSON.stringify(kind) !== JSON.stringify(dim)) continue
      left -= 1
      if (left < 0) return []
      const changes = putInPlace(model, name, other)
      if (changes.size === 0 || !subject.holdsWith(changes)) continue
      return [
        slip(
          'otherQuantity',
          `${other} (${valueText(model, other)}) is used in the place of ${name} (${valueText(model, name)})`,
          other,
        ),
      ]
    }
  }
  return []
}

/** Less than follows, by a reserve that nothing names. Only for what something holds. */
function byUnstatedReserve(subject: Subject): Slip[] {
  const { claimed, right, model } = subject
  if (claimed === undefined || claimed.bound !== undefined || !(claimed.high < right.low)) return []
  const { dim } = model.graph.node(model.expression(subject.of, subject.month))
  const noun = singleNoun(dim)
  if (noun === undefined || noun === 'instance') return []
  const shares = [1 - claimed.low / right.low, 1 - claimed.high / right.high].sort((a, b) => a - b)
  const [low, high] = shares.map((share) => Math.round(share * 100))
  const text = low === high ? `${low}%` : `${low}..${high}%`
  return [slip('unstatedReserve', `it would follow with a reserve of ${text}, which the plan does not name`, null)]
}

const HALVINGS = 60

/** The value of one written input with which the claim would hold; undefined when none within a factor of 1,000 does. */
function solve(subject: Subject, name: string): number | undefined {
  const { model, claimed } = subject
  if (claimed === undefined) return undefined
  const wanted = (claimed.low + claimed.high) / 2
  const at = (value: number) =>
    boundsIn(model.with(setTo(model, name, value)), subject.of, subject.month).typical - wanted
  const now = boundsIn(model, { kind: 'name', name, month: undefined, offset: 0 }, undefined).typical
  if (now <= 0) return undefined
  let [low, high] = [now / 1_000, now * 1_000]
  const [atLow, atHigh] = [at(low), at(high)]
  if (!Number.isFinite(atLow) || !Number.isFinite(atHigh) || atLow * atHigh > 0) return undefined
  for (let count = 0; count < HALVINGS && high / low > 1 + 1e-7; count += 1) {
    const middle = Math.sqrt(low * high)
    if (at(middle) * atLow > 0) low = middle
    else high = middle
  }
  return high
}

/** The input that would have to change least for the claim to hold. */
function byWouldHold(subject: Subject): Slip[] {
  const { model, claimed } = subject
  if (claimed === undefined || claimed.bound !== undefined) return []
  const written = restsOn(subject).filter((name) => model.definitions.get(name)?.line !== undefined)
  const solved = written.flatMap((name) => {
    const value = solve(subject, name)
    if (value === undefined) return []
    const now = boundsIn(model, { kind: 'name', name, month: undefined, offset: 0 }, undefined).typical
    return [{ name, value, off: Math.abs(Math.log(value / now)) }]
  })
  const nearest = solved.sort((a, b) => a.off - b.off)[0]
  if (nearest === undefined) return []
  const node = model.graph.node(model.node(nearest.name))
  const unit =
    node.unit?.foreign === undefined && node.unit !== undefined
      ? node.unit
      : fittingUnit(node.dim, nearest.value, model.context)
  const text = showRange({ low: nearest.value, typical: nearest.value, high: nearest.value }, unit, model.context)
  return [
    slip(
      'wouldHold',
      `it would hold if ${nearest.name} were ${text} instead of ${valueText(model, nearest.name)}`,
      nearest.name,
    ),
  ]
}

/** The probable slips, the most telling first; the costly ones only when nothing simpler was found. */
export function slipsOf(subject: Subject, also: Parameters<typeof restsOn>[1] = []): Slip[] {
  const names = restsOn(subject, also)
  const found: Slip[] = []
  const searches: readonly (() => Slip[])[] = [
    () => tried(subject, structuralChanges(subject.model, names)),
    () => byUnit(subject),
    () => byRangeEnd(subject),
    // What is left out makes any comparison hold: that explains nothing.
    () => (subject.claimed === undefined ? [] : tried(subject, inputChanges(subject.model, names))),
    () => byPeriod(subject),
    () => byOther(subject),
  ]
  for (const search of searches) if (found.length < MAX_SLIPS) found.push(...search())
  for (const search of [() => bySwap(subject), () => byUnstatedReserve(subject), () => byWouldHold(subject)]) {
    if (found.length === 0) found.push(...search())
  }
  const seen = new Set<string>()
  return found.filter(({ sentence }) => !seen.has(sentence) && seen.add(sentence)).slice(0, MAX_SLIPS)
}
