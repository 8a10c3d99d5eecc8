// What clients see when a pod is killed: sessions that speak on two pods, one of them ends by SIGKILL, its clients knock at the other. And what the fleet
// costs Redis while nothing happens.
import { systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import type { BenchContext, Benchmark, BenchReport } from '../lib/benchmark.ts'
import { type BedPod, FleetBed, sessionsWanted } from '../lib/fleet-bed.ts'
import { quantile, round } from '../lib/stats.ts'

const SESSIONS = { full: 200, quick: 40 }
const HOLD = { resumeP95Ms: 5_000, commandsPerSessionMinute: 2 }
const QUIET_MS = { full: 20_000, quick: 8_000 }

async function run(context: BenchContext): Promise<BenchReport> {
  const sessions = sessionsWanted(context, SESSIONS.full, SESSIONS.quick)
  const bed = await FleetBed.start(sessions)
  try {
    const [lost] = bed.pods as [BedPod]
    const speakers = await bed.speakers(sessions, context)
    await speakers.more(2)
    const [commandsBefore, fromMs] = [await bed.redisCommands(), systemClock.nowMs()]
    await new Promise((resolve) => setTimeout(resolve, context.quick ? QUIET_MS.quick : QUIET_MS.full))
    const minutes = (systemClock.nowMs() - fromMs) / 60_000
    const commands = ((await bed.redisCommands()) - commandsBefore) / sessions / minutes
    const hit = speakers.at(lost.podId)
    context.progress(`killing a pod with ${hit.length} sessions`)
    const struckMs = systemClock.nowMs()
    await lost.child.stop()
    await eventually(
      () => {
        const away = hit.filter(({ resumed, problem }) => resumed.length === 0 && problem === undefined).length
        return away === 0 ? undefined : `${away} sessions are still away`
      },
      { withinMs: 60_000, everyMs: 20 },
    )
    const tookMs = hit.flatMap(({ resumed }) => resumed.slice(0, 1).map(({ atMs }) => atMs - struckMs))
    await speakers.more(2)
    const result = await speakers.finish()
    return report(sessions, tookMs, hit.length, commands, result)
  } finally {
    await bed.stop()
  }
}

function report(
  sessions: number,
  tookMs: readonly number[],
  hit: number,
  commands: number,
  { finals, lost, doubled, problems }: { finals: number; lost: number; doubled: number; problems: readonly string[] },
): BenchReport {
  const at = (q: number): number => round(quantile([...tookMs], q), 0)
  const data = {
    sessions,
    sessionsOnTheLostPod: hit,
    resumed: tookMs.length,
    resumeMs: { p50: at(0.5), p95: at(0.95), max: at(1) },
    finals,
    finalsLost: lost,
    finalsDoubled: doubled,
    redisCommandsPerSessionMinute: round(commands, 2),
    problems: [...new Set(problems)],
  }
  const isWhole = lost === 0 && doubled === 0 && problems.length === 0 && tookMs.length === hit
  const held = isWhole && data.resumeMs.p95 < HOLD.resumeP95Ms && commands <= HOLD.commandsPerSessionMinute
  const lines = [
    `${hit} of ${sessions} sessions lost their pod: ${tookMs.length} went on at the other, from the kill p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${at(1)} ms`,
    `${finals} finals: ${lost} lost, ${doubled} doubled${problems.length === 0 ? '' : `; ${data.problems.join('; ')}`}`,
    `Redis before that: ${data.redisCommandsPerSessionMinute} commands per session-minute, reports and journal included`,
    `to hold: all resumed, p95 < ${HOLD.resumeP95Ms} ms, nothing lost or doubled, at 200 sessions <= ${HOLD.commandsPerSessionMinute} commands per session-minute`,
  ]
  return { lines, data, held }
}

export const benchmark: Benchmark = {
  summary:
    'sessions on two pods, one of which is killed: how long their clients are away, and that no word is lost or doubled',
  run,
}
