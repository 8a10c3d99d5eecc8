// From measured mixes to costs, and from costs and counts to predicted loop and CPU time. A prediction sees what was counted in a mix
// (events, turns, sleeps), never how long anything took in it. Pure.
import {
  coldWakes,
  type EventCosts,
  type LoopWindow,
  predictSystemMs,
  SPAN,
  SPAN_NAMES,
  type SpanName,
} from '@parley/telemetry'
import { costOf, fitCosts, type Observation } from './fit.ts'

/** One mix, measured: its loop, with what waited for a core left out, and its thread. */
export interface MeasuredLoop {
  readonly window: LoopWindow
  /** Busy time in which the loop computed. */
  readonly busyMs: number
  readonly threadCpuMs: number
  readonly sleeps: number
}

/** How long asleep cools the caches (see coldWakes): whichever explains what was learnt best. */
const COOL_MS_TRIED = [0.5, 1, 2, 4, 8]
const WAKING: readonly SpanName[] = ['wsIn', 'linkIn', 'udpDrain', 'timer', 'http']
/** Spans whose time outside their handler is told apart from that of wakes and descriptors. */
const SYSTEM_SPANS: readonly SpanName[] = ['wsOut', 'linkIn']

interface HandlerCost {
  readonly perEntry: number
  readonly perItem: number
  readonly perColdWake: number
}

export interface Learnt {
  /** For event-costs.ts. */
  readonly costs: EventCosts
  /** Microseconds of handlers, by span. */
  readonly handlers: Readonly<Record<SpanName, HandlerCost>>
  /** Pauses of the collector as a share of busy time. */
  readonly gcRatio: number
  /** CPU per falling asleep that the loop does not see. */
  readonly asleepUs: number
}

export interface Predicted {
  readonly handlerMs: number
  readonly systemMs: number
  readonly gcMs: number
  /** The sum: busy time of the loop. */
  readonly loopMs: number
  readonly threadCpuMs: number
  /** Handlers and system time of each span. */
  readonly bySpan: Readonly<Record<SpanName, number>>
}

export function learn(measured: readonly MeasuredLoop[]): Learnt {
  const tried = COOL_MS_TRIED.map((coolMs) => learnWith(measured, coolMs))
  const [best] = tried.toSorted((a, b) => misfit(a, measured) - misfit(b, measured))
  return best as Learnt
}

const misfit = (learnt: Learnt, measured: readonly MeasuredLoop[]): number =>
  measured.reduce(
    (sum, { window, busyMs, sleeps }) => sum + (predict(learnt, window, sleeps).loopMs / busyMs - 1) ** 2,
    0,
  )

function learnWith(measured: readonly MeasuredLoop[], coolMs: number): Learnt {
  const system = fitCosts(
    measured.map(({ window, busyMs }) => ({
      amounts: systemAmounts(window, coolMs),
      took: systemMsOf(window, busyMs) * 1000,
    })),
    2 + SYSTEM_SPANS.length,
  )
  const [wakeUs = 0, polledUs = 0] = system
  const perEventUs = Object.fromEntries(SYSTEM_SPANS.map((name, at) => [name, round(system[2 + at] ?? 0)]))
  const handlers = Object.fromEntries(SPAN_NAMES.map((name) => [name, learnHandler(measured, name, coolMs)]))
  const total = (of: (each: MeasuredLoop) => number) => measured.reduce((sum, each) => sum + of(each), 0)
  return {
    costs: { wakeUs: round(wakeUs), coolMs, turnUs: 0, polledUs: round(polledUs), perEventUs, perItemUs: {} },
    handlers: handlers as Record<SpanName, HandlerCost>,
    gcRatio: total(({ window }) => window.gcMs) / total(({ window }) => window.activeMs),
    asleepUs: (total((each) => Math.max(0, each.threadCpuMs - each.busyMs)) / total((each) => each.sleeps)) * 1000,
  }
}

/** Busy time outside handlers and collector. */
function systemMsOf({ activeMs, gcMs, spans }: LoopWindow, busyMs: number): number {
  return Math.max(0, activeMs - gcMs - sum(spans.selfMs)) * (busyMs / activeMs)
}

function systemAmounts(window: LoopWindow, coolMs: number): number[] {
  const { entered } = window.spans
  return [coldWakes(window, coolMs), window.polled, ...SYSTEM_SPANS.map((name) => entered[SPAN[name]] as number)]
}

function handlerAmounts(window: LoopWindow, name: SpanName, coolMs: number): number[] {
  const { entered, items } = window.spans
  const waking = WAKING.reduce((total, each) => total + (entered[SPAN[each]] as number), 0)
  const count = entered[SPAN[name]] as number
  return [count, items[SPAN[name]] as number, (coldWakes(window, coolMs) * count) / Math.max(1, waking)]
}

function learnHandler(measured: readonly MeasuredLoop[], name: SpanName, coolMs: number): HandlerCost {
  const observations: Observation[] = measured.flatMap(({ window, busyMs }) => {
    const took = Math.max(0, window.spans.selfMs[SPAN[name]] as number) * (busyMs / window.activeMs) * 1000
    // Where a span is next to nothing, its time is noise, and would weigh as much as where it matters.
    return took < 0.002 * busyMs * 1000 ? [] : [{ amounts: handlerAmounts(window, name, coolMs), took }]
  })
  const [perEntry = 0, perItem = 0, perColdWake = 0] = fitCosts(observations, 3)
  return { perEntry, perItem, perColdWake }
}

/**
 * From what was counted in a mix alone. How long the loop sleeps between wakes depends on how busy it is: busy time is sought that
 * agrees with itself.
 */
export function predict(learnt: Learnt, counted: LoopWindow, sleeps: number): Predicted {
  let predicted = predictAt(learnt, { ...counted, activeMs: 0 }, sleeps)
  for (let round = 0; round < 12; round++) {
    predicted = predictAt(learnt, { ...counted, activeMs: Math.min(counted.durationMs, predicted.loopMs) }, sleeps)
  }
  return predicted
}

function predictAt(learnt: Learnt, window: LoopWindow, sleeps: number): Predicted {
  const system = predictSystemMs(window, learnt.costs)
  const bySpan = {} as Record<SpanName, number>
  let handlerMs = 0
  for (const name of SPAN_NAMES) {
    const { perEntry, perItem, perColdWake } = learnt.handlers[name]
    const ms = costOf([perEntry, perItem, perColdWake], handlerAmounts(window, name, learnt.costs.coolMs)) / 1000
    handlerMs += ms
    bySpan[name] = ms + (system[SPAN[name]] as number)
  }
  const systemMs = sum(system)
  const loopMs = (handlerMs + systemMs) / (1 - learnt.gcRatio)
  const threadCpuMs = loopMs + (sleeps * learnt.asleepUs) / 1000
  return { handlerMs, systemMs, gcMs: loopMs - handlerMs - systemMs, loopMs, threadCpuMs, bySpan }
}

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0)
const round = (value: number): number => Number(value.toFixed(2))
