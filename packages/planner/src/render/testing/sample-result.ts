// A result with something in every place, so that what is shown can be tried without computing a plan.
import type { Standing } from '../../plan-file.ts'
import type { CheckResult, GrowthMonth, PlanResult, Quantity, ResourceResult, TierResult } from '../../result.ts'

export interface RangeOf {
  readonly low?: number | null
  readonly high?: number | null
  readonly standing?: Standing
  readonly name?: string
}

const commas = (value: number): string => value.toLocaleString('en-GB', { maximumFractionDigits: 3 })
const inUnit = (value: number, unit: string): string =>
  unit.startsWith('USD')
    ? `$${commas(value)}${unit.slice(3)}`
    : unit === '%'
      ? `${commas(value)}%`
      : `${commas(value)} ${unit}`.trim()

export function quantity(typical: number | null, unit: string, of: RangeOf = {}): Quantity {
  const { low = typical, high = typical, standing = 'given', name = 'some.number' } = of
  const isRange = low !== typical || high !== typical
  const range = isRange ? ` (${low === null ? '' : commas(low)}..${high === null ? '' : commas(high)})` : ''
  const text = typical === null ? 'unbounded' : `${inUnit(typical, unit)}${range}`
  return { name, low, typical, high, unit, standing, method: 'exact', widthRatio: 1, text }
}

const assumed = (typical: number, unit: string, low: number, high: number, name?: string) =>
  quantity(typical, unit, { low, high, standing: 'assumed', ...(name === undefined ? {} : { name }) })

export const resource = (name: string, limit: Quantity, more: Partial<ResourceResult> = {}): ResourceResult => ({
  name,
  limit,
  scope: 'instance',
  has: null,
  taken: [],
  available: null,
  need: null,
  oneLoop: false,
  binding: false,
  ...more,
})

export const tier = (name: string, more: Partial<TierResult> = {}): TierResult => ({
  name,
  label: name,
  unit: 'sessions',
  machine: null,
  resources: [],
  binding: null,
  limit: null,
  reserves: [],
  realistic: null,
  load: null,
  buffers: [],
  needed: null,
  instances: null,
  stated: false,
  surviveFailures: 0,
  sufficient: null,
  capacity: null,
  usedRatio: null,
  price: null,
  cost: null,
  ...more,
})

const pods = tier('pods', {
  label: 'pods',
  machine: 't3.small',
  binding: 'cpu',
  limit: assumed(40, 'sessions', 33, 66),
  realistic: assumed(30, 'sessions', 24, 49),
  load: assumed(200, 'sessions', 100, 500),
  buffers: [quantity(20, '%', { name: 'pods.buffer.launch' })],
  needed: assumed(7, 'instances', 4, 17),
  instances: assumed(8, 'instances', 5, 18),
  surviveFailures: 1,
  sufficient: true,
  usedRatio: assumed(83, '%', 80, 90),
  price: quantity(15, 'USD/month'),
  cost: assumed(120, 'USD/month', 75, 270),
  reserves: [
    { name: 'garbage-collection', share: quantity(10, '%'), keeps: assumed(4, 'sessions', 3.3, 6.6), note: null },
    { name: 'bursts', share: quantity(15, '%'), keeps: assumed(6, 'sessions', 5, 10), note: 'mornings' },
  ],
  resources: [
    resource('cpu', assumed(40, 'sessions', 33, 66), {
      binding: true,
      oneLoop: true,
      has: quantity(2, 'cores'),
      available: quantity(1, 'core'),
      need: assumed(2.5, '% cpu', 1.5, 3),
    }),
    resource('requests', quantity(102, 'sessions'), {
      scope: 'shared',
      has: quantity(4500, 'requests/min'),
      available: quantity(4500, 'requests/min'),
      need: quantity(44, 'requests/min'),
    }),
    resource('memory', assumed(186, 'sessions', 130, 280), {
      has: quantity(2, 'GB'),
      taken: [
        quantity(500, 'MB', { name: 'pods.memory.taken.system' }),
        assumed(150, 'MB', 100, 200, 'pods.memory.taken.runtime'),
      ],
      available: assumed(1.4, 'GB', 1.3, 1.4),
      need: assumed(7.5, 'MB', 5, 10),
    }),
    resource('network', assumed(10714, 'sessions', 9375, 12500), {
      has: quantity(5, 'Gbps'),
      available: quantity(5, 'Gbps'),
      need: assumed(3.5, 'MB/min', 3, 4),
    }),
  ],
})

const media = tier('media', {
  label: 'media servers',
  unit: 'participants',
  machine: 'cpx41',
  binding: 'capacity',
  limit: quantity(100, 'participants'),
  realistic: quantity(100, 'participants'),
  load: assumed(400, 'participants', 200, 1000),
  needed: assumed(4, 'instances', 2, 10),
  instances: quantity(2, 'instances'),
  stated: true,
  sufficient: false,
  usedRatio: assumed(200, '%', 100, 500),
  price: quantity(31, 'USD/month'),
  cost: quantity(62, 'USD/month'),
  resources: [resource('capacity', quantity(100, 'participants'), { binding: true })],
})

function month(index: number): GrowthMonth {
  const users = Math.round(1000 * 1.08 ** (index - 1))
  const year = 2027 + Math.floor((index - 1) / 12)
  const label = `${year}-${String(((index - 1) % 12) + 1).padStart(2, '0')}`
  const cost = Math.round(users * 1.1)
  return {
    month: index,
    label,
    grown: { glasses: quantity(users, 'wearers', { name: `glasses@${index}` }) },
    instances: {
      pods: assumed(Math.ceil(users / 150) + 1, 'instances', Math.ceil(users / 300) + 1, Math.ceil(users / 60) + 1),
      'media servers': quantity(Math.ceil(users / 800), 'instances'),
    },
    shown: { online: assumed(users * 0.2, 'wearers', users * 0.1, users * 0.5) },
    cost: assumed(cost, 'USD/month', Math.round(cost * 0.7), Math.round(cost * 1.6)),
    creditsUsed: quantity(index < 2 ? 1000 : 0, 'USD/month'),
    toPay: assumed(index < 2 ? 100 : cost, 'USD/month', Math.round(cost * 0.7), Math.round(cost * 1.6)),
    revenue: quantity(users * 2, 'USD/month'),
    notes: index === 7 ? ['media servers: 2 instances are stated, 3 are needed.'] : [],
  }
}

const zero = quantity(0, 'USD/month')

/** Everything that a plan can answer, once. */
export function sampleResult(): PlanResult {
  return {
    format: 'parley.plan-result/1',
    plan: 'Captions for a thousand glasses',
    currency: 'USD',
    monthHours: 720,
    tier: 'pods',
    unit: 'sessions',
    resources: pods.resources,
    binding: 'cpu',
    limit: pods.limit,
    reserves: pods.reserves,
    realistic: pods.realistic,
    tiers: [pods, media],
    workloads: [
      {
        name: 'session',
        label: 'caption session',
        plural: 'sessions',
        concurrent: assumed(200, 'sessions', 100, 500),
        needs: [
          {
            resource: 'cpu',
            total: assumed(2.5, '% cpu', 1.5, 3),
            parts: [
              assumed(1.5, '% cpu', 1, 2, 'session.cpu.json'),
              assumed(0.75, '% cpu', 0.5, 1, 'session.cpu.loop'),
            ],
          },
          { resource: 'memory', total: assumed(7.5, 'MB', 5, 10), parts: [] },
        ],
      },
    ],
    quantities: [
      quantity(1000, 'wearers', { name: 'glasses' }),
      assumed(20, '%', 10, 50, 'active'),
      quantity(48, 'sessions', { name: 'lab.rated', standing: 'measured' }),
    ],
    costs: {
      lines: [
        {
          name: 'pods',
          label: 'pods',
          tier: 'pods',
          amount: assumed(8, 'instances', 5, 18),
          free: null,
          price: quantity(15, 'USD/month'),
          fixed: null,
          cost: assumed(120, 'USD/month', 75, 270),
          afterSavings: assumed(48, 'USD/month', 30, 108),
          shareOfTotal: quantity(3, '%'),
        },
        {
          name: 'egress',
          label: 'egress',
          tier: null,
          amount: quantity(20, 'TB/month'),
          free: quantity(100, 'GB/month'),
          price: quantity(0.09, 'USD/GB'),
          fixed: null,
          cost: quantity(1791, 'USD/month'),
          afterSavings: quantity(447.75, 'USD/month'),
          shareOfTotal: quantity(31, '%'),
        },
        {
          name: 'speech',
          label: 'recognition, bought by the hour from somebody else',
          tier: null,
          amount: quantity(4000, 'h/month'),
          free: null,
          price: quantity(0.26, 'USD/h'),
          fixed: quantity(20, 'USD/month'),
          cost: quantity(1060, 'USD/month'),
          afterSavings: quantity(1060, 'USD/month'),
          shareOfTotal: quantity(64, '%'),
        },
      ],
      beforeSavings: assumed(2971, 'USD/month', 2926, 3121),
      savings: [
        {
          name: 'peer-to-peer',
          label: 'peer to peer',
          of: ['egress'],
          from: quantity(1791, 'USD/month'),
          saves: quantity(1343.25, 'USD/month'),
          left: assumed(1627.75, 'USD/month', 1600, 1750),
          asked: quantity(1343.25, 'USD/month'),
        },
        {
          name: 'spot',
          label: 'spot machines',
          of: ['pods', 'egress', 'speech'],
          from: assumed(120, 'USD/month', 75, 270),
          saves: assumed(72, 'USD/month', 45, 162),
          left: assumed(1555.75, 'USD/month', 1500, 1600),
          asked: quantity(1782.6, 'USD/month'),
        },
      ],
      credits: [
        { name: 'startup', amount: quantity(1000, 'USD'), monthly: false, lastsMonths: quantity(0.6, 'months') },
      ],
      total: assumed(1545.75, 'USD/month', 1500, 1600),
      unitCosts: [
        {
          name: 'session-hour',
          per: assumed(144000, 'session-hours/month', 72000, 360000),
          cost: assumed(0.0107, 'USD/session-hour', 0.004, 0.02),
        },
        { name: 'wearer-month', per: quantity(1000, 'wearers'), cost: assumed(1.55, 'USD/wearer/month', 1.5, 1.6) },
      ],
      revenue: quantity(12100, 'USD/month'),
      margin: assumed(10554, 'USD/month', 10500, 10600),
      marginRatio: assumed(87, '%', 86, 88),
    },
    stages: [
      {
        name: 'Pilot',
        note: 'a hundred glasses',
        set: { glasses: '100 wearers' },
        tiers: [pods, media],
        total: quantity(182, 'USD/month'),
      },
      { name: 'Launch', note: null, set: {}, tiers: [pods, media], total: zero },
    ],
    growth: Array.from({ length: 24 }, (_, at) => month(at + 1)),
    breakEven: [
      {
        name: 'recognition',
        label: 'own recognisers or bought recognition',
        over: 'glasses',
        unit: 'wearers',
        options: ['bought', 'own'],
        crossings: [
          {
            at: quantity(231, 'wearers'),
            settled: null,
            from: 'bought',
            to: 'own',
            cost: quantity(2400, 'USD/month'),
            sentence: 'Up to 231 wearers bought is cheaper; from there on own is.',
          },
        ],
        cheapestAtStart: 'bought',
        series: Array.from({ length: 41 }, (_, at) => ({
          at: at * 125,
          costs: { bought: at * 125 * 10.4, own: Math.ceil((at * 25) / 48) * 120 },
        })),
        costUnit: 'USD/month',
      },
    ],
    objectives: [
      {
        name: 'lag',
        label: 'caption lag',
        value: quantity(650, 'ms', { standing: 'measured' }),
        bound: quantity(800, 'ms'),
        comparison: 'atMost',
        verdict: 'met',
        marginRatio: 0.19,
        note: null,
      },
      {
        name: 'cheap',
        label: 'cheap',
        value: quantity(12, 'USD/call-hour'),
        bound: quantity(10, 'USD/call-hour'),
        comparison: 'atMost',
        verdict: 'missed',
        marginRatio: -0.2,
        note: 'at launch',
      },
      {
        name: 'fits',
        label: 'fits',
        value: assumed(83, '%', 80, 110),
        bound: quantity(100, '%'),
        comparison: 'atMost',
        verdict: 'open',
        marginRatio: 0.17,
        note: null,
      },
    ],
    sensitivities: [
      {
        of: 'pods.instances',
        label: 'instances of pods',
        value: assumed(8, 'instances', 5, 18),
        inputs: [
          { name: 'active', input: assumed(20, '%', 10, 50), span: 'range', atLow: 5, atHigh: 18, swingRatio: 1.625 },
          { name: 'glasses', input: quantity(1000, 'wearers'), span: 'tenth', atLow: 7, atHigh: 9, swingRatio: 0.25 },
        ],
      },
    ],
    notes: [{ code: 'STATED_TOO_FEW', about: 'media', sentence: 'media states 2 instances; 4 are needed', line: 57 }],
  }
}

/** Claims of each verdict. */
export function sampleCheck(): CheckResult {
  const base = { where: 'Capacity', failingMonths: [], otherSlips: [], missing: [] }
  return {
    format: 'parley.check-result/1',
    plan: 'Captions for a thousand glasses',
    ok: 1,
    wrong: 1,
    notDerivable: 1,
    claims: [
      {
        ...base,
        number: 1,
        claim: '2 cores at 2.5 % are 80 sessions',
        line: 140,
        verdict: 'wrong',
        claimed: '80 sessions',
        right: quantity(40, 'sessions'),
        factor: 2,
        slip: {
          kind: 'oneLoopBound',
          sentence: 'It counts 2 cores, but a process has one event loop and uses one',
          about: 'pods',
        },
        sentence: 'The plan gives 40 sessions, half of what is claimed',
        otherSlips: [{ kind: 'wouldHold', sentence: 'It would hold with 1.25 % cpu for each', about: 'session.cpu' }],
      },
      {
        ...base,
        number: 2,
        claim: '1.3 GB stay',
        line: 144,
        verdict: 'ok',
        claimed: '1.3 GB',
        right: quantity(1.3, 'GB'),
        factor: 1,
        slip: null,
        sentence: 'it does',
      },
      {
        ...base,
        number: 3,
        claim: 'Users | are <b>happy</b>',
        where: null,
        line: 150,
        verdict: 'not-derivable',
        claimed: '100 %',
        right: null,
        factor: null,
        slip: null,
        sentence: 'nothing in the plan says so',
        missing: ['happiness'],
      },
    ],
  }
}
