// What the planner answers with, as schemas (published for --json) and types. All of it is plain data that survives JSON.
import { type Static, type TSchema, Type } from 'typebox'
import { STANDINGS } from './plan-file.ts'

const list = <T extends TSchema>(schema: T, description?: string) =>
  Type.Array(schema, description === undefined ? {} : { description })
const orNull = <T extends TSchema>(schema: T, description?: string) =>
  Type.Union([schema, Type.Null()], description === undefined ? {} : { description })

/** A number of the answer. `name` is what `--why` takes. */
export const QuantitySchema = Type.Object(
  {
    name: Type.String({ description: 'Name in the graph, for --why: `app.memory.limit`.' }),
    low: orNull(Type.Number(), 'Least it can be; null when it has no lower bound.'),
    typical: orNull(Type.Number(), 'With every range at its typical value; null when unbounded.'),
    high: orNull(Type.Number(), 'Most it can be; null when it has no upper bound.'),
    unit: Type.String({ description: '`sessions`, `USD/month`, `MB`; empty for plain numbers; `%` for shares.' }),
    standing: Type.Enum([...STANDINGS], { description: 'The weakest of what it was computed from.' }),
    method: Type.Enum(['exact', 'enclosed', 'sampled'], {
      description:
        'exact: both ends are reached. enclosed: it is certainly inside; `widthRatio` says how tight that is. sampled: what seeded samples gave (crossings only).',
    }),
    widthRatio: Type.Number({
      description: 'Width of the range over the width seen in samples, at least 1; 1 when exact.',
    }),
    text: Type.String({ description: 'For people: `186 sessions (130..280)`.' }),
  },
  { $id: 'Quantity' },
)
export type Quantity = Static<typeof QuantitySchema>

/** A quantity inside a larger schema. */
const quantity = (description?: string) =>
  Type.Unsafe<Quantity>({ $ref: '#/$defs/Quantity', ...(description === undefined ? {} : { description }) })

export const ResourceResultSchema = Type.Object({
  name: Type.String({ description: '`memory`; `capacity` when the tier states what an instance holds.' }),
  limit: quantity(),
  scope: Type.Enum(['instance', 'shared'], { description: 'shared: a budget of all instances together.' }),
  has: orNull(quantity()),
  taken: list(quantity(), 'What is in use before the first session, and amounts kept of this resource.'),
  available: orNull(quantity()),
  need: orNull(quantity(), 'Of one unit of the load.'),
  oneLoop: Type.Boolean({ description: 'True when one event loop bounds it below what the machine has.' }),
  binding: Type.Boolean(),
})

export const ReserveResultSchema = Type.Object({
  name: Type.String(),
  share: quantity(),
  keeps: quantity('How much capacity it keeps free.'),
  note: orNull(Type.String()),
})

export const TierResultSchema = Type.Object({
  name: Type.String(),
  label: Type.String(),
  unit: Type.String({ description: 'Plural noun that its capacity is counted in.' }),
  machine: orNull(Type.String()),
  resources: list(ResourceResultSchema, 'In the order of their limits, tightest first.'),
  binding: orNull(Type.String({ description: 'Resource with the lowest typical limit.' })),
  limit: orNull(quantity(), 'Lowest of the limits, for one instance.'),
  reserves: list(ReserveResultSchema),
  realistic: orNull(quantity(), 'limit less the reserves, in whole units.'),
  load: orNull(quantity(), 'What the tier must carry, without buffers.'),
  buffers: list(quantity()),
  needed: orNull(quantity(), 'Instances that carry the load with its buffers.'),
  instances: orNull(quantity(), 'needed, plus those that may fail; or as stated.'),
  stated: Type.Boolean({ description: 'instances is stated by the plan, not computed.' }),
  surviveFailures: Type.Integer(),
  sufficient: orNull(
    Type.Boolean(),
    'For stated instances and bounds: whether they carry the load, at its typical value.',
  ),
  capacity: orNull(quantity(), 'Of all instances together, shared budgets included.'),
  usedRatio: orNull(quantity(), 'load over capacity.'),
  price: orNull(quantity(), 'Of one instance.'),
  cost: orNull(quantity()),
})

export const WorkloadResultSchema = Type.Object({
  name: Type.String(),
  label: Type.String(),
  plural: Type.String(),
  concurrent: orNull(quantity()),
  needs: list(Type.Object({ resource: Type.String(), total: quantity(), parts: list(quantity()) })),
})

export const CostLineSchema = Type.Object({
  name: Type.String(),
  label: Type.String(),
  tier: orNull(Type.String()),
  amount: orNull(quantity()),
  free: orNull(quantity()),
  price: orNull(quantity()),
  fixed: orNull(quantity()),
  cost: quantity('Per month, before savings.'),
  afterSavings: quantity(),
  shareOfTotal: quantity(),
})

export const SavingResultSchema = Type.Object({
  name: Type.String(),
  label: Type.String(),
  of: list(Type.String(), 'Lines of cost.'),
  from: quantity('What was left of these lines.'),
  saves: quantity(),
  left: quantity('Of all lines together, after this one.'),
  asked: quantity('What it would be taken from the full lines, by itself.'),
})

export const CreditResultSchema = Type.Object({
  name: Type.String(),
  amount: quantity(),
  monthly: Type.Boolean(),
  lastsMonths: orNull(quantity(), 'For one that is given once: how long it pays for its lines.'),
})

export const CostResultSchema = Type.Object({
  lines: list(CostLineSchema),
  beforeSavings: quantity(),
  savings: list(SavingResultSchema),
  credits: list(CreditResultSchema),
  total: quantity('Per month, after savings and monthly credits.'),
  unitCosts: list(Type.Object({ name: Type.String(), per: quantity(), cost: quantity() })),
  revenue: orNull(quantity()),
  margin: orNull(quantity(), 'revenue less total.'),
  marginRatio: orNull(quantity()),
})

export const StageResultSchema = Type.Object({
  name: Type.String(),
  note: orNull(Type.String()),
  set: Type.Record(Type.String(), Type.String()),
  tiers: list(TierResultSchema),
  total: orNull(quantity()),
})

export const GrowthMonthSchema = Type.Object({
  month: Type.Integer({ description: '1 is the first.' }),
  label: Type.String({ description: '`2027-01`, or `month 1` when the plan has no start.' }),
  grown: Type.Record(Type.String(), quantity(), { description: 'The growing quantities.' }),
  instances: Type.Record(Type.String(), quantity(), { description: 'By tier.' }),
  shown: Type.Record(Type.String(), quantity()),
  cost: orNull(quantity(), 'Of the month, after savings and monthly credits, before credits given once.'),
  creditsUsed: orNull(quantity()),
  toPay: orNull(quantity()),
  revenue: orNull(quantity()),
  notes: list(Type.String(), 'What this month breaks: a bound, a stated number of instances, a budget.'),
})

export const BreakEvenResultSchema = Type.Object({
  name: Type.String(),
  label: Type.String(),
  over: Type.String(),
  unit: Type.String(),
  options: list(Type.String()),
  crossings: list(
    Type.Object({
      at: quantity(),
      from: Type.String({ description: 'Option that is cheapest below.' }),
      to: Type.String({ description: 'Option that is cheapest above.' }),
      settled: orNull(quantity(), 'Where the two stop changing places, when their costs rise in steps.'),
      cost: quantity('What `to` costs there.'),
      sentence: Type.String(),
    }),
  ),
  cheapestAtStart: Type.String(),
  series: list(Type.Object({ at: Type.Number(), costs: Type.Record(Type.String(), Type.Number()) }), 'For a chart.'),
  costUnit: Type.String(),
})

export const ObjectiveResultSchema = Type.Object({
  name: Type.String(),
  label: Type.String(),
  value: quantity(),
  bound: quantity(),
  comparison: Type.Enum(['atMost', 'atLeast']),
  verdict: Type.Enum(['met', 'missed', 'open'], { description: 'open: the ranges allow both.' }),
  marginRatio: orNull(
    Type.Number(),
    'Distance of the typical value from the bound, over the bound; negative when missed.',
  ),
  note: orNull(Type.String()),
})

export const SensitivitySchema = Type.Object({
  of: Type.String({ description: 'Name of the output.' }),
  label: Type.String(),
  value: quantity(),
  inputs: list(
    Type.Object({
      name: Type.String(),
      input: quantity(),
      span: Type.Enum(['range', 'tenth'], { description: 'Varied over its range, or by 10 % where it has none.' }),
      atLow: orNull(
        Type.Number(),
        'Output with this input at its low end and all others typical, in the unit of value.',
      ),
      atHigh: orNull(Type.Number()),
      swingRatio: orNull(Type.Number(), '|atHigh - atLow| over the typical output.'),
    }),
    'The widest swing first; at most ten.',
  ),
})

export const NoteSchema = Type.Object({
  code: Type.String({
    description: 'Stable: `NO_LIMIT`, `SAVING_EXCEEDS_LINE`, `STATED_TOO_FEW`, `ONE_POINT_FIT` ...',
  }),
  about: Type.String({ description: 'Name in the graph or path in the plan.' }),
  sentence: Type.String(),
  line: orNull(Type.Integer()),
})
export type PlanNote = Static<typeof NoteSchema>

const definitions = { $defs: { Quantity: QuantitySchema } }

export const PlanResultSchema = Type.Object(
  {
    format: Type.Literal('parley.plan-result/1'),
    plan: Type.String(),
    currency: Type.String(),
    monthHours: Type.Number(),
    tier: orNull(Type.String(), 'The first tier; unit, resources, binding, limit, reserves and realistic are its own.'),
    unit: Type.String(),
    resources: list(ResourceResultSchema),
    binding: orNull(Type.String()),
    limit: orNull(quantity()),
    reserves: list(ReserveResultSchema),
    realistic: orNull(quantity()),
    tiers: list(TierResultSchema),
    workloads: list(WorkloadResultSchema),
    quantities: list(quantity(), 'Everything under quantities, fits and verdicts.'),
    costs: orNull(CostResultSchema),
    stages: list(StageResultSchema),
    growth: list(GrowthMonthSchema),
    breakEven: list(BreakEvenResultSchema),
    objectives: list(ObjectiveResultSchema),
    sensitivities: list(SensitivitySchema),
    notes: list(NoteSchema),
  },
  { $id: 'PlanResult', ...definitions },
)
export type PlanResult = Static<typeof PlanResultSchema>

/** What may have gone wrong when a claim came about. */
export const SLIP_KINDS = [
  /** A factor of units: bits for bytes, 1024 for 1000, minutes for hours, per cent for ratio. */
  'unit',
  /** Numbers of different periods: per day for per hour, per 90 minutes for per hour. */
  'basePeriod',
  /** One input is applied twice, or savings are taken from what is already gone. */
  'doubleCounting',
  /** A reserve or buffer that the plan names is not in it. */
  'missingReserve',
  /** Lower than the plan's numbers give, by a reserve that the plan does not name. */
  'unstatedReserve',
  /** All cores counted for a process that has one event loop. */
  'oneLoopBound',
  /** An input is left out. */
  'leftOut',
  /** An end of a range is taken for the whole, or the range is narrower than what it comes from. */
  'rangeEnd',
  /** The number is that of something else in the plan. */
  'otherQuantity',
  /** Another place of the plan says something else about the same thing. */
  'contradiction',
  /** Nothing of the above: the nearest input that would have to be different. */
  'wouldHold',
] as const

export const SlipSchema = Type.Object({
  kind: Type.Enum([...SLIP_KINDS]),
  sentence: Type.String({ description: 'Whole sentence for people.' }),
  about: orNull(Type.String(), 'Input, reserve, quantity or claim (`claim 3`) that it is about.'),
})
export type Slip = Static<typeof SlipSchema>

export const ClaimResultSchema = Type.Object({
  number: Type.Integer({ description: 'From 1, in the order of the file.' }),
  claim: Type.String(),
  where: orNull(Type.String()),
  line: Type.Integer(),
  verdict: Type.Enum(['ok', 'wrong', 'not-derivable']),
  claimed: Type.String({ description: 'What it says, as text: `80 sessions`.' }),
  right: orNull(quantity(), 'What the plan gives; null when that cannot be told.'),
  factor: orNull(Type.Number(), 'Claimed over right; for a range at its worse end; null when wrong in another way.'),
  slip: orNull(SlipSchema, 'The most probable; null when the claim is right or not derivable.'),
  otherSlips: list(SlipSchema),
  sentence: Type.String({ description: 'The verdict for people: what is right, by how much it is off, why.' }),
  missing: list(Type.String(), 'For not-derivable: names that the plan would have to give.'),
  failingMonths: list(Type.Integer(), 'For a claim about several months: those in which it does not hold.'),
})
export type ClaimResult = Static<typeof ClaimResultSchema>

export const CheckResultSchema = Type.Object(
  {
    format: Type.Literal('parley.check-result/1'),
    plan: Type.String(),
    ok: Type.Integer(),
    wrong: Type.Integer(),
    notDerivable: Type.Integer(),
    claims: list(ClaimResultSchema),
  },
  { $id: 'CheckResult', ...definitions },
)
export type CheckResult = Static<typeof CheckResultSchema>

/** One step of an explanation. */
export interface WhyStep {
  readonly quantity: Quantity
  /** `app.memory.limit is 186 sessions: 1,400 MB available / 7.5 MB each, rounded down.` */
  readonly sentence: string
  /** Names of the steps it was computed from; they follow in `Why.steps`. */
  readonly inputs: readonly string[]
  /** Place in the file, for what is written there. */
  readonly line: number | null
  readonly note: string | null
}

/** Why a number is what it is: the number first, then everything it rests on, each once, nearest first. */
export interface Why {
  readonly name: string
  readonly steps: readonly WhyStep[]
}

/** What is wrong with a plan file, with its place. */
export interface PlanProblem {
  /** Stable: `UNKNOWN_KEY`, `MISSING_KEY`, `BAD_VALUE`, `BAD_UNIT`, `MISSING_UNIT`, `WRONG_DIMENSION`, `UNKNOWN_NAME`, `CYCLE` ... */
  readonly code: PlanProblemCode
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly column: number
  /** `tiers.app.machine` */
  readonly path: string
  /** One sentence: field, value and fix. */
  readonly message: string
  /** The valid key, name or unit that is nearest to what was written. */
  readonly nearest: string | null
}

export const PLAN_PROBLEM_CODES = [
  'NOT_YAML',
  'UNKNOWN_KEY',
  'MISSING_KEY',
  'BAD_VALUE',
  'BAD_EXPRESSION',
  'BAD_UNIT',
  'MISSING_UNIT',
  'WRONG_DIMENSION',
  'UNKNOWN_NAME',
  'NAME_TAKEN',
  'CYCLE',
  'BAD_VERDICT',
  'BAD_SET',
] as const
export type PlanProblemCode = (typeof PLAN_PROBLEM_CODES)[number]

export type TierResult = Static<typeof TierResultSchema>
export type ResourceResult = Static<typeof ResourceResultSchema>
export type CostResult = Static<typeof CostResultSchema>
export type StageResult = Static<typeof StageResultSchema>
export type GrowthMonth = Static<typeof GrowthMonthSchema>
export type BreakEvenResult = Static<typeof BreakEvenResultSchema>
export type ObjectiveResult = Static<typeof ObjectiveResultSchema>
export type Sensitivity = Static<typeof SensitivitySchema>
