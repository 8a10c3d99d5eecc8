// A tier as definitions: what one instance has, what is taken, what is left, what each session needs, the limit per resource,
// reserves line by line, and how many instances carry the load.
import type { PlanValue } from '../plan-file.ts'
import { isSourced } from '../read/validate.ts'
import { nounKey } from '../units/dimension.ts'
import type { Builder } from './builder.ts'
import { less } from './less.ts'
import type { ResourceLayout, Tier, TierDraft, TierLayout } from './tier-layout.ts'
import { addTierLoad } from './tier-load.ts'
import type { WorkloadLayout } from './workloads.ts'

type Reserve = NonNullable<Tier['reserves']>[string]
type ReserveObject = { share?: PlanValue; amount?: PlanValue; of?: string; note?: string }

const asObject = (reserve: Reserve): ReserveObject =>
  typeof reserve === 'object' && !Array.isArray(reserve) && !isSourced(reserve)
    ? (reserve as ReserveObject)
    : { share: reserve as PlanValue }

/** Amounts kept of one resource; their names. */
function resourceReserves({ builder, name, tier, path }: TierDraft, resource: string): string[] {
  const names: string[] = []
  for (const [reserve, written] of Object.entries(tier.reserves ?? {})) {
    const { share, amount, of, note } = asObject(written)
    if (of !== resource) continue
    const at = `${path}.reserves.${reserve}`
    const full = `${name}.reserve.${reserve}`
    const more = note === undefined ? {} : { note }
    if (
      amount !== undefined &&
      builder.value(full, amount, `${at}.amount`, { ...builder.resource(resource, at), ...more })
    )
      names.push(full)
    else if (
      share !== undefined &&
      builder.value(`${full}.share`, share, `${at}.share`, { expect: 'ratio', ...more })
    ) {
      builder.computed(full, `${full}.share * ${name}.${resource}.has`, { path: at })
      names.push(full)
    }
  }
  return names
}

/** Defines what one instance has of a resource; false when nothing says it. Of processor time, one event loop uses one core. */
function addHas(draft: TierDraft, resource: string): { defined: boolean; oneLoop: boolean } {
  const { builder, name, tier, path } = draft
  const full = `${name}.${resource}.has`
  const options = builder.resource(resource, `${path}.has.${resource}`)
  const loopBound = tier.process === 'one-loop'
  if (resource === 'loop' && tier.has?.loop === undefined) {
    if (loopBound) builder.computed(full, `${name}.processes * 1 core`, { as: { core: 1 }, path })
    return { defined: loopBound, oneLoop: loopBound }
  }
  const usesLoop = draft.served.some((workload) => workload.needs.some((need) => need.resource === 'loop'))
  const oneLoop = resource === 'cpu' && loopBound && !usesLoop
  const source = oneLoop ? `${name}.cpu.machine` : full
  const own = builder.value(source, tier.has?.[resource], `${path}.has.${resource}`, options)
  const ofMachine = `${tier.machine}.${resource}`
  if (!own && !(tier.machine !== undefined && builder.definitions.has(ofMachine)))
    return { defined: false, oneLoop: false }
  if (!own) builder.computed(source, ofMachine, { path })
  if (oneLoop)
    builder.computed(full, `min(${source}, ${name}.processes * 1 core)`, {
      as: { core: 1 },
      path,
      note: 'one event loop uses one core at most',
    })
  return { defined: true, oneLoop }
}

/** Need of one unit of the first workload, with its share of the others. */
function addNeed({ builder, name, served, path }: TierDraft, resource: string): boolean {
  const [first] = served
  if (!first) return false
  const terms = served.flatMap((workload) => {
    if (!workload.needs.some((need) => need.resource === resource)) return []
    const each = `${workload.name}.${resource}`
    return [workload === first ? each : `${each} * (${workload.name}.concurrent / ${first.name}.concurrent)`]
  })
  if (terms.length === 0) return false
  const dim = builder.resources.get(resource)?.dim ?? {}
  builder.computed(`${name}.${resource}.need`, terms.join(' + '), { as: { ...dim, [nounKey(first.name)]: -1 }, path })
  return true
}

function addTaken({ builder, name, tier, path }: TierDraft, resource: string): string[] {
  const full = `${name}.${resource}.taken`
  const at = `${path}.taken.${resource}`
  if (!builder.parts(full, tier.taken?.[resource], at, builder.resource(resource, at))) return []
  const parts = [...builder.definitions.keys()].filter((key) => key.startsWith(`${full}.`))
  return parts.length > 0 ? parts : [full]
}

function addInstanceResource(draft: TierDraft, resource: string): ResourceLayout | undefined {
  const { builder, name, served, path } = draft
  const { defined, oneLoop } = addHas(draft, resource)
  if (!defined) return undefined
  const taken = [...addTaken(draft, resource), ...resourceReserves(draft, resource)]
  const available = less(builder, `${name}.${resource}.has`, taken)
  builder.computed(`${name}.${resource}.available`, taken.length === 0 ? available : `max(0, ${available})`, { path })
  if (!addNeed(draft, resource)) return undefined
  const as = { [nounKey(served[0]?.name ?? '')]: 1 }
  builder.computed(`${name}.${resource}.limit`, `floor(${name}.${resource}.available / ${name}.${resource}.need)`, {
    as,
    path,
  })
  return { name: resource, scope: 'instance', oneLoop, taken }
}

function addSharedResource(draft: TierDraft, resource: string): ResourceLayout | undefined {
  const { builder, name, served, path } = draft
  if (!builder.definitions.has(`budget.${resource}`)) return undefined
  if (!builder.definitions.has(`${name}.${resource}.need`) && !addNeed(draft, resource)) return undefined
  const as = { [nounKey(served[0]?.name ?? '')]: 1 }
  builder.computed(`${name}.${resource}.limit`, `floor(budget.${resource} / ${name}.${resource}.need)`, { as, path })
  return { name: resource, scope: 'shared', oneLoop: false, taken: [] }
}

function addCapacity({ builder, name, tier, path, served }: TierDraft): ResourceLayout | undefined {
  const first = served[0]
  const as =
    first === undefined
      ? {}
      : { expect: 'resource' as const, as: { [nounKey(first.name)]: 1 }, example: `100 ${first.name}` }
  const options = { expect: 'count' as const, ...as }
  if (!builder.value(`${name}.stated`, tier.capacity, `${path}.capacity`, options)) return undefined
  builder.computed(`${name}.capacity.limit`, `floor(${name}.stated)`, { path })
  return { name: 'capacity', scope: 'instance', oneLoop: false, taken: [] }
}

function addResources(draft: TierDraft): ResourceLayout[] {
  const { served } = draft
  const needed = [...new Set(served.flatMap((workload) => workload.needs.map((need) => need.resource)))]
  const found: ResourceLayout[] = []
  for (const resource of needed) {
    const layout = addInstanceResource(draft, resource) ?? addSharedResource(draft, resource)
    if (layout) found.push(layout)
  }
  const capacity = addCapacity(draft)
  if (capacity) found.push(capacity)
  return found
}

/** Shares and amounts kept of the capacity as a whole: `<tier>.reserve.<name>`; their names. */
function addReserves({ builder, name, tier, path }: TierDraft, limit: string): string[] {
  const names: string[] = []
  for (const [reserve, written] of Object.entries(tier.reserves ?? {})) {
    const { share, amount, of, note } = asObject(written)
    if (of !== undefined) continue
    const full = `${name}.reserve.${reserve}`
    const at = `${path}.reserves.${reserve}`
    const more = note === undefined ? {} : { note }
    const sharePath = written === share ? at : `${at}.share`
    if (amount !== undefined) {
      if (builder.value(full, amount, `${at}.amount`, { expect: 'count', like: limit, ...more })) names.push(full)
    } else if (builder.value(`${full}.share`, share, sharePath, { expect: 'ratio', ...more })) {
      builder.computed(full, `${full}.share * ${limit}`, { path: at })
      names.push(full)
    } else builder.problem('MISSING_KEY', at, `${at} has neither share nor amount`, { nearest: 'share' })
  }
  return names
}

function checkReserves({ builder, tier, path }: TierDraft, resources: readonly ResourceLayout[]): void {
  const known = resources
    .filter(({ name, scope }) => scope === 'instance' && name !== 'capacity')
    .map(({ name }) => name)
  for (const [reserve, written] of Object.entries(tier.reserves ?? {})) {
    const { of } = asObject(written)
    if (of !== undefined) builder.oneOf(of, known, `${path}.reserves.${reserve}.of`, 'a resource that limits this tier')
  }
}

function addTier(draft: TierDraft): TierLayout {
  const { builder, name, tier, path } = draft
  if (
    !builder.value(`${name}.processes`, tier.processes, `${path}.processes`, { expect: 'count', as: { '#process': 1 } })
  ) {
    builder.number(`${name}.processes`, { low: 1 }, 'process', { note: 'one process per instance unless told' })
  }
  const resources = addResources(draft)
  checkReserves(draft, resources)
  let reserves: string[] = []
  const own = resources.filter(({ scope }) => scope === 'instance').map((resource) => `${name}.${resource.name}.limit`)
  const all = resources.map((resource) => `${name}.${resource.name}.limit`)
  if (all.length > 0) {
    builder.computed(`${name}.limit`, all.length === 1 ? (all[0] as string) : `min(${all.join(', ')})`, { path })
    reserves = addReserves(draft, `${name}.limit`)
    builder.computed(`${name}.realistic`, `max(0, floor(${less(builder, `${name}.limit`, reserves)}))`, { path })
  }
  const rest = addTierLoad(draft, { own, shared: all.filter((limit) => !own.includes(limit)), reserves })
  return {
    name,
    label: tier.label ?? name,
    machine: tier.machine,
    resources,
    reserves,
    hasRealistic: all.length > 0,
    ...rest,
  }
}

export function addTiers(builder: Builder, workloads: readonly WorkloadLayout[]): TierLayout[] {
  const machines = Object.keys(builder.file.machines ?? {})
  return Object.entries(builder.file.tiers ?? {}).map(([name, tier]) => {
    const path = `tiers.${name}`
    if (tier.machine !== undefined) builder.oneOf(tier.machine, machines, `${path}.machine`, 'a machine of the plan')
    const names = tier.serves === undefined ? [] : [tier.serves].flat()
    const known = workloads.map((workload) => workload.name)
    const served = names.flatMap((each) => {
      const found = builder.oneOf(each, known, `${path}.serves`, 'a workload of the plan')
      return found ? workloads.filter((workload) => workload.name === each) : []
    })
    if (served.length > 1) requireConcurrent(builder, served, path)
    return addTier({ builder, name, tier, path, served })
  })
}

function requireConcurrent(builder: Builder, served: readonly WorkloadLayout[], path: string): void {
  for (const workload of served) {
    if (workload.hasConcurrent) continue
    builder.problem(
      'MISSING_KEY',
      `${path}.serves`,
      `workloads.${workload.name} has no concurrent, which a tier that serves several needs`,
      { nearest: 'concurrent' },
    )
  }
}
