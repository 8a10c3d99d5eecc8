// Every claim of a plan: judged first, those that are wrong then explained with the others at hand.
import type { Result } from '@parley/kernel'
import type { ClaimLayout } from '../build/questions.ts'
import { readExpression } from '../build/written.ts'
import type { Expr } from '../expression/ast.ts'
import { Evaluation, typicalOf } from '../graph/evaluate.ts'
import type { NodeId } from '../graph/node.ts'
import type { ClaimResult, Quantity, Slip } from '../result.ts'
import type { Unit } from '../units/unit.ts'
import { slipsOfCase } from './claim-case.ts'
import { type BareValue, type ClaimValue, readClaimValue } from './claim-value.ts'
import { type Judgement, judgeHolds, judgeValue, type State, unknown } from './judge.ts'
import type { WrongClaim } from './slips.ts'
import { contradictedBy, type TopicClaim, topicsOf } from './topics.ts'
import { fits, judgementWords, listOf } from './words.ts'

/** What the checker takes from the plan. */
export interface CheckSource {
  readonly claims: readonly ClaimLayout[]
  /** The plan with the values of a claim's stage and its own set; the same answer for the same values. */
  readonly stateOf: (claim: ClaimLayout) => Result<State, string>
  /** A node as a number of the answer, in a unit if one is told. */
  readonly quantity: (state: State, node: NodeId, name: string, unit: Unit | undefined) => Quantity
}

interface Judged {
  readonly layout: ClaimLayout
  readonly state: State | undefined
  readonly value: ClaimValue | undefined
  readonly judgement: Judgement
  /** Month that the judgement is about. */
  readonly month: number | undefined
  readonly failingMonths: readonly number[]
  /** Name or expression that gives the right value. */
  readonly of: string | undefined
}

interface Settled extends Judged {
  /** Claims about the topic that say something else. */
  readonly against: readonly TopicClaim[]
}

const monthsOf = ({ claim }: ClaimLayout): readonly (number | undefined)[] =>
  claim.at === undefined ? [undefined] : [claim.at].flat()

/** The value of a claim as a number; a tolerance that cannot be read is none. */
function claimValueOf({ claim }: ClaimLayout, { model }: State): Result<ClaimValue, string> | undefined {
  if (claim.value === undefined) return undefined
  const worthOf = (currency: string) => new Evaluation(model.graph, typicalOf).value(model.node(`exchange.${currency}`))
  const tolerance = claim.tolerance === undefined ? undefined : toleranceOf(claim.tolerance, model.context)
  const options = { context: model.context, worthOf, rounding: claim.rounding ?? 'any', tolerance } as const
  const read = readClaimValue(claim.value as BareValue, options)
  return read.ok ? read : { ok: false, error: read.error.message }
}

function toleranceOf(
  written: NonNullable<ClaimLayout['claim']['tolerance']>,
  context: State['model']['context'],
): number | undefined {
  const bare =
    typeof written === 'object' && !Array.isArray(written)
      ? (written.given ?? written.assumed ?? written.measured)
      : written
  if (bare === undefined) return undefined
  const expr = readExpression(bare as BareValue, context)
  if (!expr.ok || expr.value.kind !== 'literal') return undefined
  return (expr.value.high * expr.value.unit.num) / expr.value.unit.den
}

/** Judges each month; the first in which it is wrong counts, then the first that is open. */
function overMonths(layout: ClaimLayout, judge: (month: number | undefined) => Judgement) {
  const each = monthsOf(layout).map((month) => ({ month, judgement: judge(month) }))
  const failing = each.filter(({ judgement }) => judgement.verdict === 'wrong')
  const shown =
    failing[0] ?? each.find(({ judgement }) => judgement.verdict !== 'ok') ?? (each[0] as (typeof each)[number])
  const isList = Array.isArray(layout.claim.at)
  return { ...shown, failingMonths: isList ? failing.map(({ month }) => month as number) : [] }
}

/** An expression that a claim about the same topic is about, for one that says nothing of it. */
function borrowed(layout: ClaimLayout, all: readonly ClaimLayout[]): ClaimLayout | undefined {
  const { about } = layout.claim
  if (about === undefined) return undefined
  return all.find((other) => other.claim.about === about && other.of !== undefined)
}

function judge(source: CheckSource, layout: ClaimLayout): Judged {
  const lender = layout.of === undefined && layout.holds === undefined ? borrowed(layout, source.claims) : undefined
  const read = source.stateOf(lender ?? layout)
  const none = { layout, state: undefined, value: undefined, month: undefined, failingMonths: [], of: undefined }
  if (!read.ok) return { ...none, judgement: unknown([], read.error) }
  const state = read.value
  const value = claimValueOf(layout, state)
  if (value !== undefined && !value.ok) return { ...none, state, judgement: unknown([], value.error) }
  const { holds } = layout
  if (holds !== undefined) {
    const outcome = overMonths(layout, (month) => judgeHolds(state, holds, month))
    return { layout, state, value: undefined, of: layout.claim.holds, ...outcome }
  }
  const of: Expr | undefined = layout.of ?? lender?.of
  if (of === undefined || value === undefined) {
    return { ...none, state, value: value?.value, judgement: unknown([], 'the plan does not say what it follows from') }
  }
  const outcome = overMonths(lender ?? layout, (month) => judgeValue(state, of, value.value, month))
  return { layout, state, value: value.value, of: layout.claim.of ?? lender?.claim.of, ...outcome }
}

/** Claims about one topic of which none follows from the plan. */
function settle(judged: readonly Judged[]): Settled[] {
  const claims = judged.flatMap(({ layout, value }): TopicClaim[] =>
    layout.claim.about === undefined || value === undefined
      ? []
      : [{ number: layout.number, topic: layout.claim.about, value }],
  )
  const topics = topicsOf(claims)
  return judged.map((each) => {
    const topic = topics.find((some) => some.some(({ number }) => number === each.layout.number))
    const own = topic?.find(({ number }) => number === each.layout.number)
    return { ...each, against: topic && own ? contradictedBy(own, topic) : [] }
  })
}

const isWrong = ({ judgement, against }: Settled): boolean =>
  judgement.verdict === 'wrong' || (judgement.verdict === 'unknown' && against.length > 0)

function wrongClaims(of: Settled, all: readonly Settled[]): WrongClaim[] {
  return all.flatMap((other): WrongClaim[] => {
    const { judgement, value, layout } = other
    if (other === of || other.state !== of.state || other.month !== of.month) return []
    if (judgement.verdict !== 'wrong' || judgement.kind !== 'value' || value === undefined) return []
    return [
      { number: layout.number, node: judgement.root, value: (value.claimed.low.value + value.claimed.high.value) / 2 },
    ]
  })
}

function contradictionSlips({ against }: Settled, all: readonly Settled[]): Slip[] {
  return against.map(({ number, value }) => {
    const other = all.find(({ layout }) => layout.number === number)
    const where = other?.layout.claim.where
    const place = where === undefined ? '' : ` (${where})`
    return {
      kind: 'contradiction',
      about: `claim ${number}`,
      sentence: `Claim ${number}${place} says ${value.text} about the same.`,
    }
  })
}

function rightQuantity(source: CheckSource, { judgement, state, value, of, month }: Judged): Quantity | null {
  if (state === undefined || judgement.kind === 'missing') return null
  const node = judgement.kind === 'holds' ? judgement.left : judgement.root
  const own = state.model.graph.node(node).name
  const name = own === '' ? (of ?? '') : own
  const unit = fits(value?.unit, state, node) ? value.unit : undefined
  return source.quantity(state, node, month === undefined || own !== '' ? name : `at(${name}, ${month})`, unit)
}

function sentenceOf(settled: Settled, claimed: string, slip: Slip | undefined): string {
  const { judgement, state, failingMonths, month } = settled
  const contradicts = judgement.verdict === 'unknown' && settled.against.length > 0
  const said = contradicts
    ? 'It contradicts what the plan says elsewhere, and nothing tells which is right.'
    : state === undefined
      ? `It cannot be worked out: ${judgement.kind === 'missing' ? judgement.message : ''}.`
      : judgementWords(state, judgement, claimed, settled.value?.unit)
  const some =
    failingMonths.length > 0
      ? `Not so in ${failingMonths.length === 1 ? 'month' : 'months'} ${listOf(failingMonths)}. In month ${month}: `
      : ''
  const fits = slip !== undefined && !said.includes(slip.sentence) ? ` ${slip.sentence}` : ''
  return `${some}${said}${fits}`
}

function resultOf(source: CheckSource, settled: Settled, all: readonly Settled[]): ClaimResult {
  const { layout, judgement, state, value, month } = settled
  const claimed = value?.text ?? layout.claim.holds ?? `${layout.claim.value ?? ''}`
  const wrong = isWrong(settled)
  const tried =
    wrong && state !== undefined
      ? slipsOfCase({
          number: layout.number,
          state,
          judgement,
          claimed: value?.claimed,
          unit: value?.unit,
          month,
          wrong: wrongClaims(settled, all),
        })
      : []
  const slips = wrong ? [...tried, ...contradictionSlips(settled, all)] : []
  const [slip] = slips
  return {
    number: layout.number,
    claim: layout.claim.claim,
    where: layout.claim.where ?? null,
    line: layout.line,
    verdict: wrong ? 'wrong' : judgement.verdict === 'ok' ? 'ok' : 'not-derivable',
    claimed,
    right: rightQuantity(source, settled),
    factor: judgement.kind === 'value' && wrong ? judgement.factor : null,
    slip: slip ?? null,
    otherSlips: slips.slice(1),
    sentence: sentenceOf(settled, claimed, slip),
    missing: judgement.kind === 'missing' ? [...judgement.missing] : [],
    failingMonths: [...settled.failingMonths],
  }
}

/** Recomputes every claim, in the order of the file. */
export function checkClaims(source: CheckSource): ClaimResult[] {
  const all = settle(source.claims.map((layout) => judge(source, layout)))
  return all.map((settled) => resultOf(source, settled, all))
}
