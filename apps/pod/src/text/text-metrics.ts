// Where the metrics of texts come from. Budgets are labelled with the provider's id, engines with their name: configured words both.
import type { Metrics } from '@parley/telemetry'
import { CALL_CLASSES } from '@parley/text'
import { newTextCounters } from './text-counters.ts'
import type { BudgetView, LimitsView, TextReport } from './text-report.ts'

const NO_CACHE_USE = { entries: 0, bytes: 0, evicted: 0, hits: 0, misses: 0 }

/** What is exposed where there is no text service. */
export const NO_TEXT_REPORT: TextReport = {
  budgets: [],
  engines: [],
  cache: { maxBytes: 0, hitRatio: 0, partial: NO_CACHE_USE, final: NO_CACHE_USE, shared: null },
  counters: newTextCounters(),
  jobs: { called: 0, waiting: 0, parked: 0, resting: 0 },
}

export function collectTexts(metrics: Metrics, read: () => TextReport): void {
  collectOutcomes(metrics, read)
  collectBudgets(metrics, read)
  metrics.collect('parley_text_jobs', () =>
    Object.entries(read().jobs).map(([state, value]) => ({ labels: { state }, value })),
  )
  metrics.collect('parley_text_engine_ready', () =>
    read().engines.map(({ kind, name, state }) => ({
      labels: { kind, engine: name },
      value: Number(state === 'ready'),
    })),
  )
  metrics.collect('parley_text_answers_total', () =>
    read().engines.map(({ kind, name, answered }) => ({ labels: { kind, engine: name }, value: answered })),
  )
  metrics.collect('parley_text_call_failures_total', () =>
    read().engines.flatMap(({ kind, name, failed, lost }) =>
      Object.entries({ ...failed, LINK_LOST: lost }).map(([code, value]) => ({
        labels: { kind, engine: name, code },
        value,
      })),
    ),
  )
  metrics.collect('parley_text_refused_total', () =>
    Object.entries(read().counters.refused).map(([reason, value]) => ({ labels: { reason }, value })),
  )
  metrics.collect('parley_text_cache_hits_total', () => byClass((cache) => read().cache[cache].hits))
  metrics.collect('parley_text_cache_misses_total', () => byClass((cache) => read().cache[cache].misses))
  metrics.collect('parley_text_other_pods_total', () =>
    Object.entries(read().cache.shared ?? {}).map(([outcome, value]) => ({ labels: { outcome }, value })),
  )
  metrics.collect('parley_text_cache_bytes', () => byClass((cache) => read().cache[cache].bytes))
}

const byClass = (value: (callClass: 'partial' | 'final') => number) =>
  CALL_CLASSES.map((callClass) => ({ labels: { class: callClass }, value: value(callClass) }))

function collectOutcomes(metrics: Metrics, read: () => TextReport): void {
  metrics.collect('parley_text_asked_total', () => byClass((callClass) => read().counters[callClass].asked))
  metrics.collect('parley_text_shared_total', () => byClass((callClass) => read().counters[callClass].shared))
  metrics.collect('parley_text_outcomes_total', () =>
    CALL_CLASSES.flatMap((callClass) => {
      const { done, cached, cancelled } = read().counters[callClass]
      const outcomes = Object.entries({ done, cached, cancelled })
      return outcomes.map(([outcome, value]) => ({ labels: { class: callClass, outcome }, value }))
    }),
  )
  metrics.collect('parley_text_outcome_seconds_total', () =>
    byClass((callClass) => read().counters[callClass].outcomeMsTotal / 1000),
  )
  metrics.collect('parley_text_partials_skipped_total', () =>
    Object.entries(read().counters.partial.skipped).map(([reason, value]) => ({ labels: { reason }, value })),
  )
  metrics.collect('parley_text_finals_failed_total', () =>
    Object.entries(read().counters.final.failed).map(([reason, value]) => ({ labels: { reason }, value })),
  )
  metrics.collect('parley_text_finals_delayed_total', () => read().counters.final.delayed)
}

function collectBudgets(metrics: Metrics, read: () => TextReport): void {
  const each = (value: (budget: BudgetView) => number) =>
    read().budgets.map((budget) => ({ labels: { provider: budget.id }, value: value(budget) }))
  metrics.collect('parley_budget_used_ratio', () =>
    read().budgets.flatMap(({ id, slice, used }) => {
      const ratios = {
        requests: ratioOf(used.requestsPerMinute, slice.requestsPerMinute),
        tokens: ratioOf(used.tokensPerMinute, slice.tokensPerMinute),
        partial_calls: ratioOf(used.partials, slice.partialConcurrency),
        final_calls: ratioOf(used.finals, slice.finalConcurrency),
      }
      return Object.entries(ratios).map(([resource, value]) => ({ labels: { provider: id, resource }, value }))
    }),
  )
  metrics.collect('parley_budget_waiting', () =>
    read().budgets.flatMap(({ id, waiting }) =>
      CALL_CLASSES.map((callClass) => ({ labels: { provider: id, class: callClass }, value: waiting[callClass] })),
    ),
  )
  metrics.collect('parley_budget_calls_total', () => each(({ calls }) => calls))
  metrics.collect('parley_budget_rate_limited_total', () => each(({ rateLimited }) => rateLimited))
  metrics.collect('parley_budget_paused', () => each(({ used }) => Number(used.pausedForMs > 0)))
  metrics.collect('parley_budget_store_lost', () => each(({ isStoreLost }) => Number(isStoreLost)))
}

/** 0 without a limit; 1 when there is nothing to use. */
function ratioOf(used: number, limit: LimitsView[keyof LimitsView]): number {
  if (limit === null) return 0
  return limit === 0 ? 1 : used / limit
}
