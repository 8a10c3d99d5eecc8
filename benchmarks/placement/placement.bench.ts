// How many sessions a pod can place through the directory in Redis, and how long one takes: choosing among ten pods and reserving a seat, one script
// call each. One client in this process, a redis-server beside it on the same machine.

import type { FleetDirectory, MemberCredentials } from '@parley/fleet'
import { RedisDirectory } from '@parley/fleet/redis'
import { asking, granted, joined, RedisServer, readyOf } from '@parley/fleet/testing'
import { Scope, systemClock } from '@parley/kernel'
import { hash32, type SeatPolicy } from '@parley/placement'
import type { BenchContext, Benchmark, BenchReport } from '../lib/benchmark.ts'
import { median, quantile, round } from '../lib/stats.ts'
import { type ThroughAPod, throughAPod } from './through-a-pod.ts'

const PODS = 10
const IN_FLIGHT = 32
const OFFERED_PER_SECOND = 500
const BURST = { asked: 500, seats: 300, runs: 50 }
const REFUSALS = 20
const HOLD = { placementsPerSecond: 2_000, refusalP95Ms: 50 }
const LEASE_MS = 600_000

interface Bed {
  readonly directory: FleetDirectory
  readonly by: MemberCredentials
  /** CPU seconds of redis-server so far. */
  redisCpuS(): Promise<number>
}

let fleets = 0

async function withFleet<T>(server: RedisServer, seats: readonly number[], work: (bed: Bed) => Promise<T>): Promise<T> {
  const scope = new Scope(systemClock)
  try {
    const address = { url: server.url }
    const directory = new RedisDirectory({ clock: systemClock, scope, address, fleet: `bench-${++fleets}` })
    await readyOf(directory)
    const pods: MemberCredentials[] = []
    for (const [n, ratedSeats] of seats.entries()) {
      pods.push(await joined(directory, `pod_${n}`, { ratedSeats, leaseMs: LEASE_MS }))
    }
    return await work({ directory, by: pods[0] as MemberCredentials, redisCpuS: () => server.cpuS() })
  } finally {
    await scope.close()
  }
}

const claim = ({ directory, by }: Bed, n: number, policy: SeatPolicy) =>
  directory.claim(asking(by, `ses_${n}`, { policy, salt: hash32(String(n)) }))

/** As fast as it goes with 32 under way. */
async function throughput(bed: Bed, policy: SeatPolicy, forMs: number) {
  const [cpuBefore, redisBefore, startMs] = [process.cpuUsage(), await bed.redisCpuS(), performance.now()]
  let placed = 0
  const lane = async (): Promise<void> => {
    while (performance.now() - startMs < forMs) await granted(claim(bed, placed++, policy))
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
  const wallMs = performance.now() - startMs
  const { user, system } = process.cpuUsage(cpuBefore)
  const redisCpuS = (await bed.redisCpuS()) - redisBefore
  return {
    policy,
    placementsPerSecond: round((placed / wallMs) * 1_000, 0),
    clientCpuUs: round((user + system) / placed, 0),
    redisCpuUs: round((redisCpuS * 1e6) / placed, 0),
  }
}

/** At a steady rate, from the instant at which each was due. */
async function latency(bed: Bed, forMs: number): Promise<{ p50Ms: number; p95Ms: number; p99Ms: number }> {
  const startMs = performance.now()
  const tookMs: number[] = []
  const under: Promise<void>[] = []
  for (let n = 0; (n * 1_000) / OFFERED_PER_SECOND < forMs; n++) {
    const dueMs = startMs + (n * 1_000) / OFFERED_PER_SECOND
    const waitMs = dueMs - performance.now()
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    const one = granted(claim(bed, 10_000_000 + n, 'mostHeadroom')).then(() => {
      tookMs.push(performance.now() - dueMs)
    })
    under.push(one)
  }
  await Promise.all(under)
  const at = (q: number): number => round(quantile(tookMs, q), 1)
  return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) }
}

/** 500 at once against 300 seats of two pods: how many were admitted, how long all of them took, and a refusal when the rush is over. */
async function burst(bed: Bed): Promise<{ admitted: number; allMs: number; refusalP95Ms: number }> {
  const startMs = performance.now()
  const answers = await Promise.all(
    Array.from({ length: BURST.asked }, async (_, n) => {
      return (await claim(bed, n, 'mostHeadroom')).ok
    }),
  )
  const allMs = round(performance.now() - startMs, 0)
  const refusedMs: number[] = []
  for (let n = 0; n < REFUSALS; n++) {
    const askedAtMs = performance.now()
    await claim(bed, BURST.asked + n, 'mostHeadroom')
    refusedMs.push(performance.now() - askedAtMs)
  }
  return { admitted: answers.filter(Boolean).length, allMs, refusalP95Ms: round(quantile(refusedMs, 0.95), 1) }
}

async function run(context: BenchContext): Promise<BenchReport> {
  const server = await RedisServer.start()
  try {
    const forMs = context.quick ? 500 : 4_000
    const seats = Array.from({ length: PODS }, () => 100_000)
    const rates: Awaited<ReturnType<typeof throughput>>[] = []
    for (const policy of ['mostHeadroom', 'twoChoices', 'sticky'] as const) {
      context.progress(`${policy}, ${IN_FLIGHT} under way`)
      rates.push(await withFleet(server, seats, (bed) => throughput(bed, policy, forMs)))
    }
    context.progress(`${OFFERED_PER_SECOND} per second`)
    const steady = await withFleet(server, seats, (bed) => latency(bed, forMs))
    context.progress(`bursts of ${BURST.asked} against ${BURST.seats} seats`)
    const bursts: Awaited<ReturnType<typeof burst>>[] = []
    const runs = context.quick ? 5 : BURST.runs
    for (let n = 0; n < runs; n++) bursts.push(await withFleet(server, [180, 120], burst))
    context.progress(`POST /v1/sessions at one pod, ${IN_FLIGHT} under way`)
    const pod = await throughAPod(server, forMs)
    return report(rates, steady, bursts, pod)
  } finally {
    await server.stop()
  }
}

function report(
  rates: readonly Awaited<ReturnType<typeof throughput>>[],
  steady: Awaited<ReturnType<typeof latency>>,
  bursts: readonly Awaited<ReturnType<typeof burst>>[],
  pod: ThroughAPod,
): BenchReport {
  const exact = bursts.filter(({ admitted }) => admitted === BURST.seats).length
  const refusalP95Ms = median(bursts.map((each) => each.refusalP95Ms))
  const all = [...rates.map(({ placementsPerSecond }) => placementsPerSecond), pod.sessionsPerSecond]
  const slowest = Math.min(...all)
  const held = slowest >= HOLD.placementsPerSecond && exact === bursts.length && refusalP95Ms <= HOLD.refusalP95Ms
  const lines = rates.map(
    ({ policy, placementsPerSecond, clientCpuUs, redisCpuUs }) =>
      `${policy}: ${placementsPerSecond} placements/s among ${PODS} pods | CPU per placement: ${clientCpuUs} us here, ${redisCpuUs} us in Redis`,
  )
  lines.push(
    `through one pod: ${pod.sessionsPerSecond} sessions/s opened by POST /v1/sessions, p50 ${pod.p50Ms} ms, p95 ${pod.p95Ms} ms with ${IN_FLIGHT} under way | ` +
      `CPU per session: ${pod.podCpuUs} us in the pod, ${pod.redisCpuUs} us in Redis`,
    `at ${OFFERED_PER_SECOND}/s: p50 ${steady.p50Ms} ms, p95 ${steady.p95Ms} ms, p99 ${steady.p99Ms} ms from when each was due`,
    `${BURST.asked} at once against ${BURST.seats} seats of two pods: exactly ${BURST.seats} in ${exact} of ${bursts.length} runs; all answered ` +
      `within ${median(bursts.map(({ allMs }) => allMs))} ms, then a refusal takes ${refusalP95Ms} ms (medians; of the p95)`,
    `to hold: >= ${HOLD.placementsPerSecond} placements/s, exactly ${BURST.seats} in each run, refusals p95 <= ${HOLD.refusalP95Ms} ms`,
  )
  return { lines, data: { pods: PODS, inFlight: IN_FLIGHT, rates, steady, bursts, pod }, held }
}

export const benchmark: Benchmark = {
  summary: 'sessions placed through the directory in Redis: rate, latency, bursts against too few seats',
  run,
}
