// From counts and handler times to loop time by stage: handlers were timed, the rest is counts times calibrated costs times a factor
// for this machine. Pure arithmetic; where the numbers come from is stage-monitor.ts.
import { EVENT_COSTS, type EventCosts } from './event-costs.ts'
import type { StageTotals } from './stage-clock.ts'
import { SPAN_COUNT, SPAN_ENTRIES, SPAN_NAMES, STAGES, type Stage } from './stages.ts'

/** What one loop did in one window. */
export interface LoopWindow {
  readonly durationMs: number
  /** Time the loop was not waiting. */
  readonly activeMs: number
  readonly gcMs: number
  readonly turns: number
  /** Times its thread went to sleep; undefined where the system does not tell: then every turn is taken for one. */
  readonly sleeps: number | undefined
  /** Descriptors that epoll reported. */
  readonly polled: number
  /** By span, in this window. */
  readonly spans: StageTotals
}

export interface StageTime {
  /** Timed inside handlers. */
  readonly handlerMs: number
  /** Counts times costs: what the runtime and the kernel did for this stage. */
  readonly systemMs: number
  /** Entries of its spans; frames for udp. */
  readonly events: number
}

export interface Breakdown {
  readonly stages: Readonly<Record<Stage, StageTime>>
  /** Active time outside handlers and collector, and what the costs predict for it (factor 1). */
  readonly residualMs: number
  readonly predictedMs: number
  /** Share of active time that handlers, collector and costs account for; more than 1 when they account for too much. */
  readonly explainedRatio: number
}

/** How many wakes found the caches cold: each counts the more, the longer the sleep before it was. */
export function coldWakes(window: LoopWindow, coolMs: number): number {
  const sleeps = window.sleeps ?? window.turns
  if (sleeps <= 0) return 0
  const sleptMs = Math.max(0, window.durationMs - window.activeMs) / sleeps
  return sleeps * (1 - Math.exp(-sleptMs / coolMs))
}

/** Milliseconds per span that `costs` predict for this window on the reference machine. */
export function predictSystemMs(window: LoopWindow, costs: EventCosts): Float64Array {
  const { entered, items } = window.spans
  const result = new Float64Array(SPAN_COUNT)
  let waking = 0
  let polled = 0
  for (let span = 0; span < SPAN_COUNT; span++) {
    const name = SPAN_NAMES[span] as (typeof SPAN_NAMES)[number]
    const count = entered[span] as number
    result[span] =
      (count * (costs.perEventUs[name] ?? 0) + (items[span] as number) * (costs.perItemUs[name] ?? 0)) / 1000
    if (SPAN_ENTRIES[span]?.isWaking) waking += count
    if (SPAN_ENTRIES[span]?.isPolled) polled += count
  }
  // A wake and a turn are shared by whatever came of them: a hundred messages in one turn pay for one turn.
  const wakesMs = (coldWakes(window, costs.coolMs) * costs.wakeUs + window.turns * costs.turnUs) / 1000
  share(result, wakesMs, waking, entered, 'isWaking')
  share(result, (window.polled * costs.polledUs) / 1000, polled, entered, 'isPolled')
  return result
}

/** Adds `ms` to the spans of that kind by their entries; to the timers when there were none. */
function share(
  result: Float64Array,
  ms: number,
  count: number,
  entered: Float64Array,
  kind: 'isWaking' | 'isPolled',
): void {
  if (count === 0) {
    const timer = SPAN_NAMES.indexOf('timer')
    result[timer] = (result[timer] as number) + ms
    return
  }
  for (let span = 0; span < SPAN_COUNT; span++) {
    if (SPAN_ENTRIES[span]?.[kind]) result[span] = (result[span] as number) + (ms * (entered[span] as number)) / count
  }
}

/**
 * Splits `window.activeMs` completely: the stages' times sum to it. When more is explained than there is, the calculated part gives
 * way, never what was timed; when less, the difference is `other`.
 */
export function breakDown(window: LoopWindow, machineFactor: number, costs: EventCosts = EVENT_COSTS): Breakdown {
  const { activeMs, spans } = window
  const predicted = predictSystemMs(window, costs)
  const handlerMs = sum(spans.selfMs)
  const predictedMs = sum(predicted)
  const gcMs = Math.min(window.gcMs, activeMs)
  const residualMs = Math.max(0, activeMs - handlerMs - gcMs)
  const scale = predictedMs === 0 ? 0 : Math.min(machineFactor, residualMs / predictedMs)
  const table = {} as Record<Stage, { handlerMs: number; systemMs: number; events: number }>
  for (const stage of STAGES) table[stage] = { handlerMs: 0, systemMs: 0, events: 0 }
  for (let span = 0; span < SPAN_COUNT; span++) {
    const row = table[SPAN_ENTRIES[span]?.stage ?? 'other']
    row.handlerMs += spans.selfMs[span] as number
    row.systemMs += (predicted[span] as number) * scale
    row.events += Math.max(spans.entered[span] as number, spans.items[span] as number)
  }
  table.gc.handlerMs = gcMs
  table.other.systemMs = Math.max(0, residualMs - predictedMs * scale)
  const explainedMs = handlerMs + gcMs + predictedMs * machineFactor
  return { stages: table, residualMs, predictedMs, explainedRatio: activeMs === 0 ? 1 : explainedMs / activeMs }
}

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0)

/** Windows (of a second) with less predicted time say nothing about the machine: an idle loop's wakes are cheaper than a busy one's. */
const MIN_PREDICTED_MS = 10
const KEPT_RATIOS = 61
export const MACHINE_FACTOR_BOUNDS = { min: 0.25, max: 4 } as const

/**
 * How much slower (above 1) or faster this machine and runtime are than the reference, as the median of recent windows: work that no
 * span and no cost knows shows as `other` while it lasts less than half of them, and does not pass for a slow machine.
 */
export class MachineFactor {
  readonly #ratios: number[] = []
  #value = 1

  get value(): number {
    return this.#value
  }

  /** Both without a factor, of one window. */
  observe(residualMs: number, predictedMs: number): void {
    if (predictedMs < MIN_PREDICTED_MS) return
    this.#ratios.push(residualMs / predictedMs)
    if (this.#ratios.length > KEPT_RATIOS) this.#ratios.shift()
    const sorted = this.#ratios.toSorted((a, b) => a - b)
    const median = sorted[sorted.length >> 1] as number
    this.#value = Math.min(MACHINE_FACTOR_BOUNDS.max, Math.max(MACHINE_FACTOR_BOUNDS.min, median))
  }
}
