// Right plans of an invented trade with random numbers, what is right in them by arithmetic of its own, and the same with one
// slip of a kind that people make.
import { type Random, seededRandom } from '@parley/kernel'
import type { SLIP_KINDS } from '../result.ts'

export type SlipKind = (typeof SLIP_KINDS)[number]

/** The numbers of a plan, in the units of their names. */
export interface Numbers {
  readonly users: number
  readonly peak: number
  readonly cores: number
  readonly cpuPercent: number
  readonly memoryGb: number
  readonly systemMb: number
  readonly sessionMb: number
  readonly lowMb: number
  readonly highMb: number
  readonly reserve: number
  readonly buffer: number
  readonly spares: number
  readonly price: number
  readonly rateKbps: number
  readonly listeners: number
  readonly gbPrice: number
  readonly reserved: number
  readonly spot: number
  readonly lengthMin: number
  readonly spokenMin: number
  readonly speed: number
}

/** A number that is not round, so that what comes of it is told from what comes of others. */
const odd = (random: Random, low: number, high: number, digits: number): number =>
  Number((low + (high - low) * random()).toPrecision(digits))

export function numbersOf(seed: number): Numbers {
  const random = seededRandom(seed)
  const between = (low: number, high: number, digits = 3) => odd(random, low, high, digits)
  const lowMb = between(11, 29)
  return {
    users: Math.round(between(3000, 90_000, 4)),
    peak: between(0.061, 0.34),
    cores: 2 + Math.floor(random() * 14),
    cpuPercent: between(0.31, 2.9),
    memoryGb: Math.round(between(15, 64, 2)),
    systemMb: Math.round(between(510, 1900)),
    sessionMb: between(7.1, 29),
    lowMb,
    highMb: between(lowMb * 1.3, lowMb * 2.6),
    reserve: between(0.11, 0.37, 2),
    buffer: between(0.13, 0.47, 2),
    spares: 1 + Math.floor(random() * 3),
    price: between(31, 490),
    rateKbps: between(33, 970),
    listeners: between(2.3, 7.7, 2),
    gbPrice: between(0.021, 0.13, 2),
    reserved: between(0.17, 0.43, 2),
    spot: between(0.51, 0.73, 2),
    lengthMin: Math.round(between(71, 115, 2)),
    spokenMin: Math.round(between(21, 59, 2)),
    speed: Math.round(between(6, 19, 2)),
  }
}

const percent = (share: number): string => `${Number((100 * share).toPrecision(6))}%`

/** The plan file of these numbers, without claims. */
export function textOfPlan(n: Numbers): string {
  return `
plan: Invented
month: 720 h
quantities:
  users: ${n.users} users
  peak: ${percent(n.peak)}
  online: users * peak * 1 session/user
  listeners: ${n.listeners}
  rate: ${n.rateKbps} kbps/session
  traffic: online * rate * listeners
  attachment: ${n.lowMb}..${n.highMb} MB/session
  attachments: online * attachment
  exam-length: ${n.lengthMin} min
  spoken: ${n.spokenMin} min
  speed: ${n.speed}
  busy: spoken / speed / exam-length
workloads:
  session: { concurrent: online, needs: { cpu: ${n.cpuPercent}% cpu, memory: ${n.sessionMb} MB } }
machines:
  box: { price: $${n.price}/month, has: { cpu: ${n.cores} cores, memory: ${n.memoryGb} GB } }
tiers:
  app:
    serves: session
    machine: box
    process: one-loop
    taken: { memory: { system: ${n.systemMb} MB } }
    reserves: { calm: ${percent(n.reserve)} }
    buffer: { growth: ${percent(n.buffer)} }
    surviveFailures: ${n.spares}
costs:
  egress: { amount: traffic, price: $${n.gbPrice}/GB }
savings:
  - { name: spot, of: [app], share: ${percent(n.spot)} }
  - { name: reserved, of: [app], share: ${percent(n.reserved)} }
unitCosts: { user-month: users }
`
}

/** What is right, worked out here again. */
export function rightNumbers(n: Numbers) {
  const online = n.users * n.peak
  const loopLimit = Math.floor(100 / n.cpuPercent + 1e-9)
  const memoryLimit = Math.floor((n.memoryGb * 1000 - n.systemMb) / n.sessionMb + 1e-9)
  const limit = Math.min(loopLimit, memoryLimit)
  const realistic = Math.floor(limit * (1 - n.reserve) + 1e-9)
  const needed = Math.ceil((online * (1 + n.buffer)) / realistic - 1e-9)
  const instances = needed + n.spares
  const machines = instances * n.price
  const trafficMbps = (online * n.rateKbps * n.listeners) / 1000
  const egress = ((trafficMbps * 1e6) / 8 / 1e9) * 720 * 3600 * n.gbPrice
  const left = machines * (1 - n.spot) * (1 - n.reserved)
  return {
    online,
    loopLimit,
    memoryLimit,
    limit,
    realistic,
    needed,
    instances,
    machines,
    trafficMbps,
    egress,
    total: left + egress,
  }
}

/** Digits enough to tell one number from another. */
export const written = (value: number, digits = 5): string => {
  const rounded = Number(value.toPrecision(digits))
  return Number.isInteger(rounded)
    ? String(rounded)
    : rounded.toFixed(Math.max(0, digits - Math.ceil(Math.log10(Math.abs(rounded)) + 1e-9)))
}

export interface Claim {
  readonly of: string
  readonly value: string
}

/** Claims that are right in such a plan. */
export function rightClaims(n: Numbers): Claim[] {
  const right = rightNumbers(n)
  return [
    { of: 'online', value: `${written(right.online)} sessions` },
    { of: 'app.cpu.limit', value: `${right.loopLimit} sessions` },
    { of: 'app.memory.limit', value: `${right.memoryLimit} sessions` },
    { of: 'app.realistic', value: `${right.realistic} sessions` },
    { of: 'app.needed', value: `${right.needed} instances` },
    { of: 'app.instances', value: `${right.instances} instances` },
    { of: 'app.cost', value: `$${written(right.machines)}/month` },
    { of: 'traffic', value: `${written(right.trafficMbps)} Mbps` },
    { of: 'cost.egress', value: `$${written(right.egress)}/month` },
    { of: 'cost.total', value: `$${written(right.total)}/month` },
    { of: 'unitCost.user-month', value: `$${written(right.total / n.users)}/user-month` },
    {
      of: 'attachments',
      value: `${written((right.online * n.lowMb) / 1000)}..${written((right.online * n.highMb) / 1000)} GB`,
    },
    { of: 'busy', value: `${written((60 * n.spokenMin) / n.speed / n.lengthMin)} min/h` },
  ]
}

/** A claim with one slip in it, by the kind of the slip. */
export function wrongClaims(n: Numbers): [SlipKind, Claim][] {
  const right = rightNumbers(n)
  const allCores = Math.floor((100 * n.cores) / n.cpuPercent + 1e-9)
  const bare = right.limit
  const unbuffered = Math.ceil(right.online / right.realistic - 1e-9)
  const doubled = right.machines - right.machines * (n.spot + n.reserved) + right.egress
  const money = (value: number, per = 'month') => `$${written(value)}/${per}`
  return [
    ['oneLoopBound', { of: 'app.cpu.limit', value: `${allCores} sessions` }],
    ['missingReserve', { of: 'app.realistic', value: `${bare} sessions` }],
    ['missingReserve', { of: 'app.needed', value: `${unbuffered} instances` }],
    ['missingReserve', { of: 'app.memory.available', value: `${n.memoryGb * 1000} MB` }],
    ['missingReserve', { of: 'app.instances', value: `${right.needed} instances` }],
    ['doubleCounting', { of: 'cost.total', value: money(doubled) }],
    ['doubleCounting', { of: 'online', value: `${written(right.online * n.peak)} sessions` }],
    ['unit', { of: 'traffic', value: `${written(right.trafficMbps / 8)} Mbps` }],
    ['unit', { of: 'traffic', value: `${written(right.trafficMbps / 1000)} Mbps` }],
    ['unit', { of: 'attachment', value: `${written(n.lowMb / 8)}..${written(n.highMb / 8)} MB/session` }],
    ['basePeriod', { of: 'unitCost.user-month', value: money((right.total / n.users) * 12, 'user-month') }],
    ['basePeriod', { of: 'cost.egress', value: money(right.egress / 24) }],
    ['basePeriod', { of: 'busy', value: `${written(n.spokenMin / n.speed)} min/h` }],
    ['leftOut', { of: 'traffic', value: `${written(right.trafficMbps / n.listeners)} Mbps` }],
    ['leftOut', { of: 'online', value: `${n.users} sessions` }],
    ['rangeEnd', { of: 'attachments', value: `${written((right.online * n.highMb) / 1000)} GB` }],
    [
      'rangeEnd',
      {
        of: 'attachments',
        value: `${written((right.online * n.lowMb) / 1000)}..${written((right.online * (n.lowMb + n.highMb)) / 2000)} GB`,
      },
    ],
    ['otherQuantity', { of: 'cost.egress', value: money(right.machines) }],
    ['unstatedReserve', { of: 'app.memory.limit', value: `${Math.floor(right.memoryLimit * 0.7131)} sessions` }],
    ['wouldHold', { of: 'cost.egress', value: money(right.egress * 1.6183) }],
  ]
}
