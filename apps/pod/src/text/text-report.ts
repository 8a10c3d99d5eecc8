// What an operator sees of texts: budgets, engines, cache. Plain values of one instant.
import type { TextFailureCode, TextKind } from '@parley/protocol'
import {
  type BreakerStanding,
  type BudgetLimits,
  type BudgetUse,
  type CacheUse,
  DEFAULT_SAFETY_RATIO,
  type SharedTexts,
  type SharedUse,
  type TextCache,
} from '@parley/text'
import type { EngineStates } from './engine-states.ts'
import type { TextCounters } from './text-counters.ts'
import type { JobLane, TextJob } from './text-job.ts'
import type { TextOrder, TextProvider } from './text-order.ts'

/** `null`: no limit. */
export type LimitsView = { readonly [Field in keyof BudgetLimits]: number | null }

export interface BudgetView {
  /** The provider's id. */
  readonly id: string
  /** As configured: the provider's own limits. */
  readonly provider: {
    readonly requestsPerMinute: number | null
    readonly tokensPerMinute: number | null
    readonly safetyRatio: number
  }
  /** What is used of them at most, by the whole fleet. */
  readonly limits: LimitsView
  /** This pod's part of it now. */
  readonly slice: LimitsView
  /** The store of shared budgets does not answer; the slice is an equal share, or the last one. */
  readonly isStoreLost: boolean
  /** Among how many pods it is divided equally meanwhile; `null` while the store divides it, or nobody knows. */
  readonly sharedAmong: number | null
  /** By this pod: in the last 60 s, and calls under way. */
  readonly used: BudgetUse
  readonly waiting: { readonly partial: number; readonly final: number; readonly longestMs: number }
  readonly calls: number
  /** Partials that would have waited too long. */
  readonly skipped: number
  /** Finals that had to wait longer than a partial may. */
  readonly delayed: number
  /** Calls the provider refused for its limits. */
  readonly rateLimited: number
}

export interface TextEngineView {
  readonly kind: TextKind
  readonly name: string
  readonly provider: string | null
  readonly state: 'ready' | 'not ready' | 'left alone' | 'on trial'
  readonly problem?: string
  readonly answered: number
  /** Failures by code; only those that occurred. */
  readonly failed: Readonly<Partial<Record<TextFailureCode, number>>>
  /** Calls that went with the link to their worker. */
  readonly lost: number
}

export interface CacheView {
  readonly maxBytes: number
  readonly hitRatio: number
  readonly partial: CacheUse
  readonly final: CacheUse
  /** Finals that other pods have had done; `null` where texts are not shared. */
  readonly shared: SharedUse | null
}

export interface TextReport {
  readonly budgets: readonly BudgetView[]
  readonly engines: readonly TextEngineView[]
  readonly cache: CacheView
  readonly counters: TextCounters
  /** Texts under way or waiting for anything, each counted once however many asked. */
  readonly jobs: {
    readonly called: number
    readonly waiting: number
    readonly parked: number
    readonly resting: number
  }
}

export interface ReportInputs {
  readonly nowMs: number
  readonly order: TextOrder
  readonly states: EngineStates
  readonly cache: TextCache
  readonly shared: SharedTexts | undefined
  readonly counters: TextCounters
  readonly jobs: readonly TextJob[]
  readonly providers: readonly TextProvider[]
}

export function textReport(inputs: ReportInputs): TextReport {
  const { order, cache, counters, jobs } = inputs
  const byState = { called: 0, waiting: 0, parked: 0, resting: 0, looking: 0, over: 0 }
  for (const { state } of jobs) byState[state.is]++
  const { over: _over, looking: _looking, ...counts } = byState
  return {
    budgets: order
      .lanes()
      .filter(({ isProvider }) => isProvider)
      .map((lane) => budgetView(lane, inputs)),
    engines: engineViews(inputs),
    cache: { ...cacheView(cache), shared: inputs.shared?.use() ?? null },
    counters: structuredClone(counters),
    jobs: counts,
  }
}

function budgetView(lane: JobLane, { nowMs, providers }: ReportInputs): BudgetView {
  const waited = lane.queue.all().flatMap(({ askers }) => [...askers].map(({ askedAtMs }) => nowMs - askedAtMs))
  const provider = providers.find(({ id }) => id === lane.id)
  return {
    id: lane.id,
    provider: {
      requestsPerMinute: provider?.requestsPerMinute ?? null,
      tokensPerMinute: provider?.tokensPerMinute ?? null,
      safetyRatio: provider?.safetyRatio ?? DEFAULT_SAFETY_RATIO,
    },
    limits: limitsView(lane.limits),
    slice: limitsView(lane.budget.limits),
    isStoreLost: lane.isStoreLost,
    sharedAmong: lane.sharedAmong ?? null,
    used: lane.budget.use(nowMs),
    waiting: {
      partial: lane.queue.waiting('partial'),
      final: lane.queue.waiting('final'),
      longestMs: Math.round(Math.max(0, ...waited)),
    },
    ...lane.counters,
  }
}

function limitsView(limits: BudgetLimits): LimitsView {
  const view = (value: number): number | null =>
    value === Number.POSITIVE_INFINITY ? null : Math.round(value * 10) / 10
  return {
    requestsPerMinute: view(limits.requestsPerMinute),
    tokensPerMinute: view(limits.tokensPerMinute),
    partialConcurrency: view(limits.partialConcurrency),
    finalConcurrency: view(limits.finalConcurrency),
  }
}

const STATE_WORDS: Readonly<Record<BreakerStanding, TextEngineView['state']>> = {
  closed: 'ready',
  open: 'left alone',
  due: 'on trial',
  trial: 'on trial',
}

function engineViews({ order, states }: ReportInputs): readonly TextEngineView[] {
  const views = order.engines().map(({ kind, name, ready, problem, provider = null }): TextEngineView => {
    const { answered, lost, failed } = states.of(kind, name)
    const state = ready ? STATE_WORDS[states.standing(kind, name)] : 'not ready'
    const occurred = Object.fromEntries(Object.entries(failed).filter(([, count]) => count > 0))
    return { kind, name, provider, state, ...(problem && { problem }), answered, failed: occurred, lost }
  })
  return views.sort((a, b) => (`${a.kind} ${a.name}` < `${b.kind} ${b.name}` ? -1 : 1))
}

function cacheView(cache: TextCache): Omit<CacheView, 'shared'> {
  const [partial, final] = [cache.use('partial'), cache.use('final')]
  const hits = partial.hits + final.hits
  const asked = hits + partial.misses + final.misses
  return { maxBytes: cache.maxBytes, hitRatio: asked === 0 ? 0 : hits / asked, partial, final }
}
