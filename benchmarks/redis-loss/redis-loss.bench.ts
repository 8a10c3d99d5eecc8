// What sessions notice when the fleet's Redis is gone for a while and comes back empty: nothing. And how soon afterwards every pod is a member again and
// each session has its one owner.
import { systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { callAdmin } from '../../apps/cli/src/platform/admin-client.ts'
import type { FleetReport } from '../../apps/pod/src/admin/fleet-report.ts'
import type { BenchContext, Benchmark, BenchReport } from '../lib/benchmark.ts'
import { type BedPod, FleetBed, sessionsWanted } from '../lib/fleet-bed.ts'
import { round } from '../lib/stats.ts'

const SESSIONS = { full: 200, quick: 40 }
const AWAY_S = { full: 60, quick: 10 }
const HOLD = { healedMs: 10_000 }

const wait = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms))

async function reportOf({ adminUrl }: BedPod): Promise<FleetReport> {
  return (await callAdmin({ adminUrl }, 'GET', '/fleet')).body as unknown as FleetReport
}

/** Undefined when each pod is a member and the directory has every session once, at the pod that holds it. */
async function notHealed(pods: readonly BedPod[]): Promise<string | undefined> {
  const reports = await Promise.all(pods.map(reportOf))
  for (const [n, { directory, members }] of reports.entries()) {
    if (directory?.state !== 'member') return `pod ${n} is ${directory?.state}`
    for (const [m, { podId }] of pods.entries()) {
      const held = await pods[m]?.child.ask<number>('sessions')
      const told = members.find(({ id }) => id === podId)?.sessions
      if (told !== held) return `pod ${n} knows of ${told} sessions at pod ${m}, which has ${held}`
    }
  }
  return undefined
}

/** How long it is gone, s: `PARLEY_BENCH_AWAY_S` for longer than usual. */
function awaySeconds({ quick }: BenchContext): number {
  const told = Number(process.env.PARLEY_BENCH_AWAY_S ?? '')
  return told > 0 ? told : quick ? AWAY_S.quick : AWAY_S.full
}

async function run(context: BenchContext): Promise<BenchReport> {
  const sessions = sessionsWanted(context, SESSIONS.full, SESSIONS.quick)
  const awayS = awaySeconds(context)
  const bed = await FleetBed.start(sessions)
  try {
    const speakers = await bed.speakers(sessions, context)
    await speakers.more(1)
    context.progress(`Redis is killed for ${awayS} s`)
    await bed.redis.kill()
    await wait((awayS * 1_000) / 2)
    // Somebody new comes meanwhile: each pod admits within its own rating.
    const newcomer = await bed.speakers(1, context)
    await wait((awayS * 1_000) / 2)
    await bed.redis.start()
    const fromMs = systemClock.nowMs()
    await eventually(() => notHealed(bed.pods), { withinMs: 60_000, everyMs: 100 })
    const healedMs = systemClock.nowMs() - fromMs
    await speakers.more(1)
    const late = await newcomer.finish()
    const result = await speakers.finish()
    return report({ sessions, awayS, healedMs, newcomerFinals: late.finals, ...result })
  } finally {
    await bed.stop()
  }
}

function report(found: {
  readonly sessions: number
  readonly awayS: number
  readonly healedMs: number
  readonly newcomerFinals: number
  readonly finals: number
  readonly lost: number
  readonly doubled: number
  readonly problems: readonly string[]
}): BenchReport {
  const { sessions, awayS, healedMs, newcomerFinals, finals, lost, doubled, problems } = found
  const isWhole = lost === 0 && doubled === 0 && problems.length === 0 && newcomerFinals > 0
  const lines = [
    `${sessions} sessions on two pods, Redis gone for ${awayS} s and back empty: ${problems.length} dropped; healed after ${round(healedMs / 1_000)} s`,
    `${finals} finals: ${lost} lost, ${doubled} doubled${problems.length === 0 ? '' : `; ${[...new Set(problems)].join('; ')}`}; who came meanwhile heard ${newcomerFinals}`,
    `to hold: none dropped, nothing lost or doubled, healed < ${HOLD.healedMs / 1_000} s`,
  ]
  return { lines, data: found, held: isWhole && healedMs < HOLD.healedMs }
}

export const benchmark: Benchmark = {
  summary:
    'sessions on two pods whose Redis is gone for a minute and comes back empty: none is dropped, no word lost, and when it is healed',
  run,
}
