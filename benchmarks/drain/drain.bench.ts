// What clients see when a pod is drained: sessions that speak on two pods, one of which gives its own away. The gap is from the goodbye of the old pod to the
// welcome of the new one.
import { systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { callAdmin } from '../../apps/cli/src/platform/admin-client.ts'
import type { BenchContext, Benchmark, BenchReport } from '../lib/benchmark.ts'
import { type BedPod, FleetBed, sessionsWanted } from '../lib/fleet-bed.ts'
import { quantile, round } from '../lib/stats.ts'

const SESSIONS = { full: 200, quick: 40 }
const HOLD = { gapP95Ms: 500 }
const WITHIN_MS = 60_000

async function run(context: BenchContext): Promise<BenchReport> {
  const sessions = sessionsWanted(context, SESSIONS.full, SESSIONS.quick)
  const bed = await FleetBed.start(sessions)
  try {
    const [drained] = bed.pods as [BedPod]
    const speakers = await bed.speakers(sessions, context)
    await speakers.more(2)
    const moving = speakers.at(drained.podId)
    context.progress(`draining a pod with ${moving.length} sessions`)
    const fromMs = systemClock.nowMs()
    const path = `/fleet/members/${drained.podId}/drain?withinMs=${WITHIN_MS}`
    await callAdmin({ adminUrl: drained.adminUrl }, 'POST', path)
    await eventually(
      () => {
        const left = moving.filter(({ resumed, problem }) => resumed.length === 0 && problem === undefined).length
        return left === 0 ? undefined : `${left} sessions are still there`
      },
      { withinMs: WITHIN_MS, everyMs: 20 },
    )
    const tookMs = systemClock.nowMs() - fromMs
    const gapsMs = moving.flatMap(({ resumed }) => resumed.slice(0, 1).map(({ awayMs }) => awayMs))
    const isEmpty = (await drained.child.ask<number>('sessions')) === 0
    await speakers.more(2)
    const { finals, lost, doubled, problems } = await speakers.finish()
    const at = (q: number): number => round(quantile(gapsMs, q), 0)
    const data = {
      sessions,
      moved: moving.length,
      drainMs: round(tookMs, 0),
      gapMs: { p50: at(0.5), p95: at(0.95), max: at(1) },
      finals,
      finalsLost: lost,
      finalsDoubled: doubled,
      problems: [...new Set(problems)],
    }
    const isWhole = lost === 0 && doubled === 0 && problems.length === 0 && isEmpty
    return {
      lines: [
        `${moving.length} of ${sessions} sessions moved within ${round(tookMs / 1_000)} s: gap p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${at(1)} ms`,
        `${finals} finals: ${lost} lost, ${doubled} doubled${isEmpty ? '' : '; the pod is not empty'}${problems.length === 0 ? '' : `; ${data.problems.join('; ')}`}`,
        `to hold: gap p95 < ${HOLD.gapP95Ms} ms, nothing lost or doubled, the pod empty`,
      ],
      data,
      held: isWhole && data.gapMs.p95 < HOLD.gapP95Ms,
    }
  } finally {
    await bed.stop()
  }
}

export const benchmark: Benchmark = {
  summary: 'sessions on two pods, one of which is drained: the gap in each, and that no word is lost or doubled',
  run,
}
