// The format of a plan file, as one schema: types, JSON Schema and the checks of the reader all come from here.
//
// Every place that takes a quantity takes an expression, of which a plain value is the simplest: `50 MB`, `1..2% cpu`,
// `[5 MB, 10 MB]`, `4500 requests/min`, `$0.09/GB`, `users * peak`. SPEC.md has the grammar.
import { type Static, type TSchema, Type } from 'typebox'

const strict = { additionalProperties: false } as const

/** Names that a plan gives: letters, digits, `_` and `-` inside, starting with a letter. */
export const NAME_PATTERN = '^[A-Za-z][A-Za-z0-9_]*(-[A-Za-z0-9_]+)*$'
/** Names of machines may hold dots, as those of clouds do (`t3.small`). */
export const MACHINE_PATTERN = '^[A-Za-z][A-Za-z0-9_]*([.-][A-Za-z0-9_]+)*$'

/** Where a written value comes from; a bare value is `given`. */
export const STANDINGS = ['measured', 'given', 'assumed'] as const
export type Standing = (typeof STANDINGS)[number]

/** What a quantity at this place must be: an example for messages; the reader knows what it stands for. */
export type Dimension =
  | 'any'
  | 'ratio'
  | 'count'
  | 'time'
  | 'data'
  | 'money'
  | 'moneyRate'
  | 'rate'
  | 'cpu'
  /** Whatever the resource that the key names is counted in. */
  | 'resource'

const ListOfBare = Type.Array(Type.Union([Type.String(), Type.Number()]), { minItems: 2, maxItems: 2 })
const Bare = Type.Union([Type.String(), Type.Number(), ListOfBare])

const Sourced = Type.Object(
  {
    given: Type.Optional(Bare),
    assumed: Type.Optional(Bare),
    measured: Type.Optional(Bare),
    typical: Type.Optional(Bare),
    note: Type.Optional(Type.String()),
    source: Type.Optional(Type.String()),
  },
  {
    ...strict,
    description:
      'A value with its standing: exactly one of given, assumed and measured. `typical` is what is counted with inside a range (its middle unless told), `note` why, `source` where from.',
  },
)

export const ValueSchema = Type.Union([Type.String(), Type.Number(), ListOfBare, Sourced])
/** A quantity as it is written. */
export type PlanValue = Static<typeof ValueSchema>

/** A quantity of a dimension. The keyword `quantity` is what the reader checks the dimension by. */
const value = (dimension: Dimension, description: string) =>
  Type.Unsafe<PlanValue>({ $ref: '#/$defs/Value', quantity: dimension, description })

const named = <T extends TSchema>(schema: T, description: string, pattern = NAME_PATTERN) =>
  Type.Record(Type.String({ pattern }), schema, { ...strict, description })

/** One value, or named parts that add up. */
const parts = (dimension: Dimension, description: string) =>
  Type.Unsafe<PlanValue | Record<string, PlanValue>>({
    anyOf: [
      { $ref: '#/$defs/Value' },
      { type: 'object', patternProperties: { [NAME_PATTERN]: { $ref: '#/$defs/Value' } }, ...strict },
    ],
    quantity: dimension,
    parts: true,
    description,
  })

const text = (description: string) => Type.String({ description })
const overrides = Type.Record(Type.String(), Bare, {
  description: 'Path to value, as with --set: `users: 500 users`, `tiers.app.machine: ccx33`.',
})

const CallKindSchema = Type.Object(
  {
    rate: value('rate', 'How often one unit of the workload makes such a call: `12 requests/min`.'),
    tokens: Type.Optional(parts('count', 'Tokens of one such call, whole or in parts: `{input: 500, output: 50}`.')),
    provider: Type.Optional(
      text('Whose limits it counts against: its resources are then `<provider>-requests` and `<provider>-tokens`.'),
    ),
  },
  { ...strict, description: 'A kind of outward call, counted into the resources `requests` and `tokens`.' },
)

const WorkloadSchema = Type.Object(
  {
    label: Type.Optional(text('How a person calls it.')),
    plural: Type.Optional(text('Plural of the name, when it is not the name with an s.')),
    concurrent: Type.Optional(value('count', 'How many there are at the same time: `users * peak`.')),
    needs: Type.Optional(
      named(
        parts('resource', 'What one of them needs of this resource, whole or in named parts that add up.'),
        'Resource to need of one. Known: cpu, loop, memory, network, networkUp, networkDown, packets, sockets, connections, descriptors, requests, tokens, gpu, vram, storage, and those under `resources`.',
      ),
    ),
    calls: Type.Optional(named(CallKindSchema, 'Calls to others that one of them makes, by kind.')),
  },
  { ...strict, description: 'Something that there are many of and that costs: a session, a call, a stream.' },
)

const MachineSchema = Type.Object(
  {
    label: Type.Optional(text('How a person calls it.')),
    price: Type.Optional(value('moneyRate', 'Per hour or month: `$0.0208/h`, `$37/month`.')),
    has: Type.Optional(
      named(value('resource', 'How much of this resource one has.'), 'Resource to amount: `cpu: 2 cores`.'),
    ),
  },
  { ...strict, description: 'A type of machine that can be bought.' },
)

const ReserveSchema = Type.Union([
  value('ratio', 'Share of the capacity that is kept free: `20%`.'),
  Type.Object(
    {
      share: Type.Optional(value('ratio', 'Share that is kept free.')),
      amount: Type.Optional(value('resource', 'Or a fixed amount of the resource, per instance.')),
      of: Type.Optional(text('The resource it is kept of; without one, a share of the capacity as a whole.')),
      note: Type.Optional(Type.String()),
    },
    strict,
  ),
])

const TierSchema = Type.Object(
  {
    label: Type.Optional(text('How a person calls it.')),
    serves: Type.Optional(
      Type.Union([Type.String(), Type.Array(Type.String())], {
        description:
          'The workload whose needs an instance must meet. Of several, capacity is counted in the first, each with its share of the others.',
      }),
    ),
    load: Type.Optional(value('count', 'What the tier must carry; the `concurrent` of what it serves unless told.')),
    machine: Type.Optional(text('Type of machine an instance runs on.')),
    has: Type.Optional(
      named(value('resource', 'How much of this resource one instance has.'), 'Beside or instead of the machine.'),
    ),
    process: Type.Optional(
      Type.Union([Type.Literal('one-loop'), Type.Literal('many-core')], {
        description:
          'one-loop: each process has one event loop, which never uses more than one core. many-core (default): all cores are used.',
      }),
    ),
    processes: Type.Optional(value('count', 'Processes per instance; 1 unless told.')),
    taken: Type.Optional(
      named(
        parts('resource', 'What is in use before the first session, whole or in named parts.'),
        'Resource to what the system, the runtime and the baseline take of it.',
      ),
    ),
    capacity: Type.Optional(value('count', 'What one instance holds, when stated or measured: `lab.rated`.')),
    reserves: Type.Optional(named(ReserveSchema, 'What is kept free, each on its own line; shares are of the whole.')),
    buffer: Type.Optional(named(value('ratio', 'Share that is added to the load.'), 'What is planned for on top.')),
    instances: Type.Optional(value('count', 'How many there are, when that is decided; computed otherwise.')),
    atLeast: Type.Optional(value('count', 'Never fewer instances than this.')),
    atMost: Type.Optional(value('count', 'The most there may be (an autoscaler bound): exceeding it is reported.')),
    surviveFailures: Type.Optional(
      Type.Integer({ minimum: 0, description: 'How many instances may fail with the rest still carrying the load.' }),
    ),
    price: Type.Optional(value('moneyRate', 'Of one instance, instead of the price of the machine.')),
  },
  { ...strict, description: 'Equal instances that carry a load together.' },
)

const CostSchema = Type.Union([
  value('moneyRate', 'A fixed fee: `$50/month`.'),
  Type.Object(
    {
      label: Type.Optional(Type.String()),
      amount: Type.Optional(value('any', 'How much is used: `20 TB/month`, `participants * 1.5 Mbps`.')),
      price: Type.Optional(value('any', 'Of one unit of it: `$0.09/GB`.')),
      free: Type.Optional(value('any', 'What of the amount costs nothing: `100 GB/month`.')),
      fixed: Type.Optional(value('moneyRate', 'A fee besides, whatever is used.')),
      note: Type.Optional(Type.String()),
    },
    strict,
  ),
])

const SavingSchema = Type.Object(
  {
    name: Type.String({ pattern: NAME_PATTERN, description: 'Its amount is then `saving.<name>`.' }),
    label: Type.Optional(Type.String()),
    of: Type.Optional(
      Type.Array(Type.String(), { description: 'Lines of cost it is taken from; all of them unless told.' }),
    ),
    share: Type.Optional(value('ratio', 'Share of what is left of these lines.')),
    amount: Type.Optional(value('moneyRate', 'Or an amount; never more than is left.')),
    note: Type.Optional(Type.String()),
  },
  strict,
)

const CreditSchema = Type.Union([
  value('any', 'Money once (`$200`, used up month by month) or again and again (`$100/month`).'),
  Type.Object(
    {
      amount: value('any', 'Money once, or per month.'),
      of: Type.Optional(Type.Array(Type.String(), { description: 'Lines of cost it pays for; all unless told.' })),
      note: Type.Optional(Type.String()),
    },
    strict,
  ),
])

const GrowthOfSchema = Type.Object(
  {
    from: Type.Optional(value('any', 'In the first month; the value under `quantities` unless told.')),
    rate: Type.Optional(value('ratio', 'Compound growth in each period: `8%`.')),
    factor: Type.Optional(value('ratio', 'Or times this in each period: `3`.')),
    every: Type.Optional(value('time', 'The period: `1 month` unless told.')),
    table: Type.Optional(
      Type.Record(Type.String({ pattern: '^[0-9]+$' }), value('any', 'Value in that month.'), {
        ...strict,
        description: 'Or the value by month: `{1: 50 calls, 12: 500 calls}`.',
      }),
    ),
    between: Type.Optional(
      Type.Union([Type.Literal('linear'), Type.Literal('geometric'), Type.Literal('step')], {
        description: 'What happens between the rows of the table; linear unless told.',
      }),
    ),
  },
  { ...strict, description: 'How one quantity goes on: exactly one of rate, factor and table.' },
)

const GrowthSchema = Type.Object(
  {
    start: Type.Optional(Type.String({ pattern: '^[0-9]{4}-[0-9]{2}$', description: 'Calendar month 1: `2027-01`.' })),
    months: Type.Integer({ minimum: 1, maximum: 120 }),
    of: named(GrowthOfSchema, 'Quantity to its growth.'),
    show: Type.Optional(
      Type.Array(Type.String(), { description: 'Further names or expressions to show for each month.' }),
    ),
  },
  strict,
)

const StageSchema = Type.Object(
  {
    name: text('`0-100 users`.'),
    note: Type.Optional(Type.String()),
    set: overrides,
  },
  { ...strict, description: 'The plan with some values changed; a row of the stage table.' },
)

const FitSchema = Type.Object(
  {
    of: text('What the load is counted in: `users`.'),
    points: Type.Array(
      Type.Object({ load: value('count', '`35 users`.'), used: value('any', '`0.7 core`.') }, { ...strict }),
      { minItems: 1 },
    ),
    baseline: Type.Optional(value('any', 'What is used without load, if known: narrows what one point allows.')),
  },
  {
    ...strict,
    description:
      'A line through load points: `<name>.baseline` and `<name>.slope`. One point allows every baseline from nothing to all of it.',
  },
)

const TableSchema = Type.Object(
  {
    of: text('What the left column counts: `sessions`.'),
    rows: Type.Record(Type.String({ pattern: '^[0-9.]+$' }), value('any', 'Right column.'), {
      ...strict,
      description: '`{1: 200..500 ms, 10: 600..2000 ms}`.',
    }),
    between: Type.Optional(Type.Union([Type.Literal('linear'), Type.Literal('step')])),
  },
  { ...strict, description: 'A table that the plan states; read in expressions as `name(10 sessions)`.' },
)

const BreakEvenSchema = Type.Object(
  {
    label: Type.Optional(Type.String()),
    over: text('Name of the quantity that is varied: `users`.'),
    from: value('any', 'Where to start looking.'),
    to: value('any', 'Where to stop.'),
    options: named(value('moneyRate', 'What it costs.'), 'Two or more ways, by name.'),
  },
  { ...strict, description: 'Where one way of doing it becomes cheaper than another.' },
)

const ObjectiveSchema = Type.Object(
  {
    label: Type.Optional(Type.String()),
    value: value('any', 'What is, or will be.'),
    atMost: Type.Optional(value('any', 'Upper bound.')),
    atLeast: Type.Optional(value('any', 'Lower bound.')),
    note: Type.Optional(Type.String()),
  },
  strict,
)

const ClaimSchema = Type.Object(
  {
    claim: text('The sentence, as it is written where it stands.'),
    where: Type.Optional(text('Where that is: a heading, a page.')),
    of: Type.Optional(text('Name or expression that gives the right value: `app.memory.limit`.')),
    value: Type.Optional(
      Type.Union([Type.String(), Type.Number(), Type.Array(Type.Union([Type.String(), Type.Number()]))], {
        description:
          'What the sentence says: `102 sessions`, `50..60 sessions`, `~ $3,000/month` (within 5%), `at most $0.10/call-hour`, `at least 100 users`.',
      }),
    ),
    holds: Type.Optional(text('Or a comparison that is true if the sentence is: `reads <= set-reads`.')),
    about: Type.Optional(text('Topic: claims about one topic must say the same.')),
    at: Type.Optional(
      Type.Union([Type.Integer(), Type.Array(Type.Integer())], {
        description: 'Month or months of growth it is about.',
      }),
    ),
    stage: Type.Optional(text('Stage it is about.')),
    set: Type.Optional(overrides),
    rounding: Type.Optional(
      Type.Union([Type.Literal('any'), Type.Literal('nearest'), Type.Literal('down'), Type.Literal('up')], {
        description: 'How the last written digit came about; any of them unless told.',
      }),
    ),
    tolerance: Type.Optional(value('ratio', 'How far off it may be, instead of its rounding: `5%`.')),
  },
  { ...strict, description: 'A sentence to be checked: `of` and `value`, or `holds`, or `about` and `value`.' },
)

export const PlanFileSchema = Type.Object(
  {
    plan: text('Name of the plan.'),
    note: Type.Optional(Type.String()),
    currency: Type.Optional(text('Of all money, as three letters: USD unless told.')),
    exchange: Type.Optional(
      Type.Record(Type.String({ pattern: '^[A-Z]{3}$' }), value('money', 'Its worth.'), {
        ...strict,
        description: 'What one unit of another currency is worth: `EUR: 1.08 USD`.',
      }),
    ),
    month: Type.Optional(value('time', 'Length of a month: 730 h unless told; `30 days` for 720 h.')),
    nouns: Type.Optional(
      Type.Record(Type.String({ pattern: NAME_PATTERN }), Type.String(), {
        description: 'Further things that are counted, singular to plural: `exam: exams`.',
      }),
    ),
    resources: Type.Optional(named(text('The unit it is counted in.'), 'Further resources: `writes: writes/s`.')),
    verdicts: Type.Optional(named(text('File, from the folder of the plan.'), 'Lab verdicts: `lab: ./verdict.json`.')),
    quantities: Type.Optional(
      named(value('any', 'A value or a formula.'), 'Named quantities, used everywhere by name.'),
    ),
    fits: Type.Optional(named(FitSchema, 'Lines through load points.')),
    tables: Type.Optional(named(TableSchema, 'Tables.')),
    workloads: Type.Optional(named(WorkloadSchema, 'What there are many of.')),
    machines: Type.Optional(named(MachineSchema, 'What can be bought.', MACHINE_PATTERN)),
    budgets: Type.Optional(
      named(
        value('resource', 'How much there is for all instances together.'),
        'Shared limits: `requests: 4500 requests/min`.',
      ),
    ),
    tiers: Type.Optional(named(TierSchema, 'What carries the load. The first is the one that the summary is about.')),
    costs: Type.Optional(named(CostSchema, 'Lines of cost besides the tiers, which are lines by themselves.')),
    savings: Type.Optional(Type.Array(SavingSchema, { description: 'Taken in this order, each from what is left.' })),
    credits: Type.Optional(named(CreditSchema, 'Money that others pay; used after the savings.')),
    unitCosts: Type.Optional(
      named(
        value('any', 'How many there are in a month: `participants * month`, `users`.'),
        'What the total is divided by, by name: `participant-hour`. Each workload with a `concurrent` has its hours without being named.',
      ),
    ),
    revenue: Type.Optional(parts('moneyRate', 'What comes in: `users * $10/month`.')),
    growth: Type.Optional(GrowthSchema),
    stages: Type.Optional(Type.Array(StageSchema)),
    breakEven: Type.Optional(named(BreakEvenSchema, 'Self-host or buy.')),
    objectives: Type.Optional(named(ObjectiveSchema, 'What must be true.')),
    claims: Type.Optional(Type.Array(ClaimSchema)),
  },
  {
    ...strict,
    $defs: { Value: ValueSchema },
    $id: 'ParleyPlan',
    title: 'Parley plan',
    description: 'A plan: workloads, machines, growth, money, claims.',
  },
)
export type PlanFile = Static<typeof PlanFileSchema>
