// Whether loop time by stage is right: costs per event are learnt from some mixes of traffic against a whole pod, then loop and CPU time of
// mixes that were not among them are predicted from their counts alone, and compared. Prints the costs as event-costs.ts has them.
import { fileURLToPath } from 'node:url'
import { POD_NODE_OPTIONS } from '@parley/fleet'
import { randomToken } from '@parley/kernel'
import { breakDown, type LoopWindow, SPAN_NAMES, STAGES } from '@parley/telemetry'
import type { BenchContext, Benchmark, BenchReport } from '../lib/benchmark.ts'
import { BenchChild } from '../lib/child.ts'
import type { LoadTarget } from '../lib/load-generator.ts'
import type { PodCounters } from '../lib/pod-server.ts'
import { round } from '../lib/stats.ts'
import { type Learnt, learn, type MeasuredLoop, predict } from './learn.ts'
import { LEARNT, type Mix, mixName, QUICK_LEARNT, QUICK_UNSEEN, UNSEEN } from './mixes.ts'

const MAX_ERROR_RATIO = 0.15
/** Above this share of waiting for a core a measurement says more about the machine's other work than about the pod. */
const QUIET_WAITING_RATIO = 0.15
/** Until what is called often is compiled; at a few sessions that takes a while. */
const WARM_UP_MS = 5_000
const SECOND_MS = 1_000

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const wait = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms)
  })

interface Measured extends MeasuredLoop {
  readonly mix: Mix
  readonly waitingRatio: number
}

async function measure(mix: Mix, seconds: number): Promise<Second[]> {
  const secret = randomToken(32)
  const worker = new BenchChild(file('../session/null-worker.ts'))
  const pod = new BenchChild(file('../lib/pod-server.ts'), POD_NODE_OPTIONS)
  const generator = new BenchChild(file('../lib/load-generator.ts'))
  try {
    const address = await worker.ask('listen', { secret, captionsPerSecond: mix.captionsPerSecond })
    const { url, apiKey } = await pod.ask<{ url: string; apiKey: string }>('listen', { worker: address, secret })
    const target: LoadTarget = { kind: 'parley', url, apiKey, ...mix }
    await generator.ask('connect', target)
    await generator.ask('start')
    await wait(WARM_UP_MS)
    const readings = [await pod.ask<PodCounters>('counters')]
    for (let second = 0; second < seconds; second++) {
      await wait(SECOND_MS)
      readings.push(await pod.ask<PodCounters>('counters'))
    }
    const last = readings.at(-1) as PodCounters
    if (last.sessions !== mix.sessions) throw new Error(`${mixName(mix)}: ${last.sessions} sessions are active`)
    return readings.slice(1).map((after, at) => differenceOf(readings[at] as PodCounters, after))
  } finally {
    await generator.stop()
    await pod.ask('stop').catch(() => {})
    await pod.stop()
    await worker.stop()
  }
}

/** The half of the seconds in which the pod waited least for a core, as one window. */
function calmest(mix: Mix, seconds: readonly Second[]): Measured {
  const calm = seconds.toSorted((a, b) => a.waitingMs - b.waitingMs).slice(0, Math.ceil(seconds.length / 2))
  const total = (of: (second: Second) => number) => calm.reduce((sum, second) => sum + of(second), 0)
  const tables = (of: (second: Second) => Float64Array) =>
    Float64Array.from(SPAN_NAMES, (_, span) => total((second) => of(second)[span] as number))
  const [durationMs, activeMs] = [total((second) => second.nowMs), total((second) => second.activeMs)]
  const [sleeps, threadCpuMs] = [total((second) => second.sleeps), total((second) => second.threadCpuMs)]
  const window: LoopWindow = {
    durationMs,
    activeMs,
    gcMs: total((second) => second.gcMs),
    turns: total((second) => second.turns),
    polled: total((second) => second.polled),
    sleeps,
    spans: {
      selfMs: tables((second) => second.selfMs),
      entered: tables((second) => second.entered),
      items: tables((second) => second.items),
    },
  }
  const waitingRatio = total((second) => second.waitingMs) / durationMs
  return { mix, window, sleeps, threadCpuMs, waitingRatio, busyMs: Math.min(activeMs, threadCpuMs) }
}

type Second = ReturnType<typeof differenceOf>

function differenceOf(before: PodCounters, after: PodCounters) {
  const less = (a: Float64Array, b: Float64Array) => a.map((value, span) => value - (b[span] as number))
  return {
    nowMs: after.nowMs - before.nowMs,
    activeMs: after.activeMs - before.activeMs,
    gcMs: after.gcMs - before.gcMs,
    turns: after.turns - before.turns,
    polled: after.polled - before.polled,
    sleeps: (after.sleeps ?? after.turns) - (before.sleeps ?? before.turns),
    threadCpuMs: after.threadCpuMs - before.threadCpuMs,
    waitingMs: (after.waitingMs ?? 0) - (before.waitingMs ?? 0),
    selfMs: less(after.selfMs, before.selfMs),
    entered: less(after.entered, before.entered),
    items: less(after.items, before.items),
  }
}

interface Verdict {
  readonly mix: string
  readonly isUnseen: boolean
  readonly loopRatio: number
  readonly predictedLoopRatio: number
  readonly loopError: number
  readonly cpuRatio: number
  readonly predictedCpuRatio: number
  readonly cpuError: number
  /** Of the live model: measured handlers and collector, and the costs with factor 1. */
  readonly explainedRatio: number
  readonly handlerShare: number
  readonly waitingRatio: number
  readonly usPerSessionSecond: number
  readonly stages: Readonly<Record<string, { readonly us: number; readonly predictedUs: number | undefined }>>
}

function judge(measured: Measured, learnt: Learnt, isUnseen: boolean): Verdict {
  const { mix, window, busyMs, threadCpuMs, sleeps, waitingRatio } = measured
  const predicted = predict(learnt, window, sleeps)
  const scale = busyMs / window.activeMs
  const live = breakDown(window, 1 / scale, learnt.costs)
  const { durationMs } = window
  const perSessionSecond = 1e6 / durationMs / mix.sessions
  const predictedUs = predictedByStage(predicted, perSessionSecond)
  return {
    mix: mixName(mix),
    isUnseen,
    loopRatio: round(busyMs / durationMs, 3),
    predictedLoopRatio: round(predicted.loopMs / durationMs, 3),
    loopError: round(predicted.loopMs / busyMs - 1, 3),
    cpuRatio: round(threadCpuMs / durationMs, 3),
    predictedCpuRatio: round(predicted.threadCpuMs / durationMs, 3),
    cpuError: round(predicted.threadCpuMs / threadCpuMs - 1, 3),
    explainedRatio: round(live.explainedRatio, 3),
    handlerShare: round(window.spans.selfMs.reduce((sum, ms) => sum + ms, 0) / window.activeMs, 2),
    waitingRatio: round(waitingRatio, 3),
    usPerSessionSecond: round((busyMs * 1e6) / durationMs / mix.sessions, 0),
    stages: Object.fromEntries(
      STAGES.map((stage) => {
        const { handlerMs, systemMs } = live.stages[stage]
        return [
          stage,
          { us: round((handlerMs + systemMs) * scale * perSessionSecond), predictedUs: predictedUs[stage] },
        ]
      }),
    ),
  }
}

function predictedByStage(
  { bySpan, gcMs }: ReturnType<typeof predict>,
  perSessionSecond: number,
): Record<string, number | undefined> {
  const table: Record<string, number> = { gc: gcMs * perSessionSecond }
  for (const name of SPAN_NAMES) {
    const stage = STAGE_OF[name]
    table[stage] = (table[stage] ?? 0) + bySpan[name] * perSessionSecond
  }
  return Object.fromEntries(Object.entries(table).map(([stage, us]) => [stage, round(us)]))
}

const STAGE_OF = {
  udpDrain: 'udp',
  wsIn: 'ws-in',
  wsOut: 'ws-out',
  json: 'json',
  linkKeep: 'speech-link',
  linkIn: 'speech-link',
  linkOut: 'speech-link',
  fanOut: 'fan-out',
  http: 'http',
  timer: 'timers',
} as const

const signed = (ratio: number) => `${ratio > 0 ? '+' : ''}${round(ratio * 100, 0)} %`

const line = (verdict: Verdict): string =>
  `${verdict.isUnseen ? 'unseen' : 'learnt'} ${verdict.mix.padEnd(36)} loop ${verdict.loopRatio} predicted ${verdict.predictedLoopRatio} (${signed(verdict.loopError)}), ` +
  `CPU ${verdict.cpuRatio} predicted ${verdict.predictedCpuRatio} (${signed(verdict.cpuError)}), explained live ${signed(verdict.explainedRatio - 1)}, ` +
  `${verdict.usPerSessionSecond} us per session-second, handlers ${round(verdict.handlerShare * 100, 0)} %, waited for a core ${round(verdict.waitingRatio * 100, 0)} %`

const stageLine = ({ mix, stages }: Verdict): string =>
  `  ${mix}: ` +
  Object.entries(stages)
    .filter(([, { us, predictedUs = 0 }]) => us >= 0.5 || predictedUs >= 0.5)
    .map(([stage, { us, predictedUs }]) => `${stage} ${us}${predictedUs === undefined ? '' : ` (${predictedUs})`}`)
    .join(', ')

const progressLine = ({ mix, window, threadCpuMs, waitingRatio }: Measured): string =>
  `${mixName(mix).padEnd(36)} loop ${round(window.activeMs / window.durationMs, 3)}, CPU ${round(threadCpuMs / window.durationMs, 3)}, ` +
  `waited for a core ${round(waitingRatio, 2)}`

async function run(context: BenchContext): Promise<BenchReport> {
  const [rounds, seconds] = context.quick ? [1, 4] : [2, 6]
  const [learntMixes, unseenMixes] = context.quick ? [QUICK_LEARNT, QUICK_UNSEEN] : [LEARNT, UNSEEN]
  const mixes = [...learntMixes, ...unseenMixes]
  const bySecond: Second[][] = mixes.map(() => [])
  // Round after round, so that a while of other work on the machine does not fall on one mix alone.
  for (let turn = 0; turn < rounds; turn++) {
    for (const [at, mix] of mixes.entries()) {
      const of = bySecond[at] as Second[]
      of.push(...(await measure(mix, seconds)))
      context.progress(progressLine(calmest(mix, of)))
    }
  }
  const measured = mixes.map((mix, at) => calmest(mix, bySecond[at] as Second[]))
  const learnt = learn(measured.slice(0, learntMixes.length))
  const verdicts = measured.map((each, at) => judge(each, learnt, at >= learntMixes.length))
  const unseen = verdicts.filter(({ isUnseen }) => isUnseen)
  const worst = Math.max(...unseen.flatMap(({ loopError, cpuError }) => [Math.abs(loopError), Math.abs(cpuError)]))
  const isQuiet = verdicts.every(({ waitingRatio }) => waitingRatio <= QUIET_WAITING_RATIO)
  const lines = [
    'a whole pod with its worker link; loop = busy and computing, of one core; (predicted) from counts alone',
    ...verdicts.map(line),
    'stages, us per session-second (predicted):',
    ...unseen.map(stageLine),
    `costs: ${JSON.stringify(learnt.costs)}; falling asleep ${round(learnt.asleepUs)} us of CPU beyond the loop; collector ${round(learnt.gcRatio * 100)} %`,
    `largest error on an unseen mix: ${signed(worst)}; to hold: 15 %`,
    ...(isQuiet ? [] : ['the machine was busy with other work during some mixes: measure again when it is quiet']),
  ]
  return { lines, data: { worstError: worst, isQuiet, ...learnt, verdicts }, held: worst <= MAX_ERROR_RATIO }
}

export const benchmark: Benchmark = {
  summary: 'loop time by stage: learns the cost of events, then predicts loop and CPU time of unseen mixes within 15 %',
  run,
}
