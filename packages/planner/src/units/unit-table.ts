// The units there are. Exact: every scale is a whole number of a base unit or the inverse of one.
import type { Dim } from './dimension.ts'

export interface TableUnit {
  readonly dim: Dim
  /** Base units in one: multiply by `num`, then divide by `den`. */
  readonly num: number
  readonly den: number
}

const time = (num: number, den = 1): TableUnit => ({ dim: { time: 1 }, num, den })
const data = (bits: number): TableUnit => ({ dim: { data: 1 }, num: bits, den: 1 })
const rate = (bits: number): TableUnit => ({ dim: { data: 1, time: -1 }, num: bits, den: 1 })
const plain = (dim: Dim, den = 1): TableUnit => ({ dim, num: 1, den })

const TIMES: Readonly<Record<string, TableUnit>> = {
  us: time(1, 1_000_000),
  ms: time(1, 1_000),
  s: time(1),
  min: time(60),
  h: time(3_600),
  day: time(86_400),
  week: time(604_800),
}

const TIME_ALIASES: Readonly<Record<string, string>> = {
  millisecond: 'ms',
  milliseconds: 'ms',
  sec: 's',
  second: 's',
  seconds: 's',
  minute: 'min',
  minutes: 'min',
  hr: 'h',
  hour: 'h',
  hours: 'h',
  d: 'day',
  days: 'day',
  weeks: 'week',
  months: 'month',
  mo: 'month',
  years: 'year',
  yr: 'year',
}

function dataUnits(): Record<string, TableUnit> {
  const units: Record<string, TableUnit> = { bit: data(1), bits: data(1), B: data(8), byte: data(8), bytes: data(8) }
  const steps: readonly (readonly [prefix: string, size: number])[] = [
    ['k', 1e3],
    ['M', 1e6],
    ['G', 1e9],
    ['T', 1e12],
    ['P', 1e15],
  ]
  for (const [prefix, size] of steps) {
    for (const word of prefix === 'k' ? ['k', 'K'] : [prefix]) {
      units[`${word}B`] = data(8 * size)
      units[`${word}bit`] = data(size)
    }
    units[`${prefix}bps`] = rate(size)
  }
  const binary: readonly string[] = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi']
  for (const [index, prefix] of binary.entries()) units[`${prefix}B`] = data(8 * 1024 ** (index + 1))
  units.Kbps = rate(1e3)
  units.bps = rate(1)
  return units
}

/** Every unit but month, year, currencies and nouns, which a plan decides about. */
export const UNITS: Readonly<Record<string, TableUnit>> = {
  ...TIMES,
  ...dataUnits(),
  '%': plain({}, 100),
  core: plain({ core: 1 }),
  '% cpu': plain({ core: 1 }, 100),
  millicore: plain({ core: 1 }, 1_000),
  gpu: plain({ gpu: 1 }),
  '% gpu': plain({ gpu: 1 }, 100),
}

/** Other spellings, each of the unit it stands for. */
export const ALIASES: Readonly<Record<string, string>> = {
  ...TIME_ALIASES,
  cores: 'core',
  cpu: 'core',
  cpus: 'core',
  CPU: 'core',
  vCPU: 'core',
  vCPUs: 'core',
  vcpu: 'core',
  vcpus: 'core',
  millicores: 'millicore',
  gpus: 'gpu',
  GPU: 'gpu',
  GPUs: 'gpu',
  '% core': '% cpu',
  '% cores': '% cpu',
  '% CPU': '% cpu',
  '% vCPU': '% cpu',
  '% GPU': '% gpu',
}

/** Signs that stand before an amount, by the code they mean. */
export const CURRENCY_SIGNS: Readonly<Record<string, string>> = {
  $: 'USD',
  '\u20ac': 'EUR',
  '\u00a3': 'GBP',
  '\u20b9': 'INR',
  '\u00a5': 'JPY',
}

/** Things that are counted, known without being named by a plan; plurals by rule unless given. */
const NOUN_LIST =
  'account app call character client connection customer descriptor device event exam frame instance item job listener machine ' +
  'member message node operation packet participant peer pod read replica request room seat server session set slot ' +
  'socket speaker stream student subscriber subscription tenant test token track unit user utterance viewer visit word worker write'

export const pluralOf = (singular: string): string =>
  /(s|x|z|ch|sh)$/.test(singular) ? `${singular}es` : singular.replace(/([^aeiou])y$/, '$1ie').concat('s')

/** Word, singular or plural, to the singular. */
export const NOUNS: ReadonlyMap<string, string> = new Map([
  ...NOUN_LIST.split(' ').flatMap((noun) => [[noun, noun] as const, [pluralOf(noun), noun] as const]),
  ['query', 'query'],
  ['queries', 'query'],
  ['process', 'process'],
  ['processes', 'process'],
  ['person', 'person'],
  ['people', 'person'],
  ['char', 'character'],
  ['chars', 'character'],
])
