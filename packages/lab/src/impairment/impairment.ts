// What a bad network does, as data: one description per direction, and when the whole path is cut. Checked and completed here;
// what it means for a packet is link-model.ts and cut-book.ts.
import { err, ok, type Result } from '@parley/kernel'

export const DIRECTIONS = ['up', 'down'] as const
/** `up`: from whoever connects to the relay towards what it relays. */
export type Direction = (typeof DIRECTIONS)[number]

export const JITTER_SHAPES = ['uniform', 'normal', 'exponential'] as const
/**
 * What is added to `delayMs`. `uniform`: 0 to jitterMs. `normal`: around 0 with jitterMs as standard deviation, never making the
 * whole negative. `exponential`: jitterMs on average, at most ten times as much.
 */
export type JitterShape = (typeof JITTER_SHAPES)[number]

/** Stretches in which every packet is lost. */
export type Burst =
  /** One burst in every `everyMs`, at a place in it that the seed decides. */
  | { readonly kind: 'periodic'; readonly burstMs: number; readonly everyMs: number }
  /** Gilbert-Elliott in time: bursts and the quiet between are exponentially long; together they lose `lossRatio`. */
  | { readonly kind: 'random'; readonly lossRatio: number; readonly meanBurstMs: number }
  /** Gilbert-Elliott in packets, for each flow. */
  | { readonly kind: 'randomPackets'; readonly lossRatio: number; readonly meanBurstPackets: number }

/** One direction. Datagrams are lost, overtaken and doubled; for TCP see `retransmitMs`. */
export interface LinkImpairment {
  /** Share of datagrams lost, each by itself; 0 to 1. */
  readonly lossRatio: number
  readonly burst: Burst | undefined
  readonly delayMs: number
  readonly jitterMs: number
  readonly jitterShape: JitterShape
  /** Share of datagrams held back by `reorderByMs`, so that later ones overtake; 0 to 0.5, because never two in a row are. */
  readonly reorderRatio: number
  readonly reorderByMs: number
  /** Share of datagrams that arrive twice; 0 to 1. */
  readonly duplicateRatio: number
  /** Undefined: as fast as it comes. TCP and UDP share it. */
  readonly rateBitsPerSecond: number | undefined
  /** What waits for the rate; datagrams beyond it are dropped, TCP is not read. */
  readonly queueBytes: number
  /** What the network would lose of TCP arrives this much later, and everything behind it waits; 0: TCP never notices loss. */
  readonly retransmitMs: number
}

export const CUT_TARGETS = ['tcp', 'udp', 'both'] as const
export type CutTarget = (typeof CUT_TARGETS)[number]
export const CUT_MANNERS = ['reset', 'silent'] as const
/**
 * `reset`: TCP connections are reset and new ones refused. `silent`: nothing passes and nobody is told; TCP bytes are delivered
 * afterwards unless an end gave up. Datagrams vanish either way.
 */
export type CutManner = (typeof CUT_MANNERS)[number]

export interface Cut {
  /** From the start of the relay, or from when the impairment was set. */
  readonly atMs: number
  readonly forMs: number
  readonly what: CutTarget
  readonly how: CutManner
}

/** The first one begins after `everyMs`. */
export interface PeriodicCut {
  readonly everyMs: number
  readonly forMs: number
  readonly what: CutTarget
  readonly how: CutManner
}

export interface Impairment {
  readonly up: LinkImpairment
  readonly down: LinkImpairment
  readonly cuts: readonly Cut[]
  readonly periodicCuts: readonly PeriodicCut[]
}

/** What may be left out: everything. `up` and `down` take precedence over `both`. */
export interface ImpairmentOptions {
  readonly both?: Partial<LinkImpairment>
  readonly up?: Partial<LinkImpairment>
  readonly down?: Partial<LinkImpairment>
  readonly cuts?: readonly (Pick<Cut, 'atMs' | 'forMs'> & Partial<Cut>)[]
  readonly periodicCuts?: readonly (Pick<PeriodicCut, 'everyMs' | 'forMs'> & Partial<PeriodicCut>)[]
}

export const NO_IMPAIRMENT: LinkImpairment = {
  lossRatio: 0,
  burst: undefined,
  delayMs: 0,
  jitterMs: 0,
  jitterShape: 'uniform',
  reorderRatio: 0,
  reorderByMs: 30,
  duplicateRatio: 0,
  rateBitsPerSecond: undefined,
  queueBytes: 65_536,
  retransmitMs: 200,
}

export const MAX_CUTS = 1_000
const MAX_DELAY_MS = 60_000
const DAY_MS = 86_400_000

export interface ImpairmentMistake {
  /** Such as `down.lossRatio` or `cuts[0].forMs`. */
  readonly field: string
  readonly value: unknown
  /** What would be right, in words. */
  readonly allowed: string
}

export const formatImpairmentMistake = ({ field, value, allowed }: ImpairmentMistake): string =>
  `${field} is ${JSON.stringify(value) ?? String(value)}; it must be ${allowed}`

type Check = (field: string, value: unknown) => ImpairmentMistake[]

const range =
  (min: number, max: number, unit: string): Check =>
  (field, value) =>
    typeof value === 'number' && value >= min && value <= max
      ? []
      : [{ field, value, allowed: `${unit} from ${min} to ${max}` }]

const oneOf =
  (names: readonly string[]): Check =>
  (field, value) =>
    names.includes(value as string) ? [] : [{ field, value, allowed: `one of ${names.join(', ')}` }]

const optional =
  (check: Check): Check =>
  (field, value) =>
    value === undefined ? [] : check(field, value)

const BURST_CHECKS: Readonly<Record<Burst['kind'], Readonly<Record<string, Check>>>> = {
  periodic: { burstMs: range(1, MAX_DELAY_MS, 'milliseconds'), everyMs: range(1, DAY_MS, 'milliseconds') },
  random: { lossRatio: range(0, 0.9, 'a ratio'), meanBurstMs: range(1, MAX_DELAY_MS, 'milliseconds') },
  randomPackets: { lossRatio: range(0, 0.9, 'a ratio'), meanBurstPackets: range(1, 10_000, 'packets') },
}

const checkBurst: Check = (field, value) => {
  const burst = value as Burst
  const checks = BURST_CHECKS[burst.kind] as Readonly<Record<string, Check>> | undefined
  if (!checks) return oneOf(Object.keys(BURST_CHECKS))(`${field}.kind`, burst.kind)
  const mistakes = checkFields(field, burst, checks)
  if (mistakes.length === 0 && burst.kind === 'periodic' && burst.burstMs >= burst.everyMs) {
    mistakes.push({ field: `${field}.burstMs`, value: burst.burstMs, allowed: `less than everyMs (${burst.everyMs})` })
  }
  if (mistakes.length === 0 && burst.kind === 'randomPackets') {
    // With shorter ones the quiet between would have to be shorter than one packet.
    const least = burst.lossRatio / (1 - burst.lossRatio)
    const value = burst.meanBurstPackets
    if (value < least) {
      const allowed = `at least ${least.toFixed(1)} to lose ${burst.lossRatio} of all`
      mistakes.push({ field: `${field}.meanBurstPackets`, value, allowed })
    }
  }
  return mistakes
}

const LINK_CHECKS: Readonly<Record<keyof LinkImpairment, Check>> = {
  lossRatio: range(0, 1, 'a ratio'),
  burst: optional(checkBurst),
  delayMs: range(0, MAX_DELAY_MS, 'milliseconds'),
  jitterMs: range(0, MAX_DELAY_MS, 'milliseconds'),
  jitterShape: oneOf(JITTER_SHAPES),
  reorderRatio: range(0, 0.5, 'a ratio'),
  reorderByMs: range(1, MAX_DELAY_MS, 'milliseconds'),
  duplicateRatio: range(0, 1, 'a ratio'),
  rateBitsPerSecond: optional(range(1_000, 100e9, 'bits per second')),
  queueBytes: range(1_500, 1 << 30, 'bytes'),
  retransmitMs: range(0, MAX_DELAY_MS, 'milliseconds'),
}

const CUT_CHECKS: Readonly<Record<keyof Cut, Check>> = {
  atMs: range(0, 30 * DAY_MS, 'milliseconds'),
  forMs: range(1, DAY_MS, 'milliseconds'),
  what: oneOf(CUT_TARGETS),
  how: oneOf(CUT_MANNERS),
}

const PERIODIC_CHECKS: Readonly<Record<keyof PeriodicCut, Check>> = {
  everyMs: range(1, DAY_MS, 'milliseconds'),
  forMs: CUT_CHECKS.forMs,
  what: CUT_CHECKS.what,
  how: CUT_CHECKS.how,
}

/** Every field by its check; a field that is not known is a mistake too. */
function checkFields(name: string, value: object, checks: Readonly<Record<string, Check>>): ImpairmentMistake[] {
  const mistakes = Object.entries(checks).flatMap(([field, check]) =>
    check(`${name}.${field}`, (value as Readonly<Record<string, unknown>>)[field]),
  )
  for (const [field, unknown] of Object.entries(value)) {
    if (field in checks || field === 'kind') continue
    mistakes.push({ field: `${name}.${field}`, value: unknown, allowed: `one of ${Object.keys(checks).join(', ')}` })
  }
  return mistakes
}

/** Completes `options` with what is usual, or says everything that is wrong with them. */
export function resolveImpairment(options: ImpairmentOptions = {}): Result<Impairment, readonly ImpairmentMistake[]> {
  const { both, up, down, cuts = [], periodicCuts = [] } = options
  const impairment: Impairment = {
    up: { ...NO_IMPAIRMENT, ...both, ...up },
    down: { ...NO_IMPAIRMENT, ...both, ...down },
    cuts: cuts.map((cut) => ({ what: 'both', how: 'silent', ...cut })),
    periodicCuts: periodicCuts.map((cut) => ({ what: 'both', how: 'silent', ...cut })),
  }
  const mistakes = DIRECTIONS.flatMap((direction) => checkFields(direction, impairment[direction], LINK_CHECKS))
  const count = cuts.length + periodicCuts.length
  if (count > MAX_CUTS) mistakes.push({ field: 'cuts', value: count, allowed: `at most ${MAX_CUTS} of them` })
  impairment.cuts.forEach((cut, index) => {
    mistakes.push(...checkFields(`cuts[${index}]`, cut, CUT_CHECKS))
  })
  impairment.periodicCuts.forEach((cut, index) => {
    const name = `periodicCuts[${index}]`
    const found = checkFields(name, cut, PERIODIC_CHECKS)
    if (found.length === 0 && cut.forMs >= cut.everyMs) {
      found.push({ field: `${name}.forMs`, value: cut.forMs, allowed: `less than everyMs (${cut.everyMs})` })
    }
    mistakes.push(...found)
  })
  return mistakes.length === 0 ? ok(impairment) : err(mistakes)
}
