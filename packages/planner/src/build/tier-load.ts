// The other half of a tier: its load with buffers, how many instances, what they hold together and what they cost.
import { PERCENT } from './builder.ts'
import { less } from './less.ts'
import type { TierDraft, TierLayout } from './tier-layout.ts'

interface Limits {
  /** Names of the limits of one instance, and of those that all instances share. */
  readonly own: readonly string[]
  readonly shared: readonly string[]
  readonly reserves: readonly string[]
}

type Rest = Pick<
  TierLayout,
  'buffers' | 'stated' | 'assumedOne' | 'hasLoad' | 'hasPrice' | 'surviveFailures' | 'bounds'
>

const INSTANCE = { '#instance': 1 } as const

/** Capacity of one instance alone: a budget that all share does not grow with their number. */
function addOwnRealistic({ builder, name, path }: TierDraft, { own, shared, reserves }: Limits): string {
  if (shared.length === 0) return `${name}.realistic`
  if (own.length === 0) return `${name}.realistic`
  builder.computed(`${name}.own.limit`, own.length === 1 ? (own[0] as string) : `min(${own.join(', ')})`, { path })
  builder.computed(`${name}.own.realistic`, `max(0, floor(${less(builder, `${name}.own.limit`, reserves)}))`, { path })
  return `${name}.own.realistic`
}

function addBuffers({ builder, name, tier, path }: TierDraft): string[] {
  const names: string[] = []
  for (const [buffer, value] of Object.entries(tier.buffer ?? {})) {
    const full = `${name}.buffer.${buffer}`
    if (!builder.value(`${full}.share`, value, `${path}.buffer.${buffer}`, { expect: 'ratio' })) continue
    builder.computed(full, `${full}.share * ${name}.load`, { path })
    names.push(full)
  }
  return names
}

function addLoad({ builder, name, tier, path, served }: TierDraft, hasRealistic: boolean): boolean {
  const like = hasRealistic ? { like: `${name}.realistic` } : {}
  if (builder.value(`${name}.load`, tier.load, `${path}.load`, { expect: 'count', ...like })) return true
  const first = served[0]
  if (tier.load !== undefined || first?.hasConcurrent !== true) return false
  builder.computed(`${name}.load`, `${first.name}.concurrent`, { path })
  return true
}

function addCount({ builder, name, tier, path }: TierDraft, computable: boolean, bounds: Rest['bounds']) {
  const failures = tier.surviveFailures ?? 0
  const options = { expect: 'count', as: INSTANCE } as const
  if (builder.value(`${name}.instances`, tier.instances, `${path}.instances`, options))
    return { stated: true, assumedOne: false }
  if (tier.instances !== undefined) return { stated: true, assumedOne: false }
  if (!computable) {
    const least = bounds.includes('atLeast')
    if (least) builder.computed(`${name}.instances`, `${name}.atLeast`, { path })
    else {
      const note = 'nothing says how many there are, so one is counted'
      builder.number(`${name}.instances`, { low: 1 }, 'instance', { standing: 'assumed', note, path })
    }
    return { stated: false, assumedOne: !least }
  }
  const spare = failures === 0 ? '' : ` + ${failures} instance${failures === 1 ? '' : 's'}`
  const least = bounds.includes('atLeast') ? `max(${name}.atLeast, ${name}.needed${spare})` : `${name}.needed${spare}`
  builder.computed(`${name}.instances`, least, { path, as: INSTANCE })
  return { stated: false, assumedOne: false }
}

function addTogether(
  { builder, name, path }: TierDraft,
  own: string,
  { shared, reserves, own: ownLimits }: Limits,
  { hasLoad, stated }: { readonly hasLoad: boolean; readonly stated: boolean },
): void {
  const shares = reserves.filter((reserve) => builder.definitions.has(`${reserve}.share`))
  const kept = shares.length === 0 ? '' : ` * max(0, 1 - ${shares.map((reserve) => `${reserve}.share`).join(' - ')})`
  const budgets = shared.map((limit) => `floor(${limit}${kept})`)
  const together = ownLimits.length === 0 ? [] : [`${name}.instances / 1 instance * ${own}`]
  const all = [...together, ...budgets]
  builder.computed(`${name}.capacity`, all.length === 1 ? (all[0] as string) : `min(${all.join(', ')})`, { path })
  if (!hasLoad) return
  // As many as are needed are never used beyond the whole; saying so keeps the range of the ratio from leaving it.
  const used = `${name}.load / ${name}.capacity`
  const isEnough = !stated && shared.length === 0
  builder.computed(`${name}.usedRatio`, isEnough ? `min(1, ${used})` : used, { path, as: {}, unit: PERCENT })
}

function addPrice({ builder, name, tier, path }: TierDraft): boolean {
  const options = { expect: 'moneyRate', as: { money: 1, time: -1 } } as const
  const own = builder.value(`${name}.price`, tier.price, `${path}.price`, options)
  const ofMachine = `${tier.machine}.price`
  if (!own && !(tier.machine !== undefined && builder.definitions.has(ofMachine))) return false
  if (!own) builder.computed(`${name}.price`, ofMachine, { path })
  builder.computed(`${name}.cost`, `${name}.instances * ${name}.price`, { path, as: { money: 1, time: -1 } })
  return true
}

export function addTierLoad(draft: TierDraft, limits: Limits): Rest {
  const { builder, name, tier, path } = draft
  const hasRealistic = limits.own.length + limits.shared.length > 0
  const own = addOwnRealistic(draft, limits)
  const hasLoad = addLoad(draft, hasRealistic)
  const buffers = hasLoad ? addBuffers(draft) : []
  const bounds = (['atLeast', 'atMost'] as const).filter((bound) =>
    builder.value(`${name}.${bound}`, tier[bound], `${path}.${bound}`, { expect: 'count', as: INSTANCE }),
  )
  const computable = hasLoad && hasRealistic
  if (computable) {
    const load = [`${name}.load`, ...buffers].join(' + ')
    const carried = buffers.length === 0 ? load : `(${load})`
    // Where one load point leaves open how much one instance holds, some load still needs one.
    const isOpen = Object.values(builder.file.fits ?? {}).some((fit) => fit.points.length === 1)
    const count = `ceil(${carried} / ${own})`
    const needed = isOpen ? `max(${count}, min(1, ceil(${name}.load)))` : count
    builder.computed(`${name}.needed`, needed, { path, as: INSTANCE })
  }
  const counted = addCount(draft, computable, bounds)
  if (hasRealistic) addTogether(draft, own, limits, { hasLoad, stated: counted.stated })
  const hasPrice = addPrice(draft)
  return { buffers, hasLoad, hasPrice, bounds, surviveFailures: tier.surviveFailures ?? 0, ...counted }
}
