// What nine sessions notice of a tenth that talks ten times as much, when the provider allows half of what all of them want. The text service is
// the pod's own; provider and clock are simulated, so that ten minutes of waiting cost seconds and the same seed gives the same numbers. What is
// measured in simulated time is scheduling; the processor time of the service is measured beside it.
import { type Clock, seededRandom } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import { silentLogger } from '@parley/telemetry'
import { createTextDesk } from '../../apps/pod/src/text/create-text-desk.ts'
import type { BenchContext, Benchmark, BenchReport } from '../lib/benchmark.ts'
import { quantile, round } from '../lib/stats.ts'
import { SimulatedProvider } from './simulated-provider.ts'
import { newTally, Speaker, type Tally } from './speakers.ts'

const QUIET_SESSIONS = 9
const TALKER_FACTOR = 10
const CALLS_PER_MINUTE = 44
const TOKENS_PER_MINUTE = 15_250
const WARM_UP_MS = 120_000
const DRAIN_MS = 31_000
const SAFETY_RATIO = 0.9
const HOLD = { jain: 0.97, p95Ratio: 1.5 }

interface Outcome {
  readonly quiet: readonly Tally[]
  readonly talker: Tally
  readonly provider: SimulatedProvider
  readonly cpuUsPerText: number
  readonly usedRatio: number
}

/** Half of what the nine and the talker want together, after the safety ratio. Tokens as many as they want: requests are what is short. */
const demandFactor = QUIET_SESSIONS + TALKER_FACTOR
const USABLE_PER_MINUTE = (demandFactor * CALLS_PER_MINUTE) / 2
const FIGURES = {
  requestsPerMinute: Math.ceil(USABLE_PER_MINUTE / SAFETY_RATIO),
  tokensPerMinute: Math.ceil((demandFactor * TOKENS_PER_MINUTE) / SAFETY_RATIO),
  latencyP50Ms: 300,
  latencyP95Ms: 700,
}
/** Enough places that the rate is what is short. */
const PLACES = { partialConcurrency: 10, finalConcurrency: 10 }

async function simulate(seed: number, withTalker: boolean, measureMs: number): Promise<Outcome> {
  const clock = new ManualClock()
  const random = seededRandom(seed)
  const provider = new SimulatedProvider(clock, random, FIGURES)
  const desk = createTextDesk({
    clock,
    logger: silentLogger,
    config: {
      text: { partialWaitMs: 2_000, finalDeadlineMs: 30_000, cacheBytes: 0, cacheMinutes: 1, engines: [] },
      providers: [
        { id: 'simulated', roles: ['translate', 'polish'], safetyRatio: SAFETY_RATIO, ...PLACES, ...FIGURES },
      ],
    },
    workers: provider,
    podId: 'pod_bench',
  })
  const window = [WARM_UP_MS, WARM_UP_MS + measureMs] as const
  const quiet = Array.from({ length: QUIET_SESSIONS }, newTally)
  const talker = newTally()
  const speak = (sessionId: string, name: string, tally: Tally) =>
    new Speaker(clock as Clock, desk, [sessionId, name], tally, window).start(random)
  quiet.forEach((tally, n) => {
    speak(`ses_${n}`, `quiet ${n}`, tally)
  })
  if (withTalker) for (let n = 0; n < TALKER_FACTOR; n++) speak('ses_talker', `talker ${n}`, talker)
  await clock.advanceAsync(WARM_UP_MS, 100)
  const [before, requestsBefore] = [process.cpuUsage(), provider.requests]
  await clock.advanceAsync(measureMs, 100)
  const { user, system } = process.cpuUsage(before)
  const requests = provider.requests - requestsBefore
  await clock.advanceAsync(DRAIN_MS, 100)
  await desk.close()
  const asked = [...quiet, talker].reduce((sum, tally) => sum + tally.asked, 0)
  const usedRatio = requests / ((USABLE_PER_MINUTE * measureMs) / 60_000)
  return { quiet, talker, provider, cpuUsPerText: (user + system) / asked, usedRatio }
}

/** Jain's index of fairness: 1 when all have the same, 1/n when one has everything. */
function jain(shares: readonly number[]): number {
  const sum = shares.reduce((total, share) => total + share, 0)
  const squares = shares.reduce((total, share) => total + share * share, 0)
  return (sum * sum) / (shares.length * squares)
}

const p95 = (tallies: readonly Tally[]): number =>
  quantile(
    tallies.flatMap(({ finalMs }) => finalMs),
    0.95,
  )
const total = (
  tallies: readonly Tally[],
  of: 'finalsLost' | 'finalsAsked' | 'partialsAsked' | 'partialsDone',
): number => tallies.reduce((sum, tally) => sum + tally[of], 0)

function figures({ quiet, talker, provider, cpuUsPerText, usedRatio }: Outcome) {
  return {
    jainOfNine: round(jain(quiet.map(({ done }) => done)), 4),
    finalsAsked: total([...quiet, talker], 'finalsAsked'),
    finalsLost: total([...quiet, talker], 'finalsLost'),
    finalP95Ms: round(p95(quiet), 0),
    talkerFinalP95Ms: talker.finalMs.length === 0 ? null : round(p95([talker]), 0),
    partialsDoneRatio: round(total(quiet, 'partialsDone') / total(quiet, 'partialsAsked'), 3),
    talkerPartialsDoneRatio: talker.partialsAsked === 0 ? null : round(talker.partialsDone / talker.partialsAsked, 3),
    budgetUsedRatio: round(usedRatio, 3),
    providerRefusals: provider.refused,
    worstMinuteRequests: provider.worstMinute,
    cpuUsPerText: round(cpuUsPerText, 0),
  }
}

async function run(context: BenchContext): Promise<BenchReport> {
  const measureMs = context.quick ? 120_000 : 600_000
  const seeds = context.quick ? [1] : [1, 2, 3]
  const runs: {
    readonly seed: number
    readonly alone: ReturnType<typeof figures>
    readonly beside: ReturnType<typeof figures>
  }[] = []
  for (const seed of seeds) {
    context.progress(`seed ${seed}: nine alone, then beside the talker`)
    const alone = figures(await simulate(seed, false, measureMs))
    runs.push({ seed, alone, beside: figures(await simulate(seed, true, measureMs)) })
  }
  const held = runs.every(
    ({ alone, beside }) =>
      beside.jainOfNine >= HOLD.jain &&
      beside.finalsLost + alone.finalsLost === 0 &&
      beside.finalP95Ms <= alone.finalP95Ms * HOLD.p95Ratio &&
      beside.providerRefusals === 0,
  )
  const lines = runs.map(
    ({ seed, alone, beside }) =>
      `seed ${seed}: Jain of the nine ${beside.jainOfNine} | finals lost ${beside.finalsLost} of ${beside.finalsAsked} | their final p95 ` +
      `${beside.finalP95Ms} ms, alone ${alone.finalP95Ms} ms (x${round(beside.finalP95Ms / alone.finalP95Ms, 2)}); the talker's ` +
      `${beside.talkerFinalP95Ms} ms | partials done: nine ${beside.partialsDoneRatio}, alone ${alone.partialsDoneRatio}, talker ` +
      `${beside.talkerPartialsDoneRatio} | budget used ${beside.budgetUsedRatio}, worst minute ${beside.worstMinuteRequests} of ` +
      `${FIGURES.requestsPerMinute}, refused by the provider ${beside.providerRefusals} | ${beside.cpuUsPerText} us CPU per text, simulation included`,
  )
  lines.push(
    `to hold: Jain >= ${HOLD.jain}, no final lost, p95 <= ${HOLD.p95Ratio}x of alone, no refusal by the provider; ${measureMs / 60_000} simulated ` +
      `minutes, ${USABLE_PER_MINUTE} requests/min usable of ${demandFactor * CALLS_PER_MINUTE} wanted, provider p50 ${FIGURES.latencyP50Ms} ms p95 ${FIGURES.latencyP95Ms} ms`,
  )
  return { lines, data: { figures: FIGURES, ...PLACES, runs }, held }
}

export const benchmark: Benchmark = {
  summary: "one session that talks ten times as much as nine others, on half the budget they'd need",
  run,
}
