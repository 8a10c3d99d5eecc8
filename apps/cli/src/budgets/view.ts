// Budgets, engines for texts and their cache as tables. Pure.
import { type Style, table } from '../output/index.ts'
import type { BudgetsReport, CachePart, ProviderBudget, TextEngine } from './budgets-shape.ts'

const BUDGET_HEADINGS = [
  'provider',
  'requests/min',
  'tokens/min',
  'calls now',
  'waiting',
  'skipped',
  'delayed',
  'refused',
]
const ENGINE_HEADINGS = ['engine', 'kind', 'state', 'answered', 'failed']

export function budgetLines(report: BudgetsReport, style: Style): string[] {
  return [...providerLines(report.budgets, style), '', ...engineLines(report.engines, style), '', ...cacheLines(report)]
}

function providerLines(budgets: readonly ProviderBudget[], style: Style): string[] {
  if (budgets.length === 0) return ['no budgets: no provider translates or polishes']
  const rows = budgets.map((budget) => {
    const { slice, used, waiting } = budget
    return [
      budget.id,
      usedWords(used.requestsPerMinute, slice.requestsPerMinute, style),
      usedWords(used.tokensPerMinute, slice.tokensPerMinute, style),
      `partial ${usedWords(used.partials, slice.partialConcurrency, style)}, final ${usedWords(used.finals, slice.finalConcurrency, style)}`,
      `${waiting.partial} partial, ${waiting.final} final`,
      String(budget.skipped),
      String(budget.delayed),
      String(budget.rateLimited),
    ]
  })
  const lines = table([BUDGET_HEADINGS.map((heading) => style.dim(heading)), ...rows])
  return [...lines, ...budgets.flatMap((budget) => remarks(budget, style))]
}

/** What is used of what this pod may use; red from nine tenths on. */
function usedWords(used: number, limit: number | null, style: Style): string {
  if (limit === null) return `${Math.round(used)} of any`
  const words = `${Math.round(used)} of ${Math.round(limit)}`
  return used >= limit * 0.9 && used > 0 ? style.red(words) : words
}

function remarks(
  { id, slice, limits, used, waiting, isStoreLost, sharedAmong }: ProviderBudget,
  style: Style,
): string[] {
  const remarks: string[] = []
  if (used.pausedForMs > 0) remarks.push(`the provider wants to be left alone for ${seconds(used.pausedForMs)}`)
  if (waiting.longestMs >= 2_000) remarks.push(`the longest has waited ${seconds(waiting.longestMs)}`)
  if (isStoreLost)
    remarks.push(`the store of shared budgets does not answer; this pod goes on with ${lostWords(sharedAmong)}`)
  if (slice.requestsPerMinute !== limits.requestsPerMinute || slice.tokensPerMinute !== limits.tokensPerMinute)
    remarks.push('the rest of the budget is with other pods')
  return remarks.map((remark) => style.yellow(`${id}: ${remark}`))
}

const lostWords = (sharedAmong: number | null | undefined): string =>
  sharedAmong ? `an equal share: one of ${sharedAmong}` : 'what it had'

function engineLines(engines: readonly TextEngine[], style: Style): string[] {
  if (engines.length === 0) return ['no engines: no speech worker that is connected translates or polishes']
  const rows = engines.map(({ name, kind, state, problem, answered, failed, lost }) => [
    name,
    kind,
    state === 'ready' ? style.green(state) : style.yellow(problem === undefined ? state : `${state}: ${problem}`),
    String(answered),
    failureWords(failed, lost),
  ])
  return table([ENGINE_HEADINGS.map((heading) => style.dim(heading)), ...rows])
}

function failureWords(failed: Readonly<Record<string, number>>, lost: number): string {
  const parts = Object.entries(failed).map(([code, count]) => `${count} ${code}`)
  if (lost > 0) parts.push(`${lost} with their worker`)
  return parts.length === 0 ? '0' : parts.join(', ')
}

function cacheLines({ cache: { maxBytes, hitRatio, partial, final, shared } }: BudgetsReport): string[] {
  if (maxBytes === 0) return ['cache: off']
  const part = ({ entries, bytes }: CachePart) => `${entries} (${megabytes(bytes)})`
  const hits = `${(hitRatio * 100).toFixed(1)} % of texts found`
  const own = `cache: ${hits}; ${part(final)} finals, ${part(partial)} partials, of ${megabytes(maxBytes)}`
  return shared ? [own, sharedLine(shared)] : [own]
}

function sharedLine({ hits, misses, passed }: NonNullable<BudgetsReport['cache']['shared']>): string {
  const asked = hits + misses
  const found = `${asked === 0 ? '0.0' : ((hits / asked) * 100).toFixed(1)} % of ${asked} finals asked for`
  const slow = passed === 0 ? '' : `; ${passed} not asked for, or not answered in time`
  return `shared with other pods: ${found}${slow}`
}

const megabytes = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
