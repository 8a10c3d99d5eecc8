// Loop time by stage of the running process: samples counters once a second, keeps the sums of the last few seconds and the totals since
// start. Decides nothing; the arithmetic is in stage-model.ts and cpu-agreement.ts.
import { readFileSync } from 'node:fs'
import { eventLoopUtilization, PerformanceObserver, performance } from 'node:perf_hooks'
import type { Scope } from '@parley/kernel'
import { type Agreement, judgeAgreement } from './cpu-agreement.ts'
import { EVENT_COSTS, type EventCosts } from './event-costs.ts'
import type { StageClock, StageTotals } from './stage-clock.ts'
import { breakDown, type LoopWindow, MachineFactor } from './stage-model.ts'
import { SPAN_COUNT, STAGES, type Stage } from './stages.ts'

/** A loop busier than this keeps its promises no longer: lateness climbs steeply beyond. Headroom is counted up to here. */
export const LOOP_CEILING_RATIO = 0.8
const TICK_MS = 1_000
const WINDOW_TICKS = 5
/** Fewer sessions on average (one that was there for less than half of the time) have no cost that means anything. */
const MIN_SESSIONS = 0.5

/** Counters of the loop and its thread, since any fixed instant. */
export interface LoopCounters {
  readonly nowMs: number
  readonly activeMs: number
  readonly turns: number
  readonly polled: number
  /** Times the thread went to sleep; undefined where the system does not tell. */
  readonly sleeps: number | undefined
  /** CPU time of the loop's thread, and of the whole process. */
  readonly threadCpuMs: number
  readonly processCpuMs: number
  /** Time the thread was ready and had no core; undefined where the system does not tell. */
  readonly waitingMs: number | undefined
}

export interface LoopSource {
  read(): LoopCounters
  /** Calls back after each pause of the collector, times as performance.now gives them; returns the function that stops it. */
  onGarbageCollected(listener: (startMs: number, durationMs: number) => void): () => void
}

export interface StageReading {
  /** Share of the loop's whole time, 0 to 1; the stages sum to `loopActiveRatio`. */
  readonly loopRatio: number
  /** The part of it that was timed in handlers; the rest is counts times costs. */
  readonly handlerRatio: number
  readonly usPerSessionSecond: number | undefined
  readonly eventsPerSecond: number
}

export interface StagesReading {
  /** What the figures cover; 0 before the first second is over. */
  readonly windowMs: number
  readonly sessions: number
  readonly stages: Readonly<Record<Stage, StageReading>>
  readonly loopActiveRatio: number
  /** Share of the active time that handlers, collector and costs account for. */
  readonly explainedRatio: number
  readonly machineFactor: number
  readonly turnsPerSecond: number
  /** Loop utilisation without sessions, the least seen; undefined when there always were some. */
  readonly baselineRatio: number | undefined
  /** Loop time per session and second, baseline taken off; undefined without sessions. */
  readonly usPerSessionSecond: number | undefined
  /** CPU of all threads per session and second. */
  readonly cpuUsPerSessionSecond: number | undefined
  readonly ceilingRatio: number
  /** (ceiling - utilisation) / ceiling; negative above the ceiling. */
  readonly headroomRatio: number
  /** Further sessions at the present cost; undefined without sessions. */
  readonly sessionsThatFit: number | undefined
  readonly agreement: Agreement
}

export interface StageMonitor {
  /** Of the last few seconds. */
  read(): StagesReading
  /** Since start. */
  secondsTotal(): Readonly<Record<Stage, number>>
  eventsTotal(): Readonly<Record<Stage, number>>
  readonly turnsTotal: number
  readonly threadCpuSecondsTotal: number
}

export interface StageMonitorOptions {
  readonly stages: StageClock
  /** Sessions whose cost is meant: those that are active now. */
  readonly sessions: () => number
  readonly costs?: EventCosts
  /** For tests; this process unless told. */
  readonly source?: LoopSource
}

/** One second of one loop. */
interface Second extends LoopWindow {
  readonly threadCpuMs: number
  readonly processCpuMs: number
  readonly waitingMs: number | undefined
  readonly sessions: number
}

/** Starts measuring; `scope` owns timer and observer. */
export function startStageMonitor(scope: Scope, options: StageMonitorOptions): StageMonitor {
  const monitor = new Monitor(options)
  const source = options.source ?? processLoopSource()
  scope.own(source.onGarbageCollected((startMs, durationMs) => monitor.onGarbageCollected(startMs, durationMs)))
  monitor.begin(source.read())
  scope.every(TICK_MS, () => monitor.tick(source.read()))
  return monitor
}

class Monitor implements StageMonitor {
  readonly #options: StageMonitorOptions
  readonly #costs: EventCosts
  readonly #factor = new MachineFactor()
  readonly #seconds: Second[] = []
  readonly #totalMs = new Map<Stage, number>()
  readonly #events = new Map<Stage, number>()
  #before: LoopCounters | undefined
  #first: LoopCounters | undefined
  #spansBefore: StageTotals
  #gcMs = 0
  #baselineRatio: number | undefined
  #sessionsBefore = 0

  constructor(options: StageMonitorOptions) {
    this.#options = options
    this.#costs = options.costs ?? EVENT_COSTS
    this.#spansBefore = options.stages.totals()
  }

  get turnsTotal(): number {
    return this.#before?.turns ?? 0
  }
  get threadCpuSecondsTotal(): number {
    return (this.#before?.threadCpuMs ?? 0) / 1000
  }

  begin(counters: LoopCounters): void {
    this.#before = counters
    this.#first = counters
    this.#sessionsBefore = this.#options.sessions()
  }

  onGarbageCollected(startMs: number, durationMs: number): void {
    this.#gcMs += durationMs
    this.#options.stages.onGarbageCollected(startMs, durationMs)
  }

  tick(now: LoopCounters): void {
    const before = this.#before
    if (!before) return
    this.#options.stages.settle()
    const second = this.#secondSince(before, now)
    this.#before = now
    this.#seconds.push(second)
    if (this.#seconds.length > WINDOW_TICKS) this.#seconds.shift()
    const { stages, residualMs, predictedMs } = breakDown(second, this.#factor.value, this.#costs)
    this.#factor.observe(residualMs, predictedMs)
    for (const stage of STAGES) {
      const { handlerMs, systemMs, events } = stages[stage]
      // A pause of the collector may be told a second after the span it lay in: a counter must not fall for that.
      this.#totalMs.set(stage, (this.#totalMs.get(stage) ?? 0) + Math.max(0, handlerMs + systemMs))
      this.#events.set(stage, (this.#events.get(stage) ?? 0) + events)
    }
    // The first second holds the start of the program, which is not what idling costs.
    const ratio = second.activeMs / second.durationMs
    if (second.sessions === 0 && before !== this.#first && ratio < (this.#baselineRatio ?? Number.POSITIVE_INFINITY)) {
      this.#baselineRatio = ratio
    }
  }

  #secondSince(before: LoopCounters, now: LoopCounters): Second {
    const spansNow = this.#options.stages.totals()
    const spans = difference(spansNow, this.#spansBefore)
    this.#spansBefore = spansNow
    const gcMs = this.#gcMs
    this.#gcMs = 0
    const sessionsNow = this.#options.sessions()
    const sessions = (this.#sessionsBefore + sessionsNow) / 2
    this.#sessionsBefore = sessionsNow
    return {
      durationMs: Math.max(1, now.nowMs - before.nowMs),
      activeMs: now.activeMs - before.activeMs,
      turns: now.turns - before.turns,
      polled: now.polled - before.polled,
      threadCpuMs: now.threadCpuMs - before.threadCpuMs,
      processCpuMs: now.processCpuMs - before.processCpuMs,
      sleeps: minus(now.sleeps, before.sleeps),
      waitingMs: minus(now.waitingMs, before.waitingMs),
      gcMs,
      spans,
      sessions,
    }
  }

  read(): StagesReading {
    return readingOf(this.#seconds, this.#factor.value, this.#baselineRatio, this.#costs)
  }

  secondsTotal(): Record<Stage, number> {
    return perStage((stage) => (this.#totalMs.get(stage) ?? 0) / 1000)
  }

  eventsTotal(): Record<Stage, number> {
    return perStage((stage) => this.#events.get(stage) ?? 0)
  }
}

function readingOf(
  seconds: readonly Second[],
  machineFactor: number,
  baselineRatio: number | undefined,
  costs: EventCosts,
): StagesReading {
  const windowMs = total(seconds, (second) => second.durationMs)
  const perMs = windowMs === 0 ? 0 : 1 / windowMs
  const window: LoopWindow = {
    durationMs: windowMs,
    activeMs: total(seconds, (second) => second.activeMs),
    gcMs: total(seconds, (second) => second.gcMs),
    turns: total(seconds, (second) => second.turns),
    sleeps: totalOrNone(seconds, (second) => second.sleeps),
    polled: total(seconds, (second) => second.polled),
    spans: sumOf(seconds.map((second) => second.spans)),
  }
  const sessions = seconds.length === 0 ? 0 : total(seconds, (second) => second.sessions) / seconds.length
  const perSession = (ratio: number) => (sessions < MIN_SESSIONS ? undefined : (ratio * 1e6) / sessions)
  const { stages, explainedRatio } = breakDown(window, machineFactor, costs)
  const loopActiveRatio = Math.min(1, window.activeMs * perMs)
  const usPerSessionSecond = perSession(Math.max(0, loopActiveRatio - (baselineRatio ?? 0)))
  const spare = LOOP_CEILING_RATIO - loopActiveRatio
  const waitingMs = windowMs === 0 ? undefined : totalOrNone(seconds, (second) => second.waitingMs)
  return {
    windowMs,
    sessions,
    stages: perStage((stage) => {
      const { handlerMs, systemMs, events } = stages[stage]
      const loopRatio = Math.max(0, handlerMs + systemMs) * perMs
      return {
        loopRatio,
        handlerRatio: Math.max(0, handlerMs) * perMs,
        usPerSessionSecond: perSession(loopRatio),
        eventsPerSecond: events * perMs * 1000,
      }
    }),
    loopActiveRatio,
    explainedRatio,
    machineFactor,
    turnsPerSecond: window.turns * perMs * 1000,
    baselineRatio,
    usPerSessionSecond,
    cpuUsPerSessionSecond: perSession(total(seconds, (second) => second.processCpuMs) * perMs),
    ceilingRatio: LOOP_CEILING_RATIO,
    headroomRatio: spare / LOOP_CEILING_RATIO,
    sessionsThatFit: usPerSessionSecond ? Math.max(0, Math.floor((spare * 1e6) / usPerSessionSecond)) : undefined,
    agreement: judgeAgreement({
      loopActiveRatio,
      cpuRatio: total(seconds, (second) => second.threadCpuMs) * perMs,
      waitingRatio: waitingMs === undefined ? undefined : waitingMs * perMs,
    }),
  }
}

const minus = (now: number | undefined, before: number | undefined): number | undefined =>
  now === undefined || before === undefined ? undefined : now - before

/** Undefined when one of them is. */
const totalOrNone = (seconds: readonly Second[], of: (second: Second) => number | undefined): number | undefined =>
  seconds.some((second) => of(second) === undefined) ? undefined : total(seconds, (second) => of(second) ?? 0)

const perStage = <T>(value: (stage: Stage) => T): Record<Stage, T> =>
  Object.fromEntries(STAGES.map((stage) => [stage, value(stage)])) as Record<Stage, T>

const total = <T>(values: readonly T[], of: (value: T) => number): number =>
  values.reduce((sum, value) => sum + of(value), 0)

function difference(now: StageTotals, before: StageTotals): StageTotals {
  const less = (a: Float64Array, b: Float64Array) => a.map((value, index) => value - (b[index] as number))
  return {
    selfMs: less(now.selfMs, before.selfMs),
    entered: less(now.entered, before.entered),
    items: less(now.items, before.items),
  }
}

const spanTable = () => new Float64Array(SPAN_COUNT)

function sumOf(all: readonly StageTotals[]): StageTotals {
  const zero: StageTotals = { selfMs: spanTable(), entered: spanTable(), items: spanTable() }
  for (const one of all) {
    for (let span = 0; span < zero.selfMs.length; span++) {
      zero.selfMs[span] = (zero.selfMs[span] as number) + (one.selfMs[span] as number)
      zero.entered[span] = (zero.entered[span] as number) + (one.entered[span] as number)
      zero.items[span] = (zero.items[span] as number) + (one.items[span] as number)
    }
  }
  return zero
}

/** This process, to be called from the thread whose loop is meant: the main one. */
export function processLoopSource(): LoopSource {
  return {
    read() {
      const { loopCount, events } = performance.nodeTiming.uvMetricsInfo
      const thread = process.threadCpuUsage()
      const whole = process.cpuUsage()
      return {
        nowMs: performance.now(),
        activeMs: eventLoopUtilization().active,
        turns: loopCount,
        polled: events,
        threadCpuMs: (thread.user + thread.system) / 1000,
        processCpuMs: (whole.user + whole.system) / 1000,
        sleeps: readNumber('status', /^voluntary_ctxt_switches:\s+(\d+)/m),
        waitingMs: inMs(readNumber('schedstat', /^\d+ (\d+)/)),
      }
    },
    onGarbageCollected(listener) {
      const observer = new PerformanceObserver((list) => {
        for (const { startTime, duration } of list.getEntries()) listener(startTime, duration)
      })
      observer.observe({ type: 'gc' })
      return () => observer.disconnect()
    },
  }
}

const inMs = (ns: number | undefined): number | undefined => (ns === undefined ? undefined : ns / 1e6)

/** What Linux tells of the main thread: its waits for a core (ns), its falling asleep. */
function readNumber(file: 'status' | 'schedstat', pattern: RegExp): number | undefined {
  try {
    const found = pattern.exec(readFileSync(`/proc/${process.pid}/${file}`, 'latin1'))
    return found ? Number(found[1]) : undefined
  } catch {
    return undefined
  }
}
