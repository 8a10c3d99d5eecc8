// Plans drawn from a seed: workloads with needs, a machine, reserves, growth, costs, savings. Every part of the graph that has a
// range or a step can come up.
import type { Random } from '@parley/kernel'
import { type Built, buildPlan } from '../build/build-plan.ts'
import type { PlanFile } from '../plan-file.ts'

export interface PlanDraw {
  readonly users: number
  readonly reserve: number
  readonly buffer: number
  readonly text: (changes?: Partial<Pick<PlanDraw, 'users' | 'reserve' | 'buffer'>>) => PlanFile
}

const RANGED = 0.5

export function drawPlan(random: Random): PlanDraw {
  const pick = (low: number, high: number) => Number((low + (high - low) * random()).toPrecision(3))
  const chance = (ratio: number) => random() < ratio
  const value = (low: number, high: number, unit: string): string => {
    const a = pick(low, high)
    if (!chance(RANGED)) return `${a}${unit}`
    const b = Number((a * (1 + random())).toPrecision(3))
    return `${Math.min(a, b)}..${Math.max(a, b)}${unit}`
  }
  const own = {
    needs: { cpu: { code: value(0.5, 4, '% cpu'), audio: value(0.1, 2, '% cpu') }, memory: value(2, 80, ' MB') },
    rate: value(1, 30, ' requests/min'),
    machine: { price: `$${pick(5, 400)}/month`, has: { cpu: `${Math.ceil(pick(1, 16))} cores`, memory: `${pick(1, 64)} GB` } },
    taken: { memory: { system: value(50, 600, ' MB') } },
    process: chance(0.5) ? ('one-loop' as const) : ('many-core' as const),
    processes: Math.ceil(pick(0.1, 4)),
    failures: Math.floor(random() * 3),
    peak: value(2, 40, '%'),
    budget: chance(0.4) ? { budgets: { requests: `${pick(1e3, 1e6)} requests/min` } } : {},
    egress: value(10, 400, ' kbps/user'),
    share: value(5, 50, '%'),
    amount: `$${pick(1, 200)}/month`,
    rateOfGrowth: value(0, 12, '%'),
    atLeast: chance(0.3) ? { atLeast: '2 instances' } : {},
  }
  const draw = { users: Math.ceil(10 ** (1 + 4 * random())), reserve: pick(0, 40), buffer: pick(0, 40) }
  const text: PlanDraw['text'] = (changes = {}) => {
    const { users, reserve, buffer } = { ...draw, ...changes }
    return {
      plan: 'Drawn',
      quantities: { users: `${users} users`, peak: own.peak, online: 'users * peak', fee: '$3/user/month' },
      workloads: { session: { concurrent: 'online', needs: own.needs, calls: { ask: { rate: own.rate } } } },
      machines: { box: own.machine },
      ...own.budget,
      tiers: {
        app: {
          serves: 'session',
          machine: 'box',
          process: own.process,
          processes: own.processes,
          taken: own.taken,
          reserves: { kept: `${reserve}%` },
          buffer: { more: `${buffer}%` },
          surviveFailures: own.failures,
          ...own.atLeast,
        },
      },
      costs: { egress: { amount: `online * ${own.egress}`, price: '$0.09/GB', free: '100 GB/month' }, fee: '$20/month' },
      savings: [
        { name: 'spot', of: ['app'], share: own.share },
        { name: 'deal', amount: own.amount },
      ],
      unitCosts: { 'user-month': 'users' },
      revenue: 'users * fee',
      growth: { months: 3, of: { users: { rate: own.rateOfGrowth } } },
    }
  }
  return { ...draw, text }
}

/** A plan file as a model, without reading YAML. Throws when it has problems: drawn plans have none. */
export function builtOf(file: PlanFile): Built {
  const { built, problems } = buildPlan({ file, fileName: 'drawn', places: new Map(), readVerdict: undefined })
  if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join('\n'))
  return built
}
